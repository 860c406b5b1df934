//! Frozen scripts: transactions one after the other, what the rules say of each, and the state.

use std::collections::BTreeSet;

use conclave_protocol::{
    meeting::{
        Absence, AutoAdmit, MeetingPolicy, MemberStatus, Reason, RefreshKeys, Succession,
        VoteLeader, absence_message,
    },
    state::Key,
    tx::{CheckError, Role},
    *,
};
use serde_json::{Value, json};

use crate::{
    frozen_vectors::frozen,
    world::{Person, World, genesis, removal},
};

const SCRIPTS: u64 = 50;
const STEPS: usize = 24;
const VALIDATOR_SCRIPTS: u64 = 8;
const ROUNDS: usize = 14;

#[test]
fn scripts_keep_their_verdicts() {
    let mut verdicts = BTreeSet::new();
    let mut scripts: Vec<Value> = (0..SCRIPTS)
        .map(|seed| {
            let mut script = Script::new(seed);
            // Half of the walks are about one meeting with everybody in it.
            let settled = seed % 2 == 0;
            if settled {
                script.settle();
            }
            for _ in 0..STEPS {
                if settled { script.sit() } else { script.step() }
            }
            verdicts.extend(script.steps.iter().map(|step| step["verdict"].to_string()));
            json!({ "name": format!("walk {seed}"), "steps": script.steps })
        })
        .collect();
    let mut script = Script::new(SCRIPTS);
    script.wait_and_object();
    scripts.push(json!({ "name": "what waits", "steps": script.steps }));
    let mut script = Script::new(SCRIPTS + VALIDATOR_SCRIPTS + 1);
    script.prune();
    let said: BTreeSet<_> = script.steps.iter().map(|step| step["verdict"].as_str()).collect();
    for seen in ["NotYet", "StaleSeq", "NothingToPrune", "MeetingOver", "MeetingTaken", "NpkTaken"]
    {
        assert!(said.contains(&Some(seen)), "{seen}: {said:?}");
    }
    scripts.push(json!({ "name": "what is pruned", "steps": script.steps }));
    let mut of_validators = BTreeSet::new();
    for seed in SCRIPTS + 1..=SCRIPTS + VALIDATOR_SCRIPTS {
        let mut script = Script::new(seed);
        script.govern(ROUNDS);
        of_validators.extend(script.steps.iter().map(|step| step["verdict"].to_string()));
        scripts.push(json!({ "name": format!("validators {seed}"), "steps": script.steps }));
    }
    for seen in [
        "AnchorAhead",
        "ChangePending",
        "LastValidator",
        "NotAValidator",
        "StaleSeq",
        "UnknownSponsor",
        "UnknownValidator",
        "ValidatorKeyUsed",
        "Weak(SmallOrder)",
        "WrongNonce",
    ] {
        assert!(of_validators.contains(&format!("\"{seen}\"")), "{seen}: {of_validators:?}");
    }
    assert!(verdicts.len() > 20, "the walks see too little: {verdicts:?}");
    let genesis = hex::encode(encode(&genesis()));
    frozen("scripts", &json!({ "genesis": genesis, "scripts": scripts }));
}

/// A walk through the rules that takes good and bad steps.
pub(crate) struct Script {
    pub(crate) world: World,
    pub(crate) people: Vec<Person>,
    meetings: Vec<MeetingId>,
    pub(crate) steps: Vec<Value>,
    dice: u64,
}

impl Script {
    pub(crate) fn new(seed: u64) -> Self {
        let mut script = Self {
            world: World::new(),
            people: Vec::new(),
            meetings: Vec::new(),
            steps: Vec::new(),
            dice: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5bf0_3635,
        };
        for seed in 1..4 {
            let (person, tx) = script.world.registration(seed);
            script.run(&tx);
            script.people.push(person);
        }
        script.publish();
        script
    }

    /// A number below `sides` (xorshift64).
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        usize::try_from(self.dice >> 33).unwrap() % sides
    }

    /// Everybody asks, and everybody is in.
    fn settle(&mut self) {
        let Some(mid) = self.meetings.first().copied() else { return };
        for who in 0..self.people.len() {
            let body = self.world.request_body(&self.people[who], mid);
            let tx = self.world.tx(&self.people[who], body);
            self.run(&tx);
        }
        self.world.wait(1);
        let next = self.world.meeting(mid).next_idx.0;
        let record = self.world.record(mid, &(1..next).map(MemberIdx).collect::<Vec<_>>(), &[]);
        let leader = self.world.member(mid, MemberIdx(0)).dev;
        let leader = self.people.iter().find(|person| person.dev == leader).unwrap();
        let tx = self.world.tx(leader, record);
        self.run(&tx);
    }

    fn sit(&mut self) {
        match self.roll(14) {
            0..=3 => self.claim(),
            4 | 5 => self.record(),
            6 => self.heartbeat(),
            7 => self.vote(),
            8 | 9 => self.keys_or_door(),
            10 => self.leave(),
            11 => self.request(),
            _ => {
                let seconds = [1, 2, 9, 12, 61][self.roll(5)];
                self.world.wait(seconds);
            }
        }
    }

    fn step(&mut self) {
        match self.roll(35) {
            0 => self.publish(),
            1..=4 => self.request(),
            5..=10 => self.record(),
            11 | 12 => self.heartbeat(),
            13 => self.leave(),
            14 => self.dismiss(),
            15 => self.register(),
            16 | 17 => self.claim(),
            18 => self.vote(),
            19 => self.keys_or_door(),
            20..=30 => self.change(),
            _ => {
                let seconds = [1, 2, 9, 12, 61, 99, 601][self.roll(7)];
                self.world.wait(seconds);
            }
        }
    }

    pub(crate) fn run(&mut self, tx: &Tx) {
        let Position { height, index, time } = self.world.at;
        let verdict = match self.world.run(tx) {
            Ok(_) => "accepted".to_owned(),
            Err(CheckError::Signature(_)) => "BadSignature".to_owned(),
            Err(CheckError::State(ApplyError::Refused(refusal))) => format!("{refusal:?}"),
            Err(other) => panic!("{other}"),
        };
        self.steps.push(json!({
            "height": height.0,
            "index": index,
            "time": time.0,
            "tx": hex::encode(encode(tx)),
            "verdict": verdict,
            "state": self.digest().to_hex(),
        }));
    }

    /// SHA-256 over name and record of everything, in the order of the encoded names.
    fn digest(&self) -> Digest {
        let mut all: Vec<_> =
            self.world.state.iter().map(|(key, record)| (encode(key), encode(record))).collect();
        all.sort();
        let mut bytes = b"CONCLAVE-V1/script".to_vec();
        for part in all.iter().flat_map(|(key, record)| [key, record]) {
            bytes.extend(u16::try_from(part.len()).unwrap().to_be_bytes());
            bytes.extend(part);
        }
        Digest::of(&[&bytes])
    }

    /// Says `body` as somebody, sometimes wrongly.
    pub(crate) fn say(&mut self, who: usize, body: impl Into<Body>) {
        let tx = self.world.tx(&self.people[who], body);
        let tx = match self.roll(24) {
            0 => Tx { nonce: tx.nonce + 1, ..tx }.sign(&self.people[who].signer),
            1 => Tx { expiry: Seconds(0), ..tx }.sign(&self.people[who].signer),
            2 => Tx { expiry: tx.expiry.plus(1_000), ..tx }.sign(&self.people[who].signer),
            3 => Tx { chain_id: ChainId([9; 32]), ..tx }.sign(&self.people[who].signer),
            4 => tx.with(Role::Signer, Signature::Ed25519([3; 64])),
            5 => Tx { sigs: codec::Set::default(), ..tx },
            6 => tx.with(Role::Sponsor, Signature::Ed25519([4; 64])),
            7 => Tx { signer: DeviceId([8; 32]), ..tx },
            _ => tx,
        };
        self.run(&tx);
    }

    fn publish(&mut self) {
        let who = self.roll(self.people.len());
        let seed = u8::try_from(
            40 + self.meetings.len() - usize::from(self.roll(5) == 0 && !self.meetings.is_empty()),
        )
        .unwrap();
        let body = self.world.publish_body(&self.people[who], seed);
        let mid = body.mid;
        self.say(who, body);
        if self.world.state.contains_key(&Key::Meeting(mid)) && !self.meetings.contains(&mid) {
            self.meetings.push(mid);
        }
    }

    /// One of the meetings, mostly the newest.
    fn meeting(&mut self) -> Option<MeetingId> {
        let pick = self.roll(self.meetings.len().max(1) * 2);
        self.meetings.get(pick).or_else(|| self.meetings.last()).copied()
    }

    fn request(&mut self) {
        let Some(mid) = self.meeting() else { return };
        let who = self.roll(self.people.len());
        let mut body = self.world.request_body(&self.people[who], mid);
        match self.roll(12) {
            0 => body.term = Term(7),
            1 => body.epk = Epk([0; 32]),
            2 => body.npk = Npk([0; 32]),
            3 => body.ivk = Ivk::Ed25519([6; 32]),
            4 => body.mid = MeetingId([200; 32]),
            5 => body.npk = self.world.member(mid, MemberIdx(0)).npk,
            _ => {}
        }
        self.say(who, body);
    }

    /// Whoever leads, most of the time.
    fn leader(&mut self, mid: MeetingId) -> usize {
        if self.roll(10) == 0 {
            return self.roll(self.people.len());
        }
        let leader = self.world.member(mid, self.world.meeting(mid).leader).dev;
        self.people.iter().position(|person| person.dev == leader).unwrap_or_default()
    }

    fn record(&mut self) {
        let Some(mid) = self.meeting() else { return };
        if self.roll(4) > 0 {
            self.world.wait(1);
        }
        let meeting = self.world.meeting(mid);
        let (mut added, mut removed) = (Vec::new(), Vec::new());
        let roster = self.world.roster(mid).roster;
        for idx in (0..meeting.next_idx.0).map(MemberIdx) {
            let member = self.world.member(mid, idx);
            let status = member.status_at(&self.world.rules.params, self.world.at.time);
            match (status, roster.contains(idx), self.roll(6)) {
                (Some(MemberStatus::Left), true, 1..) => removed.push(removal(idx, Reason::Left)),
                (Some(MemberStatus::Requested), false, 0) => {
                    removed.push(removal(idx, Reason::Banned));
                }
                (Some(MemberStatus::Requested), false, _) => added.push(idx),
                (_, true, 0) if idx.0 > 0 => {
                    let reasons =
                        [Reason::Kicked, Reason::Banned, Reason::TimedOut, Reason::Revoked];
                    removed.push(removal(idx, reasons[self.roll(4)]));
                }
                (_, false, 0) if self.roll(8) == 0 => added.push(idx),
                _ => {}
            }
        }
        let mut body = self.world.record(mid, &added, &removed);
        let banned = self.people.iter().map(|person| person.user);
        let banned: Vec<_> =
            banned.filter(|user| self.world.state.contains_key(&Key::Ban(mid, *user))).collect();
        if self.roll(4) == 0 {
            body.unbanned = codec::Set::new(banned).unwrap();
        }
        match self.roll(20) {
            0 => body.epoch = body.epoch.next(),
            1 => body.prev = Digest([1; 32]),
            2 => body.mk_commit = meeting.mk_commit,
            3 => body.roster_hash = Digest([2; 32]),
            4 => body.added = codec::Set::new([MemberIdx(0)]).unwrap(),
            5 => body.roster = Roster::default(),
            6 => body.unbanned = codec::Set::new([UserId([5; 32])]).unwrap(),
            7 => body.term = Term(3),
            _ => {}
        }
        let who = self.leader(mid);
        self.say(who, body);
    }

    fn heartbeat(&mut self) {
        let Some(mid) = self.meeting() else { return };
        let MeetingRecord { term, epoch, .. } = self.world.meeting(mid);
        let who = self.leader(mid);
        let epoch = if self.roll(8) == 0 { epoch.next() } else { epoch };
        self.say(who, Heartbeat { mid, term, epoch });
    }

    /// A seat of the meeting and who holds it, mostly.
    fn seat(&mut self, mid: MeetingId) -> (MemberIdx, usize) {
        let next = usize::from(self.world.meeting(mid).next_idx.0);
        let idx = MemberIdx(u16::try_from(self.roll(next)).unwrap());
        let dev = self.world.member(mid, idx).dev;
        let who = self.people.iter().position(|person| person.dev == dev).unwrap_or_default();
        (idx, if self.roll(12) == 0 { self.roll(self.people.len()) } else { who })
    }

    fn claim(&mut self) {
        let Some(mid) = self.meeting() else { return };
        let meeting = self.world.meeting(mid);
        let (mut idx, mut who) = self.seat(mid);
        // Mostly one of those who may, when they may.
        let roster = self.world.roster(mid).roster;
        let others: Vec<_> = roster.iter().filter(|idx| *idx != meeting.leader).collect();
        if let Some(other) = others.get(self.roll(others.len().max(1) * 4) / 3) {
            let dev = self.world.member(mid, *other).dev;
            idx = *other;
            who = self.people.iter().position(|person| person.dev == dev).unwrap_or(who);
        }
        if self.roll(3) == 0 {
            self.world.wait(61);
        }
        let rules = [Succession::Time, Succession::Time, Succession::Appoint, Succession::Vote];
        let rule = rules[self.roll(4)];
        let mut body = LeaderReassign {
            mid,
            term: if self.roll(12) == 0 { Term(9) } else { meeting.term },
            rule,
            prev_ivk: self.world.member(mid, meeting.leader).ivk,
            idx,
            ivk: self.people[who].signer.ivk(),
            epk: Epk([if self.roll(12) == 0 { 0 } else { 70 }; 32]),
            absent: codec::Set::default(),
        };
        match self.roll(12) {
            0 => body.prev_ivk = Ivk::Ed25519([6; 32]),
            1 => body.ivk = Ivk::Ed25519([7; 32]),
            _ => {}
        }
        if rule == Succession::Time && self.roll(2) == 0 || self.roll(20) == 0 {
            let ago = self.roll(8) * self.roll(3);
            let at = Seconds(self.world.at.time.0 - u64::try_from(ago).unwrap());
            let roster = self.world.roster(mid).roster;
            let absent: Vec<_> = roster.iter().map(|idx| self.absence(mid, idx, at)).collect();
            body.absent = codec::Set::new(absent).unwrap();
        }
        if rule == Succession::Vote {
            for voter in self.world.roster(mid).roster.iter().collect::<Vec<_>>() {
                let dev = self.world.member(mid, voter).dev;
                let who = self.people.iter().position(|person| person.dev == dev);
                let vote = VoteLeader { mid, term: meeting.term, idx: voter, candidate: idx };
                if self.roll(4) > 0 {
                    self.say(who.unwrap_or_default(), vote);
                }
            }
        }
        if rule == Succession::Appoint {
            let chain = self.world.rules.chain_id;
            let leader = self.leader(mid);
            let word = body.handover_message();
            let word = self.people[leader].signer.sign(Context::Handover, &chain, &word);
            let tx = self.world.tx(&self.people[who], body);
            let tx = if self.roll(8) == 0 { tx } else { tx.with(Role::Handover, word) };
            return self.run(&tx);
        }
        self.say(who, body);
    }

    fn absence(&self, mid: MeetingId, idx: MemberIdx, at: Seconds) -> Absence {
        let npk = self.world.member(mid, idx).npk;
        let mut seeds = (0..=255).map(|seed| Ed25519Signer::from_seed(&[seed; 32]));
        let signer = seeds.find(|signer| signer.npk() == npk).unwrap();
        let meeting = self.world.meeting(mid);
        let word = absence_message(&mid, &meeting, idx, at);
        let sig = signer.sign(Context::Absent, &self.world.rules.chain_id, &word);
        Absence { idx, at, sig }
    }

    fn vote(&mut self) {
        let Some(mid) = self.meeting() else { return };
        let term = self.world.meeting(mid).term;
        let (candidate, _) = self.seat(mid);
        for _ in 0..self.roll(4) {
            let (idx, who) = self.seat(mid);
            let term = if self.roll(12) == 0 { Term(9) } else { term };
            self.say(who, VoteLeader { mid, term, idx, candidate });
        }
    }

    fn keys_or_door(&mut self) {
        let Some(mid) = self.meeting() else { return };
        let (idx, who) = self.seat(mid);
        if self.roll(2) == 0 {
            let epk = Epk([if self.roll(8) == 0 { 0 } else { 71 }; 32]);
            return self.say(who, RefreshKeys { mid, idx, epk, ek_hash: [3; 32] });
        }
        let term = self.world.meeting(mid).term;
        let (leader, locked) = (self.leader(mid), self.roll(3) == 0);
        let auto_admit = AutoAdmit::Invited;
        self.say(leader, MeetingPolicy { mid, term, auto_admit, locked });
    }

    fn dismiss(&mut self) {
        let Some(mid) = self.meeting() else { return };
        let MeetingRecord { term, epoch, .. } = self.world.meeting(mid);
        let who = self.leader(mid);
        self.say(who, MeetingDismiss { mid, term, epoch });
    }

    fn leave(&mut self) {
        let Some(mid) = self.meeting() else { return };
        let next = usize::from(self.world.meeting(mid).next_idx.0);
        let idx = MemberIdx(u16::try_from(self.roll(next + 1)).unwrap());
        let dev = match self.world.state.get(&Key::Member(mid, idx)) {
            Some(Record::Member(member)) => member.dev,
            _ => self.people[0].dev,
        };
        let who = self.people.iter().position(|person| person.dev == dev).unwrap_or_default();
        let who = if self.roll(6) == 0 { self.roll(self.people.len()) } else { who };
        self.say(who, MeetingLeave { mid, idx });
    }
}
