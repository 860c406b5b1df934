//! The chair changes hands, as the ledger shows it: a member comes to lead in place, a leader
//! becomes a member, everyone else follows the new one.
//!
//! Links, epochs, streams and counters stay as they are. Every pairwise chain begins anew with the
//! term, so each member gives its [`Card`] to all others beforehand, and again to a new leader.

use std::collections::{BTreeMap, BTreeSet};

use conclave_protocol::{MemberIdx, Term, meeting::MemberStatus};

use super::{
    Session, counters::Counters, guest::Guest, input::MeetingView, leader::Leader, output::Event,
};
use crate::{
    time::Millis,
    wire::{Card, PeerMessage},
};

/// A key of the last leader is sent under for so long at most (section 5.4).
const LAST_KEY: u64 = 30_000;
/// A handover is said again for so long to a member that replaced its keys meanwhile.
const HAND_AGAIN: u64 = 10_000;

/// Who leads, and what this device would need to do it.
#[derive(Debug, Default)]
pub(super) struct Chair {
    term: Option<Term>,
    leader: Option<MemberIdx>,
    /// Who led, fell silent, lost the chair and was not heard since.
    overtaken: BTreeSet<MemberIdx>,
    /// When this device saw a term begin that was not the first one it saw.
    since: Option<Millis>,
    cards: BTreeMap<MemberIdx, Card>,
    /// Cards of keys that the ledger does not show yet.
    early: BTreeMap<MemberIdx, Card>,
    /// Whom this device as leader handed the chair, and when.
    appointed: Option<(MemberIdx, Millis)>,
}

impl Chair {
    /// Whether this member lost the chair by its silence and was not heard since.
    pub(super) fn is_overtaken(&self, idx: MemberIdx) -> bool {
        self.overtaken.contains(&idx)
    }

    /// That member is heard again.
    pub(super) fn is_back(&mut self, idx: MemberIdx) {
        self.overtaken.remove(&idx);
    }

    pub(super) fn appointed(&mut self, idx: MemberIdx, now: Millis) {
        self.appointed = Some((idx, now));
    }
}

impl Session {
    /// Compares the leader of the ledger with the one that is followed here.
    pub(super) fn follow_term(&mut self) {
        let Some(meeting) = self.view().and_then(|view| view.meeting.as_ref()) else { return };
        let (term, idx) = (meeting.term, meeting.leader);
        let old = self.chair.leader.replace(idx);
        if self.chair.term.replace(term).is_none_or(|old| old == term) {
            return;
        }
        self.chair.since = Some(self.now);
        self.chair.appointed = None;
        // Every device notes it: each may come to lead while that seat is taken still.
        let silent = old.filter(|old| self.presence.is_silent(*old, self.now));
        self.chair.overtaken.extend(silent);
        let mine = self.me == Some(idx);
        match (mine, self.leader.is_some()) {
            (true, false) => self.take_chair(),
            (false, true) => self.give_chair(),
            (false, false) => self.follow_leader(),
            (true, true) => {}
        }
        self.event(Event::LeaderChanged { idx, term });
    }

    /// This device leads from here on. A leader that fell silent has a moment to come back.
    fn take_chair(&mut self) {
        let now = self.now;
        let Some(view) = self.view() else { return };
        let roster = view.roster.iter().collect();
        let cards = self.chair.cards.iter().filter(|(idx, card)| is_card_of(view, **idx, card));
        self.leader = Some(Leader::succeed(roster, cards, now));
        self.guest = None;
    }

    /// Somebody else leads: this device is a member like others.
    fn give_chair(&mut self) {
        let Some(leader) = self.leader.take() else { return };
        for idx in leader.lobby() {
            self.event(Event::RequestGone { idx });
        }
        self.guest = Some(Guest::seated());
        self.follow_leader();
    }

    /// The chain with the last leader is over; the new one is told how to begin another.
    fn follow_leader(&mut self) {
        if let Some(guest) = &mut self.guest {
            guest.part();
        }
        self.learn_leader();
        if let (Some(npk), Some(card)) = (self.leader_npk(), self.own_card()) {
            self.send(npk, &PeerMessage::Card(card));
        }
    }

    /// What another member needs to lead this one.
    pub(super) fn own_card(&self) -> Option<Card> {
        let keys = &self.secrets.as_ref()?.keys;
        let (name, address) = (self.config.name.clone(), self.address.clone());
        Some(Card { ek: keys.ek().clone(), name, address })
    }

    /// Takes a member's card; as leader, begins the exchange that waited for it.
    pub(super) fn card(&mut self, idx: MemberIdx, card: Card) {
        let Some(view) = self.view() else { return };
        let known = view
            .members
            .get(&idx)
            .filter(|known| known.member.status == MemberStatus::Admitted && card.ek.is_valid());
        let Some(npk) = known.map(|known| known.member.npk) else {
            Counters::count(&mut self.counters.bad_messages);
            return;
        };
        if !is_card_of(view, idx, &card) {
            self.chair.early.insert(idx, card);
            return;
        }
        self.chair.early.remove(&idx);
        if let Some(peer) = self.peer(npk) {
            peer.address = Some(card.address.clone());
        }
        if self.leader.as_mut().is_some_and(|leader| leader.meet(idx, &card)) {
            self.heal(idx);
        }
        self.chair.cards.insert(idx, card);
        let now = self.now;
        let again = self.chair.appointed.take_if(|(appointed, _)| *appointed == idx);
        if again.is_some_and(|(_, at)| now.since(at) < HAND_AGAIN) {
            // It says why not to a person only; this is nobody's click.
            let _gone = self.appoint(idx);
        }
    }

    /// Takes the cards that came before the ledger showed their keys.
    pub(super) fn follow_cards(&mut self) {
        let Some((_, view)) = &self.view else { return };
        let mut due = std::mem::take(&mut self.chair.early);
        let early = due.extract_if(.., |idx, card| !is_card_of(view, *idx, card)).collect();
        self.chair.early = early;
        for (idx, card) in due {
            self.card(idx, card);
        }
    }

    /// Forgets the cards of whoever is not in the roster any more.
    pub(super) fn sort_cards(&mut self) {
        let index = &self.index;
        let is_in = |idx: &MemberIdx| index.values().any(|member| member == idx);
        self.chair.cards.retain(|idx, _| is_in(idx));
        self.chair.early.retain(|idx, _| is_in(idx));
    }

    /// When a key of the last leader must not be sent under any more.
    pub(super) fn last_key_until(&self) -> Option<Millis> {
        let (term, since) = (self.chair.term?, self.chair.since?);
        let stale = self.epochs.newest().is_some_and(|live| live.term < term);
        stale.then(|| since.plus(LAST_KEY))
    }
}

/// Whether a card shows the key whose hash the ledger holds.
fn is_card_of(view: &MeetingView, idx: MemberIdx, card: &Card) -> bool {
    view.members.get(&idx).is_some_and(|seat| seat.member.ek_hash == card.ek.hash().0)
}

impl Guest {
    /// A member that was the leader before.
    fn seated() -> Self {
        Self::asked()
    }
}
