//! Transactions of any kind and content by registered devices, one after the other, against one
//! state: the rules refuse or change it, and whatever they write fits and is canonical.

use std::collections::BTreeMap;

use conclave_protocol::{
    AddDevice, Body, DeviceId, Ed25519Signer, Genesis, Height, Key, MeetingId, Params, Position,
    Record, RegisterUser, RevokeDevice, Rules, Seconds, Signer, Tx, UpdateInfo, UserInfo, apply,
    codec::Text,
    encode,
    identity::{Gate, device_id},
    state::MAX_RECORD,
};

use super::canonical;

/// Runs a list of them: who, seconds passed, length, transaction.
pub(super) fn run(bytes: &[u8]) {
    let mut world = World::new();
    let (mut now, mut height, mut rest) = (START, 2, bytes);
    while let Some(([who, passed, high, low], tail)) = rest.split_first_chunk::<4>() {
        let len = usize::from(u16::from_be_bytes([*high, *low])).min(tail.len());
        let (tx, tail) = tail.split_at(len);
        rest = tail;
        (now, height) = (now + u64::from(*passed), height + 1);
        let Ok(mut tx) = Tx::decode(tx) else { continue };
        if who & 128 == 0 {
            world.correct(&mut tx, *who, Seconds(now));
        }
        world.execute(&tx, Position { height: Height(height), index: 0, time: Seconds(now) });
    }
}

struct World {
    rules: Rules,
    state: BTreeMap<Key, Record>,
    devices: Vec<DeviceId>,
}

impl World {
    fn new() -> Self {
        let sponsor = Ed25519Signer::from_seed(&[77; 32]).validator();
        let genesis = Genesis::new("fuzz", 1, vec![sponsor], Params::default()).unwrap();
        let rules = Rules::from(&genesis);
        let mut world = Self { rules, state: BTreeMap::new(), devices: Vec::new() };
        for n in 0..USERS {
            let ivk = Ed25519Signer::from_seed(&[n; 32]).ivk();
            let info = UserInfo::Clear(Text::new("somebody").unwrap());
            let chain = world.rules.chain_id;
            let body = RegisterUser::new(&chain, ivk, [n; 16], info, Gate::Sponsor(sponsor));
            world.devices.push(body.dev);
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
            self.state.insert(key, record);
        }
        true
    }

    /// The envelope is right, and meetings that do not exist become the one that does.
    fn correct(&self, tx: &mut Tx, who: u8, now: Seconds) {
        tx.chain_id = self.rules.chain_id;
        tx.signer = self.devices[usize::from(who % USERS)];
        let Some(Record::Device(device)) = self.state.get(&Key::Device(tx.signer)) else { return };
        let Some(Record::User(user)) = self.state.get(&Key::User(device.user)) else { return };
        (tx.nonce, tx.expiry) = (device.next_nonce, now);
        let mid = MeetingId([42; 32]);
        if let Body::AddDevice(body) = &mut tx.body {
            body.dev = device_id(&device.user, &body.ivk);
        }
        match &mut tx.body {
            Body::PublishMeeting(body) => {
                (body.mid, body.user, body.dev, body.ivk) =
                    (mid, device.user, tx.signer, device.ivk);
            }
            Body::MeetingRequest(body) => {
                (body.mid, body.user, body.dev, body.ivk) =
                    (mid, device.user, tx.signer, device.ivk);
            }
            Body::MeetingLeave(body) => body.mid = mid,
            Body::Heartbeat(body) => body.mid = mid,
            Body::MeetingDismiss(body) => body.mid = mid,
            Body::AddDevice(AddDevice { user: id, seq, prev, .. })
            | Body::RevokeDevice(RevokeDevice { user: id, seq, prev, .. })
            | Body::UpdateInfo(UpdateInfo { user: id, seq, prev, .. }) => {
                (*id, *seq, *prev) = (device.user, user.seq.saturating_add(1), user.last_tx);
            }
            Body::RotateKey(body) => {
                (body.dev, body.seq, body.prev) =
                    (tx.signer, user.seq.saturating_add(1), user.last_tx);
            }
            Body::EpochRecord(body) => {
                body.mid = mid;
                if let Some(Record::Meeting(meeting)) = self.state.get(&Key::Meeting(mid)) {
                    (body.prev, body.term) = (meeting.last_rec, meeting.term);
                }
            }
            _ => {}
        }
    }
}

const USERS: u8 = 4;
const START: u64 = 1_000;
