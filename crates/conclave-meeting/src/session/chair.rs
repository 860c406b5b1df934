//! The chair changes hands, as the ledger shows it: a member comes to lead in place, a leader
//! becomes a member, everyone else follows the new one.
//!
//! Links, epochs, streams and counters stay as they are. Every pairwise chain begins anew with the
//! term, so each member gives its [`Card`] to all others beforehand, and again to a new leader.

use std::collections::BTreeMap;

use conclave_protocol::{
    MemberIdx, Npk, Term,
    meeting::{MemberStatus, Reason},
};

use super::{
    Session, counters::Counters, guest::Guest, leader::Leader, output::Event, presence::SILENT,
};
use crate::{
    time::Millis,
    wire::{Address, Card, PeerMessage},
};

/// A key of the last leader is sent under for so long at most (section 5.4).
const LAST_KEY: u64 = 30_000;

/// Who leads, and what this device would need to do it.
#[derive(Debug, Default)]
pub(super) struct Chair {
    term: Option<Term>,
    leader: Option<MemberIdx>,
    /// When this device saw a term begin that was not the first one it saw.
    since: Option<Millis>,
    cards: BTreeMap<MemberIdx, Card>,
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
        let mine = self.me == Some(idx);
        match (mine, self.leader.is_some()) {
            (true, false) => self.take_chair(old),
            (false, true) => self.give_chair(),
            (false, false) => self.follow_leader(),
            (true, true) => {}
        }
        self.event(Event::LeaderChanged { idx, term });
    }

    /// This device leads from here on. A leader that fell silent is out with the next record.
    fn take_chair(&mut self, old: Option<MemberIdx>) {
        let now = self.now;
        let Some(view) = self.view() else { return };
        let roster = view.roster.iter().collect();
        let mut leader = Leader::succeed(roster, &self.chair.cards, now);
        let silent = old.filter(|old| {
            let heard = self.presence.heard(*old).unwrap_or_default();
            now.since(heard) >= SILENT
        });
        if let Some(old) = silent {
            leader.remove(old, Reason::TimedOut, now);
        }
        self.guest = None;
        self.leader = Some(leader);
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
        let known = self.view().and_then(|view| view.members.get(&idx));
        let right = known.is_some_and(|known| {
            known.member.status == MemberStatus::Admitted
                && known.member.ek_hash == card.ek.hash().0
        });
        if !right || !card.ek.is_valid() {
            Counters::count(&mut self.counters.bad_messages);
            return;
        }
        let npk: Option<Npk> = known.map(|known| known.member.npk);
        if let Some(peer) = npk.and_then(|npk| self.peer(npk)) {
            peer.address = Some(card.address.clone());
        }
        if self.leader.as_mut().is_some_and(|leader| leader.meet(idx, &card)) {
            self.heal(idx);
        }
        self.chair.cards.insert(idx, card);
    }

    /// Forgets the cards of whoever is not in the roster any more.
    pub(super) fn sort_cards(&mut self) {
        let index = &self.index;
        self.chair.cards.retain(|idx, _| index.values().any(|member| member == idx));
    }

    /// When a key of the last leader must not be sent under any more.
    pub(super) fn last_key_until(&self) -> Option<Millis> {
        let (term, since) = (self.chair.term?, self.chair.since?);
        let stale = self.epochs.newest().is_some_and(|live| live.term < term);
        stale.then(|| since.plus(LAST_KEY))
    }
}

impl Guest {
    /// A member that was the leader before.
    fn seated() -> Self {
        Self::asked(Address::default())
    }
}
