//! What a ledger holds, counted while it is executed.

use std::collections::BTreeMap;

use conclave_protocol::{ChainId, Digest, Event, Height, Kind, TxId, ValidatorKey};

use crate::light::HeaderFacts;

/// Counts of everything that happened on a ledger.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Totals {
    /// Blocks after the genesis.
    pub blocks: u64,
    /// Certificates that were verified.
    pub certificates: u64,
    /// Signatures of transactions that were verified.
    pub signatures: u64,
    /// Transactions of each kind.
    pub txs: BTreeMap<Kind, u64>,
    /// Users that registered.
    pub users: u64,
    /// Devices that were ever added.
    pub devices: u64,
    /// Meetings that were published.
    pub meetings: u64,
    /// Changes of the validator set.
    pub set_changes: u64,
    /// Anchors that validators recorded, the wrong ones included.
    pub anchors: u64,
}

/// An anchor whose header is not that of its height: its validator recorded a lie, or another
/// history was anchored.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct WrongAnchor {
    /// Height of the block that records it.
    pub recorded: Height,
    /// The transaction.
    pub tx: TxId,
    /// Who recorded it.
    pub by: ValidatorKey,
    /// The height it is about.
    pub height: Height,
    /// The header of that height.
    pub expected: Digest,
    /// The header that was recorded.
    pub found: Digest,
}

impl Totals {
    /// Transactions of all kinds.
    pub fn transactions(&self) -> u64 {
        self.txs.values().sum()
    }

    pub(super) fn count_tx(&mut self, kind: Kind) {
        *self.txs.entry(kind).or_default() += 1;
    }

    pub(super) const fn count_event(&mut self, event: &Event) {
        match event {
            Event::UserRegistered { .. } => {
                self.users += 1;
                self.devices += 1;
            }
            Event::DeviceAdded { .. } | Event::Recovered { .. } => self.devices += 1,
            Event::MeetingPublished { .. } => self.meetings += 1,
            Event::AnchorRecorded { .. } => self.anchors += 1,
            _ => {}
        }
    }
}

/// A ledger of which everything holds, from its genesis to its last block.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Report {
    /// The network: hash of its genesis.
    pub chain: ChainId,
    /// The last header; `None` if there was no block.
    pub last: Option<HeaderFacts>,
    /// What was counted.
    pub totals: Totals,
    /// Anchors that name another history, at most [`Report::MOST_WRONG`].
    pub wrong_anchors: Vec<WrongAnchor>,
}

impl Report {
    /// Most wrong anchors that are listed.
    pub const MOST_WRONG: usize = 64;
}

/// How far an audit has come.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Progress {
    /// Height of the last block that was executed.
    pub height: Height,
    /// Transactions executed.
    pub txs: u64,
}
