//! Who is there before the meeting: people, their devices, and the rules of a small network.

use std::collections::BTreeMap;

use conclave_protocol::{identity::Gate, *};

/// The ledger as it stands when the first meeting is published.
///
/// Nothing of it changes during the meeting but what [`Ledger`](crate::ledger::Ledger) keeps beside it.
pub(crate) struct World {
    pub(crate) rules: Rules,
    pub(crate) records: BTreeMap<Key, Record>,
    pub(crate) devices: Vec<Device>,
    /// Exchange and transport key of every seat that may be handed out.
    pub(crate) seats: Vec<(Epk, Npk)>,
}

/// One device of one user.
pub(crate) struct Device {
    pub(crate) user: UserId,
    pub(crate) dev: DeviceId,
    pub(crate) ivk: Ivk,
}

/// Founds the meeting.
pub(crate) const FOUNDER: usize = 0;
/// Registered, and never asks to join: whatever it sends is an attempt on somebody else's meeting.
pub(crate) const STRANGER: usize = 1;
/// Ask to join, leave, are admitted and thrown out; the last two are devices of one user.
pub(crate) const GUESTS: [usize; 3] = [2, 3, 4];

/// The one meeting.
pub(crate) const MID: MeetingId = MeetingId([9; 32]);

/// Where every transaction stands. Time never moves: a tick makes everything else older instead.
pub(crate) const NOW: Position =
    Position { height: Height(50), index: 0, time: Seconds(1_000_000) };

/// A second longer than the silence after which a meeting is over.
pub(crate) const RETENTION: u32 = 4;

impl World {
    pub(crate) fn new(guests: usize, max_members: u16) -> Self {
        let validator = Ed25519Signer::from_seed(&[250; 32]).validator();
        let params = Params {
            lease: 1,
            stagger: 1,
            vote_window: 1,
            request_ttl: 1,
            // The last in line has its turn before the meeting dies of silence.
            idle_ttl: 3.max(max_members.into()),
            rekey_grace: 0,
            max_members,
            request_burst: 2,
            request_window: 1,
            ..Params::default()
        };
        let genesis = Genesis::new("model", 1_000_000, [validator], params).unwrap();
        let rules = Rules::from(&genesis);
        let seats = (100..110).map(seat_keys).collect();
        let mut world = Self { rules, records: BTreeMap::new(), devices: Vec::new(), seats };
        for seed in 0..4 {
            world.register(seed, validator);
        }
        world.add_device(4, GUESTS[1]);
        world.devices.truncate(GUESTS[0] + guests);
        world
    }

    fn register(&mut self, seed: u8, validator: ValidatorKey) {
        let ivk = Ed25519Signer::from_seed(&[seed; 32]).ivk();
        let info = UserInfo::Commit([seed; 32]);
        let gate = Gate::Sponsor(validator);
        let body = RegisterUser::new(&self.rules.chain_id, ivk, [seed; 16], info, gate);
        self.devices.push(Device { user: body.user, dev: body.dev, ivk });
        self.write(body.dev, 0, body);
    }

    fn add_device(&mut self, seed: u8, of: usize) {
        let ivk = Ed25519Signer::from_seed(&[seed; 32]).ivk();
        let Device { user, dev: signer, .. } = self.devices[of];
        let Some(Record::User(record)) = self.records.get(&Key::User(user)) else { unreachable!() };
        let dev = identity::device_id(&user, &ivk);
        let body = AddDevice { user, dev, ivk, seq: record.seq + 1, prev: record.last_tx };
        self.devices.push(Device { user, dev, ivk });
        self.write(signer, 1, body);
    }

    fn write(&mut self, signer: DeviceId, nonce: u64, body: impl Into<Body>) {
        let tx = Tx::new(self.rules.chain_id, signer, nonce, NOW.time, body);
        let changes = apply(&self.rules, NOW, &self.records, &tx).unwrap();
        for (key, record) in changes.writes {
            self.records.insert(key, record.unwrap());
        }
    }
}

fn seat_keys(seed: u8) -> (Epk, Npk) {
    (Epk([seed; 32]), Ed25519Signer::from_seed(&[seed; 32]).npk())
}
