//! Seeds for every target: the project's frozen vectors, and what is said in a meeting.
//!
//! They are few and small, since the fuzzer finds the rest by itself, and one test replays them.

use std::{collections::BTreeMap, fs, path::Path};

use conclave_meeting::{
    evidence::{Equivocation, SignedRecord},
    wire::PeerMessage,
};
use conclave_protocol::{Context, Digest, Signer, encode};
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
    values();
    links();
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

/// One of each kind and a few that no decoder takes; all of them in a row for the rules.
fn transactions() {
    let valid = strings(&vectors("transactions")["valid"], "bytes");
    for tx in &valid {
        seed("tx", tx);
    }
    let row = valid.iter().zip(0_u8..).flat_map(|(tx, who)| {
        let [high, low] = u16::try_from(tx.len()).unwrap_or(0).to_be_bytes();
        [vec![who, 1, high, low], tx.clone()].concat()
    });
    seed("apply", &row.collect::<Vec<_>>());
    for tx in strings(&vectors("malformed")["refused"], "bytes").iter().step_by(40) {
        seed("tx", tx);
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

/// An invite as bytes and as a link.
fn links() {
    let links = vectors("links");
    seed("link", &bytes(&links["invite"]));
    seed("link", links["link"].as_str().expect("a link").as_bytes());
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
