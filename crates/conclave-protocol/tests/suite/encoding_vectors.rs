//! Frozen encodings of every type that is written down, and what becomes of them when bytes change.

use conclave_protocol::{
    code::SecurityCode,
    codec::{EncodeSize, Read, Text, Write},
    identity::Gate,
    state::Key,
    tx::Role,
    *,
};
use serde_json::{Value, json};

use crate::{
    frozen_vectors::{frozen, of_validators, transactions},
    link_vectors::{answers, disclosures, invite, offers},
    world::{World, genesis},
};

/// How often each wrong form is written down at least.
const ENOUGH: usize = 20;

#[test]
fn every_encoding_keeps_its_bytes_and_its_refusals() {
    let types = [
        of("DeviceAnswer", &answers()),
        of("DeviceOffer", &offers()),
        of("Genesis", &[genesis()]),
        of("Gate", &[Gate::Sponsor(ValidatorKey([3; 32])), Gate::Work(77)]),
        of("InfoDisclosure", &disclosures()),
        of("Invite", &[invite(0), invite(2)]),
        of("Ivk", &[Ivk::Ed25519([5; 32])]),
        of("Key", &state().0),
        of("Params", &[Params::default()]),
        of("Position", &[Position { height: Height(9), index: 4, time: Seconds(17) }]),
        of("Record", &state().1),
        of("SecurityCode", &[code()]),
        of("Tx", &transactions()),
        of("UserInfo", &infos()),
    ];
    frozen("encodings", &json!({ "types": types }));
}

/// A user, a meeting, a waiting request, a ban, votes of a validator, anchors, and everything they
/// leave on the ledgers.
fn state() -> (Vec<Key>, Vec<Record>) {
    let mut world = World::new();
    let (leader, guest) = (world.person(1), world.person(2));
    let mid = world.publish(&leader);
    let first = world.ask(&guest, mid).unwrap();
    world.advance(&leader, mid, &[first], &[]).unwrap();
    let banned = crate::world::removal(first, meeting::Reason::Banned);
    world.advance(&leader, mid, &[], &[banned]).unwrap();
    of_validators(&mut world, &mut Vec::new());
    world.state.into_iter().unzip()
}

fn infos() -> [UserInfo; 4] {
    [
        UserInfo::Clear(Text::default()),
        UserInfo::Clear(Text::new("Zo\u{eb} \u{4f60}\u{597d} \u{1f600}").unwrap()),
        UserInfo::Encrypted([1; 8], [2; 12], codec::Blob::new([3; 40]).unwrap()),
        UserInfo::Commit([4; 32]),
    ]
}

fn code() -> SecurityCode {
    SecurityCode {
        chain_id: ChainId([1; 32]),
        validators: Digest([2; 32]),
        mid: MeetingId([3; 32]),
        term: Term(1),
        leader: UserId([4; 32]),
        ivk: Ivk::Ed25519([5; 32]),
        epk: Epk([8; 32]),
        block: Digest([10; 32]),
    }
}

/// Valid forms of one type, at least 20 malformed ones with the class of their refusal, and for
/// every byte what happens when its lowest, its highest or all its bits are turned.
fn of<T: Write + EncodeSize + Read<Cfg = ()>>(name: &str, values: &[T]) -> Value {
    let valid: Vec<Vec<u8>> = values.iter().map(encode).collect();
    let mut malformed = Vec::new();
    for (index, bytes) in valid.iter().enumerate() {
        let mut wrong = |what: &str, bytes: &[u8]| {
            let class = class::<T>(bytes);
            assert_ne!(class, '.', "{name} {index}: {what}");
            malformed.push(json!({ "of": index, "change": what, "class": class.to_string() }));
        };
        for part in 0..ENOUGH {
            let end = bytes.len() * part / ENOUGH;
            wrong(&format!("cut {end}"), &bytes[..end]);
        }
        wrong("append 00", &[bytes.as_slice(), &[0]].concat());
        wrong("append ff", &[bytes.as_slice(), &[255]].concat());
        wrong("twice", &[bytes.as_slice(), bytes].concat());
    }
    assert!(malformed.len() >= ENOUGH);
    let turned: Vec<Value> = valid.iter().map(|bytes| turn::<T>(bytes)).collect();
    let valid: Vec<_> = valid.iter().map(hex::encode).collect();
    json!({ "type": name, "valid": valid, "malformed": malformed, "turned": turned })
}

fn turn<T: Write + EncodeSize + Read<Cfg = ()>>(bytes: &[u8]) -> Value {
    let turned = |mask: u8| {
        (0..bytes.len())
            .map(|at| {
                let mut bytes = bytes.to_vec();
                bytes[at] ^= mask;
                class::<T>(&bytes)
            })
            .collect::<String>()
    };
    json!({ "01": turned(0x01), "80": turned(0x80), "ff": turned(0xff) })
}

/// `.` accepted, or the class of the refusal.
fn class<T: Write + EncodeSize + Read<Cfg = ()>>(bytes: &[u8]) -> char {
    match decode::<T>(bytes) {
        Ok(value) => {
            assert_eq!(encode(&value), bytes, "accepted and written otherwise");
            '.'
        }
        Err(error) => class_of(&error),
    }
}

/// `c` cut short, `t` bytes after the end, `l` a length over its bound, `g` an unknown tag, `i` a
/// field that breaks its own rule.
pub(crate) fn class_of(error: &DecodeError) -> char {
    match error {
        DecodeError::Truncated => 'c',
        DecodeError::Trailing(_) => 't',
        DecodeError::TooLong(_) => 'l',
        DecodeError::Tag => 'g',
        _ => 'i',
    }
}

#[test]
fn the_signature_of_every_role_is_in_the_vectors() {
    let roles: std::collections::BTreeSet<_> = transactions()
        .iter()
        .flat_map(|tx| tx.sigs.iter().map(|sig| sig.role).collect::<Vec<_>>())
        .collect();
    assert!(roles.contains(&Role::Signer) && roles.contains(&Role::Sponsor));
}
