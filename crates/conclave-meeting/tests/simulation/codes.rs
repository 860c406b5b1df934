//! The codes people compare, and those who try to choose them.

use conclave_meeting::{
    session::{Alarm, Codes, Event, Input, ShortCode},
    wire::{CodeCommit, CodeReveal, PeerMessage},
};
use conclave_protocol::{Digest, Ed25519Signer, Epoch, MemberIdx};

use crate::world::{MID, Net, World};

const VALIDATORS: Digest = Digest([5; 32]);

fn codes(world: &World, device: usize) -> Codes {
    world.session(device).codes(VALIDATORS).unwrap()
}

fn said<T>(
    world: &World,
    from: usize,
    to: usize,
    pick: impl Fn(PeerMessage) -> Option<T>,
) -> Vec<T> {
    let sent = world.messages.iter().filter(|(a, b, _)| (*a, *b) == (from, to));
    sent.filter_map(|(_, _, bytes)| pick(PeerMessage::from_bytes(bytes).unwrap())).collect()
}

fn commits(world: &World, from: usize, to: usize) -> Vec<CodeCommit> {
    said(world, from, to, |message| match message {
        PeerMessage::CodeCommit(commit) => Some(commit),
        _ => None,
    })
}

fn reveals(world: &World, from: usize, to: usize) -> Vec<CodeReveal> {
    said(world, from, to, |message| match message {
        PeerMessage::CodeReveal(reveal) => Some(reveal),
        _ => None,
    })
}

fn tell(world: &mut World, from: usize, to: usize, message: &PeerMessage) {
    let npk = world.npk(from);
    world.give(to, Input::Message { npk, bytes: message.to_bytes() });
}

fn alarmed(world: &World, device: usize, alarm: Alarm) -> bool {
    world.saw(device, |event| *event == Event::Alarm(alarm)).is_some()
}

/// Leader and one guest in epoch 1, which is final; nothing of the round has arrived.
fn before_the_round() -> World {
    let mut world = World::new(70, 2, Net::GOOD);
    world.lead();
    world.run(1_000);
    world.join(1);
    world.run(2_000);
    world.admit(1);
    while world.saw(1, |event| matches!(event, Event::EpochInstalled { .. })).is_none() {
        world.run(1);
    }
    world.hold = true;
    world.run(1_500);
    assert_eq!((commits(&world, 0, 1).len(), commits(&world, 1, 0).len()), (1, 1));
    world
}

#[test]
fn all_members_of_a_meeting_see_the_same_three_codes() {
    let world = World::meeting(71, 4, 4, Net::BAD);
    let first = codes(&world, 0);
    assert_eq!(first.security.split(' ').count(), 8);
    assert_eq!(first.epoch.as_ref().unwrap().1.split(' ').count(), 6);
    let ShortCode::Shown(_, pictures) = &first.short else { panic!("{:?}", first.short) };
    assert_eq!(pictures.len(), 4);
    for device in 1..4 {
        assert_eq!(codes(&world, device), first);
    }
}

#[test]
fn another_leader_shows_another_security_code_and_another_set_of_validators_too() {
    let world = World::meeting(71, 2, 2, Net::GOOD);
    let other = World::meeting(72, 2, 2, Net::GOOD);
    assert_ne!(codes(&world, 1).security, codes(&other, 1).security);
    let forked = world.session(1).codes(Digest([6; 32])).unwrap();
    assert_ne!(codes(&world, 1).security, forked.security);
}

#[test]
fn another_roster_shows_other_epoch_and_short_codes_and_the_same_security_code() {
    let mut world = World::meeting(73, 4, 3, Net::GOOD);
    let before = codes(&world, 1);
    world.join(3);
    world.run(2_000);
    world.admit(3);
    world.run(3_000);
    let after = codes(&world, 1);
    assert_eq!(before.security, after.security);
    assert_ne!(before.epoch, after.epoch);
    assert_ne!(before.short, after.short);
    assert_eq!(codes(&world, 3), after);
    world.kick(3);
    world.run(3_000);
    assert_ne!(codes(&world, 1).epoch, after.epoch);
    assert_eq!(codes(&world, 1), codes(&world, 2));
}

#[test]
fn nobody_shows_a_part_before_all_have_committed() {
    let mut world = before_the_round();
    assert!(reveals(&world, 0, 1).is_empty());
    let commit = commits(&world, 1, 0)[0];
    tell(&mut world, 1, 0, &PeerMessage::CodeCommit(commit));
    assert_eq!(reveals(&world, 0, 1).first().map(|reveal| reveal.epoch), Some(Epoch(1)));
}

#[test]
fn a_part_other_than_the_committed_one_is_refused_and_its_owner_named() {
    let mut world = before_the_round();
    let commit = commits(&world, 1, 0)[0];
    tell(&mut world, 1, 0, &PeerMessage::CodeCommit(commit));
    let (epoch, record) = (commit.epoch, commit.record);
    let chosen = CodeReveal { epoch, record, nonce: [9; 32] };
    tell(&mut world, 1, 0, &PeerMessage::CodeReveal(chosen));
    assert!(alarmed(&world, 0, Alarm::CodeBroken(MemberIdx(1), epoch)));
    assert_eq!(codes(&world, 0).short, ShortCode::Pending(epoch, [MemberIdx(1)].into()));

    // The right one still completes the code.
    let own = commits(&world, 0, 1)[0];
    tell(&mut world, 0, 1, &PeerMessage::CodeCommit(own));
    let right = reveals(&world, 1, 0)[0];
    tell(&mut world, 1, 0, &PeerMessage::CodeReveal(right));
    assert!(matches!(codes(&world, 0).short, ShortCode::Shown(..)));
}

#[test]
fn a_second_commitment_is_refused_and_its_owner_named() {
    let mut world = before_the_round();
    let commit = commits(&world, 1, 0)[0];
    tell(&mut world, 1, 0, &PeerMessage::CodeCommit(commit));
    tell(&mut world, 1, 0, &PeerMessage::CodeCommit(commit));
    assert!(!alarmed(&world, 0, Alarm::CodeBroken(MemberIdx(1), commit.epoch)));
    let seed = world.session(1).transport_seed().unwrap();
    let nsk = Ed25519Signer::from_seed(&seed);
    let (chain, place) = (world.ledger.rules().chain_id, (commit.epoch, commit.record));
    let second = CodeCommit::new(&chain, &MID, MemberIdx(1), place, Digest([1; 32]), &nsk);
    tell(&mut world, 1, 0, &PeerMessage::CodeCommit(second));
    assert!(alarmed(&world, 0, Alarm::CodeBroken(MemberIdx(1), commit.epoch)));
}

#[test]
fn a_commitment_that_is_not_signed_by_its_member_counts_for_nothing() {
    let mut world = before_the_round();
    let commit = commits(&world, 1, 0)[0];
    let forged = CodeCommit { hash: Digest([1; 32]), ..commit };
    let before = world.session(0).counters().bad_messages;
    tell(&mut world, 1, 0, &PeerMessage::CodeCommit(forged));
    assert_eq!(world.session(0).counters().bad_messages, before + 1);
    assert!(reveals(&world, 0, 1).is_empty());
}

#[test]
fn who_does_not_show_its_part_within_five_seconds_is_named() {
    let mut world = before_the_round();
    let commit = commits(&world, 1, 0)[0];
    tell(&mut world, 1, 0, &PeerMessage::CodeCommit(commit));
    let late = |world: &World| world.saw(0, |event| matches!(event, Event::CodeLate { .. }));
    let began = world.now;
    world.run(4_900);
    assert_eq!(late(&world), None);
    world.run(200);
    assert_eq!(late(&world), Some(began + 5_000));
    let named = Event::CodeLate { idx: MemberIdx(1), epoch: commit.epoch };
    assert!(world.saw(0, |event| *event == named).is_some());
}

#[test]
fn what_was_lost_is_said_again_on_a_new_link() {
    let mut world = before_the_round();
    world.hold = false;
    world.cut(0, 1);
    world.run(6_000);
    assert!(matches!(codes(&world, 0).short, ShortCode::Shown(..)));
    assert_eq!(codes(&world, 0), codes(&world, 1));
}
