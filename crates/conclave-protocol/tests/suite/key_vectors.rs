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
    let identity: Vec<Value> = identity_keys()
        .iter()
        .map(|key| json!({ "key": hex::encode(encode(key)), "verdict": verdict(key.check()) }))
        .collect();
    frozen(
        "keys",
        &json!({
            "ed25519": ed25519,
            "identity": identity,
            "x25519": x25519,
            "signatures": signatures(),
            "roster": roster(),
        }),
    );
}

/// Keys of the other algorithms: good, neutral, of small and mixed order, not canonical, no point.
fn identity_keys() -> Vec<Ivk> {
    let k256 = |text: &str| Ivk::Secp256k1(hex::decode(text).unwrap().try_into().unwrap());
    let ed448 = |first: &[(usize, u8)], rest: u8| {
        let mut key = [rest; 57];
        key[56] = 0;
        first.iter().for_each(|(at, byte)| key[*at] = *byte);
        Ivk::Ed448(key)
    };
    let Ivk::Ed448(good) = Ed448Signer::from_seed(&[8; 32]).ivk() else { panic!() };
    vec![
        Secp256k1Signer::from_seed(&[8; 32]).ivk(),
        // The base point, with both signs of y; x = 0, x = 5 and x = p are none.
        k256("0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"),
        k256("0379be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"),
        k256("0479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"),
        k256("0579be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"),
        k256("000000000000000000000000000000000000000000000000000000000000000000"),
        k256("020000000000000000000000000000000000000000000000000000000000000000"),
        k256("020000000000000000000000000000000000000000000000000000000000000005"),
        k256("02fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f"),
        Ivk::Ed448(good),
        // y = 1, -1, 0: of order 1, 2 and 4.
        ed448(&[(0, 1)], 0),
        ed448(&[(0, 0xfe), (28, 0xfe)], 0xff),
        ed448(&[], 0),
        // x = 0 with a sign, y = p, y = p + 1, a bit beyond the sign.
        ed448(&[(0, 1), (56, 0x80)], 0),
        ed448(&[(28, 0xfe)], 0xff),
        ed448(&std::array::from_fn::<_, 28, _>(|at| (at, 0)), 0xff),
        ed448(&[(0, 1), (56, 0x01)], 0),
        ed448(&[(0, 2)], 0),
        ed448(&[(0, 3)], 0),
        ed448(&[(0, 4)], 0),
        ed448(&[(0, 5)], 0),
        ed448(&[(0, 6)], 0),
        ed448(&[(0, 7)], 0),
        Ivk::Ed448(shifted(good)),
    ]
}

/// The key plus the point of order two: (-x, -y).
fn shifted(key: [u8; 57]) -> [u8; 57] {
    use ed448_goldilocks::{CompressedEdwardsY, EdwardsPoint};
    let mut two = [0xff; 57];
    (two[0], two[28], two[56]) = (0xfe, 0xfe, 0);
    let at = |bytes| CompressedEdwardsY(bytes).decompress_unchecked().unwrap().to_edwards();
    let sum: EdwardsPoint = at(key) + at(two);
    sum.to_affine().compress().to_bytes()
}

/// Good and bad signatures of every algorithm. ZIP-215 alone accepts two of them.
fn signatures() -> Vec<Value> {
    let chain = ChainId([1; 32]);
    let device = Ed25519Signer::from_seed(&[7; 32]);
    let key = device.ivk();
    let Signature::Ed25519(good) = device.sign(Context::Ack, &chain, b"body") else { panic!() };
    let mut other = good;
    other[0] ^= 1;
    let identity = Ivk::Ed25519(bytes(EDWARDS[0]));
    let (mut nothing, mut not_canonical) = ([0; 64], [0; 64]);
    nothing[0] = 1;
    not_canonical[..32].copy_from_slice(&bytes(EDWARDS[1]));
    let mut cases: Vec<(String, Ivk, Context, &[u8], Signature)> = [
        ("good", key, Context::Ack, &b"body"[..], good),
        ("other context", key, Context::Knock, b"body", good),
        ("other body", key, Context::Ack, b"bodz", good),
        ("other R", key, Context::Ack, b"body", other),
        // The same signature to whoever does not look.
        ("S not reduced", key, Context::Ack, b"body", plus(good, 32, &ORDER)),
        ("identity key, any body", identity, Context::Ack, b"anything", nothing),
        ("identity key, R not canonical", identity, Context::Ack, b"anything", not_canonical),
        ("zero signature", key, Context::Ack, b"body", [0; 64]),
    ]
    .into_iter()
    .map(|(what, key, context, body, sig)| {
        (what.to_owned(), key, context, body, Signature::Ed25519(sig))
    })
    .collect();
    for algorithm in [Algorithm::Secp256k1, Algorithm::Ed448] {
        let device = key::signer(algorithm, &[7; 32]);
        let (key, good) = (device.ivk(), device.sign(Context::Ack, &chain, b"body"));
        let name = algorithm.name();
        cases.push((format!("{name}, good"), key, Context::Ack, b"body", good));
        cases.push((format!("{name}, other context"), key, Context::Knock, b"body", good));
        cases.push((format!("{name}, other body"), key, Context::Ack, b"bodz", good));
        let alike = match good {
            Signature::Secp256k1(good) => Signature::Secp256k1(negated(good)),
            Signature::Ed448(good) => Signature::Ed448(plus(good, 57, &ORDER_448)),
            Signature::Ed25519(_) => panic!(),
        };
        cases.push((format!("{name}, the other S"), key, Context::Ack, b"body", alike));
        let foreign = signatures_of_others(algorithm, &chain);
        cases.push((format!("{name}, another algorithm"), key, Context::Ack, b"body", foreign));
    }
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
                "signature": hex::encode(encode(&signature)),
                "holds": verify(key, context, &chain, body, &signature).is_ok(),
            })
        })
        .collect()
}

/// A good signature of the same seed by an algorithm that is not `algorithm`.
fn signatures_of_others(algorithm: Algorithm, chain: &ChainId) -> Signature {
    let other = Algorithm::ALL.into_iter().find(|other| *other != algorithm).unwrap();
    key::signer(other, &[7; 32]).sign(Context::Ack, chain, b"body")
}

/// The little-endian number from byte `at` on, plus the order.
fn plus<const N: usize>(mut signature: [u8; N], at: usize, order: &[u8]) -> [u8; N] {
    let mut carry = 0_u16;
    for (place, part) in signature[at..].iter_mut().zip(order) {
        carry += u16::from(*place) + u16::from(*part);
        *place = u8::try_from(carry & 255).unwrap();
        carry >>= 8;
    }
    signature
}

/// (r, n - s) for (r, s): whoever sees one can make the other.
fn negated(signature: [u8; 64]) -> [u8; 64] {
    let signature = k256::ecdsa::Signature::from_slice(&signature).unwrap();
    let (r, s) = signature.split_scalars();
    k256::ecdsa::Signature::from_scalars(r, -*s).unwrap().to_bytes().into()
}

/// 2^252 + 27742317777372353535851937790883648493, little-endian.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// 2^446 - 13818066809895115352007386748515426880336692474882178609894547503885, little-endian.
const ORDER_448: [u8; 57] = [
    0xf3, 0x44, 0x58, 0xab, 0x92, 0xc2, 0x78, 0x23, 0x55, 0x8f, 0xc5, 0x8d, 0x72, 0xc2, 0x6c, 0x21,
    0x90, 0x36, 0xd6, 0xae, 0x49, 0xdb, 0x4e, 0xc4, 0xe9, 0x23, 0xca, 0x7c, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0,
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
