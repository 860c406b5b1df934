//! The steps of frozen scripts that are about people: devices, keys, names, recovery.

use conclave_protocol::{state::Key, tx::Role, *};

use crate::{script_vectors::Script, world::Person};

impl Script {
    /// Junior against senior, sheet against devices, names: each asked, refused, carried out.
    pub(crate) fn wait_and_object(&mut self) {
        const DAY: u64 = 86_400;
        let (first, sheet) =
            (self.world.person(30), Ed25519Signer::from_seed(&[sheet_of(150); 32]));
        // Registered outside of the script, so it is not part of the state it is judged by.
        self.world.state.clear();
        let (_, tx) = self.world.registration(30);
        self.steps.clear();
        self.run(&tx);
        let chain = self.world.rules.chain_id;
        let (body, second) = self.world.device_body(&first, 31);
        let proof = body.prove(&chain, &second.signer);
        let tx = self.world.tx(&first, body).with(Role::Possession, proof);
        self.run(&tx);
        let say = |script: &mut Self, who: &Person, body: Body| {
            let tx = script.world.tx(who, body);
            script.run(&tx);
        };
        for name in ["ada", "countess", "ada", "Ada"] {
            say(self, &first, self.world.handle_body(&first, name).into());
        }
        for key in [Some(sheet.ivk()), None, None] {
            say(self, &first, self.world.recovery_key_body(&first, key).into());
        }
        say(self, &second, self.world.revoke_body(&second, first.dev, 2).into());
        say(self, &second, self.world.cancel_body(&second, first.dev).into());
        say(self, &first, self.world.cancel_body(&first, second.dev).into());
        say(self, &second, self.world.revoke_body(&second, first.dev, 2).into());
        let mut last = first;
        for (wait, cancelled) in [(0, true), (0, false), (DAY - 1, false), (1, false)] {
            self.world.wait(wait);
            let (body, device) = self.world.recover_body(&last, 32);
            let tx = self.world.recovery(&body, &device, &sheet);
            self.run(&tx);
            if cancelled {
                say(self, &second, self.world.cancel_body(&second, device.dev).into());
            }
            if self.world.state.contains_key(&Key::Device(device.dev)) {
                last = device;
            }
        }
        let (body, third) = self.world.device_body(&last, 33);
        let proof = body.prove(&chain, &third.signer);
        let tx = self.world.tx(&last, body).with(Role::Possession, proof);
        self.run(&tx);
        for wait in [0, 5, DAY] {
            self.world.wait(wait);
            say(self, &third, self.world.revoke_body(&third, last.dev, 2).into());
        }
        say(self, &third, self.world.revoke_body(&third, third.dev, 0).into());
        let (body, device) = self.world.recover_body(&third, 34);
        let tx = self.world.recovery(&body, &device, &sheet);
        self.run(&tx);
    }

    pub(crate) fn register(&mut self) {
        let seed = u8::try_from(self.people.len() + self.roll(2)).unwrap();
        let (person, tx) = self.world.registration(seed);
        let wrong = self.roll(4);
        let tx = match (wrong, &tx.body) {
            (0, Body::RegisterUser(body)) => {
                let body = RegisterUser { salt: [9; 16], ..body.clone() };
                self.world.sponsored(&person, body)
            }
            (1, Body::RegisterUser(body)) => {
                let gate = identity::Gate::Work(5);
                let body = RegisterUser { gate, ..body.clone() };
                Tx { sigs: codec::Set::default(), body: body.into(), ..tx }.sign(&person.signer)
            }
            _ => tx,
        };
        let known = self.world.state.contains_key(&Key::User(person.user));
        self.run(&tx);
        if !known && self.world.state.contains_key(&Key::User(person.user)) {
            self.people.push(person);
        }
    }

    /// A change of a user, by one of their devices.
    pub(crate) fn change(&mut self) {
        let who = self.roll(self.people.len());
        let seed = 150 + u8::try_from(self.roll(40)).unwrap();
        let chain = self.world.rules.chain_id;
        let (wrong, kind) = (self.roll(12), self.roll(9));
        let person = &self.people[who];
        let spoil = |seq: &mut u32, prev: &mut Digest| match wrong {
            0 => *seq += 1,
            1 => *prev = Digest([5; 32]),
            _ => {}
        };
        match kind {
            0 => {
                let (mut body, device) = self.world.device_body(person, seed);
                spoil(&mut body.seq, &mut body.prev);
                let proof = body.prove(&chain, &device.signer);
                let tx = self.world.tx(person, body);
                let tx = if wrong == 2 { tx } else { tx.with(Role::Possession, proof) };
                self.run(&tx);
                if self.world.state.contains_key(&Key::Device(device.dev)) {
                    self.people.push(device);
                }
            }
            1 => {
                let (mut body, signer) = self.world.rotate_body(person, seed);
                spoil(&mut body.seq, &mut body.prev);
                let proof = body.prove(&chain, &signer);
                let tx = self.world.tx(person, body).with(Role::Possession, proof);
                self.run(&tx);
                let device = self.world.device(self.people[who].dev);
                if device.ivk == signer.ivk() {
                    self.people[who].signer = signer;
                }
            }
            4 => self.name(who),
            5 => self.recovery_key(who, seed),
            6 | 7 => self.recover_or_cancel(who, seed),
            2 => {
                let (mut seq, mut prev) = self.world.next_change(person);
                spoil(&mut seq, &mut prev);
                let info = UserInfo::commitment(&[seed; 32], &person.user, seq, "Ada");
                let user = person.user;
                self.say(who, UpdateInfo { user, info, seq, prev });
            }
            _ => {
                let user = person.user;
                let mut own = self.people.iter().filter(|other| other.user == user);
                let target = if wrong == 3 { self.people.first() } else { own.next_back() };
                let dev = target.map_or(person.dev, |target| target.dev);
                let body = self.world.revoke_body(person, dev, 1);
                self.say(who, body);
            }
        }
    }

    fn name(&mut self, who: usize) {
        let name = ["ada", "eve", "bob.1", "X", "ab"][self.roll(5)];
        let body = self.world.handle_body(&self.people[who], name);
        self.say(who, body);
    }

    /// A sheet of the user, another one, or none.
    fn recovery_key(&mut self, who: usize, seed: u8) {
        let sheet = Ed25519Signer::from_seed(&[sheet_of(seed); 32]).ivk();
        let ivk = [Some(sheet), Some(sheet), Some(Ivk::Ed25519([0; 32])), None][self.roll(4)];
        let body = self.world.recovery_key_body(&self.people[who], ivk);
        self.say(who, body);
        if self.roll(2) == 0 {
            self.world.wait(86_400);
            let body = self.world.recovery_key_body(&self.people[who], ivk);
            self.say(who, body);
        }
    }

    fn recover_or_cancel(&mut self, who: usize, seed: u8) {
        if self.roll(3) == 0 {
            let other = self.roll(self.people.len());
            let dev = self.people[other].dev;
            let body = self.world.cancel_body(&self.people[who], dev);
            return self.say(who, body);
        }
        let user = self.people[who].user;
        let Some(ivk) = self.world.user(user).recovery_ivk else {
            let dev = self.people[0].dev;
            let body = self.world.revoke_body(&self.people[who], dev, 3);
            return self.say(who, body);
        };
        let mut sheets = (150..190).map(|seed| Ed25519Signer::from_seed(&[sheet_of(seed); 32]));
        let sheet = sheets.find(|sheet| sheet.ivk() == ivk).unwrap();
        for _ in 0..2 {
            let (body, device) = self.world.recover_body(&self.people[who], seed);
            let tx = self.world.recovery(&body, &device, &sheet);
            let tx = match self.roll(8) {
                0 => Tx { nonce: 2, ..tx }.sign(&sheet),
                1 => tx.with(Role::Signer, Signature::Ed25519([3; 64])),
                _ => tx,
            };
            self.run(&tx);
            if self.world.state.contains_key(&Key::Device(device.dev)) {
                return self.people.push(device);
            }
            if self.roll(4) == 0 {
                let body = self.world.cancel_body(&self.people[who], device.dev);
                self.say(who, body);
            }
            let seconds = [600, 86_400][self.roll(2)];
            self.world.wait(seconds);
        }
    }
}

/// The seed of the recovery key of that number; device keys have others.
fn sheet_of(seed: u8) -> u8 {
    seed + 60
}
