//! Changes of a user that exists: more devices, fewer devices, other keys, another info.

use conclave_protocol::{
    codec::Text,
    identity::{MAX_DEVICES, UserStatus},
    key::WeakKey,
    signed::BadSignature,
    tx::{CheckError, Role},
    *,
};

use crate::world::{World, refusal};

const BAD: CheckError = CheckError::Signature(BadSignature);

#[test]
fn a_second_device_speaks_for_the_same_user() {
    let mut world = World::new();
    let first = world.person(1);
    let second = world.add_device(&first, 2);
    let device = world.device(second.dev);
    assert_eq!((device.user, device.seniority, device.next_nonce), (first.user, 1, 1));
    let user = world.user(first.user);
    assert_eq!((user.devices, user.seq), (2, 1));
    assert_eq!(world.state[&Key::UserDevice(first.user, 1)], Record::DeviceId(second.dev));
    world.publish(&second);
}

#[test]
fn a_key_that_does_not_prove_its_possession_is_not_added() {
    let mut world = World::new();
    let (first, thief) = (world.person(1), world.person(2));
    let (body, device) = world.device_body(&first, 3);
    let chain = world.rules.chain_id;
    let without = world.tx(&first, body.clone());
    let missing = Refusal::MissingSignature(Role::Possession);
    assert_eq!(world.run(&without).map_err(refusal), Err(missing));
    // Signed by another key, for another body, for another network.
    let other = AddDevice { seq: 9, ..body };
    for proof in [
        body.prove(&chain, &thief.signer),
        other.prove(&chain, &device.signer),
        body.prove(&ChainId([1; 32]), &device.signer),
    ] {
        let tx = world.tx(&first, body.clone()).with(Role::Possession, proof);
        assert_eq!(world.run(&tx), Err(BAD));
    }
    // A proof where none is asked for is one too many.
    let proof = body.prove(&chain, &device.signer);
    let tx = world.tx(&first, world.revoke_body(&first, first.dev, 0));
    let tx = tx.with(Role::Possession, proof);
    assert_eq!(world.run(&tx).map_err(refusal), Err(Refusal::ExtraSignature));
}

#[test]
fn nobody_adds_a_device_to_somebody_else() {
    let mut world = World::new();
    let (victim, thief) = (world.person(1), world.person(2));
    let (body, device) = world.device_body(&victim, 3);
    let proof = body.prove(&world.rules.chain_id, &device.signer);
    assert_eq!(world.introduce(&thief, body, proof), Err(Refusal::NotTheSigner));
    let body = world.revoke_body(&victim, victim.dev, 0);
    assert_eq!(world.say(&thief, body), Err(Refusal::NotTheSigner));
    // In its own name, but the victim's device.
    let body = world.revoke_body(&thief, victim.dev, 0);
    assert_eq!(world.say(&thief, body), Err(Refusal::NotTheSigner));
    let (body, signer) = world.rotate_body(&victim, 4);
    let proof = body.prove(&world.rules.chain_id, &signer);
    assert_eq!(world.introduce(&thief, body, proof), Err(Refusal::NotTheSigner));
}

#[test]
fn weak_foreign_and_used_keys_are_not_taken() {
    let mut world = World::new();
    let (first, other) = (world.person(1), world.person(2));
    let chain = world.rules.chain_id;
    let (body, device) = world.device_body(&first, 3);
    let squatted = AddDevice { dev: DeviceId([7; 32]), ..body };
    let proof = squatted.prove(&chain, &device.signer);
    assert_eq!(world.introduce(&first, squatted, proof), Err(Refusal::WrongId));
    // A key that is bound to somebody, even with their help.
    let (body, taken) = world.device_body(&first, 2);
    assert_eq!(taken.signer.ivk(), other.signer.ivk());
    let proof = body.prove(&chain, &taken.signer);
    assert_eq!(world.introduce(&first, body, proof), Err(Refusal::IvkTaken));
    // The identity point: any message is signed by it.
    let mut weak = [0; 32];
    weak[0] = 1;
    let ivk = Ivk::Ed25519(weak);
    let (body, _) = world.device_body(&first, 3);
    let body = AddDevice { ivk, dev: identity::device_id(&first.user, &ivk), ..body };
    let mut forged = [0; 64];
    forged[0] = 1;
    let refused = world.introduce(&first, body, Signature::Ed25519(forged));
    assert_eq!(refused, Err(Refusal::Weak(WeakKey::SmallOrder)));
    let (body, _) = world.rotate_body(&first, 3);
    let refused = world.introduce(&first, RotateKey { ivk, ..body }, Signature::Ed25519(forged));
    assert_eq!(refused, Err(Refusal::Weak(WeakKey::SmallOrder)));
}

#[test]
fn changes_of_a_user_are_a_chain() {
    let mut world = World::new();
    let first = world.person(1);
    let chain = world.rules.chain_id;
    let (stale, second) = world.device_body(&first, 2);
    world.add_device(&first, 3);
    let (body, _) = world.device_body(&first, 2);
    let seq = AddDevice { seq: body.seq + 1, ..body };
    let prev = AddDevice { prev: Digest([1; 32]), ..body };
    for (body, refusal) in
        [(stale, Refusal::StaleSeq), (seq, Refusal::StaleSeq), (prev, Refusal::StaleChange)]
    {
        let proof = body.prove(&chain, &second.signer);
        assert_eq!(world.introduce(&first, body, proof), Err(refusal));
    }
    let before = world.user(first.user).last_tx;
    assert_eq!(body.prev, before);
    let proof = body.prove(&chain, &second.signer);
    let tx = world.tx(&first, body).with(Role::Possession, proof);
    world.run(&tx).unwrap();
    assert_eq!(world.user(first.user).last_tx, Digest(tx.id().0));
    assert_eq!(tx.body.prev(), Some(before));
    // What changes no user is no link of the chain.
    world.publish(&first);
    assert_eq!(world.user(first.user).last_tx, Digest(tx.id().0));
}

#[test]
fn a_user_has_room_for_sixteen_devices() {
    let mut world = World::new();
    world.rules.params.burst = 100;
    let first = world.person(1);
    for seed in 2..=MAX_DEVICES {
        world.add_device(&first, seed);
    }
    let (body, device) = world.device_body(&first, 99);
    let proof = body.prove(&world.rules.chain_id, &device.signer);
    assert_eq!(world.introduce(&first, body, proof), Err(Refusal::TooManyDevices));
}

#[test]
fn a_revoked_device_says_nothing_more() {
    let mut world = World::new();
    let first = world.person(1);
    let (second, third) = (world.add_device(&first, 2), world.add_device(&first, 3));
    let body = world.revoke_body(&second, third.dev, 2);
    world.say(&second, body.clone()).unwrap();
    assert!(!world.device(third.dev).is_active());
    assert_eq!(world.device(third.dev).revoked, Some(world.at.height));
    let body = RevokeDevice { seq: body.seq + 1, prev: world.user(first.user).last_tx, ..body };
    assert_eq!(world.say(&second, body), Err(Refusal::DeviceInactive));
    let meeting = world.publish_body(&third, 1);
    assert_eq!(world.say(&third, meeting), Err(Refusal::DeviceInactive));
    // One's own device may always go.
    let body = world.revoke_body(&second, second.dev, 0);
    world.say(&second, body).unwrap();
    assert_eq!(world.user(first.user).status, UserStatus::Active);
}

#[test]
fn without_any_device_a_user_is_retired() {
    let mut world = World::new();
    let first = world.person(1);
    let second = world.add_device(&first, 2);
    let body = world.revoke_body(&first, first.dev, 0);
    world.say(&first, body).unwrap();
    assert!(world.user(first.user).is_active());
    let body = world.revoke_body(&second, second.dev, 0);
    world.say(&second, body).unwrap();
    assert!(!world.user(first.user).is_active());
}

#[test]
fn a_rotated_key_is_never_valid_again() {
    let mut world = World::new();
    let mut person = world.person(1);
    let chain = world.rules.chain_id;
    let (body, signer) = world.rotate_body(&person, 2);
    let old = person.signer.ivk();
    let proof = body.prove(&chain, &signer);
    world.introduce(&person, body, proof).unwrap();
    let publish = world.publish_body(&person, 1);
    let tx = world.tx(&person, publish);
    assert_eq!(world.run(&tx), Err(BAD));
    person.signer = signer;
    world.publish(&person);
    assert_eq!(world.device(person.dev).ivk, person.signer.ivk());
    // Not even back to it, and not for anybody else.
    let (body, signer) = world.rotate_body(&person, 1);
    assert_eq!(signer.ivk(), old);
    let proof = body.prove(&chain, &signer);
    assert_eq!(world.introduce(&person, body, proof), Err(Refusal::IvkTaken));
    let (_, tx) = world.registration(1);
    assert!(world.run(&tx).is_err());
}

#[test]
fn a_new_info_takes_the_place_of_all_of_the_old_one() {
    let mut world = World::new();
    let person = world.person(1);
    for text in ["x".repeat(1_024), "Ada".to_owned()] {
        let info = UserInfo::Clear(Text::new(&text).unwrap());
        let (seq, prev) = world.next_change(&person);
        let body = UpdateInfo { user: person.user, info: info.clone(), seq, prev };
        world.say(&person, body).unwrap();
        let parts: Vec<_> = (0..u8::MAX)
            .map_while(|part| world.state.get(&Key::UserInfo(person.user, part)))
            .map(|record| match record {
                Record::Info(part) => part.clone(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(parts.len(), usize::from(world.user(person.user).info_chunks));
        assert_eq!(identity::assemble(&parts), Ok(info));
    }
}
