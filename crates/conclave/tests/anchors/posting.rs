//! What an organisation sees: a header hash in Ethereum, whatever happens on the way.

use serde_json::json;

use crate::{
    anvil::{ACCOUNT, Anvil, number},
    gate::{Gate, Way},
    world::{World, conclave},
};

const ONCE: &[&str] = &["--once", "--every", "1", "--depth", "3", "--bump-after", "3"];

#[tokio::test(flavor = "multi_thread")]
async fn a_header_hash_is_posted_recorded_and_found_by_a_stranger() {
    let (world, node) = (World::of(4).await, Anvil::start().await);
    world.reaches(1).await;
    let mut poster = world.poster(&[&node.url], ONCE);
    let sent = poster.tells("sent").await;
    let height = sent["height"].as_u64().unwrap();
    assert!(world.records().await.is_empty());
    let (status, lines) = world.verify(&[&node.url], &["--depth", "3"]).await;
    assert_eq!((status, lines[0]["recorded"].as_u64()), (0, Some(0)), "nothing is recorded yet");

    node.mine(1).await;
    assert_eq!(poster.tells("mined").await["tx"], sent["tx"]);
    node.mine(2).await;
    assert_eq!(poster.tells("deep").await["depth"], 3);
    let recorded = poster.tells("recorded").await;
    assert_eq!(poster.ends().await, 0);

    let posts = node.posts().await;
    assert_eq!(posts.keys().copied().collect::<Vec<_>>(), [height]);
    let tx = &posts[&height][0];
    assert_eq!((&tx["hash"], number(&tx["value"]), number(&tx["type"])), (&sent["tx"], 0, 2));
    assert_eq!((tx["from"].as_str(), &tx["to"]), (tx["to"].as_str(), &tx["from"]));
    assert!(tx["from"].as_str().unwrap().eq_ignore_ascii_case(ACCOUNT));
    let receipt = node.ask("eth_getTransactionReceipt", json!([sent["tx"]])).await;
    let gas = number(&receipt["gasUsed"]);
    println!("an anchor used {gas} gas");
    // 21,000, and 40 for each byte that is not zero (EIP-7623); zeros cost 10.
    assert!((21_000..=24_080).contains(&gas), "{gas}");
    assert_eq!(gas, sent["gas"].as_u64().unwrap());

    // The doctor of a validator looks how long ago that was.
    let home = world.home();
    let doctor = conclave(&["doctor", "--dir", home.to_str().unwrap()]).output().await.unwrap();
    let said = String::from_utf8(doctor.stdout).unwrap();
    assert!(said.contains(&format!("anchors: block {height} is anchored, ")), "{said}");

    let gates = (Gate::before(&node).await, Gate::before(&node).await);
    let (status, lines) = world.verify(&[&gates.0.url, &gates.1.url], &["--depth", "3"]).await;
    assert_eq!(status, 0, "{lines:#?}");
    let [anchor, summary] = &lines[..] else { panic!("{lines:#?}") };
    assert_eq!((&anchor["verdict"], &anchor["height"]), (&json!("anchored"), &sent["height"]));
    assert_eq!((&anchor["header"], &anchor["tx"]), (&recorded["header"], &sent["tx"]));
    assert_eq!((&summary["anchored"], &summary["recorded"]), (&json!(1), &json!(1)));
    assert_eq!(summary["endpoints"].as_array().unwrap().len(), 2);

    let (status, lines) = world.verify(&[&node.url], &["--depth", "4"]).await;
    assert_eq!((status, &lines[0]["verdict"]), (0, &json!("pending")), "{lines:#?}");
    let (_, lines) = world.verify(&[&node.url], &["--depth", "finalized"]).await;
    assert_eq!(lines[0]["verdict"], "pending");
    node.mine(70).await;
    let (_, lines) = world.verify(&[&node.url], &["--depth", "finalized"]).await;
    assert_eq!(lines[0]["verdict"], "anchored");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_height_that_is_due_is_anchored_after_the_other_and_each_once() {
    let (world, node) = (World::start().await, Anvil::start().await);
    let more = ["--every", "2", "--depth", "2"];
    let mut poster = world.poster(&[&node.url], &more);
    let mut heights = Vec::new();
    for _ in 0..3 {
        let sent = poster.tells("sent").await;
        heights.push(sent["height"].as_u64().unwrap());
        node.mine(2).await;
        poster.tells("recorded").await;
    }
    assert!(heights.windows(2).all(|pair| pair[0] < pair[1]), "{heights:?}");
    assert!(heights.iter().all(|height| height % 2 == 0), "{heights:?}");
    let second = world.poster(&[&node.url], &more);
    assert_eq!(second.ends().await, 1, "another process anchors for this validator already");
    poster.kill().await;
    assert_eq!(node.has_one_post_per_height().await, 3);
    assert_eq!(world.records().await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_transaction_is_posted_again() {
    let (world, node) = (World::start().await, Anvil::start().await);
    world.reaches(1).await;
    let mut poster = world.poster(&[&node.url], ONCE);
    let sent = poster.tells("sent").await;
    node.ask("anvil_dropTransaction", json!([sent["tx"]])).await;
    assert_eq!(poster.tells("again").await["tx"], sent["tx"], "the same transaction");
    node.mine(1).await;
    poster.tells("mined").await;
    node.mine(2).await;
    poster.tells("recorded").await;
    assert_eq!(poster.ends().await, 0);
    assert_eq!(node.has_one_post_per_height().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_takes_long_is_replaced_at_the_same_nonce_up_to_the_cap() {
    let (world, node) = (World::start().await, Anvil::start().await);
    world.reaches(1).await;
    let gate = Gate::before(&node).await;
    let cap = [ONCE, &["--max-fee-gwei", "2.3"]].concat();
    let mut poster = world.poster(&[&gate.url], &cap);
    let sent = poster.tells("sent").await;
    // Three blocks have no room for it. The gate is shut, so that the program looks when there is
    // some again: this node takes no transaction meanwhile.
    let full = async || {
        gate.turn(Way::Shut);
        node.ask("evm_setBlockGasLimit", json!(["0x55f0"])).await;
        node.mine(3).await;
        node.ask("evm_setBlockGasLimit", json!(["0x1c9c380"])).await;
        gate.turn(Way::Open);
    };
    full().await;
    let replaced = poster.tells("replaced").await;
    let offers = (sent["max_fee"].as_u64().unwrap(), replaced["max_fee"].as_u64().unwrap());
    assert!(offers.1 > offers.0 + offers.0 / 10 && offers.1 <= 2_300_000_000, "{offers:?}");
    let waiting = node.waiting().await;
    let hash = replaced["tx"].as_str().unwrap().to_owned();
    assert_eq!(waiting.into_iter().collect::<Vec<_>>(), [(hash, sent["nonce"].as_u64().unwrap())]);
    // An eighth more would be over what the organisation pays: it says so.
    full().await;
    while !poster.tells("waiting").await["why"].as_str().unwrap().contains("--max-fee-gwei") {}
    node.mine(1).await;
    assert_eq!(poster.tells("mined").await["tx"], replaced["tx"]);
    node.mine(2).await;
    poster.tells("recorded").await;
    assert_eq!(poster.ends().await, 0);
    assert_eq!(node.has_one_post_per_height().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_posted_while_gas_costs_more_than_is_allowed() {
    let (world, node) = (World::start().await, Anvil::start().await);
    world.reaches(1).await;
    node.ask("anvil_setNextBlockBaseFeePerGas", json!(["0x174876e800"])).await;
    node.mine(1).await;
    let mut poster = world.poster(&[&node.url], &[ONCE, &["--max-fee-gwei", "20"]].concat());
    let why = poster.tells("waiting").await["why"].as_str().unwrap().to_owned();
    assert!(why.contains("--max-fee-gwei"), "{why}");
    assert!(node.waiting().await.is_empty());
    node.mine(30).await;
    poster.tells("sent").await;
    poster.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_whose_block_left_the_chain_is_posted_again_or_found_in_another_block() {
    let (world, node) = (World::start().await, Anvil::start().await);
    world.reaches(1).await;
    node.mine(5).await;
    let deep = ["--once", "--every", "1", "--depth", "4", "--bump-after", "1000"];
    let mut poster = world.poster(&[&node.url], &deep);
    let sent = poster.tells("sent").await;
    node.mine(1).await;
    let first = poster.tells("mined").await;
    node.mine(1).await;
    // Two blocks give way to two others, without it: nobody knows the transaction any more.
    node.ask("anvil_reorg", json!([2, []])).await;
    assert_eq!(poster.tells("vanished").await["tx"], sent["tx"]);
    assert_eq!(poster.tells("again").await["tx"], sent["tx"], "never another one");
    node.mine(1).await;
    let second = poster.tells("mined").await;
    assert!(second["block"].as_u64() > first["block"].as_u64());
    // Two blocks give way to three, and the second one of them has it.
    let raw = node.ask("eth_getRawTransactionByHash", json!([sent["tx"]])).await;
    node.ask("anvil_reorg", json!([3, [[raw, 0]]])).await;
    let third = poster.tells("mined").await;
    assert_eq!(third["tx"], sent["tx"]);
    assert_ne!(third["block"], second["block"]);
    node.mine(4).await;
    poster.tells("recorded").await;
    assert_eq!(poster.ends().await, 0);
    assert_eq!(node.has_one_post_per_height().await, 1);
    let (status, lines) = world.verify(&[&node.url], &["--depth", "4"]).await;
    assert_eq!((status, &lines[0]["verdict"]), (0, &json!("anchored")), "{lines:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_that_was_deep_enough_and_left_the_chain_comes_back_before_any_other() {
    let (world, node) = (World::start().await, Anvil::start().await);
    world.reaches(1).await;
    node.mine(5).await;
    let once = ["--once", "--every", "1", "--depth", "2"];
    let mut poster = world.poster(&[&node.url], &once);
    let sent = poster.tells("sent").await;
    node.mine(2).await;
    poster.tells("recorded").await;
    assert_eq!(poster.ends().await, 0);
    // It is written down as done, and three blocks give way to others without it.
    node.ask("anvil_reorg", json!([3, []])).await;
    assert!(node.posts().await.is_empty());
    let mut poster = world.poster(&[&node.url], &once);
    assert_eq!(poster.tells("again").await["tx"], sent["tx"], "its nonce is free for nothing else");
    node.mine(2).await;
    let second = poster.tells("sent").await;
    assert_eq!(second["nonce"].as_u64(), sent["nonce"].as_u64().map(|nonce| nonce + 1));
    node.mine(2).await;
    poster.tells("recorded").await;
    assert_eq!(poster.ends().await, 0);
    assert_eq!(node.has_one_post_per_height().await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_no_endpoint_answers_it_says_so_and_then_goes_on() {
    let (world, node) = (World::start().await, Anvil::start().await);
    world.reaches(1).await;
    let gate = Gate::before(&node).await;
    gate.turn(Way::Shut);
    let mut poster = world.poster(&[&gate.url], ONCE);
    let why = poster.tells("waiting").await["why"].as_str().unwrap().to_owned();
    assert!(why.contains("does not answer"), "{why}");
    gate.turn(Way::Open);
    let sent = poster.tells("sent").await;
    gate.turn(Way::Shut);
    let why = poster.tells("waiting").await["why"].as_str().unwrap().to_owned();
    assert!(why.contains("does not answer"), "{why}");
    node.mine(3).await;
    gate.turn(Way::Open);
    assert_eq!(poster.tells("recorded").await["tx"], sent["tx"]);
    assert_eq!(poster.ends().await, 0);
    assert_eq!(node.has_one_post_per_height().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_second_endpoint_it_goes_on_while_the_first_one_is_down() {
    let (world, node) = (World::start().await, Anvil::start().await);
    world.reaches(1).await;
    let gate = Gate::before(&node).await;
    gate.turn(Way::Shut);
    let mut poster = world.poster(&[&gate.url, &node.url], ONCE);
    poster.tells("sent").await;
    node.mine(3).await;
    poster.tells("recorded").await;
    assert_eq!(poster.ends().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_something_else_uses_never_makes_two_posts() {
    let (world, node) = (World::start().await, Anvil::start().await);
    world.reaches(1).await;
    let mut poster = world.poster(&[&node.url], ONCE);
    let sent = poster.tells("sent").await;
    // Somebody pays something with the same account, and takes the nonce away.
    node.ask("anvil_dropTransaction", json!([sent["tx"]])).await;
    let other = json!([{
        "from": ACCOUNT, "to": ACCOUNT, "value": "0x1",
        "nonce": format!("{:#x}", sent["nonce"].as_u64().unwrap()),
        // More than the post offers, and not so much that the next one would be over its cap.
        "maxFeePerGas": "0x9502f9000", "maxPriorityFeePerGas": "0x2540be400",
    }]);
    node.ask("eth_sendTransaction", other).await;
    node.mine(1).await;
    let why = loop {
        let why = poster.tells("waiting").await["why"].as_str().unwrap().to_owned();
        if why.contains("another transaction took nonce") {
            break why;
        }
    };
    assert!(why.contains("does anything else use this account"), "{why}");
    // Only when that is too deep to vanish, another nonce is used.
    assert!(node.waiting().await.is_empty());
    node.mine(3).await;
    let second = poster.tells("sent").await;
    assert_eq!(second["height"], sent["height"]);
    assert_eq!(second["nonce"].as_u64(), sent["nonce"].as_u64().map(|nonce| nonce + 1));
    node.mine(3).await;
    poster.tells("recorded").await;
    assert_eq!(poster.ends().await, 0);
    assert_eq!(node.has_one_post_per_height().await, 1);
}
