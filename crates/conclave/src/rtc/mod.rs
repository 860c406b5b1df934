//! The last metre: media between this program and the user's own browser, by WebRTC on loopback.
//!
//! The browser captures, encodes, decodes and shows; everything beyond this machine is ours. Its
//! connection ends here, so that what leaves the machine is sealed by the meeting's keys and by
//! nothing a browser knows about. Read in this order: [`mod@unit`] (the packet that travels), [`Rtc`]
//! (the handle), `actor` (the task that owns the socket), `session` (one connection of the
//! browser), `ingress` (browser to meeting), `egress` with `reorder` and `lipsync` (meeting to
//! browser), `answer` (two changes to the SDP).
//!
//! # Lip sync
//! The browser's sender reports say when each sample was captured; two units a second carry that
//! time (`captured_ms`) through the meeting. The receiving side reports it to its own browser,
//! which keeps tracks of the same media stream (`member-<idx>`) together. Before a browser's first
//! report, within about a second for pictures and up to five for sound, tracks are shown as they
//! arrive.

mod actor;
mod answer;
mod egress;
mod ingress;
mod lipsync;
mod reorder;
mod session;
#[cfg(test)]
mod tests;
pub mod unit;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::ParseIntError;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, oneshot};

pub use self::unit::{AudioLevel, MAX_PAYLOAD, MediaKind, Orientation, RtpUnit, UnitError};
pub(crate) use self::{
    ingress::low_u32,
    lipsync::{Anchor, SenderClock},
    reorder::{Reorder, extend},
};

/// What can be set about the browser's connections.
#[derive(Clone, Debug)]
pub struct RtcConfig {
    /// Bits per second the browser may spend on the camera.
    pub camera_bitrate: u64,
    /// A second address to offer beside 127.0.0.1, for browsers that refuse loopback.
    pub lan: Option<IpAddr>,
    /// How long a picture's packet is waited for before the browser learns that it is missing:
    /// the round trip to the sender plus about 30 ms. Sound never waits.
    pub reorder: Duration,
    /// Bits per second the browser may spend on a shared screen.
    pub screen_bitrate: u64,
}

impl Default for RtcConfig {
    fn default() -> Self {
        Self {
            camera_bitrate: 1_000_000,
            lan: None,
            reorder: Duration::from_millis(80),
            screen_bitrate: 1_500_000,
        }
    }
}

/// What the browser publishes on one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Camera and microphone.
    Camera,
    /// A screen, window or tab, with or without its sound.
    Screen,
}

/// One connection between the browser and this program; prints as a decimal number, drawn at random.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(u64);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for SessionId {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// One stream of one member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamKey {
    /// Index of the member in the meeting.
    pub idx: u16,
    /// Number of the stream among the member's own.
    pub stream_no: u8,
}

/// Which stream the browser wants in which of its transceivers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Want {
    /// `mid` of a transceiver in the offer that goes with this.
    pub mid: String,
    /// The stream it shall show.
    pub stream: StreamKey,
}

/// What the browser gets back for an offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The SDP answer.
    pub sdp: String,
    /// The connection it belongs to.
    pub session: SessionId,
}

/// What happens on the browser's side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RtcEvent {
    /// The browser cannot show a stream without a new key picture. At most one per stream in
    /// 500 ms, however many ask.
    KeyframeWanted(StreamKey),
    /// The browser sent one packet of its own media.
    MediaIn {
        /// What it is.
        kind: MediaKind,
        /// The connection it came on.
        session: SessionId,
        /// The packet.
        unit: RtpUnit,
    },
    /// A connection ended, by either side; nothing follows for it.
    SessionDown(SessionId),
    /// A connection carries media.
    SessionUp(SessionId),
}

/// Why an offer was not answered.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum RtcError {
    /// The socket could not be bound.
    #[error("no UDP socket for the browser's media: {0}")]
    Bind(String),
    /// The task has ended.
    #[error("media with the browser is shut down")]
    Closed,
    /// The connection to end is one that receives.
    #[error("no such publication: {0}")]
    NoPublication(SessionId),
    /// The session to renegotiate is gone, or publishes.
    #[error("no such receiving connection: {0}")]
    NoSession(SessionId),
    /// The offer is not usable.
    #[error("the browser's offer is not usable: {0}")]
    Offer(String),
    /// Too many connections are open.
    #[error("more than {MAX_SESSIONS} browser connections are open")]
    TooMany,
    /// A wanted `mid` is missing in the offer, appears twice or is not to be received.
    #[error("the offer has no transceiver {0:?} to receive with")]
    Want(String),
}

/// Handle of the task that talks to the browser. Clones share it; it ends with the last of them.
#[derive(Clone, Debug)]
pub struct Rtc {
    commands: mpsc::Sender<actor::Command>,
}

impl Rtc {
    /// Binds the socket on 127.0.0.1 (and on `config.lan`), and starts the task on the running
    /// tokio runtime. Events must be read: media that is not read in time is dropped.
    ///
    /// # Errors
    /// [`RtcError::Bind`].
    pub async fn start(config: RtcConfig) -> Result<(Self, mpsc::Receiver<RtcEvent>), RtcError> {
        let mut sockets = Vec::new();
        for ip in [Some(IpAddr::V4(Ipv4Addr::LOCALHOST)), config.lan].into_iter().flatten() {
            let socket = UdpSocket::bind(SocketAddr::new(ip, 0)).await;
            sockets.push(socket.map_err(|error| RtcError::Bind(error.to_string()))?);
        }
        let (commands, inbox) = mpsc::channel(COMMANDS);
        let (events, receiver) = mpsc::channel(EVENTS);
        let actor = actor::Actor::new(config, sockets, events)?;
        tokio::spawn(actor.run(inbox));
        Ok((Self { commands }, receiver))
    }

    /// Answers the offer of a browser that sends (WHIP, RFC 9725): VP8 and Opus.
    ///
    /// # Errors
    /// See [`RtcError`].
    pub async fn publish(&self, offer: String, source: Source) -> Result<Answer, RtcError> {
        self.ask(|reply| actor::Command::Publish { offer, reply, source }).await
    }

    /// Answers the offer of a browser that receives. `session` names the connection to renegotiate;
    /// `wants` is the whole list that holds from now on. The browser offers receive-only
    /// transceivers; those not in the list stay silent.
    ///
    /// # Errors
    /// See [`RtcError`]. After [`RtcError::NoSession`] the browser starts again with `None`.
    pub async fn receive(
        &self,
        session: Option<SessionId>,
        offer: String,
        wants: Vec<Want>,
    ) -> Result<Answer, RtcError> {
        self.ask(|reply| actor::Command::Receive { offer, reply, session, wants }).await
    }

    /// Ends a connection that publishes; no harm if it is gone already.
    ///
    /// # Errors
    /// [`RtcError::NoPublication`] for a connection that receives, which goes on.
    pub async fn unpublish(&self, session: SessionId) -> Result<(), RtcError> {
        let (reply, answer) = oneshot::channel();
        let close = actor::Command::Close { reply, session };
        self.commands.send(close).await.map_err(|_| RtcError::Closed)?;
        answer.await.map_err(|_| RtcError::Closed)?
    }

    /// Hands a packet of a member's stream to every connection that wants it. Never waits: when
    /// the task is behind, the packet is lost, as it would be on a network.
    pub fn write(&self, stream: StreamKey, unit: RtpUnit) {
        if self.commands.try_send(actor::Command::Write { stream, unit }).is_err() {
            tracing::trace!(idx = stream.idx, "media for the browser dropped");
        }
    }

    /// Asks the browser for a new key picture, at most once in 500 ms and kind; more requests in
    /// that time become one.
    pub fn request_keyframe(&self, session: SessionId, kind: MediaKind) {
        let _full = self.commands.try_send(actor::Command::Keyframe { kind, session });
    }

    /// Sets how long a missing packet of this stream's pictures is waited for.
    pub fn set_reorder(&self, stream: StreamKey, hold: Duration) {
        let _full = self.commands.try_send(actor::Command::Reorder { hold, stream });
    }

    async fn ask(&self, command: impl FnOnce(Reply) -> actor::Command) -> Result<Answer, RtcError> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.map_err(|_| RtcError::Closed)?;
        answer.await.map_err(|_| RtcError::Closed)?
    }
}

type Reply = oneshot::Sender<Result<Answer, RtcError>>;

/// Commands that may wait for the task; about a second of media.
const COMMANDS: usize = 2_048;
/// Events that may wait for the reader.
const EVENTS: usize = 2_048;
/// Connections at once: a page has two or three, and reloads leave some behind for a while.
const MAX_SESSIONS: usize = 16;
