//! Identity verification keys.

use std::fmt;

use super::{WeakKey, weak};
use crate::{codec::encode, id::Digest};

/// What a key of an identity can be. The number is the tag on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// Ed25519 (RFC 8032) under the rules of ZIP-215.
    #[default]
    Ed25519,
    /// ECDSA with SHA-256 on secp256k1 (SEC 2), nonces as in RFC 6979, low S only.
    Secp256k1,
    /// Ed448 (RFC 8032, section 5.2) with an empty context.
    Ed448,
}

crate::tags!(Algorithm { 0 => Ed25519, 1 => Secp256k1, 2 => Ed448 });

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Ed25519, Self::Secp256k1, Self::Ed448];

    /// The name as the standards write it, in small letters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::Secp256k1 => "secp256k1",
            Self::Ed448 => "ed448",
        }
    }
}

/// Identity verification key of one device (IVK, eq. 1): the algorithm is part of the key, so no
/// key is ever read under another one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ivk {
    /// 32 bytes.
    Ed25519([u8; 32]),
    /// The compressed point, 33 bytes.
    Secp256k1([u8; 33]),
    /// 57 bytes.
    Ed448([u8; 57]),
}

crate::variants!(Ivk {
    0 => Ed25519(key: [u8; 32]),
    1 => Secp256k1(key: [u8; 33]),
    2 => Ed448(key: [u8; 57]),
});

impl Ivk {
    /// The algorithm it is for.
    pub const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Ed25519(_) => Algorithm::Ed25519,
            Self::Secp256k1(_) => Algorithm::Secp256k1,
            Self::Ed448(_) => Algorithm::Ed448,
        }
    }

    /// The key bytes without the algorithm.
    pub const fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Ed25519(bytes) => bytes,
            Self::Secp256k1(bytes) => bytes,
            Self::Ed448(bytes) => bytes,
        }
    }

    /// The first 16 bytes of SHA-256("CONCLAVE-V1/ivk" key), to tell keys apart.
    pub fn fingerprint(&self) -> [u8; 16] {
        let Digest(hash) = Digest::of(&[b"CONCLAVE-V1/ivk", &encode(self)]);
        hash.first_chunk().copied().unwrap_or_default()
    }

    /// Whether this key may be registered.
    ///
    /// # Errors
    /// See [`WeakKey`].
    pub fn check(&self) -> Result<(), WeakKey> {
        match self {
            Self::Ed25519(bytes) => weak::check_ed25519(bytes),
            Self::Secp256k1(bytes) => weak::check_secp256k1(bytes),
            Self::Ed448(bytes) => weak::check_ed448(bytes),
        }
    }
}

impl fmt::Debug for Ivk {
    /// The algorithm and the first 8 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head: String = self.as_bytes().iter().take(4).map(|b| format!("{b:02x}")).collect();
        write!(f, "Ivk({} {head})", self.algorithm().name())
    }
}
