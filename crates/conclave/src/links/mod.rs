//! Links: QUIC connections between the participants of one meeting, without anyone in between.
//!
//! Read [`Links`] first, then `hub` (what its tasks share), `accept` and `dial` (the two ways a
//! link begins), `link` (its life), `table` (which of two links stays).
//!
//! The transport authenticates keys and nothing more. Whether a key belongs to the meeting is
//! decided by the roster that the ledger finalized, which comes in through [`Config`]; what a
//! message means is decided above.

mod accept;
mod address;
mod bucket;
mod dial;
mod endpoint;
mod frame;
mod gate;
mod hub;
mod limits;
mod link;
mod reason;
mod table;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeSet,
    error::Error,
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use conclave_protocol::Npk;
use thiserror::Error;
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};
use zeroize::Zeroizing;

pub(crate) use self::bucket::Bucket;
pub use self::{
    address::{AddressBlob, AddressError, MAX_ADDRESS_BLOB},
    limits::{MAX_LOBBY_MESSAGE, MAX_MESSAGE},
    reason::Reason,
};
use self::{hub::Hub, limits::Limits, table::Table};

/// Events that may wait to be handled; then peers are read more slowly.
const EVENTS: usize = 1024;

/// How long the end of a meeting waits for the network.
const SHUTDOWN: Duration = Duration::from_secs(4);

/// The links of one meeting, and the door through which others come.
///
/// Each participant has at most one link with each other. All methods return at once; what comes
/// of them is told by [`LinkEvent`]s. A clone is another handle on the same links, and they end
/// when the last handle is dropped.
#[derive(Clone, Debug)]
pub struct Links {
    hub: Arc<Hub>,
    _stop: Arc<DropGuard>,
}

/// What a link speaks: the last word of its protocol name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Alpn {
    /// Before admission: a knock and the answer to it, no media.
    Lobby,
    /// Among the members of the finalized roster.
    Meeting,
}

/// What happened on the links of a meeting.
///
/// For one peer the order is `Up`, then messages, datagrams and paths, then `Down`; a dial that
/// fails is a `Down` alone. When a link replaces another one (the meeting follows the lobby, or
/// both ends dialled at once) the old one ends with [`Reason::Replaced`] before the new one is up.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum LinkEvent {
    /// The own address has changed; others should learn the new one.
    Address(AddressBlob),
    /// Media packets of a member, in the order of arrival, each at most one UDP packet long.
    Datagrams {
        /// The peer that the connection authenticates.
        npk: Npk,
        /// One to 64 packets.
        batch: Vec<Bytes>,
    },
    /// The link has ended or could not be made.
    Down {
        /// The peer.
        npk: Npk,
        /// What the link spoke.
        alpn: Alpn,
        /// Why, as far as the peer can be believed.
        reason: Reason,
    },
    /// One message, reliable and in order: 1 to [`MAX_MESSAGE`] bytes.
    Message {
        /// The peer that the connection authenticates.
        npk: Npk,
        /// What the link speaks.
        alpn: Alpn,
        /// The message.
        bytes: Bytes,
    },
    /// The traffic moved from a relay to a direct path, or back.
    Path {
        /// The peer.
        npk: Npk,
        /// Whether packets go straight to the peer.
        direct: bool,
    },
    /// There is a link, which both ends have accepted.
    Up {
        /// The peer.
        npk: Npk,
        /// What the link speaks.
        alpn: Alpn,
        /// Whether packets go straight to the peer.
        direct: bool,
    },
}

/// How a link is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LinkStats {
    /// What the link speaks.
    pub alpn: Alpn,
    /// Whether packets go straight to the peer.
    pub direct: bool,
    /// The round-trip time of the path in use.
    pub rtt: Option<Duration>,
    /// The largest datagram that fits at this moment, in bytes.
    pub max_datagram: Option<usize>,
    /// Bytes sent, with all headers above UDP.
    pub sent: u64,
    /// Bytes received, with all headers above UDP.
    pub received: u64,
    /// Packets sent on the path in use, without those that only probe it.
    pub sent_packets: u64,
    /// Those of them that were lost.
    pub lost_packets: u64,
    /// Datagrams of the peer that were dropped here: above its limits, or too many to handle.
    pub dropped: u64,
}

/// What the links of a meeting need.
pub struct Config {
    seed: Zeroizing<[u8; 32]>,
    roster: watch::Receiver<BTreeSet<Npk>>,
    relays: Vec<String>,
    relay_only: bool,
    limits: Limits,
}

impl Config {
    /// Links under the key with this seed (NSK), open to the keys (NPK) of the finalized roster.
    /// Without relays nothing is contacted but peers.
    pub fn new(seed: Zeroizing<[u8; 32]>, roster: watch::Receiver<BTreeSet<Npk>>) -> Self {
        let limits = Limits::default();
        Self { seed, roster, relays: Vec::new(), relay_only: false, limits }
    }

    /// The relays to be reachable at, and the only ones through which others are reached: http or
    /// https URLs.
    #[must_use]
    pub fn relays(mut self, relays: Vec<String>) -> Self {
        self.relays = relays;
        self
    }

    /// Hides the network address from peers: all traffic goes through a relay.
    #[must_use]
    pub fn relay_only(mut self, relay_only: bool) -> Self {
        self.relay_only = relay_only;
        self
    }
}

/// The seed is not printed.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("relays", &self.relays)
            .field("relay_only", &self.relay_only)
            .finish_non_exhaustive()
    }
}

impl Links {
    /// Binds the endpoint and opens the door. Events must be read, or peers are held back.
    ///
    /// # Errors
    /// When no socket can be bound, or a relay is not usable.
    pub async fn start(config: Config) -> Result<(Self, mpsc::Receiver<LinkEvent>), StartError> {
        let relays = endpoint::parse_relays(&config.relays)?;
        let endpoint = endpoint::bind(&config, &relays).await?;
        let (events, receiver) = mpsc::channel(EVENTS);
        let table = Mutex::new(Table::new(Npk(*endpoint.id().as_bytes())));
        let stop = CancellationToken::new();
        let hub = Arc::new(Hub {
            endpoint,
            relays,
            roster: config.roster,
            events,
            limits: config.limits,
            tasks: TaskTracker::new(),
            stop: stop.clone(),
            table,
        });
        hub.tasks.spawn(accept::run(hub.clone()));
        hub.tasks.spawn(hub::watch_roster(hub.clone()));
        hub.tasks.spawn(hub::watch_address(hub.clone()));
        hub.tasks.spawn(hub::watch_stop(hub.clone()));
        Ok((Self { hub, _stop: Arc::new(stop.drop_guard()) }, receiver))
    }

    /// The key under which others reach this endpoint.
    pub fn own_key(&self) -> Npk {
        Npk(*self.hub.endpoint.id().as_bytes())
    }

    /// Where others reach this endpoint, as far as is known at this moment.
    pub fn own_address(&self) -> AddressBlob {
        self.hub.own_address()
    }

    /// Resolves when a relay can be used; never, where none is configured or none answers.
    pub async fn online(&self) {
        self.hub.endpoint.online().await;
    }

    /// Makes a link. Does nothing if there is one that serves, or an attempt under way.
    pub fn dial(&self, npk: Npk, alpn: Alpn, address: &AddressBlob) {
        if let Some(dial) = self.hub.table().begin_dial(npk, alpn) {
            self.hub.tasks.spawn(dial::run(self.hub.clone(), npk, address.clone(), dial));
        }
    }

    /// Queues one message, which arrives in order unless the link goes down.
    ///
    /// # Errors
    /// When there is no link, the queue of the peer is full, or the message is empty or too large
    /// ([`MAX_MESSAGE`], from whoever called the lobby [`MAX_LOBBY_MESSAGE`]).
    pub fn send(&self, npk: &Npk, message: impl Into<Bytes>) -> Result<(), SendError> {
        self.hub.table().link(npk).ok_or(SendError::NoLink)?.send(message.into())
    }

    /// Sends media packets, and returns how many of them fit the path. Those may be lost too.
    ///
    /// # Errors
    /// When there is no link.
    pub fn datagrams(&self, npk: &Npk, batch: &[Bytes]) -> Result<usize, SendError> {
        let link = self.hub.table().link(npk).cloned();
        link.ok_or(SendError::NoLink)?.datagrams(batch)
    }

    /// The largest datagram to the peer at this moment, in bytes. It shrinks and grows with the
    /// path, so ask before each batch.
    pub fn max_datagram(&self, npk: &Npk) -> Option<usize> {
        self.hub.table().link(npk)?.max_datagram()
    }

    /// The bytes that may be handed to [`datagrams`](Self::datagrams) before the oldest ones
    /// waiting are dropped.
    pub fn datagram_space(&self, npk: &Npk) -> Option<usize> {
        Some(self.hub.table().link(npk)?.datagram_space())
    }

    /// Whether there is a link with a peer that neither end has closed.
    pub fn has(&self, npk: &Npk) -> bool {
        self.hub.table().link(npk).is_some_and(|link| !link.is_closed())
    }

    /// Whether a link with a peer is being made from here.
    pub fn is_dialling(&self, npk: &Npk) -> bool {
        self.hub.table().is_dialling(npk)
    }

    /// Whether a [`LinkEvent::Down`] left the peer without a link that serves as well as the one
    /// that ended. Its reason alone does not say so: a peer may call a link replaced and make no
    /// other. Where one takes the place of another it is there already, or on its way from here,
    /// and then an event says what became of it.
    pub fn lost(&self, npk: &Npk, ended: Alpn, reason: Reason) -> bool {
        let table = self.hub.table();
        let follows = reason == Reason::Replaced && table.is_dialling(npk);
        !follows && table.link(npk).is_none_or(|link| link.alpn < ended)
    }

    /// How the link with a peer is doing.
    pub fn stats(&self, npk: &Npk) -> Option<LinkStats> {
        Some(self.hub.table().link(npk)?.stats())
    }

    /// Ends the link with a peer, and any attempt to make one. What was sent before still arrives.
    pub fn close(&self, npk: &Npk, reason: Reason) {
        self.hub.table().close(npk, reason);
    }

    /// Ends all links and the endpoint. What was sent before still arrives.
    pub async fn shutdown(self, reason: Reason) {
        self.hub.table().close_all(reason);
        self.hub.stop.cancel();
        self.hub.tasks.close();
        let end = async {
            let links: Vec<_> = self.hub.table().links().map(|(_, link)| link.clone()).collect();
            for link in links {
                link.closed().await;
            }
            self.hub.endpoint.close().await;
            self.hub.tasks.wait().await;
        };
        if timeout(SHUTDOWN, end).await.is_err() {
            tracing::debug!("a peer did not acknowledge the end");
        }
    }
}

impl Alpn {
    const ALL: [Self; 2] = [Self::Meeting, Self::Lobby];

    const fn as_bytes(self) -> &'static [u8] {
        match self {
            Self::Lobby => b"conclave/lobby/1",
            Self::Meeting => b"conclave/meeting/1",
        }
    }

    fn of(bytes: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|alpn| alpn.as_bytes() == bytes)
    }

    /// The largest message of the end that called, or of the other one. Who calls a lobby is a
    /// stranger there; whom it called it chose by a key, so it may read what that one has to say.
    const fn max_message(self, by_caller: bool) -> usize {
        match self {
            Self::Lobby if by_caller => MAX_LOBBY_MESSAGE,
            Self::Lobby | Self::Meeting => MAX_MESSAGE,
        }
    }
}

/// Why the links of a meeting cannot start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The endpoint does not come up.
    #[error("no socket for the meeting")]
    Bind(#[source] Box<dyn Error + Send + Sync>),
    /// Hiding the network address takes a relay.
    #[error("no relay to hide behind")]
    NoRelay,
    /// A relay that is not a plain http or https URL.
    #[error("not the address of a relay: {0}")]
    Relay(String),
}

/// Why something was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SendError {
    /// Too much waits to be sent to the peer.
    #[error("too much waits to be sent to the peer")]
    Congested,
    /// There is no link with the peer.
    #[error("there is no link with the peer")]
    NoLink,
    /// The message is empty or too large.
    #[error("the message is empty or too large")]
    Size,
}
