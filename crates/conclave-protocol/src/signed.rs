//! What every signature covers, and how it is checked: alone or many at once.

use ed25519_zebra::{VerificationKey, VerificationKeyBytes, batch};
use k256::ecdsa::signature::Verifier as _;
use rand_core::CryptoRng;

use crate::{
    id::ChainId,
    key::{Ivk, Npk, Signature, ValidatorKey, weak},
    tx::Kind,
};

/// What a signature is for. No key ever signs bytes without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Context {
    /// A member's word that it does not hear the leader.
    Absent,
    /// A member's receipt of an epoch record.
    Ack,
    /// A leader's admission told peer to peer.
    Admit,
    /// A ledger hash written on another network.
    Anchor,
    /// A member's commitment to its part of the short code.
    CodeCommit,
    /// Possession of a key that another key introduces.
    DevicePop,
    /// An epoch record told peer to peer.
    Epoch,
    /// A leader's appointment of the next one.
    Handover,
    /// A guest's first words to the leader.
    Knock,
    /// Hashes of media packets.
    MediaBatch,
    /// A device's word that it records a meeting.
    Recording,
    /// A request that hides its user.
    SealedRequest,
    /// A validator's word for a new user.
    Sponsor,
    /// The announcement of a media stream.
    Stream,
    /// A transaction of this kind.
    Tx(Kind),
    /// What a validator says about itself before there is a network.
    ValidatorCard,
}

impl Context {
    /// The name inside the signed bytes.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Ack => "ack",
            Self::Admit => "admit",
            Self::Anchor => "anchor",
            Self::CodeCommit => "code-commit",
            Self::DevicePop => "device-pop",
            Self::Epoch => "epoch",
            Self::Handover => "handover",
            Self::Knock => "knock",
            Self::MediaBatch => "media-batch",
            Self::Recording => "recording",
            Self::SealedRequest => "sealed-request",
            Self::Sponsor => "sponsor",
            Self::Stream => "stream",
            Self::Tx(kind) => kind.context(),
            Self::ValidatorCard => "validator-card",
        }
    }
}

/// A public key and the algorithm to read it under: that of an identity, or Ed25519.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublicKey(pub Ivk);

impl From<Ivk> for PublicKey {
    fn from(ivk: Ivk) -> Self {
        Self(ivk)
    }
}

impl From<Npk> for PublicKey {
    fn from(Npk(bytes): Npk) -> Self {
        Self(Ivk::Ed25519(bytes))
    }
}

impl From<ValidatorKey> for PublicKey {
    fn from(ValidatorKey(bytes): ValidatorKey) -> Self {
        Self(Ivk::Ed25519(bytes))
    }
}

/// One signature to check: key, the bytes it covers, the signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Who is said to have signed.
    pub key: PublicKey,
    /// The full signed bytes, as [`message`] makes them.
    pub message: Vec<u8>,
    /// What came with them.
    pub signature: Signature,
}

impl Item {
    /// An item over `body` for `context` on `chain`.
    pub fn new(
        key: impl Into<PublicKey>,
        context: Context,
        chain: &ChainId,
        body: &[u8],
        signature: Signature,
    ) -> Self {
        Self { key: key.into(), message: message(context, chain, body), signature }
    }

    /// Checks this one alone.
    ///
    /// # Errors
    /// The signature does not hold, or is of another algorithm than the key.
    pub fn verify(&self) -> Result<(), BadSignature> {
        match (self.key.0, self.signature) {
            (Ivk::Ed25519(key), Signature::Ed25519(signature)) => {
                let signature = ed25519_zebra::Signature::from_bytes(&signature);
                VerificationKey::try_from(key)
                    .and_then(|key| key.verify(&signature, &self.message))
                    .map_err(|_| BadSignature)
            }
            (Ivk::Secp256k1(key), Signature::Secp256k1(signature)) => {
                // Whoever sees (r, s) can make (r, -s): the verifier takes the low one only.
                let signature = k256::ecdsa::Signature::from_slice(&signature)?;
                k256::ecdsa::VerifyingKey::from_sec1_bytes(&key)?
                    .verify(&self.message, &signature)?;
                Ok(())
            }
            (Ivk::Ed448(key), Signature::Ed448(signature)) => {
                let signature = ed448_goldilocks::Signature::from_bytes(&signature);
                // The verifier takes R in every spelling, RFC 8032 in one.
                weak::check_ed448(signature.r_bytes()).map_err(|_| BadSignature)?;
                ed448_goldilocks::VerifyingKey::from_bytes(&key)?
                    .verify(&self.message, &signature)?;
                Ok(())
            }
            _ => Err(BadSignature),
        }
    }
}

/// A signature that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("signature does not hold")]
pub struct BadSignature;

impl From<k256::ecdsa::Error> for BadSignature {
    fn from(_: k256::ecdsa::Error) -> Self {
        Self
    }
}

/// Checks one signature over `body` for `context` on `chain`, under the rules of ZIP-215.
///
/// # Errors
/// The signature does not hold.
pub fn verify(
    key: impl Into<PublicKey>,
    context: Context,
    chain: &ChainId,
    body: &[u8],
    signature: &Signature,
) -> Result<(), BadSignature> {
    Item::new(key, context, chain, body, *signature).verify()
}

/// Checks many signatures at once, those of Ed25519 in about half the time. Under ZIP-215 this says the same as
/// checking each alone, save with the 2^-128 chance that the random weights give a forger.
///
/// # Errors
/// At least one does not hold; [`Item::verify`] tells which.
pub fn verify_batch<'a>(
    items: impl IntoIterator<Item = &'a Item>,
    rng: &mut impl CryptoRng,
) -> Result<(), BadSignature> {
    let mut batch = batch::Verifier::new();
    for item in items {
        if let (Ivk::Ed25519(key), Signature::Ed25519(signature)) = (item.key.0, item.signature) {
            let signature = ed25519_zebra::Signature::from_bytes(&signature);
            batch.queue((VerificationKeyBytes::from(key), signature, &item.message));
        } else {
            item.verify()?;
        }
    }
    batch.verify(rng).map_err(|_| BadSignature)
}

/// The signed bytes: `"CONCLAVE-V1" 00 len(ctx) ctx chain_id body` (docs/protocol.md, section 1).
pub fn message(context: Context, chain: &ChainId, body: &[u8]) -> Vec<u8> {
    let name = context.as_str();
    let mut bytes = Vec::with_capacity(body.len().saturating_add(96));
    bytes.extend_from_slice(b"CONCLAVE-V1\0");
    // Names are literals of this crate, the longest 17 bytes.
    bytes.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
    bytes.extend_from_slice(name.as_bytes());
    bytes.extend_from_slice(chain.as_bytes());
    bytes.extend_from_slice(body);
    bytes
}
