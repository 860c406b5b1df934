//! A small network held in memory: people, their keys, and a chain that takes their transactions.

use std::{collections::BTreeMap, sync::Arc};

use conclave_protocol::{
    meeting::{Policy, Removal, RosterRecord, Suite, roster_hash},
    tx::{CheckError, Role, check_signatures},
    *,
};

/// A chain of one validator and everything written on it.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) rules: Rules,
    pub(crate) state: BTreeMap<Key, Record>,
    pub(crate) at: Position,
    keys: u8,
}

/// A user with one device.
pub(crate) struct Person {
    pub(crate) signer: Arc<dyn Signer>,
    pub(crate) user: UserId,
    pub(crate) dev: DeviceId,
}

pub(crate) fn validator() -> Ed25519Signer {
    Ed25519Signer::from_seed(&[250; 32])
}

pub(crate) fn genesis() -> Genesis {
    Genesis::new("test", 1_700_000_000_000, [validator().validator()], Params::default()).unwrap()
}

impl World {
    pub(crate) fn new() -> Self {
        let at = Position { height: Height(1), index: 0, time: Seconds(1_700_000_000) };
        Self { rules: Rules::from(&genesis()), state: BTreeMap::new(), at, keys: 100 }
    }

    /// A new user, registered; `seed` makes the key.
    pub(crate) fn person(&mut self, seed: u8) -> Person {
        let (person, tx) = self.registration(seed);
        self.run(&tx).unwrap();
        person
    }

    /// A new user and the transaction that would register it.
    pub(crate) fn registration(&self, seed: u8) -> (Person, Tx) {
        self.registration_of(Algorithm::Ed25519, seed)
    }

    /// The same with a key of any algorithm.
    pub(crate) fn registration_of(&self, algorithm: Algorithm, seed: u8) -> (Person, Tx) {
        let signer = key::signer(algorithm, &[seed; 32]);
        let gate = identity::Gate::Sponsor(validator().validator());
        let info = UserInfo::Clear(codec::Text::new("somebody").unwrap());
        let chain = self.rules.chain_id;
        let body = RegisterUser::new(&chain, signer.ivk(), [seed; 16], info, gate);
        let person = Person { signer, user: body.user, dev: body.dev };
        let tx = self.sponsored(&person, body);
        (person, tx)
    }

    /// A registration as its device and the validator sign it.
    pub(crate) fn sponsored(&self, person: &Person, body: RegisterUser) -> Tx {
        let chain = self.rules.chain_id;
        let word = validator().sign(Context::Sponsor, &chain, &body.sponsor_message());
        Tx::new(chain, body.dev, 0, self.at.time.plus(60), body)
            .with(Role::Sponsor, word)
            .sign(&person.signer)
    }

    /// `who` says `body`, all in order.
    pub(crate) fn tx(&self, who: &Person, body: impl Into<Body>) -> Tx {
        let nonce = self.device(who.dev).next_nonce;
        Tx::new(self.rules.chain_id, who.dev, nonce, self.at.time.plus(60), body).sign(&who.signer)
    }

    /// The validator of `signer` says `body`, all in order.
    pub(crate) fn validator_tx(&self, signer: &Ed25519Signer, body: impl Into<Body>) -> Tx {
        let nonce = match self.state.get(&Key::Validator(signer.validator())) {
            Some(Record::Validator(record)) => record.next_nonce,
            _ => 0,
        };
        let expiry = self.at.time.plus(60);
        Tx::by_validator(self.rules.chain_id, signer.validator(), nonce, expiry, body).sign(signer)
    }

    /// A vote for `change` with the number that is next.
    pub(crate) fn ballot(&self, change: ValidatorChange) -> ValidatorVote {
        let seq = match self.state.get(&Key::ValidatorSet) {
            Some(Record::ValidatorSet(set)) => set.changes,
            _ => 0,
        };
        ValidatorVote { seq, change }
    }

    /// `who` says `body`, all in order; the answer of the rules.
    pub(crate) fn say(
        &mut self,
        who: &Person,
        body: impl Into<Body>,
    ) -> Result<Vec<Event>, Refusal> {
        let tx = self.tx(who, body);
        self.run(&tx).map_err(refusal)
    }

    /// Signatures, rules, writes.
    pub(crate) fn run(&mut self, tx: &Tx) -> Result<Vec<Event>, CheckError> {
        check_signatures(&self.rules, &self.state, tx)?;
        let changes = apply(&self.rules, self.at, &self.state, tx)?;
        for (key, record) in changes.writes {
            match record {
                Some(record) => self.state.insert(key, record),
                None => self.state.remove(&key),
            };
        }
        self.at.index += 1;
        Ok(changes.events)
    }

    /// A new block, so much later.
    pub(crate) fn wait(&mut self, seconds: u64) {
        self.at =
            Position { height: self.at.height.next(), index: 0, time: self.at.time.plus(seconds) };
    }

    /// Number and predecessor of the next change of a user.
    pub(crate) fn next_change(&self, who: &Person) -> (u32, Digest) {
        let user = self.user(who.user);
        (user.seq + 1, user.last_tx)
    }

    /// A further device of `who`, and the change that adds it.
    pub(crate) fn device_body(&self, who: &Person, seed: u8) -> (AddDevice, Person) {
        self.device_body_of(who, Algorithm::Ed25519, seed)
    }

    /// The same with a key of any algorithm.
    pub(crate) fn device_body_of(
        &self,
        who: &Person,
        algorithm: Algorithm,
        seed: u8,
    ) -> (AddDevice, Person) {
        let signer = key::signer(algorithm, &[seed; 32]);
        let (seq, prev) = self.next_change(who);
        let (user, ivk) = (who.user, signer.ivk());
        let dev = identity::device_id(&user, &ivk);
        (AddDevice { user, dev, ivk, seq, prev }, Person { signer, user, dev })
    }

    /// Another key for the device of `who`.
    pub(crate) fn rotate_body(&self, who: &Person, seed: u8) -> (RotateKey, Arc<dyn Signer>) {
        let signer = key::signer(Algorithm::Ed25519, &[seed; 32]);
        let (seq, prev) = self.next_change(who);
        (RotateKey { dev: who.dev, ivk: signer.ivk(), seq, prev }, signer)
    }

    /// The end of one device of the user of `who`.
    pub(crate) fn revoke_body(&self, who: &Person, dev: DeviceId, reason: u8) -> RevokeDevice {
        let (seq, prev) = self.next_change(who);
        RevokeDevice { user: who.user, dev, reason, seq, prev }
    }

    /// The registration of a user with a recovery key, and that key.
    pub(crate) fn recoverable(&mut self, seed: u8) -> (Person, Ed25519Signer) {
        let (person, tx) = self.registration(seed);
        let Body::RegisterUser(body) = tx.body else { panic!() };
        let sheet = Ed25519Signer::from_seed(&[seed + 100; 32]);
        let body = RegisterUser { recovery_ivk: Some(sheet.ivk()), ..body };
        let tx = self.sponsored(&person, body);
        self.run(&tx).unwrap();
        (person, sheet)
    }

    /// A recovery of `who` to a new device; the recovery key stays.
    pub(crate) fn recover_body(&self, who: &Person, seed: u8) -> (Recover, Person) {
        let (AddDevice { user, dev, ivk, seq, prev }, device) = self.device_body(who, seed);
        let recovery_ivk = self.user(user).recovery_ivk;
        (Recover { user, dev, ivk, recovery_ivk, seq, prev }, device)
    }

    /// The recovery as the new device and the recovery key sign it.
    pub(crate) fn recovery(&self, body: &Recover, device: &Person, sheet: &dyn Signer) -> Tx {
        let chain = self.rules.chain_id;
        let proof = body.prove(&chain, &device.signer);
        Tx::new(chain, body.dev, 0, self.at.time.plus(60), body.clone())
            .with(Role::Possession, proof)
            .sign(sheet)
    }

    /// What `who` waits for, called off.
    pub(crate) fn cancel_body(&self, who: &Person, dev: DeviceId) -> Cancel {
        let (seq, prev) = self.next_change(who);
        Cancel { user: who.user, dev, seq, prev }
    }

    /// A name for the user of `who`.
    pub(crate) fn handle_body(&self, who: &Person, name: &str) -> ClaimHandle {
        let (seq, prev) = self.next_change(who);
        ClaimHandle { user: who.user, name: codec::Text::new(name).unwrap(), seq, prev }
    }

    /// Another recovery key for the user of `who`.
    pub(crate) fn recovery_key_body(&self, who: &Person, ivk: Option<Ivk>) -> SetRecoveryKey {
        let (seq, prev) = self.next_change(who);
        SetRecoveryKey { user: who.user, recovery_ivk: ivk, seq, prev }
    }

    /// `who` introduces the key of `signer` by `body`.
    pub(crate) fn introduce(
        &mut self,
        who: &Person,
        body: impl Into<Body>,
        proof: Signature,
    ) -> Result<Vec<Event>, Refusal> {
        let tx = self.tx(who, body).with(Role::Possession, proof);
        self.run(&tx).map_err(refusal)
    }

    /// A further device of `who`, added.
    pub(crate) fn add_device(&mut self, who: &Person, seed: u8) -> Person {
        let (body, device) = self.device_body(who, seed);
        let proof = body.prove(&self.rules.chain_id, &device.signer);
        self.introduce(who, body, proof).unwrap();
        device
    }

    pub(crate) fn publish_body(&mut self, who: &Person, mid: u8) -> PublishMeeting {
        let (epk, npk) = self.fresh_keys();
        PublishMeeting {
            mid: MeetingId([mid; 32]),
            suite: Suite::Hybrid,
            policy: Policy::default(),
            info: UserInfo::Commit([mid; 32]),
            user: who.user,
            dev: who.dev,
            ivk: who.signer.ivk(),
            epk,
            ek_hash: [1; 32],
            npk,
        }
    }

    pub(crate) fn request_body(&mut self, who: &Person, mid: MeetingId) -> MeetingRequest {
        let (epk, npk) = self.fresh_keys();
        MeetingRequest {
            mid,
            user: who.user,
            dev: who.dev,
            ivk: who.signer.ivk(),
            epk,
            ek_hash: [2; 32],
            npk,
            term: Term(1),
        }
    }

    pub(crate) fn fresh_keys(&mut self) -> (Epk, Npk) {
        self.keys += 1;
        let seed = [self.keys; 32];
        (Epk(seed), Ed25519Signer::from_seed(&seed).npk())
    }

    /// A meeting led by `who`.
    pub(crate) fn publish(&mut self, who: &Person) -> MeetingId {
        let body = self.publish_body(who, self.keys);
        self.say(who, body.clone()).unwrap();
        body.mid
    }

    /// `who` asks to join.
    pub(crate) fn ask(&mut self, who: &Person, mid: MeetingId) -> Result<MemberIdx, Refusal> {
        let idx = self.meeting(mid).next_idx;
        let body = self.request_body(who, mid);
        self.say(who, body).map(|_| idx)
    }

    /// The next epoch record, right in every field.
    pub(crate) fn record(
        &self,
        mid: MeetingId,
        added: &[MemberIdx],
        removed: &[Removal],
    ) -> EpochRecord {
        let meeting = self.meeting(mid);
        let gone = removed.iter().map(|removal| removal.idx);
        let roster = self.roster(mid).roster.step(added.iter().copied(), gone).unwrap();
        let members: Vec<_> = roster.iter().map(|idx| (idx, self.member(mid, idx))).collect();
        EpochRecord {
            mid,
            term: meeting.term,
            epoch: meeting.epoch.next(),
            prev: meeting.last_rec,
            roster,
            added: codec::Set::new(added).unwrap(),
            removed: codec::Set::new(removed).unwrap(),
            unbanned: codec::Set::default(),
            mk_commit: Digest::of(&[meeting.mk_commit.as_bytes()]),
            roster_hash: roster_hash(members.iter().map(|(idx, member)| (*idx, member))),
        }
    }

    /// The next epoch record, said by `who` in a block of its own.
    pub(crate) fn advance(
        &mut self,
        who: &Person,
        mid: MeetingId,
        added: &[MemberIdx],
        removed: &[Removal],
    ) -> Result<Vec<Event>, Refusal> {
        self.wait(1);
        let record = self.record(mid, added, removed);
        self.say(who, record)
    }

    pub(crate) fn heartbeat(&mut self, who: &Person, mid: MeetingId) -> Result<(), Refusal> {
        let MeetingRecord { term, epoch, .. } = self.meeting(mid);
        self.say(who, Heartbeat { mid, term, epoch }).map(drop)
    }

    pub(crate) fn dismiss(&mut self, who: &Person, mid: MeetingId) -> Result<(), Refusal> {
        let MeetingRecord { term, epoch, .. } = self.meeting(mid);
        self.say(who, MeetingDismiss { mid, term, epoch }).map(drop)
    }

    pub(crate) fn leave(
        &mut self,
        who: &Person,
        mid: MeetingId,
        idx: MemberIdx,
    ) -> Result<(), Refusal> {
        self.say(who, MeetingLeave { mid, idx }).map(drop)
    }

    pub(crate) fn device(&self, dev: DeviceId) -> DeviceRecord {
        match self.state.get(&Key::Device(dev)) {
            Some(Record::Device(device)) => device.clone(),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn user(&self, user: UserId) -> UserRecord {
        match self.state.get(&Key::User(user)) {
            Some(Record::User(user)) => user.clone(),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn meeting(&self, mid: MeetingId) -> MeetingRecord {
        match self.state.get(&Key::Meeting(mid)) {
            Some(Record::Meeting(meeting)) => meeting.clone(),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn member(&self, mid: MeetingId, idx: MemberIdx) -> MemberRecord {
        match self.state.get(&Key::Member(mid, idx)) {
            Some(Record::Member(member)) => member.clone(),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn roster(&self, mid: MeetingId) -> RosterRecord {
        match self.state.get(&Key::Roster(mid)) {
            Some(Record::Roster(roster)) => roster.clone(),
            other => panic!("{other:?}"),
        }
    }
}

/// The rule that refused; anything else is a fault of the test.
pub(crate) fn refusal(error: CheckError) -> Refusal {
    match error {
        CheckError::State(ApplyError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn removal(idx: MemberIdx, reason: meeting::Reason) -> Removal {
    Removal { idx, reason }
}
