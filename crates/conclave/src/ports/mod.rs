//! Ports for bots, recorders and studios: media from and to other programs of this machine, as
//! plain RTP on loopback.
//!
//! What comes in at a port is one more stream of this member: sealed, announced and repaired as
//! what a browser sends. What goes out is what one member sends, or whoever speaks. Read in this
//! order: `Ports` (the handle of one meeting), `task` (owns the sockets of one opening), `ingress`
//! with `vp8` (RTP to units), `egress` with `speaker` (units to RTP), `splice` (one numbering for
//! sources that change), `sdp` (how a receiver is told).
//!
//! Nothing but loopback is bound or sent to. Whoever is on this machine can write to a port, so
//! what comes in is parsed once, belongs to one sender at a time, and is measured.

mod egress;
mod ingress;
mod sdp;
mod speaker;
mod splice;
mod task;
#[cfg(test)]
mod tests;
mod vp8;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use thiserror::Error;
use tokio::{
    net::UdpSocket,
    sync::{Semaphore, broadcast, mpsc},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    http::wire::{OpenPorts, PortNews},
    rtc::{MediaKind, RtpUnit, StreamKey},
};

/// One opening of ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PortId(u64);

/// What the ports want of the meeting.
#[derive(Debug)]
pub(crate) enum PortEvent {
    /// Nothing more comes from these ports.
    Closed(PortId),
    /// What goes out of these ports may be kept: the others have to know.
    Kept(PortId),
    /// What goes out needs a new key picture.
    KeyframeWanted(StreamKey),
    /// A program sent one packet.
    MediaIn {
        /// Where.
        port: PortId,
        /// What.
        kind: MediaKind,
        /// The packet.
        unit: RtpUnit,
    },
}

/// One packet that another member sent.
#[derive(Clone, Debug)]
struct Heard {
    kind: MediaKind,
    stream: StreamKey,
    unit: RtpUnit,
}

/// Open ports, and what there is to say about them. They close when `held` is dropped, and with
/// the meeting.
#[derive(Debug)]
pub struct Lease {
    /// First where they are, then what changes.
    pub news: mpsc::Receiver<PortNews>,
    /// Keeps them open.
    pub held: DropGuard,
}

/// Why ports were not opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum PortError {
    /// A port is taken, or not ours to take.
    #[error("port {port} of this machine cannot be used: {source}")]
    Bind {
        /// The port.
        port: u16,
        /// What the system says.
        source: io::Error,
    },
    /// Nobody is there to send for.
    #[error("the meeting is over")]
    Over,
    /// The addresses of sound, picture and their reports would overlap.
    #[error("port {0} leaves no room for the reports beside it")]
    Reports(u16),
    /// Too many are open.
    #[error("ports have been opened {MOST} times already")]
    TooMany,
    /// Nothing was asked for.
    #[error("no port was asked for")]
    Nothing,
}

/// The ports of one meeting. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Ports {
    events: mpsc::Sender<PortEvent>,
    heard: broadcast::Sender<Heard>,
    next: Arc<AtomicU64>,
    seats: Arc<Semaphore>,
}

impl Ports {
    /// No port yet. The meeting reads the events; when it stops, all ports close.
    pub(crate) fn new() -> (Self, mpsc::Receiver<PortEvent>) {
        let (events, receiver) = mpsc::channel(EVENTS);
        let (heard, _) = broadcast::channel(HEARD);
        let (next, seats) = (Arc::default(), Arc::new(Semaphore::new(MOST)));
        (Self { events, heard, next, seats }, receiver)
    }

    /// Hands a packet of another member to whoever wants it. Never waits.
    pub(crate) fn hear(&self, kind: MediaKind, stream: StreamKey, unit: &RtpUnit) {
        if self.heard.receiver_count() > 0 {
            // The last receiver may have gone since.
            let _nobody = self.heard.send(Heard { kind, stream, unit: unit.clone() });
        }
    }

    /// Opens ports.
    ///
    /// # Errors
    /// See [`PortError`]; nothing is open then.
    pub(crate) async fn open(&self, ask: &OpenPorts) -> Result<Lease, PortError> {
        let wanted = [ask.audio_in, ask.video_in, ask.audio_out, ask.video_out];
        if wanted.iter().all(Option::is_none) {
            return Err(PortError::Nothing);
        }
        if self.events.is_closed() {
            return Err(PortError::Over);
        }
        let seats = Arc::clone(&self.seats);
        let seat = seats.try_acquire_owned().map_err(|_| PortError::TooMany)?;
        let closing = CancellationToken::new();
        let (news, receiver) = mpsc::channel(NEWS);
        let id = PortId(self.next.fetch_add(1, Ordering::Relaxed));
        // Only who wants to hear keeps the packets of others.
        let hears = ask.audio_out.is_some() || ask.video_out.is_some();
        let heard = hears.then(|| self.heard.subscribe());
        let ground = task::Ground {
            closing: closing.clone(),
            events: self.events.clone(),
            heard,
            id,
            kept: hears && !ask.played,
            news,
            seat,
        };
        task::start(ground, ask).await?;
        Ok(Lease { news: receiver, held: closing.drop_guard() })
    }
}

/// A socket for one port of this machine, any free one for 0.
async fn bind(port: u16) -> Result<UdpSocket, PortError> {
    let at = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    UdpSocket::bind(at).await.map_err(|source| PortError::Bind { port, source })
}

/// Two sockets side by side, as a receiver of RTP has them: media, and reports behind it.
#[derive(Debug)]
pub(crate) struct Pair {
    /// For media.
    pub(crate) media: UdpSocket,
    /// The port of `media`, even.
    pub(crate) port: u16,
    /// For reports, which nobody reads; no other program gets them meanwhile.
    _reports: UdpSocket,
}

/// Takes two ports of this machine that are free.
///
/// # Errors
/// [`PortError::Bind`].
pub(crate) async fn bind_pair() -> Result<Pair, PortError> {
    let failed = |source| PortError::Bind { port: 0, source };
    for _ in 0..TRIES {
        let media = bind(0).await?;
        let port = media.local_addr().map_err(failed)?.port();
        if let Some(next) = port.checked_add(1).filter(|_| port % 2 == 0)
            && let Ok(_reports) = bind(next).await
        {
            return Ok(Pair { media, port, _reports });
        }
    }
    Err(failed(io::ErrorKind::AddrInUse.into()))
}

/// Events that may wait for the meeting; about a second of media.
const EVENTS: usize = 1_024;
/// Packets of others that may wait for a task.
const HEARD: usize = 2_048;
/// Openings at once.
const MOST: usize = 8;
/// News that may wait for the reader; more are dropped.
const NEWS: usize = 16;
/// Pairs of ports that are tried.
const TRIES: u32 = 64;
