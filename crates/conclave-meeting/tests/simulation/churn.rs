//! People come, go and are thrown out for hours: no packet is lost by a new key, and exactly the
//! roster of an epoch opens it.
//!
//! `CONCLAVE_CHURN=1000` makes it long.

use std::collections::{BTreeMap, BTreeSet};

use conclave_meeting::{media::StreamNo, session::Command};
use conclave_protocol::{
    Digest, MemberIdx, Npk, Params,
    meeting::{AutoAdmit, Policy},
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;

use crate::{
    ledger::Ledger,
    meetings::assert_one_key,
    world::{Net, World},
};

const POOL: usize = 9;
const STEP: u64 = 25;
/// A packet that was not heard after this time is lost.
const LATE: u64 = 2_500;
/// A link and the streams told over it stand after this time.
const SETTLED: u64 = 100;

/// A packet on its way and who has to hear it.
struct Owed {
    at: u64,
    from: (usize, Npk),
    idx: MemberIdx,
    stream: StreamNo,
    seq: u16,
    to: Vec<(usize, Npk)>,
}

struct Churn {
    world: World,
    rng: ChaCha20Rng,
    streams: BTreeMap<usize, (Npk, StreamNo)>,
    linked: BTreeMap<(usize, usize), (Npk, Npk, u64)>,
    owed: Vec<Owed>,
    judged: u64,
    /// Who ever held the key of a record, and who was to; a refused record is one as well.
    holders: BTreeMap<Digest, BTreeSet<MemberIdx>>,
    rosters: BTreeMap<Digest, BTreeSet<MemberIdx>>,
    finals: BTreeSet<Digest>,
    /// Seats of sessions that ended before the key of their last epoch came.
    over: BTreeSet<MemberIdx>,
}

impl Churn {
    /// How often a user may ask to come in is another matter.
    fn new(seed: u64, params: Params, policy: Policy) -> Self {
        let params = Params { request_burst: 250, max_members: 256, ..params };
        let mut world = World::on(Ledger::with(params), seed, POOL, Net::GOOD);
        world.lead_with(policy);
        world.run(1_000);
        Self {
            world,
            rng: ChaCha20Rng::seed_from_u64(seed),
            streams: BTreeMap::new(),
            linked: BTreeMap::new(),
            owed: Vec::new(),
            judged: 0,
            holders: BTreeMap::new(),
            rosters: BTreeMap::new(),
            finals: BTreeSet::new(),
            over: BTreeSet::new(),
        }
    }

    fn alive(&self) -> Vec<usize> {
        let here = |device: &usize| {
            self.world.devices[*device].session.as_ref().is_some_and(|session| !session.is_ended())
        };
        (0..POOL).filter(here).collect()
    }

    fn seated(&self, device: usize) -> bool {
        let session = self.world.session(device);
        session.me().is_some_and(|idx| session.roster().contains(&idx))
    }

    /// One thing happens.
    fn event(&mut self) {
        let alive = self.alive();
        let members: Vec<usize> =
            alive.iter().copied().filter(|device| *device != 0 && self.seated(*device)).collect();
        let outside: Vec<usize> = (1..POOL).filter(|device| !alive.contains(device)).collect();
        let join = !outside.is_empty() && (members.len() < 2 || self.rng.random_bool(0.5));
        if join {
            let device = outside[self.rng.random_range(0..outside.len())];
            self.world.join(device);
        } else if !members.is_empty() {
            let device = members[self.rng.random_range(0..members.len())];
            let idx = self.world.idx(device);
            self.over.insert(idx);
            if self.rng.random_bool(0.5) {
                self.world.command(device, Command::Leave);
            } else {
                // Whoever came in with a record that the ledger refused is admitted again first.
                let _later = self.world.try_command(0, Command::Kick { idx, ban: false });
            }
        }
    }

    fn step(&mut self) {
        self.world.forget_records();
        for device in self.alive() {
            let Some(idx) = self.world.session(device).me() else { continue };
            if device != 0 && !self.seated(device) {
                // A guest that is not checked yet is admitted in a later step.
                let _later = self.world.try_command(0, Command::Admit { idx });
            }
        }
        self.link();
        for device in self.alive() {
            self.send(device);
        }
        self.world.run(STEP);
        self.look();
        self.judge();
    }

    /// Media go over links of members, not through the lobby.
    fn linked_as_members(&self, one: usize, two: usize) -> bool {
        let world = &self.world;
        world.linked(one, two) && world.lets_in(one, two) && world.lets_in(two, one)
    }

    fn link(&mut self) {
        let (now, alive) = (self.world.now, self.alive());
        let mut linked = BTreeMap::new();
        for one in &alive {
            for two in alive.iter().filter(|two| self.linked_as_members(*one, **two)) {
                let (a, b) = (self.world.npk(*one), self.world.npk(*two));
                let old = self.linked.get(&(*one, *two)).filter(|old| (old.0, old.1) == (a, b));
                linked.insert((*one, *two), (a, b, old.map_or(now, |old| old.2)));
            }
        }
        self.linked = linked;
    }

    fn send(&mut self, device: usize) {
        if !self.seated(device) {
            return;
        }
        let npk = self.world.npk(device);
        let stream = match self.streams.get(&device).filter(|(own, _)| *own == npk) {
            Some((_, stream)) => *stream,
            None => self.world.open_stream(device),
        };
        self.streams.insert(device, (npk, stream));
        let at = self.world.now;
        let Some(epoch) = self.world.session(device).sending_epoch() else { return };
        let idx = self.world.idx(device);
        let to: Vec<(usize, Npk)> = self
            .alive()
            .into_iter()
            .filter(|other| {
                let known = self.linked.get(&(device, *other));
                let settled = known.is_some_and(|(_, _, since)| since + SETTLED <= at);
                let session = self.world.session(*other);
                settled
                    && session.roster().contains(&idx)
                    && session.danger_export_keys().iter().any(|(id, _)| id.epoch == epoch)
            })
            .map(|other| (other, self.world.npk(other)))
            .collect();
        let seq = u16::try_from(self.world.devices[device].sent.len()).unwrap();
        if self.world.send_unit(device, 60) {
            self.owed.push(Owed { at, from: (device, npk), idx, stream, seq, to });
        }
    }

    /// Who holds which key at this moment.
    fn look(&mut self) {
        let now = self.world.session(0).roster();
        if let Some((id, _)) = self.world.session(0).danger_export_keys().pop() {
            self.rosters.insert(id.record, now);
        }
        self.finals.extend(self.world.view().meeting.map(|meeting| meeting.last_rec));
        for device in self.alive() {
            let Some(idx) = self.world.session(device).me() else { continue };
            for (id, _) in self.world.session(device).danger_export_keys() {
                self.holders.entry(id.record).or_default().insert(idx);
            }
        }
    }

    fn judge(&mut self) {
        let now = self.world.now;
        let due: Vec<Owed> = self.owed.extract_if(.., |owed| owed.at + LATE <= now).collect();
        let here = |world: &World, (device, npk): (usize, Npk)| {
            let session = world.session(device);
            !session.is_ended() && session.npk() == npk
        };
        for owed in due.into_iter().filter(|owed| here(&self.world, owed.from)) {
            for to in owed.to.into_iter().filter(|to| here(&self.world, *to)) {
                let heard = self.world.devices[to.0].heard.get(&(owed.idx, owed.stream));
                let times = heard.map_or(0, |all| all.iter().filter(|s| **s == owed.seq).count());
                assert_eq!(times, 1, "{:?} to {} sent at {}", owed.from.0, to.0, owed.at);
                self.judged += 1;
            }
        }
        // What was judged need not be looked through again.
        let oldest = self.owed.iter().map(|owed| (owed.idx, owed.seq));
        let oldest: BTreeMap<MemberIdx, u16> = oldest.rev().collect();
        for device in &mut self.world.devices {
            for ((idx, _), heard) in &mut device.heard {
                let first = oldest.get(idx).copied().unwrap_or(u16::MAX);
                heard.retain(|seq| *seq >= first);
            }
        }
    }

    /// Lets `events` things happen, and then nothing for so many steps; returns how many epochs that
    /// made.
    fn run(&mut self, events: usize, rest: usize) -> usize {
        for _ in 0..events {
            self.event();
            for _ in 0..self.rng.random_range(1..60) {
                self.step();
            }
        }
        for _ in 0..rest {
            self.step();
        }
        let epochs = self.finals.len();
        assert!(self.judged > 100 * u64::try_from(events).unwrap(), "{} packets", self.judged);
        for (record, holders) in &self.holders {
            let Some(roster) = self.rosters.get(record) else { continue };
            let strangers: Vec<_> = holders.difference(roster).collect();
            assert!(strangers.is_empty(), "record {record}: {strangers:?} hold its key");
            if !self.finals.contains(record) {
                continue;
            }
            let without: Vec<_> = roster.difference(holders).collect();
            let gone = without.iter().all(|idx| self.over.contains(idx));
            assert!(gone, "record {record}: {without:?} never had its key");
        }
        assert_eq!(self.world.alarms(), []);
        report(events, epochs, self.judged);
        epochs
    }
}

#[expect(clippy::print_stdout, reason = "how much was judged is worth reading")]
fn report(events: usize, epochs: usize, packets: u64) {
    println!("{events} events, {epochs} epochs, {packets} packets heard, none lost");
}

#[test]
fn no_packet_is_lost_by_a_new_key_and_the_roster_alone_opens_its_epoch() {
    let events = std::env::var("CONCLAVE_CHURN").ok().and_then(|events| events.parse().ok());
    let events = events.unwrap_or(100);
    // Here the keys change as fast as they can.
    let params = Params { burst: 60_000, refill: 1, ..Params::default() };
    let epochs = Churn::new(201, params, Policy::default()).run(events, 200);
    assert!(epochs * 3 > events, "{epochs} epochs for {events} events");
}

/// More people come and go than the ledger takes records of: all of that is made up for, and nobody
/// is accused. Nobody takes the chair here, for who owes a key does not keep it.
#[test]
fn a_leader_that_may_not_write_as_often_as_people_come_and_go_loses_nothing_and_is_not_accused() {
    let params = Params { burst: 20, ..Params::default() };
    let mut churn = Churn::new(1_003, params, Policy::new(Policy::APPOINT, AutoAdmit::Never));
    churn.run(60, 2_400);
    let refused = churn.world.ledger.refused.iter();
    let limits = refused.filter(|reason| is_limit(reason)).count();
    assert!(limits > 5, "{limits}: the test would prove nothing");
    let members: Vec<usize> =
        churn.alive().into_iter().filter(|device| churn.seated(*device)).collect();
    assert_one_key(&churn.world, &members);
}

fn is_limit(reason: &str) -> bool {
    reason.contains("EpochRecord") && reason.contains("too many transactions")
}
