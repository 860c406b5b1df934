//! What time alone brings about: a key that is overdue, a meeting out of reach, the next gossip.

use super::{
    GOSSIP_EVERY, LOST_AFTER, Session,
    output::{Ending, Event, KeyProblem},
};
use crate::{
    time::Millis,
    wire::{Gossip, PeerMessage},
};

/// Seconds of chain time after which a device stops to send under a key somebody left with.
const OVERDUE: u64 = 5;

impl Session {
    /// The moment from which this device must not send, by the chain's clock.
    pub(super) fn overdue_at(&self) -> Option<Millis> {
        let (told, view) = self.view.as_ref()?;
        let meeting = view.meeting.as_ref()?;
        let due = meeting.rekey_due.filter(|_| !self.blocked)?;
        let newest = self.epochs.newest()?;
        let left = due.plus(OVERDUE).since(view.time).saturating_mul(1_000);
        (newest.id.epoch <= meeting.epoch).then(|| told.plus(left))
    }

    /// Stops to send when a new key is overdue or its leader is proven to give more than one, and
    /// goes on when a sound one is there or somebody else leads.
    pub(super) fn watch_rekey(&mut self) {
        let Some(me) = self.me else { return };
        let owed = self.view().and_then(|view| view.meeting.as_ref()).is_some_and(|meeting| {
            meeting.rekey_due.is_some()
                && self.epochs.newest().is_some_and(|live| live.id.epoch <= meeting.epoch)
        });
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
