//! Devices, the network between them, and the clock. Everything follows from one seed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;
use conclave_meeting::{
    key::{Commitment, StreamKind},
    media::StreamNo,
    session::{
        Behind, Command, Config, Event, Freshness, Input, Invited, MeetingView, NewMeeting, Output,
        Session, SubmitId,
    },
    time::Millis,
    wire::{Address, Name},
};
use conclave_protocol::{
    Body, DeviceId, Digest, Ed25519Signer, Epoch, MeetingId, MemberIdx, Npk, Term, UserId,
    UserInfo, invite::InviteSecret, meeting::Policy,
};
use rand::{Rng, RngExt, SeedableRng};
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
        let mut world = Self::begun(seed, count, members, net);
        world.run(6_000);
        world
    }

    /// The same at the moment everyone is let in.
    pub(crate) fn begun(seed: u64, count: usize, members: usize, net: Net) -> Self {
        let mut world = Self::new(seed, count, net);
        world.lead();
        world.run(1_000);
        for device in 1..members {
            world.join(device);
        }
        world.run(2_000);
        for device in 1..members {
            world.admit(device);
        }
        world
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
        let session = Session::lead(config, meeting, address(0), now, rng).unwrap();
        self.devices[0].session = Some(session);
        self.drain(0);
    }

    pub(crate) fn join(&mut self, device: usize) {
        self.join_with(device, InviteSecret::new(SECRET));
    }

    pub(crate) fn join_with(&mut self, device: usize, invite_secret: InviteSecret) {
        let nodes = vec![(self.npk(0), address(0))];
        self.join_by(device, Invited { mid: MID, invite_secret, nodes });
    }

    pub(crate) fn join_by(&mut self, device: usize, invited: Invited) {
        let config = self.config(device);
        let now = Millis(self.now);
        let rng = &mut self.devices[device].rng;
        let session = Session::join(config, invited, address(device), now, rng).unwrap();
        self.devices[device].session = Some(session);
        self.drain(device);
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
        let Device { session, rng, .. } = &mut self.devices[device];
        let Some(session) = session.as_mut() else { return };
        session.handle(input, Millis(self.now), rng);
        self.drain(device);
    }

    /// Lets `ms` milliseconds pass.
    pub(crate) fn run(&mut self, ms: u64) {
        let end = self.now + ms;
        loop {
            let ticks = self.devices.iter().filter_map(|device| device.tick).map(|at| at.0);
            let next = ticks
                .chain(self.queue.keys().next().map(|(at, _)| *at))
                .chain([self.next_block])
                .min()
                .unwrap();
            if next > end {
                break;
            }
            self.now = self.now.max(next);
            if self.next_block <= self.now {
                self.block();
            }
            while let Some(entry) = self.queue.first_entry().filter(|e| e.key().0 <= self.now) {
                let (device, input) = entry.remove();
                self.give(device, input);
            }
            for device in 0..self.devices.len() {
                if self.devices[device].tick.is_some_and(|at| at.0 <= self.now) {
                    self.devices[device].tick = None;
                    self.give(device, Input::Tick);
                }
            }
        }
        self.now = end;
    }

    fn block(&mut self) {
        self.next_block = self.now + BLOCK;
        if self.stalled.is_some() {
            return;
        }
        let batch = std::mem::take(&mut self.mempool);
        let bodies = batch.iter().map(|(device, _, body, others)| {
            let Device { signer, dev, .. } = &self.devices[*device];
            (signer.as_ref(), *dev, body.clone(), others.clone())
        });
        let results = self.ledger.block(self.now, bodies.collect());
        for ((device, id, ..), result) in batch.into_iter().zip(results) {
            if let Err(reason) = result {
                self.post(device, 1, Input::SubmitFailed { id, reason });
            }
        }
        let view = self.view();
        for device in 0..self.devices.len() {
            let delay = self.rng.random_range(1..60);
            self.post(device, delay, Input::Ledger(Box::new(view.clone())));
        }
    }

    fn post(&mut self, device: usize, delay: u64, input: Input) {
        self.serial += 1;
        self.queue.insert((self.now + delay, self.serial), (device, input));
    }

    /// Reliable and in order per pair.
    fn post_in_order(&mut self, from: usize, to: usize, input: Input) {
        let at = self.now + self.rng.random_range(1..10_u64);
        let last = self.fifo.entry((from, to)).or_default();
        *last = at.max(*last);
        let delay = *last - self.now;
        self.post(to, delay, input);
    }

    fn drain(&mut self, device: usize) {
        loop {
            let output = self.devices[device].session.as_mut().unwrap().poll_output();
            if let Output::Wait(at) = output {
                self.devices[device].tick = at.map(|at| at.max(Millis(self.now + 1)));
                return;
            }
            self.carry_out(device, output);
        }
    }

    fn carry_out(&mut self, device: usize, output: Output) {
        self.note(device, &output);
        match output {
            Output::Submit { id, body, others } => self.mempool.push((device, id, body, others)),
            Output::Refresh => {
                let view = self.view();
                self.post(device, 20, Input::Ledger(Box::new(view)));
            }
            Output::Peers(allowed) => self.devices[device].allowed = allowed,
            Output::Dial { npk, lobby, address } => self.dial(device, npk, lobby, &address),
            Output::Close { npk } => {
                if let Some(other) = self.by_npk(npk) {
                    self.cut(device, other);
                }
            }
            Output::Message { npk, bytes } => {
                // An attacker may have called without being a device of this world.
                let Some(to) = self.by_npk(npk) else { return };
                let from = self.npk(device);
                self.messages.push((device, to, bytes.clone()));
                if self.devices[device].links.contains(&to) && !self.hold {
                    self.post_in_order(device, to, Input::Message { npk: from, bytes });
                }
            }
            Output::Datagram { npk, bytes } => self.datagram(device, npk, &bytes),
            Output::Media { idx, kid, unit, .. } => {
                let seq = u16::from_be_bytes([unit[0], unit[1]]);
                self.devices[device].heard.entry((idx, kid.stream)).or_default().push(seq);
            }
            Output::KeyframeWanted { .. } => self.devices[device].keyframes += 1,
            Output::Event(event) => self.devices[device].events.push((self.now, event)),
            Output::Watch(devices) => self.devices[device].watched = devices,
            Output::Wait(_) => {}
        }
    }

    fn note(&mut self, device: usize, output: &Output) {
        let what = match output {
            Output::Close { .. } => "close".to_owned(),
            Output::Datagram { bytes, .. } => format!("datagram {}", bytes.len()),
            Output::Dial { lobby, .. } => format!("dial {lobby}"),
            Output::Event(Event::Gossip { idx, .. }) => format!("gossip {idx}"),
            Output::Event(event) => format!("{event:?}"),
            Output::Message { bytes, .. } => format!("message {} {}", bytes[0], bytes.len()),
            Output::Media { idx, unit, .. } => format!("media {idx} {}", unit.len()),
            Output::Peers(peers) => format!("peers {}", peers.len()),
            Output::Submit { body, .. } => format!("submit {:?}", body.kind()),
            Output::KeyframeWanted { .. }
            | Output::Refresh
            | Output::Wait(_)
            | Output::Watch(_) => return,
        };
        self.trace.push(format!("{} {device} {what}", self.now));
    }

    fn datagram(&mut self, from: usize, npk: Npk, bytes: &Bytes) {
        let Some(to) = self.by_npk(npk) else { return };
        self.captured.push(Captured { at: self.now, from, to, bytes: bytes.clone() });
        if !self.devices[from].links.contains(&to) {
            return;
        }
        let npk = self.npk(from);
        let copies = if self.rng.random_bool(self.net.duplicate) { 2 } else { 1 };
        for _ in 0..copies {
            if !self.rng.random_bool(self.net.loss) {
                let delay = self.rng.random_range(1..=self.net.jitter);
                self.post(to, delay, Input::Datagram { npk, bytes: bytes.clone() });
            }
        }
    }

    fn dial(&mut self, from: usize, npk: Npk, lobby: bool, to: &Address) {
        let own = self.npk(from);
        let to = usize::from(to.as_slice()[0]);
        let other = &self.devices[to];
        let awake = !self.asleep.contains(&to) && !self.apart.contains(&(from, to));
        let live = awake && other.session.as_ref().is_some_and(|s| !s.is_ended() && s.npk() == npk);
        if !live || (!lobby && !other.allowed.contains(&own)) {
            self.post(from, 5, Input::Disconnected { npk });
            return;
        }
        self.devices[from].links.insert(to);
        self.devices[to].links.insert(from);
        self.post_in_order(to, from, Input::Connected { npk, lobby });
        self.post_in_order(from, to, Input::Connected { npk: own, lobby });
    }

    /// Whether a link stands between two devices.
    pub(crate) fn linked(&self, one: usize, two: usize) -> bool {
        self.devices[one].links.contains(&two)
    }

    /// Forgets what was written down for tests that look back.
    pub(crate) fn forget_records(&mut self) {
        self.captured.clear();
        self.trace.clear();
        self.messages.clear();
    }

    /// The same, and no other link can be made.
    pub(crate) fn cut_for_good(&mut self, one: usize, two: usize) {
        self.apart.extend([(one, two), (two, one)]);
        self.cut(one, two);
    }

    /// Ends the link between two devices.
    pub(crate) fn cut(&mut self, one: usize, two: usize) {
        if self.devices[one].links.remove(&two) && self.devices[two].links.remove(&one) {
            let (a, b) = (self.npk(one), self.npk(two));
            self.post_in_order(one, two, Input::Disconnected { npk: a });
            self.post_in_order(two, one, Input::Disconnected { npk: b });
        }
    }

    pub(crate) fn npk(&self, device: usize) -> Npk {
        self.session(device).npk()
    }

    fn by_npk(&self, npk: Npk) -> Option<usize> {
        self.devices
            .iter()
            .position(|device| device.session.as_ref().is_some_and(|s| s.npk() == npk))
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

    /// From here on no block is made.
    pub(crate) fn stall(&mut self) {
        self.stalled = Some(self.now);
    }

    /// Blocks are made again.
    pub(crate) fn resume(&mut self) {
        self.stalled = None;
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
