//! HTTP/1.1 on a listening socket, with limits that hold before a request has been read.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
};
use tokio_io_timeout::TimeoutWriter;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// What one server carries at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Connections altogether.
    pub(crate) connections: usize,
    /// Connections of one client: an IPv4 address or an IPv6 /64.
    pub(crate) per_client: usize,
    /// Time to send the head of a request, and between two requests.
    pub(crate) head: Duration,
    /// Time in which a client that is written to takes a part of it. Until then its seat and the
    /// whole answer stay taken.
    pub(crate) unread: Duration,
}

impl Limits {
    /// For the page and the command line of this machine.
    pub(crate) const fn local() -> Self {
        let patience = Duration::from_secs(120);
        Self { connections: 256, per_client: 256, head: patience, unread: patience }
    }

    /// For whoever finds a validator.
    pub(crate) const fn public() -> Self {
        let (head, unread) = (Duration::from_secs(5), Duration::from_secs(20));
        Self { connections: 2_048, per_client: 256, head, unread }
    }
}

/// Who is connected: the key of every per-client limit. An IPv6 client owns a /64.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Client(IpAddr);

impl Client {
    pub(crate) fn of(address: SocketAddr) -> Self {
        match address.ip().to_canonical() {
            IpAddr::V6(ip) => {
                let [a, b, c, d, ..] = ip.segments();
                Self(std::net::Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into())
            }
            ip => Self(ip),
        }
    }
}

/// Serves until `closing` is cancelled, then lets running answers end for a moment.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    closing: CancellationToken,
) {
    let tasks = TaskTracker::new();
    let seats = Seats { limits, taken: Arc::default() };
    loop {
        let (socket, address) = tokio::select! {
            () = closing.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, or a client that was gone already.
                    tracing::debug!(%error, "accept");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                }
            },
        };
        let client = Client::of(address);
        let Some(seat) = seats.take(client) else {
            tracing::debug!("connection refused: no seat left");
            continue;
        };
        let _ = socket.set_nodelay(true);
        let router = router.clone().layer(Extension(client));
        let closing = closing.clone();
        tasks.spawn(async move {
            connection(socket, router, limits, closing).await;
            drop(seat);
        });
    }
    tasks.close();
    let _ = tokio::time::timeout(GRACE, tasks.wait()).await;
}

/// Answers on one connection, until either side ends it or the client takes nothing any more.
async fn connection<S>(socket: S, router: Router, limits: Limits, closing: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    // It counts only while something waits to be written, so a stream may be silent for longer.
    let mut socket = TimeoutWriter::new(socket);
    socket.set_timeout(Some(limits.unread));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(Box::pin(socket)), TowerToHyperService::new(router));
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended");
    }
}

/// Places for connections, counted per client.
#[derive(Clone, Debug)]
struct Seats {
    limits: Limits,
    taken: Arc<Mutex<HashMap<Client, usize>>>,
}

impl Seats {
    fn take(&self, client: Client) -> Option<Seat> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.values().sum::<usize>() >= self.limits.connections {
            return None;
        }
        let mine = taken.entry(client).or_default();
        if *mine >= self.limits.per_client {
            return None;
        }
        *mine += 1;
        Some(Seat { client, taken: Arc::clone(&self.taken) })
    }
}

/// One taken place; dropping it gives the place back.
#[derive(Debug)]
struct Seat {
    client: Client,
    taken: Arc<Mutex<HashMap<Client, usize>>>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mine) = taken.get_mut(&self.client) {
            *mine -= 1;
            if *mine == 0 {
                taken.remove(&self.client);
            }
        }
    }
}

const GRACE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
        sync::Notify,
        task::JoinHandle,
    };

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn seats(connections: usize, per_client: usize, unread: Duration) -> Seats {
        let limits = Limits { connections, per_client, head: MINUTE, unread };
        Seats { limits, taken: Arc::default() }
    }

    /// Takes a seat and asks; nothing of the answer has been read.
    async fn ask(seats: &Seats, router: &Router, path: &str) -> (DuplexStream, JoinHandle<()>) {
        let seat = seats.take(client("192.0.2.1:1")).unwrap();
        let (mut theirs, ours) = duplex(1_024);
        let answering = connection(ours, router.clone(), seats.limits, CancellationToken::new());
        let answering = tokio::spawn(async move {
            answering.await;
            drop(seat);
        });
        let question = format!("GET {path} HTTP/1.1\r\nHost: v\r\nConnection: close\r\n\r\n");
        theirs.write_all(question.as_bytes()).await.unwrap();
        (theirs, answering)
    }

    fn client(text: &str) -> Client {
        Client::of(text.parse().unwrap())
    }

    #[test]
    fn a_client_cannot_take_every_seat_and_gives_its_seats_back() {
        let seats = seats(3, 2, MINUTE);
        let (one, other) = (client("[2001:db8::1]:1"), client("192.0.2.1:1"));
        assert_eq!(one, client("[2001:db8::2]:9"));
        let first = seats.take(one).unwrap();
        let _second = seats.take(one).unwrap();
        assert!(seats.take(one).is_none());
        let _third = seats.take(other).unwrap();
        assert!(seats.take(other).is_none(), "the house is full");
        drop(first);
        assert!(seats.take(one).is_some());
    }

    #[tokio::test]
    async fn who_does_not_read_loses_the_seat_and_who_waits_for_an_answer_keeps_it() {
        let late = Arc::new(Notify::new());
        let told = Arc::clone(&late);
        let answer = move || async move {
            told.notified().await;
            "better late"
        };
        let router = Router::new()
            .route("/large", get(async || vec![0_u8; 1 << 20]))
            .route("/late", get(answer));
        let seats = seats(2, 2, Duration::from_millis(50));
        let (mut waiting, _answering) = ask(&seats, &router, "/late").await;
        let (unread, answering) = ask(&seats, &router, "/large").await;
        assert!(seats.take(client("192.0.2.1:1")).is_none(), "the house is full");

        // The client holds on to its end all the time.
        tokio::time::timeout(MINUTE, answering).await.unwrap().unwrap();
        assert!(seats.take(client("192.0.2.1:1")).is_some());
        drop(unread);

        // The other one has waited for longer, but nothing was there to be taken.
        late.notify_one();
        let mut text = String::new();
        waiting.read_to_string(&mut text).await.unwrap();
        assert!(text.ends_with("better late"), "{text}");
    }

    #[tokio::test]
    async fn a_large_answer_reaches_whoever_reads_it() {
        let router = Router::new().route("/large", get(async || vec![7_u8; 1 << 20]));
        let (mut reading, answering) = ask(&seats(1, 1, MINUTE), &router, "/large").await;
        let mut bytes = Vec::new();
        reading.read_to_end(&mut bytes).await.unwrap();
        assert!(bytes.ends_with(&[7; 1 << 20]));
        answering.await.unwrap();
    }
}
