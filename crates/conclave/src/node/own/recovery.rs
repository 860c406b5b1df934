//! The way back with a sheet of paper, and what it shares with every change that waits.
//!
//! A recovery is asked with the key of the sheet for a device made on this machine. While the user
//! has active devices it waits; the key file keeps the key of the sheet until then, so that the
//! daemon can ask again when the time is over, and forgets it with the answer.

use std::sync::Arc;

use conclave_protocol::{
    Algorithm, DeviceId, Ivk, Key, Record, Seconds, Signer as _, Tx, UserId, UserInfo, UserRecord,
    codec::Text,
    identity::{
        Cancel, ClaimHandle as Claim, Recover as Recovery, SetRecoveryKey, UpdateInfo, device_id,
    },
    tx::Role,
};

use super::{ledger, naming, own_record};
use crate::{
    chain::{Chain, ChainError},
    http::{
        Fault, RecoveryBackend, Refused,
        wire::{
            CancelChange, ClaimHandle, Identity, InfoForm, KeepSheet, NewName, Recover, Sheet,
            Words,
        },
    },
    keystore::{Disclosure, IdentityKey, Origin, RecoverySeed, Renaming, Secrets, fingerprint},
    node::{
        Node,
        profile::{Profile, checked, published_info, random},
        words::not_saved,
    },
};

/// How long a recovery may wait to be included, in seconds of chain time.
const EXPIRY: u64 = 300;

impl RecoveryBackend for Node {
    async fn claim_handle(&self, ask: ClaimHandle) -> Result<(), Refused> {
        let person = self.person()?;
        let next = "take another name";
        let name = Text::new(ask.name.trim().trim_start_matches('@'))
            .map_err(|error| Refused::new(Fault::Wrong, error.to_string(), next))?;
        let record = own_record(&self.setup.chain, &person).await?;
        let body = Claim {
            user: person.profile.secrets.user,
            name,
            seq: record.seq.saturating_add(1),
            prev: record.last_tx,
        };
        person.outbox.submit(body).await.map_err(|error| match error {
            ChainError::Refused(_) => Refused::new(Fault::Conflict, error.to_string(), next),
            _ => ledger(&error),
        })?;
        Ok(())
    }

    async fn rename(&self, ask: NewName) -> Result<Identity, Refused> {
        let _one = self.opening.lock().await;
        // A meeting knows its members by the name they came with.
        self.must_be_free()?;
        let person = self.person()?;
        let name = checked(&ask.name)
            .map_err(|error| Refused::new(Fault::Wrong, error.to_string(), "take another name"))?;
        let keystore = &self.setup.keystore;
        let passphrase = ask.passphrase.as_ref().or(self.setup.passphrase.as_ref());
        let mut secrets = keystore.open(passphrase).map_err(|error| {
            Refused::new(Fault::Wrong, error.to_string(), "give the passphrase of the key file")
        })?;
        let record = own_record(&self.setup.chain, &person).await?;
        let form = match ask.form {
            Some(form) => form,
            None => {
                let said = said(&self.setup.chain, secrets.user).await;
                let said = said.map_err(|error| ledger(&error))?;
                form_of(said.and_then(|(_, info)| info).as_ref())
            }
        };
        let (disclosure, seq) = (form.fresh_disclosure(), record.seq.saturating_add(1));
        let body = update(secrets.user, (&name, &disclosure), &record)?;
        let renamed = secrets.known_as(&name, &disclosure);
        // What opens the new name is on disk before the ledger has it, beside what opens the old
        // one. Whatever happens to this program now, `attend` finds out which of the two counts.
        secrets.renaming = Some(Renaming { seq, info: name, disclosure });
        keystore.save(&secrets, passphrase).map_err(|error| not_saved(&error))?;
        match person.outbox.submit(body).await {
            Ok(_) => {}
            Err(error @ ChainError::Refused(_)) => {
                secrets.renaming = None;
                if let Err(error) = keystore.save(&secrets, passphrase) {
                    tracing::warn!(%error, "a name that was refused is still in the key file");
                }
                return Err(ledger(&error));
            }
            Err(error) => {
                self.go_on_as(secrets, person.opens);
                return Err(ledger(&error));
            }
        }
        let saved = keystore.save(&renamed, passphrase);
        let view = self.go_on_as(renamed, Some(seq));
        saved.map_err(|error| not_saved(&error))?;
        Ok(view)
    }

    async fn draw_sheet(&self) -> Result<Sheet, Refused> {
        let person = self.person()?;
        let seed = RecoverySeed::random();
        Ok(Sheet {
            words: Words::new(seed.words()),
            user: person.profile.secrets.user.to_hex(),
            fingerprint: fingerprint(&seed.ivk()),
            network: person.profile.secrets.chain_id.to_hex(),
        })
    }

    async fn keep_sheet(&self, ask: KeepSheet) -> Result<(), Refused> {
        let person = self.person()?;
        let recovery_ivk = Some(read(&ask.words)?.ivk());
        let record = own_record(&self.setup.chain, &person).await?;
        let (user, seq, prev) =
            (person.profile.secrets.user, record.seq.saturating_add(1), record.last_tx);
        let body = SetRecoveryKey { user, recovery_ivk, seq, prev };
        person.outbox.submit(body).await.map_err(|error| ledger(&error))?;
        self.shows(seq).await;
        Ok(())
    }

    async fn recover(&self, ask: Recover) -> Result<Identity, Refused> {
        let _one = self.opening.lock().await;
        let waiting = self.person.borrow().as_ref().map(|person| Arc::clone(&person.profile));
        if waiting.as_ref().is_some_and(|profile| profile.secrets.recovering.is_none()) {
            let text = "this machine is somebody already";
            return Err(Refused::new(Fault::Conflict, text, "start conclave with another --home"));
        }
        let seed = read(&ask.words)?;
        let chain = &self.setup.chain;
        let found = find(chain, &seed.ivk()).await.map_err(|error| ledger(&error))?;
        let Some((user, info)) = found else {
            let text = "no user of this network has this recovery key";
            let next = "look whether a newer sheet was made, and whether this is the right network";
            return Err(Refused::new(Fault::Missing, text, next));
        };
        // A second try, after one that was called off, keeps the key that is on disk.
        let profile = match waiting.filter(|profile| profile.secrets.user == user) {
            Some(profile) => profile,
            None => {
                let secrets = newcomer(chain, user, info, &seed, &ask)?;
                let custody = ask.key_store.custody(ask.passphrase.as_ref());
                let saved = self.setup.keystore.save_in(&secrets, custody);
                saved.map_err(|error| not_saved(&error))?;
                self.take_over(Profile::open(secrets)).profile
            }
        };
        // Asked now, so that the person hears of a refusal; `attend` asks again when it is time.
        ask_recovery(chain, &profile).await.map_err(|error| ledger(&error))?;
        if !profile.is_registered(chain).await.map_err(|error| ledger(&error))? {
            return Ok(profile.view(false));
        }
        let mut secrets = self.setup.keystore.open(ask.passphrase.as_ref()).map_err(|error| {
            Refused::new(Fault::Wrong, error.to_string(), "give the passphrase of the key file")
        })?;
        secrets.recovering = None;
        let saved = self.setup.keystore.save(&secrets, ask.passphrase.as_ref());
        saved.map_err(|error| not_saved(&error))?;
        Ok(self.go_on_as(secrets, None))
    }

    async fn cancel_change(&self, ask: CancelChange) -> Result<(), Refused> {
        let person = self.person()?;
        let dev: DeviceId = ask
            .device
            .parse()
            .map_err(|_| Refused::new(Fault::Wrong, "that is no DeviceID", "look at what waits"))?;
        let record = own_record(&self.setup.chain, &person).await?;
        let (user, seq, prev) =
            (person.profile.secrets.user, record.seq.saturating_add(1), record.last_tx);
        let body = Cancel { user, dev, seq, prev };
        person.outbox.submit(body).await.map_err(|error| ledger(&error))?;
        Ok(())
    }
}

/// The change that puts a name on the ledger.
pub(super) fn update(
    user: UserId,
    (name, disclosure): (&str, &Disclosure),
    record: &UserRecord,
) -> Result<UpdateInfo, Refused> {
    let seq = record.seq.saturating_add(1);
    let info = published_info(&user, name, disclosure, seq)
        .map_err(|error| Refused::new(Fault::Internal, error.to_string(), "try again"))?;
    Ok(UpdateInfo { user, info, seq, prev: record.last_tx })
}

/// Asks with the key of the sheet that this device take the place of all others.
///
/// # Errors
/// The ledger refuses, or cannot be asked.
pub(super) async fn ask_recovery(chain: &Chain, profile: &Profile) -> Result<(), ChainError> {
    let secrets = &profile.secrets;
    let Some(seed) = &secrets.recovering else { return Ok(()) };
    let sheet = RecoverySeed::new(seed);
    let key = Key::User(secrets.user);
    let at = chain.snapshot(std::slice::from_ref(&key)).await?;
    let Some(Record::User(record)) = at.record(&key) else { return Err(ChainError::NotRegistered) };
    let body = Recovery {
        user: secrets.user,
        dev: secrets.device,
        ivk: secrets.ivk(),
        recovery_ivk: Some(sheet.ivk()),
        seq: record.seq.saturating_add(1),
        prev: record.last_tx,
    };
    let possession = body.prove(&secrets.chain_id, &*profile.signer);
    let expiry = Seconds(chain.time().await?.0.saturating_add(EXPIRY));
    let tx = Tx::new(secrets.chain_id, secrets.device, 0, expiry, body)
        .sign(&sheet.signer())
        .with(Role::Possession, possession);
    chain.submit(&tx).await.map(drop)
}

/// A user, and what they say of themselves on the ledger now, whichever device put it there.
async fn said(
    chain: &Chain,
    user: UserId,
) -> Result<Option<(UserRecord, Option<UserInfo>)>, ChainError> {
    let at = chain.snapshot(&naming::keys(user)).await?;
    let Some(Record::User(record)) = at.record(&Key::User(user)) else { return Ok(None) };
    Ok(Some((record.clone(), naming::info(&at, user, record))))
}

/// Its form; what cannot be read is not to be shown either.
const fn form_of(info: Option<&UserInfo>) -> InfoForm {
    match info {
        Some(UserInfo::Clear(_)) => InfoForm::Clear,
        Some(UserInfo::Commit(_)) => InfoForm::Commit,
        Some(UserInfo::Encrypted(..)) | None => InfoForm::Encrypted,
    }
}

/// Who has this recovery key, and what the ledger says about them.
async fn find(chain: &Chain, ivk: &Ivk) -> Result<Option<(UserId, Option<UserInfo>)>, ChainError> {
    let bound = Key::IvkIndex(*ivk);
    let at = chain.snapshot(std::slice::from_ref(&bound)).await?;
    let Some(Record::DeviceId(dev)) = at.record(&bound) else { return Ok(None) };
    let device = Key::Device(*dev);
    let at = chain.snapshot(std::slice::from_ref(&device)).await?;
    let Some(Record::Device(record)) = at.record(&device) else { return Ok(None) };
    let user = record.user;
    let said = said(chain, user).await?;
    let bound = said.filter(|(record, _)| record.recovery_ivk == Some(*ivk));
    Ok(bound.map(|(_, info)| (user, info)))
}

/// The key file of a device that is to come back to `user`.
fn newcomer(
    chain: &Chain,
    user: UserId,
    info: Option<UserInfo>,
    seed: &RecoverySeed,
    ask: &Recover,
) -> Result<Secrets, Refused> {
    let (name, disclosure) = match info {
        Some(UserInfo::Clear(text)) if ask.name.trim().is_empty() => {
            (text.as_str().to_owned(), Disclosure::Clear)
        }
        info => {
            let next = "the ledger hides the name you had: give one";
            let name = checked(&ask.name)
                .map_err(|error| Refused::new(Fault::Wrong, error.to_string(), next))?;
            (name, ask.form.unwrap_or_else(|| form_of(info.as_ref())).fresh_disclosure())
        }
    };
    let key = IdentityKey { algorithm: Algorithm::default(), seed: random() };
    let device = device_id(&user, &key.signer().ivk());
    let mut secrets =
        Secrets::new(chain.chain_id(), user, device, Origin::Added, key, name, disclosure);
    secrets.recovering = Some(seed.to_bytes());
    Ok(secrets)
}

fn read(words: &Words) -> Result<RecoverySeed, Refused> {
    RecoverySeed::read(words.danger_str()).map_err(|error| {
        Refused::new(Fault::Wrong, error.to_string(), "compare with the sheet, word by word")
    })
}
