//! Links between devices: who may call, what arrives, and when.

use bytes::Bytes;
use conclave_meeting::{session::Input, wire::Address};
use conclave_protocol::Npk;
use rand::RngExt;

use super::{Captured, World};

impl World {
    /// Whether a link stands between two devices.
    pub(crate) fn linked(&self, one: usize, two: usize) -> bool {
        self.devices[one].links.contains(&two)
    }

    /// Whether `one` lets `two` link as a member.
    pub(crate) fn lets_in(&self, one: usize, two: usize) -> bool {
        self.devices[one].allowed.contains(&self.npk(two))
    }

    /// Ends the link between two devices, and no other one can be made.
    pub(crate) fn cut_for_good(&mut self, one: usize, two: usize) {
        self.apart.extend([(one, two), (two, one)]);
        self.cut(one, two);
    }

    /// Links between two devices can stand again.
    pub(crate) fn mend(&mut self, one: usize, two: usize) {
        self.apart.retain(|pair| ![(one, two), (two, one)].contains(pair));
    }

    /// Ends the link between two devices.
    pub(crate) fn cut(&mut self, one: usize, two: usize) {
        if self.devices[one].links.remove(&two) && self.devices[two].links.remove(&one) {
            let (a, b) = (self.npk(one), self.npk(two));
            self.post_in_order(one, two, Input::Disconnected { npk: a });
            self.post_in_order(two, one, Input::Disconnected { npk: b });
        }
    }

    /// A device comes to another network: its links are gone, and nobody reaches it where it was.
    pub(crate) fn relocate(&mut self, device: usize) {
        for other in 0..self.devices.len() {
            self.cut(device, other);
        }
        self.move_house(device);
    }

    /// A device is called at another address from here on; links that stand stay.
    pub(crate) fn move_house(&mut self, device: usize) {
        *self.houses.entry(device).or_default() += 1;
        let new = self.home(device).as_slice().to_vec();
        self.give(device, Input::OwnAddress(new));
    }

    /// Where a device is called.
    pub(crate) fn home(&self, device: usize) -> Address {
        let house = self.houses.get(&device).copied();
        let bytes: Vec<u8> = std::iter::once(u8::try_from(device).unwrap()).chain(house).collect();
        Address::new(bytes).unwrap()
    }

    pub(super) fn datagram(&mut self, from: usize, npk: Npk, bytes: &Bytes) {
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

    pub(super) fn dial(&mut self, from: usize, npk: Npk, lobby: bool, to: &Address) {
        let own = self.npk(from);
        let (to, house) = (usize::from(to.as_slice()[0]), to.as_slice().get(1).copied());
        let other = &self.devices[to];
        let at_home = self.houses.get(&to).copied() == house;
        let awake = at_home && !self.asleep.contains(&to) && !self.apart.contains(&(from, to));
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

    /// Reliable and in order per pair.
    pub(super) fn post_in_order(&mut self, from: usize, to: usize, input: Input) {
        let at = self.now + self.rng.random_range(1..10_u64);
        let last = self.fifo.entry((from, to)).or_default();
        *last = at.max(*last);
        let delay = *last - self.now;
        self.post(to, delay, input);
    }

    pub(super) fn by_npk(&self, npk: Npk) -> Option<usize> {
        self.devices
            .iter()
            .position(|device| device.session.as_ref().is_some_and(|s| s.npk() == npk))
    }
}
