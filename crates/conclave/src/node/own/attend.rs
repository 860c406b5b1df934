//! Keeps an eye on the person's own user: is it registered, which devices has it, and did anything
//! change that was not done from here (the self-audit, at every start and with every block).
//!
//! The proven user record names the hash of the last change, that one the hash before it, and so
//! on: what this task shows is the whole past or it says that it is not.

use std::{sync::Arc, time::Duration};

use conclave_protocol::{Body, Digest, Key, Record, UserRecord};
use tokio::sync::watch;

use super::words;
use crate::{
    chain::{Chain, ChainError, Change, Snapshot},
    http::wire,
    keystore::fingerprint,
    node::{
        Person,
        book::{Book, Foreign},
        profile::{Profile, ProfileError},
    },
};

/// Least time between two questions to the ledger.
const AGAIN: Duration = Duration::from_secs(1);

/// Looks after one identity until another one takes its place.
pub(in crate::node) async fn attend(
    chain: Chain,
    book: Book,
    profile: Arc<Profile>,
    person: watch::Sender<Option<Person>>,
) {
    let mut watcher = Watcher { chain, book, profile, person, past: Vec::new(), last: None };
    let mut headers = watcher.chain.headers();
    let mut registered = false;
    while watcher.is_current() {
        if !registered {
            registered = watcher.settle().await;
        }
        if registered && let Err(error) = watcher.look().await {
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
    book: Book,
    profile: Arc<Profile>,
    person: watch::Sender<Option<Person>>,
    /// Every change of the user that was fetched, newest first.
    past: Vec<Change>,
    /// The user as last looked at.
    last: Option<Digest>,
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
                self.profile.register(&self.chain).await.map(|_| true)
            }
            known => known.map_err(ProfileError::from),
        };
        match known {
            Ok(true) => {
                self.person.send_if_modified(|person| person.as_mut().is_some_and(Person::confirm))
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

    async fn look(&mut self) -> Result<(), ChainError> {
        let user = self.profile.secrets.user;
        let key = Key::User(user);
        let first = self.chain.snapshot(std::slice::from_ref(&key)).await?;
        let Some(Record::User(record)) = first.record(&key) else { return Ok(()) };
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
        self.last = Some(record.last_tx);
        let changes: Vec<_> = self.past.iter().map(|change| self.view(change)).collect();
        let unexplained = unexplained(&self.book);
        self.person.send_if_modified(|person| {
            let Some(person) = person.as_mut() else { return false };
            person.view.devices = devices;
            person.view.changes = changes;
            person.view.unexplained = unexplained;
            person.view.rewritten |= rewritten;
            true
        });
        Ok(())
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
                text: words::change(&change.tx.body),
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
        wire::Change {
            id: change.id.to_hex(),
            text: words::change(&change.tx.body),
            at_ms: change.at.time_ms,
            height: change.at.height.0,
            by: change.tx.signer.to_hex(),
            mine: self.is_mine(change),
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
