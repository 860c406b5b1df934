//! Evidence against a leader that anyone can check from its bytes alone.

use conclave_protocol::{
    ChainId, Context, DecodeError, Epoch, EpochRecord, Ivk, Signature,
    codec::fields,
    decode, encode,
    signed::{self, BadSignature},
};
use thiserror::Error;

/// A record as its leader signed it for the members, context `epoch`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SignedRecord {
    /// The record.
    pub record: EpochRecord,
    /// The leader's identity key over it.
    pub sig: Signature,
}

fields!(SignedRecord { record, sig });

impl SignedRecord {
    /// Checks the signature of the leader with identity key `leader`.
    ///
    /// # Errors
    /// The signature does not hold.
    pub fn verify(&self, chain: &ChainId, leader: Ivk) -> Result<(), BadSignature> {
        signed::verify(leader, Context::Epoch, chain, &encode(&self.record), &self.sig)
    }
}

/// Two records of one meeting, term and epoch, both signed by one leader (section 14.2).
///
/// Rosters and commitments to a key are inside the records, so this covers both. It proves that the
/// leader signed both; whoever judges it looks whether the ledger had to refuse the first one
/// because somebody in it had gone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Equivocation {
    /// Network.
    pub chain: ChainId,
    /// The leader's identity key.
    pub leader: Ivk,
    /// The record that came first.
    pub first: SignedRecord,
    /// The other one.
    pub second: SignedRecord,
}

fields!(Equivocation { chain, leader, first, second });

impl Equivocation {
    /// The canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads evidence and verifies it.
    ///
    /// # Errors
    /// [`NotEvidence`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NotEvidence> {
        let evidence: Self = decode(bytes)?;
        evidence.verify()?;
        Ok(evidence)
    }

    /// Whether it proves what it claims.
    ///
    /// # Errors
    /// [`NotEvidence`] names what does not hold.
    pub fn verify(&self) -> Result<(), NotEvidence> {
        let (one, two) = (&self.first.record, &self.second.record);
        if (one.mid, one.term, one.epoch) != (two.mid, two.term, two.epoch) {
            return Err(NotEvidence::OtherPlace);
        }
        if one.digest() == two.digest() {
            return Err(NotEvidence::SameRecord);
        }
        for signed in [&self.first, &self.second] {
            signed.verify(&self.chain, self.leader).map_err(|_| NotEvidence::NotSigned)?;
        }
        Ok(())
    }

    /// The epoch it is about.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.first.record.epoch
    }
}

/// Two certified headers of one height, as the light client proved them: more than a third of the
/// validators lied.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fork {
    /// Header answer that proves the first.
    pub first: Vec<u8>,
    /// Header answer that proves the second.
    pub second: Vec<u8>,
}

/// Why bytes are no evidence of equivocation.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum NotEvidence {
    /// Not the canonical bytes.
    #[error("the evidence is malformed: {0}")]
    Malformed(#[from] DecodeError),
    /// A signature is not the leader's.
    #[error("a record is not signed by the leader")]
    NotSigned,
    /// The records are of different meetings, terms or epochs.
    #[error("the records are not of one meeting, term and epoch")]
    OtherPlace,
    /// There is only one record.
    #[error("both records are the same")]
    SameRecord,
}
