//! What both roles do with a new key: live by it, tell the others, forget who is out.

use std::collections::{BTreeMap, BTreeSet};

use conclave_protocol::{
    EpochRecord, MemberIdx, Npk,
    meeting::{Reason, Removal},
};

use super::{
    GOSSIP_EVERY, Session,
    epochs::{Live, Seat},
    judge::is_out,
    output::{Event, Output},
    peers::Link,
};
use crate::{
    key::{EpochId, MeetingKey},
    media::StreamNo,
    wire::{Ack, Farewell, PeerMessage, StreamTail},
};

impl Session {
    /// Installs MK of `record` for receiving; `seats` are the members of its roster.
    pub(super) fn install(
        &mut self,
        record: &EpochRecord,
        mk: MeetingKey,
        seats: BTreeMap<MemberIdx, Seat>,
    ) {
        let id = EpochId {
            chain: self.config.chain_id,
            mid: self.mid,
            epoch: record.epoch,
            record: record.digest(),
        };
        let before = self.roster();
        let after: BTreeSet<MemberIdx> = seats.keys().copied().collect();
        let mut live = Live::new(id, record, mk, seats, self.now);
        live.unacked.retain(|idx| Some(*idx) != self.me);
        let view = self.view.as_ref().map(|(_, view)| view);
        self.index = live
            .roster
            .iter()
            .filter(|(idx, seat)| {
                seat.npk != self.npk && view.is_none_or(|view| !is_out(view, **idx))
            })
            .map(|(idx, seat)| (seat.npk, *idx))
            .collect();
        self.epochs.install(live, self.now);
        self.contact.get_or_insert(self.now);
        self.sort_cards();
        self.presence.follow(after.iter().copied(), self.now);
        let now = self.now;
        self.gossip_at.get_or_insert_with(|| now.plus(GOSSIP_EVERY));
        self.event(Event::EpochInstalled { epoch: record.epoch });
        self.push(Output::Peers(self.index.keys().copied().collect()));
        self.tell_changes(record, &before, &after);
        self.part_from_others();
        self.look_behind();
        self.open_early();
    }

    /// A newer state of the ledger: whoever it shows as out is not heard any more and is sent nothing,
    /// whether the next key is here or not; it may come late, or never.
    pub(super) fn follow_roster(&mut self) {
        let Some((_, view)) = &self.view else { return };
        let index = self.index.iter();
        let out: Vec<Npk> =
            index.filter(|(_, idx)| is_out(view, **idx)).map(|(npk, _)| *npk).collect();
        if out.is_empty() {
            return;
        }
        for npk in out {
            if self.leader.is_some() {
                self.send(npk, &PeerMessage::Bye(Farewell::Removed));
            }
            self.index.remove(&npk);
        }
        self.push(Output::Peers(self.index.keys().copied().collect()));
        self.part_from_others();
    }

    fn tell_changes(
        &mut self,
        record: &EpochRecord,
        before: &BTreeSet<MemberIdx>,
        after: &BTreeSet<MemberIdx>,
    ) {
        for idx in before.difference(after) {
            let found = record.removed.iter().find(|removal| removal.idx == *idx);
            let reason = found.map_or(Reason::Kicked, |Removal { reason, .. }| *reason);
            self.media.forget(*idx);
            self.signals.forget(*idx);
            self.files.forget(*idx);
            self.event(Event::MemberLeft { idx: *idx, reason });
        }
        let me = self.me;
        for idx in after.difference(before).filter(|idx| Some(**idx) != me) {
            let name = self.names.get(idx).map(|name| name.as_str().to_owned());
            self.event(Event::MemberJoined { idx: *idx, name: name.unwrap_or_default() });
        }
    }

    /// Ends member links with whoever is not in the newest roster, or out by the ledger.
    fn part_from_others(&mut self) {
        let out: Vec<Npk> = self
            .peers
            .iter()
            .filter(|(npk, peer)| peer.link == Link::Member && !self.index.contains_key(npk))
            .map(|(npk, _)| *npk)
            .collect();
        for npk in out {
            self.peers.remove(&npk);
            self.push(Output::Close { npk });
        }
    }

    /// Says to all members that this device holds the key of the newest epoch.
    pub(super) fn acknowledge(&mut self) {
        if let Some(ack) = self.own_ack() {
            self.broadcast(&PeerMessage::Ack(ack));
        }
    }

    fn own_ack(&self) -> Option<Ack> {
        let (secrets, live) = (self.secrets.as_ref()?, self.epochs.newest()?);
        let EpochId { chain, mid, epoch, record } = &live.id;
        Some(Ack::new(chain, mid, *epoch, *record, &secrets.nsk))
    }

    /// What a peer needs to know as soon as it is linked.
    pub(super) fn greet(&mut self, npk: Npk) {
        self.knock(npk);
        if self.member_of(npk).is_none() {
            return;
        }
        self.resend_bundle(npk);
        if let Some(ack) = self.own_ack() {
            self.send(npk, &PeerMessage::Ack(ack));
        }
        self.show_bearer(npk);
        if let Some(card) = self.own_card() {
            self.send(npk, &PeerMessage::Card(card));
        }
        self.announce_all(npk);
        self.tell_standing(Some(npk));
        self.offer_again(npk);
        self.answer_commit(npk);
    }

    /// Sends under the newest epoch as soon as the rules of section 9 say so.
    pub(super) fn switch(&mut self) {
        let Some((old, new)) = self.epochs.switch(self.now) else {
            return;
        };
        if let Some(old) = old.and_then(|epoch| self.epochs.get_mut(epoch)) {
            let epoch = old.id.epoch;
            // The counters stay: should the ledger refuse the new record, this epoch is sent under
            // again, and goes on where it was.
            let tails = old.sealers.iter().filter(|(stream, _)| **stream != StreamNo::CHAT);
            let tails: Vec<_> = tails
                .map(|(stream, sealer)| StreamTail {
                    epoch,
                    stream: stream.value(),
                    end: sealer.next(),
                })
                .collect();
            for tail in tails {
                self.broadcast(&PeerMessage::StreamTail(tail));
            }
        }
        self.media.retired.clear();
        self.event(Event::EpochSending { epoch: new });
        // Whoever came in with this epoch can read it only from here on.
        self.tell_standing(None);
        self.want_keyframes();
    }
}
