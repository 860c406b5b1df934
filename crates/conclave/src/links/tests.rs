//! Links on the loopback interface, through real sockets.

use std::{collections::BTreeSet, future::Future, time::Duration};

use bytes::Bytes;
use iroh::{
    Endpoint,
    endpoint::{Connection, presets},
};
use tokio::{sync::mpsc, sync::watch, time::timeout};
use zeroize::Zeroizing;

use super::*;
use crate::relay;

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

#[test]
fn members_exchange_messages_and_datagrams() {
    run(async {
        let (mut a, mut b) = pair().await;
        a.links.send(&b.key(), vec![1; MAX_MESSAGE]).unwrap();
        a.links.send(&b.key(), "second").unwrap();
        b.links.send(&a.key(), "back").unwrap();
        assert_eq!(b.message().await, vec![1; MAX_MESSAGE]);
        assert_eq!(b.message().await, "second");
        assert_eq!(a.message().await, "back");

        let size = a.links.max_datagram(&b.key()).unwrap();
        assert!(size >= 1_100, "{size}");
        let batch = [Bytes::from(vec![7; size]), Bytes::from_static(b"last")];
        assert_eq!(a.links.datagrams(&b.key(), &batch).unwrap(), 2);
        let mut received = Vec::new();
        while received.len() < 2 {
            received.extend(b.datagrams().await);
        }
        assert_eq!(received, batch);
        assert!(a.links.stats(&b.key()).unwrap().direct);
    });
}

#[test]
fn a_datagram_too_large_for_the_path_does_not_take_others_with_it() {
    run(async {
        let (a, mut b) = pair().await;
        let batch = [Bytes::from(vec![0; 9_000]), Bytes::from_static(b"small")];
        assert_eq!(a.links.datagrams(&b.key(), &batch).unwrap(), 1);
        assert_eq!(b.datagrams().await, ["small"]);
    });
}

#[test]
fn a_close_carries_its_reason_and_what_was_sent_before() {
    run(async {
        let (mut a, mut b) = pair().await;
        a.links.send(&b.key(), "goodbye").unwrap();
        a.links.close(&b.key(), Reason::Ended);
        assert_eq!(b.message().await, "goodbye");
        assert_eq!(b.down().await, (a.key(), Reason::Ended));
        assert_eq!(a.down().await, (b.key(), Reason::Ended));
        assert_eq!(a.links.send(&b.key(), "late"), Err(SendError::NoLink));
    });
}

#[test]
fn a_shutdown_tells_all_peers_why() {
    run(async {
        let (a, mut b) = pair().await;
        let key = a.key();
        a.links.send(&b.key(), "bye all").unwrap();
        a.links.shutdown(Reason::Left).await;
        assert_eq!(b.message().await, "bye all");
        assert_eq!(b.down().await, (key, Reason::Left));
    });
}

#[test]
fn dropping_the_last_handle_ends_the_links() {
    run(async {
        let (a, mut b) = pair().await;
        let key = a.key();
        drop(a);
        assert_eq!(b.down().await, (key, Reason::Left));
    });
}

#[test]
fn who_leaves_the_roster_loses_the_link() {
    run(async {
        let (mut a, mut b) = pair().await;
        a.roster.send_replace(BTreeSet::new());
        assert_eq!(a.down().await, (b.key(), Reason::Removed));
        assert_eq!(b.down().await, (a.key(), Reason::Removed));
    });
}

#[test]
fn a_stranger_is_refused_at_the_meeting() {
    run(async {
        let mut a = Node::start(1, |c| c).await;
        let mut b = Node::start(2, |c| c).await;
        a.roster.send_replace(BTreeSet::from([b.key()]));
        a.dial(&b, Alpn::Meeting);
        assert_eq!(a.down().await, (b.key(), Reason::NotMember));
        // Nor does a member dial who is not in the roster.
        b.dial(&a, Alpn::Meeting);
        assert_eq!(b.down().await, (a.key(), Reason::NotMember));
    });
}

#[test]
fn a_member_may_dial_before_the_other_end_saw_its_admission() {
    run(async {
        let (mut a, mut b) = (Node::start(1, |c| c).await, Node::start(2, |c| c).await);
        a.roster.send_replace(BTreeSet::from([b.key()]));
        a.dial(&b, Alpn::Meeting);
        tokio::task::yield_now().await;
        admit(&[&a, &b]);
        assert_eq!(a.up().await.0, b.key());
        assert_eq!(b.up().await.0, a.key());
    });
}

#[test]
fn a_guest_knocks_waits_and_moves_to_the_meeting() {
    run(async {
        let (mut a, mut b) = (Node::start(1, |c| c).await, Node::start(2, |c| c).await);
        a.dial(&b, Alpn::Lobby);
        assert_eq!(a.up().await.1, Alpn::Lobby);
        assert_eq!(b.up().await.1, Alpn::Lobby);
        a.links.send(&b.key(), vec![1; MAX_LOBBY_MESSAGE]).unwrap();
        assert_eq!(b.message().await.len(), MAX_LOBBY_MESSAGE);
        let large = vec![1; MAX_LOBBY_MESSAGE + 1];
        assert_eq!(b.links.send(&a.key(), large), Err(SendError::Size));
        b.links.send(&a.key(), "come in").unwrap();
        admit(&[&a, &b]);
        assert_eq!(a.message().await, "come in");
        a.dial(&b, Alpn::Meeting);
        assert_eq!(a.down().await, (b.key(), Reason::Replaced));
        assert_eq!(b.down().await, (a.key(), Reason::Replaced));
        assert_eq!(a.up().await.1, Alpn::Meeting);
        assert_eq!(b.up().await.1, Alpn::Meeting);
        a.links.send(&b.key(), "thanks").unwrap();
        assert_eq!(b.message().await, "thanks");
    });
}

#[test]
fn who_says_nothing_in_the_lobby_is_sent_away_and_who_knocks_may_wait() {
    run(async {
        let short = |mut config: Config| {
            config.limits.lobby_idle = Duration::from_millis(150);
            config
        };
        let mut host = Node::start(1, short).await;
        let (mut silent, mut knocking) = (Node::start(2, |c| c).await, Node::start(3, |c| c).await);
        knocking.dial(&host, Alpn::Lobby);
        knocking.up().await;
        host.up().await;
        knocking.links.send(&host.key(), "knock").unwrap();
        assert_eq!(host.message().await, "knock");
        silent.dial(&host, Alpn::Lobby);
        silent.up().await;
        host.up().await;
        assert_eq!(silent.down().await, (host.key(), Reason::Idle));
        assert_eq!(host.down().await, (silent.key(), Reason::Idle));
        knocking.links.send(&host.key(), "still here").unwrap();
        assert_eq!(host.message().await, "still here");
    });
}

#[test]
fn a_guest_may_not_wait_longer_than_its_request_lives() {
    run(async {
        let short = |mut config: Config| {
            config.limits.lobby_stay = Duration::from_millis(100);
            config
        };
        let (mut host, mut guest) = (Node::start(1, short).await, Node::start(2, |c| c).await);
        guest.dial(&host, Alpn::Lobby);
        guest.up().await;
        host.up().await;
        guest.links.send(&host.key(), "knock").unwrap();
        host.message().await;
        assert_eq!(guest.down().await, (host.key(), Reason::Idle));
    });
}

#[test]
fn the_lobby_holds_so_many_from_one_address() {
    run(async {
        let narrow = |mut config: Config| {
            config.limits.strangers_per_source = 1;
            config
        };
        let mut host = Node::start(1, narrow).await;
        let (mut first, mut second) = (Node::start(2, |c| c).await, Node::start(3, |c| c).await);
        let loopback = |node: &Node| {
            let mut address = node.links.own_address();
            address.keep(|socket| socket.ip() == std::net::Ipv4Addr::LOCALHOST);
            address
        };
        first.links.dial(host.key(), Alpn::Lobby, &loopback(&host));
        first.up().await;
        host.up().await;
        second.links.dial(host.key(), Alpn::Lobby, &loopback(&host));
        assert_eq!(second.down().await, (host.key(), Reason::Busy));
        first.links.close(&host.key(), Reason::Left);
        assert_eq!(host.down().await, (first.key(), Reason::Left));
        second.links.dial(host.key(), Alpn::Lobby, &loopback(&host));
        second.up().await;
    });
}

#[test]
fn a_fast_talker_in_the_lobby_is_slowed_down() {
    run(async {
        let (mut host, mut guest) = (Node::start(1, |c| c).await, Node::start(2, |c| c).await);
        guest.dial(&host, Alpn::Lobby);
        guest.up().await;
        host.up().await;
        guest.links.send(&host.key(), vec![1; MAX_LOBBY_MESSAGE]).unwrap();
        guest.links.send(&host.key(), vec![2; 1_000]).unwrap();
        host.message().await;
        let start = std::time::Instant::now();
        host.message().await;
        assert!(start.elapsed() > Duration::from_millis(200), "{:?}", start.elapsed());
    });
}

#[test]
fn a_message_above_the_bound_ends_the_link() {
    run(async {
        let mut host = Node::start(1, |c| c).await;
        let (_endpoint, conn) = intruder(9, &host, Alpn::Lobby).await;
        let (mut send, _recv) = conn.open_bi().await.unwrap();
        send.write_all(&[0; 4]).await.unwrap();
        host.up().await;
        send.write_all(&u32::MAX.to_be_bytes()).await.unwrap();
        assert_eq!(closed(&conn).await, Reason::Violation);
        assert_eq!(host.down().await.1, Reason::Violation);
    });
}

#[test]
fn media_in_the_lobby_reaches_nobody() {
    run(async {
        let mut host = Node::start(1, |c| c).await;
        let (_endpoint, conn) = intruder(9, &host, Alpn::Lobby).await;
        let (mut send, _recv) = conn.open_bi().await.unwrap();
        send.write_all(&[0; 4]).await.unwrap();
        let (key, ..) = host.up().await;
        conn.send_datagram(Bytes::from_static(b"media")).unwrap();
        while host.links.stats(&key).is_none_or(|stats| stats.dropped == 0) {
            tokio::task::yield_now().await;
        }
        send.write_all(b"\0\0\0\x01k").await.unwrap();
        assert_eq!(host.message().await, "k");
    });
}

#[test]
fn media_above_the_rate_is_dropped() {
    run(async {
        let slow = |mut config: Config| {
            config.limits.datagram_rate = 3.0;
            config
        };
        let (mut a, mut b) = (Node::start(1, |c| c).await, Node::start(2, slow).await);
        admit(&[&a, &b]);
        a.dial(&b, Alpn::Meeting);
        a.up().await;
        b.up().await;
        let batch: Vec<_> = (0..10).map(|i| Bytes::from(vec![i; 9])).collect();
        a.links.datagrams(&b.key(), &batch).unwrap();
        while b.links.stats(&a.key()).unwrap().dropped < 7 {
            tokio::task::yield_now().await;
        }
        let mut received = 0;
        while received < 3 {
            received += b.datagrams().await.len();
        }
        assert_eq!(received, 3);
    });
}

#[test]
fn two_who_dial_at_once_agree_on_one_link() {
    run(async {
        for _ in 0..10 {
            let (mut a, mut b) = (Node::start(1, |c| c).await, Node::start(2, |c| c).await);
            admit(&[&a, &b]);
            a.dial(&b, Alpn::Meeting);
            b.dial(&a, Alpn::Meeting);
            a.up().await;
            b.up().await;
            a.links.send(&b.key(), "to b").unwrap();
            b.links.send(&a.key(), "to a").unwrap();
            assert_eq!(b.message().await, "to b");
            assert_eq!(a.message().await, "to a");
            a.links.close(&b.key(), Reason::Left);
            assert_eq!(b.down().await, (a.key(), Reason::Left));
        }
    });
}

#[test]
fn a_peer_that_is_not_there_is_unreachable() {
    run(async {
        let short = |mut config: Config| {
            config.limits.dial = Duration::from_millis(100);
            config
        };
        let mut a = Node::start(1, short).await;
        let gone = Node::start(2, |c| c).await;
        let (key, address) = (gone.key(), gone.links.own_address());
        gone.links.shutdown(Reason::Left).await;
        a.links.dial(key, Alpn::Lobby, &address);
        assert_eq!(a.down().await, (key, Reason::Unreachable));
        a.links.dial(key, Alpn::Lobby, &AddressBlob::decode(&[0, 0]).unwrap());
        assert_eq!(a.down().await, (key, Reason::Unreachable));
    });
}

#[test]
fn two_behind_a_relay_meet_there() {
    run(async {
        let relay = relay::start("127.0.0.1:0".parse().unwrap(), |_| async { true }).await.unwrap();
        let hidden = |config: Config| config.relays(vec![relay.url().to_owned()]).relay_only(true);
        let (mut a, mut b) = (Node::start(1, hidden).await, Node::start(2, hidden).await);
        admit(&[&a, &b]);
        timeout(PATIENCE, a.links.online()).await.unwrap();
        timeout(PATIENCE, b.links.online()).await.unwrap();
        assert_eq!(b.links.own_address().sockets().count(), 0);
        a.dial(&b, Alpn::Meeting);
        assert_eq!(a.up().await, (b.key(), Alpn::Meeting, false));
        assert_eq!(b.up().await, (a.key(), Alpn::Meeting, false));
        a.links.send(&b.key(), "hello").unwrap();
        assert_eq!(b.message().await, "hello");
        b.links.datagrams(&a.key(), &[Bytes::from_static(b"media")]).unwrap();
        assert_eq!(a.datagrams().await, ["media"]);
        assert_eq!(relay.clients(), 2);
    });
}

#[test]
fn a_relay_serves_members_only_and_asks_again() {
    run(async {
        let (open, member) = watch::channel(true);
        let guest = Npk(*iroh::SecretKey::from_bytes(&[1; 32]).public().as_bytes());
        let access = move |npk| {
            let open = *member.borrow();
            async move { open && npk == guest }
        };
        let relay = relay::start("127.0.0.1:0".parse().unwrap(), access).await.unwrap();
        let hidden = |config: Config| config.relays(vec![relay.url().to_owned()]).relay_only(true);
        let (a, b) = (Node::start(1, hidden).await, Node::start(2, hidden).await);
        timeout(PATIENCE, a.links.online()).await.unwrap();
        let mut status = b.links.hub.endpoint.home_relay_status();
        let refused = async {
            loop {
                let list = iroh::Watcher::get(&mut status);
                if list.iter().any(|status| status.auth_denied_reason().is_some()) {
                    break;
                }
                iroh::Watcher::updated(&mut status).await.unwrap();
            }
        };
        timeout(PATIENCE, refused).await.unwrap();
        assert_eq!(relay.clients(), 1);
        open.send_replace(false);
        relay.recheck().await;
        while relay.clients() > 0 {
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn hiding_takes_a_relay_and_a_relay_takes_a_plain_url() {
    run(async {
        let start = |change: fn(Config) -> Config| {
            let (_roster, members) = watch::channel(BTreeSet::new());
            Links::start(change(Config::new(Zeroizing::new([1; 32]), members)))
        };
        assert!(matches!(start(|c| c.relay_only(true)).await, Err(StartError::NoRelay)));
        let odd = |c: Config| c.relays(vec!["ftp://relay.example/".to_owned()]);
        assert!(matches!(start(odd).await, Err(StartError::Relay(_))));
    });
}

#[test]
fn the_seed_is_not_printed() {
    let (_roster, members) = watch::channel(BTreeSet::new());
    let printed = format!("{:?}", Config::new(Zeroizing::new([0xab; 32]), members));
    assert!(!printed.contains("171") && !printed.contains("ab, ab"), "{printed}");
}

/// Prints what a link costs. `cargo test --release -p conclave links -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
fn figures() {
    run(async {
        let mut dials = Vec::new();
        for _ in 0..30 {
            let (mut a, mut b) = (Node::start(1, |c| c).await, Node::start(2, |c| c).await);
            admit(&[&a, &b]);
            let start = std::time::Instant::now();
            a.dial(&b, Alpn::Meeting);
            a.up().await;
            a.links.send(&b.key(), "first").unwrap();
            b.up().await;
            b.message().await;
            dials.push(start.elapsed());
        }
        dials.sort();
        println!("dial to first message: p50 {:?}, max {:?}", dials[15], dials[29]);
        let (a, mut b) = pair().await;
        let mut times = Vec::new();
        for _ in 0..1_000 {
            let start = std::time::Instant::now();
            a.links.datagrams(&b.key(), &[Bytes::from(vec![1; 1_000])]).unwrap();
            b.datagrams().await;
            times.push(start.elapsed());
        }
        times.sort();
        println!("datagram: p50 {:?}, p99 {:?}", times[500], times[990]);
    });
}
