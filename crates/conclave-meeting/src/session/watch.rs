//! What time alone brings about: a key that is overdue, a meeting out of reach, the next gossip.

use super::{
    GOSSIP_EVERY, LOST_AFTER, Session,
    judge::is_out,
    output::{Ending, Event, KeyProblem},
};
use crate::{
    time::Millis,
    wire::{Gossip, PeerMessage},
};

/// Seconds after which a device stops to send under a key that somebody has who is out.
const OVERDUE: u64 = 5;

impl Session {
    /// The moment from which this device must not send: by the chain's clock since a key is owed, by
    /// its own since it sees that the one it has is not the one to send under.
    pub(super) fn overdue_at(&self) -> Option<Millis> {
        let behind = self.behind.map(|since| since.plus(OVERDUE.saturating_mul(1_000)));
        let at = [self.owed_until(), behind].into_iter().flatten().min();
        at.filter(|_| !self.blocked)
    }

    fn owed_until(&self) -> Option<Millis> {
        let (told, view) = self.view.as_ref()?;
        let meeting = view.meeting.as_ref()?;
        let due = meeting.rekey_due?;
        let newest = self.epochs.newest()?;
        let left = due.plus(OVERDUE).since(view.time).saturating_mul(1_000);
        (newest.id.epoch <= meeting.epoch).then(|| told.plus(left))
    }

    /// After a newer state of the ledger or another key: notes since when the newest key here is not
    /// the one to send under, because the ledger has a newer one or somebody who has it is out.
    /// Nobody may owe a key, as where one was made and did not come, or where a device was revoked.
    pub(super) fn look_behind(&mut self) {
        let view = self.view().zip(self.epochs.newest());
        let behind = view.is_some_and(|(view, newest)| {
            let final_one = view.meeting.as_ref().map(|meeting| meeting.epoch);
            final_one.is_some_and(|epoch| epoch > newest.id.epoch)
                || newest.roster.keys().any(|idx| is_out(view, *idx))
        });
        self.behind = behind.then(|| self.behind.unwrap_or(self.now));
    }

    /// Stops to send when a new key is overdue or its leader is proven to give more than one, and
    /// goes on when a sound one is there or somebody else leads.
    pub(super) fn watch_rekey(&mut self) {
        let Some(me) = self.me else { return };
        let owed = self.owed_until().is_some() || self.behind.is_some();
        let last = self.last_key_until();
        let due = |at: Option<Millis>| at.is_some_and(|at| at <= self.now);
        let betrayed = self.is_betrayed();
        let problem = match () {
            () if betrayed => Some(KeyProblem::LeaderEquivocated),
            () if due(last) => Some(KeyProblem::LeaderWithoutKey),
            () if due(self.overdue_at()) => Some(KeyProblem::RekeyOverdue),
            () => None,
        };
        if self.blocked && !owed && !due(last) && !betrayed {
            self.blocked = false;
            self.event(Event::KeyOk { idx: me });
        } else if let Some(problem) = problem.filter(|_| !self.blocked) {
            self.blocked = true;
            self.event(Event::KeyProblem { idx: me, problem });
        }
    }

    pub(super) fn watch_contact(&mut self) {
        let Some(last) = self.contact else { return };
        let linked = self.index.keys().any(|npk| self.peers.get(npk).is_some_and(|p| p.is_up()));
        if linked || self.index.is_empty() {
            self.contact = Some(self.now);
        } else if self.guest.is_some() && self.now.since(last) >= LOST_AFTER {
            self.end(Ending::LostContact);
        }
    }

    pub(super) fn gossip(&mut self) {
        if self.gossip_at.is_none_or(|at| at > self.now) {
            return;
        }
        self.gossip_at = Some(self.now.plus(GOSSIP_EVERY));
        if let Some(view) = self.view() {
            let gossip = Gossip { height: view.height, header: view.header };
            self.broadcast(&PeerMessage::Gossip(gossip));
        }
    }
}
