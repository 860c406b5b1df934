//! Keys and records that are not what the leader made for this member.

use conclave_meeting::{
    session::{Alarm, Event, Input},
    wire::{Bundle, PeerMessage},
};
use conclave_protocol::{Context, Digest, Epoch, Signer, encode};

use crate::world::{MID, Net, World};

/// A meeting of three, a fourth admitted, and the bundle that the leader sent to device 2.
fn with_bundles() -> (World, Bundle, Bundle) {
    let mut world = World::meeting(51, 4, 3, Net::GOOD);
    world.join(3);
    world.run(1_500);
    world.messages.clear();
    // Devices 1 and 2 do not get the bundle: it stays in the attacker's hands.
    world.hold = true;
    world.admit(3);
    world.run(60);
    let bundle = |world: &World, to: usize| {
        let mut all = world.messages.iter().filter(|(f, t, _)| (*f, *t) == (0, to));
        all.find_map(|(_, _, bytes)| match PeerMessage::from_bytes(bytes) {
            Ok(PeerMessage::Bundle(bundle)) => Some(bundle),
            _ => None,
        })
        .unwrap()
    };
    let (one, two) = (bundle(&world, 1), bundle(&world, 2));
    assert_eq!(two.record.epoch, Epoch(2));
    (world, one, two)
}

/// Gives a bundle to device 2 as if it came from the leader; returns whether it took it.
fn takes(world: &mut World, bundle: &Bundle) -> bool {
    let npk = world.npk(0);
    let bytes = PeerMessage::Bundle(bundle.clone()).to_bytes();
    world.give(2, Input::Message { npk, bytes });
    let view = world.ledger.view(MID, world.now);
    world.give(2, Input::Ledger(Box::new(view)));
    world.keys(2).contains_key(&bundle.record.epoch)
}

/// The leader itself lies: the record is changed and signed again with its identity key.
fn signed_again(world: &World, bundle: &mut Bundle) {
    let chain = world.ledger.rules().chain_id;
    let signer = &world.devices[0].signer;
    bundle.sig = signer.sign(Context::Epoch, &chain, &encode(&bundle.record));
}

#[test]
fn the_honest_bundle_is_taken() {
    let (mut world, _, bundle) = with_bundles();
    assert!(takes(&mut world, &bundle));
}

#[test]
fn a_wrap_for_another_member_is_refused() {
    let (mut world, other, bundle) = with_bundles();
    assert!(!takes(&mut world, &other), "addressed to another member");
    let relabelled = Bundle {
        wrap: conclave_meeting::wire::Wrap { enc_mk: other.wrap.enc_mk, ..bundle.wrap.clone() },
        ..bundle
    };
    assert!(!takes(&mut world, &relabelled), "another member's wrap under the own index");
}

#[test]
fn a_wrap_for_another_epoch_is_refused() {
    let (mut world, _, bundle) = with_bundles();
    let mut moved = bundle;
    moved.record.epoch = Epoch(3);
    moved.wrap.epoch = Epoch(3);
    signed_again(&world, &mut moved);
    assert!(!takes(&mut world, &moved));
}

#[test]
fn a_key_that_does_not_match_the_commitment_is_refused_with_an_alarm() {
    let (mut world, _, bundle) = with_bundles();
    // The wrap is bound to the record, so a lying leader wraps for the changed record.
    let mut lie = bundle;
    lie.record.mk_commit = Digest([1; 32]);
    signed_again(&world, &mut lie);
    assert!(!takes(&mut world, &lie));
    assert!(world.keys(2).keys().all(|epoch| *epoch < Epoch(2)));
}

#[test]
fn a_record_signed_by_anyone_but_the_leader_is_refused() {
    let (mut world, _, bundle) = with_bundles();
    let chain = world.ledger.rules().chain_id;
    let mut forged = bundle.clone();
    forged.sig = world.devices[1].signer.sign(Context::Epoch, &chain, &encode(&forged.record));
    assert!(!takes(&mut world, &forged));
    // The right signature over another link is refused as well.
    let npk = world.npk(1);
    let bytes = PeerMessage::Bundle(bundle).to_bytes();
    world.give(2, Input::Message { npk, bytes });
    assert!(!world.keys(2).contains_key(&Epoch(2)));
}

#[test]
fn a_replayed_bundle_brings_no_old_key_back() {
    let (mut world, _, old) = with_bundles();
    assert!(takes(&mut world, &old));
    world.hold = false;
    world.run(3_000);
    world.kick(3);
    world.run(14_000);
    let newest = *world.keys(2).last_key_value().unwrap().0;
    assert!(newest > old.record.epoch);
    assert!(!takes(&mut world, &old), "the old epoch is back");
    assert_eq!(*world.keys(2).last_key_value().unwrap().0, newest);
    assert_eq!(world.session(2).sending_epoch(), Some(newest));
}

#[test]
fn a_second_record_for_one_epoch_raises_an_alarm() {
    let (mut world, _, bundle) = with_bundles();
    let mut rival = bundle;
    rival.record.mk_commit = Digest([9; 32]);
    signed_again(&world, &mut rival);
    world.hold = false;
    world.run(4_000);
    assert!(world.keys(2).contains_key(&Epoch(2)));
    // A rival of the present epoch that is not on the ledger.
    takes(&mut world, &rival);
    let alarm = Event::Alarm(Alarm::LeaderEquivocated(Epoch(2)));
    assert!(world.saw(2, |event| *event == alarm).is_some());
}
