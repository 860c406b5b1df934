//! What other devices say: one message in, one method called.

use conclave_protocol::{MemberIdx, Npk};

use super::{
    Session,
    counters::Counters,
    media::Form,
    output::{Alarm, Ending, Event, Output},
};
use crate::wire::{Ack, Farewell, PeerMessage};

/// Two members may hold different records of one epoch for a moment, when the ledger refused the
/// first one because somebody left. After this time it is no accident.
const DIFFER_LIFE: u64 = 5_000;

impl Session {
    /// Takes one reliable message of a peer, which proved `npk`.
    pub(super) fn message(&mut self, npk: Npk, bytes: &[u8]) {
        let Ok(message) = PeerMessage::from_bytes(bytes) else {
            Counters::count(&mut self.counters.malformed);
            return;
        };
        match message {
            PeerMessage::Knock(knock) => self.knocked(npk, knock),
            PeerMessage::Bundle(bundle) => self.bundle(npk, bundle),
            PeerMessage::Bye(farewell) => self.farewell(npk, farewell),
            PeerMessage::Bearer(bearer) => self.bearer_said(npk, bearer),
            PeerMessage::Refer(referral) => self.referred(npk, referral),
            message => match self.member_of(npk) {
                Some(idx) => self.member_message(npk, idx, message),
                None => Counters::count(&mut self.counters.foreign),
            },
        }
    }

    /// Takes what only members of the newest roster may say.
    fn member_message(&mut self, npk: Npk, idx: MemberIdx, message: PeerMessage) {
        match message {
            PeerMessage::Ack(ack) => self.acked(npk, idx, &ack),
            PeerMessage::Absent(absence) => self.absent(npk, idx, absence),
            PeerMessage::Alive(_) => {}
            PeerMessage::Card(card) => self.card(idx, card),
            PeerMessage::Chat(sealed) => self.open(npk, sealed.into_vec(), Form::Chat),
            PeerMessage::CodeCommit(commit) => self.code_commit(npk, idx, commit),
            PeerMessage::CodeReveal(reveal) => self.code_reveal(idx, &reveal),
            PeerMessage::Gossip(gossip) => self.gossiped(npk, idx, gossip),
            PeerMessage::Handover(handover) => self.handed(idx, &handover),
            PeerMessage::HeaderProof(proof) => self.header_shown(idx, proof),
            PeerMessage::HeaderRequest(height) => self.header_requested(idx, height),
            PeerMessage::KeyframeRequest(stream) => self.keyframe_requested(stream),
            PeerMessage::Nack(nack) => self.repair(npk, &nack),
            PeerMessage::Piece(piece) => self.piece_came(idx, piece),
            PeerMessage::PieceRequest(request) => self.piece_requested(npk, idx, request),
            PeerMessage::Record(record) => {
                self.accuse(&record);
            }
            PeerMessage::RecordRequest(_) => self.heal(idx),
            PeerMessage::Signal(sealed) => self.open(npk, sealed.into_vec(), Form::Signal),
            PeerMessage::StreamAnnounce(announce) => self.announced(npk, idx, &announce),
            PeerMessage::StreamClose(stream) => self.stream_closed(idx, stream),
            PeerMessage::StreamTail(tail) => self.tail(idx, &tail),
            PeerMessage::Bearer(_)
            | PeerMessage::Bundle(_)
            | PeerMessage::Bye(_)
            | PeerMessage::Knock(_)
            | PeerMessage::Refer(_) => {}
        }
    }

    fn acked(&mut self, npk: Npk, idx: MemberIdx, ack: &Ack) {
        if ack.verify(&self.config.chain_id, &self.mid, npk).is_err() {
            Counters::count(&mut self.counters.bad_messages);
            return;
        }
        let at = self.now.plus(DIFFER_LIFE);
        let Some(live) = self.epochs.get_mut(ack.epoch) else { return };
        if live.id.record != ack.record {
            live.differing.entry(idx).or_insert(at);
            return;
        }
        live.differing.remove(&idx);
        let first = live.unacked.remove(&idx);
        if first {
            self.member_has_key(idx);
        }
    }

    /// Raises the alarm about members that stay with another record of a live epoch.
    pub(super) fn watch_records(&mut self) {
        let mut alarms = Vec::new();
        for live in self.epochs.iter_mut() {
            let late = live.differing.extract_if(.., |_, at| *at <= self.now);
            alarms.extend(late.map(|(idx, _)| (idx, live.id.epoch)));
        }
        for (idx, epoch) in alarms {
            self.event(Event::Alarm(Alarm::RecordsDiffer(idx, epoch)));
            self.show_record(idx, epoch);
        }
    }

    fn farewell(&mut self, npk: Npk, farewell: Farewell) {
        if Some(npk) == self.leader_npk() {
            match farewell {
                Farewell::Denied if self.epochs.newest().is_none() => self.end(Ending::Denied),
                Farewell::Dismissed => self.end(Ending::Dismissed),
                Farewell::Removed => self.end(Ending::Removed),
                Farewell::Denied | Farewell::Leaving => self.push(Output::Refresh),
            }
        } else if farewell == Farewell::Leaving && self.member_of(npk).is_some() {
            // The ledger decides; look at once.
            if let (Some(idx), Some(leader)) = (self.member_of(npk), &mut self.leader) {
                leader.goes(idx);
            }
            self.push(Output::Refresh);
        }
    }
}
