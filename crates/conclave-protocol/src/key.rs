//! Public keys, signatures, and the one trait behind which secret keys stay.

use std::fmt;

use curve25519_dalek::edwards::CompressedEdwardsY;
use ed25519_zebra::SigningKey;
use zeroize::Zeroize;

use crate::{
    codec::{Buf, BufMut, EncodeSize, Error, Read, ReadExt, Write, encode},
    id::{ChainId, Digest, newtype},
    signed::{self, Context},
};

/// Identity verification key of one device (IVK, eq. 1): the algorithm is part of the key, so no
/// key is ever read under another one.
///
/// Tags 1 (secp256k1) and 2 (Ed448) are reserved and refused as unsupported.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ivk {
    /// Ed25519 under the rules of ZIP-215; 32 bytes.
    Ed25519([u8; 32]),
}

impl Ivk {
    /// The key bytes without the algorithm.
    pub const fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Ed25519(bytes) => bytes,
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
            Self::Ed25519(bytes) => check_edwards(bytes),
        }
    }
}

impl fmt::Debug for Ivk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ed25519(bytes) => write!(f, "Ivk({})", Digest(*bytes)),
        }
    }
}

impl Write for Ivk {
    fn write(&self, buf: &mut impl BufMut) {
        match self {
            Self::Ed25519(bytes) => {
                buf.put_u8(0);
                bytes.write(buf);
            }
        }
    }
}

impl EncodeSize for Ivk {
    fn encode_size(&self) -> usize {
        33
    }
}

impl Read for Ivk {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, Error> {
        match u8::read(buf)? {
            0 => <[u8; 32]>::read(buf).map(Self::Ed25519),
            1 => Err(Error::Invalid("ivk", "unsupported algorithm secp256k1")),
            2 => Err(Error::Invalid("ivk", "unsupported algorithm Ed448")),
            tag => Err(Error::InvalidEnum(tag)),
        }
    }
}

/// Exchange key of one device in one meeting (EPK, eqs. 5 and 8): X25519.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epk(pub [u8; 32]);

impl Epk {
    /// Refuses the points whose shared secret is zero whatever the other side's key.
    ///
    /// # Errors
    /// [`WeakKey::SmallOrder`].
    pub fn check(&self) -> Result<(), WeakKey> {
        let mut point = self.0;
        // X25519 ignores the top bit (RFC 7748, section 5).
        if let Some(last) = point.last_mut() {
            *last &= 0x7f;
        }
        if LOW_ORDER_X25519.contains(&point) { Err(WeakKey::SmallOrder) } else { Ok(()) }
    }
}

/// Transport and media key of one device in one meeting (NPK): Ed25519.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Npk(pub [u8; 32]);

impl Npk {
    /// Whether this key may enter a meeting.
    ///
    /// # Errors
    /// See [`WeakKey`].
    pub fn check(&self) -> Result<(), WeakKey> {
        check_edwards(&self.0)
    }
}

/// Key of a validator, fixed in the genesis: Ed25519.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValidatorKey(pub [u8; 32]);

impl ValidatorKey {
    /// Whether this key may stand in a genesis.
    ///
    /// # Errors
    /// See [`WeakKey`].
    pub fn check(&self) -> Result<(), WeakKey> {
        check_edwards(&self.0)
    }
}

/// An Ed25519 signature, 64 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signature(pub [u8; 64]);

macro_rules! short_debug {
    ($($name:ident)*) => { $(
        /// The first 8 hexadecimal digits.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let [a, b, c, d, ..] = self.0;
                write!(f, "{a:02x}{b:02x}{c:02x}{d:02x}")
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    )* };
}

short_debug!(Epk Npk ValidatorKey Signature);
newtype!(Epk([u8; 32]));
newtype!(Npk([u8; 32]));
newtype!(ValidatorKey([u8; 32]));
newtype!(Signature([u8; 64]));

/// Why a public key is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[non_exhaustive]
pub enum WeakKey {
    /// The bytes are not the one canonical form of a point.
    #[error("key is not in canonical form")]
    NotCanonical,
    /// The bytes are no point of the curve.
    #[error("key is not a point of the curve")]
    NotAPoint,
    /// The point has small order: anyone could sign as it, or know its shared secrets.
    #[error("key has small order")]
    SmallOrder,
}

/// Something that signs for one device. The secret stays behind it.
pub trait Signer {
    /// The public key it signs under.
    fn ivk(&self) -> Ivk;

    /// Signs `body` for `context` on `chain` (docs/protocol.md, section 1).
    fn sign(&self, context: Context, chain: &ChainId, body: &[u8]) -> Signature;
}

/// An Ed25519 key in memory, erased when dropped.
pub struct Ed25519Signer(SigningKey);

impl Ed25519Signer {
    /// The key of a 32-byte seed (RFC 8032, section 5.1.5).
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from(*seed))
    }

    /// The public key bytes: the same key serves as [`Ivk`], [`Npk`] or [`ValidatorKey`].
    pub fn public_bytes(&self) -> [u8; 32] {
        ed25519_zebra::VerificationKey::from(&self.0).into()
    }

    /// The public key as a transport key.
    pub fn npk(&self) -> Npk {
        Npk(self.public_bytes())
    }

    /// The public key as a validator's.
    pub fn validator(&self) -> ValidatorKey {
        ValidatorKey(self.public_bytes())
    }
}

impl Signer for Ed25519Signer {
    fn ivk(&self) -> Ivk {
        Ivk::Ed25519(self.public_bytes())
    }

    fn sign(&self, context: Context, chain: &ChainId, body: &[u8]) -> Signature {
        Signature(self.0.sign(&signed::message(context, chain, body)).to_bytes())
    }
}

impl Drop for Ed25519Signer {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Ed25519Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ed25519Signer")
    }
}

/// ZIP-215 accepts every encoding and every point, the identity among them, under which the
/// signature (identity, 0) holds for any message; so a key is judged once, when it is registered.
fn check_edwards(bytes: &[u8; 32]) -> Result<(), WeakKey> {
    let point = CompressedEdwardsY(*bytes).decompress().ok_or(WeakKey::NotAPoint)?;
    if point.compress().as_bytes() != bytes {
        return Err(WeakKey::NotCanonical);
    }
    if point.is_small_order() { Err(WeakKey::SmallOrder) } else { Ok(()) }
}

/// Every encoding below 2^255 of a point of order 1, 2, 4 or 8 on the curve or its twist.
const LOW_ORDER_X25519: [[u8; 32]; 7] = [
    [0; 32],
    [
        1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0,
    ],
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4,
        0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49,
        0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef,
        0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f,
        0x11, 0x57,
    ],
    field_prime(0xec),
    field_prime(0xed),
    field_prime(0xee),
];

/// A number next to p = 2^255 - 19, little-endian; p itself ends in 0xed.
const fn field_prime(low: u8) -> [u8; 32] {
    let f = 0xff;
    [
        low, f, f, f, f, f, f, f, f, f, f, f, f, f, f, f, f, f, f, f, f, f, f, f, f, f, f, f, f, f,
        f, 0x7f,
    ]
}
