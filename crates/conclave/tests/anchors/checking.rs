//! What a stranger concludes when endpoints or validators lie.

use conclave_protocol::{AnchorPlace, AnchorRecord, Digest, Height, anchor::Anchor};
use serde_json::{Value, json};

use crate::{
    anvil::{ACCOUNT, Anvil, bytes},
    forgetful::Forgetful,
    gate::{Gate, Way},
    world::{World, conclave},
};

/// A world with one anchor, three blocks deep.
async fn anchored() -> (World, Anvil, Value) {
    let (world, node) = (World::start().await, Anvil::start().await);
    world.reaches(3).await;
    let mut poster = world.poster(&[&node.url], &["--once", "--every", "1", "--depth", "3"]);
    poster.tells("sent").await;
    node.mine(3).await;
    let recorded = poster.tells("recorded").await;
    assert_eq!(poster.ends().await, 0);
    (world, node, recorded)
}

const DEPTH: &[&str] = &["--depth", "3"];

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_that_disagree_or_lie_never_make_an_anchor() {
    let (world, node, recorded) = anchored().await;
    let (honest, other) = (Gate::before(&node).await, Gate::before(&node).await);
    let urls = [&*honest.url, &other.url];
    let hides = |method: &str, result: &mut Value| {
        if method == "eth_getTransactionByHash" {
            *result = Value::Null;
        }
    };
    let other_block = |method: &str, result: &mut Value| {
        if method == "eth_getBlockByHash" {
            result["timestamp"] = json!("0x1");
        }
    };
    let other_data = |method: &str, result: &mut Value| {
        if method == "eth_getTransactionByHash" {
            result["input"] = json!("0x00");
        }
    };
    let leaves_out = |method: &str, result: &mut Value| {
        if method == "eth_getBlockByHash" {
            result["transactions"] = json!([]);
        }
    };
    let other_chain = |method: &str, result: &mut Value| {
        if method == "eth_getBlockByNumber" {
            result["hash"] = json!(format!("0x{}", "77".repeat(32)));
        }
    };
    type Lie = fn(&str, &mut Value);
    let lies: [(Lie, &str); 5] = [
        (hides, "different histories"),
        (other_block, "does not hash"),
        (other_data, "does not hash"),
        (leaves_out, "does not hash"),
        (other_chain, "different histories"),
    ];
    for (lie, words) in lies {
        other.turn(Way::Lie(lie));
        let (status, lines) = world.verify(&urls, DEPTH).await;
        assert_eq!((status, &lines[0]["verdict"]), (1, &json!("missing")), "{lines:#?}");
        assert!(lines[0]["words"].as_str().unwrap().contains(words), "{lines:#?}");
        assert_eq!(lines[0]["tx"], recorded["tx"]);
    }
    other.turn(Way::Shut);
    let (status, lines) = world.verify(&urls, DEPTH).await;
    assert_eq!((status, &lines[0]["verdict"]), (0, &json!("pending")), "{lines:#?}");
    other.turn(Way::Open);
    let (status, lines) = world.verify(&urls, DEPTH).await;
    assert_eq!((status, &lines[0]["verdict"]), (0, &json!("anchored")), "{lines:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_no_endpoint_answers_the_program_says_so_and_what_to_do() {
    let (world, node, _) = anchored().await;
    let gate = Gate::before(&node).await;
    gate.turn(Way::Shut);
    // One is out of order, at the other nobody listens.
    let url = format!("{}v3/SECRET-OF-AN-ACCOUNT", gate.url);
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dead = format!("http://{}/v3/SECRET-OF-AN-ACCOUNT", nobody.local_addr().unwrap());
    drop(nobody);
    let output = conclave(&["anchor", "verify", "--ethereum", &url, "--ethereum", &dead])
        .arg("--network")
        .arg(world.file())
        .env("RUST_LOG", "debug")
        .output()
        .await
        .unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("error: no Ethereum endpoint answers\n  run: "), "{text}");
    assert!(!text.contains("SECRET"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_validators_record_falsely_is_told_from_what_is_true() {
    let (world, node, recorded) = anchored().await;
    let tx: [u8; 32] = bytes(&recorded["tx"]);
    let height = Height(recorded["height"].as_u64().unwrap());
    let header = world.header(height.0).await;
    let place = |tx| AnchorPlace::Ethereum(31_337, tx, [0; 32]);
    let hello = json!([{ "from": ACCOUNT, "to": ACCOUNT, "data": "0x68656c6c6f" }]);
    let hello: [u8; 32] = bytes(&node.ask("eth_sendTransaction", hello).await);
    node.mine(3).await;
    let cases = [
        // A transaction that is not there, and one that says something else.
        (AnchorRecord { height, header, anchor: place([9; 32]) }, "missing"),
        (AnchorRecord { height, header, anchor: place(hello) }, "missing"),
        (
            AnchorRecord { height: Height(1), header: world.header(1).await, anchor: place(tx) },
            "missing",
        ),
        // Chains that nobody asks.
        (AnchorRecord { height, header, anchor: AnchorPlace::Ethereum(1, tx, [0; 32]) }, "pending"),
        (AnchorRecord { height, header, anchor: AnchorPlace::Bitcoin(tx, [0; 32]) }, "pending"),
        // Another hash than the validators sign.
        (AnchorRecord { height, header: Digest([5; 32]), anchor: place(tx) }, "conflict"),
    ];
    for (record, verdict) in cases {
        world.claim(record).await;
        let (status, lines) = world.verify(&[&node.url], DEPTH).await;
        assert_eq!(lines[0]["verdict"], verdict, "{lines:#?}");
        assert_eq!(lines[0]["by"], world.validator().to_string());
        assert_eq!(status, 1, "one of them is missing");
    }
    let (_, lines) = world.verify(&[&node.url], DEPTH).await;
    let summary = lines.last().unwrap();
    let counts = ["anchored", "pending", "missing", "conflict"].map(|name| summary[name].as_u64());
    assert_eq!(counts, [1, 2, 3, 1].map(Some));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_about_a_block_that_was_dropped_hides_nothing_of_the_others() {
    let (world, node, recorded) = anchored().await;
    let height = Height(recorded["height"].as_u64().unwrap());
    let first = Anchor {
        chain_id: world.network.genesis.chain_id(),
        height: Height(1),
        header: world.header(1).await,
    };
    let tx = node.sends(ACCOUNT, &first.to_bytes()).await;
    node.mine(3).await;
    let anchor = AnchorPlace::Ethereum(31_337, tx, [0; 32]);
    world.claim(AnchorRecord { height: first.height, header: first.header, anchor }).await;
    let (_, lines) = world.verify(&[&node.url], DEPTH).await;
    assert_eq!(lines[0]["verdict"], "anchored", "while the block is there: {lines:#?}");

    let forgetful = Forgetful::before(&world, height.0).await;
    let (status, lines) = world.verify_as(&forgetful.file, &[&node.url], DEPTH).await;
    assert_eq!((status, &lines[0]["verdict"]), (0, &json!("pending")), "{lines:#?}");
    let words = lines[0]["words"].as_str().unwrap();
    assert!(words.contains(&format!("keep blocks from height {height} on")), "{words}");
    assert_eq!((&lines[0]["header"], &lines[1]["verdict"]), (&json!(""), &json!("anchored")));

    // What is false is still found: of another block, and of this one.
    let rival = Anchor { header: Digest([5; 32]), ..first };
    let false_tx = node.sends(ACCOUNT, &rival.to_bytes()).await;
    node.mine(3).await;
    let anchor_of = |tx| AnchorPlace::Ethereum(31_337, tx, [0; 32]);
    let header = Digest([5; 32]);
    world.claim(AnchorRecord { height, header, anchor: anchor_of(tx) }).await;
    let (height, header) = (first.height, first.header);
    world.claim(AnchorRecord { height, header, anchor: anchor_of(false_tx) }).await;
    let (status, lines) = world.verify_as(&forgetful.file, &[&node.url], DEPTH).await;
    let verdicts: Vec<_> = lines[..4].iter().map(|line| line["verdict"].clone()).collect();
    assert_eq!(verdicts, ["conflict", "conflict", "pending", "anchored"], "{lines:#?}");
    assert_eq!(status, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_checks_the_anchors_with_the_endpoints_of_the_person() {
    let (world, node, recorded) = anchored().await;
    node.mine(70).await;
    let home = world.path().join("home");
    let mut daemon = conclave(&["up", "--no-browser", "--json", "--ethereum", &node.url])
        .arg("--network")
        .arg(world.file())
        .arg("--home")
        .arg(&home)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = tokio::io::BufReader::new(daemon.stdout.take().unwrap());
    let mut line = String::new();
    tokio::io::AsyncBufReadExt::read_line(&mut lines, &mut line).await.unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();
    let origin = format!("http://127.0.0.1:{}", ready["port"]);
    let client = crate::anvil::client();
    let state = async || -> Value {
        let request = client.get(format!("{origin}/api/state"));
        let request =
            request.bearer_auth(ready["token"].as_str().unwrap()).header("origin", &origin);
        request.send().await.unwrap().json().await.unwrap()
    };
    crate::eventually("the anchor shows", async || state().await["anchors"]["count"] == 1).await;
    let anchors = state().await["anchors"].clone();
    assert_eq!(anchors["list"][0]["verdict"], "anchored", "{anchors:#?}");
    assert_eq!(anchors["anchored"], recorded["height"]);
    daemon.kill().await.unwrap();
}
