//! What the person does about their own user: devices, keys, who may read the info, whom they know.
//!
//! `attend` watches the user on the ledger, `naming` says which name counts, `waits` lists what
//! others may still call off, `words` says changes in plain words, `recovery` is the way back by a
//! sheet of paper, `disclose` shows hidden info to a chosen person. A second device comes by two links: the first device offers (who
//! the user is, which change comes next), the new one makes its key and answers with a proof that
//! it holds it, the first one adds it. Nothing of the first device's keys leaves it.

pub(super) mod attend;
mod disclose;
mod naming;
pub(super) mod recovery;
mod waits;
mod words;

use std::{sync::Arc, time::Duration};

use conclave_protocol::{
    Algorithm, DeviceId, Key, Record, Signer as _, UserRecord,
    codec::Text,
    disclosure::{InfoDisclosure, Opener},
    identity::{AddDevice, RevokeDevice as Revoke, RotateKey as Rotate, device_id},
    key,
    pairing::{DeviceAnswer, DeviceOffer, OfferedInfo},
};

use self::disclose::NotDisclosed;
use super::{
    Node, Person,
    profile::{Profile, random},
    words::not_saved,
};
use crate::{
    chain::{Chain, ChainError},
    http::{
        Fault, IdentityBackend, Refused,
        wire::{
            AcceptDevice, Disclosed, ForgetContact, Handed, Identity, Link, RevokeDevice, RotateKey,
        },
    },
    keystore::{Disclosure, IdentityKey, Origin, Secrets},
};

impl IdentityBackend for Node {
    async fn offer_device(&self) -> Result<Handed, Refused> {
        let person = self.person()?;
        let secrets = &person.profile.secrets;
        let record = own_record(&self.setup.chain, &person).await?;
        let info = match &secrets.disclosure {
            Disclosure::Clear => OfferedInfo::Clear(text(secrets)),
            Disclosure::Encrypted(key) => OfferedInfo::Encrypted(Opener::new(**key), text(secrets)),
            Disclosure::Commit(r) => OfferedInfo::Commit(Opener::new(**r), text(secrets)),
        };
        let offer = DeviceOffer {
            chain_id: secrets.chain_id,
            user: secrets.user,
            seq: record.seq.saturating_add(1),
            prev: record.last_tx,
            info,
        };
        Ok(handed(offer.to_string()))
    }

    async fn accept_device(&self, ask: AcceptDevice) -> Result<Handed, Refused> {
        let _one = self.opening.lock().await;
        if self.person.borrow().as_ref().is_some_and(|person| person.view.registered) {
            let text = "this machine is somebody already";
            return Err(Refused::new(Fault::Conflict, text, "start conclave with another --home"));
        }
        let offer: DeviceOffer = read(&ask.link)?;
        let chain = &self.setup.chain;
        if offer.chain_id != chain.chain_id() {
            let next = "start conclave with the network file of the first device";
            return Err(Refused::new(Fault::Wrong, "the offer is for another network", next));
        }
        // A second try after an offer went stale keeps the key that is on disk.
        let waiting = self.person.borrow().as_ref().map(|person| Arc::clone(&person.profile));
        let profile = match waiting {
            Some(profile) if profile.secrets.user == offer.user => profile,
            Some(_) => {
                let text = "this machine waits to be added by somebody else";
                return Err(Refused::new(Fault::Conflict, text, "remove its home and start again"));
            }
            None => {
                let profile = Profile::open(new_device(&offer));
                let custody = ask.key_store.custody(ask.passphrase.as_ref());
                let saved = self.setup.keystore.save_in(&profile.secrets, custody);
                saved.map_err(|error| not_saved(&error))?;
                let person = self.take_over(profile);
                Arc::clone(&person.profile)
            }
        };
        let body = AddDevice {
            user: offer.user,
            dev: profile.secrets.device,
            ivk: profile.signer.ivk(),
            seq: offer.seq,
            prev: offer.prev,
        };
        let possession = body.prove(&offer.chain_id, &*profile.signer);
        let answer = DeviceAnswer { chain_id: offer.chain_id, body, possession };
        Ok(handed(answer.to_string()))
    }

    async fn add_device(&self, ask: Link) -> Result<(), Refused> {
        let person = self.person()?;
        let answer: DeviceAnswer = read(&ask.link)?;
        let secrets = &person.profile.secrets;
        if (answer.chain_id, answer.body.user) != (secrets.chain_id, secrets.user) {
            let next = "offer the device from here, and take the new link to it";
            return Err(Refused::new(Fault::Wrong, "it answers somebody else's offer", next));
        }
        let record = own_record(&self.setup.chain, &person).await?;
        if answer.body.prev != record.last_tx {
            let next = "offer the device again";
            return Err(Refused::new(
                Fault::Conflict,
                "your user has changed since the offer",
                next,
            ));
        }
        let role = (conclave_protocol::tx::Role::Possession, answer.possession);
        let seq = answer.body.seq;
        person.outbox.submit_with(answer.body, vec![role]).await.map_err(|error| ledger(&error))?;
        self.shows(seq).await;
        Ok(())
    }

    async fn revoke_device(&self, ask: RevokeDevice) -> Result<(), Refused> {
        let person = self.person()?;
        let dev: DeviceId = ask.device.parse().map_err(|_| {
            Refused::new(Fault::Wrong, "that is no DeviceID", "look at the list of devices")
        })?;
        let record = own_record(&self.setup.chain, &person).await?;
        let seq = record.seq.saturating_add(1);
        let body =
            Revoke { user: person.profile.secrets.user, dev, reason: 0, seq, prev: record.last_tx };
        person.outbox.submit(body).await.map_err(|error| ledger(&error))?;
        self.shows(seq).await;
        Ok(())
    }

    async fn rotate_key(&self, ask: RotateKey) -> Result<Identity, Refused> {
        let _one = self.opening.lock().await;
        // A meeting knows its members by the key they came with.
        self.must_be_free()?;
        let person = self.person()?;
        let record = own_record(&self.setup.chain, &person).await?;
        let keystore = &self.setup.keystore;
        let reopen = || keystore.open(ask.passphrase.as_ref().or(self.setup.passphrase.as_ref()));
        let passphrase = ask.passphrase.as_ref().or(self.setup.passphrase.as_ref());
        let mut secrets = reopen().map_err(|error| {
            Refused::new(Fault::Wrong, error.to_string(), "give the passphrase of the key file")
        })?;
        // The new key is on disk before the ledger knows it.
        let next = secrets.next.take().unwrap_or_else(random);
        let signer = key::signer(secrets.algorithm(), &next);
        secrets.next = Some(next);
        keystore.save(&secrets, passphrase).map_err(|error| not_saved(&error))?;
        let body = Rotate {
            dev: secrets.device,
            ivk: signer.ivk(),
            seq: record.seq.saturating_add(1),
            prev: record.last_tx,
        };
        let possession = body.prove(&secrets.chain_id, &signer);
        let role = (conclave_protocol::tx::Role::Possession, possession);
        person.outbox.submit_with(body, vec![role]).await.map_err(|error| ledger(&error))?;
        let secrets = secrets.rotated();
        // The book first: while the key file holds both keys, the next start heals what was left
        // half done here, and with one of them alone nothing would open the book any more.
        let saved = match person.book.rekey(&secrets) {
            Ok(()) => keystore.save(&secrets, passphrase).map(drop),
            Err(error) => {
                tracing::warn!(%error, "the book could not be sealed again; both keys are kept");
                Ok(())
            }
        };
        let view = self.go_on_as(secrets, person.opens);
        saved.map_err(|error| not_saved(&error))?;
        Ok(view)
    }

    async fn acknowledge_changes(&self) -> Result<(), Refused> {
        let person = self.person()?;
        person.book.acknowledge().map_err(|error| disk(&error))?;
        self.person.send_modify(|person| {
            if let Some(person) = person {
                person.view.unexplained.clear();
            }
        });
        Ok(())
    }

    async fn disclose(&self) -> Result<Handed, Refused> {
        let person = self.person()?;
        disclose::disclose(&person.profile.secrets, person.opens)
            .map(|shown| handed(shown.to_string()))
            .map_err(|error| {
                let next = match error {
                    NotDisclosed::Clear => "tell them your fingerprint",
                    NotDisclosed::Unknown => "wait a moment, or give the name here once more",
                };
                Refused::new(Fault::Conflict, error.to_string(), next)
            })
    }

    async fn check_disclosure(&self, ask: Link) -> Result<Disclosed, Refused> {
        let shown: InfoDisclosure = read(&ask.link)?;
        if shown.chain_id != self.setup.chain.chain_id() {
            let next = "ask which network they are in";
            return Err(Refused::new(Fault::Wrong, "the link is for another network", next));
        }
        disclose::check(&self.setup.chain, &shown).await.map_err(|error| ledger(&error))
    }

    async fn forget_contact(&self, ask: ForgetContact) -> Result<(), Refused> {
        let person = self.person()?;
        match person.book.forget(&ask.user) {
            Ok(true) => Ok(()),
            Ok(false) => {
                let text = "you have not met that user";
                Err(Refused::new(Fault::Missing, text, "look at the list of contacts"))
            }
            Err(error) => Err(disk(&error)),
        }
    }
}

fn new_device(offer: &DeviceOffer) -> Secrets {
    let key = IdentityKey { algorithm: Algorithm::default(), seed: random() };
    let device = device_id(&offer.user, &key.signer().ivk());
    let opener = |opener: &Opener| zeroize::Zeroizing::new(*opener.danger_bytes());
    let (disclosure, info) = match &offer.info {
        OfferedInfo::Clear(text) => (Disclosure::Clear, text),
        OfferedInfo::Encrypted(key, text) => (Disclosure::Encrypted(opener(key)), text),
        OfferedInfo::Commit(r, text) => (Disclosure::Commit(opener(r)), text),
    };
    let info = info.as_str().to_owned();
    Secrets::new(offer.chain_id, offer.user, device, Origin::Added, key, info, disclosure)
}

impl Node {
    /// Waits until what this device says of its person knows that change, which the ledger has: who
    /// asks next sees what came of it. The change stands, whether or not it can be looked at.
    async fn shows(&self, seq: u32) {
        let mut person = self.person.subscribe();
        let known = |person: &Option<Person>| {
            person.as_ref().is_none_or(|person| person.seen.is_some_and(|seen| seen >= seq))
        };
        let _ = tokio::time::timeout(SHOWN, person.wait_for(known)).await;
    }
}

/// How long a look at the own user may take after a change.
const SHOWN: Duration = Duration::from_secs(5);

/// The own user as the ledger has it now.
async fn own_record(chain: &Chain, person: &Person) -> Result<UserRecord, Refused> {
    let key = Key::User(person.profile.secrets.user);
    let snapshot =
        chain.snapshot(std::slice::from_ref(&key)).await.map_err(|error| ledger(&error))?;
    match snapshot.record(&key) {
        Some(Record::User(record)) => Ok(record.clone()),
        _ => {
            let text = "the ledger does not have your user yet";
            Err(Refused::new(Fault::Conflict, text, "wait until the identity is registered"))
        }
    }
}

fn text(secrets: &Secrets) -> Text<1_024> {
    Text::new(&secrets.info).unwrap_or_default()
}

fn handed(link: String) -> Handed {
    let qr = crate::qr::draw(&link);
    Handed { link, qr }
}

fn read<T: std::str::FromStr<Err: ToString>>(link: &str) -> Result<T, Refused> {
    link.parse().map_err(|error: T::Err| {
        Refused::new(Fault::Wrong, error.to_string(), "copy the whole link and try again")
    })
}

fn ledger(error: &ChainError) -> Refused {
    match error {
        ChainError::Refused(_) => {
            Refused::new(Fault::Conflict, error.to_string(), "look at your devices and history")
        }
        _ => Refused::new(
            Fault::Unavailable,
            error.to_string(),
            "look whether the validators run, then try again",
        ),
    }
}

fn disk(error: &impl ToString) -> Refused {
    Refused::new(Fault::Internal, error.to_string(), "make room on the disk and try again")
}
