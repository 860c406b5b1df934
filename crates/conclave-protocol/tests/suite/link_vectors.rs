//! Frozen links of every kind, and texts that are none, with the reason of each refusal.

use std::str::FromStr;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use conclave_protocol::{
    codec::{EncodeSize, List, Text, Write},
    disclosure::{DISCLOSURE_PREFIX, InfoDisclosure, Opener},
    invite::{Checkpoint, Invite, InviteSecret, LINK_PREFIX, Node},
    link::{BadLink, MAX_LINK},
    pairing::{ANSWER_PREFIX, DeviceAnswer, DeviceOffer, OFFER_PREFIX, OfferedInfo},
    *,
};
use serde_json::{Value, json};

use crate::{
    encoding_vectors::class_of,
    frozen_vectors::frozen,
    world::{Person, World},
};

#[test]
fn links_keep_their_characters_and_their_refusals() {
    let kinds = [
        kind("DeviceAnswer", ANSWER_PREFIX, &answers()),
        kind("DeviceOffer", OFFER_PREFIX, &offers()),
        kind("InfoDisclosure", DISCLOSURE_PREFIX, &disclosures()),
        kind("Invite", LINK_PREFIX, &[invite(0), invite(2)]),
    ];
    frozen("links", &json!({ "kinds": kinds }));
}

pub(crate) fn invite(nodes: u8) -> Invite {
    let address = |text: &str| text.parse::<std::net::SocketAddr>().unwrap().into();
    let node = |n: u8| Node {
        npk: Npk([n; 32]),
        relay: (n == 0).then(|| Text::new("https://relay.example.org").unwrap()),
        addresses: List::new([address("192.0.2.1:4433"), address("[2001:db8::1]:4433")]).unwrap(),
    };
    Invite {
        chain_id: ChainId([1; 32]),
        mid: MeetingId([3; 32]),
        leader: UserId([4; 32]),
        ivk_fp: [5; 16],
        checkpoint: Checkpoint { height: Height(77), hash: Digest([6; 32]) },
        secret: InviteSecret::new([7; 16]),
        expires: Seconds(1_700_000_000),
        nodes: List::new((0..nodes).map(node).collect::<Vec<_>>()).unwrap(),
    }
}

/// One for each form of info that the ledger may hold.
pub(crate) fn offers() -> [DeviceOffer; 3] {
    let (world, person) = user();
    let (seq, prev) = world.next_change(&person);
    let text = || Text::new(NAME).unwrap();
    let opener = || Opener::new([9; 32]);
    [
        OfferedInfo::Clear(text()),
        OfferedInfo::Encrypted(opener(), text()),
        OfferedInfo::Commit(opener(), text()),
    ]
    .map(|info| DeviceOffer {
        chain_id: world.rules.chain_id,
        user: person.user,
        seq,
        prev,
        info,
    })
}

/// One for each algorithm of the new key.
pub(crate) fn answers() -> [DeviceAnswer; 3] {
    let (world, person) = user();
    let chain_id = world.rules.chain_id;
    [Algorithm::Ed25519, Algorithm::Secp256k1, Algorithm::Ed448].map(|algorithm| {
        let (body, device) = world.device_body_of(&person, algorithm, 2);
        let possession = body.prove(&chain_id, &*device.signer);
        DeviceAnswer { chain_id, body, possession }
    })
}

/// A short one and the longest.
pub(crate) fn disclosures() -> [InfoDisclosure; 2] {
    let (world, person) = user();
    [NAME.to_owned(), "\u{4f60}".repeat(341)].map(|text| InfoDisclosure {
        chain_id: world.rules.chain_id,
        user: person.user,
        seq: 3,
        opener: Opener::new([9; 32]),
        text: Text::new(&text).unwrap(),
    })
}

fn user() -> (World, Person) {
    let mut world = World::new();
    let person = world.person(1);
    (world, person)
}

/// Links of one kind, other texts that are read as the same, and texts that are refused.
fn kind<T>(name: &str, prefix: &str, values: &[T]) -> Value
where
    T: Write + EncodeSize + ToString + FromStr<Err = BadLink>,
{
    let valid: Vec<_> = values
        .iter()
        .map(|value| {
            let (bytes, link) = (encode(value), value.to_string());
            let spaced = [format!(" \t{link}\r\n"), format!("{link:MAX_LINK$}")];
            for text in spaced.iter().chain([&link]) {
                assert_eq!(text.parse::<T>().ok().map(|value| encode(&value)), Some(bytes.clone()));
            }
            json!({ "bytes": hex::encode(bytes), "link": link, "also": spaced })
        })
        .collect();
    let refused: Vec<_> = spoil::<T>(prefix, &encode(&values[0]), &values[0].to_string())
        .into_iter()
        .map(|(what, text)| {
            let Err(error) = text.parse::<T>() else { panic!("{name} {what} was read") };
            json!({ "what": what, "text": text, "error": reason(&error) })
        })
        .collect();
    json!({ "kind": name, "prefix": prefix, "valid": valid, "refused": refused })
}

/// Texts that are no link of this value.
fn spoil<T: FromStr<Err = BadLink>>(
    prefix: &str,
    value: &[u8],
    link: &str,
) -> Vec<(String, String)> {
    let others = [ANSWER_PREFIX, DISCLOSURE_PREFIX, LINK_PREFIX, OFFER_PREFIX];
    let body = &link[prefix.len()..];
    let half = prefix.len() + body.len() / 2;
    let swapped = if link[half..].starts_with('A') { "B" } else { "A" };
    let sealed = |version: &[u8], value: &[u8]| {
        let bytes = [version, value].concat();
        let sum = Digest::of(&[&bytes]).0;
        format!("{prefix}{}", URL_SAFE_NO_PAD.encode([&bytes, &sum[..4]].concat()))
    };
    let mut wrong: Vec<(String, String)> = [
        ("empty", String::new()),
        ("prefix alone", prefix.to_owned()),
        ("without prefix", body.to_owned()),
        ("prefix in capitals", prefix.to_uppercase() + body),
        ("web address", format!("https://example.org/{link}")),
        ("space inside", format!("{} {}", &link[..half], &link[half..])),
        ("first character missing", format!("{prefix}{}", &body[1..])),
        ("last character missing", link[..link.len() - 1].to_owned()),
        ("character changed", format!("{}{swapped}{}", &link[..half], &link[half + 1..])),
        ("last character one further", further(link)),
        ("padding", format!("{link}=")),
        ("other alphabet", format!("{}+{}", &link[..half], &link[half + 1..])),
        ("two in a row", format!("{link}{body}")),
        ("too long", format!("{link:w$}", w = MAX_LINK + 1)),
        ("checksum of nothing", sealed(&[], &[])),
        ("version 0", sealed(&[0], value)),
        ("version 2", sealed(&[2], value)),
        ("version alone", sealed(&[1], &[])),
        ("half the value", sealed(&[1], &value[..value.len() / 2])),
        ("last byte missing", sealed(&[1], &value[..value.len() - 1])),
        ("one byte more", sealed(&[1], &[value, &[0]].concat())),
        ("value twice", sealed(&[1], &[value, value].concat())),
    ]
    .map(|(what, text)| (what.to_owned(), text))
    .into();
    for other in others.into_iter().filter(|other| *other != prefix) {
        wrong.push((format!("as {other}"), format!("{other}{body}")));
    }
    // For each further reason the first byte that gives it when all its bits are turned.
    let mut seen = Vec::new();
    for at in 0..value.len() {
        let mut value = value.to_vec();
        value[at] = !value[at];
        let text = sealed(&[1], &value);
        if let Err(error) = text.parse::<T>() {
            let reason = reason(&error);
            if !seen.contains(&reason) {
                wrong.push((format!("byte {at} turned"), text));
                seen.push(reason);
            }
        }
    }
    wrong
}

/// The link with the next letter of the alphabet at its end.
fn further(link: &str) -> String {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (last, rest) = link.chars().next_back().map(|c| (c, &link[..link.len() - 1])).unwrap();
    let next = ALPHABET.chars().cycle().skip_while(|c| *c != last).nth(1).unwrap();
    format!("{rest}{next}")
}

/// The name of a refusal; if the value is refused, the class of that.
fn reason(error: &BadLink) -> String {
    match error {
        BadLink::Damaged => "Damaged".to_owned(),
        BadLink::Decode(error) => class_of(error).to_string(),
        BadLink::NotALink => "NotALink".to_owned(),
        BadLink::OtherVersion => "OtherVersion".to_owned(),
        BadLink::TooLong => "TooLong".to_owned(),
        other => panic!("{other} has no name"),
    }
}

const NAME: &str = "Zo\u{eb} \u{4f60}\u{597d}";
