//! RegisterUser and what every transaction has in common: envelope, nonce, budget.

use conclave_protocol::{
    codec::Text,
    identity::{Gate, assemble, device_id},
    key::WeakKey,
    tx::Role,
    *,
};

use crate::world::{World, refusal};

#[test]
fn a_new_user_has_one_senior_device_that_may_speak_next_with_nonce_one() {
    let mut world = World::new();
    let person = world.person(1);
    let device = world.device(person.dev);
    assert_eq!((device.user, device.seniority, device.next_nonce), (person.user, 0, 1));
    assert!(device.is_active());
    let user = world.user(person.user);
    assert_eq!((user.devices, user.seq, user.tokens), (1, 0, 59));
    let first = &world.state[&Key::UserDevice(person.user, 0)];
    assert_eq!(first, &Record::DeviceId(person.dev));
}

#[test]
fn the_info_of_a_user_is_put_together_again_from_its_records() {
    let mut world = World::new();
    let text = "x".repeat(1_024);
    let info = UserInfo::Clear(Text::new(&text).unwrap());
    let (person, tx) = world.registration(1);
    let Body::RegisterUser(mut body) = tx.body else { unreachable!() };
    body.info = info.clone();
    let tx = world.sponsored(&person, body);
    world.run(&tx).unwrap();
    let parts: Vec<_> = (0..world.user(person.user).info_chunks)
        .map(|part| match &world.state[&Key::UserInfo(person.user, part)] {
            Record::Info(part) => part.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(parts.len(), 5);
    assert_eq!(assemble(&parts), Ok(info));
    assert!(assemble(&parts[..4]).is_err());
}

#[test]
fn a_user_is_registered_once_and_a_key_bound_once() {
    let mut world = World::new();
    let (person, tx) = world.registration(1);
    world.run(&tx).unwrap();
    assert_eq!(world.run(&tx).map_err(refusal), Err(Refusal::UserTaken));
    // The same key under another salt would be another user.
    let Body::RegisterUser(body) = tx.body else { unreachable!() };
    let chain = world.rules.chain_id;
    let again = RegisterUser::new(&chain, body.ivk, [9; 16], body.info, body.gate);
    let tx = world.sponsored(&person, again);
    assert_eq!(world.run(&tx).map_err(refusal), Err(Refusal::IvkTaken));
}

#[test]
fn ids_that_are_not_derived_from_the_key_are_refused() {
    let mut world = World::new();
    let (person, tx) = world.registration(1);
    let Body::RegisterUser(right) = tx.body else { unreachable!() };
    let mut squatted = right.clone();
    squatted.user = UserId([7; 32]);
    squatted.dev = device_id(&squatted.user, &squatted.ivk);
    let mut other_device = right.clone();
    other_device.dev = DeviceId([7; 32]);
    let mut other_salt = right;
    other_salt.salt = [0; 16];
    for body in [squatted, other_device, other_salt] {
        let tx = world.sponsored(&person, body);
        assert_eq!(world.run(&tx).map_err(refusal), Err(Refusal::WrongId));
    }
}

#[test]
fn a_registration_is_signed_by_the_device_it_registers_and_starts_at_nonce_zero() {
    let mut world = World::new();
    let (person, tx) = world.registration(1);
    let foreign = Tx { signer: DeviceId([3; 32]), ..tx.clone() }.sign(&person.signer);
    assert_eq!(world.run(&foreign).map_err(refusal), Err(Refusal::NotTheSigner));
    let late = Tx { nonce: 1, ..tx }.sign(&person.signer);
    assert_eq!(world.run(&late).map_err(refusal), Err(Refusal::WrongNonce));
}

#[test]
fn a_recovery_key_must_be_sound_and_is_bound_too() {
    let mut world = World::new();
    let (person, tx) = world.registration(1);
    let Body::RegisterUser(body) = tx.body else { unreachable!() };
    let mut weak = body.clone();
    weak.recovery_ivk = Some(Ivk::Ed25519([0; 32]));
    let tx = world.sponsored(&person, weak);
    assert_eq!(world.run(&tx).map_err(refusal), Err(Refusal::Weak(WeakKey::SmallOrder)));
    let (second, _) = world.registration(2);
    let mut sound = body;
    sound.recovery_ivk = Some(second.signer.ivk());
    let tx = world.sponsored(&person, sound);
    world.run(&tx).unwrap();
    let (_, tx) = world.registration(2);
    assert_eq!(world.run(&tx).map_err(refusal), Err(Refusal::IvkTaken));
}

#[test]
fn a_stamp_of_work_counts_only_where_the_network_takes_it() {
    let mut world = World::new();
    let (person, tx) = world.registration(1);
    let Body::RegisterUser(mut body) = tx.body else { unreachable!() };
    body.gate = Gate::Work(0);
    let stamped = |world: &World, body: &RegisterUser| {
        let expiry = world.at.time.plus(60);
        Tx::new(world.rules.chain_id, body.dev, 0, expiry, body.clone()).sign(&person.signer)
    };
    let tx = stamped(&world, &body);
    assert_eq!(world.run(&tx).map_err(refusal), Err(Refusal::WorkNotTaken));
    world.rules.params.pow_bits = 8;
    let with = |stamp| RegisterUser { gate: Gate::Work(stamp), ..body.clone() };
    let weak = (0..).map(with).find(|body| body.work_bits() < 8).unwrap();
    let tx = stamped(&world, &weak);
    assert_eq!(world.run(&tx).map_err(refusal), Err(Refusal::WorkTooWeak));
    let strong = (0..).map(with).find(|body| body.work_bits() >= 8).unwrap();
    assert_eq!(body.clone().worked(8), Some(strong.clone()));
    let tx = stamped(&world, &strong);
    world.run(&tx).unwrap();
}

#[test]
fn a_transaction_is_for_one_network() {
    let mut world = World::new();
    let person = world.person(1);
    let body = world.publish_body(&person, 1);
    let tx = Tx { chain_id: ChainId([1; 32]), ..world.tx(&person, body) };
    let at = world.at;
    let answer = apply(&world.rules, at, &world.state, &tx);
    assert_eq!(answer, Err(Refusal::WrongChain.into()));
    assert!(world.run(&tx).is_err());
}

#[test]
fn a_transaction_lives_from_now_until_its_expiry_and_at_most_ten_minutes() {
    let mut world = World::new();
    let person = world.person(1);
    let body = world.publish_body(&person, 1);
    let tx = world.tx(&person, body);
    let now = world.at.time;
    for (expiry, answer) in [
        (Seconds(now.0 - 1), Err(Refusal::Expired)),
        (now, Ok(())),
        (now.plus(600), Ok(())),
        (now.plus(601), Err(Refusal::ExpiryTooFar)),
    ] {
        let tx = Tx { expiry, ..tx.clone() }.sign(&person.signer);
        let mut world = world.clone();
        assert_eq!(world.run(&tx).map(drop).map_err(refusal), answer, "{expiry}");
    }
}

#[test]
fn a_nonce_is_the_next_one_or_none() {
    let mut world = World::new();
    let person = world.person(1);
    let body = world.publish_body(&person, 1);
    let tx = world.tx(&person, body);
    for nonce in [0, 2, u64::MAX] {
        let tx = Tx { nonce, ..tx.clone() }.sign(&person.signer);
        assert_eq!(world.run(&tx).map_err(refusal), Err(Refusal::WrongNonce));
    }
    world.run(&tx).unwrap();
    assert_eq!(world.run(&tx).map_err(refusal), Err(Refusal::WrongNonce));
    assert_eq!(world.device(person.dev).next_nonce, 2);
}

#[test]
fn unknown_and_revoked_devices_and_retired_users_are_not_heard() {
    let mut world = World::new();
    let (stranger, _) = world.registration(9);
    let person = world.person(1);
    let body = world.publish_body(&person, 1);
    let tx = world.tx(&person, body);
    let foreign = Tx { signer: stranger.dev, ..tx.clone() }.sign(&stranger.signer);
    assert_eq!(world.run(&foreign).map_err(refusal), Err(Refusal::UnknownDevice));
    let mut device = world.device(person.dev);
    device.status = identity::DeviceStatus::Revoked;
    let mut revoked = world.clone();
    revoked.state.insert(Key::Device(person.dev), Record::Device(device));
    assert_eq!(revoked.run(&tx).map_err(refusal), Err(Refusal::DeviceInactive));
    let mut user = world.user(person.user);
    user.status = identity::UserStatus::Retired;
    world.state.insert(Key::User(person.user), Record::User(user));
    assert_eq!(world.run(&tx).map_err(refusal), Err(Refusal::UserInactive));
}

#[test]
fn exactly_the_asked_for_signatures_are_taken() {
    let mut world = World::new();
    let (person, tx) = world.registration(1);
    let unsigned = Tx { sigs: codec::Set::default(), ..tx.clone() };
    let missing = Refusal::MissingSignature(Role::Signer);
    assert_eq!(world.run(&unsigned).map_err(refusal), Err(missing));
    let missing = Refusal::MissingSignature(Role::Sponsor);
    let alone = unsigned.sign(&person.signer);
    assert_eq!(world.run(&alone).map_err(refusal), Err(missing));
    world.run(&tx).unwrap();
    let body = world.publish_body(&person, 1);
    let tx = world.tx(&person, body);
    let extra = tx.clone().with(Role::Sponsor, tx.signature(Role::Signer).unwrap());
    assert_eq!(world.run(&extra).map_err(refusal), Err(Refusal::ExtraSignature));
}

#[test]
fn a_user_may_send_sixty_transactions_and_then_one_every_ten_seconds() {
    let mut world = World::new();
    let person = world.person(1);
    let mid = world.publish(&person);
    for _ in 0..58 {
        world.heartbeat(&person, mid).unwrap();
    }
    assert_eq!(world.heartbeat(&person, mid), Err(Refusal::TooManyTransactions));
    world.wait(9);
    assert_eq!(world.heartbeat(&person, mid), Err(Refusal::TooManyTransactions));
    world.wait(1);
    world.heartbeat(&person, mid).unwrap();
    assert_eq!(world.heartbeat(&person, mid), Err(Refusal::TooManyTransactions));
    // A started step is not lost: 25 seconds make two and a half, 5 more the third.
    world.wait(25);
    world.heartbeat(&person, mid).unwrap();
    world.heartbeat(&person, mid).unwrap();
    world.wait(5);
    world.heartbeat(&person, mid).unwrap();
    assert_eq!(world.heartbeat(&person, mid), Err(Refusal::TooManyTransactions));
}

#[test]
fn a_budget_never_grows_over_the_burst() {
    let mut world = World::new();
    let person = world.person(1);
    let params = world.rules.params;
    let user = world.user(person.user);
    assert_eq!(user.tokens_at(&params, world.at.time.plus(1_000_000)).0, 60);
    assert_eq!(user.tokens_at(&params, Seconds(0)), (59, user.refilled));
}

#[test]
fn records_that_are_not_at_hand_are_asked_for_by_name() {
    struct Empty;
    impl View for Empty {
        fn get(&self, _: &Key) -> Result<Option<Record>, NotLoaded> {
            Err(NotLoaded)
        }
    }
    let world = World::new();
    let (person, tx) = world.registration(1);
    let answer = apply(&world.rules, world.at, &Empty, &tx);
    // Who may sponsor is asked first.
    assert_eq!(answer, Err(ApplyError::NotLoaded(vec![Key::ValidatorSet])));
    for key in [Key::ValidatorSet, Key::User(person.user)] {
        assert!(footprint(&tx).contains(&key));
    }
}
