//! A ledger of one node: the real rules, no consensus.

use std::collections::BTreeMap;

use conclave_meeting::session::{BearerView, Freshness, MeetingView, MemberView};
use conclave_protocol::{
    Body, Context, DeviceId, Digest, Ed25519Signer, Genesis, Height, Key, MeetingId, MemberIdx,
    Params, Position, Record, RegisterUser, Rules, Seconds, Signature, Signer, Tx, UserId,
    UserInfo, apply,
    codec::Text,
    identity::Gate,
    meeting::{Roster, VoteRecord},
    tx::{Role, check_signatures},
};

/// Seconds of chain time at the start.
const START: u64 = 1_000;

/// Signatures of others that go with a body.
pub(crate) type Others = Vec<(Role, Signature)>;

pub(crate) struct Ledger {
    rules: Rules,
    sponsor: Ed25519Signer,
    state: BTreeMap<Key, Record>,
    height: u64,
    /// Transactions refused, with the reason.
    pub(crate) refused: Vec<String>,
}

impl Ledger {
    pub(crate) fn new() -> Self {
        Self::with(Params::default())
    }

    pub(crate) fn with(params: Params) -> Self {
        let sponsor = Ed25519Signer::from_seed(&[77; 32]);
        let validators = vec![sponsor.validator()];
        let genesis = Genesis::new("test", 1, validators, params).unwrap();
        let rules = Rules::from(&genesis);
        Self { rules, sponsor, state: BTreeMap::new(), height: 1, refused: Vec::new() }
    }

    pub(crate) const fn rules(&self) -> &Rules {
        &self.rules
    }

    pub(crate) fn register(&mut self, signer: &Ed25519Signer, name: &str) -> (UserId, DeviceId) {
        let chain = &self.rules.chain_id;
        let info = UserInfo::Clear(Text::new(name).unwrap());
        let gate = Gate::Sponsor(self.sponsor.validator());
        let body = RegisterUser::new(chain, signer.ivk(), [1; 16], info, gate);
        let word = self.sponsor.sign(Context::Sponsor, chain, &body.sponsor_message());
        let (user, dev) = (body.user, body.dev);
        let tx = Tx::new(*chain, dev, 0, Seconds(START + 60), body);
        self.execute(&tx.with(Role::Sponsor, word).sign(signer), 0, 0).unwrap();
        (user, dev)
    }

    /// Signs and executes the bodies as one block at `now_ms`; `Err` holds the reason.
    pub(crate) fn block(
        &mut self,
        now_ms: u64,
        bodies: Vec<(&Ed25519Signer, DeviceId, Body, Others)>,
    ) -> Vec<Result<(), String>> {
        self.height += 1;
        let mut results = Vec::new();
        for (index, (signer, dev, body, others)) in bodies.into_iter().enumerate() {
            let Some(Record::Device(device)) = self.state.get(&Key::Device(dev)) else {
                panic!("unknown device")
            };
            let expiry = Seconds(START + now_ms / 1_000 + 60);
            let tx = Tx::new(self.rules.chain_id, dev, device.next_nonce, expiry, body);
            let tx = others.into_iter().fold(tx.sign(signer), |tx, (role, sig)| tx.with(role, sig));
            results.push(self.execute(&tx, now_ms, u32::try_from(index).unwrap()));
        }
        results
    }

    fn execute(&mut self, tx: &Tx, now_ms: u64, index: u32) -> Result<(), String> {
        let time = Seconds(START + now_ms / 1_000);
        let at = Position { height: Height(self.height), index, time };
        check_signatures(&self.rules, &self.state, tx).map_err(|error| error.to_string())?;
        match apply(&self.rules, at, &self.state, tx) {
            Ok(changes) => {
                for (key, record) in changes.writes {
                    match record {
                        Some(record) => self.state.insert(key, record),
                        None => self.state.remove(&key),
                    };
                }
                Ok(())
            }
            Err(error) => {
                let reason = format!("{:?}: {error}", tx.kind());
                self.refused.push(reason.clone());
                Err(reason)
            }
        }
    }

    pub(crate) fn view(&self, mid: MeetingId, now_ms: u64) -> MeetingView {
        let meeting = match self.state.get(&Key::Meeting(mid)) {
            Some(Record::Meeting(meeting)) => Some(meeting.clone()),
            _ => None,
        };
        let roster = match self.state.get(&Key::Roster(mid)) {
            Some(Record::Roster(record)) => record.roster.clone(),
            _ => Roster::default(),
        };
        let next = meeting.as_ref().map_or(0, |meeting| meeting.next_idx.0);
        MeetingView {
            height: Height(self.height),
            header: Digest::of(&[&self.height.to_be_bytes()]),
            time: Seconds(START + now_ms / 1_000),
            freshness: Freshness::Fresh,
            roster,
            votes: self.votes(mid),
            bearers: BTreeMap::new(),
            members: (0..next).map(MemberIdx).map(|idx| (idx, self.member(mid, idx))).collect(),
            meeting,
        }
    }

    fn votes(&self, mid: MeetingId) -> BTreeMap<UserId, VoteRecord> {
        let votes = self.state.iter().filter_map(|(key, record)| match (key, record) {
            (Key::Vote(of, user), Record::Vote(vote)) if *of == mid => Some((*user, *vote)),
            _ => None,
        });
        votes.collect()
    }

    pub(crate) fn record(&self, key: &Key) -> Option<Record> {
        self.state.get(key).cloned()
    }

    pub(crate) fn bearer(&self, dev: DeviceId) -> Option<BearerView> {
        let Some(Record::Device(device)) = self.state.get(&Key::Device(dev)) else { return None };
        let Some(Record::User(user)) = self.state.get(&Key::User(device.user)) else { return None };
        Some(BearerView { device: device.clone(), user: user.clone(), info: None })
    }

    fn member(&self, mid: MeetingId, idx: MemberIdx) -> MemberView {
        let Some(Record::Member(member)) = self.state.get(&Key::Member(mid, idx)).cloned() else {
            panic!("the ledger lost a member")
        };
        let device = match self.state.get(&Key::Device(member.dev)) {
            Some(Record::Device(device)) => Some(device.clone()),
            _ => None,
        };
        let user = match self.state.get(&Key::User(member.user)) {
            Some(Record::User(user)) => Some(user.clone()),
            _ => None,
        };
        let banned = self.state.contains_key(&Key::Ban(mid, member.user));
        MemberView { member, device, user, info: None, banned }
    }
}
