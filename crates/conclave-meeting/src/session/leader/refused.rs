//! A record that the ledger does not take: the same one again, or another one in its place.
//!
//! Members hold the key of a record before it is final, and send under it. Two records of one epoch
//! that the ledger could both take are what a leader signs that gives different keys. So a refusal
//! that is about nobody in it (too many transactions, a lease that ran out) changes nothing: the same
//! record is said again until it is taken. Another one is made only where members see for themselves
//! that the first is void.

use conclave_protocol::{Epoch, EpochRecord};

use super::Leader;
use crate::{
    session::{Purpose, Session, output::Output},
    time::Millis,
};

/// A record is said again after this time for each refusal in a row, and at most after that one.
const AGAIN: u64 = 250;
const AGAIN_AT_MOST: u64 = 4_000;

impl Leader {
    /// Whether the first pending record was refused and is not said again yet.
    pub(super) fn is_refused(&self) -> bool {
        self.pending.front().is_some_and(|first| first.id.is_none())
    }

    /// When it is said again.
    pub(super) fn again_at(&self) -> Option<Millis> {
        self.again_at.filter(|_| self.is_refused() && !self.blind)
    }
}

impl Session {
    /// The ledger does not take the first pending record now; what follows is decided on its next
    /// state. Returns how many were refused in a row; none if this one was void already.
    pub(in crate::session) fn epoch_refused(&mut self, epoch: Epoch) -> u8 {
        let now = self.now;
        let Some(leader) = &mut self.leader else { return 0 };
        let Some(first) = leader.pending.front_mut().filter(|first| first.record.epoch == epoch)
        else {
            return 0;
        };
        first.id = None;
        leader.refused = leader.refused.saturating_add(1);
        let pause = AGAIN.saturating_mul(leader.refused.into()).min(AGAIN_AT_MOST);
        leader.again_at = Some(now.plus(pause));
        leader.blind = true;
        let refused = leader.refused;
        self.push(Output::Refresh);
        refused
    }

    /// After a refusal and a look at the ledger: says the same record again, or gives it up.
    pub(super) fn say_again(&mut self) {
        let Some(leader) = self.leader.as_ref().filter(|leader| !leader.blind) else { return };
        let Some(first) = leader.pending.front().filter(|first| first.id.is_none()) else { return };
        if !self.could_take(&first.record) {
            self.give_up_pending();
            return;
        }
        if leader.again_at.is_some_and(|at| at > self.now) {
            return;
        }
        let record = first.record.clone();
        // While a record is pending nothing else renews the lease, and after it only a record that
        // is owed is taken.
        if self.is_lease_over() {
            self.beat();
        }
        let id = self.submit(Purpose::Epoch(record.epoch), record);
        if let Some(first) = self.leader.as_mut().and_then(|leader| leader.pending.front_mut()) {
            first.id = Some(id);
        }
    }

    /// Whether the ledger, as it is seen now, could take this record next: what members ask as well
    /// before they take another one for its epoch.
    fn could_take(&self, record: &EpochRecord) -> bool {
        let meeting = self.view().and_then(|view| view.meeting.as_ref());
        let follows = meeting
            .is_some_and(|meeting| (meeting.term, meeting.last_rec) == (record.term, record.prev));
        follows && self.is_takeable(record) && !self.is_outdated(record)
    }

    /// Whether the lease has to be renewed before the ledger takes a record.
    fn is_lease_over(&self) -> bool {
        let Some(view) = self.view() else { return false };
        view.meeting.as_ref().is_some_and(|meeting| {
            meeting.rekey_due.is_none() && !meeting.is_led_at(&self.config.params, view.time)
        })
    }

    /// The ledger will never take the first pending record: it and all that follow are void. Another
    /// one is made at once, and their keys go when it is installed.
    fn give_up_pending(&mut self) {
        let Some(leader) = &mut self.leader else { return };
        let void = std::mem::take(&mut leader.pending);
        for pending in void {
            // A chain that began with a void record, or is past it, opens nothing any more.
            let lost = if pending.stepped { &pending.roster } else { &pending.fresh };
            for idx in lost {
                if let Some(member) = leader.members.get_mut(idx) {
                    member.chain = None;
                }
            }
            // Whoever was to come in is still wanted; the state of the ledger decides.
            for idx in &pending.added {
                leader.members.remove(idx);
            }
            leader.admits.extend(pending.added);
            leader.knocks.extend(pending.knocks);
            for (idx, reason) in pending.removals {
                leader.removals.entry(idx).or_insert(reason);
            }
        }
        // Members hold the void one: they need another even if nobody comes or goes any more.
        leader.rekey_now = true;
        // Whoever was to come in stands before the door again, or not any more.
        self.check_guests();
    }
}
