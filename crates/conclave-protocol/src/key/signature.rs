//! Signatures, of every algorithm.

use std::fmt;

use super::Algorithm;

/// A signature. The algorithm is part of it, and holds under a key of that algorithm only.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Signature {
    /// R and S, 64 bytes.
    Ed25519([u8; 64]),
    /// r and s, big-endian, 64 bytes; s is at most half the order.
    Secp256k1([u8; 64]),
    /// R and S, 114 bytes.
    Ed448([u8; 114]),
}

crate::variants!(Signature {
    0 => Ed25519(bytes: [u8; 64]),
    1 => Secp256k1(bytes: [u8; 64]),
    2 => Ed448(bytes: [u8; 114]),
});

impl Signature {
    /// The algorithm it was made with.
    pub const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Ed25519(_) => Algorithm::Ed25519,
            Self::Secp256k1(_) => Algorithm::Secp256k1,
            Self::Ed448(_) => Algorithm::Ed448,
        }
    }

    /// The bytes without the algorithm.
    pub const fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Ed25519(bytes) | Self::Secp256k1(bytes) => bytes,
            Self::Ed448(bytes) => bytes,
        }
    }
}

impl fmt::Debug for Signature {
    /// The algorithm and the first 8 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head: String = self.as_bytes().iter().take(4).map(|b| format!("{b:02x}")).collect();
        write!(f, "Signature({} {head})", self.algorithm().name())
    }
}
