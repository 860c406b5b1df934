//! Devices, the network between them, and the clock. Everything follows from one seed.

mod net;
mod pace;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;
use conclave_meeting::{
    key::{Commitment, StreamKind},
    media::StreamNo,
    session::{
        Behind, Command, Config, Event, Freshness, Input, Invited, MeetingView, NewMeeting,
        Session, SubmitId,
    },
    time::Millis,
    wire::{Address, Name},
};
use conclave_protocol::{
    AddDevice, Body, DeviceId, Digest, Ed25519Signer, Epoch, Key, MeetingId, MemberIdx, Npk,
    Record, RevokeDevice, Signer, Term, UserId, UserInfo,
    identity::{DeviceStatus, device_id},
    invite::InviteSecret,
    meeting::Policy,
    tx::Role,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;

use crate::ledger::{Ledger, Others};

pub(crate) const MID: MeetingId = MeetingId([42; 32]);
pub(crate) const SECRET: [u8; 16] = [7; 16];
const BLOCK: u64 = 400;

/// How bad the network is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Net {
    pub(crate) loss: f64,
    pub(crate) duplicate: f64,
    /// Longest delay of a datagram in milliseconds; the shortest is 1.
    pub(crate) jitter: u64,
}

impl Net {
    pub(crate) const GOOD: Self = Self { loss: 0.0, duplicate: 0.0, jitter: 5 };
    pub(crate) const BAD: Self = Self { loss: 0.05, duplicate: 0.05, jitter: 30 };
}

pub(crate) struct Device {
    pub(crate) session: Option<Session>,
    pub(crate) signer: Arc<Ed25519Signer>,
    pub(crate) user: UserId,
    pub(crate) dev: DeviceId,
    /// Whoever bears the persona that this device asks as.
    pub(crate) behind: Option<Behind>,
    /// The identity key behind it.
    pub(crate) real: Option<Arc<Ed25519Signer>>,
    /// Devices it wants to be told of.
    watched: BTreeSet<DeviceId>,
    pub(crate) events: Vec<(u64, Event)>,
    /// Units that arrived: sender, stream, sequence number.
    pub(crate) heard: BTreeMap<(MemberIdx, StreamNo), Vec<u16>>,
    pub(crate) keyframes: usize,
    allowed: BTreeSet<Npk>,
    links: BTreeSet<usize>,
    tick: Option<Millis>,
    rng: ChaCha20Rng,
    stream: Option<StreamNo>,
    /// Units sent: sequence number and time.
    pub(crate) sent: Vec<(u16, u64)>,
}

/// One sealed packet as it left a device.
pub(crate) struct Captured {
    pub(crate) at: u64,
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) bytes: Bytes,
}

pub(crate) struct World {
    pub(crate) now: u64,
    pub(crate) ledger: Ledger,
    pub(crate) devices: Vec<Device>,
    pub(crate) captured: Vec<Captured>,
    /// What happened, without anything that came from the library's own random source.
    pub(crate) trace: Vec<String>,
    /// Reliable messages that were sent: from, to, bytes.
    pub(crate) messages: Vec<(usize, usize, Vec<u8>)>,
    /// Whether reliable messages are kept from arriving.
    pub(crate) hold: bool,
    /// Devices that do nothing: no ticks, no inputs, no outputs.
    asleep: BTreeSet<usize>,
    /// Pairs between which no link can stand.
    apart: BTreeSet<(usize, usize)>,
    /// Whether all views of the ledger are too old.
    pub(crate) stale: bool,
    /// Records of epochs that the ledger refuses from here on.
    pub(crate) refuses: usize,
    /// Devices that go on as if they had not been revoked.
    pub(crate) brazen: BTreeSet<usize>,
    /// How often a device came to another address.
    houses: BTreeMap<usize, u8>,
    /// Since when the ledger stands still.
    stalled: Option<u64>,
    net: Net,
    rng: ChaCha20Rng,
    queue: BTreeMap<(u64, u64), (usize, Input)>,
    serial: u64,
    fifo: BTreeMap<(usize, usize), u64>,
    mempool: Vec<(usize, SubmitId, Body, Others)>,
    next_block: u64,
}

impl World {
    pub(crate) fn new(seed: u64, count: usize, net: Net) -> Self {
        Self::on(Ledger::new(), seed, count, net)
    }

    /// The same on a ledger of one's own.
    pub(crate) fn on(mut ledger: Ledger, seed: u64, count: usize, net: Net) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let devices = (0..count)
            .map(|n| {
                let mut key = [0; 32];
                rng.fill_bytes(&mut key);
                let signer = Arc::new(Ed25519Signer::from_seed(&key));
                let (user, dev) = ledger.register(&signer, &format!("device {n}"));
                Device {
                    session: None,
                    signer,
                    user,
                    dev,
                    behind: None,
                    real: None,
                    watched: BTreeSet::new(),
                    events: Vec::new(),
                    heard: BTreeMap::new(),
                    keyframes: 0,
                    allowed: BTreeSet::new(),
                    links: BTreeSet::new(),
                    tick: None,
                    rng: ChaCha20Rng::seed_from_u64(rng.next_u64()),
                    stream: None,
                    sent: Vec::new(),
                }
            })
            .collect();
        Self {
            now: 0,
            ledger,
            devices,
            captured: Vec::new(),
            trace: Vec::new(),
            messages: Vec::new(),
            hold: false,
            asleep: BTreeSet::new(),
            apart: BTreeSet::new(),
            stale: false,
            refuses: 0,
            brazen: BTreeSet::new(),
            houses: BTreeMap::new(),
            stalled: None,
            net,
            rng,
            queue: BTreeMap::new(),
            serial: 0,
            fifo: BTreeMap::new(),
            mempool: Vec::new(),
            next_block: BLOCK,
        }
    }

    /// A meeting led by device 0 with devices `1..n` in it.
    pub(crate) fn meeting(seed: u64, count: usize, members: usize, net: Net) -> Self {
        Self::meeting_on(Ledger::new(), seed, (count, members), net)
    }

    /// The same on a ledger of one's own.
    pub(crate) fn meeting_on(
        ledger: Ledger,
        seed: u64,
        (count, members): (usize, usize),
        net: Net,
    ) -> Self {
        let mut world = Self::on(ledger, seed, count, net);
        world.begin(members);
        world.run(6_000);
        world
    }

    /// A meeting at the moment everyone is let in.
    pub(crate) fn begun(seed: u64, count: usize, members: usize, net: Net) -> Self {
        let mut world = Self::new(seed, count, net);
        world.begin(members);
        world
    }

    fn begin(&mut self, members: usize) {
        self.lead();
        self.run(1_000);
        for device in 1..members {
            self.join(device);
        }
        self.run(2_000);
        for device in 1..members {
            self.admit(device);
        }
    }

    fn config(&self, device: usize) -> Config {
        let Device { signer, user, dev, behind, .. } = &self.devices[device];
        let rules = self.ledger.rules();
        Config {
            chain_id: rules.chain_id,
            params: rules.params,
            user: *user,
            dev: *dev,
            signer: Arc::<Ed25519Signer>::clone(signer),
            name: Name::new(&format!("device {device}")).unwrap(),
            opening: None,
            behind: behind.clone(),
        }
    }

    pub(crate) fn lead(&mut self) {
        self.lead_with(Policy::default());
    }

    pub(crate) fn lead_with(&mut self, policy: Policy) {
        let config = self.config(0);
        let meeting = NewMeeting {
            mid: MID,
            info: UserInfo::Commit([0; 32]),
            policy,
            invite_secret: InviteSecret::new(SECRET),
        };
        let now = Millis(self.now);
        let rng = &mut self.devices[0].rng;
        let session = Session::lead(config, meeting, Address::default(), now, rng).unwrap();
        self.devices[0].session = Some(session);
        self.arrive(0);
    }

    /// The links of a device say where it is, as soon as there are any.
    fn arrive(&mut self, device: usize) {
        self.give(device, Input::OwnAddress(self.home(device).as_slice().to_vec()));
    }

    pub(crate) fn join(&mut self, device: usize) {
        self.join_with(device, InviteSecret::new(SECRET));
    }

    pub(crate) fn join_with(&mut self, device: usize, invite_secret: InviteSecret) {
        let nodes = vec![(self.npk(0), self.home(0))];
        self.join_by(device, Invited { mid: MID, invite_secret, nodes });
    }

    pub(crate) fn join_by(&mut self, device: usize, invited: Invited) {
        let config = self.config(device);
        let now = Millis(self.now);
        let rng = &mut self.devices[device].rng;
        let session = Session::join(config, invited, Address::default(), now, rng).unwrap();
        self.devices[device].session = Some(session);
        self.arrive(device);
    }

    pub(crate) fn session(&self, device: usize) -> &Session {
        self.devices[device].session.as_ref().unwrap()
    }

    pub(crate) fn idx(&self, device: usize) -> MemberIdx {
        self.session(device).me().unwrap()
    }

    pub(crate) fn admit(&mut self, device: usize) {
        self.admit_by(0, device);
    }

    pub(crate) fn admit_by(&mut self, leader: usize, device: usize) {
        let idx = self.idx(device);
        self.command(leader, Command::Admit { idx });
    }

    pub(crate) fn kick(&mut self, device: usize) {
        self.kick_by(0, device);
    }

    pub(crate) fn kick_by(&mut self, leader: usize, device: usize) {
        let idx = self.idx(device);
        self.command(leader, Command::Kick { idx, ban: false });
    }

    pub(crate) fn command(&mut self, device: usize, command: Command) {
        self.try_command(device, command).unwrap();
    }

    pub(crate) fn try_command(
        &mut self,
        device: usize,
        command: Command,
    ) -> Result<(), conclave_meeting::session::CommandError> {
        let Device { session, rng, .. } = &mut self.devices[device];
        let result = session.as_mut().unwrap().command(command, Millis(self.now), rng);
        self.drain(device);
        result
    }

    pub(crate) fn open_stream(&mut self, device: usize) -> StreamNo {
        let session = self.devices[device].session.as_mut().unwrap();
        let stream = session.open_stream(StreamKind::Video, Millis(self.now)).unwrap();
        self.devices[device].stream = Some(stream);
        self.drain(device);
        stream
    }

    /// Sends one unit of `size` bytes; returns whether it was sealed.
    pub(crate) fn send_unit(&mut self, device: usize, size: usize) -> bool {
        let Device { session, stream, sent, .. } = &mut self.devices[device];
        let (Some(session), Some(stream)) = (session.as_mut(), *stream) else { return false };
        let seq = u16::try_from(sent.len()).unwrap();
        let unit = [&seq.to_be_bytes()[..], &vec![9; size]].concat();
        let sealed = session.send_media(stream, &unit, Millis(self.now));
        if sealed.is_ok() {
            sent.push((seq, self.now));
        }
        self.drain(device);
        sealed.is_ok()
    }

    pub(crate) fn give(&mut self, device: usize, input: Input) {
        if self.asleep.contains(&device) {
            return;
        }
        let brazen = self.brazen.contains(&device);
        let Device { session, rng, dev, .. } = &mut self.devices[device];
        let Some(session) = session.as_mut() else { return };
        let mut input = input;
        if let Input::Ledger(view) = &mut input
            && brazen
        {
            let own = view.members.values_mut().filter(|seat| seat.member.dev == *dev);
            for device in own.filter_map(|seat| seat.device.as_mut()) {
                device.status = DeviceStatus::Active;
            }
        }
        session.handle(input, Millis(self.now), rng);
        self.drain(device);
    }

    /// Forgets what was written down for tests that look back.
    pub(crate) fn forget_records(&mut self) {
        self.captured.clear();
        self.trace.clear();
        self.messages.clear();
    }

    pub(crate) fn npk(&self, device: usize) -> Npk {
        self.session(device).npk()
    }

    /// The epochs whose keys a device holds, each with a fingerprint of the key.
    pub(crate) fn keys(&self, device: usize) -> BTreeMap<Epoch, Digest> {
        let place = Commitment {
            mid: MID,
            term: Term(0),
            epoch: Epoch(0),
            roster_hash: Digest::default(),
            prev: Digest::default(),
        };
        let keys = self.session(device).danger_export_keys();
        keys.into_iter().map(|(id, mk)| (id.epoch, mk.commit(&place))).collect()
    }

    pub(crate) fn saw(&self, device: usize, wanted: impl Fn(&Event) -> bool) -> Option<u64> {
        self.devices[device].events.iter().find(|(_, event)| wanted(event)).map(|(at, _)| *at)
    }
}

pub(crate) fn address(device: usize) -> Address {
    Address::new(vec![u8::try_from(device).unwrap()]).unwrap()
}

impl World {
    /// From here on a device asks as a persona of its own.
    pub(crate) fn veil(&mut self, device: usize, seed: u8) {
        let persona = Arc::new(Ed25519Signer::from_seed(&[seed; 32]));
        let (user, dev) = self.ledger.register(&persona, "");
        let own = &mut self.devices[device];
        let real = (own.user, own.dev, Arc::<Ed25519Signer>::clone(&own.signer));
        (own.user, own.dev, own.signer) = (user, dev, persona);
        own.real.get_or_insert_with(|| Arc::<Ed25519Signer>::clone(&real.2));
        own.behind.get_or_insert(Behind { user: real.0, dev: real.1, signer: real.2 });
    }

    /// From here on a device is another one of the user of `first`.
    pub(crate) fn belongs_to(&mut self, device: usize, first: usize) {
        // The key it was registered with is bound already.
        let seed = [200 + u8::try_from(device).unwrap(); 32];
        self.devices[device].signer = Arc::new(Ed25519Signer::from_seed(&seed));
        let Device { signer, user, dev, .. } = &self.devices[first];
        let (chain, user, own) =
            (self.ledger.rules().chain_id, *user, &self.devices[device].signer);
        let Some(Record::User(record)) = self.ledger.record(&Key::User(user)) else {
            panic!("unknown user")
        };
        let (ivk, seq, prev) = (own.ivk(), record.seq + 1, record.last_tx);
        let body = AddDevice { user, dev: device_id(&user, &ivk), ivk, seq, prev };
        let proof = vec![(Role::Possession, body.prove(&chain, own.as_ref()))];
        let added = body.dev;
        let bodies = vec![(signer.as_ref(), *dev, body.into(), proof)];
        assert_eq!(self.ledger.block(self.now, bodies), [Ok(())]);
        (self.devices[device].user, self.devices[device].dev) = (user, added);
    }

    /// The owner of a device revokes it; of a persona, the device behind it.
    pub(crate) fn revoke(&mut self, device: usize) -> Result<(), String> {
        let Device { signer, user, dev, behind, real, .. } = &self.devices[device];
        let (user, dev) = behind.as_ref().map_or((*user, *dev), |real| (real.user, real.dev));
        let signer = Arc::clone(real.as_ref().unwrap_or(signer));
        let Some(Record::User(record)) = self.ledger.record(&Key::User(user)) else {
            panic!("unknown user")
        };
        let (seq, prev) = (record.seq + 1, record.last_tx);
        let body = RevokeDevice { user, dev, reason: 2, seq, prev };
        let bodies = vec![(signer.as_ref(), dev, body.into(), Vec::new())];
        self.ledger.block(self.now, bodies).remove(0)
    }

    /// Alarms that any device raised.
    pub(crate) fn alarms(&self) -> Vec<Event> {
        let all = self.devices.iter().flat_map(|device| &device.events);
        let alarms = all.map(|(_, event)| event).filter(|event| matches!(event, Event::Alarm(_)));
        alarms.cloned().collect()
    }

    /// From here on a device does nothing.
    pub(crate) fn freeze(&mut self, device: usize) {
        self.asleep.insert(device);
        self.devices[device].tick = None;
    }

    /// It goes on where it was.
    pub(crate) fn wake(&mut self, device: usize) {
        self.asleep.remove(&device);
        self.devices[device].tick = Some(Millis(self.now + 1));
    }

    /// The state of the ledger as everyone sees it.
    pub(crate) fn view(&self) -> MeetingView {
        let mut view = self.ledger.view(MID, self.stalled.unwrap_or(self.now));
        let watched = self.devices.iter().flat_map(|device| &device.watched);
        view.bearers = watched.filter_map(|dev| Some((*dev, self.ledger.bearer(*dev)?))).collect();
        if self.stale {
            view.freshness = Freshness::Stale;
        }
        view
    }
}
