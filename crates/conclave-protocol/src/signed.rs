//! What every signature covers, and how it is checked: alone or many at once.

use ed25519_zebra::{VerificationKey, VerificationKeyBytes, batch};
use rand_core::CryptoRng;

use crate::{
    id::ChainId,
    key::{Ivk, Npk, Signature, ValidatorKey},
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
    /// A request that hides its user.
    SealedRequest,
    /// A validator's word for a new user.
    Sponsor,
    /// The announcement of a media stream.
    Stream,
    /// A transaction of this kind.
    Tx(Kind),
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
            Self::SealedRequest => "sealed-request",
            Self::Sponsor => "sponsor",
            Self::Stream => "stream",
            Self::Tx(kind) => kind.context(),
        }
    }
}

/// A public key and the algorithm to read it under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum PublicKey {
    /// Ed25519 under the rules of ZIP-215.
    Ed25519([u8; 32]),
}

impl From<Ivk> for PublicKey {
    fn from(Ivk::Ed25519(bytes): Ivk) -> Self {
        Self::Ed25519(bytes)
    }
}

impl From<Npk> for PublicKey {
    fn from(Npk(bytes): Npk) -> Self {
        Self::Ed25519(bytes)
    }
}

impl From<ValidatorKey> for PublicKey {
    fn from(ValidatorKey(bytes): ValidatorKey) -> Self {
        Self::Ed25519(bytes)
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
    /// The signature does not hold.
    pub fn verify(&self) -> Result<(), BadSignature> {
        let PublicKey::Ed25519(key) = self.key;
        let signature = ed25519_zebra::Signature::from_bytes(&self.signature.0);
        VerificationKey::try_from(key)
            .and_then(|key| key.verify(&signature, &self.message))
            .map_err(|_| BadSignature)
    }
}

/// A signature that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("signature does not hold")]
pub struct BadSignature;

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

/// Checks many signatures at once, in about half the time. Under ZIP-215 this says the same as
/// checking each alone, save with the 2^-128 chance that the random weights give a forger.
///
/// # Errors
/// At least one does not hold; [`Item::verify`] tells which.
pub fn verify_batch<'a>(
    items: impl IntoIterator<Item = &'a Item>,
    rng: &mut impl CryptoRng,
) -> Result<(), BadSignature> {
    let mut batch = batch::Verifier::new();
    for Item { key: PublicKey::Ed25519(key), message, signature } in items {
        let signature = ed25519_zebra::Signature::from_bytes(&signature.0);
        batch.queue((VerificationKeyBytes::from(*key), signature, message));
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
