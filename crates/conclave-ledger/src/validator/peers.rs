//! Real connections with the present validators, whose addresses the operator or the ledger says.

use std::{collections::BTreeMap, num::NonZeroUsize};

use commonware_cryptography::ed25519::PublicKey;
use commonware_p2p::{Address, AddressableManager, AddressableTrackedPeers};
use commonware_utils::ordered::Map;

use super::{
    address::PeerAddress,
    links::{Links, Peer},
};

/// The peers of a validator with real sockets.
#[derive(Clone)]
pub(crate) struct Peers<M> {
    manager: M,
    /// What the operator configured; it counts before what the ledger says.
    configured: BTreeMap<PublicKey, PeerAddress>,
    room: usize,
    next: u64,
}

impl<M> Peers<M> {
    /// Nobody is tracked yet.
    pub(crate) const fn new(
        manager: M,
        configured: BTreeMap<PublicKey, PeerAddress>,
        room: NonZeroUsize,
    ) -> Self {
        Self { manager, configured, room: room.get(), next: 0 }
    }

    fn address(&self, peer: &Peer) -> Address {
        if let Some(address) = self.configured.get(&peer.key) {
            return address.dialled();
        }
        let said = peer.contact.as_deref().and_then(|text| text.parse::<PeerAddress>().ok());
        said.map_or_else(
            || {
                tracing::warn!(peer = %peer.key, "nobody says where this validator is; it may call");
                PeerAddress::nowhere()
            },
            |address| address.dialled(),
        )
    }
}

impl<M> Links for Peers<M>
where
    M: AddressableManager<PublicKey = PublicKey> + Sync,
{
    fn track(&mut self, peers: Vec<Peer>) {
        let addressed = peers.iter().map(|peer| (peer.key.clone(), self.address(peer)));
        let mut primary: Vec<_> = addressed.collect();
        if primary.len() > self.room {
            tracing::error!(
                peers = primary.len(),
                room = self.room,
                "more validators than this one has room for; restart it"
            );
            primary.truncate(self.room);
        }
        let primary = Map::from_iter_dedup(primary);
        let left = self.room.saturating_sub(primary.len());
        let followers = self
            .configured
            .iter()
            .filter(|(key, _)| primary.position(key).is_none())
            .map(|(key, address)| (key.clone(), address.dialled()))
            .take(left);
        let secondary = Map::from_iter_dedup(followers);
        self.manager.track(self.next, AddressableTrackedPeers::new(primary, secondary));
        self.next = self.next.saturating_add(1);
    }
}
