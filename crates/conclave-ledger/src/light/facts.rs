//! What the light client says: verified facts, or why an answer is refused.

use std::collections::BTreeMap;

use conclave_protocol::{
    Digest, Height, Key, Ledger, NotLoaded, Record, Seconds, ValidatorKey, View,
};

use crate::{
    block::Header,
    light::{protocol_digest, validator_key},
};

/// What a final header says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HeaderFacts {
    /// Distance from genesis.
    pub height: Height,
    /// Chain time in milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// Digest of the header.
    pub digest: Digest,
    /// Digest of the parent's header.
    pub parent: Digest,
    /// State root of the identity ledger after this block.
    pub identity_root: Digest,
    /// State root of the meeting ledger after this block.
    pub meeting_root: Digest,
    /// Transactions in the identity section.
    pub identity_txs: u32,
    /// Transactions in the meeting section.
    pub meeting_txs: u32,
    /// Who proposed this block.
    pub proposer: ValidatorKey,
    /// SHA-256 over the validators that seal this block.
    pub valset_hash: Digest,
}

impl HeaderFacts {
    pub(crate) fn of(header: &Header) -> Self {
        Self {
            height: Height(header.height),
            time_ms: header.time_ms,
            digest: protocol_digest(&header.digest()),
            parent: protocol_digest(&header.parent),
            identity_root: protocol_digest(&header.identity.state_root),
            meeting_root: protocol_digest(&header.meeting.state_root),
            identity_txs: header.identity.count,
            meeting_txs: header.meeting.count,
            proposer: validator_key(&header.round.leader),
            valset_hash: protocol_digest(&header.valset_hash),
        }
    }

    /// Chain time in seconds, as the rules count it.
    pub const fn time(&self) -> Seconds {
        Seconds(self.time_ms / 1000)
    }
}

/// Proven records, all at one final height. Absent keys are proven absent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Snapshot {
    /// Height the state was read at.
    pub height: Height,
    /// Chain time of that block in milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// Digest of its header.
    pub header: Digest,
    /// What each key holds; `None` is proven absence.
    pub records: BTreeMap<Key, Option<Record>>,
}

impl Snapshot {
    /// Chain time in seconds, as the rules count it.
    pub const fn time(&self) -> Seconds {
        Seconds(self.time_ms / 1000)
    }
}

impl View for Snapshot {
    fn get(&self, key: &Key) -> Result<Option<Record>, NotLoaded> {
        self.records.get(key).cloned().ok_or(NotLoaded)
    }
}

/// Where a final transaction is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Included {
    /// Height of its block.
    pub height: Height,
    /// Chain time of that block in milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// Digest of its header.
    pub header: Digest,
    /// The ledger whose section holds it.
    pub ledger: Ledger,
    /// Position in that section.
    pub index: u32,
}

/// How far a client may be behind (protocol.md, section 0: FRESH and STALE).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Freshness {
    /// The newest header is at most FRESH old.
    Fresh,
    /// Between FRESH and STALE; milliseconds of age.
    Amber(u64),
    /// Older than STALE; milliseconds of age, `u64::MAX` when no header is known.
    Stale(u64),
}

/// Two final headers of one height.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ForkEvidence {
    /// Their height.
    pub height: Height,
    /// Header answer that proves the first final.
    pub first: Vec<u8>,
    /// Header answer that proves the second final.
    pub second: Vec<u8>,
}

/// Why an answer is not believed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A change of the validator set is not what the old set signed.
    #[error("a handover between validator sets does not hold")]
    BadHandover,
    /// No quorum of validators signed the certified header.
    #[error("the certificate is not one of this network's validators")]
    BadCertificate,
    /// A proof does not lead to the state root.
    #[error("a state proof does not lead to the root of its header")]
    BadProof,
    /// A linking header is not the child of the one before.
    #[error("the linking headers are not a chain")]
    BrokenLink,
    /// The validators signed two blocks of one height.
    #[error("the validators signed two different blocks of one height")]
    Fork,
    /// The header is further ahead of this device's clock than STALE.
    #[error("the header is from the future; check this device's clock")]
    FromTheFuture,
    /// The bytes are not an answer.
    #[error("the answer is malformed")]
    Malformed,
    /// The Merkle path does not lead to the header.
    #[error("the transaction is not in that block")]
    NotIncluded,
    /// The state is too old to act on.
    #[error("the state is {age_ms} ms old")]
    Stale {
        /// Milliseconds behind the clock or the newest header.
        age_ms: u64,
    },
    /// The header names another validator set.
    #[error("the header names validators this client does not know")]
    UnknownValidators,
    /// The answer is about other keys than were asked for.
    #[error("the answer is not about the keys asked for")]
    WrongKeys,
}
