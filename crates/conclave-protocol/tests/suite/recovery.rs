//! What waits: a junior device against a senior one, the recovery key against all, and who objects.

use conclave_protocol::{identity::UserStatus, key::WeakKey, tx::Role, *};

use crate::world::{Person, World, refusal};

const DAY: u64 = 86_400;

/// The same change again, as the next one of the user.
fn again(world: &World, who: &Person, body: &RevokeDevice) -> RevokeDevice {
    world.revoke_body(who, body.dev, body.reason)
}

#[test]
fn a_newer_device_throws_out_an_older_one_after_a_day() {
    let mut world = World::new();
    let first = world.person(1);
    let second = world.add_device(&first, 2);
    let body = world.revoke_body(&second, first.dev, 2);
    let asked = Event::ChangeAsked { user: first.user, dev: second.dev };
    assert_eq!(world.say(&second, body.clone()), Ok(vec![asked]));
    assert!(world.device(first.dev).is_active());
    world.wait(DAY - 1);
    let early = again(&world, &second, &body);
    assert_eq!(world.say(&second, early), Err(Refusal::NotYet));
    world.wait(1);
    let due = again(&world, &second, &body);
    world.say(&second, due).unwrap();
    assert!(!world.device(first.dev).is_active());
    assert!(world.device(second.dev).is_active());
    assert!(!world.state.contains_key(&Key::Pending(second.dev)));
}

#[test]
fn a_senior_device_calls_off_what_a_junior_one_asked() {
    let mut world = World::new();
    let first = world.person(1);
    let (second, third) = (world.add_device(&first, 2), world.add_device(&first, 3));
    let body = world.revoke_body(&second, first.dev, 2);
    world.say(&second, body.clone()).unwrap();
    let stranger = world.person(9);
    let foreign = Cancel { user: stranger.user, ..world.cancel_body(&stranger, second.dev) };
    assert_eq!(world.say(&stranger, foreign), Err(Refusal::NotTheSigner));
    let junior = world.cancel_body(&third, second.dev);
    assert_eq!(world.say(&third, junior), Err(Refusal::JuniorDevice));
    let nothing = world.cancel_body(&first, third.dev);
    assert_eq!(world.say(&first, nothing), Err(Refusal::NothingPending));
    let cancel = world.cancel_body(&first, second.dev);
    world.say(&first, cancel).unwrap();
    world.wait(DAY);
    // The day begins anew.
    let body = again(&world, &second, &body);
    world.say(&second, body).unwrap();
    assert!(world.device(first.dev).is_active());
    // The device itself may think better of it.
    let cancel = world.cancel_body(&second, second.dev);
    world.say(&second, cancel).unwrap();
    assert!(!world.state.contains_key(&Key::Pending(second.dev)));
}

#[test]
fn a_device_waits_for_one_thing_at_a_time_and_for_nothing_once_it_is_out() {
    let mut world = World::new();
    let first = world.person(1);
    let (second, third) = (world.add_device(&first, 2), world.add_device(&first, 3));
    let body = world.revoke_body(&third, first.dev, 2);
    world.say(&third, body).unwrap();
    world.wait(DAY);
    // Another wish takes the place of the first, and its own day.
    let body = world.revoke_body(&third, second.dev, 2);
    world.say(&third, body).unwrap();
    assert!(world.device(second.dev).is_active());
    let body = world.revoke_body(&third, first.dev, 2);
    world.say(&third, body).unwrap();
    assert!(world.device(first.dev).is_active());
    let body = world.revoke_body(&first, third.dev, 2);
    world.say(&first, body).unwrap();
    assert!(!world.state.contains_key(&Key::Pending(third.dev)));
}

#[test]
fn the_recovery_key_brings_a_user_without_devices_back_at_once() {
    let mut world = World::new();
    let (first, sheet) = world.recoverable(1);
    let body = world.revoke_body(&first, first.dev, 1);
    world.say(&first, body).unwrap();
    assert_eq!(world.user(first.user).status, UserStatus::Active);
    let (body, device) = world.recover_body(&first, 5);
    let tx = world.recovery(&body, &device, &sheet);
    let events = world.run(&tx).unwrap();
    assert_eq!(events, [Event::Recovered { user: first.user, dev: device.dev }]);
    let record = world.device(device.dev);
    assert_eq!((record.seniority, record.recovery, record.next_nonce), (0, true, 1));
    assert_eq!(world.user(first.user).last_tx, Digest(tx.id().0));
    world.publish(&device);
}

#[test]
fn a_found_recovery_sheet_takes_nothing_from_who_looks_once_a_day() {
    let mut world = World::new();
    let (first, sheet) = world.recoverable(1);
    let second = world.add_device(&first, 2);
    let (body, thief) = world.recover_body(&first, 5);
    let tx = world.recovery(&body, &thief, &sheet);
    let events = world.run(&tx).unwrap();
    assert_eq!(events, [Event::ChangeAsked { user: first.user, dev: thief.dev }]);
    assert!(!world.state.contains_key(&Key::Device(thief.dev)));
    world.wait(DAY - 1);
    let (early, _) = world.recover_body(&first, 5);
    let early = world.recovery(&early, &thief, &sheet);
    assert_eq!(world.run(&early).map_err(refusal), Err(Refusal::NotYet));
    // Any device, even the newest, may object.
    let cancel = world.cancel_body(&second, thief.dev);
    world.say(&second, cancel).unwrap();
    world.wait(1);
    let (body, _) = world.recover_body(&first, 5);
    let tx = world.recovery(&body, &thief, &sheet);
    world.run(&tx).unwrap();
    assert!(world.device(first.dev).is_active());
    assert!(!world.state.contains_key(&Key::Device(thief.dev)));
}

#[test]
fn a_recovery_nobody_objects_to_takes_the_place_of_all_devices() {
    let mut world = World::new();
    let (first, sheet) = world.recoverable(1);
    let second = world.add_device(&first, 2);
    let waits = world.revoke_body(&second, first.dev, 0);
    world.say(&second, waits).unwrap();
    let (body, device) = world.recover_body(&first, 5);
    let tx = world.recovery(&body, &device, &sheet);
    world.run(&tx).unwrap();
    world.wait(DAY);
    let next = Ed25519Signer::from_seed(&[77; 32]);
    // Another body begins anew; the same one is carried out.
    let (body, _) = world.recover_body(&first, 5);
    let other = Recover { recovery_ivk: Some(next.ivk()), ..body };
    let tx = world.recovery(&other, &device, &sheet);
    world.run(&tx).unwrap();
    assert!(world.device(first.dev).is_active());
    world.wait(DAY);
    let (body, _) = world.recover_body(&first, 5);
    let other = Recover { recovery_ivk: Some(next.ivk()), ..body };
    let tx = world.recovery(&other, &device, &sheet);
    world.run(&tx).unwrap();
    for out in [&first, &second] {
        assert_eq!(world.device(out.dev).revoked, Some(world.at.height));
        assert!(!world.state.contains_key(&Key::Pending(out.dev)));
    }
    assert!(!world.state.contains_key(&Key::Pending(device.dev)));
    assert_eq!(world.user(first.user).recovery_ivk, Some(next.ivk()));
    assert_eq!(world.state[&Key::UserDevice(first.user, 2)], Record::DeviceId(device.dev));
    // The old sheet is waste paper.
    let (body, other) = world.recover_body(&device, 6);
    let tx = world.recovery(&body, &other, &sheet);
    assert!(world.run(&tx).is_err());
}

#[test]
fn only_the_recovery_key_recovers() {
    let mut world = World::new();
    let (first, sheet) = world.recoverable(1);
    let without = world.person(2);
    let (body, device) = world.recover_body(&first, 5);
    for wrong in [&first.signer, &device.signer, &without.signer] {
        let tx = world.recovery(&body, &device, wrong);
        assert!(matches!(world.run(&tx), Err(tx::CheckError::Signature(_))));
    }
    let (none, other) = world.recover_body(&without, 6);
    let tx = world.recovery(&none, &other, &sheet);
    assert_eq!(world.run(&tx).map_err(refusal), Err(Refusal::NoRecoveryKey));
    // The new key must prove its possession.
    let tx = world.recovery(&body, &without, &sheet);
    assert!(matches!(world.run(&tx), Err(tx::CheckError::Signature(_))));
    let chain = world.rules.chain_id;
    let tx = Tx::new(chain, body.dev, 0, world.at.time.plus(60), body).sign(&sheet);
    let missing = Refusal::MissingSignature(Role::Possession);
    assert_eq!(world.run(&tx).map_err(refusal), Err(missing));
}

#[test]
fn a_recovery_names_new_and_sound_keys() {
    let mut world = World::new();
    let (first, sheet) = world.recoverable(1);
    let other = world.person(2);
    let (body, device) = world.recover_body(&first, 5);
    let weak = Ivk::Ed25519([0; 32]);
    let cases = [
        (Recover { dev: DeviceId([3; 32]), ..body.clone() }, Refusal::WrongId),
        (Recover { seq: body.seq + 1, ..body.clone() }, Refusal::StaleSeq),
        (Recover { prev: Digest([1; 32]), ..body.clone() }, Refusal::StaleChange),
        (Recover { recovery_ivk: Some(weak), ..body.clone() }, Refusal::Weak(WeakKey::SmallOrder)),
        (Recover { recovery_ivk: Some(other.signer.ivk()), ..body.clone() }, Refusal::IvkTaken),
        (Recover { recovery_ivk: Some(body.ivk), ..body }, Refusal::IvkTaken),
    ];
    for (body, refused) in cases {
        let tx = world.recovery(&body, &device, &sheet);
        assert_eq!(world.run(&tx).map_err(refusal), Err(refused));
    }
    // A key that is bound, and a device that is there.
    let (taken, known) = world.recover_body(&first, 2);
    let tx = world.recovery(&taken, &known, &sheet);
    assert_eq!(world.run(&tx).map_err(refusal), Err(Refusal::IvkTaken));
    let (own, known) = world.recover_body(&first, 1);
    let tx = world.recovery(&own, &known, &sheet);
    assert_eq!(world.run(&tx).map_err(refusal), Err(Refusal::DeviceTaken));
    let tx = world.recovery(&body, &device, &sheet);
    let tx = Tx { nonce: 1, ..tx }.sign(&sheet);
    assert_eq!(world.run(&tx).map_err(refusal), Err(Refusal::WrongNonce));
    let tx = Tx { nonce: 0, signer: first.dev, ..tx }.sign(&sheet);
    assert_eq!(world.run(&tx).map_err(refusal), Err(Refusal::NotTheSigner));
}

#[test]
fn a_recovery_key_is_set_at_once_and_replaced_after_a_day() {
    let mut world = World::new();
    let first = world.person(1);
    let key = |seed| Ed25519Signer::from_seed(&[seed; 32]);
    let (one, two) = (key(60), key(61));
    let body = world.recovery_key_body(&first, Some(one.ivk()));
    let events = world.say(&first, body).unwrap();
    assert_eq!(events, [Event::RecoveryKeySet { user: first.user }]);
    let body = world.recovery_key_body(&first, Some(two.ivk()));
    world.say(&first, body).unwrap();
    assert_eq!(world.user(first.user).recovery_ivk, Some(one.ivk()));
    // Whoever holds the sheet still begins a recovery, and finishes it with the old key.
    world.wait(DAY / 2);
    let (body, device) = world.recover_body(&first, 5);
    let tx = world.recovery(&body, &device, &one);
    world.run(&tx).unwrap();
    world.wait(DAY / 2);
    let set = world.recovery_key_body(&first, Some(two.ivk()));
    world.say(&first, set).unwrap();
    assert_eq!(world.user(first.user).recovery_ivk, Some(two.ivk()));
    world.wait(DAY / 2);
    let (next, _) = world.recover_body(&first, 5);
    let changed = Recover { recovery_ivk: None, ..next };
    let tx = world.recovery(&changed, &device, &one);
    assert_eq!(world.run(&tx).map_err(refusal), Err(Refusal::NoRecoveryKey));
    let same = Recover { recovery_ivk: body.recovery_ivk, ..next };
    let tx = world.recovery(&same, &device, &one);
    world.run(&tx).unwrap();
    assert_eq!(world.user(first.user).recovery_ivk, Some(one.ivk()));
    assert!(!world.device(first.dev).is_active());
}

#[test]
fn a_key_is_no_recovery_key_of_two_users_and_no_device_key() {
    let mut world = World::new();
    let (first, sheet) = world.recoverable(1);
    let second = world.person(2);
    for ivk in [sheet.ivk(), first.signer.ivk()] {
        let body = world.recovery_key_body(&second, Some(ivk));
        assert_eq!(world.say(&second, body), Err(Refusal::IvkTaken));
    }
    let weak = world.recovery_key_body(&second, Some(Ivk::Ed25519([0; 32])));
    assert_eq!(world.say(&second, weak), Err(Refusal::Weak(WeakKey::SmallOrder)));
}

#[test]
fn a_retired_user_does_not_come_back() {
    let mut world = World::new();
    let (first, sheet) = world.recoverable(1);
    let (body, device) = world.recover_body(&first, 5);
    let tx = world.recovery(&body, &device, &sheet);
    world.run(&tx).unwrap();
    // The sheet is given up, and with the last device the user; what the sheet began is void.
    for wait in [0, DAY] {
        world.wait(wait);
        let none = world.recovery_key_body(&first, None);
        world.say(&first, none).unwrap();
    }
    let end = world.revoke_body(&first, first.dev, 0);
    world.say(&first, end).unwrap();
    assert_eq!(world.user(first.user).status, UserStatus::Retired);
    let (seq, prev) = world.next_change(&first);
    let tx = world.recovery(&Recover { seq, prev, ..body }, &device, &sheet);
    assert_eq!(world.run(&tx).map_err(refusal), Err(Refusal::UserInactive));
}

#[test]
fn recoveries_spend_the_tokens_and_the_places_of_the_user() {
    let mut world = World::new();
    let (first, sheet) = world.recoverable(1);
    let body = world.revoke_body(&first, first.dev, 0);
    world.say(&first, body).unwrap();
    let mut last = first;
    let mut seed = 10;
    let refused = loop {
        let (body, device) = world.recover_body(&last, seed);
        let tx = world.recovery(&body, &device, &sheet);
        if let Err(error) = world.run(&tx) {
            break refusal(error);
        }
        let end = world.revoke_body(&device, device.dev, 0);
        world.say(&device, end).unwrap();
        last = device;
        seed += 1;
        // Two transactions a round: the tokens come back in time.
        world.wait(20);
    };
    assert_eq!(refused, Refusal::TooManyDevices);
    assert_eq!(world.user(last.user).devices, identity::MAX_DEVICES_EVER);
    // Without waiting, the tokens end first.
    let (other, sheet) = world.recoverable(2);
    let mut said = 0;
    let refused = loop {
        let (body, device) = world.recover_body(&other, 60 + said % 2);
        let tx = world.recovery(&body, &device, &sheet);
        let tokens = world.user(other.user).tokens;
        match world.run(&tx).map_err(refusal) {
            Ok(_) => assert_eq!(world.user(other.user).tokens + 1, tokens),
            Err(Refusal::NotYet) => {
                let cancel = world.cancel_body(&other, device.dev);
                if world.say(&other, cancel).is_err() {
                    break Refusal::TooManyTransactions;
                }
            }
            Err(refused) => break refused,
        }
        said += 1;
    };
    assert_eq!(refused, Refusal::TooManyTransactions);
}

#[test]
fn a_new_recovery_key_is_bound_and_a_weak_device_key_is_no_device() {
    let mut world = World::new();
    let (first, sheet) = world.recoverable(1);
    let body = world.revoke_body(&first, first.dev, 0);
    world.say(&first, body).unwrap();
    // The identity point signs anything, its own possession too.
    let (body, _) = world.recover_body(&first, 5);
    let mut point = [0; 32];
    point[0] = 1;
    let ivk = Ivk::Ed25519(point);
    let weak = Recover { ivk, dev: identity::device_id(&first.user, &ivk), ..body };
    let mut trivial = [0; 64];
    trivial[0] = 1;
    let tx = Tx::new(world.rules.chain_id, weak.dev, 0, world.at.time.plus(60), weak)
        .with(Role::Possession, Signature::Ed25519(trivial))
        .sign(&sheet);
    let refused = Err(Refusal::Weak(WeakKey::SmallOrder));
    assert_eq!(world.run(&tx).map_err(refusal), refused);
    let next = Ed25519Signer::from_seed(&[77; 32]);
    let (_, device) = world.recover_body(&first, 5);
    let body = Recover { recovery_ivk: Some(next.ivk()), ..body };
    let tx = world.recovery(&body, &device, &sheet);
    world.run(&tx).unwrap();
    assert_eq!(world.state[&Key::IvkIndex(next.ivk())], Record::DeviceId(device.dev));
}
