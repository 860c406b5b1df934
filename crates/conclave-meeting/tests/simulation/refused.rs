//! Records that the ledger refuses although nobody in them did anything: their leader is honest, and
//! members that send under them see that.

use std::collections::BTreeSet;

use conclave_meeting::{
    session::{Command, Ending, Event, Input},
    wire::PeerMessage,
};
use conclave_protocol::{Digest, Epoch, MemberIdx, Params};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;

use crate::{
    ledger::Ledger,
    meetings::{assert_heard, assert_one_key, stream},
    world::{Net, World},
};

/// The records of an epoch that a leader sent to anyone.
fn records(world: &World, leader: usize, epoch: Epoch) -> BTreeSet<Digest> {
    let sent = world.messages.iter().filter(|(from, _, _)| *from == leader);
    let bundles = sent.filter_map(|(_, _, bytes)| match PeerMessage::from_bytes(bytes) {
        Ok(PeerMessage::Bundle(bundle)) => Some(bundle),
        _ => None,
    });
    bundles.filter(|b| b.record.epoch == epoch).map(|b| b.record.digest()).collect()
}

fn refused(world: &World, why: &str) -> usize {
    let all = world.ledger.refused.iter();
    all.filter(|reason| reason.contains("EpochRecord") && reason.contains(why)).count()
}

/// All of `devices` heard each other in this time.
fn assert_all_heard(world: &World, devices: &[usize], since: u64, until: u64) {
    for from in devices {
        for to in devices.iter().filter(|to| *to != from) {
            assert_heard(world, *from, *to, since, until);
        }
    }
}

#[test]
fn a_record_that_was_refused_is_said_again_and_not_replaced() {
    let mut world = World::meeting(900, 4, 4, Net::GOOD);
    for device in 0..4 {
        world.open_stream(device);
    }
    world.run(300);
    let since = world.now;
    world.refuses = 3;
    world.kick(1);
    stream(&mut world, &[0, 2, 3], 5_000);
    let until = world.now;
    world.run(500);
    assert_eq!(world.refuses, 0);
    assert_eq!(records(&world, 0, Epoch(2)).len(), 1);
    assert_one_key(&world, &[0, 2, 3]);
    assert_all_heard(&world, &[0, 2, 3], since, until);
    assert_eq!(world.alarms(), []);
    assert_eq!(world.session(2).equivocation(), None);
}

/// Founded with the second of four transactions, and one comes back every ten seconds.
fn stinted(seed: u64) -> World {
    let params = Params { burst: 4, ..Params::default() };
    let mut world = World::meeting_on(Ledger::with(params), seed, (7, 7), Net::GOOD);
    for device in 0..7 {
        world.open_stream(device);
    }
    world.run(300);
    world
}

#[test]
fn a_leader_that_wrote_too_much_throws_people_out_at_once_and_is_not_accused() {
    let mut world = stinted(901);
    let since = world.now;
    let mut clicks = Vec::new();
    // The third one is refused, and the fourth one does not wait for it.
    for device in [6, 5, 4, 3] {
        clicks.push((device, world.now));
        world.kick(device);
        let rest: Vec<usize> = (0..device).collect();
        stream(&mut world, &rest, 2_000);
    }
    stream(&mut world, &[0, 1, 2], 30_000);
    let until = world.now;
    world.run(500);
    assert!(refused(&world, "too many transactions") > 2, "{:?}", world.ledger.refused);
    for (device, click) in clicks {
        let late = world.captured.iter().filter(|p| p.to == device && p.at > click + 1_500);
        assert_eq!(late.count(), 0, "sent to {device}");
    }
    assert_eq!(world.view().meeting.unwrap().epoch, Epoch(5));
    assert_one_key(&world, &[0, 1, 2]);
    assert_all_heard(&world, &[0, 1, 2], since, until);
    assert_eq!(world.alarms(), []);
}

#[test]
fn who_leaves_while_a_record_waits_that_names_it_costs_a_new_one_and_no_alarm() {
    let mut world = stinted(902);
    for device in [6, 5, 4, 3] {
        world.kick(device);
        stream(&mut world, &[0, 1], 1_500);
    }
    assert!(refused(&world, "too many transactions") > 0, "{:?}", world.ledger.refused);
    let meeting = world.view().meeting.unwrap();
    assert_eq!(world.session(1).sending_epoch(), Some(Epoch(meeting.epoch.0 + 2)));
    let since = world.now;
    world.command(2, Command::Leave);
    stream(&mut world, &[0, 1], 30_000);
    let until = world.now;
    world.run(500);
    assert_one_key(&world, &[0, 1]);
    assert_all_heard(&world, &[0, 1], since, until);
    assert_eq!(world.alarms(), []);
}

#[test]
fn a_record_that_the_ledger_stopped_over_is_taken_after_the_lease_ran_out() {
    let mut world = World::meeting(903, 4, 4, Net::GOOD);
    for device in 0..4 {
        world.open_stream(device);
    }
    world.run(300);
    let since = world.now;
    world.kick(1);
    world.stall();
    stream(&mut world, &[0, 2, 3], 70_000);
    world.resume();
    stream(&mut world, &[0, 2, 3], 5_000);
    let until = world.now;
    world.run(500);
    assert!(refused(&world, "lease") > 0, "{:?}", world.ledger.refused);
    let meeting = world.view().meeting.unwrap();
    assert_eq!((meeting.leader, meeting.epoch), (MemberIdx(0), Epoch(2)));
    assert_eq!(records(&world, 0, Epoch(2)).len(), 1);
    assert_one_key(&world, &[0, 2, 3]);
    assert_all_heard(&world, &[0, 2, 3], since, until);
    assert_eq!(world.alarms(), []);
}

#[test]
fn whom_a_full_roster_has_no_room_for_waits_until_somebody_goes() {
    let params = Params { max_members: 3, ..Params::default() };
    let mut world = World::meeting_on(Ledger::with(params), 904, (5, 5), Net::GOOD);
    assert_one_key(&world, &[0, 1, 2]);
    for device in [3, 4] {
        let idx = world.idx(device);
        let gone = |event: &Event| *event == Event::RequestGone { idx };
        assert!(world.saw(0, gone).is_none(), "{device} is shown as waiting");
    }
    world.run(5_000);
    world.kick(1);
    world.run(4_000);
    assert_one_key(&world, &[0, 2, 3]);
    world.command(2, Command::Leave);
    world.run(4_000);
    assert_one_key(&world, &[0, 3, 4]);
    assert_eq!(refused(&world, ""), 0, "{:?}", world.ledger.refused);
    assert_eq!(world.alarms(), []);
}

#[test]
fn who_is_banned_is_out_with_every_device_and_the_record_is_taken() {
    let mut world = World::new(908, 5, Net::GOOD);
    world.belongs_to(3, 2);
    world.belongs_to(4, 0);
    world.lead();
    world.run(1_000);
    (1..5).for_each(|device| world.join(device));
    world.run(2_000);
    (1..5).for_each(|device| world.admit(device));
    world.run(3_000);
    assert_one_key(&world, &[0, 1, 2, 3, 4]);
    for (device, rest) in [(3, &[0, 1, 4][..]), (4, &[0, 1])] {
        let idx = world.idx(device);
        world.command(0, Command::Kick { idx, ban: true });
        world.run(3_000);
        assert_one_key(&world, rest);
        let last = world.view().meeting.unwrap().epoch;
        assert_eq!(world.session(0).sending_epoch(), Some(last));
    }
    assert_eq!(refused(&world, ""), 0, "{:?}", world.ledger.refused);
    assert_eq!(world.alarms(), []);
}

#[test]
fn a_record_that_admits_a_request_which_lapsed_meanwhile_is_void() {
    let params = Params { request_ttl: 12, ..Params::default() };
    let mut world = World::meeting_on(Ledger::with(params), 905, (4, 3), Net::GOOD);
    world.join(3);
    world.run(1_500);
    world.refuses = usize::MAX;
    world.admit(3);
    world.run(14_000);
    let lapsed = |event: &Event| matches!(event, Event::Ended(Ending::Failed(_)));
    assert!(world.saw(3, lapsed).is_some());
    assert!(world.keys(3).is_empty());
    world.refuses = 0;
    world.run(6_000);
    assert_one_key(&world, &[0, 1, 2]);
    assert_eq!(world.view().meeting.unwrap().epoch, Epoch(2));
    assert_eq!(records(&world, 0, Epoch(2)).len(), 2);
    assert_eq!(world.alarms(), []);
}

/// While the ledger stood still a key was made on top of one whose record will be refused, because
/// somebody in it went; the key of that one is erased already.
fn built_on_sand(seed: u64) -> World {
    let mut world = World::meeting(seed, 5, 4, Net::GOOD);
    world.stall();
    world.kick(1);
    world.run(4_000);
    world.command(2, Command::Leave);
    world.run(4_000);
    assert_eq!(world.session(3).sending_epoch(), Some(Epoch(3)));
    assert_eq!(world.keys(3).len(), 1);
    world.refuses = 1;
    world
}

#[test]
fn what_followed_a_record_that_is_void_accuses_nobody_later() {
    let mut world = built_on_sand(906);
    let npk = world.npk(0);
    let sent = world.messages.iter().rev().find(|(from, to, bytes)| {
        (*from, *to) == (0, 3)
            && matches!(PeerMessage::from_bytes(bytes), Ok(PeerMessage::Bundle(_)))
    });
    let void = sent.unwrap().2.clone();
    world.resume();
    world.run(3_000);
    assert_eq!((records(&world, 0, Epoch(2)).len(), world.refuses), (2, 0));
    assert_one_key(&world, &[0, 3]);
    world.join(4);
    world.run(2_000);
    world.admit(4);
    world.run(3_000);
    assert_eq!(records(&world, 0, Epoch(3)).len(), 2);
    assert_one_key(&world, &[0, 3, 4]);
    // The void one comes late.
    world.give(3, Input::Message { npk, bytes: void });
    world.run(1_000);
    assert_one_key(&world, &[0, 3, 4]);
    assert_eq!(world.alarms(), []);
}

#[test]
fn a_key_that_followed_a_void_record_is_given_up_as_soon_as_the_ledger_shows_it() {
    let mut world = built_on_sand(907);
    world.cut_for_good(0, 3);
    world.resume();
    world.run(3_000);
    assert_eq!(world.view().meeting.unwrap().epoch, Epoch(2));
    assert!(world.keys(3).is_empty(), "its leader sends under another one");
    world.mend(0, 3);
    world.run(6_000);
    assert_one_key(&world, &[0, 3]);
    assert_eq!(world.alarms(), []);
}

/// Who is in a random meeting, who wants to come in and who does not yet.
struct People {
    inside: Vec<usize>,
    asking: Vec<usize>,
    outside: Vec<usize>,
}

impl People {
    /// One thing happens.
    fn act(&mut self, world: &mut World, what: u32) {
        let many = self.inside.len() > 1;
        match what {
            0 | 1 if !self.outside.is_empty() => {
                let device = self.outside.remove(0);
                world.join(device);
                self.asking.push(device);
            }
            2 if many && world.session(0).roster().contains(&world.idx(self.inside[0])) => {
                world.kick(self.inside.remove(0));
            }
            3 if many => world.command(self.inside.remove(0), Command::Leave),
            4 => world.refuses = 2,
            5 if many => world.cut(0, self.inside[0]),
            _ => {}
        }
    }

    /// Lets in whoever may come in now.
    fn admit(&mut self, world: &mut World) {
        let gone = |world: &World, device: usize| world.session(device).is_ended();
        self.asking.retain(|device| !gone(world, *device));
        let all = std::mem::take(&mut self.asking).into_iter();
        let (inside, asking): (Vec<_>, Vec<_>) = all.partition(|device| {
            let idx = world.session(*device).me();
            idx.is_some_and(|idx| world.try_command(0, Command::Admit { idx }).is_ok())
        });
        self.inside.extend(inside);
        self.asking = asking;
    }
}

/// A meeting whose ledger refuses records and stops at random moments, while people come and go.
fn random_refusals(seed: u64, burst: u16, net: Net) {
    let params = Params { burst, ..Params::default() };
    let mut world = World::meeting_on(Ledger::with(params), seed, (7, 4), net);
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let mut people = People { inside: vec![1, 2, 3], asking: Vec::new(), outside: vec![4, 5, 6] };
    let mut stopped = None;
    world.open_stream(0);
    for _ in 0..14 {
        match rng.random_range(0..8) {
            6 if stopped.is_none() => {
                world.stall();
                stopped = Some(world.now + rng.random_range(1_000..15_000));
            }
            // Who asks is let in on the word of a ledger that goes on.
            what if stopped.is_none() || what > 1 => people.act(&mut world, what),
            _ => {}
        }
        stream(&mut world, &[0], rng.random_range(100..2_500));
        if stopped.take_if(|until| *until <= world.now).is_some() {
            world.resume();
        }
        people.admit(&mut world);
    }
    world.resume();
    world.refuses = 0;
    world.run(60_000);
    assert_eq!(world.alarms(), [], "seed {seed}");
    let rest = people.inside.into_iter().filter(|device| !world.session(*device).is_ended());
    assert_one_key(&world, &std::iter::once(0).chain(rest).collect::<Vec<_>>());
}

#[test]
fn whatever_the_ledger_refuses_and_whenever_it_stops_nobody_is_accused_and_one_key_remains() {
    for seed in 0..30 {
        random_refusals(seed, 60, Net::GOOD);
        random_refusals(seed, 60, Net::BAD);
        random_refusals(seed, 5, Net::GOOD);
    }
}
