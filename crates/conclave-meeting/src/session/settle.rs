//! What follows from state and time after every input, and when to look again.

use rand_core::CryptoRng;

use super::{LOST_AFTER, Session, guest::Guest};
use crate::time::Millis;

impl Session {
    /// Everything that follows from the state and the time, after every input.
    pub(super) fn settle(&mut self, rng: &mut dyn CryptoRng) {
        if self.ended {
            return;
        }
        self.epochs.expire(self.now);
        self.attend();
        self.watch_ledger();
        self.lead_on(rng);
        self.guest_on();
        self.refresh_keys(rng);
        self.watch_chair();
        self.switch();
        self.watch_rekey();
        self.watch_records();
        self.watch_unknown();
        self.watch_contact();
        if self.ended {
            return;
        }
        self.dial();
        self.ask_for_gaps();
        self.remember_header();
        self.compare(rng);
        self.gossip();
    }

    pub(super) fn deadline(&self) -> Option<Millis> {
        if self.ended {
            return None;
        }
        let lost = self.contact.filter(|_| self.guest.is_some()).map(|at| at.plus(LOST_AFTER));
        [
            self.epochs.deadline(),
            self.leader.as_ref().and_then(|leader| leader.deadline(self.is_stalled())),
            self.presence.deadline(),
            self.silence_deadline(),
            self.stall_deadline(),
            self.chair_deadline(),
            self.refresh.deadline(),
            self.bearers.deadline(),
            self.guest.as_ref().and_then(Guest::deadline),
            self.dial_deadline(),
            self.media.deadline(),
            self.gossip_at,
            self.rounds.deadline(),
            self.overdue_at(),
            self.last_key_until().filter(|_| !self.blocked),
            lost,
        ]
        .into_iter()
        .flatten()
        .min()
        .map(|at| at.max(self.now))
    }
}
