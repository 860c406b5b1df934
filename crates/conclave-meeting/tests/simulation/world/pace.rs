//! Time passes: blocks are made, what is under way arrives, devices do what their sessions say.

use conclave_meeting::{
    session::{Event, Input, Output},
    time::Millis,
};
use conclave_protocol::Body;
use rand::RngExt;

use super::{BLOCK, Device, World};

impl World {
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
        let mut batch = std::mem::take(&mut self.mempool);
        while self.refuses > 0
            && let Some(at) = batch.iter().position(|entry| matches!(entry.2, Body::EpochRecord(_)))
        {
            self.refuses -= 1;
            let (device, id, ..) = batch.remove(at);
            self.post(device, 1, Input::SubmitFailed { id, reason: "overtaken".to_owned() });
        }
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

    pub(super) fn post(&mut self, device: usize, delay: u64, input: Input) {
        self.serial += 1;
        self.queue.insert((self.now + delay, self.serial), (device, input));
    }

    pub(super) fn drain(&mut self, device: usize) {
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

    /// From here on no block is made.
    pub(crate) fn stall(&mut self) {
        self.stalled = Some(self.now);
    }

    /// Blocks are made again.
    pub(crate) fn resume(&mut self) {
        self.stalled = None;
    }
}
