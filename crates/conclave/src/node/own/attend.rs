//! Keeps an eye on the person's own user: is it registered, which devices has it, and did anything
//! change that was not done from here (the self-audit, at every start and with every block).
//!
//! The proven user record names the hash of the last change, that one the hash before it, and so
//! on: what this task shows is the whole past or it says that it is not. What another device of the
//! person calls them on the ledger, this one takes up, or says that it cannot.

use std::{sync::Arc, time::Duration};

use conclave_protocol::{
    Body, Digest, Key, Record, UserInfo, UserRecord,
    identity::{RevokeDevice, SetRecoveryKey, Wish},
};
use tokio::sync::{Mutex, broadcast, watch};

use super::{
    naming::{self, Naming},
    recovery::{ask_recovery, update},
    waits::{Waits, waits},
    words,
};
use crate::{
    chain::{Chain, ChainError, Change, Entry, Snapshot},
    http::wire,
    keystore::{Disclosure, fingerprint},
    node::{
        Person, Setup,
        book::{Book, Foreign},
        profile::{Profile, ProfileError},
    },
};

/// Least time between two questions to the ledger.
const AGAIN: Duration = Duration::from_secs(1);

/// What whoever looks after an identity shares with the daemon.
pub(in crate::node) struct Desk {
    pub(in crate::node) setup: Arc<Setup>,
    /// Held by whoever changes the identity, or begins a meeting with it.
    pub(in crate::node) opening: Arc<Mutex<()>>,
    pub(in crate::node) notices: broadcast::Sender<wire::Notice>,
    pub(in crate::node) person: watch::Sender<Option<Person>>,
}

/// Looks after one identity until another one takes its place.
pub(in crate::node) async fn attend(desk: Desk, book: Book, profile: Arc<Profile>) {
    let Desk { setup, opening, notices, person } = desk;
    let mut watcher = Watcher {
        chain: setup.chain.clone(),
        setup,
        opening,
        notices,
        book,
        profile,
        person,
        past: Vec::new(),
        last: None,
        waits: Vec::new(),
    };
    let mut headers = watcher.chain.headers();
    let mut registered = false;
    while watcher.is_current() {
        if !registered {
            registered = watcher.settle().await;
        }
        if registered && let Err(error) = watcher.look_and_act().await {
            tracing::debug!(%error, "the own user could not be looked at");
        }
        // With the ledger's next block, but not in a rush.
        tokio::time::sleep(AGAIN).await;
        if headers.changed().await.is_err() {
            return;
        }
    }
}

struct Watcher {
    chain: Chain,
    setup: Arc<Setup>,
    opening: Arc<Mutex<()>>,
    notices: broadcast::Sender<wire::Notice>,
    book: Book,
    profile: Arc<Profile>,
    person: watch::Sender<Option<Person>>,
    /// Every change of the user that was fetched, newest first.
    past: Vec<Change>,
    /// The user as last looked at.
    last: Option<Digest>,
    /// What waits, as last looked at.
    waits: Vec<Waits>,
}

impl Watcher {
    /// Whether this is still the identity of the daemon.
    fn is_current(&self) -> bool {
        let person = self.person.borrow();
        person.as_ref().is_some_and(|person| Arc::ptr_eq(&person.profile, &self.profile))
    }

    /// Makes sure that the ledger has the identity of the key file: this program may have been
    /// killed between writing the one and hearing of the other. True when it has.
    async fn settle(&self) -> bool {
        let known = match self.profile.is_registered(&self.chain).await {
            Ok(false) if self.profile.is_founder() => {
                self.profile.register(&self.chain, Entry::Sponsored).await.map(|_| true)
            }
            known => known.map_err(ProfileError::from),
        };
        match known {
            Ok(true) => {
                self.person.send_if_modified(|person| person.as_mut().is_some_and(Person::confirm))
            }
            Ok(false) if self.profile.secrets.recovering.is_some() => {
                if let Err(error) = self.wait_for_recovery().await {
                    tracing::debug!(%error, "the recovery could not be looked at");
                }
                return false;
            }
            // Another device of the person has not added this one yet.
            Ok(false) => return false,
            Err(error) => {
                tracing::warn!(%error, "the identity is not confirmed by the ledger yet");
                return false;
            }
        };
        true
    }

    /// Shows how long a recovery still waits, and asks for it again when the time is over. One
    /// that was called off is not asked for again from here.
    async fn wait_for_recovery(&self) -> Result<(), ChainError> {
        let me = self.profile.secrets.device;
        let key = Key::Pending(me);
        let at = self.chain.snapshot(std::slice::from_ref(&key)).await?;
        let pending = match at.record(&key) {
            Some(Record::Pending(record)) => Some(Waits { by: me, record: record.clone() }),
            _ => None,
        };
        let view: Vec<_> = pending.iter().map(|waits| waits.view(&me, &[])).collect();
        self.person.send_if_modified(|person| match person.as_mut() {
            Some(person) if person.view.waits != view => {
                person.view.waits = view;
                true
            }
            _ => false,
        });
        match pending {
            Some(waits) if self.chain.time().await? >= waits.record.due => {
                ask_recovery(&self.chain, &self.profile).await
            }
            _ => Ok(()),
        }
    }

    async fn look_and_act(&mut self) -> Result<(), ChainError> {
        self.look().await?;
        self.ask_again().await
    }

    /// What this device asked for is asked for again when others had the time to object.
    async fn ask_again(&self) -> Result<(), ChainError> {
        let me = self.profile.secrets.device;
        let Some(own) = self.waits.iter().find(|waits| waits.by == me) else { return Ok(()) };
        if self.chain.time().await? < own.record.due {
            return Ok(());
        }
        let key = Key::User(own.record.user);
        let at = self.chain.snapshot(std::slice::from_ref(&key)).await?;
        let Some(Record::User(record)) = at.record(&key) else { return Ok(()) };
        let (user, seq, prev) = (own.record.user, record.seq.saturating_add(1), record.last_tx);
        let body: Body = match own.record.wish {
            Wish::Revocation(dev) => RevokeDevice { user, dev, reason: 0, seq, prev }.into(),
            Wish::RecoveryKey(recovery_ivk) => {
                SetRecoveryKey { user, recovery_ivk, seq, prev }.into()
            }
            Wish::Recovery(_) => return Ok(()),
        };
        self.submit(body).await
    }

    async fn submit(&self, body: Body) -> Result<(), ChainError> {
        let outbox = self.person.borrow().as_ref().map(|person| person.outbox.clone());
        match outbox {
            Some(outbox) => outbox.submit(body).await.map(drop),
            None => Ok(()),
        }
    }

    /// Number of the change that set the info, and the info; nothing if the past is not known.
    fn info(&self, record: &UserRecord) -> Option<(u32, &UserInfo)> {
        let mut newest = (0..=record.seq).rev().zip(&self.past);
        newest.find_map(|(seq, change)| match &change.tx.body {
            Body::UpdateInfo(body) => Some((seq, &body.info)),
            Body::RegisterUser(body) => Some((seq, &body.info)),
            _ => None,
        })
    }

    /// Whether this device came back by recovery and has not said yet what its user goes by.
    fn owes_name(&self, record: &UserRecord) -> bool {
        let kept = match (self.info(record), &self.profile.secrets.disclosure) {
            (Some((_, UserInfo::Clear(text))), Disclosure::Clear) => {
                text.as_str() == self.profile.secrets.info
            }
            _ => false,
        };
        let mut said = self.past.iter().map(|change| &change.tx.body);
        let last = said.find(|body| matches!(body, Body::UpdateInfo(_) | Body::Recover(_)));
        let back =
            matches!(last, Some(Body::Recover(body)) if body.dev == self.profile.secrets.device);
        back && !kept
    }

    async fn look(&mut self) -> Result<(), ChainError> {
        let user = self.profile.secrets.user;
        let first = self.chain.snapshot(&naming::keys(user)).await?;
        let Some(Record::User(record)) = first.record(&Key::User(user)) else { return Ok(()) };
        if self.last == Some(record.last_tx) {
            return Ok(());
        }
        let devices = self.devices(record).await?;
        let known = self.past.first().map(|change| Digest(change.id.0));
        let complete = match self.chain.changes(record.last_tx, known).await {
            Ok(mut newer) => {
                let joins = newer.last().is_none_or(|oldest| {
                    oldest.tx.body.prev() == known || oldest.tx.body.prev().is_none()
                });
                if known.is_some() && joins {
                    newer.append(&mut self.past);
                }
                self.past = newer;
                true
            }
            Err(ChainError::Forgotten) => false,
            Err(error) => return Err(error),
        };
        let rewritten = complete && !self.audit(record);
        self.waits = waits(&self.chain, &devices, &self.past).await?;
        let owes = complete && self.owes_name(record);
        if owes {
            let secrets = &self.profile.secrets;
            match update(user, (&secrets.info, &secrets.disclosure), record) {
                Ok(body) => return self.submit(body.into()).await,
                Err(refused) => tracing::warn!(?refused, "the name could not be put on the ledger"),
            }
        }
        let there = naming::info(&first, user, record).filter(|_| !owes);
        let naming = there.map(|there| naming::judge(&self.profile.secrets, &there, record.seq));
        let opens = match naming {
            None => None,
            Some(Naming::Kept(seq)) => Some(seq),
            Some(other) => {
                // Whoever renames from here holds this until the new name is this device's.
                let opening = Arc::clone(&self.opening);
                let _one = opening.lock().await;
                if !self.is_current() {
                    return Ok(());
                }
                self.follow(other)
            }
        };
        self.last = Some(record.last_tx);
        let me = self.profile.secrets.device;
        let waits: Vec<_> = self.waits.iter().map(|waits| waits.view(&me, &devices)).collect();
        let handle = record.handle.as_ref().map(|name| name.as_str().to_owned());
        let recovery = record.recovery_ivk.is_some();
        let changes: Vec<_> = self.past.iter().map(|change| self.view(change)).collect();
        let unexplained = unexplained(&self.book);
        let profile = &self.profile;
        self.person.send_if_modified(|person| {
            let current = |person: &&mut Person| Arc::ptr_eq(&person.profile, profile);
            let Some(person) = person.as_mut().filter(current) else { return false };
            person.view.devices = devices;
            person.view.changes = changes;
            person.view.unexplained = unexplained;
            person.view.rewritten |= rewritten;
            person.view.waits = waits;
            person.view.handle = handle;
            person.view.recovery = recovery;
            person.opens = opens;
            person.seen = Some(record.seq);
            true
        });
        Ok(())
    }

    /// Takes up what the ledger calls the person. Returns the number of the change that this
    /// device can open, if any.
    fn follow(&mut self, naming: Naming) -> Option<u32> {
        let profile = Arc::clone(&self.profile);
        match naming {
            Naming::Kept(seq) => return Some(seq),
            Naming::Renamed(seq) => {
                let next = profile.secrets.renaming.as_ref()?;
                self.go_by(&next.info, &next.disclosure);
                return Some(seq);
            }
            Naming::Plain(name) => self.go_by(&name, &Disclosure::Clear),
            Naming::Hidden => {
                let text = "another device of yours changed your name, and this one cannot open it";
                tracing::warn!("{text}");
                // The page may not be open; what was changed elsewhere says it, too.
                let _nobody = self.notices.send(wire::Notice {
                    id: "name".to_owned(),
                    level: wire::Level::Warn,
                    text: text.to_owned(),
                    next: GIVE_AGAIN.to_owned(),
                });
            }
        }
        None
    }

    /// From here on this device calls the person so, too. Where the key file does not open without
    /// a passphrase, the next start finds the same.
    fn go_by(&mut self, info: &str, disclosure: &Disclosure) {
        let Setup { keystore, passphrase, .. } = &*self.setup;
        let passphrase = passphrase.as_ref();
        match keystore.open(passphrase).map(|kept| kept.known_as(info, disclosure)) {
            Ok(kept) => {
                if let Err(error) = keystore.save(&kept, passphrase) {
                    tracing::warn!(%error, "the key file could not be written");
                }
            }
            Err(error) => tracing::debug!(%error, "the name is not in the key file yet"),
        }
        let profile = Arc::new(Profile::open(self.profile.secrets.known_as(info, disclosure)));
        self.person.send_if_modified(|person| {
            let Some(person) = person.as_mut() else { return false };
            person.view.info = profile.view(true).info;
            person.profile = Arc::clone(&profile);
            true
        });
        self.profile = profile;
    }

    /// Compares the past with what this device had seen of it. False when the one does not
    /// continue the other.
    fn audit(&self, record: &UserRecord) -> bool {
        let news = match self.book.seen() {
            // This device looks for the first time: all of it is news to nobody.
            None => Vec::new(),
            Some(seen) => {
                let Some(count) = self.past.iter().position(|change| change.id.0 == seen.0) else {
                    return false;
                };
                self.past.iter().take(count).collect()
            }
        };
        let foreign = news
            .into_iter()
            .rev()
            .filter(|change| !self.is_mine(change))
            .map(|change| Foreign {
                id: change.id.to_hex(),
                text: unknown(&change.tx.body),
                at_ms: change.at.time_ms,
            })
            .collect();
        if let Err(error) = self.book.looked(&record.last_tx, foreign) {
            tracing::warn!(%error, "what was seen of the own user could not be written down");
        }
        true
    }

    async fn devices(&self, record: &UserRecord) -> Result<Vec<wire::Device>, ChainError> {
        let user = self.profile.secrets.user;
        let names: Vec<_> = (0..record.devices).map(|n| Key::UserDevice(user, n)).collect();
        let named = self.chain.snapshot(&names).await?;
        let ids = names.iter().filter_map(|key| match named.record(key) {
            Some(Record::DeviceId(dev)) => Some(*dev),
            _ => None,
        });
        let keys: Vec<_> = ids.map(Key::Device).collect();
        let found = self.chain.snapshot(&keys).await?;
        let mut devices: Vec<_> = keys.iter().filter_map(|key| self.device(key, &found)).collect();
        devices.sort_by_key(|device| device.seniority);
        Ok(devices)
    }

    fn device(&self, key: &Key, at: &Snapshot) -> Option<wire::Device> {
        let (Key::Device(dev), Some(Record::Device(record))) = (key, at.record(key)) else {
            return None;
        };
        Some(wire::Device {
            device: dev.to_hex(),
            fingerprint: fingerprint(&record.ivk),
            me: *dev == self.profile.secrets.device,
            active: record.is_active(),
            seniority: record.seniority,
            added_at_ms: record.added.time.0.saturating_mul(1_000),
        })
    }

    fn view(&self, change: &Change) -> wire::Change {
        let mine = self.is_mine(change);
        let body = &change.tx.body;
        wire::Change {
            id: change.id.to_hex(),
            text: if mine { words::change(body) } else { unknown(body) },
            at_ms: change.at.time_ms,
            height: change.at.height.0,
            by: change.tx.signer.to_hex(),
            mine,
        }
    }

    /// Whether this device made the change. The registration of the user with this device as its
    /// first one needs its key, which nobody else has.
    fn is_mine(&self, change: &Change) -> bool {
        let founded = matches!(change.tx.body, Body::RegisterUser(_))
            && change.tx.signer == self.profile.secrets.device;
        founded || self.book.is_mine(&Digest(change.id.0))
    }
}

/// A change that was not made here, with what it means for this device.
fn unknown(body: &Body) -> String {
    match body {
        Body::UpdateInfo(body) if !matches!(body.info, UserInfo::Clear(_)) => {
            format!("the info was replaced by one that this device cannot open: {GIVE_AGAIN}")
        }
        body => words::change(body),
    }
}

/// What helps a device that knows a former name only.
const GIVE_AGAIN: &str = "give the name here once more";

/// What the person has not said to know about.
pub(in crate::node) fn unexplained(book: &Book) -> Vec<wire::Change> {
    let view = |foreign: Foreign| wire::Change {
        id: foreign.id,
        text: foreign.text,
        at_ms: foreign.at_ms,
        ..wire::Change::default()
    };
    book.unexplained().into_iter().map(view).collect()
}
