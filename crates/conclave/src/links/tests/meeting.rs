//! Members with a link between them, who may have one, and how it ends.

use std::{collections::BTreeSet, time::Duration};

use bytes::Bytes;
use tokio::sync::watch;
use zeroize::Zeroizing;

use super::{super::*, Node, admit, pair, run};

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
