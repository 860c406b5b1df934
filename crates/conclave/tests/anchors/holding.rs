//! What another validator records of a height that is due, and how long that holds an organisation
//! back. One of the four is dishonest.

use conclave_protocol::{AnchorPlace, AnchorRecord, Height, anchor::Anchor};
use serde_json::{Value, json};

use crate::{
    anvil::{ACCOUNT, Anvil, SOMEBODY},
    gate::{Gate, Way},
    world::{Poster, World},
};

/// The height that is due, for as many blocks again.
const DUE: u64 = 32;
/// The validator that records what it likes; the poster is another one's.
const OTHER: usize = 1;
/// A transaction that nobody has made.
const INVENTED: [u8; 32] = [9; 32];

/// A ledger where that height has just come, and false records before.
struct Due {
    world: World,
    node: Anvil,
    anchor: Anchor,
}

impl Due {
    async fn start() -> Self {
        let (world, node) = (World::of(4).await, Anvil::start().await);
        world.reaches(1).await;
        let header = world.header(1).await;
        // Each record is in a block of its own.
        for _ in 0..DUE {
            let anchor = AnchorPlace::Ethereum(31_337, INVENTED, [9; 32]);
            world.claim_by(OTHER, AnchorRecord { height: Height(1), header, anchor }).await;
        }
        world.reaches(DUE).await;
        let (chain_id, header) = (world.network.genesis.chain_id(), world.header(DUE).await);
        Self { world, node, anchor: Anchor { chain_id, height: Height(DUE), header } }
    }

    /// The other validator says that this transaction anchors the height, and names the right
    /// header.
    async fn claim(&self, tx: [u8; 32]) {
        let Anchor { height, header, .. } = self.anchor;
        let anchor = AnchorPlace::Ethereum(31_337, tx, [9; 32]);
        self.world.claim_by(OTHER, AnchorRecord { height, header, anchor }).await;
    }

    /// Somebody else's transaction with the right data, which waits.
    async fn others_post(&self) -> [u8; 32] {
        self.node.sends(SOMEBODY, &self.anchor.to_bytes()).await
    }

    fn poster(&self, urls: &[&str], more: &[&str]) -> Poster {
        self.world.poster(urls, &[&["--every", "32"], more].concat())
    }

    /// How often the poster's account has anchored the height, in a block.
    async fn own_posts(&self) -> usize {
        let posts = self.node.posts().await;
        let is_own = |tx: &&Value| tx["from"].as_str().unwrap().eq_ignore_ascii_case(ACCOUNT);
        posts[&DUE].iter().filter(is_own).count()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_false_record_keeps_nobody_from_posting() {
    let due = Due::start().await;
    due.claim(INVENTED).await;
    let mut poster = due.poster(&[&due.node.url], &["--depth", "2"]);
    assert_eq!(poster.tells("sent").await["height"], DUE);
    assert!(!poster.has_told("already"));
    poster.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_a_transaction_that_only_waits_keeps_nobody_from_posting() {
    let due = Due::start().await;
    due.claim(due.others_post().await).await;
    let mut poster = due.poster(&[&due.node.url], &["--depth", "2", "--once"]);
    assert_eq!(poster.tells("sent").await["height"], DUE);
    assert_eq!(due.node.waiting().await.len(), 2, "the other one has not moved");
    due.node.mine(2).await;
    assert_eq!(poster.tells("recorded").await["height"], DUE);
    assert_eq!(poster.ends().await, 0);
    assert_eq!(due.own_posts().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_one_endpoint_down_a_false_record_keeps_nobody_from_posting() {
    let due = Due::start().await;
    due.claim(INVENTED).await;
    due.claim(due.others_post().await).await;
    let down = Gate::before(&due.node).await;
    down.turn(Way::Shut);
    let mut poster = due.poster(&[&down.url, &due.node.url], &["--depth", "2"]);
    assert_eq!(poster.tells("sent").await["height"], DUE);
    poster.kill().await;
}

/// Waits until it says that another one's transaction is not deep yet.
async fn holds_back(poster: &mut Poster) {
    while !poster.tells("waiting").await["why"].as_str().unwrap().contains("not deep yet") {}
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_one_has_in_a_block_is_waited_for_and_left_alone_when_it_is_deep() {
    let due = Due::start().await;
    let tx = due.others_post().await;
    due.node.mine(1).await;
    due.claim(tx).await;
    let mut poster = due.poster(&[&due.node.url], &["--depth", "300"]);
    holds_back(&mut poster).await;
    due.node.mine(299).await;
    assert_eq!(poster.tells("already").await["height"], DUE);
    assert!(!poster.has_told("sent"));
    poster.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_never_gets_deep_is_waited_for_only_so_long() {
    let due = Due::start().await;
    let tx = due.others_post().await;
    due.node.mine(4).await;
    due.claim(tx).await;
    // This endpoint has stopped before the block, so that not all of them ever show it deep.
    let behind = Gate::before(&due.node).await;
    behind.turn(Way::Lie(|method: &str, result: &mut Value| match method {
        "eth_getTransactionByHash" => *result = Value::Null,
        "eth_blockNumber" => *result = json!("0x0"),
        _ => {}
    }));
    let mut poster = due.poster(&[&due.node.url, &behind.url], &["--depth", "4"]);
    holds_back(&mut poster).await;
    assert_eq!(poster.tells("sent").await["height"], DUE);
    poster.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_journal_it_leaves_alone_what_it_recorded_itself() {
    let due = Due::start().await;
    let mut poster = due.poster(&[&due.node.url], &["--depth", "2", "--once"]);
    poster.tells("sent").await;
    due.node.mine(2).await;
    poster.tells("recorded").await;
    assert_eq!(poster.ends().await, 0);
    std::fs::remove_file(due.world.home().join("anchors.json")).unwrap();
    let down = Gate::before(&due.node).await;
    down.turn(Way::Shut);
    let mut poster = due.poster(&[&down.url, &due.node.url], &["--depth", "2"]);
    assert_eq!(poster.tells("already").await["height"], DUE);
    assert!(!poster.has_told("sent"));
    poster.kill().await;
}
