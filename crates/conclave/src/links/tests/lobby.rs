//! Strangers before the door: how long, how many, how fast.

use std::time::Duration;

use bytes::Bytes;

use super::{super::*, Node, admit, closed, intruder, run};

#[test]
fn a_guest_knocks_waits_and_moves_to_the_meeting() {
    run(async {
        let (mut a, mut b) = (Node::start(1, |c| c).await, Node::start(2, |c| c).await);
        a.dial(&b, Alpn::Lobby);
        assert_eq!(a.up().await.1, Alpn::Lobby);
        assert_eq!(b.up().await.1, Alpn::Lobby);
        a.links.send(&b.key(), vec![1; MAX_LOBBY_MESSAGE]).unwrap();
        assert_eq!(b.message().await.len(), MAX_LOBBY_MESSAGE);
        b.links.send(&a.key(), "come in").unwrap();
        admit(&[&a, &b]);
        assert_eq!(a.message().await, "come in");
        a.dial(&b, Alpn::Meeting);
        assert_eq!(a.down().await, (b.key(), Reason::Replaced));
        assert_eq!(b.down().await, (a.key(), Reason::Replaced));
        let lost = |one: &Node, other: &Npk| one.links.lost(other, Alpn::Lobby, Reason::Replaced);
        assert!(!lost(&a, &b.key()) && !lost(&b, &a.key()), "the next one is there or on its way");
        assert_eq!(a.up().await.1, Alpn::Meeting);
        assert_eq!(b.up().await.1, Alpn::Meeting);
        a.links.send(&b.key(), "thanks").unwrap();
        assert_eq!(b.message().await, "thanks");
    });
}

#[test]
fn an_answer_in_the_lobby_may_be_long_and_what_a_stranger_says_may_not() {
    run(async {
        let (mut host, mut guest) = (Node::start(1, |c| c).await, Node::start(2, |c| c).await);
        guest.dial(&host, Alpn::Lobby);
        guest.up().await;
        host.up().await;
        let first = b"the key of a meeting of hundreds, and the way to each of them";
        for answer in [vec![7; 100_000], vec![8; MAX_MESSAGE], first.to_vec()].map(Bytes::from) {
            host.links.send(&guest.key(), answer.clone()).unwrap();
            assert_eq!(guest.message().await, answer);
        }
        let long = vec![1; 100_000];
        assert_eq!(guest.links.send(&host.key(), long), Err(SendError::Size));
        // Who keeps to no rule is not listened to either.
        let (_endpoint, conn) = intruder(9, &host, Alpn::Lobby).await;
        let (mut send, _recv) = conn.open_bi().await.unwrap();
        send.write_all(&[0; 4]).await.unwrap();
        host.up().await;
        send.write_all(&100_000_u32.to_be_bytes()).await.unwrap();
        assert_eq!(closed(&conn).await, Reason::Violation);
        assert_eq!(host.down().await.1, Reason::Violation);
    });
}

#[test]
fn who_says_nothing_in_the_lobby_is_sent_away_and_who_knocks_may_wait() {
    run(async {
        let short = |mut config: Config| {
            config.limits.lobby_idle = Duration::from_secs(2);
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
        let start = std::time::Instant::now();
        guest.links.send(&host.key(), vec![1; MAX_LOBBY_MESSAGE]).unwrap();
        guest.links.send(&host.key(), vec![2; 1_000]).unwrap();
        host.message().await;
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
fn a_link_that_its_peer_calls_replaced_is_lost_where_there_is_no_other() {
    run(async {
        let mut host = Node::start(1, |c| c).await;
        let (_endpoint, conn) = intruder(9, &host, Alpn::Lobby).await;
        let (mut send, _recv) = conn.open_bi().await.unwrap();
        send.write_all(&[0; 4]).await.unwrap();
        let (key, ..) = host.up().await;
        conn.close(7_u32.into(), b"");
        assert_eq!(host.down().await, (key, Reason::Replaced));
        assert!(host.links.lost(&key, Alpn::Lobby, Reason::Replaced));
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
