//! The steps of frozen scripts that are about validators: votes, epochs, sponsors, anchors.

use conclave_protocol::{tx::Role, *};

use crate::{
    script_vectors::Script,
    validators::{add, contact, key, next_epoch, remove, replace},
};

impl Script {
    /// From the one validator of the genesis to several and back, with everything that validators
    /// may not do in between.
    pub(crate) fn govern(&mut self, rounds: usize) {
        for _ in 0..rounds {
            let change = self.change_of_validators();
            for number in self.sealing() {
                match self.roll(16) {
                    0 => {
                        let other = self.change_of_validators();
                        self.ballot(number, other);
                    }
                    1 => self.anchor(number),
                    2 => {}
                    _ => self.ballot(number, change.clone()),
                }
            }
            let stranger = [250, 60, 61, 62, 63, 64, 65, 66, 67][self.roll(9)];
            match self.roll(4) {
                0 => self.ballot(stranger, change),
                1 => self.anchor(stranger),
                2 => self.sponsor(stranger),
                _ => {}
            }
            match self.roll(5) {
                0 => self.world.wait(1),
                _ => next_epoch(&mut self.world),
            }
        }
    }

    /// The numbers of those who seal the present block.
    fn sealing(&self) -> Vec<u8> {
        let set =
            validators_at(&self.world.rules, &self.world.state, self.world.at.height).unwrap();
        (60..=250).filter(|number| set.contains(&key(*number).validator())).collect()
    }

    /// Mostly a further one, as long as they are few.
    fn change_of_validators(&mut self) -> ValidatorChange {
        let sealing = self.sealing();
        let old = sealing[self.roll(sealing.len())];
        let fresh = 60 + u8::try_from(self.roll(40)).unwrap();
        let grow = self.roll(8) > sealing.len();
        match self.roll(10) {
            _ if grow => add(fresh),
            0 => add(old),
            1 => remove(fresh),
            2 => replace(fresh, 61),
            3 => ValidatorChange::Add(ValidatorKey([0; 32]), contact("weak")),
            4 | 5 => replace(old, fresh),
            6 | 7 => add(fresh),
            _ => remove(old),
        }
    }

    fn ballot(&mut self, number: u8, change: ValidatorChange) {
        let mut ballot = self.world.ballot(change);
        ballot.seq += u32::from(self.roll(16) == 0);
        self.speak(number, ballot);
    }

    fn anchor(&mut self, number: u8) {
        let height = Height(self.world.at.height.0 - u64::from(self.roll(6) > 0));
        let place = match self.roll(2) {
            0 => AnchorPlace::Ethereum(1, [number; 32], [2; 32]),
            _ => AnchorPlace::Bitcoin([number; 32], [3; 32]),
        };
        let header = Digest::of(&[&height.0.to_be_bytes()]);
        self.speak(number, AnchorRecord { height, header, anchor: place });
    }

    /// A validator says `body`, sometimes wrongly.
    fn speak(&mut self, number: u8, body: impl Into<Body>) {
        let signer = key(number);
        let tx = self.world.validator_tx(&signer, body);
        let tx = match self.roll(20) {
            0 => Tx { nonce: tx.nonce + 1, ..tx }.sign(&signer),
            1 => Tx { expiry: Seconds(0), ..tx }.sign(&signer),
            2 => tx.sign(&key(59)),
            3 => tx.with(Role::Sponsor, Signature::Ed25519([4; 64])),
            4 => Tx { signer: DeviceId([0; 32]), ..tx },
            _ => tx,
        };
        self.run(&tx);
    }

    /// A validator, or one that was or will be, lets a user in.
    fn sponsor(&mut self, number: u8) {
        let seed = 10 + u8::try_from(self.roll(40)).unwrap();
        let (person, tx) = self.world.registration(seed);
        let Body::RegisterUser(body) = tx.body else { return };
        let body = RegisterUser { gate: identity::Gate::Sponsor(key(number).validator()), ..body };
        let chain = self.world.rules.chain_id;
        let word = key(number).sign(Context::Sponsor, &chain, &body.sponsor_message());
        let tx = Tx::new(chain, body.dev, 0, self.world.at.time.plus(60), body)
            .with(Role::Sponsor, word)
            .sign(&person.signer);
        self.run(&tx);
    }
}
