//! Frozen verdicts about keys and signatures.

use conclave_protocol::{meeting::roster_hash, signed::message, *};
use serde_json::{Value, json};

use crate::{frozen_vectors::frozen, world::World};

/// Points of small order, encodings that are not canonical, bytes that are no point, good keys.
const EDWARDS: [&str; 12] = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0200000000000000000000000000000000000000000000000000000000000000",
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    "5866666666666666666666666666666666666666666666666666666666666666",
];

const X25519: [&str; 9] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "0900000000000000000000000000000000000000000000000000000000000000",
];

fn bytes(text: &str) -> [u8; 32] {
    hex::decode(text).unwrap().try_into().unwrap()
}

#[test]
fn verdicts_about_keys_stay() {
    let verdict = |result| match result {
        Ok(()) => "good".to_owned(),
        Err(weak) => format!("{weak:?}"),
    };
    let ed25519: Vec<Value> = EDWARDS
        .iter()
        .map(|key| json!({ "key": key, "verdict": verdict(Npk(bytes(key)).check()) }))
        .collect();
    let x25519: Vec<Value> = X25519
        .iter()
        .map(|key| json!({ "key": key, "verdict": verdict(Epk(bytes(key)).check()) }))
        .collect();
    frozen(
        "keys",
        &json!({
            "ed25519": ed25519,
            "x25519": x25519,
            "signatures": signatures(),
            "roster": roster(),
        }),
    );
}

/// Good and bad signatures, two of which only ZIP-215 accepts.
fn signatures() -> Vec<Value> {
    let chain = ChainId([1; 32]);
    let signer = Ed25519Signer::from_seed(&[7; 32]);
    let key = signer.ivk();
    let good = signer.sign(Context::Ack, &chain, b"body");
    let mut other = good;
    other.0[0] ^= 1;
    let mut high = good;
    // S plus the order of the group: the same signature to whoever does not look.
    let mut carry = 0_u16;
    for (place, part) in high.0[32..].iter_mut().zip(ORDER) {
        carry += u16::from(*place) + u16::from(part);
        *place = u8::try_from(carry & 255).unwrap();
        carry >>= 8;
    }
    let identity = Ivk::Ed25519(bytes(EDWARDS[0]));
    let mut nothing = Signature([0; 64]);
    nothing.0[0] = 1;
    let mut not_canonical = Signature([0; 64]);
    not_canonical.0[..32].copy_from_slice(&bytes(EDWARDS[1]));
    let cases: [(&str, Ivk, Context, &[u8], Signature); 8] = [
        ("good", key, Context::Ack, b"body", good),
        ("other context", key, Context::Knock, b"body", good),
        ("other body", key, Context::Ack, b"bodz", good),
        ("other R", key, Context::Ack, b"body", other),
        ("S not reduced", key, Context::Ack, b"body", high),
        ("identity key, any body", identity, Context::Ack, b"anything", nothing),
        ("identity key, R not canonical", identity, Context::Ack, b"anything", not_canonical),
        ("zero signature", key, Context::Ack, b"body", Signature([0; 64])),
    ];
    cases
        .into_iter()
        .map(|(what, key, context, body, signature)| {
            json!({
                "what": what,
                "key": hex::encode(encode(&key)),
                "context": context.as_str(),
                "chain_id": chain.to_hex(),
                "body": hex::encode(body),
                "signed_bytes": hex::encode(message(context, &chain, body)),
                "signature": hex::encode(signature.0),
                "holds": verify(key, context, &chain, body, &signature).is_ok(),
            })
        })
        .collect()
}

/// 2^252 + 27742317777372353535851937790883648493, little-endian.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

fn roster() -> Value {
    let mut world = World::new();
    let (leader, guest) = (world.person(1), world.person(2));
    let mid = world.publish(&leader);
    let idx = world.ask(&guest, mid).unwrap();
    let members: Vec<_> =
        [MemberIdx(0), idx].into_iter().map(|idx| (idx, world.member(mid, idx))).collect();
    let listed: Vec<Value> = members
        .iter()
        .map(|(idx, member)| {
            json!({ "idx": idx.0, "record": hex::encode(encode(&Record::Member(member.clone()))) })
        })
        .collect();
    let hash = roster_hash(members.iter().map(|(idx, member)| (*idx, member)));
    json!({ "members": listed, "hash": hash.to_hex() })
}
