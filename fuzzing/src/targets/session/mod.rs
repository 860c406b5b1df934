//! Whole meetings with a member, a guest and strangers who say whatever the fuzzer wants.
//!
//! Devices 0 (leader) and 1 are honest and watched. Device 2 is a member and device 3 a guest
//! before the door; both run honest code, and the attacker speaks and signs with their keys as
//! well. Links prove keys, so nobody speaks over the link of another.

mod step;
mod word;

use std::collections::BTreeSet;

use arbitrary::{Arbitrary, Unstructured};
use conclave_meeting::{
    key::{StreamKind, metadata},
    media::{Sealer, StreamNo},
    session::{Command, HeaderVerdict, Input},
    wire::{Knock, PeerMessage},
};
use conclave_protocol::{Ed25519Signer, Height, MemberIdx, Npk};

use crate::world::{MID, Net, World};
use step::{Attacker, Packet, Step};

/// Plays one meeting: it goes on, nobody is heard as another, nobody uninvited reads.
pub(super) fn run(bytes: &[u8]) {
    let steps = Vec::<Step>::arbitrary_take_rest(Unstructured::new(bytes));
    let mut scene = Scene::new();
    for step in steps.into_iter().flatten().take(STEPS) {
        scene.step(step);
    }
    scene.judge();
}

/// A meeting of leader, member and insider with a guest before the door and somebody who is late.
struct Scene {
    world: World,
    stream: StreamNo,
    nsk: Ed25519Signer,
}

impl Scene {
    fn new() -> Self {
        let mut world = World::meeting(7, 5, 3, Net::GOOD);
        let stream = world.open_stream(MEMBER);
        assert_eq!(world.open_stream(LEADER), stream);
        world.join(GUEST);
        world.run(1_500);
        for device in [MEMBER, LEADER] {
            assert!(world.send_unit(device, 20));
        }
        world.run(100);
        let nsk = Ed25519Signer::from_seed(&world.session(INSIDER).transport_seed().unwrap());
        Self { world, stream, nsk }
    }

    /// Lets one thing happen.
    fn step(&mut self, step: Step) {
        match step {
            Step::Message { from, leader, bytes } => self.say(from, leader, bytes),
            Step::Replay { from, leader, which, flip } => {
                let (_, _, bytes) = &self.world.messages[at(which, self.world.messages.len())];
                let bytes = changed(bytes.clone(), flip);
                self.say(from, leader, bytes);
            }
            Step::Knocks { from, first, count } => self.knocks(from, first, count.into()),
            Step::Datagram { from, leader, bytes } => self.send(from, leader, bytes),
            Step::Packet { from, leader, which, flip } => {
                let packet = &self.world.captured[at(which, self.world.captured.len())];
                let bytes = changed(packet.bytes.to_vec(), flip);
                self.send(from, leader, bytes);
            }
            Step::Sealed { from, leader, packet } => self.sealed(from, leader, &packet),
            Step::Said { leader, times, word } => {
                let Some(message) = self.word(leader, word) else { return };
                for _ in 0..=times.min(OFTEN) {
                    self.say(Attacker::Insider, leader, message.to_bytes());
                }
            }
            Step::Link { from, leader, up, lobby } => {
                let (npk, to) = (self.npk(from), victim(leader));
                // The link layer lets nobody in as a member who is not in the roster.
                let lobby = lobby || !matches!(from, Attacker::Insider);
                let input =
                    if up { Input::Connected { npk, lobby } } else { Input::Disconnected { npk } };
                self.world.give(to, input);
            }
            Step::Strangers { leader, count, knock } => {
                for n in 0..count % 1_100 {
                    let (npk, to) = (self.npk(Attacker::Stranger(n)), victim(leader));
                    self.world.give(to, Input::Connected { npk, lobby: true });
                    if knock {
                        self.knocks(Attacker::Stranger(n), n, 1);
                    }
                    self.world.give(to, Input::Disconnected { npk });
                }
            }
            Step::Local { leader, limit, unproven } => {
                let idx = self.world.idx(INSIDER);
                let npk = self.npk(Attacker::Insider);
                let bytes = usize::from(limit);
                self.world.give(victim(leader), Input::DatagramLimit { npk, bytes });
                if unproven {
                    let verdict = HeaderVerdict::Unproven;
                    let judged = Input::HeaderJudged { idx, height: Height(1), verdict };
                    self.world.give(victim(leader), judged);
                }
            }
            Step::Unit { leader } => {
                self.world.send_unit(victim(leader), 30);
            }
            Step::Chat => {
                let text = "hello".to_owned();
                let _ = self.world.try_command(MEMBER, Command::Chat { text });
            }
            Step::Wait(ms) => self.world.run(ms.into()),
        }
    }

    /// What must hold after all of it.
    fn judge(mut self) {
        let world = &mut self.world;
        world.run(3_000);
        for device in [LEADER, MEMBER] {
            assert!(!world.session(device).is_ended(), "device {device} was sent away");
        }
        let (leads, member) = (world.keys(LEADER), world.keys(MEMBER));
        for (epoch, key) in &leads {
            assert!(
                member.get(epoch).is_none_or(|other| other == key),
                "two keys of epoch {epoch}"
            );
        }
        assert!(world.keys(GUEST).is_empty(), "a guest before the door holds a key");
        // Nobody else was heard as one of the honest ones.
        let ids = [(LEADER, MEMBER), (MEMBER, LEADER)];
        for (from, to) in ids {
            let (idx, sent) = (world.idx(from), world.devices[from].sent.clone());
            let sent: BTreeSet<u16> = sent.iter().map(|(seq, _)| *seq).collect();
            let streams = world.devices[to].heard.iter().filter(|((who, _), _)| *who == idx);
            for ((_, stream), heard) in streams {
                assert_eq!(*stream, self.stream, "{idx} was heard on a stream it has not");
                let once: BTreeSet<u16> = heard.iter().copied().collect();
                assert_eq!(once.len(), heard.len(), "a unit of {idx} was heard twice");
                assert!(once.is_subset(&sent), "{idx} was heard to say what it did not");
            }
        }
        // The meeting goes on: the honest ones hear each other, and somebody new comes in.
        for (from, to) in ids {
            assert!(world.send_unit(from, 40), "device {from} may not send");
            let (seq, _) = *world.devices[from].sent.last().unwrap();
            world.run(2_000);
            let heard = &world.devices[to].heard[&(world.idx(from), self.stream)];
            assert!(heard.contains(&seq), "device {to} does not hear device {from}");
        }
        world.join(LATE);
        world.run(5_000);
        world.admit(LATE);
        world.run(4_000);
        assert!(world.session(LATE).sending_epoch().is_some(), "nobody new comes in any more");
        assert_eq!(world.keys(LATE).values().last(), world.keys(LEADER).values().last());
    }

    fn npk(&self, who: Attacker) -> Npk {
        match who {
            Attacker::Insider => self.world.npk(INSIDER),
            Attacker::Guest => self.world.npk(GUEST),
            Attacker::Stranger(n) => {
                let mut key = [0x55; 32];
                key[..2].copy_from_slice(&n.to_be_bytes());
                Npk(key)
            }
        }
    }

    fn say(&mut self, from: Attacker, leader: bool, bytes: Vec<u8>) {
        let npk = self.npk(from);
        self.world.give(victim(leader), Input::Message { npk, bytes });
    }

    fn send(&mut self, from: Attacker, leader: bool, bytes: Vec<u8>) {
        let npk = self.npk(from);
        self.world.give(victim(leader), Input::Datagram { npk, bytes: bytes.into() });
    }

    fn knocks(&mut self, from: Attacker, first: u16, count: u16) {
        let mut knock = self.knock();
        for n in 0..count {
            knock.idx = MemberIdx(first.wrapping_add(n));
            self.say(from, true, PeerMessage::Knock(knock.clone()).to_bytes());
        }
    }

    /// The first knock that was heard.
    fn knock(&self) -> Knock {
        let mut said = self.world.messages.iter();
        let knock = said.find_map(|(_, _, bytes)| match PeerMessage::from_bytes(bytes) {
            Ok(PeerMessage::Knock(knock)) => Some(knock),
            _ => None,
        });
        knock.unwrap()
    }

    fn sealed(&mut self, from: Attacker, leader: bool, forged: &Packet) {
        let Some((id, mk)) = self.world.session(INSIDER).danger_export_keys().pop() else { return };
        let device = usize::from(forged.idx % 3);
        let idx = self.world.idx(device);
        let Some(stream) = StreamNo::new(forged.stream % StreamNo::COUNT) else { return };
        let dev = self.world.devices[device].dev;
        let key = mk.stream_key(&id.stream(dev, idx, stream, kind(forged.kind)));
        let Some(mut sealer) = Sealer::new(key, id.kid(idx, stream).value(), metadata(&MID)) else {
            return;
        };
        let (mut packet, unit) = (Vec::new(), [&[0xff, 0xff], forged.unit.as_slice()].concat());
        for _ in 0..=forged.skip {
            if sealer.seal(&unit, &mut packet).is_err() {
                return;
            }
        }
        self.send(from, leader, [vec![0], packet].concat());
    }
}

const fn victim(leader: bool) -> usize {
    if leader { LEADER } else { MEMBER }
}

fn at(which: u16, len: usize) -> usize {
    usize::from(which) % len.max(1)
}

fn changed(mut bytes: Vec<u8>, flip: Option<(u16, u8)>) -> Vec<u8> {
    if let (Some((place, with)), false) = (flip, bytes.is_empty()) {
        let place = at(place, bytes.len());
        bytes[place] ^= with;
    }
    bytes
}

const fn kind(number: u8) -> StreamKind {
    match number % 5 {
        0 => StreamKind::Chat,
        1 => StreamKind::Audio,
        2 => StreamKind::Video,
        3 => StreamKind::Screen,
        _ => StreamKind::ScreenAudio,
    }
}

/// Lets at most this many things happen in one meeting.
const STEPS: usize = 48;
/// Says one thing at most this often in one step.
const OFTEN: u8 = 200;

const LEADER: usize = 0;
const MEMBER: usize = 1;
const INSIDER: usize = 2;
const GUEST: usize = 3;
const LATE: usize = 4;
