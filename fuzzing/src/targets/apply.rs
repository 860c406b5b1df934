//! Transactions of any kind and content by registered devices, one after the other, against one
//! state: the rules refuse or change it, and whatever they write fits and is canonical.

use std::{collections::BTreeMap, sync::LazyLock};

use conclave_protocol::{
    AddDevice, Body, Cancel, ClaimHandle, DeviceId, DeviceRecord, Digest, Ed448Signer,
    Ed25519Signer, EpochRecord, Genesis, Height, Key, MeetingId, MeetingRecord, MemberIdx,
    MemberRecord, Params, Position, Record, Recover, RegisterUser, RevokeDevice, Rules, Seconds,
    Secp256k1Signer, SetRecoveryKey, Signer, Tx, UpdateInfo, UserInfo, UserRecord, ValidatorChange,
    apply,
    codec::Text,
    encode,
    identity::{Gate, device_id},
    meeting::roster_hash,
    next_nonce,
    params::MAX_VALIDATORS,
    state::MAX_RECORD,
    validators_after, validators_at,
};

use super::canonical;

/// Runs a list of them: who, seconds passed, length, transaction.
pub(super) fn run(bytes: &[u8]) {
    let mut world = FIRST.clone();
    let (mut now, mut height, mut rest) = (START, 2, bytes);
    while let Some(([who, passed, high, low], tail)) = rest.split_first_chunk::<4>() {
        let len = usize::from(u16::from_be_bytes([*high, *low])).min(tail.len());
        let (tx, tail) = tail.split_at(len);
        rest = tail;
        (now, height) = (now + u64::from(*passed), height + 1);
        let Ok(mut tx) = Tx::decode(tx) else { continue };
        let at = Position { height: Height(height), index: 0, time: Seconds(now) };
        if who & 128 == 0 {
            world.correct(&mut tx, *who, at);
        }
        world.execute(&tx, at);
        world.check_validators(at.height);
    }
}

/// Keys of some algorithms take long to check.
static FIRST: LazyLock<World> = LazyLock::new(World::new);

#[derive(Clone)]
struct World {
    rules: Rules,
    state: BTreeMap<Key, Record>,
    devices: Vec<DeviceId>,
}

impl World {
    /// Users with keys of every algorithm; one of them has a recovery key.
    fn new() -> Self {
        let sponsor = Ed25519Signer::from_seed(&[77; 32]).validator();
        // What waits can come to pass in one run, validators change, and meetings leave the state.
        let params =
            Params { junior_delay: 60, epoch_blocks: 3, retention: 60, ..Params::default() };
        let genesis = Genesis::new("fuzz", 1, vec![sponsor], params).unwrap();
        let rules = Rules::from(&genesis);
        let mut world = Self { rules, state: BTreeMap::new(), devices: Vec::new() };
        for n in 0..USERS {
            let ivk = signer(n).ivk();
            let info = UserInfo::Clear(Text::new("somebody").unwrap());
            let chain = world.rules.chain_id;
            let mut body = RegisterUser::new(&chain, ivk, [n; 16], info, Gate::Sponsor(sponsor));
            body.recovery_ivk = (n == 1).then(|| Ed448Signer::from_seed(&[78; 32]).ivk());
            let tx = Tx::new(chain, body.dev, 0, Seconds(START), body);
            assert!(
                world.execute(&tx, Position { height: Height(1), index: 0, time: Seconds(START) })
            );
        }
        world
    }

    /// Returns whether it was taken.
    fn execute(&mut self, tx: &Tx, at: Position) -> bool {
        let Ok(changes) = apply(&self.rules, at, &self.state, tx) else {
            return false;
        };
        for (key, record) in changes.writes {
            assert!(canonical::<Key>(&encode(&key)).is_some(), "{key:?} is not read");
            let Some(record) = record else {
                self.state.remove(&key);
                continue;
            };
            let bytes = encode(&record);
            assert!(bytes.len() <= MAX_RECORD, "{key:?} has {} bytes", bytes.len());
            assert!(canonical::<Record>(&bytes).is_some(), "{record:?} is not read");
            if let Key::Device(dev) = key
                && !self.devices.contains(&dev)
            {
                self.devices.push(dev);
            }
            self.state.insert(key, record);
        }
        true
    }

    /// The envelope is right, what must name the present state names it, and meetings that do not
    /// exist become the one that does.
    fn correct(&self, tx: &mut Tx, who: u8, at: Position) {
        (tx.chain_id, tx.expiry) = (self.rules.chain_id, at.time);
        if tx.validator().is_some() {
            return self.correct_vote(tx, who, at.height);
        }
        let dev = self.pick(who);
        let Some((device, user)) = self.owner(dev) else { return };
        if !matches!(tx.body, Body::RegisterUser(_)) {
            (tx.signer, tx.nonce) = (dev, device.next_nonce);
        }
        match &mut tx.body {
            Body::AddDevice(body) => body.dev = device_id(&device.user, &body.ivk),
            Body::Recover(body) => {
                body.dev = device_id(&device.user, &body.ivk);
                (tx.signer, tx.nonce) = (body.dev, 0);
            }
            Body::RevokeDevice(RevokeDevice { dev, .. }) | Body::Cancel(Cancel { dev, .. })
                if !self.devices.contains(dev) =>
            {
                *dev = self.pick(dev.0[0]);
            }
            Body::RotateKey(body) => {
                (body.dev, body.seq, body.prev) = (dev, user.seq.saturating_add(1), user.last_tx);
            }
            _ => {}
        }
        match &mut tx.body {
            Body::AddDevice(AddDevice { user: id, seq, prev, .. })
            | Body::Cancel(Cancel { user: id, seq, prev, .. })
            | Body::ClaimHandle(ClaimHandle { user: id, seq, prev, .. })
            | Body::Recover(Recover { user: id, seq, prev, .. })
            | Body::RevokeDevice(RevokeDevice { user: id, seq, prev, .. })
            | Body::SetRecoveryKey(SetRecoveryKey { user: id, seq, prev, .. })
            | Body::UpdateInfo(UpdateInfo { user: id, seq, prev, .. }) => {
                (*id, *seq, *prev) = (device.user, user.seq.saturating_add(1), user.last_tx);
            }
            Body::PublishMeeting(body) => {
                (body.mid, body.user, body.dev, body.ivk) = (MID, device.user, dev, device.ivk);
            }
            Body::MeetingRequest(body) => {
                (body.mid, body.user, body.dev, body.ivk) = (MID, device.user, dev, device.ivk);
            }
            Body::MeetingLeave(body) => body.mid = MID,
            Body::RefreshKeys(body) => body.mid = MID,
            _ => {}
        }
        let Some(Record::Meeting(meeting)) = self.state.get(&Key::Meeting(MID)) else { return };
        self.correct_term(&mut tx.body, device, meeting);
    }

    /// The signer seals blocks, and what it would have out is one that does.
    fn correct_vote(&self, tx: &mut Tx, who: u8, height: Height) {
        let set = validators_at(&self.rules, &self.state, height).unwrap();
        let pick = |number: u8| set[usize::from(number) % set.len()];
        tx.signer = DeviceId(pick(who).0);
        tx.nonce = next_nonce(&self.state, tx).unwrap().unwrap();
        let Body::ValidatorVote(body) = &mut tx.body else { return };
        body.seq = match self.state.get(&Key::ValidatorSet) {
            Some(Record::ValidatorSet(set)) => set.changes,
            _ => 0,
        };
        if let ValidatorChange::Remove(out) | ValidatorChange::Replace(out, ..) = &mut body.change
            && !set.contains(out)
        {
            *out = pick(out.0[0]);
        }
    }

    /// There is always somebody to make blocks, named once each and in order.
    fn check_validators(&self, height: Height) {
        for set in [
            validators_at(&self.rules, &self.state, height).unwrap(),
            validators_after(&self.rules, &self.state, height).unwrap(),
        ] {
            assert!(!set.is_empty() && set.len() <= MAX_VALIDATORS, "{} validators", set.len());
            assert!(set.is_sorted_by(|a, b| a < b), "{set:?}");
        }
    }

    /// The same for whatever names a term of the meeting.
    fn correct_term(&self, body: &mut Body, device: &DeviceRecord, meeting: &MeetingRecord) {
        match body {
            Body::EpochRecord(body) => {
                (body.mid, body.prev, body.term) = (MID, meeting.last_rec, meeting.term);
                body.roster_hash = self.roster_hash(body);
            }
            Body::Heartbeat(body) => (body.mid, body.term) = (MID, meeting.term),
            Body::LeaderReassign(body) => {
                (body.mid, body.term, body.ivk) = (MID, meeting.term, device.ivk);
                if let Some(leader) = self.member(meeting.leader) {
                    body.prev_ivk = leader.ivk;
                }
            }
            Body::MeetingDismiss(body) => (body.mid, body.term) = (MID, meeting.term),
            Body::MeetingPolicy(body) => (body.mid, body.term) = (MID, meeting.term),
            Body::MeetingRequest(body) => body.term = meeting.term,
            Body::PruneMeeting(body) => (body.mid, body.next) = (MID, meeting.next_idx),
            Body::VoteLeader(body) => (body.mid, body.term) = (MID, meeting.term),
            _ => {}
        }
    }

    fn roster_hash(&self, record: &EpochRecord) -> Digest {
        let members = record.roster.iter();
        roster_hash(members.filter_map(|idx| self.member(idx).map(|member| (idx, member))))
    }

    fn member(&self, idx: MemberIdx) -> Option<&MemberRecord> {
        match self.state.get(&Key::Member(MID, idx)) {
            Some(Record::Member(member)) => Some(member),
            _ => None,
        }
    }

    fn owner(&self, dev: DeviceId) -> Option<(&DeviceRecord, &UserRecord)> {
        let Some(Record::Device(device)) = self.state.get(&Key::Device(dev)) else { return None };
        let Some(Record::User(user)) = self.state.get(&Key::User(device.user)) else { return None };
        Some((device, user))
    }

    fn pick(&self, who: u8) -> DeviceId {
        self.devices[usize::from(who) % self.devices.len()]
    }
}

fn signer(n: u8) -> Box<dyn Signer> {
    match n {
        2 => Box::new(Secp256k1Signer::from_seed(&[n; 32])),
        3 => Box::new(Ed448Signer::from_seed(&[n; 32])),
        _ => Box::new(Ed25519Signer::from_seed(&[n; 32])),
    }
}

const USERS: u8 = 4;
const START: u64 = 1_000;
const MID: MeetingId = MeetingId([42; 32]);
