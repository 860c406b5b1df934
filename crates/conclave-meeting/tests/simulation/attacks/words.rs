//! What members and strangers may not say.

use conclave_meeting::{
    exchange::MemberKeys,
    key::StreamKind,
    media::{Header, Kid, StreamNo},
    session::{Command, CommandError, Event, Input},
    wire::{Ack, Card, Farewell, Name, PeerMessage, StreamAnnounce},
};
use conclave_protocol::{Digest, Ed25519Signer, Epoch};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;

use super::streamed;
use crate::world::{MID, Net, World, address};

#[test]
fn only_other_members_are_removed() {
    let mut world = World::meeting(65, 3, 2, Net::GOOD);
    world.join(2);
    world.run(2_000);
    for device in [0, 2] {
        let kick = Command::Kick { idx: world.idx(device), ban: false };
        assert_eq!(world.try_command(0, kick), Err(CommandError::NoSuchMember));
    }
}

#[test]
fn a_card_of_other_keys_than_the_ledgers_leads_nobody_astray() {
    let mut world = World::meeting(68, 3, 3, Net::GOOD);
    let mut rng = ChaCha20Rng::seed_from_u64(4);
    let ek = MemberKeys::generate(&mut rng).unwrap().ek().clone();
    let card = Card { ek, name: Name::new("somebody").unwrap(), address: address(0) };
    let npk = world.npk(1);
    world.give(2, Input::Message { npk, bytes: PeerMessage::Card(card).to_bytes() });
    world.cut(1, 2);
    world.run(5_000);
    assert!(world.linked(1, 2), "the address before is called");
}

#[test]
fn a_stream_is_announced_by_the_signature_of_its_member() {
    let (mut world, _) = streamed(1);
    let (chain, idx) = (world.ledger.rules().chain_id, world.idx(1));
    let announces = |seed: [u8; 32], number: u8| {
        let signer = Ed25519Signer::from_seed(&seed);
        let announce = StreamAnnounce::new(&chain, &MID, idx, number, StreamKind::Audio, &signer);
        PeerMessage::StreamAnnounce(announce).to_bytes()
    };
    let own = world.session(1).transport_seed().unwrap();
    let npk = world.npk(1);
    for (seed, number) in [([98; 32], 20), (*own, 21)] {
        world.give(2, Input::Message { npk, bytes: announces(seed, number) });
    }
    let opened = |world: &World, number: u8| {
        let wanted = StreamNo::new(number).unwrap();
        let is = |event: &Event| matches!(event, Event::StreamOpened { stream, .. } if *stream == wanted);
        world.saw(2, is).is_some()
    };
    assert!(!opened(&world, 20));
    assert!(opened(&world, 21));
}

#[test]
fn strangers_cannot_end_a_session_or_vouch_for_a_record() {
    let (mut world, _) = streamed(5);
    let stranger = Ed25519Signer::from_seed(&[98; 32]);
    let chain = world.ledger.rules().chain_id;
    let ack = Ack::new(&chain, &MID, Epoch(1), Digest([1; 32]), &stranger);
    for (npk, message) in [
        (stranger.npk(), PeerMessage::Bye(Farewell::Dismissed)),
        (world.npk(1), PeerMessage::Bye(Farewell::Removed)),
        (stranger.npk(), PeerMessage::Ack(ack)),
        (world.npk(1), PeerMessage::Ack(ack)),
    ] {
        world.give(2, Input::Message { npk, bytes: message.to_bytes() });
    }
    world.run(6_000);
    assert!(!world.session(2).is_ended());
    assert!(world.saw(2, |event| matches!(event, Event::Alarm(_))).is_none());
}

#[test]
fn arbitrary_messages_neither_panic_nor_change_anything() {
    let (mut world, packets) = streamed(5);
    let keys = world.keys(2);
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let honest: Vec<Vec<u8>> = world.messages.iter().map(|(_, _, bytes)| bytes.clone()).collect();
    for n in 0..20_000 {
        let mut bytes = honest[n % honest.len()].clone();
        for _ in 0..rng.random_range(1..4) {
            let at = rng.random_range(0..bytes.len());
            bytes[at] = rng.random();
        }
        let from = n % 2;
        let npk = world.npk(from);
        if bytes[0] != 11 {
            world.give(2, Input::Message { npk, bytes });
        }
    }
    assert_eq!(world.keys(2), keys);
    let header = Header::read(&packets[0][1..]).unwrap();
    assert_eq!(Kid::from_value(header.kid).unwrap().idx, world.idx(1).0);
}
