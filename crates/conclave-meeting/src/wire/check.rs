//! What members tell each other so that people can compare what their devices hold (section 14).

use conclave_protocol::{
    ChainId, Context, Digest, Ed25519Signer, Epoch, Height, MeetingId, MemberIdx, Npk, Signature,
    Signer,
    codec::{Blob, fields},
    encode,
    signed::{self, BadSignature},
};

/// Longest header answer a member passes on.
const MAX_PROOF: usize = 65_535;

/// A member's word about its part of the short code of an epoch, before it shows it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CodeCommit {
    /// Epoch.
    pub epoch: Epoch,
    /// Hash of its record.
    pub record: Digest,
    /// [`nonce_commitment`](conclave_protocol::code::nonce_commitment) of the part.
    pub hash: Digest,
    /// The member's transport key over all of it, context `code-commit`.
    pub sig: Signature,
}

fields!(CodeCommit { epoch, record, hash, sig });

impl CodeCommit {
    /// The signed commitment of member `idx`.
    #[must_use]
    pub fn new(
        chain: &ChainId,
        mid: &MeetingId,
        idx: MemberIdx,
        (epoch, record): (Epoch, Digest),
        hash: Digest,
        nsk: &Ed25519Signer,
    ) -> Self {
        let mut commit = Self { epoch, record, hash, sig: Signature::Ed25519([0; 64]) };
        commit.sig = nsk.sign(Context::CodeCommit, chain, &commit.body(mid, idx));
        commit
    }

    /// Checks the signature of member `idx` with transport key `npk`.
    ///
    /// # Errors
    /// The signature does not hold.
    pub fn verify(
        &self,
        chain: &ChainId,
        mid: &MeetingId,
        idx: MemberIdx,
        npk: Npk,
    ) -> Result<(), BadSignature> {
        signed::verify(npk, Context::CodeCommit, chain, &self.body(mid, idx), &self.sig)
    }

    fn body(&self, mid: &MeetingId, idx: MemberIdx) -> Vec<u8> {
        let Self { epoch, record, hash, .. } = self;
        [encode(mid), encode(epoch), encode(record), encode(&idx), encode(hash)].concat()
    }
}

/// A member's part of the short code.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CodeReveal {
    /// Epoch.
    pub epoch: Epoch,
    /// Hash of its record.
    pub record: Digest,
    /// The part: 32 random bytes.
    pub nonce: [u8; 32],
}

fields!(CodeReveal { epoch, record, nonce });

/// What proves the header a member told of a height.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HeaderProof {
    /// Height.
    pub height: Height,
    /// Header answer for a light client; empty if none is kept.
    pub answer: Blob<MAX_PROOF>,
}

fields!(HeaderProof { height, answer });
