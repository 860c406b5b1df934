//! The transactions that are measured: people who register and then say something else about
//! themselves, again and again, each after the other.
//!
//! Everything follows from the number of a person: the key, the words, and so, for one network, the
//! bytes. An update is a signed transaction of exactly 300 bytes: an encrypted info of 60 bytes and
//! one Ed25519 signature. Flow: number in, person out; a person gives one transaction after the
//! other, and takes one back that was refused.

use anyhow::Context as _;
use conclave_protocol::{
    ChainId, Context, DeviceId, Digest, Ed25519Signer, RegisterUser, Seconds, Signer as _, Tx,
    TxId, UpdateInfo, UserId, UserInfo,
    codec::{Blob, encode},
    identity::Gate,
    tx::Role,
};

/// Bytes of an update, as the documentation promises.
#[cfg(test)]
pub(super) const SIZE: usize = 300;

/// Bytes of ciphertext that make an update so long.
const CIPHERTEXT: usize = 60;

/// Seconds of chain time for which a transaction is good.
const LIFE: u64 = 300;

/// A signed transaction.
#[derive(Clone, Debug)]
pub(super) struct Signed {
    /// Its id.
    pub(super) id: TxId,
    /// Its encoding.
    pub(super) bytes: Vec<u8>,
}

/// What all transactions of one network share.
#[derive(Debug)]
pub(super) struct Workload {
    chain: ChainId,
    sponsor: Ed25519Signer,
}

impl Workload {
    /// The transactions of this network; `sponsor` is the seed of one of its validators.
    pub(super) fn new(chain: ChainId, sponsor: &[u8; 32]) -> Self {
        Self { chain, sponsor: Ed25519Signer::from_seed(sponsor) }
    }

    /// The person of this number, and the transaction that registers them.
    ///
    /// # Errors
    /// Never for the texts of this module.
    pub(super) fn register(&self, number: u64, now: Seconds) -> anyhow::Result<(Person, Signed)> {
        let seed = Digest::of(&[b"CONCLAVE-V1/bench-person", &number.to_be_bytes()]).0;
        let signer = Ed25519Signer::from_seed(&seed);
        let gate = Gate::Sponsor(self.sponsor.validator());
        let body = RegisterUser::new(&self.chain, signer.ivk(), [0; 16], info(&seed, 0)?, gate);
        let (user, device) = (body.user, body.dev);
        let word = self.sponsor.sign(Context::Sponsor, &self.chain, &body.sponsor_message());
        let tx = Tx::new(self.chain, device, 0, Seconds(now.0 + LIFE), body)
            .sign(&signer)
            .with(Role::Sponsor, word);
        let signed = Signed { id: tx.id(), bytes: encode(&tx) };
        let last = Digest(signed.id.0);
        Ok((Person { seed, signer, user, device, changes: 0, last }, signed))
    }
}

/// Somebody, as of the last transaction that was taken.
#[derive(Debug)]
pub(super) struct Person {
    seed: [u8; 32],
    signer: Ed25519Signer,
    user: UserId,
    device: DeviceId,
    changes: u32,
    last: Digest,
}

impl Person {
    /// The next update. It is the next one until [`took`](Self::took) says that it was taken.
    ///
    /// # Errors
    /// Never for the texts of this module.
    pub(super) fn update(&self, workload: &Workload, now: Seconds) -> anyhow::Result<Signed> {
        let seq = self.changes.checked_add(1).context("a person has said everything")?;
        let info = info(&self.seed, seq)?;
        let body = UpdateInfo { user: self.user, info, seq, prev: self.last };
        let (nonce, expiry) = (u64::from(seq), Seconds(now.0 + LIFE));
        let tx = Tx::new(workload.chain, self.device, nonce, expiry, body).sign(&self.signer);
        let bytes = encode(&tx);
        Ok(Signed { id: TxId(Digest::of(&[&bytes]).0), bytes })
    }

    /// The update was taken.
    pub(super) fn took(&mut self, update: &Signed) {
        self.changes = self.changes.saturating_add(1);
        self.last = Digest(update.id.0);
    }
}

/// What somebody says with this change: bytes that look like a ciphertext.
fn info(seed: &[u8; 32], change: u32) -> anyhow::Result<UserInfo> {
    let mut text = Vec::with_capacity(64);
    for half in [0, 1] {
        text.extend_from_slice(&Digest::of(&[seed, &change.to_be_bytes(), &[half]]).0);
    }
    text.truncate(CIPHERTEXT);
    Ok(UserInfo::Encrypted([0; 8], [0; 12], Blob::new(text)?))
}

#[cfg(test)]
mod tests {
    use conclave_protocol::{Genesis, Params, Rules, apply, tx::check_signatures};

    use super::*;

    #[test]
    fn the_ledger_takes_what_people_say_and_an_update_is_as_long_as_said() {
        let seed = [1; 32];
        let validator = Ed25519Signer::from_seed(&seed).validator();
        let genesis = Genesis::new("bench", 0, vec![validator], Params::default()).unwrap();
        let rules = Rules::from(&genesis);
        let workload = Workload::new(genesis.chain_id(), &seed);
        let (mut person, registration) = workload.register(7, Seconds(0)).unwrap();
        let again = workload.register(7, Seconds(0)).unwrap();
        assert_eq!(again.1.bytes, registration.bytes, "the same for everybody");
        let mut state = std::collections::BTreeMap::new();
        let mut say = |signed: &Signed| {
            let tx = Tx::decode(&signed.bytes).unwrap();
            assert_eq!(tx.id(), signed.id);
            if !matches!(tx.body, conclave_protocol::tx::Body::RegisterUser(_)) {
                assert_eq!(signed.bytes.len(), SIZE);
            }
            check_signatures(&rules, &state, &tx).unwrap();
            let changes = apply(&rules, conclave_protocol::Position::default(), &state, &tx);
            for (key, record) in changes.unwrap().writes {
                state.insert(key, record.unwrap());
            }
        };
        say(&registration);
        for _ in 0..3 {
            let update = person.update(&workload, Seconds(0)).unwrap();
            say(&update);
            person.took(&update);
        }
    }
}
