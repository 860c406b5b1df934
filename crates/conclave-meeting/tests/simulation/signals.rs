//! Hands, reactions, questions and who records: who sees them, and whose they are.

use conclave_meeting::{
    key::{EpochId, MeetingKey, StreamKind, metadata},
    media::{Header, Opener, Sealer, StreamNo},
    session::{Command, CommandError, Event, Input},
    wire::{Ask, Favour, PeerMessage, Reaction, Recording, Signal},
};
use conclave_protocol::{Ed25519Signer, MemberIdx, Seconds, Signer as _, codec::Blob};

use crate::world::{MID, Net, World};

/// The newest key of a device, and its epoch.
fn newest_key(world: &World, device: usize) -> (EpochId, MeetingKey) {
    world.session(device).danger_export_keys().pop().unwrap()
}

/// What seals the chat stream of a device, from its first counter on.
pub(crate) fn sealer(world: &World, device: usize) -> Sealer {
    let ((id, mk), idx) = (newest_key(world, device), world.idx(device));
    let stream = id.stream(world.devices[device].dev, idx, StreamNo::CHAT, StreamKind::Chat);
    let kid = id.kid(idx, StreamNo::CHAT).value();
    Sealer::new(mk.stream_key(&stream), kid, metadata(&MID)).unwrap()
}

/// A signal well sealed under the chat stream of `author`, by whoever has the key, with a counter
/// that `author` has not used.
fn sealed(world: &World, (id, mk): &(EpochId, MeetingKey), author: usize, unit: &[u8]) -> Vec<u8> {
    let idx = world.idx(author);
    let stream = id.stream(world.devices[author].dev, idx, StreamNo::CHAT, StreamKind::Chat);
    let kid = id.kid(idx, StreamNo::CHAT).value();
    let mut sealer = Sealer::new(mk.stream_key(&stream), kid, metadata(&MID)).unwrap();
    let mut packet = Vec::new();
    for _ in 0..100 {
        sealer.seal(unit, &mut packet).unwrap();
    }
    packet
}

pub(crate) fn message(sealed: Vec<u8>) -> Vec<u8> {
    PeerMessage::Signal(Blob::new(sealed).unwrap()).to_bytes()
}

fn count(world: &World, device: usize, wanted: impl Fn(&Event) -> bool) -> usize {
    world.devices[device].events.iter().filter(|(_, event)| wanted(event)).count()
}

#[test]
fn a_hand_and_a_reaction_reach_all_and_a_question_whom_it_is_for() {
    let mut world = World::meeting(201, 3, 3, Net::GOOD);
    let idx = world.idx(1);
    world.command(1, Command::Hand { up: true });
    world.command(1, Command::Hand { up: true });
    world.command(1, Command::React { reaction: Reaction::Party });
    let mute = Command::Ask { to: Some(world.idx(2)), favour: Favour::Mute };
    world.command(1, mute);
    world.run(100);
    for device in [0, 2] {
        assert_eq!(count(&world, device, |e| *e == Event::Hand { idx, up: true }), 1);
        let party = Event::Reaction { idx, reaction: Reaction::Party };
        assert_eq!(count(&world, device, |e| *e == party), 1);
    }
    let asked = |e: &Event| matches!(e, Event::Asked { .. });
    assert_eq!([0, 2].map(|device| count(&world, device, asked)), [0, 1]);

    let all = |favour| Command::Ask { to: None, favour };
    assert_eq!(world.try_command(1, all(Favour::Mute)), Err(CommandError::NotLeader));
    for (to, error) in
        [(world.idx(1), CommandError::NoSuchMember), (MemberIdx(9), CommandError::NoSuchMember)]
    {
        let ask = Command::Ask { to: Some(to), favour: Favour::Unmute };
        assert_eq!(world.try_command(1, ask), Err(error));
    }
    world.command(0, all(Favour::HandDown));
    world.run(100);
    assert_eq!([1, 2].map(|device| count(&world, device, asked)), [1, 2]);
    let down = Event::Hand { idx, up: false };
    assert_eq!(count(&world, 0, |e| *e == down), 0, "a question is a question");
}

#[test]
fn whoever_comes_in_sees_raised_hands_and_who_records_and_those_who_left_are_forgotten() {
    let mut world = World::meeting(202, 4, 3, Net::GOOD);
    let idx = world.idx(1);
    world.command(1, Command::Hand { up: true });
    world.command(1, Command::Record { on: true });
    world.run(100);
    assert!(world.session(0).recording(idx).is_some() && world.session(1).recording(idx).is_some());
    world.join(3);
    world.run(1_500);
    world.admit(3);
    world.run(3_000);
    for event in [Event::Hand { idx, up: true }, Event::Recording { idx, on: true }] {
        for device in [0, 2, 3] {
            assert_eq!(count(&world, device, |e| *e == event), 1, "{device}: {event:?}");
        }
    }
    let word = *world.session(3).recording(idx).unwrap();
    let (chain, ivk) = (world.ledger.rules().chain_id, world.devices[1].signer.ivk());
    assert!(word.verify(&chain, &MID, idx, ivk).is_ok(), "anybody can check it");

    // A link that broke and stands again changes nothing.
    world.cut(1, 2);
    world.run(3_000);
    assert_eq!(count(&world, 2, |e| matches!(e, Event::Recording { .. })), 1);
    world.command(1, Command::Record { on: false });
    world.run(100);
    assert!(world.session(3).recording(idx).is_none());
    world.command(1, Command::Record { on: true });
    world.run(100);
    world.kick(1);
    world.run(3_000);
    assert!([0, 2, 3].iter().all(|device| world.session(*device).recording(idx).is_none()));
}

#[test]
fn who_is_alone_may_record_and_the_first_guest_is_told() {
    let mut world = World::new(203, 2, Net::GOOD);
    world.lead();
    world.run(1_000);
    world.command(0, Command::Record { on: true });
    let react = Command::React { reaction: Reaction::Done };
    assert_eq!(world.try_command(0, react), Err(CommandError::NoKey));
    world.join(1);
    world.run(1_500);
    world.admit(1);
    world.run(3_000);
    let idx = world.idx(0);
    assert_eq!(count(&world, 1, |e| *e == Event::Recording { idx, on: true }), 1);
}

#[test]
fn a_removed_member_opens_no_signal_and_nobody_hears_one_of_it() {
    let mut world = World::meeting(204, 4, 4, Net::GOOD);
    let (stolen, npk, old) = (newest_key(&world, 3), world.npk(3), world.idx(3));
    let before = sealed(&world, &stolen, 3, &Signal::Hand(true).to_bytes());
    world.kick(3);
    world.run(4_000);
    world.messages.clear();
    world.command(1, Command::React { reaction: Reaction::Heart });
    world.run(100);
    let signals: Vec<_> = world
        .messages
        .iter()
        .filter_map(|(from, to, bytes)| match PeerMessage::from_bytes(bytes) {
            Ok(PeerMessage::Signal(sealed)) => Some((*from, *to, sealed.into_vec())),
            _ => None,
        })
        .collect();
    assert_eq!(signals.len(), 2);
    let (id, mk) = &stolen;
    for (from, to, mut packet) in signals {
        assert_ne!(to, 3);
        let kid = Header::read(&packet).unwrap().kid;
        let stream =
            id.stream(world.devices[from].dev, world.idx(from), StreamNo::CHAT, StreamKind::Chat);
        let mut opener = Opener::new(mk.stream_key(&stream), kid, metadata(&MID)).unwrap();
        assert!(opener.open(&mut packet).is_err());
    }
    let foreign = world.session(0).counters().foreign;
    world.give(0, Input::Message { npk, bytes: message(before) });
    assert_eq!(world.session(0).counters().foreign, foreign + 1);
    assert_eq!(count(&world, 0, |e| matches!(e, Event::Hand { idx, .. } if *idx == old)), 0);
}

/// What it sealed before is still on its way, and the key it is under is not erased yet.
#[test]
fn a_removed_member_is_not_heard_while_its_key_still_opens() {
    let mut world = World::meeting(208, 4, 4, Net::GOOD);
    let (key, npk, old) = (newest_key(&world, 3), world.npk(3), world.idx(3));
    let hand = message(sealed(&world, &key, 3, &Signal::Hand(true).to_bytes()));
    world.kick(3);
    let is_out = |e: &Event| matches!(e, Event::MemberLeft { idx, .. } if *idx == old);
    while count(&world, 0, is_out) == 0 {
        world.run(50);
    }
    let open = world.session(0).danger_export_keys();
    assert!(open.iter().any(|(id, _)| id.record == key.0.record), "it still opens");
    world.give(0, Input::Message { npk, bytes: hand });
    assert_eq!(count(&world, 0, |e| matches!(e, Event::Hand { .. })), 0);
}

#[test]
fn a_signal_in_the_name_of_another_is_refused() {
    let mut world = World::meeting(205, 3, 3, Net::GOOD);
    let key = newest_key(&world, 2);
    let (victim, forger) = (world.npk(1), world.npk(2));
    let signals = |world: &World| {
        count(world, 0, |e| {
            matches!(e, Event::Hand { .. } | Event::Recording { .. } | Event::Asked { .. })
        })
    };
    // Sealed under the victim's own key: only the link gives the forger away.
    let hand = message(sealed(&world, &key, 1, &Signal::Hand(true).to_bytes()));
    world.give(0, Input::Message { npk: forger, bytes: hand.clone() });
    assert_eq!((signals(&world), world.session(0).counters().wrong_sender), (0, 1));
    world.give(0, Input::Message { npk: victim, bytes: hand.clone() });
    assert_eq!(signals(&world), 1);
    // The same once more, and as a line of chat.
    let PeerMessage::Signal(blob) = PeerMessage::from_bytes(&hand).unwrap() else { panic!() };
    for bytes in [hand, PeerMessage::Chat(blob).to_bytes()] {
        world.give(0, Input::Message { npk: victim, bytes });
    }
    assert_eq!(world.session(0).counters().replayed, 2);

    // In its own name, what it may not say.
    let chain = world.ledger.rules().chain_id;
    let (me, at) = (world.idx(2), Seconds(5));
    let other = Ed25519Signer::from_seed(&[98; 32]);
    let unsigned = Recording::new(&chain, &MID, me, (true, at), &other);
    let moved =
        Recording::new(&chain, &MID, world.idx(1), (true, at), world.devices[2].signer.as_ref());
    let everybody = Ask { to: None, favour: Favour::Mute };
    let misled = Ask { to: Some(world.idx(1)), favour: Favour::Mute };
    let (before, many) = (signals(&world), world.session(0).counters().bad_messages);
    for (number, signal) in [
        Signal::Recording(unsigned),
        Signal::Recording(moved),
        Signal::Ask(everybody),
        Signal::Ask(misled),
    ]
    .into_iter()
    .enumerate()
    {
        // Each at a counter of its own: the later ones of a longer chain.
        let mut packet = Vec::new();
        let stream = key.0.stream(world.devices[2].dev, me, StreamNo::CHAT, StreamKind::Chat);
        let kid = key.0.kid(me, StreamNo::CHAT).value();
        let mut sealer = Sealer::new(key.1.stream_key(&stream), kid, metadata(&MID)).unwrap();
        for _ in 0..=number {
            sealer.seal(&signal.to_bytes(), &mut packet).unwrap();
        }
        world.give(0, Input::Message { npk: forger, bytes: message(packet) });
    }
    assert_eq!(signals(&world), before);
    assert_eq!(world.session(0).counters().bad_messages, many + 4);
}

#[test]
fn a_line_of_chat_is_no_signal() {
    let mut world = World::meeting(206, 2, 2, Net::GOOD);
    let key = newest_key(&world, 1);
    let npk = world.npk(1);
    let line = message(sealed(&world, &key, 1, b"hello"));
    world.give(0, Input::Message { npk, bytes: line });
    assert_eq!(world.session(0).counters().malformed, 1);
    assert_eq!(count(&world, 0, |e| matches!(e, Event::Chat { .. })), 0);
}

#[test]
fn a_signal_is_no_line_of_chat() {
    let mut world = World::meeting(209, 2, 2, Net::GOOD);
    let key = newest_key(&world, 1);
    let npk = world.npk(1);
    let hand = sealed(&world, &key, 1, &Signal::Hand(true).to_bytes());
    let bytes = PeerMessage::Chat(Blob::new(hand).unwrap()).to_bytes();
    world.give(0, Input::Message { npk, bytes });
    assert_eq!(world.session(0).counters().malformed, 1);
    assert_eq!(count(&world, 0, |e| matches!(e, Event::Chat { .. } | Event::Hand { .. })), 0);
}

#[test]
fn a_line_of_chat_under_the_number_of_another_stream_is_refused() {
    let mut world = World::meeting(210, 2, 2, Net::GOOD);
    let ((id, mk), npk, idx) = (newest_key(&world, 1), world.npk(1), world.idx(1));
    let number = StreamNo::new(3).unwrap();
    let stream = id.stream(world.devices[1].dev, idx, number, StreamKind::Chat);
    let kid = id.kid(idx, number).value();
    let mut sealer = Sealer::new(mk.stream_key(&stream), kid, metadata(&MID)).unwrap();
    let mut packet = Vec::new();
    sealer.seal(b"hello", &mut packet).unwrap();
    let bytes = PeerMessage::Chat(Blob::new(packet).unwrap()).to_bytes();
    world.give(0, Input::Message { npk, bytes });
    assert_eq!(world.session(0).counters().undeclared, 1);
    assert_eq!(count(&world, 0, |e| matches!(e, Event::Chat { .. })), 0);
}

#[test]
fn nobody_is_flooded_with_reactions() {
    let mut world = World::meeting(207, 2, 2, Net::GOOD);
    let react = || Command::React { reaction: Reaction::Laughter };
    let sent = (0..100).filter(|_| world.try_command(1, react()).is_ok()).count();
    assert_eq!(sent, 20);
    assert_eq!(world.try_command(1, react()), Err(CommandError::TooFast));
    world.run(1_000);
    let seen = |world: &World| count(world, 0, |e| matches!(e, Event::Reaction { .. }));
    assert_eq!(seen(&world), 20, "what an honest device sends is heard");
    // One that does not hold itself back.
    let (mut sealer, npk) = (sealer(&world, 1), world.npk(1));
    let mut packet = Vec::new();
    for _ in 0..1_000 {
        sealer.seal(&Signal::Reaction(Reaction::Laughter).to_bytes(), &mut packet).unwrap();
        world.give(0, Input::Message { npk, bytes: message(packet.clone()) });
    }
    let more = seen(&world) - 20;
    assert!((20..=40).contains(&more), "{more} of 1,000 were shown");
}
