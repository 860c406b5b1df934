//! A key on its way to its members: sent, repeated, healed.

use std::collections::{BTreeMap, BTreeSet};

use conclave_protocol::{MemberIdx, Npk, codec::List};

use super::{HEAL_PAUSE, RESEND};
use crate::{
    key::MeetingKey,
    session::{
        Session,
        epochs::Seat,
        output::{Event, KeyProblem},
    },
    wire::{Bundle, Entry, PeerMessage},
};

impl Session {
    /// Where the others are: all of them, or only those who are new.
    pub(super) fn book(
        &self,
        to: MemberIdx,
        only: Option<&BTreeSet<MemberIdx>>,
    ) -> List<Entry, 256> {
        let Some(leader) = &self.leader else { return List::default() };
        let others = leader.members.iter().map(|(idx, member)| Entry {
            idx: *idx,
            name: member.name.clone(),
            address: member.address.clone(),
        });
        let own = self.me.map(|idx| Entry {
            idx,
            name: self.config.name.clone(),
            address: self.address.clone(),
        });
        let wanted =
            |entry: &Entry| entry.idx != to && only.is_none_or(|only| only.contains(&entry.idx));
        List::new(others.chain(own).filter(wanted).collect::<Vec<_>>()).unwrap_or_default()
    }

    pub(super) fn keep_and_send(
        &mut self,
        idx: MemberIdx,
        seats: &BTreeMap<MemberIdx, Seat>,
        bundle: Bundle,
    ) {
        let bytes = PeerMessage::Bundle(bundle).to_bytes();
        if let Some(member) = self.leader.as_mut().and_then(|l| l.members.get_mut(&idx)) {
            member.bundle.clone_from(&bytes);
        }
        if let Some(seat) = seats.get(&idx) {
            self.send_bytes(seat.npk, bytes);
        }
    }

    /// Repeats the newest bundle to a member that linked again and has not acknowledged it.
    pub(in crate::session) fn resend_bundle(&mut self, npk: Npk) {
        let Some(idx) = self.member_of(npk) else { return };
        let late = self.epochs.newest().is_some_and(|live| live.unacked.contains(&idx));
        let member = self.leader.as_ref().and_then(|leader| leader.members.get(&idx));
        if let Some(bundle) = member.filter(|_| late).map(|member| member.bundle.clone()) {
            self.send_bytes(npk, bundle);
        }
    }

    pub(super) fn resend_late(&mut self) {
        let now = self.now;
        let Some(leader) = &mut self.leader else { return };
        if leader.resend_at.is_none_or(|at| at > now) {
            return;
        }
        let late: Vec<(MemberIdx, Npk)> = self.epochs.newest().map_or_else(Vec::new, |live| {
            let late = live.unacked.iter();
            late.filter_map(|idx| Some((*idx, live.roster.get(idx)?.npk))).collect()
        });
        leader.resend_at = (!late.is_empty()).then(|| now.plus(RESEND));
        for (idx, npk) in late {
            let member = self.leader.as_mut().and_then(|leader| leader.members.get_mut(&idx));
            let news = member.is_some_and(|member| !std::mem::replace(&mut member.late, true));
            if news {
                self.event(Event::KeyProblem { idx, problem: KeyProblem::NoAck });
            }
            self.resend_bundle(npk);
        }
    }

    /// A member acknowledged the newest key.
    pub(in crate::session) fn member_has_key(&mut self, idx: MemberIdx) {
        let member = self.leader.as_mut().and_then(|leader| leader.members.get_mut(&idx));
        if member.is_some_and(|member| std::mem::take(&mut member.late)) {
            self.event(Event::KeyOk { idx });
        }
    }

    /// Wraps the newest key for a member over a fresh exchange: it lost track of its chain.
    pub(in crate::session) fn heal(&mut self, idx: MemberIdx) {
        let now = self.now;
        let Some(leader) = &mut self.leader else { return };
        let Some(member) = leader.members.get_mut(&idx) else { return };
        if member.healed.is_some_and(|at| now.since(at) < HEAL_PAUSE) {
            return;
        }
        member.healed = Some(now);
        let Some(live) = self.epochs.newest() else { return };
        let (epoch, digest, is_final) = (live.id.epoch, live.id.record, live.is_final);
        let Some(mk) = MeetingKey::from_slice(live.mk.as_bytes()) else { return };
        let seats = live.roster.clone();
        member.chain = None;
        let Some((record, sig)) = leader.signed.clone() else { return };
        let Some(wrap) = self.wrap(idx, epoch, &digest, &mk) else { return };
        if is_final
            && let Some(leader) = &mut self.leader
            && let Some(chain) = leader.members.get_mut(&idx).and_then(|m| m.chain.as_mut())
        {
            chain.advance(epoch, &digest);
        }
        let book = self.book(idx, None);
        self.keep_and_send(idx, &seats, Bundle { record, sig, wrap, book });
    }
}
