//! What the tasks of one meeting's links share.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures::StreamExt;
use iroh::{
    Endpoint, RelayUrl, Watcher,
    endpoint::{Connection, RecvStream, SendStream},
};
use tokio::sync::{mpsc, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    AddressBlob, Alpn, LinkEvent, Npk, Reason, frame,
    limits::Limits,
    link::{Link, Pump},
    table::Table,
};

/// How long paths are tried after the own address changed, whose answers are no sign of life.
const PROBES: Duration = Duration::from_millis(300);
/// How long a link may be silent then. Both ends say something each second, a link that is ended too
/// soon is made anew within a moment, and after three seconds a leader would lose the chair.
const SILENT: Duration = Duration::from_millis(1_300);

/// The endpoint, its links, and where their events go.
#[derive(Debug)]
pub(super) struct Hub {
    pub(super) endpoint: Endpoint,
    pub(super) relays: Vec<RelayUrl>,
    pub(super) roster: watch::Receiver<BTreeSet<Npk>>,
    pub(super) events: mpsc::Sender<LinkEvent>,
    pub(super) limits: Limits,
    pub(super) tasks: TaskTracker,
    pub(super) stop: CancellationToken,
    pub(super) table: Mutex<Table>,
}

impl Hub {
    pub(super) fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_member(&self, npk: &Npk) -> bool {
        self.roster.borrow().contains(npk)
    }

    pub(super) fn own_address(&self) -> AddressBlob {
        AddressBlob::of_endpoint(&self.endpoint.addr(), &self.endpoint.bound_sockets())
    }

    /// Gives a new connection its place and runs the link over it, from `Up` to `Down`.
    pub(super) async fn serve(&self, line: Line) {
        let Line { conn, npk, alpn, dialled, stranger, mut send, recv } = line;
        let (link, queue) = Link::new(conn, alpn, dialled);
        let replaced = match self.table().insert(npk, link.clone()) {
            Ok(replaced) => replaced,
            Err(reason) => return link.abort(reason),
        };
        // The roster may have changed while the connection was made.
        if alpn == Alpn::Meeting && !self.is_member(&npk) {
            link.close(Reason::NotMember);
        }
        if let Some(old) = replaced {
            old.close(Reason::Replaced);
            old.over().await;
        }
        if !dialled && frame::write(&mut send, Bytes::new()).await.is_err() {
            link.abort(Reason::Lost);
        }
        let _ = self.events.send(LinkEvent::Up { npk, alpn, direct: link.is_direct() }).await;
        let events = self.events.clone();
        let limits = self.limits.clone();
        let pump = Pump { npk, link: link.clone(), send, recv, queue, events, limits, stranger };
        let reason = pump.run().await;
        self.table().remove(&npk, &link);
        let _ = self.events.send(LinkEvent::Down { npk, alpn, reason }).await;
        link.set_over();
    }
}

/// A connection that both ends agree on.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) conn: Connection,
    pub(super) npk: Npk,
    pub(super) alpn: Alpn,
    /// Whether this end dialled.
    pub(super) dialled: bool,
    /// Whether the peer is a stranger who came to the lobby.
    pub(super) stranger: bool,
    pub(super) send: SendStream,
    pub(super) recv: RecvStream,
}

/// Closes the meeting links of those who are no longer in the roster.
pub(super) async fn watch_roster(hub: Arc<Hub>) {
    let mut roster = hub.roster.clone();
    let watch = async {
        while roster.changed().await.is_ok() {
            let members = roster.borrow_and_update().clone();
            for (npk, link) in hub.table().links() {
                if link.alpn == Alpn::Meeting && !members.contains(npk) {
                    link.close(Reason::Removed);
                }
            }
        }
    };
    hub.stop.run_until_cancelled(watch).await;
}

/// Reports the own address whenever it changes, and ends the links that do not outlive the change.
pub(super) async fn watch_address(hub: Arc<Hub>) {
    let mut changes = hub.endpoint.watch_addr().stream();
    let mut last = hub.own_address();
    let mut reached = last.clone();
    let watch = async {
        while changes.next().await.is_some() {
            let address = hub.own_address();
            if address == last {
                continue;
            }
            // Without a network nothing is mended: links wait for it as long as they can.
            if address.sockets().any(|socket| !socket.ip().is_loopback()) {
                let is_kept = |socket| address.sockets().any(|kept| kept == socket);
                if !reached.sockets().all(is_kept) {
                    let links = hub.table().links().map(|(_, link)| link.clone()).collect();
                    hub.tasks.spawn(hub.stop.clone().run_until_cancelled_owned(end_silent(links)));
                }
                reached = address.clone();
            }
            last = address.clone();
            let _ = hub.events.send(LinkEvent::Address(address)).await;
        }
    };
    hub.stop.run_until_cancelled(watch).await;
}

/// Ends the links on which nothing comes any more: they hang on an address that is gone, and a new
/// link is made sooner than they run out of patience.
async fn end_silent(links: Vec<Link>) {
    tokio::time::sleep(PROBES).await;
    let links: Vec<_> = links.into_iter().map(|link| (link.stats().received, link)).collect();
    tokio::time::sleep(SILENT).await;
    for (before, link) in links {
        if link.stats().received == before {
            link.abort(Reason::Lost);
        }
    }
}

/// Ends all links when the last handle is dropped without a word.
pub(super) async fn watch_stop(hub: Arc<Hub>) {
    hub.stop.cancelled().await;
    hub.table().close_all(Reason::Left);
}
