//! What a ledger holds, counted while it is executed.

use std::collections::BTreeMap;

use conclave_protocol::{ChainId, Event, Height, Kind};

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
    /// Anchors whose header is the one of this ledger.
    pub anchors: u64,
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
}

/// How far an audit has come.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Progress {
    /// Height of the last block that was executed.
    pub height: Height,
    /// Transactions executed.
    pub txs: u64,
}
