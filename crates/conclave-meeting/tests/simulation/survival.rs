//! A meeting survives members that fall silent and a ledger that stands still.

use conclave_meeting::session::{Command, CommandError, Ending, Event};
use conclave_protocol::{Epoch, MemberIdx, meeting::Reason};

use crate::{
    meetings::{assert_heard, assert_one_key, stream},
    world::{Net, World},
};

#[test]
fn a_member_that_fell_silent_is_out_and_may_ask_again() {
    let mut world = World::meeting(101, 4, 4, Net::GOOD);
    world.freeze(3);
    world.run(29_000);
    assert!(world.session(0).roster().contains(&MemberIdx(3)), "too early");
    world.run(4_000);
    assert_one_key(&world, &[0, 1, 2]);
    let out = |event: &Event| {
        matches!(event, Event::MemberLeft { idx: MemberIdx(3), reason: Reason::TimedOut })
    };
    assert!(world.saw(1, out).is_some());
    world.wake(3);
    world.run(1_000);
    assert!(world.saw(3, |event| *event == Event::Ended(Ending::TimedOut)).is_some());
    assert!(world.keys(3).is_empty());
    world.join(3);
    world.run(2_000);
    world.admit(3);
    world.run(3_000);
    assert_one_key(&world, &[0, 1, 2, 3]);
    assert_eq!(world.idx(3), MemberIdx(4), "a seat is taken once");
}

#[test]
fn a_leader_that_hears_nobody_removes_nobody() {
    let mut world = World::meeting(102, 4, 4, Net::GOOD);
    for device in 1..4 {
        world.freeze(device);
    }
    world.run(60_000);
    assert_eq!(world.session(0).roster().len(), 4);
    world.run(40_000);
    assert_one_key(&world, &[0]);
}

/// The records of the ledger and of everyone are the same.
fn assert_confirmed(world: &World, members: &[usize], epoch: Epoch) {
    assert_eq!(world.view().meeting.unwrap().epoch, epoch);
    for device in members {
        assert_eq!(world.session(*device).sending_epoch(), Some(epoch));
        let last =
            world.saw(*device, |e| matches!(e, Event::EpochFinal { epoch: e, .. } if *e == epoch));
        assert!(last.is_some(), "device {device} does not know that epoch {epoch} is final");
    }
}

#[test]
fn people_go_while_the_ledger_stands_still_and_nobody_unknown_comes_in() {
    let mut world = World::meeting(103, 6, 5, Net::GOOD);
    world.join(5);
    world.run(2_000);
    let all = [0, 1, 2, 3, 4];
    for device in all {
        world.open_stream(device);
    }
    world.run(1_000);
    world.stall();
    stream(&mut world, &all, 11_000);
    let idx = world.idx(5);
    let refused = world.try_command(0, Command::Admit { idx });
    assert_eq!(refused, Err(CommandError::LedgerStalled));
    assert!(world.saw(0, |event| *event == Event::LedgerStalled).is_some());

    let start = world.now;
    world.kick(1);
    stream(&mut world, &[0, 2, 3, 4], 2_000);
    world.command(2, Command::Leave);
    let left = world.now;
    stream(&mut world, &[0, 3, 4], 3_000);
    assert_one_key(&world, &[0, 3, 4]);
    assert_eq!(world.session(0).sending_epoch(), Some(Epoch(3)), "one for each that went");
    let blind = world.saw(3, |e| *e == Event::EpochSending { epoch: Epoch(3) }).unwrap() - left;
    assert!(blind < 1_000, "blind after {blind} ms");

    world.resume();
    let back = world.now;
    stream(&mut world, &[0, 3, 4], 3_000);
    let end = world.now;
    world.run(500);
    assert_confirmed(&world, &[0, 3, 4], Epoch(3));
    let confirmed = world.saw(4, |e| matches!(e, Event::EpochFinal { epoch: Epoch(3), .. }));
    assert!(confirmed.unwrap() - back < 60_000);
    for (from, to) in [(0, 3), (3, 0), (3, 4), (4, 3), (4, 0), (0, 4)] {
        assert_heard(&world, from, to, start, end);
    }
    assert!(world.saw(0, |event| *event == Event::LedgerBack).is_some());
    world.admit(5);
    world.run(3_000);
    assert_one_key(&world, &[0, 3, 4, 5]);
}

/// Two halves of a broken network would else have a leader each.
#[test]
fn while_the_ledger_stands_still_nobody_takes_over_and_media_goes_on() {
    let mut world = World::meeting(104, 5, 5, Net::GOOD);
    let rest = [1, 2, 3, 4];
    for device in rest {
        world.open_stream(device);
    }
    world.run(500);
    let claims = |world: &World| {
        world.trace.iter().filter(|line| line.ends_with("submit LeaderReassign")).count()
    };
    world.stall();
    world.run(3_500);
    world.freeze(0);
    let start = world.now;
    stream(&mut world, &rest, 60_000);
    let silent = |event: &Event| matches!(event, Event::LeaderSilent { idx: MemberIdx(0) });
    for device in rest {
        assert!(world.saw(device, silent).is_some());
        assert!(!world.session(device).is_ended());
    }
    assert_eq!(claims(&world), 0, "the ledger would refuse them later");

    world.resume();
    let back = world.now;
    stream(&mut world, &rest, 9_000);
    let end = world.now;
    world.run(1_000);
    assert_ne!(world.view().meeting.unwrap().leader, MemberIdx(0));
    let led = |event: &Event| matches!(event, Event::LeaderChanged { .. });
    let taken = world.saw(2, led).unwrap() - back;
    assert!(taken < 5_000, "{taken} ms");
    assert_one_key(&world, &rest);
    for from in rest {
        for to in rest.iter().filter(|to| **to != from) {
            assert_heard(&world, from, *to, start, end);
        }
    }
}

/// Whoever moved is called at its old address by those of a higher index, so it calls them itself.
#[test]
fn whoever_comes_to_another_network_is_heard_again() {
    for moving in 0..5 {
        let mut world = World::meeting(105, 5, 5, Net::GOOD);
        let all = [0, 1, 2, 3, 4];
        for device in all {
            world.open_stream(device);
        }
        world.run(1_000);
        world.relocate(moving);
        world.run(3_000);
        let start = world.now;
        stream(&mut world, &all, 2_000);
        let end = world.now;
        world.run(500);
        for other in all.into_iter().filter(|other| *other != moving) {
            assert!(world.linked(moving, other), "{moving} and {other}");
            assert_heard(&world, moving, other, start, end);
            assert_heard(&world, other, moving, start, end);
        }
        assert_one_key(&world, &all);
    }
}

/// The leader lets somebody in before it knows where the one who moved is.
#[test]
fn whoever_moves_and_whoever_comes_in_meanwhile_find_each_other() {
    let mut world = World::meeting(107, 5, 4, Net::GOOD);
    world.join(4);
    world.run(2_000);
    for other in [0, 1, 3] {
        world.cut_for_good(2, other);
    }
    world.move_house(2);
    world.admit(4);
    world.run(2_000);
    assert!(!world.linked(2, 4));
    for other in [0, 1, 3] {
        world.mend(2, other);
    }
    world.run(6_000);
    assert!((0..5).all(|other| other == 2 || world.linked(2, other)));
    assert_one_key(&world, &[0, 1, 2, 3, 4]);
}

/// The leader tells the others where the guest was when it asked.
#[test]
fn whoever_moves_between_asking_and_coming_in_is_linked_with_all() {
    let mut world = World::meeting(108, 5, 3, Net::GOOD);
    for device in [3, 4] {
        world.join(device);
    }
    world.run(2_000);
    world.relocate(3);
    for device in [3, 4] {
        world.admit(device);
    }
    world.run(8_000);
    assert_one_key(&world, &[0, 1, 2, 3, 4]);
    assert!([0, 1, 2, 4].into_iter().all(|other| world.linked(3, other)));
}

/// A newcomer calls everyone, at the addresses that the leader was told.
#[test]
fn a_newcomer_finds_those_who_moved_before() {
    let mut world = World::meeting(106, 4, 3, Net::GOOD);
    for device in [0, 1] {
        world.move_house(device);
    }
    world.run(500);
    world.join(3);
    world.run(2_000);
    world.admit(3);
    world.run(3_000);
    assert_one_key(&world, &[0, 1, 2, 3]);
    assert!((0..3).all(|other| world.linked(3, other)));
}
