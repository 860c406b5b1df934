//! What is final on this validator: the newest executed header and where recent transactions are.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use commonware_cryptography::sha256::Digest;
use tokio::sync::watch;

use super::meter::Meter;
use crate::block::{Block, Header};

/// Transactions remembered by id; older ones are found by height only.
pub(crate) const REMEMBERED: usize = 1 << 17;

/// Where a final transaction is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Place {
    /// Height of its block.
    pub(crate) height: u64,
    /// Whether it is in the meeting section.
    pub(crate) in_meeting: bool,
    /// Position in its section.
    pub(crate) index: u32,
}

/// Shared between the application that finalizes and the service that answers.
#[derive(Debug)]
pub(crate) struct Finality {
    state: Mutex<State>,
    height: watch::Sender<u64>,
    opened: OnceLock<u64>,
    lowest: AtomicU64,
    meter: Meter,
}

#[derive(Debug, Default)]
struct State {
    tip: Option<Header>,
    places: HashMap<Digest, Place>,
    order: VecDeque<Digest>,
}

impl Finality {
    /// Nothing is final yet.
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::default(),
            height: watch::Sender::new(0),
            opened: OnceLock::new(),
            lowest: AtomicU64::new(1),
            meter: Meter::new(),
        }
    }

    /// Records a block whose state has been applied.
    pub(crate) fn applied(&self, block: &Block) {
        self.remember(block);
        let height = block.header.height;
        let mut state = self.lock();
        if state.tip.as_ref().is_none_or(|tip| tip.height <= height) {
            state.tip = Some(block.header.clone());
        }
        drop(state);
        self.height.send_if_modified(|known| {
            let grew = *known < height;
            *known = height.max(*known);
            grew
        });
    }

    /// Records where the transactions of a final block are.
    pub(crate) fn remember(&self, block: &Block) {
        let mut state = self.lock();
        for (id, place) in places(block) {
            if state.places.insert(id, place).is_none() {
                state.order.push_back(id);
            }
        }
        while state.order.len() > REMEMBERED {
            if let Some(oldest) = state.order.pop_front() {
                state.places.remove(&oldest);
            }
        }
    }

    /// Records where the transactions of a final block are that is older than all that are
    /// remembered; `false` when no more of them can be.
    pub(crate) fn remember_older(&self, block: &Block) -> bool {
        let mut state = self.lock();
        for (id, place) in places(block) {
            if state.order.len() >= REMEMBERED {
                return false;
            }
            if state.places.insert(id, place).is_none() {
                state.order.push_front(id);
            }
        }
        true
    }

    /// Notes the lowest block that is kept.
    pub(crate) fn note_lowest(&self, height: u64) {
        self.lowest.store(height, Ordering::Relaxed);
        self.meter.lowest(height);
    }

    /// The lowest block that is kept; 1 while all are.
    pub(crate) fn lowest(&self) -> u64 {
        self.lowest.load(Ordering::Relaxed)
    }

    /// Notes that all that was on disk has been read.
    pub(crate) fn opened(&self) {
        let _known = self.opened.set(*self.height.borrow());
    }

    /// Whether a block was applied that was not on disk before.
    pub(crate) fn has_moved(&self) -> bool {
        self.opened.get().is_some_and(|height| *height < *self.height.borrow())
    }

    /// The newest header whose state has been applied.
    pub(crate) fn tip(&self) -> Option<Header> {
        self.lock().tip.clone()
    }

    /// Where a transaction is, if it is final and remembered.
    pub(crate) fn place(&self, id: &Digest) -> Option<Place> {
        self.lock().places.get(id).copied()
    }

    /// What is counted.
    pub(crate) const fn meter(&self) -> &Meter {
        &self.meter
    }

    /// Changes whenever a higher block has been applied.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.height.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where each transaction of a block is.
fn places(block: &Block) -> impl Iterator<Item = (Digest, Place)> {
    [(false, &block.identity), (true, &block.meeting)].into_iter().flat_map(
        move |(in_meeting, txs)| {
            (0..).zip(txs).map(move |(index, tx)| {
                (tx.id(), Place { height: block.header.height, in_meeting, index })
            })
        },
    )
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use conclave_protocol::{Ed25519Signer, Genesis, Params};

    use super::*;
    use crate::{block::RawTx, validator::network::Network};

    fn block(height: u64, txs: Range<usize>) -> Block {
        let validators = vec![Ed25519Signer::from_seed(&[1; 32]).validator()];
        let genesis = Genesis::new("test", 0, validators, Params::default()).unwrap();
        let mut block = Network::of(&genesis).unwrap().genesis_block().clone();
        block.header.height = height;
        let raw = |number: usize| RawTx::new(number.to_be_bytes().to_vec().into()).unwrap();
        block.identity = txs.map(raw).collect();
        block
    }

    #[test]
    fn older_blocks_are_found_again_and_displace_nothing() {
        let finality = Finality::new();
        let (old, new) = (block(1, 0..2), block(2, 2..4));
        finality.applied(&new);
        assert!(finality.remember_older(&old));
        let place = Place { height: 1, in_meeting: false, index: 1 };
        assert_eq!(finality.place(&old.identity[1].id()), Some(place));
        assert_eq!(finality.tip().unwrap().height, 2);

        finality.applied(&block(3, 4..REMEMBERED + 2));
        assert_eq!(finality.place(&old.identity[0].id()), None);
        assert!(!finality.remember_older(&old));
        assert_eq!(finality.place(&old.identity[0].id()), None);
        assert!(new.identity.iter().all(|tx| finality.place(&tx.id()).is_some()));
    }
}
