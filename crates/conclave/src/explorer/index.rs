//! The recent past in memory: which blocks there were, and which transactions are about whom.
//!
//! Bounded in blocks, transactions and bytes. What is oldest leaves first, whole blocks at a time,
//! so that everything from [`Index::from`] on is complete and nothing before it is.

use std::collections::{BTreeMap, BTreeSet};

use conclave_ledger::BlockFacts;
use conclave_protocol::{Digest, Ledger, TxId, ValidatorKey, encode};

use super::subject::Subject;

/// Blocks whose summary is remembered.
pub(super) const BLOCKS: usize = 1_024;

/// Transactions that are remembered.
pub(super) const TXS: usize = 20_000;

/// Bytes of them.
pub(super) const BYTES: usize = 8 << 20;

/// Where a transaction is; later is greater.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Place {
    pub(super) height: u64,
    pub(super) ledger: Ledger,
    pub(super) index: u32,
}

/// A block of the recent past.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) height: u64,
    pub(super) time_ms: u64,
    pub(super) digest: Digest,
    pub(super) proposer: ValidatorKey,
    pub(super) identity: u32,
    pub(super) meeting: u32,
    pub(super) size: usize,
    /// Who signed its certificate; empty if only a descendant has one.
    pub(super) signers: Vec<ValidatorKey>,
}

/// A transaction of the recent past.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) id: TxId,
    pub(super) time_ms: u64,
    pub(super) bytes: Box<[u8]>,
    subjects: BTreeSet<Subject>,
}

/// A block as it comes in.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) facts: BlockFacts,
    pub(super) signers: Vec<ValidatorKey>,
    /// For each transaction, whom it is about.
    pub(super) subjects: Vec<BTreeSet<Subject>>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Index {
    blocks: BTreeMap<u64, Seen>,
    txs: BTreeMap<Place, Entry>,
    ids: BTreeMap<TxId, Place>,
    subjects: BTreeMap<Subject, BTreeSet<Place>>,
    bytes: usize,
    /// The lowest height that is complete.
    from: Option<u64>,
    newest: u64,
}

impl Index {
    /// Takes the block after the newest one.
    pub(super) fn push(&mut self, arrival: &Arrival) {
        let height = arrival.facts.header.height.0;
        self.from.get_or_insert(height);
        self.newest = self.newest.max(height);
        self.put(arrival);
        while self.txs.len() > TXS || self.bytes > BYTES {
            let Some(oldest) = self.txs.keys().next().map(|place| place.height) else { break };
            self.forget(oldest);
        }
        while self.blocks.len() > BLOCKS {
            self.blocks.pop_first();
        }
    }

    /// Takes the block before the lowest one; `false` when there is no room for it.
    pub(super) fn push_older(&mut self, arrival: &Arrival) -> bool {
        let size: usize = arrival.facts.txs.iter().map(|tx| tx.size).sum();
        if self.txs.len() + arrival.facts.txs.len() > TXS || self.bytes + size > BYTES {
            return false;
        }
        self.put(arrival);
        self.from = Some(arrival.facts.header.height.0);
        true
    }

    /// Notes who signed a block, once that is known.
    pub(super) fn sign(&mut self, height: u64, signers: Vec<ValidatorKey>) {
        if let Some(seen) = self.blocks.get_mut(&height) {
            seen.signers = signers;
        }
    }

    /// From this height on every transaction is remembered.
    pub(super) const fn from(&self) -> Option<u64> {
        self.from
    }

    /// The newest height; 0 before the first block.
    pub(super) const fn newest(&self) -> u64 {
        self.newest
    }

    /// How many transactions are remembered.
    pub(super) fn count(&self) -> usize {
        self.txs.len()
    }

    /// Transactions of each ledger that are remembered.
    pub(super) fn counts(&self) -> (usize, usize) {
        let identity = self.txs.keys().filter(|place| place.ledger == Ledger::Identity).count();
        (identity, self.txs.len() - identity)
    }

    /// Summaries of blocks below `before`, the newest first.
    pub(super) fn blocks(&self, before: u64) -> impl Iterator<Item = &Seen> {
        self.blocks.range(..before).rev().map(|(_, seen)| seen)
    }

    /// Summaries of blocks above `after`, the oldest first.
    pub(super) fn blocks_after(&self, after: u64) -> impl Iterator<Item = &Seen> {
        self.blocks.range(after.saturating_add(1)..).map(|(_, seen)| seen)
    }

    /// All transactions, the newest first.
    pub(super) fn txs(&self) -> impl Iterator<Item = (Place, &Entry)> {
        self.txs.iter().rev().map(|(place, entry)| (*place, entry))
    }

    /// Transactions about somebody or something, the newest first.
    pub(super) fn about(&self, subject: &Subject) -> impl Iterator<Item = (Place, &Entry)> {
        let places = self.subjects.get(subject).into_iter().flatten().rev();
        places.filter_map(|place| Some((*place, self.txs.get(place)?)))
    }

    /// A transaction by its id.
    pub(super) fn tx(&self, id: &TxId) -> Option<(Place, &Entry)> {
        let place = *self.ids.get(id)?;
        Some((place, self.txs.get(&place)?))
    }

    /// Subjects and transactions whose id begins so; `low` and `high` are the ends of the range.
    pub(super) fn between(&self, low: [u8; 32], high: [u8; 32]) -> (Vec<Subject>, Vec<TxId>) {
        let mut subjects = Vec::new();
        for (low, high) in Subject::ranges(low, high) {
            subjects.extend(self.subjects.range(low..=high).map(|(subject, _)| *subject));
        }
        let ids = self.ids.range(TxId(low)..=TxId(high)).map(|(id, _)| *id).collect();
        (subjects, ids)
    }

    /// The block with this digest, if it is remembered.
    pub(super) fn by_digest(&self, low: [u8; 32], high: [u8; 32]) -> Option<u64> {
        let within = |seen: &&Seen| (low..=high).contains(&seen.digest.0);
        self.blocks.values().rev().find(within).map(|seen| seen.height)
    }

    fn put(&mut self, Arrival { facts, signers, subjects }: &Arrival) {
        let header = &facts.header;
        let (height, time_ms) = (header.height.0, header.time_ms);
        if self.newest.saturating_sub(height) < u64::try_from(BLOCKS).unwrap_or(0) {
            let seen = Seen {
                height,
                time_ms,
                digest: header.digest,
                proposer: facts.proposer,
                identity: header.identity_txs,
                meeting: header.meeting_txs,
                size: facts.size,
                signers: signers.clone(),
            };
            self.blocks.insert(height, seen);
        }
        for (tx, subjects) in facts.txs.iter().zip(subjects) {
            let place = Place { height, ledger: tx.ledger, index: tx.index };
            let bytes = encode(&tx.tx).into_boxed_slice();
            for subject in subjects {
                self.subjects.entry(*subject).or_default().insert(place);
            }
            self.ids.insert(tx.id, place);
            self.bytes += bytes.len();
            let entry = Entry { id: tx.id, time_ms, bytes, subjects: subjects.clone() };
            if let Some(before) = self.txs.insert(place, entry) {
                self.bytes -= before.bytes.len();
            }
        }
    }

    /// Drops the transactions of this block, and says so.
    fn forget(&mut self, height: u64) {
        while let Some(oldest) = self.txs.first_entry()
            && oldest.key().height <= height
        {
            let (place, entry) = oldest.remove_entry();
            self.ids.remove(&entry.id);
            self.bytes -= entry.bytes.len();
            for subject in &entry.subjects {
                if let Some(places) = self.subjects.get_mut(subject) {
                    places.remove(&place);
                    if places.is_empty() {
                        self.subjects.remove(subject);
                    }
                }
            }
        }
        self.from = Some(height.saturating_add(1));
    }
}

#[cfg(test)]
mod tests {
    use conclave_ledger::{TxFacts, light::HeaderFacts};
    use conclave_protocol::{
        ChainId, DeviceId, Epoch, Heartbeat, Height, MeetingId, Seconds, Term, Tx, ValidatorKey,
    };

    use super::*;

    /// A block with that many heartbeats of that meeting.
    fn block(height: u64, meeting: u8, txs: u64) -> Arrival {
        let mid = MeetingId([meeting; 32]);
        let digest = Digest([u8::try_from(height % 251).unwrap(); 32]);
        let header = HeaderFacts {
            height: Height(height),
            time_ms: height * 1_000,
            digest,
            parent: Digest::default(),
            identity_root: Digest::default(),
            meeting_root: Digest::default(),
            identity_txs: 0,
            meeting_txs: u32::try_from(txs).unwrap(),
            valset_hash: Digest::default(),
            proposer: ValidatorKey([1; 32]),
        };
        let txs = (0..txs).map(|nonce| {
            let body = Heartbeat { mid, term: Term(1), epoch: Epoch(1) };
            let signer = DeviceId([meeting; 32]);
            let tx = Tx::new(ChainId([1; 32]), signer, height << 20 | nonce, Seconds(9), body);
            let index = u32::try_from(nonce).unwrap();
            let (id, size) = (tx.id(), encode(&tx).len());
            TxFacts { id, ledger: Ledger::Meeting, index, size, tx }
        });
        let txs: Vec<_> = txs.collect();
        let subjects = txs.iter().map(|_| BTreeSet::from([Subject::Meeting(mid)])).collect();
        let facts = BlockFacts {
            header,
            proposer: ValidatorKey([1; 32]),
            epoch: 0,
            view: height,
            next_valset_hash: Digest::default(),
            size: 500,
            txs,
        };
        Arrival { facts, signers: vec![ValidatorKey([1; 32])], subjects }
    }

    fn heights(index: &Index, meeting: u8) -> Vec<u64> {
        let subject = Subject::Meeting(MeetingId([meeting; 32]));
        index.about(&subject).map(|(place, _)| place.height).collect()
    }

    #[test]
    fn what_is_about_a_meeting_is_found_newest_first_whenever_it_was_indexed() {
        let mut index = Index::default();
        index.push(&block(5, 7, 1));
        index.push(&block(6, 8, 1));
        index.push(&block(7, 7, 2));
        assert!(index.push_older(&block(4, 7, 1)));
        assert_eq!(heights(&index, 7), [7, 7, 5, 4]);
        assert_eq!((index.from(), index.newest(), index.count()), (Some(4), 7, 5));
        let (subjects, _) = index.between([7; 32], [7; 32]);
        assert_eq!(subjects, [Subject::Meeting(MeetingId([7; 32]))]);
    }

    #[test]
    fn it_holds_so_many_and_says_how_far_back_it_goes() {
        let mut index = Index::default();
        for height in 1..=12 {
            index.push(&block(height, 7, 4_000));
        }
        assert!(index.count() <= TXS && index.bytes <= BYTES);
        let from = index.from().unwrap();
        assert_eq!(heights(&index, 7).last(), Some(&from));
        assert_eq!(index.ids.len(), index.count());
        assert!(!index.push_older(&block(from - 1, 7, 4_000)));
        // One more block than there is room for, of others: nothing of the first is left behind.
        for height in 13..=20 {
            index.push(&block(height, 8, 4_000));
        }
        assert_eq!(heights(&index, 7), Vec::<u64>::new());
        assert!(index.between([7; 32], [7; 32]).0.is_empty());
        assert_eq!(index.bytes, index.txs.values().map(|entry| entry.bytes.len()).sum::<usize>());
    }

    #[test]
    fn summaries_of_blocks_are_bounded_too() {
        let mut index = Index::default();
        for height in 1..=1_500 {
            index.push(&block(height, 7, 0));
        }
        assert_eq!(index.blocks(u64::MAX).count(), BLOCKS);
        assert_eq!(index.blocks(u64::MAX).next().unwrap().height, 1_500);
        assert_eq!(
            index.blocks_after(1_498).map(|seen| seen.height).collect::<Vec<_>>(),
            [1_499, 1_500]
        );
        assert_eq!(index.from(), Some(1));
    }
}
