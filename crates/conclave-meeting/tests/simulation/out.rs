//! Who is out by the ledger is sent nothing, whether the next key came or not.

use conclave_meeting::session::{Ending, Event, KeyProblem};
use conclave_protocol::meeting::MemberStatus;

use crate::{
    meetings::{assert_one_key, stream},
    world::{Net, World},
};

/// Packets from one device to another after a moment.
fn sent(world: &World, from: usize, to: usize, since: u64) -> usize {
    let packets = world.captured.iter();
    packets.filter(|p| (p.from, p.to) == (from, to) && p.at > since).count()
}

fn is_stopped(world: &World, device: usize) -> bool {
    let (idx, problem) = (world.idx(device), KeyProblem::RekeyOverdue);
    world.saw(device, |event| *event == Event::KeyProblem { idx, problem }).is_some()
}

/// The leader's word does not reach device 2, and the link between the two others stands.
#[test]
fn a_member_that_gets_no_key_sends_nothing_to_whom_the_ledger_shows_as_thrown_out() {
    let mut world = World::meeting(910, 4, 4, Net::GOOD);
    world.open_stream(2);
    stream(&mut world, &[2], 500);
    world.cut_for_good(0, 2);
    world.freeze(1);
    let idx = world.idx(1);
    world.kick(1);
    while world.view().members[&idx].member.status == MemberStatus::Admitted {
        stream(&mut world, &[2], 50);
    }
    let last = world.now;
    assert!(sent(&world, 2, 1, 0) > 0 && world.linked(2, 1), "the test would prove nothing");
    stream(&mut world, &[2], 4_000);
    assert_eq!(sent(&world, 2, 1, last + 100), 0, "that device is asleep and ends no link");
    assert!(sent(&world, 2, 3, last + 3_000) > 0, "the others still hear it for a while");
    assert!(!world.linked(2, 1));
    stream(&mut world, &[2], 2_000);
    assert!(is_stopped(&world, 2));
    assert!(!world.send_unit(2, 100), "another key is final and did not come");
    world.mend(0, 2);
    world.run(6_000);
    assert_one_key(&world, &[0, 2, 3]);
    assert!(world.send_unit(2, 100));
    assert_eq!(world.alarms(), []);
}

#[test]
fn a_member_that_a_final_key_does_not_reach_stops_until_it_does() {
    let mut world = World::meeting(913, 4, 3, Net::GOOD);
    world.join(3);
    world.open_stream(2);
    world.run(1_500);
    world.cut_for_good(0, 2);
    world.admit(3);
    stream(&mut world, &[2], 4_500);
    assert!(world.send_unit(2, 100), "it may come in a moment");
    world.run(2_000);
    assert!(is_stopped(&world, 2));
    assert!(!world.send_unit(2, 100));
    world.mend(0, 2);
    world.run(6_000);
    assert_one_key(&world, &[0, 1, 2, 3]);
    assert!(world.send_unit(2, 100));
}

#[test]
fn nothing_is_sent_under_a_key_that_a_revoked_device_has_for_longer_than_six_seconds() {
    let mut world = World::meeting(911, 3, 3, Net::GOOD);
    world.open_stream(1);
    stream(&mut world, &[1], 500);
    world.freeze(0);
    assert_eq!(world.revoke(2), Ok(()));
    let start = world.now;
    stream(&mut world, &[1], 4_500);
    assert_eq!(sent(&world, 1, 2, start + 500), 0);
    assert!(world.send_unit(1, 100), "the leader has a moment to make another one");
    world.run(1_500);
    assert!(is_stopped(&world, 1));
    assert!(!world.send_unit(1, 100));
    world.run(70_000);
    assert_one_key(&world, &[1]);
    assert!(world.send_unit(1, 100), "whoever comes to lead makes it");
}

/// Its owner did not have to be in the meeting.
#[test]
fn whoever_is_revoked_knows_it_forgets_its_keys_and_asks_the_ledger_for_nothing() {
    for device in [0, 2] {
        let mut world = World::meeting(913, 3, 3, Net::GOOD);
        assert_eq!(world.revoke(device), Ok(()));
        world.run(1_000);
        let over = world.saw(device, |event| *event == Event::Ended(Ending::Revoked));
        assert!(over.is_some(), "{device}");
        assert!(world.keys(device).is_empty());
        world.forget_records();
        world.run(90_000);
        let asked = format!(" {device} submit");
        assert!(world.trace.iter().all(|line| !line.contains(&asked)), "{device}");
    }
}

#[test]
fn a_leader_whose_device_was_revoked_is_neither_heard_nor_told_anything() {
    let mut world = World::meeting(912, 4, 4, Net::GOOD);
    for device in 0..4 {
        world.open_stream(device);
    }
    stream(&mut world, &[0, 1, 2, 3], 500);
    world.brazen.insert(0);
    assert_eq!(world.revoke(0), Ok(()));
    let start = world.now;
    stream(&mut world, &[0, 1, 2, 3], 10_000);
    let idx = world.idx(0);
    for device in 1..4 {
        assert_eq!(sent(&world, device, 0, start + 500), 0, "{device} to the revoked one");
        let heard = world.devices[device].heard.iter().filter(|((from, _), _)| *from == idx);
        let heard = heard.flat_map(|(_, units)| units).max().copied().unwrap_or_default();
        let told = world.devices[0].sent.iter().find(|(_, at)| *at > start + 500);
        assert!(told.is_none_or(|(first, _)| heard < *first), "{device} hears it");
    }
    world.run(5_000);
    assert_eq!(world.view().meeting.unwrap().leader, world.idx(1));
    assert_one_key(&world, &[1, 2, 3]);
    assert_eq!(world.alarms(), []);
}
