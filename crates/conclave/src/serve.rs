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
use tokio::net::{TcpListener, TcpStream};
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
}

impl Limits {
    /// For the page and the command line of this machine.
    pub(crate) const fn local() -> Self {
        Self { connections: 256, per_client: 256, head: Duration::from_secs(120) }
    }

    /// For whoever finds a validator.
    pub(crate) const fn public() -> Self {
        Self { connections: 2_048, per_client: 256, head: Duration::from_secs(5) }
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

async fn connection(socket: TcpStream, router: Router, limits: Limits, closing: CancellationToken) {
    let _ = socket.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(socket), TowerToHyperService::new(router));
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
    use super::*;

    #[test]
    fn a_client_cannot_take_every_seat_and_gives_its_seats_back() {
        let limits = Limits { connections: 3, per_client: 2, head: Duration::from_secs(1) };
        let seats = Seats { limits, taken: Arc::default() };
        let client = |text: &str| Client::of(text.parse().unwrap());
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
}
