//! Invite links and the codes people read to each other.

use std::collections::{BTreeMap, BTreeSet};

use conclave_protocol::{
    code::{EMOJI, SecurityCode, emoji, epoch_digits, fingerprint, nonce_commitment, short_code},
    codec::{List, Text},
    invite::{Invite, InviteSecret, LINK_PREFIX},
    link::BadLink,
    *,
};
use proptest::prelude::*;

use crate::samples;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_link_gives_the_invite_back(invite in samples::invite()) {
        let link = invite.to_string();
        let back: Invite = link.parse().unwrap();
        prop_assert_eq!(encode(&back), encode(&invite));
        prop_assert_eq!(back.to_string(), link);
    }

    #[test]
    fn a_damaged_link_is_noticed(invite in samples::invite(), place in any::<usize>()) {
        let mut link = invite.to_string().into_bytes();
        let place = LINK_PREFIX.len() + place % (link.len() - LINK_PREFIX.len());
        link[place] = if link[place] == b'A' { b'B' } else { b'A' };
        let link = String::from_utf8(link).unwrap();
        prop_assert_eq!(link.parse::<Invite>().unwrap_err(), BadLink::Damaged);
        prop_assert!(link[..place].parse::<Invite>().is_err());
    }

    #[test]
    fn no_text_panics(text in ".{0,300}") {
        let _ = text.parse::<Invite>();
        let _ = format!("{LINK_PREFIX}{text}").parse::<Invite>();
    }
}

fn largest() -> Invite {
    let address = "[2001:db8::1]:65535".parse::<std::net::SocketAddr>().unwrap();
    let node = invite::Node {
        npk: Npk([1; 32]),
        relay: Some(Text::new(&"r".repeat(64)).unwrap()),
        addresses: List::new([address.into(); 4]).unwrap(),
    };
    Invite {
        chain_id: ChainId([1; 32]),
        mid: MeetingId([2; 32]),
        leader: UserId([3; 32]),
        ivk_fp: Ivk::Ed25519([4; 32]).fingerprint(),
        checkpoint: invite::Checkpoint { height: Height(5), hash: Digest([6; 32]) },
        secret: InviteSecret::new([7; 16]),
        expires: Seconds(8),
        nodes: List::new(vec![node; 4]).unwrap(),
    }
}

#[test]
fn the_largest_link_is_still_a_link() {
    let link = largest().to_string();
    assert_eq!(link.len(), 1_201);
    let padded = format!("  {link}\n");
    assert!(padded.parse::<Invite>().is_ok());
}

#[test]
fn what_is_no_link_is_told_apart_from_a_damaged_one() {
    let of = |text: &str| text.parse::<Invite>().unwrap_err();
    assert_eq!(of("https://example.org"), BadLink::NotALink);
    assert_eq!(of(LINK_PREFIX), BadLink::Damaged);
    assert_eq!(of(&"x".repeat(3_000)), BadLink::TooLong);
}

#[test]
fn an_invite_names_the_key_of_its_leader() {
    let invite = largest();
    assert!(invite.names(&Ivk::Ed25519([4; 32])));
    assert!(!invite.names(&Ivk::Ed25519([5; 32])));
}

#[test]
fn an_invite_tag_belongs_to_one_guest() {
    let secret = InviteSecret::new([7; 16]);
    let (mid, dev, epk, npk) = (MeetingId([1; 32]), DeviceId([2; 32]), Epk([3; 32]), Npk([4; 32]));
    let tag = secret.tag(&mid, &dev, &epk, &npk);
    assert!(secret.tag_matches(&mid, &dev, &epk, &npk, &tag));
    assert!(!secret.tag_matches(&mid, &dev, &epk, &Npk([5; 32]), &tag));
    assert!(!secret.tag_matches(&mid, &DeviceId([5; 32]), &epk, &npk, &tag));
    assert!(!InviteSecret::new([8; 16]).tag_matches(&mid, &dev, &epk, &npk, &tag));
}

#[test]
fn a_security_code_has_forty_digits_and_changes_with_every_part() {
    let code = SecurityCode {
        chain_id: ChainId([1; 32]),
        validators: Digest([2; 32]),
        mid: MeetingId([3; 32]),
        term: Term(1),
        leader: UserId([4; 32]),
        ivk: Ivk::Ed25519([5; 32]),
        epk: Epk([6; 32]),
        block: Digest([7; 32]),
    };
    let digits = code.digits();
    assert_eq!(digits.split(' ').count(), 8);
    assert!(digits.split(' ').all(|group| group.len() == 5 && group.parse::<u32>().is_ok()));
    for other in [
        SecurityCode { chain_id: ChainId([9; 32]), ..code.clone() },
        SecurityCode { validators: Digest([9; 32]), ..code.clone() },
        SecurityCode { mid: MeetingId([9; 32]), ..code.clone() },
        SecurityCode { term: Term(2), ..code.clone() },
        SecurityCode { leader: UserId([9; 32]), ..code.clone() },
        SecurityCode { ivk: Ivk::Ed25519([9; 32]), ..code.clone() },
        SecurityCode { epk: Epk([9; 32]), ..code.clone() },
        SecurityCode { block: Digest([9; 32]), ..code },
    ] {
        assert_ne!(other.digits(), digits);
    }
}

#[test]
fn an_epoch_code_has_thirty_digits() {
    let digits = epoch_digits(&Digest([1; 32]), &Digest([2; 32]), &[3; 32]);
    assert_eq!(digits.split(' ').map(str::len).collect::<Vec<_>>(), [5; 6]);
}

#[test]
fn a_fingerprint_is_sixteen_digits_in_four_groups() {
    let shown = fingerprint(&Ivk::Ed25519([1; 32]));
    assert_eq!(shown.split(' ').map(str::len).collect::<Vec<_>>(), [4; 4]);
    assert_ne!(shown, fingerprint(&Ivk::Ed25519([2; 32])));
}

#[test]
fn the_list_of_pictures_has_333_that_differ_in_looks_and_in_name() {
    let all: Vec<_> = (0..EMOJI).map(|number| emoji(number).unwrap()).collect();
    assert_eq!(emoji(EMOJI), None);
    let pictures: BTreeSet<char> = all.iter().map(|emoji| emoji.picture).collect();
    let names: BTreeSet<&str> = all.iter().map(|emoji| emoji.name).collect();
    assert_eq!((pictures.len(), names.len()), (EMOJI, EMOJI));
    let plain = |name: &&str| name.bytes().all(|b| b.is_ascii_lowercase() || b == b' ');
    assert!(names.iter().all(plain) && names.iter().all(|name| !name.is_empty()));
    let list = include_bytes!("../../data/emoji.txt");
    assert_eq!(
        Digest::of(&[list]).to_hex(),
        "9962932aaf7ed9dc652282a75c15e8ec1e40992a97907754c767de843828760c"
    );
}

#[test]
fn a_short_code_is_four_pictures_and_changes_with_record_member_and_nonce() {
    let nonces = BTreeMap::from([(MemberIdx(0), [1; 32]), (MemberIdx(3), [2; 32])]);
    let code = short_code(&Digest([7; 32]), &nonces);
    assert_eq!(code.len(), 4);
    let other = BTreeMap::from([(MemberIdx(0), [1; 32]), (MemberIdx(3), [3; 32])]);
    let moved = BTreeMap::from([(MemberIdx(0), [1; 32]), (MemberIdx(4), [2; 32])]);
    assert_ne!(short_code(&Digest([7; 32]), &other), code);
    assert_ne!(short_code(&Digest([7; 32]), &moved), code);
    assert_ne!(short_code(&Digest([8; 32]), &nonces), code);
}

#[test]
fn a_nonce_commitment_belongs_to_one_member_of_one_epoch() {
    let (mid, record) = (MeetingId([1; 32]), Digest([2; 32]));
    let commitment = nonce_commitment(&mid, Epoch(3), &record, MemberIdx(4), &[5; 32]);
    for other in [
        nonce_commitment(&MeetingId([9; 32]), Epoch(3), &record, MemberIdx(4), &[5; 32]),
        nonce_commitment(&mid, Epoch(9), &record, MemberIdx(4), &[5; 32]),
        nonce_commitment(&mid, Epoch(3), &Digest([9; 32]), MemberIdx(4), &[5; 32]),
        nonce_commitment(&mid, Epoch(3), &record, MemberIdx(9), &[5; 32]),
        nonce_commitment(&mid, Epoch(3), &record, MemberIdx(4), &[9; 32]),
    ] {
        assert_ne!(other, commitment);
    }
}
