//! Who knows what: the ledger, the leader's end of every chain, what is under way, the members.

use std::collections::{BTreeMap, BTreeSet};

/// A device of the meeting.
pub(crate) type Device = u8;
/// A number that stands for 32 random bytes: a key, or the coins of a fresh exchange.
pub(crate) type Fresh = u8;

/// Founds the meeting.
pub(crate) const FOUNDER: Device = 0;
/// Stays in as long as it lives.
pub(crate) const FRIEND: Device = 1;
/// Comes in after the first epoch, or not at all.
pub(crate) const LATE: Device = 2;
/// In from the first epoch, may be thrown out, and erases nothing.
pub(crate) const KEEPER: Device = 3;

/// An epoch record; the committed key is its name too.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Record {
    pub(crate) epoch: u8,
    pub(crate) term: u8,
    pub(crate) roster: BTreeSet<Device>,
    pub(crate) key: Fresh,
}

/// One state of a pairwise chain: the exchange it comes from and the records it was stepped past.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Chain {
    pub(crate) coins: Fresh,
    pub(crate) past: Vec<Fresh>,
}

impl Chain {
    /// Whether who knows this state can make `other` of it.
    pub(crate) fn reaches(&self, other: &Self) -> bool {
        self.coins == other.coins && other.past.starts_with(&self.past)
    }
}

/// A wrap under way. What was sent once may arrive never, often and late.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Bundle {
    pub(crate) to: Device,
    pub(crate) record: Record,
    /// Whether it carries a fresh exchange, which only its addressee can make the chain of.
    pub(crate) is_fresh: bool,
    /// The state of the chain that opens it.
    pub(crate) chain: Chain,
    /// The key inside; another one than the record's if the leader lies.
    pub(crate) key: Fresh,
}

/// What one device knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Member {
    pub(crate) chain: Option<Chain>,
    /// The record the chain began with, until the ledger has decided on it.
    pub(crate) began_with: Option<Fresh>,
    /// Keys by the name of their record.
    pub(crate) keys: BTreeMap<Fresh, Fresh>,
    pub(crate) newest: Option<Record>,
    /// How many records of the ledger it knows.
    pub(crate) seen: usize,
    /// The last epoch that it held and knew to be final.
    pub(crate) settled: u8,
    pub(crate) alarmed: bool,
}

/// Everything.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Meeting {
    /// Final records in order.
    pub(crate) ledger: Vec<Record>,
    pub(crate) term: u8,
    pub(crate) leader: Device,
    pub(crate) dead: BTreeSet<Device>,
    /// The leader's record that is not final, and for whom it began a chain.
    pub(crate) pending: Option<(Record, BTreeSet<Device>)>,
    /// The leader's end of the chains.
    pub(crate) chains: BTreeMap<Device, Chain>,
    pub(crate) net: BTreeSet<Bundle>,
    pub(crate) members: BTreeMap<Device, Member>,
    pub(crate) next: Fresh,
    /// How often the leader lied, the ledger refused, a member asked.
    pub(crate) lies: u8,
    pub(crate) refusals: u8,
    pub(crate) requests: u8,
}

impl Meeting {
    /// Before the first epoch.
    pub(crate) fn new() -> Self {
        let members = [FOUNDER, FRIEND, LATE, KEEPER].map(|device| (device, Member::default()));
        Self {
            ledger: Vec::new(),
            term: 1,
            leader: FOUNDER,
            dead: BTreeSet::new(),
            pending: None,
            chains: BTreeMap::new(),
            net: BTreeSet::new(),
            members: members.into(),
            next: 0,
            lies: 0,
            refusals: 0,
            requests: 0,
        }
    }

    /// The roster of the last final record; the first one is to hold all but who comes late.
    pub(crate) fn roster(&self) -> BTreeSet<Device> {
        let first = [FOUNDER, FRIEND, KEEPER].into();
        self.ledger.last().map_or(first, |record| record.roster.clone())
    }

    pub(crate) fn member(&mut self, device: Device) -> &mut Member {
        self.members.get_mut(&device).unwrap()
    }

    pub(crate) fn fresh(&mut self) -> Fresh {
        self.next += 1;
        self.next
    }

    pub(crate) fn leads(&self) -> bool {
        !self.dead.contains(&self.leader)
    }
}
