//! Peers that meet at a relay only.

use std::collections::BTreeSet;

use bytes::Bytes;
use tokio::{sync::watch, time::timeout};
use zeroize::Zeroizing;

use super::{super::*, Node, PATIENCE, admit, run};
use crate::relay;

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
