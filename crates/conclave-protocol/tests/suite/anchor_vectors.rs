//! Frozen anchors: their bytes, the Bitcoin output that carries them, which height is due, and
//! bytes that are none.

use std::num::NonZeroU64;

use conclave_protocol::{
    anchor::{
        Anchor, BadAnchor,
        bitcoin::{self, BadScript},
        due,
    },
    *,
};
use serde_json::{Value, json};

use crate::{encoding_vectors::class_of, frozen_vectors::frozen};

#[test]
fn anchors_keep_their_bytes_and_their_refusals() {
    let valid: Vec<Value> = anchors().iter().map(valid).collect();
    let bytes = anchors()[1].to_bytes();
    let refused: Vec<Value> = spoiled(&bytes)
        .into_iter()
        .map(|(what, bytes)| {
            let error = Anchor::parse(&bytes).expect_err(what);
            json!({ "what": what, "bytes": hex::encode(bytes), "error": anchor_reason(&error) })
        })
        .collect();
    let scripts: Vec<Value> = spoiled_scripts(&bitcoin::script(&anchors()[1]))
        .into_iter()
        .map(|(what, script)| {
            let reason = match bitcoin::parse(&script).expect_err(what) {
                BadScript::Anchor(error) => anchor_reason(&error),
                BadScript::NotAnOutput => "NotAnOutput".to_owned(),
                other => panic!("{other} has no name"),
            };
            json!({ "what": what, "script": hex::encode(script), "error": reason })
        })
        .collect();
    let heights = [(0, 600), (599, 600), (600, 600), (601, 600), (u64::MAX, 600), (7, 1), (7, 9)];
    let due = heights.map(|(newest, every)| {
        let due = due(Height(newest), NonZeroU64::new(every).unwrap());
        json!({ "newest": newest, "every": every, "due": due.map(|height| height.0) })
    });
    let file = json!({ "valid": valid, "refused": refused, "scripts": scripts, "due": due });
    frozen("anchors", &file);
}

fn anchors() -> [Anchor; 3] {
    let anchor = |chain: u8, height, header: u8| Anchor {
        chain_id: ChainId([chain; 32]),
        height: Height(height),
        header: Digest([header; 32]),
    };
    [anchor(0, 0, 0), anchor(1, 600, 2), anchor(0xff, u64::MAX, 0xff)]
}

fn valid(anchor: &Anchor) -> Value {
    let (bytes, script) = (anchor.to_bytes(), bitcoin::script(anchor));
    assert_eq!(Anchor::parse(&bytes), Ok(*anchor));
    assert_eq!(bitcoin::parse(&script), Ok(*anchor));
    json!({
        "chain_id": anchor.chain_id.to_hex(),
        "height": anchor.height.0,
        "header": anchor.header.to_hex(),
        "bytes": hex::encode(bytes),
        "script": hex::encode(script),
    })
}

/// Bytes that are no anchor.
fn spoiled(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let with = |at: usize, byte: u8| {
        let mut bytes = bytes.to_vec();
        bytes[at] = byte;
        bytes
    };
    vec![
        ("nothing", Vec::new()),
        ("half the word", bytes[..2].to_vec()),
        ("the word alone", bytes[..4].to_vec()),
        ("word and version", bytes[..5].to_vec()),
        ("without height and hash", bytes[..37].to_vec()),
        ("without the hash", bytes[..45].to_vec()),
        ("last byte missing", bytes[..76].to_vec()),
        ("one byte more", [bytes, &[0]].concat()),
        ("twice", [bytes, bytes].concat()),
        ("another word", with(3, b'2')),
        ("small letters", with(0, b'c')),
        ("version 0", with(4, 0)),
        ("version 2", with(4, 2)),
        ("a byte before", [&[0], bytes].concat()),
        ("as text", hex::encode(bytes).into_bytes()),
    ]
}

/// Scripts that carry no anchor, or carry it in another way.
fn spoiled_scripts(script: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let data = &script[3..];
    vec![
        ("nothing", Vec::new()),
        ("OP_RETURN alone", vec![0x6a]),
        ("without OP_RETURN", script[1..].to_vec()),
        ("the data alone", data.to_vec()),
        ("a direct push of 77", [&[0x6a, 77], data].concat()),
        ("OP_PUSHDATA2", [&[0x6a, 0x4d, 77, 0], data].concat()),
        ("another length", [&[0x6a, 0x4c, 76], data].concat()),
        ("last byte missing", script[..79].to_vec()),
        ("one byte more", [script, &[0]].concat()),
        ("a second push", [script, &[1, 0]].concat()),
        ("other data", [&script[..3], &[0; 77]].concat()),
    ]
}

fn anchor_reason(error: &BadAnchor) -> String {
    match error {
        BadAnchor::Decode(error) => class_of(error).to_string(),
        BadAnchor::NotAnAnchor => "NotAnAnchor".to_owned(),
        BadAnchor::OtherVersion => "OtherVersion".to_owned(),
        other => panic!("{other} has no name"),
    }
}
