//! The one trait behind which secret keys stay, and its three algorithms.

use std::{fmt, sync::Arc};

use ed25519_zebra::SigningKey;
use k256::ecdsa::signature::Signer as _;
use sha2::{Digest as _, Sha256, Sha512};
use zeroize::{Zeroize, Zeroizing};

use super::{Algorithm, Ivk, Npk, Signature, ValidatorKey};
use crate::{
    id::ChainId,
    signed::{self, Context},
};

/// Something that signs for one device. The secret stays behind it.
pub trait Signer: Send + Sync {
    /// The public key it signs under.
    fn ivk(&self) -> Ivk;

    /// Signs `body` for `context` on `chain` (docs/protocol.md, section 1).
    fn sign(&self, context: Context, chain: &ChainId, body: &[u8]) -> Signature;
}

impl<T: Signer + ?Sized> Signer for Arc<T> {
    fn ivk(&self) -> Ivk {
        T::ivk(self)
    }

    fn sign(&self, context: Context, chain: &ChainId, body: &[u8]) -> Signature {
        T::sign(self, context, chain, body)
    }
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
        Signature::Ed25519(self.0.sign(&signed::message(context, chain, body)).to_bytes())
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

/// A secp256k1 key in memory, erased when dropped.
pub struct Secp256k1Signer(k256::ecdsa::SigningKey);

impl Secp256k1Signer {
    /// The key whose scalar is the seed; where that is 0 or not below the order, which nobody will
    /// see, the hash of the seed takes its place.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let mut scalar = Zeroizing::new(*seed);
        loop {
            match k256::ecdsa::SigningKey::from_slice(&*scalar) {
                Ok(key) => return Self(key),
                Err(_) => scalar = Zeroizing::new(Sha256::digest(scalar.as_slice()).into()),
            }
        }
    }
}

impl Signer for Secp256k1Signer {
    fn ivk(&self) -> Ivk {
        // A key that signs is never the neutral point, so its compressed form has 33 bytes.
        let point = self.0.verifying_key().to_sec1_point(true);
        Ivk::Secp256k1(point.as_bytes().try_into().unwrap_or([0; 33]))
    }

    fn sign(&self, context: Context, chain: &ChainId, body: &[u8]) -> Signature {
        let signature: k256::ecdsa::Signature = self.0.sign(&signed::message(context, chain, body));
        Signature::Secp256k1(signature.normalize_s().to_bytes().into())
    }
}

impl fmt::Debug for Secp256k1Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secp256k1Signer")
    }
}

/// An Ed448 key in memory, erased when dropped.
pub struct Ed448Signer(ed448_goldilocks::SigningKey);

impl Ed448Signer {
    /// The key of the first 57 bytes of SHA-512("CONCLAVE-V1/ed448" seed).
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let stream = Sha512::new().chain_update(b"CONCLAVE-V1/ed448").chain_update(seed).finalize();
        let stream = Zeroizing::new(<[u8; 64]>::from(stream));
        let mut secret = Zeroizing::new([0; 57]);
        secret.iter_mut().zip(stream.iter()).for_each(|(to, from)| *to = *from);
        Self(ed448_goldilocks::SigningKey::from(ed448_goldilocks::SecretKey::from(*secret)))
    }
}

impl Signer for Ed448Signer {
    fn ivk(&self) -> Ivk {
        Ivk::Ed448(self.0.verifying_key().to_bytes())
    }

    fn sign(&self, context: Context, chain: &ChainId, body: &[u8]) -> Signature {
        Signature::Ed448(self.0.sign_raw(&signed::message(context, chain, body)).to_bytes())
    }
}

impl fmt::Debug for Ed448Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ed448Signer")
    }
}

/// The key that an algorithm makes of a 32-byte seed.
pub fn signer(algorithm: Algorithm, seed: &[u8; 32]) -> Arc<dyn Signer> {
    match algorithm {
        Algorithm::Ed25519 => Arc::new(Ed25519Signer::from_seed(seed)),
        Algorithm::Secp256k1 => Arc::new(Secp256k1Signer::from_seed(seed)),
        Algorithm::Ed448 => Arc::new(Ed448Signer::from_seed(seed)),
    }
}
