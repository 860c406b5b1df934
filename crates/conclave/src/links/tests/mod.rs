//! Links on the loopback interface, through real sockets.

mod lobby;
mod meeting;
mod relay;

use std::{collections::BTreeSet, future::Future, time::Duration};

use bytes::Bytes;
use iroh::{
    Endpoint,
    endpoint::{Connection, presets},
};
use tokio::{sync::mpsc, sync::watch, time::timeout};
use zeroize::Zeroizing;

use super::*;

/// Only so that a broken test ends: nothing is expected to take this long.
const PATIENCE: Duration = Duration::from_secs(20);

/// One participant: its links, and what happened on them.
struct Node {
    links: Links,
    events: mpsc::Receiver<LinkEvent>,
    roster: watch::Sender<BTreeSet<Npk>>,
}

impl Node {
    async fn start(seed: u8, change: impl FnOnce(Config) -> Config) -> Self {
        let (roster, members) = watch::channel(BTreeSet::new());
        let config = change(Config::new(Zeroizing::new([seed; 32]), members));
        let (links, events) = Links::start(config).await.unwrap();
        Self { links, events, roster }
    }

    fn key(&self) -> Npk {
        self.links.own_key()
    }

    fn dial(&self, other: &Self, alpn: Alpn) {
        self.links.dial(other.key(), alpn, &other.links.own_address());
    }

    /// The next event, but for changes of addresses and paths.
    async fn event(&mut self) -> LinkEvent {
        loop {
            let event = timeout(PATIENCE, self.events.recv()).await.unwrap().unwrap();
            if !matches!(event, LinkEvent::Address(_) | LinkEvent::Path { .. }) {
                return event;
            }
        }
    }

    async fn up(&mut self) -> (Npk, Alpn, bool) {
        match self.event().await {
            LinkEvent::Up { npk, alpn, direct } => (npk, alpn, direct),
            event => panic!("{event:?}"),
        }
    }

    async fn down(&mut self) -> (Npk, Reason) {
        match self.event().await {
            LinkEvent::Down { npk, reason, .. } => (npk, reason),
            event => panic!("{event:?}"),
        }
    }

    async fn message(&mut self) -> Bytes {
        match self.event().await {
            LinkEvent::Message { bytes, .. } => bytes,
            event => panic!("{event:?}"),
        }
    }

    async fn datagrams(&mut self) -> Vec<Bytes> {
        match self.event().await {
            LinkEvent::Datagrams { batch, .. } => batch,
            event => panic!("{event:?}"),
        }
    }
}

fn admit(nodes: &[&Node]) {
    let members: BTreeSet<_> = nodes.iter().map(|node| node.key()).collect();
    for node in nodes {
        node.roster.send_replace(members.clone());
    }
}

/// Two members of a meeting with a link between them.
async fn pair() -> (Node, Node) {
    let (mut a, mut b) = (Node::start(1, |c| c).await, Node::start(2, |c| c).await);
    admit(&[&a, &b]);
    a.dial(&b, Alpn::Meeting);
    assert_eq!(a.up().await, (b.key(), Alpn::Meeting, true));
    assert_eq!(b.up().await, (a.key(), Alpn::Meeting, true));
    (a, b)
}

/// A bare endpoint, which keeps to no rule, connected with a node.
async fn intruder(seed: u8, node: &Node, alpn: Alpn) -> (Endpoint, Connection) {
    let key = iroh::SecretKey::from_bytes(&[seed; 32]);
    let endpoint = Endpoint::builder(presets::Minimal).secret_key(key).bind().await.unwrap();
    let id = iroh::EndpointId::from_bytes(&node.key().0).unwrap();
    let address = node.links.own_address().to_endpoint(id, &[]);
    let conn = endpoint.connect(address, alpn.as_bytes()).await.unwrap();
    (endpoint, conn)
}

async fn closed(conn: &Connection) -> Reason {
    Reason::of(&timeout(PATIENCE, conn.closed()).await.unwrap())
}

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(test);
}
