//! The way to the leader: an invite names members, and whoever of them is still there says who
//! leads now and where.

use conclave_protocol::{Npk, meeting::MemberStatus};

use super::{Session, counters::Counters, guest::Guest};
use crate::wire::{Knock, PeerMessage, Referral};

impl Session {
    /// Whether the invite names this transport key.
    pub(super) fn is_named(&self, npk: Npk) -> bool {
        let named = |guest: &Guest| guest.nodes.iter().any(|(node, _)| *node == npk);
        self.guest.as_ref().is_some_and(named)
    }

    /// The leader's transport key is on the ledger. Its address is in the invite, or a member that
    /// the invite names knows it; until then the first one's is tried, which may be a relay's.
    pub(super) fn learn_leader(&mut self) {
        let nodes = self.guest.as_ref().map(|guest| guest.nodes.clone()).unwrap_or_default();
        let leader = self.leader_npk();
        let first = nodes.first().map(|(_, address)| address.clone());
        for (npk, address) in nodes {
            if let Some(peer) = self.peer(npk) {
                peer.address.get_or_insert(address);
            }
        }
        if let (Some(npk), Some(address)) = (leader, first)
            && let Some(peer) = self.peer(npk)
        {
            peer.address.get_or_insert(address);
        }
    }

    /// Whom a guest calls before it is in: the leader, and while that one is not linked, members
    /// that the invite names.
    pub(super) fn doors(&self) -> Vec<Npk> {
        let Some((leader, view)) = self.leader_npk().zip(self.view()) else { return Vec::new() };
        let linked = self.peers.get(&leader).is_some_and(|peer| peer.is_up());
        let is_in = |npk: &Npk| {
            let seat = view.members.values().find(|seat| seat.member.npk == *npk);
            seat.is_some_and(|seat| seat.member.status == MemberStatus::Admitted)
        };
        let nodes = self.guest.iter().flat_map(|guest| guest.nodes.iter().map(|(npk, _)| *npk));
        let others = nodes.filter(|npk| !linked && *npk != leader && is_in(npk));
        [leader].into_iter().chain(others).collect()
    }

    /// As a member that does not lead: tells a guest that shows an invite who does, and where.
    pub(super) fn refer(&mut self, npk: Npk, knock: &Knock) {
        let asker = self.view().and_then(|view| view.members.get(&knock.idx));
        let invited = asker.map(|asker| &asker.member).is_some_and(|asker| {
            asker.npk == npk
                && asker.status == MemberStatus::Requested
                && self.invite.tag_matches(&self.mid, &asker.dev, &asker.epk, &npk, &knock.invite)
        });
        let leader = self.leader_npk().filter(|_| invited && self.epochs.newest().is_some());
        let address = leader.and_then(|leader| self.peers.get(&leader)?.address.clone());
        match leader.zip(address) {
            Some((leader, address)) => {
                let referral = Referral { npk: leader, address };
                self.send(npk, &PeerMessage::Refer(referral));
            }
            None => Counters::count(&mut self.counters.bad_messages),
        }
    }

    /// As a guest: a member that the invite names says where the leader is. Who that is, the ledger
    /// says; a wrong address costs one call.
    pub(super) fn referred(&mut self, from: Npk, referral: Referral) {
        if !self.is_named(from) || self.leader_npk() != Some(referral.npk) {
            Counters::count(&mut self.counters.bad_messages);
            return;
        }
        if let Some(peer) = self.peer(referral.npk).filter(|peer| !peer.is_up()) {
            peer.call(referral.address);
        }
    }
}
