//! Packets that are replayed, altered, foreign, or sealed in the name of another.

use bytes::Bytes;
use conclave_meeting::{
    key::{EpochId, MeetingKey, StreamKind, metadata},
    media::{Sealer, StreamNo},
    session::Input,
};
use conclave_protocol::Ed25519Signer;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;

use super::{opened, streamed};
use crate::world::{MID, World};

const MANY: usize = 100_000;

#[test]
fn of_100_000_replayed_packets_none_is_accepted() {
    let (mut world, packets) = streamed(200);
    let (before, npk) = (opened(&world), world.npk(1));
    for n in 0..MANY {
        world.give(2, Input::Datagram { npk, bytes: packets[n % packets.len()].clone() });
    }
    assert_eq!(opened(&world), before);
    assert_eq!(world.session(2).counters().replayed, u64::try_from(MANY).unwrap());
}

#[test]
fn of_100_000_mutated_packets_none_is_accepted() {
    let (mut world, _) = streamed(10);
    // Packets the receiver never saw: device 2 is cut off while they are sent.
    world.cut(1, 2);
    world.run(20);
    let mut fresh = Vec::new();
    for _ in 0..50 {
        world.send_unit(1, 60);
    }
    let from_one = world.captured.iter().filter(|packet| packet.from == 1 && packet.to == 0);
    fresh.extend(from_one.rev().take(50).map(|packet| packet.bytes.clone()));
    let (before, npk) = (opened(&world), world.npk(1));
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    for n in 0..MANY {
        let mut bytes = fresh[n % fresh.len()].to_vec();
        let at = rng.random_range(1..bytes.len());
        bytes[at] ^= 1 << rng.random_range(0..8);
        world.give(2, Input::Datagram { npk, bytes: bytes.into() });
    }
    assert_eq!(opened(&world), before);
    // The originals are still good: the forgeries did not move the window.
    for bytes in &fresh {
        world.give(2, Input::Datagram { npk, bytes: bytes.clone() });
    }
    assert_eq!(opened(&world), before + 50);
}

#[test]
fn of_100_000_foreign_packets_none_is_accepted() {
    let (mut world, packets) = streamed(10);
    let before = opened(&world);
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let stranger = Ed25519Signer::from_seed(&[99; 32]).npk();
    let member = world.npk(1);
    for n in 0..MANY {
        let mut bytes = vec![0; rng.random_range(1..200)];
        rng.fill_bytes(&mut bytes);
        let (npk, bytes) = match n % 3 {
            0 => (stranger, packets[n % packets.len()].clone()),
            1 => (stranger, bytes.into()),
            _ => (member, bytes.into()),
        };
        world.give(2, Input::Datagram { npk, bytes });
    }
    assert_eq!(opened(&world), before);
}

/// The newest key of device 2 and its epoch, as a malicious member has them.
fn newest_key(world: &World) -> (EpochId, MeetingKey) {
    world.session(2).danger_export_keys().pop().unwrap()
}

#[test]
fn a_member_cannot_speak_as_another() {
    let (mut world, _) = streamed(10);
    let (id, mk) = newest_key(&world);
    let stream = StreamNo::new(1).unwrap();
    let victim = world.idx(1);
    let key = mk.stream_key(&id.stream(world.devices[1].dev, victim, stream, StreamKind::Video));
    let mut sealer = Sealer::new(key, id.kid(victim, stream).value(), metadata(&MID)).unwrap();
    let mut packet = Vec::new();
    for _ in 0..1_000 {
        // Well sealed under the victim's own stream key.
        sealer.seal(&[0; 7], &mut packet).unwrap();
    }
    let bytes = Bytes::from([vec![0], packet].concat());
    let (before, forger) = (world.session(0).counters().opened, world.npk(2));
    world.give(0, Input::Datagram { npk: forger, bytes: bytes.clone() });
    assert_eq!(world.session(0).counters().opened, before);
    assert_eq!(world.session(0).counters().wrong_sender, 1);
    // The packet itself is well sealed: only the link gives the forger away.
    let honest = world.npk(1);
    world.give(0, Input::Datagram { npk: honest, bytes });
    assert_eq!(world.session(0).counters().opened, before + 1);
}

#[test]
fn a_stream_nobody_announced_is_not_heard() {
    let (mut world, _) = streamed(10);
    let (id, mk) = newest_key(&world);
    let stream = StreamNo::new(9).unwrap();
    let idx = world.idx(1);
    let key = mk.stream_key(&id.stream(world.devices[1].dev, idx, stream, StreamKind::Video));
    let mut sealer = Sealer::new(key, id.kid(idx, stream).value(), metadata(&MID)).unwrap();
    let mut packet = Vec::new();
    sealer.seal(b"undeclared", &mut packet).unwrap();
    let (before, npk) = (opened(&world), world.npk(1));
    world.give(2, Input::Datagram { npk, bytes: [vec![0], packet].concat().into() });
    world.run(5_000);
    assert_eq!((opened(&world), world.session(2).counters().undeclared), (before, 1));
}

#[test]
fn packets_before_their_key_wait_in_a_bounded_place() {
    let (mut world, _) = streamed(10);
    let (id, _) = newest_key(&world);
    let kid = id.kid(world.idx(1), StreamNo::new(9).unwrap()).value();
    // Any key will do: nobody can open them before the stream is announced.
    let key = MeetingKey::danger_from_bytes([1; 32]);
    let stream = id.stream(world.devices[1].dev, world.idx(1), StreamNo::CHAT, StreamKind::Chat);
    let mut sealer = Sealer::new(key.stream_key(&stream), kid, metadata(&MID)).unwrap();
    let (before, npk) = (world.session(2).counters().undeclared, world.npk(1));
    let mut packet = Vec::new();
    for _ in 0..600 {
        sealer.seal(b"early", &mut packet).unwrap();
        let bytes = [&[0], packet.as_slice()].concat().into();
        world.give(2, Input::Datagram { npk, bytes });
    }
    let refused = world.session(2).counters().undeclared - before;
    assert!((80..=100).contains(&refused), "{refused} of 600 were refused at once");
}
