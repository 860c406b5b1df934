//! What holds in every meeting, on a good network and on a bad one.

use std::collections::BTreeSet;

use conclave_meeting::{
    key::{StreamKind, metadata},
    media::{Header, Kid, Opener},
    session::{Command, CommandError, Ending, Event, KeyProblem},
};
use conclave_protocol::{Epoch, MemberIdx, meeting::Reason};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;

use crate::world::{MID, Net, World};

/// Everyone in the roster holds the newest key, and it is one key.
pub(crate) fn assert_one_key(world: &World, members: &[usize]) {
    let newest = world.keys(members[0]).pop_last().unwrap();
    let roster: BTreeSet<MemberIdx> = members.iter().map(|device| world.idx(*device)).collect();
    for device in members {
        assert_eq!(world.keys(*device).pop_last().unwrap(), newest, "device {device}");
        assert_eq!(world.session(*device).roster(), roster, "device {device}");
        assert_eq!(world.session(*device).sending_epoch(), Some(newest.0), "device {device}");
    }
}

/// Every member streams for `ms` milliseconds.
pub(crate) fn stream(world: &mut World, devices: &[usize], ms: u64) {
    for _ in 0..ms / 10 {
        for device in devices {
            world.send_unit(*device, 400);
        }
        world.run(10);
    }
}

/// Every unit that `from` sent within these times arrived at `to` exactly once.
pub(crate) fn assert_heard(world: &World, from: usize, to: usize, since: u64, until: u64) {
    let idx = world.idx(from);
    let heard = &world.devices[to].heard;
    let all: Vec<u16> =
        heard.iter().filter(|((i, _), _)| *i == idx).flat_map(|(_, s)| s.clone()).collect();
    let once: BTreeSet<u16> = all.iter().copied().collect();
    assert_eq!(all.len(), once.len(), "{from} to {to}: something was heard twice");
    let sent = world.devices[from].sent.iter().filter(|(_, at)| (since..until).contains(at));
    let lost: Vec<_> = sent.filter(|(seq, _)| !once.contains(seq)).collect();
    assert!(lost.is_empty(), "{from} to {to}: lost {} e.g. {:?}", lost.len(), lost.first());
}

#[test]
fn a_guest_is_checked_admitted_and_heard() {
    let mut world = World::new(1, 2, Net::GOOD);
    world.lead();
    world.run(1_000);
    assert!(world.saw(0, |event| *event == Event::Published).is_some());
    world.join(1);
    world.run(2_000);
    let ready = |event: &Event| matches!(event, Event::RequestVerified(k) if k.ready && k.facts.iter().all(|f| f.ok));
    assert!(world.saw(0, ready).is_some());
    let click = world.now;
    world.admit(1);
    world.run(3_000);
    assert_one_key(&world, &[0, 1]);
    let installed = world.saw(1, |event| matches!(event, Event::EpochInstalled { .. })).unwrap();
    assert!(installed - click < 150, "{} ms from the click to the key", installed - click);
    assert!(world.ledger.refused.is_empty(), "{:?}", world.ledger.refused);

    world.command(1, Command::Chat { text: "hello".to_owned() });
    world.run(100);
    let idx = MemberIdx(1);
    let line = Event::Chat { idx, text: "hello".to_owned() };
    assert!(world.saw(0, |event| *event == line).is_some());
}

#[test]
fn two_joins_at_once_cost_one_new_key() {
    let world = World::meeting(2, 3, 3, Net::GOOD);
    assert_one_key(&world, &[0, 1, 2]);
    assert_eq!(world.session(0).sending_epoch(), Some(Epoch(1)));
}

#[test]
fn a_kicked_device_holds_no_key_and_the_others_a_new_one() {
    let mut world = World::meeting(3, 4, 4, Net::GOOD);
    let click = world.now;
    world.kick(2);
    world.run(4_000);
    assert_one_key(&world, &[0, 1, 3]);
    assert!(world.session(2).is_ended() && world.keys(2).is_empty());
    let ended = world.saw(2, |event| *event == Event::Ended(Ending::Removed));
    assert!(ended.unwrap() - click < 100);
    for device in [0, 1, 3] {
        let at = world.saw(device, |e| *e == Event::EpochSending { epoch: Epoch(2) }).unwrap();
        assert!(at - click < 500, "device {device}: {} ms", at - click);
        assert!(!world.keys(device).contains_key(&Epoch(1)), "the old key outlived its grace");
    }
}

/// The owner of a lost device revokes it on the ledger; nobody in the meeting does anything.
#[test]
fn a_revoked_device_is_out_of_the_running_meeting_and_the_others_have_a_new_key() {
    let mut world = World::meeting(33, 4, 4, Net::GOOD);
    for device in 0..4 {
        world.open_stream(device);
    }
    let (revoked, start) = (world.idx(2), world.now);
    assert_eq!(world.revoke(2), Ok(()));
    stream(&mut world, &[0, 1, 3], 4_000);
    let end = world.now - 100;
    assert_one_key(&world, &[0, 1, 3]);
    assert!(world.session(2).is_ended() && world.keys(2).is_empty());
    let left = Event::MemberLeft { idx: revoked, reason: Reason::Revoked };
    let out = world.saw(1, |event| *event == left).unwrap();
    assert!(out - start < 1_500, "out after {} ms", out - start);
    for (from, to) in [(0, 1), (1, 0), (1, 3), (3, 1), (3, 0), (0, 3)] {
        assert_heard(&world, from, to, start, end);
    }
    assert!(world.saw(1, |event| matches!(event, Event::Alarm(_))).is_none());
}

#[test]
fn whoever_leaves_forgets_everything_and_costs_a_new_key() {
    let mut world = World::meeting(4, 3, 3, Net::GOOD);
    world.command(1, Command::Leave);
    assert!(world.keys(1).is_empty());
    world.run(4_000);
    assert_one_key(&world, &[0, 2]);
    assert!(world.saw(2, |event| matches!(event, Event::MemberLeft { .. })).is_some());
}

#[test]
fn a_dismissal_ends_every_session_and_erases_every_key() {
    let mut world = World::meeting(5, 3, 3, Net::GOOD);
    world.command(0, Command::Dismiss);
    world.run(3_000);
    for device in 0..3 {
        assert!(world.session(device).is_ended() && world.keys(device).is_empty());
        assert!(world.session(device).transport_seed().is_none());
    }
    assert!(world.ledger.refused.is_empty(), "{:?}", world.ledger.refused);
}

#[test]
fn a_denied_guest_is_told_and_a_banned_one_cannot_ask_again() {
    let mut world = World::meeting(6, 3, 2, Net::GOOD);
    world.join(2);
    world.run(1_500);
    let idx = world.idx(2);
    world.command(0, Command::Deny { idx, ban: true });
    world.run(2_000);
    assert!(world.saw(2, |event| *event == Event::Ended(Ending::Denied)).is_some());
    world.join(2);
    world.run(2_000);
    let failed = |event: &Event| matches!(event, Event::Ended(Ending::Failed(_)));
    assert!(world.saw(2, failed).is_some());
    assert_one_key(&world, &[0, 1]);
}

#[test]
fn only_the_leader_admits_kicks_and_dismisses() {
    let mut world = World::meeting(7, 2, 2, Net::GOOD);
    let idx = MemberIdx(0);
    for command in [Command::Admit { idx }, Command::Kick { idx, ban: false }, Command::Dismiss] {
        assert_eq!(world.try_command(1, command), Err(CommandError::NotLeader));
    }
}

#[test]
fn a_rekey_loses_no_packet_on_a_network_that_loses_none() {
    let mut world = World::meeting(8, 5, 3, Net::GOOD);
    for device in 0..3 {
        world.open_stream(device);
    }
    world.join(3);
    world.join(4);
    stream(&mut world, &[0, 1, 2], 1_500);
    let start = 6_000;
    world.admit(3);
    stream(&mut world, &[0, 1, 2], 1_000);
    world.admit(4);
    stream(&mut world, &[0, 1, 2], 1_500);
    world.kick(3);
    stream(&mut world, &[0, 1, 2], 1_500);
    world.run(500);
    assert_one_key(&world, &[0, 1, 2, 4]);
    for (from, to) in [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)] {
        assert_heard(&world, from, to, start, u64::MAX);
    }
    let asked: u64 = (0..3).map(|device| world.session(device).counters().asked).sum();
    let sent: usize = (0..3).map(|device| world.devices[device].sent.len()).sum();
    println!("{sent} units sent through 3 epochs, {asked} asked for again, 0 lost");
    assert_eq!(sent, 3 * 550, "a member could not send at some moment");
}

#[test]
fn lost_packets_are_repaired_across_rekeys() {
    for seed in 0..5 {
        let mut world = World::meeting(100 + seed, 4, 3, Net::BAD);
        for device in 0..3 {
            world.open_stream(device);
        }
        world.run(200);
        let start = world.now;
        world.join(3);
        stream(&mut world, &[0, 1, 2], 1_500);
        world.admit(3);
        stream(&mut world, &[0, 1, 2], 1_500);
        let end = world.now;
        stream(&mut world, &[0, 1, 2], 500);
        for (from, to) in [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)] {
            assert_heard(&world, from, to, start, end);
        }
        assert!((0..3).all(|device| world.session(device).counters().repaired > 0));
    }
}

#[test]
fn a_large_unit_is_cut_for_the_hop_and_put_together_again() {
    let mut world = World::meeting(9, 2, 2, Net::BAD);
    world.open_stream(0);
    world.run(100);
    let start = world.now;
    for _ in 0..200 {
        assert!(world.send_unit(0, 1_178));
        world.run(10);
    }
    let end = world.now - 300;
    world.run(500);
    assert_heard(&world, 0, 1, start, end);
    assert!(world.captured.iter().all(|packet| packet.bytes.len() <= 1_162));
}

#[test]
fn a_joiner_gets_a_keyframe_from_everyone_who_shows_a_picture() {
    let mut world = World::meeting(10, 3, 2, Net::GOOD);
    world.open_stream(0);
    world.open_stream(1);
    world.run(500);
    let before: Vec<usize> = (0..2).map(|device| world.devices[device].keyframes).collect();
    world.join(2);
    world.run(1_500);
    world.admit(2);
    world.run(2_000);
    for (device, before) in before.into_iter().enumerate() {
        assert!(world.devices[device].keyframes > before, "device {device}");
    }
}

/// What a holder of these keys opens of the packets that left other devices.
fn opened_with(
    world: &World,
    keys_of: &[(conclave_meeting::key::EpochId, conclave_meeting::key::MeetingKey)],
    since: u64,
    until: u64,
) -> usize {
    let devices = world.devices.iter().filter_map(|d| Some((d.session.as_ref()?.me()?, d.dev)));
    let devices: Vec<_> = devices.collect();
    let mut opened = 0;
    for packet in world.captured.iter().filter(|p| (since..until).contains(&p.at)) {
        let sealed = &packet.bytes[1..];
        let header = Header::read(sealed).unwrap();
        let kid = Kid::from_value(header.kid).unwrap();
        let (_, dev) = devices.iter().find(|(idx, _)| idx.0 == kid.idx).unwrap();
        for (id, mk) in keys_of {
            let stream = id.stream(*dev, MemberIdx(kid.idx), kid.stream, StreamKind::Video);
            // The key is tried whatever epoch the packet names.
            let key = mk.stream_key(&stream);
            let mut opener = Opener::new(key, header.kid, metadata(&MID)).unwrap();
            opened += usize::from(opener.open(&mut sealed.to_vec()).is_ok());
        }
    }
    opened
}

#[test]
fn an_ex_member_with_its_whole_state_opens_nothing_sent_after_the_switch() {
    let mut world = World::meeting(11, 4, 4, Net::GOOD);
    for device in 0..3 {
        world.open_stream(device);
    }
    stream(&mut world, &[0, 1, 2], 500);
    let stolen = world.session(3).danger_export_keys();
    let known = world.keys(3);
    assert!(!stolen.is_empty());
    let before = world.now;
    assert!(opened_with(&world, &stolen, 0, before) > 100, "the test would prove nothing");
    world.kick(3);
    stream(&mut world, &[0, 1, 2], 2_000);
    let switched =
        |device| world.saw(device, |e| *e == Event::EpochSending { epoch: Epoch(2) }).unwrap();
    let last = (0..3).map(switched).max().unwrap();
    assert!(last - before < 100, "{} ms from the click to the last old packet", last - before);
    assert_eq!(opened_with(&world, &stolen, last + 1, u64::MAX), 0);
    assert!(world.captured.iter().filter(|p| p.at > last).all(|p| p.to != 3));
    let next = world.keys(0)[&Epoch(2)];
    assert!(known.values().all(|old| *old != next), "the new key is one that it knew");
}

#[test]
fn a_joiner_opens_nothing_sent_before_it_was_admitted() {
    let mut world = World::meeting(12, 3, 2, Net::GOOD);
    world.open_stream(0);
    world.open_stream(1);
    world.join(2);
    stream(&mut world, &[0, 1], 1_500);
    let admitted = world.now;
    let before = world.keys(0);
    world.admit(2);
    stream(&mut world, &[0, 1], 1_500);
    let keys = world.session(2).danger_export_keys();
    assert!(world.keys(2).values().all(|key| before.values().all(|old| old != key)));
    assert_eq!(opened_with(&world, &keys, 0, admitted), 0);
    assert!(opened_with(&world, &keys, admitted, u64::MAX) > 100);
}

#[test]
fn a_member_whose_wrap_was_lost_is_healed() {
    let mut world = World::meeting(13, 4, 3, Net::GOOD);
    world.join(3);
    world.run(1_500);
    // What the leader says to device 1 is lost together with the link.
    world.cut(0, 1);
    world.admit(3);
    world.run(6_000);
    assert_one_key(&world, &[0, 1, 2, 3]);
    world.kick(3);
    world.run(4_000);
    assert_one_key(&world, &[0, 1, 2]);
}

#[test]
fn members_stop_to_send_when_a_new_key_is_overdue() {
    let mut world = World::meeting(14, 3, 3, Net::GOOD);
    world.open_stream(1);
    assert!(world.send_unit(1, 100));
    // A leader that says nothing any more.
    world.freeze(0);
    world.command(2, Command::Leave);
    world.run(9_000);
    let problem = Event::KeyProblem { idx: MemberIdx(1), problem: KeyProblem::RekeyOverdue };
    let at = world.saw(1, |event| *event == problem);
    assert!(at.is_some());
    assert!(!world.send_unit(1, 100));
}

#[test]
fn a_meeting_without_contact_is_forgotten() {
    let mut world = World::meeting(15, 2, 2, Net::GOOD);
    world.freeze(0);
    world.cut(0, 1);
    world.run(40_000);
    assert!(world.saw(1, |event| *event == Event::Ended(Ending::LostContact)).is_some());
    assert!(world.keys(1).is_empty());
}

#[test]
fn the_lease_is_kept_by_heartbeats() {
    let mut world = World::meeting(16, 2, 2, Net::GOOD);
    world.run(120_000);
    assert_one_key(&world, &[0, 1]);
    let beats = world.trace.iter().filter(|line| line.ends_with("submit Heartbeat")).count();
    assert!((5..9).contains(&beats), "{beats} heartbeats in two minutes");
    assert!(world.ledger.refused.is_empty(), "{:?}", world.ledger.refused);
}

#[test]
fn a_long_meeting_changes_its_key() {
    let mut world = World::meeting(17, 2, 2, Net::GOOD);
    world.run(310_000);
    assert_eq!(world.session(1).sending_epoch(), Some(Epoch(2)));
    assert_one_key(&world, &[0, 1]);
}

/// A meeting in which people come, go and are thrown out at random moments.
fn random_meeting(seed: u64) -> World {
    let mut world = World::meeting(seed, 6, 3, Net::BAD);
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let mut inside = vec![1, 2];
    let mut asking: Vec<usize> = Vec::new();
    let mut outside = vec![3, 4, 5];
    world.open_stream(0);
    for _ in 0..12 {
        match rng.random_range(0..5) {
            0 if !outside.is_empty() => {
                let device = outside.remove(0);
                world.join(device);
                asking.push(device);
            }
            1 if inside.len() > 1 => world.kick(inside.remove(0)),
            2 if inside.len() > 1 => world.command(inside.remove(0), Command::Leave),
            3 if inside.len() > 1 => world.cut(0, inside[0]),
            _ => {}
        }
        stream(&mut world, &[0], rng.random_range(100..1_500));
        asking.retain(|device| {
            let admitted = world
                .session(*device)
                .me()
                .is_some_and(|idx| world.try_command(0, Command::Admit { idx }).is_ok());
            if admitted {
                inside.push(*device);
            }
            !admitted
        });
    }
    world.run(8_000);
    let members: Vec<usize> = std::iter::once(0).chain(inside).collect();
    assert_one_key(&world, &members);
    for device in (0..6).filter(|device| !members.contains(device)) {
        if let Some(session) = &world.devices[device].session {
            assert!(session.danger_export_keys().is_empty(), "device {device} kept a key");
        }
    }
    for (device, state) in world.devices.iter().enumerate() {
        let alarm = state.events.iter().find(|(_, event)| matches!(event, Event::Alarm(_)));
        assert_eq!(alarm, None, "device {device}");
    }
    world
}

#[test]
fn in_every_random_meeting_the_roster_shares_one_key_and_nobody_else_has_it() {
    for seed in 0..40 {
        random_meeting(seed);
    }
}

#[test]
fn a_seed_gives_the_same_meeting_again() {
    for seed in [3, 4] {
        let (one, two) = (random_meeting(seed), random_meeting(seed));
        assert!(one.trace.len() > 1_000);
        assert_eq!(one.trace, two.trace);
    }
}
