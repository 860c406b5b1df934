//! The links of a session: who is connected, whom to call, and when to try again.
//!
//! Of two members the one with the higher index calls. It has nobody to call any more when the other
//! one's address changes and the link breaks; so whoever got another address calls all it is
//! not linked with itself, and tells its address to all it reaches.

use std::collections::BTreeMap;

use conclave_protocol::{MemberIdx, Npk};

use super::{Session, input::MeetingView, output::Output};
use crate::{
    media::Reassembler,
    time::Millis,
    wire::{Address, PeerMessage},
};

/// Bytes a datagram may have on a path that was not probed yet.
const FIRST_LIMIT: usize = 1_162;
/// First pause before a dial is repeated, doubled up to [`LAST_PAUSE`].
const FIRST_PAUSE: u64 = 250;
const LAST_PAUSE: u64 = 4_000;
/// A member of a higher index that did not call for so long may have an old address of this device.
const UNCALLED: u64 = 2_000;
/// Peers remembered; strangers beyond that are not answered.
const MAX_PEERS: usize = 1_024;

/// One device that was heard of.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) link: Link,
    pub(super) address: Option<Address>,
    pub(super) limit: usize,
    pub(super) reassembler: Reassembler,
    /// Number of the next packet that needs pieces on this hop.
    pub(super) fragment: u16,
    dial_at: Option<Millis>,
    pause: u64,
}

/// How a device is linked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Link {
    Down,
    Dialing,
    Lobby,
    Member,
}

impl Default for Peer {
    fn default() -> Self {
        Self {
            link: Link::Down,
            address: None,
            limit: FIRST_LIMIT,
            reassembler: Reassembler::default(),
            fragment: 0,
            dial_at: None,
            pause: FIRST_PAUSE,
        }
    }
}

impl Peer {
    /// Is called at another address, at once.
    pub(super) fn call(&mut self, address: Address) {
        self.address = Some(address);
        self.link = Link::Down;
        self.dial_at = None;
        self.pause = FIRST_PAUSE;
    }

    pub(super) const fn is_up(&self) -> bool {
        matches!(self.link, Link::Lobby | Link::Member)
    }
}

/// All of them.
pub(super) type Peers = BTreeMap<Npk, Peer>;

impl Session {
    /// The peer, made if there is room for one more.
    pub(super) fn peer(&mut self, npk: Npk) -> Option<&mut Peer> {
        if !self.peers.contains_key(&npk) && self.peers.len() >= MAX_PEERS {
            return None;
        }
        Some(self.peers.entry(npk).or_default())
    }

    /// This device is reached at another address from now on.
    pub(super) fn relocate(&mut self, address: Address) {
        if address == self.address {
            return;
        }
        self.relocated |= self.epochs.newest().is_some() || self.has_knocked();
        self.address = address;
        // Whatever failed before failed from another place.
        for peer in self.peers.values_mut().filter(|peer| !peer.is_up()) {
            peer.pause = FIRST_PAUSE;
            peer.dial_at = peer.dial_at.map(|at| at.min(self.now));
        }
        if let Some(card) = self.own_card() {
            self.broadcast(&PeerMessage::Card(card));
        }
    }

    pub(super) fn connected(&mut self, npk: Npk, lobby: bool) {
        let Some(peer) = self.peer(npk) else {
            return;
        };
        if lobby && peer.link == Link::Member {
            return;
        }
        peer.link = if lobby { Link::Lobby } else { Link::Member };
        peer.dial_at = None;
        peer.pause = FIRST_PAUSE;
        self.greet(npk);
    }

    pub(super) fn disconnected(&mut self, npk: Npk) {
        let now = self.now;
        let member = self.member_of(npk).is_some();
        // Strangers come and go: whoever nobody wants to call again leaves no trace.
        if !member && self.peers.get(&npk).is_some_and(|peer| peer.address.is_none()) {
            self.peers.remove(&npk);
        }
        if let Some(peer) = self.peers.get_mut(&npk) {
            peer.link = Link::Down;
            peer.reassembler = Reassembler::default();
            peer.dial_at = Some(now.plus(peer.pause));
            peer.pause = peer.pause.saturating_mul(2).min(LAST_PAUSE);
        }
    }

    /// Dials whoever this device should be linked with and is not.
    pub(super) fn dial(&mut self) {
        for (npk, lobby) in self.wanted() {
            let (now, me) = (self.now, self.me);
            let higher = self.member_of(npk) > me;
            let Some(peer) = self.peer(npk) else {
                continue;
            };
            let linked = match peer.link {
                Link::Down => false,
                Link::Dialing | Link::Member => true,
                Link::Lobby => lobby,
            };
            if higher && !linked {
                peer.dial_at.get_or_insert_with(|| now.plus(UNCALLED));
            }
            let due = peer.dial_at.is_none_or(|at| at <= now);
            let Some(address) = peer.address.clone().filter(|_| !linked && due) else {
                continue;
            };
            if peer.link == Link::Down {
                peer.link = Link::Dialing;
            } else {
                // The lobby link stays in use until the other one stands.
                peer.dial_at = Some(now.plus(LAST_PAUSE));
            }
            self.push(Output::Dial { npk, lobby, address });
        }
    }

    /// Whom this device calls: members with a lower index, and all of them once its address is
    /// another one; or the lobbies of those who know the way in.
    fn wanted(&self) -> Vec<(Npk, bool)> {
        if let (Some(me), Some(live)) = (self.me, self.epochs.newest()) {
            let called = |idx: MemberIdx| idx < me || (idx > me && self.relocated);
            let members = live.roster.iter().filter(|(idx, _)| called(**idx));
            return members.map(|(_, seat)| (seat.npk, false)).collect();
        }
        let knocking = self.guest.is_some() && self.me.is_some();
        if knocking {
            self.doors().into_iter().map(|npk| (npk, true)).collect()
        } else {
            Vec::new()
        }
    }

    /// The next moment a dial is due. Whose address nobody said is not dialled, however long it is due.
    pub(super) fn dial_deadline(&self) -> Option<Millis> {
        let wanted = self.wanted();
        let peers = wanted.iter().filter_map(|(npk, _)| self.peers.get(npk));
        let down = peers.filter(|peer| peer.link == Link::Down && peer.address.is_some());
        down.filter_map(|peer| peer.dial_at).min()
    }

    /// The index of the member behind `npk` in the newest roster.
    pub(super) fn member_of(&self, npk: Npk) -> Option<MemberIdx> {
        self.index.get(&npk).copied()
    }

    /// The transport key of the leader, from the ledger.
    pub(super) fn leader_npk(&self) -> Option<Npk> {
        let view: &MeetingView = self.view()?;
        let leader = view.meeting.as_ref()?.leader;
        Some(view.members.get(&leader)?.member.npk)
    }

    /// Sends to one linked peer; returns whether it was linked.
    pub(super) fn send(&mut self, npk: Npk, message: &PeerMessage) -> bool {
        self.send_bytes(npk, message.to_bytes())
    }

    pub(super) fn send_bytes(&mut self, npk: Npk, bytes: Vec<u8>) -> bool {
        let up = self.peers.get(&npk).is_some_and(Peer::is_up);
        if up {
            self.push(Output::Message { npk, bytes });
        }
        up
    }

    /// Sends to every linked member of the newest roster.
    pub(super) fn broadcast(&mut self, message: &PeerMessage) {
        let bytes = message.to_bytes();
        let others: Vec<Npk> = self.index.keys().copied().collect();
        for npk in others {
            self.send_bytes(npk, bytes.clone());
        }
    }
}
