//! Attacks that must fail, each as somebody would try it.

use conclave_protocol::{
    codec::Set,
    identity::Gate,
    key::WeakKey,
    meeting::Reason,
    signed::{BadSignature, Item, PublicKey},
    tx::{CheckError, Role, signature_items},
    *,
};
use rand_core::{TryCryptoRng, TryRng};

use crate::world::{Person, World, refusal, removal, validator};

const BAD: CheckError = CheckError::Signature(BadSignature);

fn meeting() -> (World, MeetingId, Person, Person) {
    let mut world = World::new();
    let (leader, guest) = (world.person(1), world.person(2));
    let mid = world.publish(&leader);
    (world, mid, leader, guest)
}

#[test]
fn a_forged_request_does_not_pass() {
    let (mut world, mid, leader, guest) = meeting();
    let body = world.request_body(&guest, mid);
    // Signed by somebody else, for the guest's device.
    let forged = world.tx(&guest, body.clone()).sign(&leader.signer);
    assert_eq!(world.run(&forged), Err(BAD));
    // One bit of the body after signing.
    let Tx { sigs, .. } = world.tx(&guest, body.clone());
    let changed = MeetingRequest { epk: Epk([99; 32]), ..body };
    let forged = Tx { sigs, ..world.tx(&guest, changed) };
    assert_eq!(world.run(&forged), Err(BAD));
}

#[test]
fn every_field_of_the_envelope_is_signed() {
    let (mut world, mid, _, guest) = meeting();
    let body = world.request_body(&guest, mid);
    let tx = world.tx(&guest, body);
    for forged in [
        Tx { nonce: tx.nonce + 1, ..tx.clone() },
        Tx { expiry: tx.expiry.plus(1), ..tx.clone() },
        Tx { chain_id: ChainId([1; 32]), ..tx.clone() },
    ] {
        assert_eq!(world.run(&forged), Err(BAD));
    }
    world.run(&tx).unwrap();
}

#[test]
fn a_request_in_the_name_of_another_device_is_refused() {
    let (mut world, mid, leader, guest) = meeting();
    // The attacker signs with its own device a body that names the victim's.
    let victim = world.request_body(&leader, mid);
    assert_eq!(world.say(&guest, victim), Err(Refusal::NotTheSigner));
    let own = world.request_body(&guest, mid);
    for body in [
        MeetingRequest { user: leader.user, ..own.clone() },
        MeetingRequest { dev: leader.dev, ..own.clone() },
        MeetingRequest { ivk: leader.signer.ivk(), ..own },
    ] {
        assert_eq!(world.say(&guest, body), Err(Refusal::NotTheSigner));
    }
    let body = PublishMeeting { user: leader.user, ..world.publish_body(&guest, 9) };
    assert_eq!(world.say(&guest, body), Err(Refusal::NotTheSigner));
}

#[test]
fn a_request_cannot_be_replayed_in_another_meeting_or_on_another_network() {
    let (mut world, mid, leader, guest) = meeting();
    let other = world.publish(&leader);
    let body = world.request_body(&guest, mid);
    let tx = world.tx(&guest, body.clone());
    world.run(&tx).unwrap();
    assert_eq!(world.run(&tx).map_err(refusal), Err(Refusal::WrongNonce));
    // The old signature under a body that names the other meeting.
    let moved = Tx { body: MeetingRequest { mid: other, ..body }.into(), ..tx.clone() };
    assert_eq!(world.run(&moved), Err(BAD));
    // The same people on a network with another genesis.
    let mut elsewhere = world.clone();
    elsewhere.rules.chain_id = ChainId([5; 32]);
    assert!(elsewhere.run(&tx).is_err());
    let moved = Tx { chain_id: elsewhere.rules.chain_id, ..tx };
    assert_eq!(elsewhere.run(&moved), Err(BAD));
}

#[test]
fn a_banned_user_cannot_come_back_by_an_old_request() {
    let (mut world, mid, leader, guest) = meeting();
    let first = world.ask(&guest, mid).unwrap();
    let second = world.ask(&guest, mid).unwrap();
    world.advance(&leader, mid, &[first], &[]).unwrap();
    world.advance(&leader, mid, &[], &[removal(first, Reason::Banned)]).unwrap();
    assert_eq!(world.ask(&guest, mid), Err(Refusal::Banned));
    // Even the leader cannot admit the request that still waits.
    assert_eq!(world.advance(&leader, mid, &[second], &[]), Err(Refusal::Banned));
}

#[test]
fn a_pruned_meeting_is_no_way_back_in() {
    let (mut world, mid, leader, guest) = meeting();
    let seat = world.ask(&guest, mid).unwrap();
    world.advance(&leader, mid, &[seat], &[]).unwrap();
    let used = [MemberIdx(0), seat].map(|idx| world.member(mid, idx).npk);
    world.advance(&leader, mid, &[], &[removal(seat, Reason::Banned)]).unwrap();
    let late = world.record(mid, &[], &[]);
    world.dismiss(&leader, mid).unwrap();
    let retention = world.rules.params.retention;
    world.wait(u64::from(retention) + 1);
    for next in [MemberIdx(2), MemberIdx(0)] {
        // Whoever was banned may even do it, and its ban is gone with all the rest.
        world.say(&guest, PruneMeeting { mid, next }).unwrap();
    }
    assert!(!world.state.contains_key(&Key::Ban(mid, guest.user)));
    let request = world.request_body(&guest, mid);
    assert_eq!(world.say(&guest, request), Err(Refusal::MeetingOver));
    assert_eq!(world.say(&leader, late), Err(Refusal::MeetingOver));
    // The name is burnt, for its founder too, and so is every transport key of it elsewhere.
    for who in [&guest, &leader] {
        let again = PublishMeeting { mid, ..world.publish_body(who, 9) };
        assert_eq!(world.say(who, again), Err(Refusal::MeetingTaken));
    }
    let other = world.publish(&leader);
    for npk in used {
        let stolen = MeetingRequest { npk, ..world.request_body(&guest, other) };
        assert_eq!(world.say(&guest, stolen), Err(Refusal::NpkTaken));
    }
}

#[test]
fn a_member_cannot_write_the_epoch_of_its_leader() {
    let (mut world, mid, leader, guest) = meeting();
    let idx = world.ask(&guest, mid).unwrap();
    world.wait(1);
    let record = world.record(mid, &[idx], &[]);
    assert_eq!(world.say(&guest, record.clone()), Err(Refusal::NotTheLeader));
    world.say(&leader, record).unwrap();
    world.wait(1);
    let record = world.record(mid, &[], &[]);
    let forged = world.tx(&leader, record).sign(&guest.signer);
    assert_eq!(world.run(&forged), Err(BAD));
}

#[test]
fn a_leader_cannot_write_two_records_of_one_epoch() {
    let (mut world, mid, leader, _) = meeting();
    world.wait(1);
    let one = world.record(mid, &[], &[]);
    let two = EpochRecord { mk_commit: Digest([9; 32]), ..one.clone() };
    world.say(&leader, one).unwrap();
    world.wait(1);
    assert_eq!(world.say(&leader, two), Err(Refusal::StaleEpoch));
}

#[test]
fn the_identity_point_signs_anything_and_is_therefore_no_key() {
    let mut identity = [0; 32];
    identity[0] = 1;
    let mut trivial = [0; 64];
    trivial[0] = 1;
    let item = Item {
        key: PublicKey(Ivk::Ed25519(identity)),
        message: b"whatever".to_vec(),
        signature: Signature::Ed25519(trivial),
    };
    assert_eq!(item.verify(), Ok(()), "ZIP-215 takes it, so registration must not");

    let mut world = World::new();
    let (person, _) = world.registration(1);
    let gate = Gate::Sponsor(validator().validator());
    let chain = world.rules.chain_id;
    let ivk = Ivk::Ed25519(identity);
    let body = RegisterUser::new(&chain, ivk, [1; 16], UserInfo::Commit([0; 32]), gate);
    let tx = world.sponsored(&person, body).with(Role::Signer, Signature::Ed25519(trivial));
    assert_eq!(world.run(&tx).map_err(refusal), Err(Refusal::Weak(WeakKey::SmallOrder)));
}

#[test]
fn every_point_of_small_order_and_every_second_spelling_is_refused() {
    use curve25519_dalek::constants::EIGHT_TORSION;
    for point in EIGHT_TORSION {
        let bytes = point.compress().to_bytes();
        assert_eq!(Ivk::Ed25519(bytes).check(), Err(WeakKey::SmallOrder));
        assert_eq!(Npk(bytes).check(), Err(WeakKey::SmallOrder));
    }
    // y = 1 with the sign bit, and y = p + 1: other spellings of the identity.
    let mut negative_zero = [0; 32];
    (negative_zero[0], negative_zero[31]) = (1, 0x80);
    let mut over_p = [0xff; 32];
    (over_p[0], over_p[31]) = (0xee, 0x7f);
    for bytes in [negative_zero, over_p] {
        assert_eq!(Ivk::Ed25519(bytes).check(), Err(WeakKey::NotCanonical));
    }
    let mut no_point = [0; 32];
    no_point[0] = 2;
    assert_eq!(Ivk::Ed25519(no_point).check(), Err(WeakKey::NotAPoint));
}

#[test]
fn exchange_keys_whose_secret_is_zero_are_refused() {
    use curve25519_dalek::montgomery::MontgomeryPoint;
    let u = |hex: &str| -> [u8; 32] { hex::decode(hex).unwrap().try_into().unwrap() };
    let p = "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f";
    for bytes in [
        [0; 32],
        u("0100000000000000000000000000000000000000000000000000000000000000"),
        u("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
        u("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
        u(&format!("ec{p}")),
        u(&format!("ed{p}")),
        u(&format!("ee{p}")),
    ] {
        let mut top_bit = bytes;
        top_bit[31] |= 0x80;
        for bytes in [bytes, top_bit] {
            let shared = MontgomeryPoint(bytes).mul_clamped([77; 32]);
            assert_eq!(shared.to_bytes(), [0; 32]);
            assert_eq!(Epk(bytes).check(), Err(WeakKey::SmallOrder));
        }
    }
    assert_eq!(Epk([9; 32]).check(), Ok(()));
}

#[test]
fn only_the_sponsor_that_is_named_sponsors() {
    let mut world = World::new();
    let (person, tx) = world.registration(1);
    let Body::RegisterUser(body) = tx.body.clone() else { unreachable!() };
    // Somebody who is no validator.
    let nobody = Ed25519Signer::from_seed(&[66; 32]);
    let body_of_nobody = RegisterUser { gate: Gate::Sponsor(nobody.validator()), ..body.clone() };
    let chain = world.rules.chain_id;
    let word = nobody.sign(Context::Sponsor, &chain, &body_of_nobody.sponsor_message());
    let by_nobody = world.sponsored(&person, body_of_nobody).with(Role::Sponsor, word);
    assert_eq!(world.run(&by_nobody).map_err(refusal), Err(Refusal::UnknownSponsor));
    // The validator's word for somebody else, or for another purpose.
    let (other, other_tx) = world.registration(2);
    let word = other_tx.signature(Role::Sponsor).unwrap();
    assert_eq!(world.run(&tx.clone().with(Role::Sponsor, word)), Err(BAD));
    let word = validator().sign(Context::Tx(Kind::RegisterUser), &chain, &body.sponsor_message());
    assert_eq!(world.run(&tx.clone().with(Role::Sponsor, word)), Err(BAD));
    // The device signs for itself, not the other way round.
    assert_eq!(world.run(&tx.sign(&other.signer)), Err(BAD));
}

#[test]
fn signatures_of_one_context_say_nothing_in_another() {
    let signer = Ed25519Signer::from_seed(&[1; 32]);
    let chain = ChainId([1; 32]);
    let signature = signer.sign(Context::Knock, &chain, b"body");
    assert_eq!(verify(signer.ivk(), Context::Knock, &chain, b"body", &signature), Ok(()));
    for (context, chain, body) in [
        (Context::Ack, chain, b"body".as_slice()),
        (Context::Knock, ChainId([2; 32]), b"body"),
        (Context::Knock, chain, b"bodY"),
    ] {
        assert_eq!(verify(signer.npk(), context, &chain, body, &signature), Err(BadSignature));
    }
}

#[test]
fn one_bad_signature_spoils_a_batch() {
    let mut world = World::new();
    let mut items = Vec::new();
    for seed in 1..20 {
        let (_, tx) = world.registration(seed);
        items.extend(signature_items(&world.rules, &world.state, &tx).unwrap());
        world.run(&tx).unwrap();
    }
    assert_eq!(verify_batch(&items, &mut Counter(7)), Ok(()));
    for place in [0, 17, items.len() - 1] {
        let mut items = items.clone();
        items[place].message.push(0);
        assert_eq!(verify_batch(&items, &mut Counter(7)), Err(BadSignature));
        assert_eq!(items[place].verify(), Err(BadSignature));
    }
    assert_eq!(verify_batch(&[], &mut Counter(7)), Ok(()));
}

#[test]
fn a_tx_with_two_signatures_of_one_role_is_no_tx() {
    let (mut world, mid, _, guest) = meeting();
    let body = world.request_body(&guest, mid);
    let tx = world.tx(&guest, body);
    let one = tx.sigs.as_slice()[0];
    let two = tx::RoleSignature { signature: Signature::Ed25519([1; 64]), ..one };
    let bytes = encode(&Tx { sigs: Set::new([one, two]).unwrap(), ..tx });
    assert!(Tx::decode(&bytes).is_err());
}

#[test]
fn secrets_do_not_show_in_debug_output() {
    let signer = Ed25519Signer::from_seed(&[0x5a; 32]);
    assert_eq!(format!("{signer:?}"), "Ed25519Signer");
    let secret = invite::InviteSecret::new([0x5a; 16]);
    assert_eq!(format!("{secret:?}"), "InviteSecret");
}

#[test]
fn no_signer_of_another_algorithm_shows_its_key() {
    let (one, two) = (Secp256k1Signer::from_seed(&[0x5a; 32]), Ed448Signer::from_seed(&[0x5a; 32]));
    assert_eq!(format!("{one:?} {two:?}"), "Secp256k1Signer Ed448Signer");
}

/// Numbers in place of random ones: the weights of a batch need not be secret in a test.
struct Counter(u64);

impl TryRng for Counter {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        self.try_next_u64().map(|number| number as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        Ok(self.0)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        for byte in bytes {
            *byte = (self.try_next_u64()? >> 32) as u8;
        }
        Ok(())
    }
}

impl TryCryptoRng for Counter {}
