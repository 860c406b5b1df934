//! Epochs while the ledger stands still (section 9): people go, nobody unknown comes in.
//!
//! The leader's signed record is enough for its members. Each record follows the one before, and
//! they are confirmed one after the other, in the same order, once the ledger goes on. What makes
//! such a record is [`Leader`](super::leader::Leader); here is how a stall is noticed.

use super::{Session, output::Event};
use crate::time::Millis;

/// The ledger stands still when no block came for so long.
const STALL: u64 = 3_000;
/// After so long nobody new is admitted, not even later: the person is told.
const REFUSE: u64 = 10_000;

/// How the ledger goes on.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// When a higher block was last seen.
    moved: Option<Millis>,
    /// Whether the user knows that it stands still.
    told: bool,
}

impl Session {
    /// A higher block is here.
    pub(super) fn ledger_moved(&mut self) {
        self.progress.moved = Some(self.now);
        if std::mem::take(&mut self.progress.told) {
            self.event(Event::LedgerBack);
        }
    }

    /// Whether no block came for 3 s.
    pub(super) fn is_stalled(&self) -> bool {
        self.progress.moved.is_some_and(|at| self.now.since(at) >= STALL)
    }

    /// Whether the ledger stands still for so long that an admission is refused.
    pub(super) fn is_stuck(&self) -> bool {
        self.progress.moved.is_some_and(|at| self.now.since(at) >= REFUSE)
    }

    /// Says once that the ledger stands still, when that is no mere hiccup.
    pub(super) fn watch_ledger(&mut self) {
        if self.is_stuck() && !std::mem::replace(&mut self.progress.told, true) {
            self.event(Event::LedgerStalled);
        }
    }

    /// The next moment that says more about the ledger.
    pub(super) fn stall_deadline(&self) -> Option<Millis> {
        let at = self.progress.moved?;
        [at.plus(STALL), at.plus(REFUSE)].into_iter().find(|at| *at > self.now)
    }
}
