//! Seeds for every target: the project's frozen vectors, and what is said in a meeting.
//!
//! They are few and small, since the fuzzer finds the rest by itself, and one test replays them.

use std::{collections::BTreeMap, fs, path::Path};

use conclave_meeting::{
    evidence::{Equivocation, SignedRecord},
    wire::PeerMessage,
};
use conclave_protocol::{Context, Digest, Signer, Tx, encode};
use serde_json::Value;

use crate::{
    targets::values::VALUES,
    world::{Net, World},
};

/// Seeds of one kind at most.
const MOST: usize = 3;

/// Writes all of them beside what the corpus holds.
///
/// # Panics
/// A vector is missing, or the corpus cannot be written.
pub fn write() {
    transactions();
    scripts();
    values();
    links();
    signals();
    meeting();
    for (target, bytes) in [
        ("header", vec![0x99, 1, 0, 1, 0]),
        ("light", vec![0; 64]),
        ("session", (0..=255).collect()),
        ("session", (0..=255).rev().map(|byte: u8| byte.wrapping_mul(37)).collect()),
        ("sframe", [vec![1; 8], (0..120).collect()].concat()),
    ] {
        seed(target, &bytes);
    }
}

/// One of each kind and a few that no decoder takes.
fn transactions() {
    for tx in strings(&vectors("transactions")["valid"], "bytes") {
        seed("tx", &tx);
    }
    for tx in strings(&vectors("malformed")["refused"], "bytes").iter().step_by(40) {
        seed("tx", tx);
    }
}

/// Whole histories for the rules: transactions with who signed them and what time passed.
fn scripts() {
    let all = vectors("scripts");
    let all = all["scripts"].as_array().expect("scripts");
    // Random walks, one in which changes of a user wait, one in which a meeting leaves the state, and
    // one of validators.
    let named = |word: &'static str| {
        all.iter()
            .filter(move |script| script["name"].as_str().is_some_and(|n| n.starts_with(word)))
    };
    let some =
        named("walk").step_by(20).chain(named("what")).chain(named("validators").take(1));
    for script in some {
        let (mut signers, mut before) = (Vec::new(), None);
        let mut history = Vec::new();
        for step in script["steps"].as_array().expect("steps") {
            let (tx, time) = (bytes(&step["tx"]), step["time"].as_u64().expect("a time"));
            let passed = u8::try_from(time - before.replace(time).unwrap_or(time)).unwrap_or(255);
            let signer = Tx::decode(&tx).expect("a transaction").signer;
            let who = signers.iter().position(|known| *known == signer).unwrap_or_else(|| {
                signers.push(signer);
                signers.len() - 1
            });
            let [high, low] = u16::try_from(tx.len()).expect("a length").to_be_bytes();
            history.extend([u8::try_from(who).expect("a device"), passed, high, low]);
            history.extend(tx);
        }
        seed("apply", &history);
    }
}

/// A few of each type that has vectors.
fn values() {
    for vector in vectors("encodings")["types"].as_array().into_iter().flatten() {
        let name = vector["type"].as_str().expect("a name");
        let Some(which) = VALUES.iter().position(|(value, _)| *value == name) else { continue };
        for value in vector["valid"].as_array().into_iter().flatten().take(2 * MOST) {
            let which = u8::try_from(which).expect("fewer than 256 types");
            seed("value", &[vec![which], bytes(value)].concat());
        }
    }
}

/// Links of each kind, what lies inside them, and some that are refused.
fn links() {
    for kind in vectors("links")["kinds"].as_array().into_iter().flatten() {
        for valid in kind["valid"].as_array().into_iter().flatten() {
            seed("link", &bytes(&valid["bytes"]));
            seed("link", valid["link"].as_str().expect("a link").as_bytes());
        }
        for refused in kind["refused"].as_array().into_iter().flatten().step_by(12) {
            seed("link", refused["text"].as_str().expect("a text").as_bytes());
        }
    }
}

/// One of each kind.
fn signals() {
    for shown in vectors("messages")["types"].as_array().into_iter().flatten() {
        if shown["type"] == "Signal" {
            for value in shown["valid"].as_array().into_iter().flatten() {
                seed("signal", &bytes(value));
            }
        }
    }
}

/// What a meeting says and sends: a few of each kind.
fn meeting() {
    let mut world = World::meeting(7, 4, 3, Net::GOOD);
    world.open_stream(1);
    world.join(3);
    world.run(1_500);
    assert!(world.send_unit(1, 20) && world.send_unit(1, 1_200));
    world.run(100);
    let mut seen = BTreeMap::<_, usize>::new();
    for (_, _, bytes) in &world.messages {
        let count = seen.entry(bytes[0]).or_default();
        *count += 1;
        if *count <= MOST {
            seed("wire", bytes);
        }
    }
    for packet in world.captured.iter().take(MOST) {
        seed("header", &packet.bytes);
        seed("fragment", &packet.bytes);
    }
    let chain = world.ledger.rules().chain_id;
    let leader = &world.devices[0].signer;
    let bundle =
        world.messages.iter().rev().find_map(|(_, _, bytes)| {
            match PeerMessage::from_bytes(bytes) {
                Ok(PeerMessage::Bundle(bundle)) => Some(bundle),
                _ => None,
            }
        });
    let bundle = bundle.expect("a key was given");
    let first = SignedRecord { record: bundle.record, sig: bundle.sig };
    let mut second = first.clone();
    second.record.mk_commit.0[0] ^= 1;
    second.sig = leader.sign(Context::Epoch, &chain, &encode(&second.record));
    seed("evidence", &encode(&first));
    seed("evidence", &encode(&Equivocation { chain, leader: leader.ivk(), first, second }));
}

fn seed(target: &str, bytes: &[u8]) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    fs::create_dir_all(&dir).expect("the corpus can be written");
    let name = Digest::of(&[bytes]).to_string();
    fs::write(dir.join(name), bytes).expect("the corpus can be written");
}

fn vectors(name: &str) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../vectors/{name}.json"));
    let text = fs::read_to_string(file).expect("the vectors are there");
    serde_json::from_str(&text).expect("the vectors are JSON")
}

fn strings(list: &Value, field: &str) -> Vec<Vec<u8>> {
    list.as_array().into_iter().flatten().map(|item| bytes(&item[field])).collect()
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().expect("bytes")).expect("a vector is hexadecimal")
}
