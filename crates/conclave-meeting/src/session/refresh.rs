//! A member's own keys are replaced once a chain was made of them (section 8): whoever seizes the
//! device then opens nothing before the current epoch.
//!
//! The statement goes to the ledger, and the old secrets are erased when it is final. Until then
//! both pairs are here, and this device claims no chair: a claim names the key it leads with.

use conclave_protocol::{RefreshKeys, meeting::MemberStatus};
use rand_core::CryptoRng;

use super::{Purpose, Session, input::MeetingView, output::Event};
use crate::{exchange::MemberKeys, time::Millis, wire::PeerMessage};

/// The statement follows the chain after this time,
const REST: u64 = 2_000;
/// and up to so much more for each member of the roster, so that not all speak in one block.
const SPREAD: u64 = 500;
/// Two statements of one device are at least so far apart.
const PAUSE: u64 = 60_000;
/// A record that was made before the keys of a member changed may come so much later.
const RECENT: u64 = 10_000;

/// How far the replacement is.
#[derive(Debug, Default)]
pub(super) struct Refresh {
    /// When a chain was made of the keys in use, if one was.
    used: Option<Millis>,
    /// When the statement is due.
    due: Option<Millis>,
    /// When the last one was made.
    last: Option<Millis>,
    /// When the keys of some member were last seen to change.
    moved: Option<Millis>,
}

impl Refresh {
    /// The leader began an exchange with the keys in use.
    pub(super) fn used(&mut self, now: Millis) {
        self.used.get_or_insert(now);
    }

    /// Whether some member has had its keys for a moment only.
    pub(super) fn is_recent(&self, now: Millis) -> bool {
        self.moved.is_some_and(|at| now.since(at) < RECENT)
    }

    pub(super) const fn deadline(&self) -> Option<Millis> {
        self.due
    }
}

impl Session {
    /// After every input: replaces the own keys when that is due and nothing else is under way.
    pub(super) fn refresh_keys(&mut self, rng: &mut dyn CryptoRng) {
        let Some(used) = self.refresh.used.filter(|_| self.guest.is_some()) else {
            self.refresh.due = None;
            return;
        };
        let Some(due) = self.refresh.due else {
            let members = u64::try_from(self.index.len()).unwrap_or_default().saturating_add(1);
            let spread = rng.next_u64().checked_rem(members.saturating_mul(SPREAD));
            let first = used.plus(REST).plus(spread.unwrap_or_default());
            let pause = self.refresh.last.map(|at| at.plus(PAUSE)).unwrap_or_default();
            self.refresh.due = Some(first.max(pause));
            return;
        };
        if due > self.now {
            return;
        }
        self.refresh.due = Some(self.now.plus(REST));
        if self.is_calm() {
            self.submit_refresh(rng);
        }
    }

    /// Whether keys may change: the newest key is final, and nobody waits for another one.
    fn is_calm(&self) -> bool {
        let Some(view) = self.view() else { return false };
        let Some(meeting) = &view.meeting else { return false };
        let newest = self.epochs.newest();
        let whole = newest.is_some_and(|live| live.is_final && live.id.record == meeting.last_rec);
        let chained = self.guest.as_ref().is_some_and(|guest| guest.chain.is_some());
        let led = meeting.is_led_at(&self.config.params, view.time) && meeting.rekey_due.is_none();
        whole
            && chained
            && led
            && !self.is_stalled()
            && !self.is_claiming()
            && !self.is_refreshing()
    }

    /// Whether a statement is on its way to the ledger.
    pub(super) fn is_refreshing(&self) -> bool {
        self.submits.values().any(|purpose| *purpose == Purpose::Refresh)
    }

    fn submit_refresh(&mut self, rng: &mut dyn CryptoRng) {
        let (Some(idx), Some(secrets)) = (self.me, &mut self.secrets) else { return };
        if secrets.next.is_none() {
            secrets.next = MemberKeys::generate(rng).ok();
        }
        let Some(next) = &secrets.next else { return };
        let (epk, ek_hash) = (next.epk(), next.ek().hash().0);
        self.refresh.last = Some(self.now);
        self.submit(Purpose::Refresh, RefreshKeys { mid: self.mid, idx, epk, ek_hash });
    }

    /// The statement was refused, or nobody answered. It may stand all the same, so the next one
    /// names the same keys.
    pub(super) fn refresh_failed(&mut self) {
        self.refresh.due = Some(self.now.plus(PAUSE));
    }

    /// A newer state of the ledger: are the own new keys final, and did somebody else's change?
    pub(super) fn follow_keys(&mut self, old: Option<&MeetingView>) {
        let moved = old.zip(self.view()).is_some_and(|(old, new)| {
            new.members.iter().any(|(idx, seat)| {
                old.members.get(idx).is_some_and(|old| {
                    (old.member.epk, old.member.ek_hash) != (seat.member.epk, seat.member.ek_hash)
                })
            })
        });
        if moved {
            self.refresh.moved = Some(self.now);
        }
        let seat = self.me.and_then(|me| self.view()?.members.get(&me)).map(|seat| &seat.member);
        let Some(named) = seat.filter(|seat| seat.status == MemberStatus::Admitted) else { return };
        let named = (named.epk, named.ek_hash);
        let Some(secrets) = &mut self.secrets else { return };
        let is_named =
            secrets.next.as_ref().is_some_and(|next| (next.epk(), next.ek().hash().0) == named);
        if !is_named {
            return;
        }
        // The old ones are erased as they are dropped.
        if let Some(next) = secrets.next.take() {
            secrets.keys = next;
        }
        self.submits.retain(|_, purpose| *purpose != Purpose::Refresh);
        self.refresh.used = None;
        self.refresh.due = None;
        self.event(Event::KeysReplaced);
        if let Some(card) = self.own_card() {
            self.broadcast(&PeerMessage::Card(card));
        }
    }
}
