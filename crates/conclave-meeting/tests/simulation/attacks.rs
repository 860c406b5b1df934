//! What an attacker tries, and that each guard is the one that stops it.

use bytes::Bytes;
use conclave_meeting::{
    exchange::MemberKeys,
    key::{EpochId, MeetingKey, StreamKind, metadata},
    media::{Header, Kid, Sealer, StreamNo},
    session::{
        Alarm, Command, CommandError, Ending, Event, Fact, FactName, Freshness, Input, MemberView,
    },
    wire::{Ack, Bundle, Card, Farewell, Knock, Name, PeerMessage, StreamAnnounce},
};
use conclave_protocol::{
    Context, Digest, Ed25519Signer, Epoch, MemberIdx, Npk, Signer, UserInfo, codec::Text, encode,
    invite::InviteSecret,
};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;

use crate::world::{MID, Net, World, address};

const MANY: usize = 100_000;

/// A meeting of three in which device 1 has sent `count` packets to device 2.
fn streamed(count: usize) -> (World, Vec<Bytes>) {
    let mut world = World::meeting(50, 4, 3, Net::GOOD);
    world.open_stream(1);
    world.run(200);
    for _ in 0..count {
        assert!(world.send_unit(1, 60));
        world.run(1);
    }
    world.run(300);
    let packets = world.captured.iter().filter(|p| p.from == 1 && p.to == 2);
    let packets: Vec<Bytes> = packets.map(|packet| packet.bytes.clone()).collect();
    assert_eq!(packets.len(), count);
    (world, packets)
}

fn opened(world: &World) -> u64 {
    world.session(2).counters().opened
}

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

/// Changes the knock of device 1 on its way and returns the failed checks.
fn failed_facts(change: impl Fn(&mut Knock, &World)) -> (World, Vec<FactName>) {
    let mut world = World::new(60, 3, Net::GOOD);
    world.lead();
    world.run(1_000);
    world.hold = true;
    world.join(1);
    world.run(2_500);
    let knock =
        world.messages.iter().find_map(|(_, _, bytes)| match PeerMessage::from_bytes(bytes) {
            Ok(PeerMessage::Knock(knock)) => Some(knock),
            _ => None,
        });
    let mut knock = knock.unwrap();
    change(&mut knock, &world);
    let npk = world.npk(1);
    world.give(0, Input::Message { npk, bytes: PeerMessage::Knock(knock).to_bytes() });
    let facts = last_facts(&world);
    (world, facts)
}

fn last_facts(world: &World) -> Vec<FactName> {
    let facts = world.devices[0].events.iter().rev().find_map(|(_, event)| match event {
        Event::RequestVerified(knocker) => Some(knocker.facts.clone()),
        _ => None,
    });
    let failed = facts.unwrap().into_iter().filter(|Fact { ok, .. }| !ok);
    failed.map(|fact| fact.name).collect()
}

fn refuses_to_admit(mut world: World) {
    let idx = MemberIdx(1);
    assert_eq!(world.try_command(0, Command::Admit { idx }), Err(CommandError::NotVerified));
}

#[test]
fn an_honest_knock_passes_every_check() {
    let (mut world, failed) = failed_facts(|_, _| {});
    assert!(failed.is_empty());
    world.command(0, Command::Admit { idx: MemberIdx(1) });
}

#[test]
fn a_knock_signed_by_another_device_fails_the_signature() {
    let (world, failed) = failed_facts(|knock, world| {
        let chain = world.ledger.rules().chain_id;
        knock.sig = world.devices[2].signer.sign(Context::Knock, &chain, b"something");
    });
    assert_eq!(failed, [FactName::Signature]);
    refuses_to_admit(world);
}

#[test]
fn a_knock_with_another_name_than_the_signed_one_fails_the_signature() {
    let (world, failed) = failed_facts(|knock, _| {
        knock.name = Name::new("somebody else").unwrap();
    });
    assert_eq!(failed, [FactName::Signature]);
    refuses_to_admit(world);
}

#[test]
fn a_knock_with_another_encapsulation_key_fails_the_keys() {
    let (world, failed) = failed_facts(|knock, _| {
        knock.ek = conclave_protocol::decode(&[1; 1_184]).unwrap();
    });
    assert_eq!(failed, [FactName::Keys]);
    refuses_to_admit(world);
}

#[test]
fn a_knock_over_another_link_fails_the_transport() {
    let mut world = World::new(61, 3, Net::GOOD);
    world.lead();
    world.run(1_000);
    world.hold = true;
    world.join(1);
    world.run(2_500);
    let knock = world.messages.iter().find_map(|(_, _, bytes)| {
        let knock = matches!(PeerMessage::from_bytes(bytes), Ok(PeerMessage::Knock(_)));
        knock.then(|| bytes.clone())
    });
    let npk = Ed25519Signer::from_seed(&[5; 32]).npk();
    world.give(0, Input::Message { npk, bytes: knock.clone().unwrap() });
    assert_eq!(last_facts(&world), [FactName::Transport]);
    // The right device is not pushed out by the wrong one.
    let npk = world.npk(1);
    world.give(0, Input::Message { npk, bytes: knock.clone().unwrap() });
    assert!(last_facts(&world).is_empty());
    let npk = Ed25519Signer::from_seed(&[5; 32]).npk();
    world.give(0, Input::Message { npk, bytes: knock.unwrap() });
    assert!(last_facts(&world).is_empty());
}

/// What is wrong with a request on the ledger, and the check that says so.
type Flaw = (fn(&mut MemberView), FactName);

#[test]
fn a_banned_user_a_foreign_device_and_another_name_fail_before_the_door() {
    let other_name = |asker: &mut MemberView| {
        asker.info = Some(UserInfo::Clear(Text::new("somebody else").unwrap()));
    };
    let flaws: [Flaw; 4] = [
        (other_name, FactName::Info),
        (|asker| asker.banned = true, FactName::Ban),
        (|asker| asker.device = None, FactName::Identity),
        (|asker| asker.user = None, FactName::Identity),
    ];
    for (flaw, fact) in flaws {
        let (mut world, facts) = failed_facts(|_, _| {});
        assert!(facts.is_empty());
        let mut view = world.view();
        view.height.0 += 1;
        flaw(view.members.get_mut(&MemberIdx(1)).unwrap());
        world.give(0, Input::Ledger(Box::new(view)));
        assert_eq!(last_facts(&world), [fact]);
        refuses_to_admit(world);
    }
}

#[test]
fn nobody_is_admitted_on_an_old_view_of_the_ledger() {
    let (mut world, _) = failed_facts(|_, _| {});
    let mut view = world.view();
    view.height.0 += 1;
    view.freshness = Freshness::Stale;
    world.give(0, Input::Ledger(Box::new(view)));
    let admit = Command::Admit { idx: MemberIdx(1) };
    assert_eq!(world.try_command(0, admit), Err(CommandError::LedgerStale));
}

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
fn a_call_in_the_lobby_takes_no_link_from_a_member() {
    let (mut world, _) = streamed(5);
    let (npk, before) = (world.npk(2), opened(&world));
    world.give(1, Input::Connected { npk, lobby: true });
    assert!(world.send_unit(1, 20));
    world.run(500);
    assert_eq!(opened(&world), before + 1);
}

/// The key of a stranger without a device.
fn stranger(number: u16) -> Npk {
    let mut key = [0x55; 32];
    key[..2].copy_from_slice(&number.to_be_bytes());
    Npk(key)
}

fn knock_of(world: &World) -> Knock {
    let mut said = world.messages.iter();
    let knock = said.find_map(|(_, _, bytes)| match PeerMessage::from_bytes(bytes) {
        Ok(PeerMessage::Knock(knock)) => Some(knock),
        _ => None,
    });
    knock.unwrap()
}

#[test]
fn a_flood_of_knocks_does_not_bar_the_door() {
    for strangers in [1, 400] {
        let mut world = World::meeting(63, 4, 2, Net::GOOD);
        let mut knock = knock_of(&world);
        let before = world.session(0).counters().bad_messages;
        for number in 0..400_u16 {
            knock.idx = MemberIdx(100 + number);
            let bytes = PeerMessage::Knock(knock.clone()).to_bytes();
            world.give(0, Input::Message { npk: stranger(number % strangers), bytes });
        }
        // One link holds one place, and there are 256.
        let refused = if strangers == 1 { 0 } else { 400 - 256 };
        assert_eq!(world.session(0).counters().bad_messages - before, refused);
        world.join(2);
        world.run(2_000);
        world.admit(2);
        world.run(3_000);
        assert!(world.session(2).sending_epoch().is_some(), "{strangers} strangers");
    }
}

#[test]
fn strangers_that_knock_for_the_next_seat_keep_nobody_out() {
    let mut world = World::meeting(66, 3, 2, Net::GOOD);
    let mut knock = knock_of(&world);
    for number in 0..300_u16 {
        knock.idx = MemberIdx(number);
        let bytes = PeerMessage::Knock(knock.clone()).to_bytes();
        world.give(0, Input::Message { npk: stranger(number), bytes });
    }
    // The guest's knock comes before the leader sees its request.
    world.join(2);
    world.run(4_000);
    world.admit(2);
    world.run(3_000);
    assert!(world.session(2).sending_epoch().is_some());
}

#[test]
fn strangers_that_came_and_went_do_not_bar_the_lobby() {
    let mut world = World::meeting(64, 3, 2, Net::GOOD);
    for number in 0..2_000 {
        let npk = stranger(number);
        world.give(0, Input::Connected { npk, lobby: true });
        world.give(0, Input::Disconnected { npk });
    }
    // Somebody who is turned away hears of it, so there is room for one more peer.
    world.join(2);
    world.run(2_000);
    let idx = world.idx(2);
    world.command(0, Command::Deny { idx, ban: false });
    world.run(100);
    let denied = |event: &Event| matches!(event, Event::Ended(Ending::Denied));
    assert!(world.saw(2, denied).is_some());
}

#[test]
fn no_more_than_1024_peers_are_remembered() {
    let mut world = World::meeting(67, 3, 2, Net::GOOD);
    for number in 0..2_000 {
        world.give(0, Input::Connected { npk: stranger(number), lobby: true });
    }
    world.trace.clear();
    world.command(0, Command::Dismiss);
    world.run(2_000);
    let closed = world.trace.iter().filter(|line| line.ends_with(" 0 close")).count();
    assert_eq!(closed, 1_024);
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
fn a_guest_without_the_invite_is_shown_as_such() {
    let mut world = World::new(62, 2, Net::GOOD);
    world.lead();
    world.run(1_000);
    world.join_with(1, InviteSecret::new([1; 16]));
    world.run(2_500);
    assert_eq!(last_facts(&world), [FactName::Invite]);
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
