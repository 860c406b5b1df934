//! Members replace their exchange keys, and what a seized device opens afterwards.

use conclave_meeting::{
    exchange::{Pair, PairChain, Party},
    session::{Command, Event},
    wire::{Bundle, PeerMessage},
};
use conclave_protocol::{Digest, Epk, MemberIdx, MemberRecord};

use crate::{
    meetings::{assert_heard, assert_one_key, stream},
    world::{MID, Net, World},
};

fn seat(world: &World, idx: MemberIdx) -> MemberRecord {
    world.view().members[&idx].member.clone()
}

fn epks(world: &World, devices: &[usize]) -> Vec<Epk> {
    devices.iter().map(|device| seat(world, world.idx(*device)).epk).collect()
}

fn replaced(world: &World, device: usize) -> usize {
    world.devices[device].events.iter().filter(|(_, event)| *event == Event::KeysReplaced).count()
}

/// Lets time pass until a device puts its new keys before the ledger; returns which.
fn until_somebody_refreshes(world: &mut World) -> usize {
    for _ in 0..2_000 {
        let before = world.trace.len();
        world.run(10);
        let said = world.trace[before..].iter().find(|line| line.ends_with("submit RefreshKeys"));
        if let Some(line) = said {
            return line.split(' ').nth(1).unwrap().parse().unwrap();
        }
    }
    panic!("nobody replaces its keys")
}

/// A bundle that began the chain of device 1, and everything its two ends agreed on.
struct Seized {
    pair: Pair,
    bundle: Bundle,
}

/// The newest exchange with device 1, by the present state of the ledger.
fn exchange(world: &World) -> Seized {
    let to_one = world.messages.iter().rev().filter(|(_, to, _)| *to == 1);
    let mut bundles = to_one.filter_map(|(_, _, bytes)| match PeerMessage::from_bytes(bytes) {
        Ok(PeerMessage::Bundle(bundle)) if bundle.wrap.kem_ct.is_some() => Some(bundle),
        _ => None,
    });
    let bundle = bundles.next().unwrap();
    let meeting = world.view().meeting.unwrap();
    let party = |seat: &MemberRecord| Party {
        user: seat.user,
        dev: seat.dev,
        ivk: seat.ivk,
        epk: seat.epk,
    };
    let (leader, member) = (seat(world, meeting.leader), seat(world, world.idx(1)));
    let pair = Pair {
        chain: world.ledger.rules().chain_id,
        mid: MID,
        suite: 2,
        term: meeting.term,
        leader: party(&leader),
        member: party(&member),
        idx: world.idx(1),
        ek_hash: Digest(member.ek_hash),
    };
    Seized { pair, bundle }
}

impl Seized {
    /// Whether device 1, with all that is in its memory, opens the recorded wrap.
    fn opens(&self, world: &World) -> bool {
        let (record, wrap) = (&self.bundle.record, &self.bundle.wrap);
        let kem_ct = wrap.kem_ct.as_ref().unwrap();
        let keys = world.session(1).danger_member_keys();
        keys.into_iter().any(|keys| {
            PairChain::accept(&self.pair, keys, kem_ct)
                .and_then(|chain| chain.unwrap(record.epoch, &record.digest(), &wrap.enc_mk))
                .is_ok()
        })
    }
}

#[test]
fn a_seized_member_opens_no_earlier_epoch_once_its_keys_are_replaced() {
    let mut world = World::begun(500, 4, 3, Net::GOOD);
    world.run(1_500);
    let seized = exchange(&world);
    assert!(seized.opens(&world), "until then the recorded exchange opens");
    world.run(6_000);
    assert!(!seized.opens(&world));

    let (left, next) = (world.now, world.idx(1));
    world.command(0, Command::Appoint { idx: world.idx(2) });
    world.run(1_500);
    assert_ne!(world.view().meeting.unwrap().leader, next);
    let seized = exchange(&world);
    assert!(seized.opens(&world));
    world.run(64_000);
    assert!(!seized.opens(&world), "the same in every term; {} ms", world.now - left);
}

#[test]
fn every_member_replaces_its_keys_once_in_a_term_and_its_leader_does_not() {
    let mut world = World::meeting(501, 5, 5, Net::GOOD);
    let founder = seat(&world, MemberIdx(0)).epk;
    world.run(5_000);
    let first = epks(&world, &[1, 2, 3, 4]);
    world.run(120_000);
    assert_eq!(epks(&world, &[1, 2, 3, 4]), first);
    for device in 1..5 {
        assert_eq!(replaced(&world, device), 1, "device {device}");
    }
    assert_eq!(seat(&world, MemberIdx(0)).epk, founder);
    assert_eq!(replaced(&world, 0), 0);
    assert_eq!(world.alarms(), []);
    assert!(world.ledger.refused.is_empty(), "{:?}", world.ledger.refused);
}

#[test]
fn every_next_leader_uses_the_newest_keys() {
    let mut world = World::meeting(502, 6, 6, Net::GOOD);
    for gone in 0..4 {
        world.run(70_000);
        let rest: Vec<usize> = (gone + 1..6).collect();
        world.command(gone, Command::Leave);
        world.run(4_000);
        assert_one_key(&world, &rest);
    }
    assert!(replaced(&world, 5) >= 4);
    assert_eq!(world.alarms(), []);
}

#[test]
fn a_record_made_before_a_member_replaced_its_keys_costs_no_packet_and_raises_no_alarm() {
    for seed in 0..5 {
        let mut world = World::begun(510 + seed, 5, 5, Net::GOOD);
        world.run(1_500);
        for device in 0..5 {
            world.open_stream(device);
        }
        let since = world.now;
        // The key that the leader goes back to has sealed something before.
        stream(&mut world, &[0, 1, 2, 3, 4], 300);
        let who = until_somebody_refreshes(&mut world);
        let other = if who == 4 { 3 } else { 4 };
        world.kick(other);
        let rest: Vec<usize> = (0..5).filter(|device| *device != other).collect();
        stream(&mut world, &rest, 3_000);
        let until = world.now;
        world.run(1_000);
        let refused = world.ledger.refused.iter().any(|reason| reason.contains("EpochRecord"));
        assert!(refused, "the keys changed before the record: {:?}", world.ledger.refused);
        assert_one_key(&world, &rest);
        assert_eq!(world.alarms(), []);
        for from in &rest {
            for to in rest.iter().filter(|to| *to != from) {
                assert_heard(&world, *from, *to, since, until);
            }
        }
    }
}

#[test]
fn keys_on_their_way_when_the_ledger_stops_spoil_no_record_made_meanwhile() {
    let mut world = World::begun(520, 6, 6, Net::GOOD);
    world.run(1_500);
    let who = until_somebody_refreshes(&mut world);
    world.stall();
    let others: Vec<usize> = (1..6).filter(|device| *device != who).collect();
    world.run(4_000);
    world.kick(others[0]);
    world.run(2_000);
    world.kick(others[1]);
    world.run(4_000);
    world.resume();
    world.run(6_000);
    let rest: Vec<usize> = (0..6).filter(|device| !others[..2].contains(device)).collect();
    assert_one_key(&world, &rest);
    assert_eq!(world.alarms(), []);
    assert_eq!(replaced(&world, who), 1);
}

#[test]
fn whoever_is_handed_the_chair_while_its_keys_change_takes_it_a_moment_later() {
    let mut world = World::begun(521, 4, 4, Net::GOOD);
    world.run(1_500);
    let who = until_somebody_refreshes(&mut world);
    let idx = world.idx(who);
    world.command(0, Command::Appoint { idx });
    world.run(4_000);
    assert_eq!(world.view().meeting.unwrap().leader, idx);
    assert_one_key(&world, &[0, 1, 2, 3]);
    assert_eq!(world.alarms(), []);
}
