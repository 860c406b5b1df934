//! The chair changes hands while the meeting goes on.

use conclave_meeting::{
    session::{Command, CommandError, Event, Input},
    wire::PeerMessage,
};
use conclave_protocol::{Context, Ed25519Signer, MemberIdx, Signer, meeting::Absence};

use crate::{
    meetings::{assert_heard, assert_one_key, stream},
    world::{MID, Net, World},
};

/// When `device` saw `leader` begin to lead.
fn led_by(world: &World, device: usize, leader: MemberIdx) -> Option<u64> {
    let led = |event: &Event| matches!(event, Event::LeaderChanged { idx, .. } if *idx == leader);
    world.saw(device, led)
}

fn leader(world: &World) -> MemberIdx {
    world.view().meeting.unwrap().leader
}

/// Everyone streams for `ms` after `what` happened, and all of it is heard by all.
fn go_on(world: &mut World, devices: &[usize], ms: u64) {
    let since = world.now;
    stream(world, devices, ms);
    let until = world.now - 100;
    world.run(3_000);
    for from in devices {
        for to in devices.iter().filter(|to| *to != from) {
            assert_heard(world, *from, *to, since, until);
        }
    }
}

#[test]
fn a_leader_that_is_killed_is_followed_within_five_seconds_and_nothing_is_lost() {
    let mut times = Vec::new();
    for seed in 0..20 {
        let mut world = World::meeting(400 + seed, 5, 5, Net::GOOD);
        for device in 0..5 {
            world.open_stream(device);
        }
        stream(&mut world, &[0, 1, 2, 3, 4], 500);
        let (killed, first) = (world.now, world.idx(1));
        world.freeze(0);
        go_on(&mut world, &[1, 2, 3, 4], 6_000);
        let roster = world.session(1).roster();
        assert!(roster.contains(&MemberIdx(0)), "it may have lost its network alone");
        go_on(&mut world, &[1, 2, 3, 4], 6_000);
        let taken = led_by(&world, 2, first).expect("somebody took over");
        let sending = |event: &Event| matches!(event, Event::EpochSending { .. });
        let mut events = world.devices[2].events.iter();
        let sent = events.find(|(at, event)| *at >= taken && sending(event)).unwrap().0;
        times.push(sent - killed);
        assert_eq!(leader(&world), first);
        assert_one_key(&world, &[1, 2, 3, 4]);
    }
    times.sort_unstable();
    println!("killed to new key in ms: {times:?}");
    assert!(times[18] <= 5_000, "{times:?}");
}

#[test]
fn a_leader_that_comes_back_after_a_moment_has_lost_the_chair_and_not_its_seat() {
    let mut world = World::meeting(420, 4, 4, Net::GOOD);
    let all = [0, 1, 2, 3];
    for device in all {
        world.open_stream(device);
    }
    world.run(1_000);
    for other in 1..4 {
        world.cut_for_good(0, other);
    }
    world.run(6_000);
    let first = world.idx(1);
    assert_eq!(leader(&world), first);
    for other in 1..4 {
        world.mend(0, other);
    }
    world.run(6_000);
    let start = world.now;
    stream(&mut world, &all, 2_000);
    let end = world.now;
    world.run(500);
    assert_one_key(&world, &all);
    for other in 1..4 {
        assert_heard(&world, 0, other, start, end);
        assert_heard(&world, other, 0, start, end);
    }
}

/// A meeting whose first leader was killed 5 s ago, and whose second one leads.
fn after_the_first(seed: u64, members: usize) -> World {
    let mut world = World::meeting(seed, members, members, Net::GOOD);
    world.freeze(0);
    world.run(5_000);
    assert_eq!(leader(&world), world.idx(1));
    world
}

/// Whoever lost the chair could lead and vote, and is not counted for long.
#[test]
fn a_second_leader_that_is_killed_is_followed_as_fast_as_the_first() {
    let mut world = after_the_first(418, 4);
    world.run(7_000);
    world.freeze(1);
    world.run(5_000);
    assert_eq!(leader(&world), world.idx(2));
}

/// Also where the next one did not live to take its seat away.
#[test]
fn a_leader_that_was_overtaken_is_out_whoever_leads_by_then() {
    let mut world = after_the_first(417, 6);
    world.freeze(1);
    world.run(12_000);
    assert_eq!(leader(&world), world.idx(2));
    world.run(3_000);
    assert_one_key(&world, &[2, 3, 4, 5]);
}

/// The new leader hears nobody either, and its first one is out all the same.
#[test]
fn a_leader_that_was_overtaken_and_another_one_who_vanishes_are_out() {
    let mut world = after_the_first(419, 3);
    world.freeze(2);
    world.run(40_000);
    assert_one_key(&world, &[1]);
}

#[test]
fn a_leader_that_leaves_is_followed_at_once() {
    let mut world = World::meeting(421, 3, 3, Net::GOOD);
    let left = world.now;
    let first = world.idx(1);
    world.command(0, Command::Leave);
    world.run(3_000);
    let taken = led_by(&world, 2, first).unwrap();
    assert!(taken - left < 2_000, "{} ms", taken - left);
    assert_one_key(&world, &[1, 2]);
}

#[test]
fn the_new_leader_admits_and_removes() {
    let mut world = World::meeting(422, 4, 3, Net::GOOD);
    world.command(0, Command::Leave);
    world.run(3_000);
    world.kick_by(1, 2);
    world.run(2_000);
    assert_one_key(&world, &[1]);
    assert!(world.session(2).is_ended());
}

#[test]
fn a_leader_hands_the_chair_to_whom_it_likes_and_stays() {
    let mut world = World::meeting(423, 4, 4, Net::GOOD);
    for device in 0..4 {
        world.open_stream(device);
    }
    let third = world.idx(2);
    world.command(0, Command::Appoint { idx: third });
    go_on(&mut world, &[0, 1, 2, 3], 3_000);
    assert_eq!(leader(&world), third);
    assert_one_key(&world, &[0, 1, 2, 3]);
    assert_eq!(world.try_command(0, Command::Dismiss), Err(CommandError::NotLeader));
    world.command(2, Command::Appoint { idx: MemberIdx(0) });
    world.run(3_000);
    assert_eq!(leader(&world), MemberIdx(0));
    assert_one_key(&world, &[0, 1, 2, 3]);
}

#[test]
fn only_the_leader_hands_the_chair_over_and_only_to_a_member() {
    let mut world = World::meeting(424, 3, 2, Net::GOOD);
    let not = CommandError::NotLeader;
    assert_eq!(world.try_command(1, Command::Appoint { idx: MemberIdx(0) }), Err(not));
    let none = CommandError::NoSuchMember;
    for idx in [0, 7] {
        assert_eq!(world.try_command(0, Command::Appoint { idx: MemberIdx(idx) }), Err(none));
    }
}

#[test]
fn more_than_half_of_the_users_elect_somebody_while_the_leader_is_there() {
    let mut world = World::meeting(425, 4, 4, Net::GOOD);
    let candidate = world.idx(3);
    world.command(1, Command::Vote { candidate });
    world.command(2, Command::Vote { candidate });
    world.run(3_000);
    assert_eq!(leader(&world), MemberIdx(0), "two of four are no majority");
    world.command(3, Command::Vote { candidate });
    world.run(3_000);
    assert_eq!(leader(&world), candidate);
    assert_one_key(&world, &[0, 1, 2, 3]);
}

#[test]
fn a_member_that_alone_does_not_hear_the_leader_takes_nothing() {
    let mut world = World::meeting(426, 4, 4, Net::GOOD);
    world.cut_for_good(0, 1);
    world.run(20_000);
    assert_eq!(leader(&world), MemberIdx(0));
    let silent = |event: &Event| matches!(event, Event::LeaderSilent { .. });
    assert!(world.saw(1, silent).is_some(), "it said so to the others");
    assert!(world.ledger.refused.is_empty(), "{:?}", world.ledger.refused);
}

#[test]
fn of_two_the_other_one_takes_over_when_the_lease_is_over() {
    let mut world = World::meeting(427, 2, 2, Net::GOOD);
    world.freeze(0);
    world.run(25_000);
    assert_eq!(leader(&world), MemberIdx(0));
    world.run(40_000);
    assert_eq!(leader(&world), MemberIdx(1));
}

/// Of three, one is gone: the other two cannot depose each other by their word, and the lease has
/// 50 seconds left.
#[test]
fn a_leader_that_gives_no_new_key_loses_the_chair_long_before_its_lease_is_over() {
    let mut world = World::meeting(431, 3, 3, Net::GOOD);
    world.freeze(0);
    world.command(2, Command::Leave);
    world.run(9_000);
    assert_eq!(leader(&world), MemberIdx(0));
    world.run(8_000);
    assert_eq!(leader(&world), world.idx(1));
    assert!(world.view().time < world.view().meeting.unwrap().published.time.plus(60));
    assert_one_key(&world, &[1]);
}

/// Nobody hears it any more, so it is followed like a silent one.
#[test]
fn a_leader_whose_device_was_revoked_is_followed_when_its_lease_is_over() {
    let mut world = World::meeting(432, 3, 3, Net::GOOD);
    assert_eq!(world.revoke(0), Ok(()));
    world.run(90_000);
    assert_ne!(leader(&world), MemberIdx(0));
    assert_one_key(&world, &[1, 2]);
}

#[test]
fn when_the_first_in_line_is_silent_too_the_second_one_takes_over() {
    let mut world = World::meeting(428, 7, 7, Net::GOOD);
    let second = world.idx(2);
    world.freeze(0);
    world.freeze(1);
    world.run(13_000);
    assert_eq!(leader(&world), second);
    world.run(25_000);
    assert_one_key(&world, &[2, 3, 4, 5, 6]);
}

#[test]
fn forged_words_of_absence_move_nothing() {
    let mut world = World::meeting(429, 5, 5, Net::GOOD);
    let attacker = Ed25519Signer::from_seed(&[1; 32]);
    for _ in 0..10 {
        for device in 2..5 {
            let idx = world.idx(device);
            let at = world.view().time;
            let sig = attacker.sign(Context::Absent, &world.ledger.rules().chain_id, b"");
            let bytes = PeerMessage::Absent(Absence { idx, at, sig }).to_bytes();
            let npk = world.session(device).npk();
            world.give(1, Input::Message { npk, bytes });
        }
        world.run(1_000);
    }
    assert_eq!(leader(&world), MemberIdx(0));
    assert!(world.ledger.refused.is_empty(), "{:?}", world.ledger.refused);
}

#[test]
fn a_locked_meeting_lets_nobody_ask_until_it_is_open_again() {
    let mut world = World::meeting(430, 3, 2, Net::GOOD);
    world.command(0, Command::Lock { locked: true });
    world.run(1_000);
    assert!(world.view().meeting.unwrap().policy.locked);
    world.join(2);
    world.run(2_000);
    assert!(world.session(2).is_ended());
    assert_eq!(world.try_command(1, Command::Lock { locked: false }), Err(CommandError::NotLeader));
    world.command(0, Command::Lock { locked: false });
    world.run(1_000);
    world.join(2);
    world.run(2_000);
    world.admit(2);
    world.run(3_000);
    assert_one_key(&world, &[0, 1, 2]);
    assert_eq!(
        world.view().meeting.unwrap().published,
        world.ledger.view(MID, 0).meeting.unwrap().published
    );
}
