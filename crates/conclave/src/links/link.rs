//! One link with one peer: an ordered stream of messages, datagrams, and its end.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::StreamExt;
use iroh::endpoint::{Connection, PathStats, RecvStream, SendDatagramError, SendStream};
use tokio::{
    sync::mpsc,
    time::{timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::{
    Alpn, LinkEvent, LinkStats, Npk, Reason, SendError,
    bucket::Bucket,
    frame::{self, ReadError},
    limits::Limits,
};

/// How long the end of a link waits for the peer to have what was sent before.
const FLUSH: Duration = Duration::from_secs(1);
/// How long a replaced link waits for what the peer still sends on it.
const DRAIN: Duration = Duration::from_millis(500);
/// The most messages and bytes that wait to be sent to one peer.
const QUEUE_MESSAGES: usize = 512;
const QUEUE_BYTES: usize = 4 * 1024 * 1024;
/// The most datagrams handed on at once.
const BATCH: usize = 64;
/// Room in the queue of events that datagrams leave for messages.
const RESERVED_EVENTS: usize = 64;

/// A handle on a running link.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) alpn: Alpn,
    /// Whether this end dialled.
    pub(super) dialled: bool,
    pub(super) since: Instant,
    conn: Connection,
    queue: mpsc::Sender<Bytes>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    queued: AtomicUsize,
    dropped: AtomicU64,
    why: OnceLock<Reason>,
    closing: CancellationToken,
    over: CancellationToken,
}

/// What runs a link: the ends of its stream and of its queue.
#[derive(Debug)]
pub(super) struct Pump {
    pub(super) npk: Npk,
    pub(super) link: Link,
    pub(super) send: SendStream,
    pub(super) recv: RecvStream,
    pub(super) queue: mpsc::Receiver<Bytes>,
    pub(super) events: mpsc::Sender<LinkEvent>,
    /// The limits that hold for this peer.
    pub(super) limits: Limits,
    /// Whether the peer is a stranger who came to the lobby.
    pub(super) stranger: bool,
}

impl Link {
    pub(super) fn new(
        conn: Connection,
        alpn: Alpn,
        dialled: bool,
    ) -> (Self, mpsc::Receiver<Bytes>) {
        let (queue, receiver) = mpsc::channel(QUEUE_MESSAGES);
        let since = Instant::now();
        (Self { alpn, dialled, since, conn, queue, shared: Arc::default() }, receiver)
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.shared.closing.is_cancelled() || self.conn.close_reason().is_some()
    }

    /// Resolves when the last event of this link has been reported.
    pub(super) async fn over(&self) {
        self.shared.over.cancelled().await;
    }

    /// Says that the last event of this link has been reported.
    pub(super) fn set_over(&self) {
        self.shared.over.cancel();
    }

    /// Ends the link once what was sent before has arrived, or after a second.
    pub(super) fn close(&self, reason: Reason) {
        if self.shared.why.set(reason).is_ok() {
            self.shared.closing.cancel();
        }
    }

    /// Ends the link at once.
    pub(super) fn abort(&self, reason: Reason) {
        // Read before closing: afterwards the connection remembers only that this end closed it.
        let reason = self.conn.close_reason().map_or(reason, |error| Reason::of(&error));
        let _ = self.shared.why.set(reason);
        self.shared.closing.cancel();
        self.conn.close(self.why().to_wire(), b"");
    }

    pub(super) async fn closed(&self) {
        self.conn.closed().await;
    }

    pub(super) fn send(&self, message: Bytes) -> Result<(), SendError> {
        if message.is_empty() || message.len() > self.alpn.max_message(self.dialled) {
            return Err(SendError::Size);
        }
        if self.is_closed() {
            return Err(SendError::NoLink);
        }
        let len = message.len();
        let queued = self.shared.queued.fetch_add(len, Ordering::Relaxed);
        let fits = queued.saturating_add(len) <= QUEUE_BYTES;
        if fits && self.queue.try_send(message).is_ok() {
            return Ok(());
        }
        self.shared.queued.fetch_sub(len, Ordering::Relaxed);
        Err(SendError::Congested)
    }

    /// Sends what fits the path at this moment, and returns how many datagrams that were.
    pub(super) fn datagrams(&self, batch: &[Bytes]) -> Result<usize, SendError> {
        match self.conn.send_many_datagrams(batch) {
            Ok(sent) => Ok(sent),
            // The path may have become narrower since the caller asked.
            Err(SendDatagramError::TooLarge) => {
                let send = |one: &&Bytes| self.conn.send_datagram(Bytes::clone(one)).is_ok();
                Ok(batch.iter().filter(send).count())
            }
            Err(_) => Err(SendError::NoLink),
        }
    }

    pub(super) fn max_datagram(&self) -> Option<usize> {
        self.conn.max_datagram_size()
    }

    pub(super) fn datagram_space(&self) -> usize {
        self.conn.datagram_send_buffer_space()
    }

    /// Whether the path in use is a direct one, not through a relay.
    pub(super) fn is_direct(&self) -> bool {
        let paths = self.conn.paths();
        let mut open = paths.iter();
        let selected = paths.iter().find(iroh::endpoint::Path::is_selected);
        selected.or_else(|| open.next()).is_some_and(|path| path.is_ip())
    }

    pub(super) fn stats(&self) -> LinkStats {
        let paths = self.conn.paths();
        let selected = paths.iter().find(iroh::endpoint::Path::is_selected);
        let stats = self.conn.stats();
        let path = selected.as_ref().map(iroh::endpoint::Path::stats);
        let packets = |count: fn(&PathStats) -> u64| path.as_ref().map_or(0, count);
        LinkStats {
            alpn: self.alpn,
            direct: self.is_direct(),
            rtt: path.as_ref().map(|path| path.rtt),
            max_datagram: self.max_datagram(),
            sent: stats.udp_tx.bytes,
            received: stats.udp_rx.bytes,
            sent_packets: packets(|p| p.sent_packets.saturating_sub(p.sent_plpmtud_probes)),
            lost_packets: packets(|p| p.lost_packets.saturating_sub(p.lost_plpmtud_probes)),
            dropped: self.shared.dropped.load(Ordering::Relaxed),
        }
    }

    fn why(&self) -> Reason {
        let closed = || self.conn.close_reason().map_or(Reason::Lost, |e| Reason::of(&e));
        self.shared.why.get().copied().unwrap_or_else(closed)
    }
}

impl Pump {
    /// Runs the link until it ends, and says why it did.
    pub(super) async fn run(self) -> Reason {
        let Self { npk, link, send, recv, queue, events, limits, stranger } = self;
        let drained = CancellationToken::new();
        let reader = Reader { npk, link: &link, recv, events: &events, limits: &limits, stranger };
        let read = async {
            reader.run().await;
            drained.cancel();
        };
        let write = write(&link, send, queue, &drained);
        let datagrams = read_datagrams(npk, &link, &events, &limits);
        let paths = watch_paths(npk, &link, &events);
        tokio::join!(read, write, datagrams, paths);
        link.why()
    }
}

/// Sends what is queued until the link is told to close, then sees the rest off.
async fn write(
    link: &Link,
    mut send: SendStream,
    mut queue: mpsc::Receiver<Bytes>,
    drained: &CancellationToken,
) {
    let forward = async {
        loop {
            let message = tokio::select! {
                message = queue.recv() => message,
                () = link.shared.closing.cancelled(), if !queue.is_closed() => {
                    queue.close();
                    continue;
                }
            };
            let Some(message) = message else { break };
            let len = message.len();
            if frame::write(&mut send, message).await.is_err() {
                break;
            }
            link.shared.queued.fetch_sub(len, Ordering::Relaxed);
        }
    };
    tokio::select! {
        () = forward => {}
        () = link.closed() => {}
        () = async {
            link.shared.closing.cancelled().await;
            tokio::time::sleep(FLUSH).await;
        } => {}
    }
    if send.finish().is_ok() {
        let _ = timeout(FLUSH, send.stopped()).await;
    }
    match link.shared.why.get() {
        Some(Reason::Replaced) => drop(timeout(DRAIN, drained.cancelled()).await),
        Some(_) => {}
        // The peer began the end, and its closing says why.
        None => drop(timeout(FLUSH, link.closed()).await),
    }
    link.abort(Reason::Left);
}

/// Reads messages at the pace that the peer is allowed.
struct Reader<'a> {
    npk: Npk,
    link: &'a Link,
    recv: RecvStream,
    events: &'a mpsc::Sender<LinkEvent>,
    limits: &'a Limits,
    stranger: bool,
}

impl Reader<'_> {
    async fn run(mut self) {
        match self.read().await {
            // The peer has said all it wants to say and will close.
            Ok(()) => self.link.shared.closing.cancel(),
            Err(reason) => self.link.abort(reason),
        }
    }

    async fn read(&mut self) -> Result<(), Reason> {
        let now = Instant::now();
        let mut messages = Bucket::new(self.limits.message_rate, self.limits.message_burst, now);
        let mut bytes = Bucket::new(self.limits.lobby_rate, self.limits.lobby_burst, now);
        let until = |stay| self.stranger.then_some(self.link.since + stay);
        let mut patience = until(self.limits.lobby_idle);
        let most = self.link.alpn.max_message(!self.link.dialled);
        loop {
            let header = frame::read_len(&mut self.recv, most);
            let len = in_time(self.link, patience, header).await?;
            let Some(len) = len else { return Ok(()) };
            let now = Instant::now();
            let mut wait = messages.take(1.0, now);
            if self.stranger {
                // Fewer than 2^53 bytes.
                wait = wait.max(bytes.take(len as f64, now));
            }
            self.pause(wait).await?;
            let body = frame::read_body(&mut self.recv, len);
            let body = in_time(self.link, patience, body).await?;
            if body.is_empty() {
                continue;
            }
            patience = until(self.limits.lobby_stay);
            let event = LinkEvent::Message { npk: self.npk, alpn: self.link.alpn, bytes: body };
            self.events.send(event).await.map_err(|_| Reason::Left)?;
        }
    }

    /// Holds a fast talker back. What it left behind when it hung up is not worth the wait.
    async fn pause(&self, wait: Duration) -> Result<(), Reason> {
        if wait.is_zero() {
            return Ok(());
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => Ok(()),
            () = self.link.closed() => Err(self.link.why()),
        }
    }
}

/// Waits for bytes, for a stranger until a deadline only.
async fn in_time<T>(
    link: &Link,
    deadline: Option<Instant>,
    read: impl Future<Output = Result<T, ReadError>>,
) -> Result<T, Reason> {
    let read = async {
        read.await.map_err(|error| match error {
            ReadError::Lost => link.why(),
            ReadError::TooLarge => Reason::Violation,
        })
    };
    match deadline {
        Some(deadline) => timeout_at(deadline.into(), read).await.unwrap_or(Err(Reason::Idle)),
        None => read.await,
    }
}

/// Hands media on in batches; what is above the limits or finds no room is dropped and counted.
async fn read_datagrams(npk: Npk, link: &Link, events: &mpsc::Sender<LinkEvent>, limits: &Limits) {
    let now = Instant::now();
    let mut count = Bucket::new(limits.datagram_rate, limits.datagram_rate, now);
    let mut bytes = Bucket::new(limits.media_rate, limits.media_rate, now);
    let mut buffer = [const { Bytes::new() }; BATCH];
    while let Ok(read) = link.conn.read_many_datagrams(&mut buffer).await {
        let now = Instant::now();
        let batch: Vec<Bytes> = buffer
            .iter_mut()
            .take(read)
            .map(std::mem::take)
            .filter(|datagram| {
                link.alpn == Alpn::Meeting
                    && count.try_take(1.0, now)
                    && bytes.try_take(datagram.len() as f64, now)
            })
            .collect();
        let kept = batch.len();
        let room = !batch.is_empty() && events.capacity() > RESERVED_EVENTS;
        let handed = room && events.try_send(LinkEvent::Datagrams { npk, batch }).is_ok();
        let dropped = read - if handed { kept } else { 0 };
        link.shared.dropped.fetch_add(dropped as u64, Ordering::Relaxed);
    }
}

/// Reports when the traffic moves from a relay to a direct path or back.
async fn watch_paths(npk: Npk, link: &Link, events: &mpsc::Sender<LinkEvent>) {
    let mut direct = link.is_direct();
    let mut changes = link.conn.paths_stream();
    while changes.next().await.is_some() {
        if direct != link.is_direct() {
            direct = !direct;
            if events.send(LinkEvent::Path { npk, direct }).await.is_err() {
                break;
            }
        }
    }
}
