//! What is final on this validator: the newest executed header and where recent transactions are.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use commonware_cryptography::sha256::Digest;
use tokio::sync::watch;

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
        Self { state: Mutex::default(), height: watch::Sender::new(0) }
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
        for (in_meeting, txs) in [(false, &block.identity), (true, &block.meeting)] {
            for (index, tx) in (0u32..).zip(txs) {
                let place = Place { height: block.header.height, in_meeting, index };
                if state.places.insert(tx.id(), place).is_none() {
                    state.order.push_back(tx.id());
                }
            }
        }
        while state.order.len() > REMEMBERED {
            if let Some(oldest) = state.order.pop_front() {
                state.places.remove(&oldest);
            }
        }
    }

    /// The newest header whose state has been applied.
    pub(crate) fn tip(&self) -> Option<Header> {
        self.lock().tip.clone()
    }

    /// Where a transaction is, if it is final and remembered.
    pub(crate) fn place(&self, id: &Digest) -> Option<Place> {
        self.lock().places.get(id).copied()
    }

    /// Changes whenever a higher block has been applied.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.height.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
