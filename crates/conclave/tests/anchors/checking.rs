//! What a stranger concludes when endpoints or validators lie.

use conclave_protocol::{AnchorPlace, AnchorRecord, Digest, Height};
use serde_json::{Value, json};

use crate::{
    anvil::{ACCOUNT, Anvil},
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
    let chain = world.chain();
    let tx: [u8; 32] = bytes(&recorded["tx"]);
    let height = Height(recorded["height"].as_u64().unwrap());
    let header = chain.header_at(height).await.unwrap().digest;
    let place = |tx| AnchorPlace::Ethereum(31_337, tx, [0; 32]);
    let hello = json!([{ "from": ACCOUNT, "to": ACCOUNT, "data": "0x68656c6c6f" }]);
    let hello: [u8; 32] = bytes(&node.ask("eth_sendTransaction", hello).await);
    node.mine(3).await;
    let cases = [
        // A transaction that is not there, and one that says something else.
        (AnchorRecord { height, header, anchor: place([9; 32]) }, "missing"),
        (AnchorRecord { height, header, anchor: place(hello) }, "missing"),
        (
            AnchorRecord { height: Height(1), header: at(&chain, 1).await, anchor: place(tx) },
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

async fn at(chain: &conclave::chain::Chain, height: u64) -> Digest {
    chain.header_at(Height(height)).await.unwrap().digest
}

fn bytes(hash: &Value) -> [u8; 32] {
    let mut bytes = [0; 32];
    hex::decode_to_slice(&hash.as_str().unwrap()[2..], &mut bytes).unwrap();
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_false_record_keeps_nobody_from_posting() {
    let (world, node) = (World::start().await, Anvil::start().await);
    world.reaches(1).await;
    let chain = world.chain();
    let anchor = AnchorPlace::Ethereum(31_337, [9; 32], [9; 32]);
    let lie = async |height| {
        let header = at(&chain, height).await;
        world.claim(AnchorRecord { height: Height(height), header, anchor }).await;
    };
    // Each record is in a block of its own; then this height is due for as many blocks again.
    const DUE: u64 = 32;
    for _ in 0..DUE {
        lie(1).await;
    }
    lie(DUE).await;
    let mut poster = world.poster(&[&node.url], &["--every", &DUE.to_string(), "--depth", "2"]);
    assert_eq!(poster.tells("sent").await["height"], DUE);
    assert!(!poster.has_told("already"));
    poster.kill().await;
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
