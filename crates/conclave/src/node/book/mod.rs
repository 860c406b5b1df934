//! What this device remembers between runs: the people it met with their keys, the last change of
//! its own user that it knows of, and the meetings it was in until the ledger has forgotten them.
//!
//! One file beside the key file, `book`: XChaCha20-Poly1305 under HKDF-SHA-256(ISK seed,
//! "CONCLAVE-V1/book"), associated data chain_id and device, so nobody who writes on this disk can
//! make a stranger a friend. It holds no secret of a meeting. Flow: proven user records in,
//! judgements out; every change is on disk before it counts.

mod seal;

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use conclave_protocol::{DeviceId, Digest, Ivk, MeetingId, UserId, UserRecord};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use self::seal::{book_key, seal, unseal};
use crate::{files, keystore::Secrets};

/// The book of one identity. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Book(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    aad: Vec<u8>,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    key: Zeroizing<[u8; 32]>,
    pages: Pages,
}

/// What the file holds.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
struct Pages {
    /// Whom this device met.
    people: BTreeMap<String, Contact>,
    /// The newest change of the own user that was looked at: its hash.
    seen: Option<String>,
    /// Own changes that were made from this device: their hashes.
    mine: Vec<String>,
    /// Changes that somebody else made and the person has not yet said to know about.
    unexplained: Vec<Foreign>,
    /// Meetings that this device was in under its own name and that the state of the ledger may
    /// still have, each with a time before which it was not over.
    #[serde(default)]
    meetings: BTreeMap<String, u64>,
}

/// A person as this device last met them.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Contact {
    /// What they went by.
    pub(crate) name: String,
    /// First meeting together, milliseconds since the Unix epoch.
    pub(crate) since_ms: u64,
    /// Last meeting together.
    pub(crate) last_ms: u64,
    /// Number of the last change of theirs that was known then.
    seq: u32,
    /// Hash of that change.
    last_tx: String,
    /// Key of each device they came with: hash of the encoded IVK.
    devices: BTreeMap<String, String>,
}

/// A change of the own user that was not made from this device.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Foreign {
    /// Hash of the transaction.
    pub(crate) id: String,
    /// What it did, in plain words.
    pub(crate) text: String,
    /// When it became final, milliseconds since the Unix epoch.
    pub(crate) at_ms: u64,
}

/// Somebody as the ledger shows them now.
#[derive(Clone, Debug)]
pub(crate) struct Person<'a> {
    pub(crate) user: UserId,
    pub(crate) dev: DeviceId,
    pub(crate) ivk: &'a Ivk,
    pub(crate) record: &'a UserRecord,
    pub(crate) name: &'a str,
}

/// What is remembered of somebody.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Acquaintance {
    /// Never met.
    New,
    /// Met with this very device and key.
    SameKey { since_ms: u64 },
    /// Met, and nothing about them has changed on the ledger since; only the device is another one
    /// of theirs.
    OtherDevice { since_ms: u64 },
    /// Met, and they changed something since: whether that is an unbroken chain from what was
    /// known must be asked of the ledger, down to the change with this hash.
    Changed { since_ms: u64, known: Digest, changes: u32 },
    /// Met, and the ledger shows an older or another past than it showed then.
    Rewritten { since_ms: u64 },
}

impl Book {
    /// The book in `home`; an empty one when there is none.
    ///
    /// # Errors
    /// The file is there and is not this identity's, or cannot be read. It is left as it is.
    pub(crate) fn open(home: &Path, secrets: &Secrets) -> io::Result<Self> {
        let path = home.join("book");
        let aad = [&secrets.chain_id.0[..], &secrets.device.0].concat();
        let key = book_key(secrets);
        let pages = match files::read_private(&path, MAX_FILE) {
            Ok(bytes) => unseal(&key, &aad, &bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Pages::default(),
            Err(error) => return Err(error),
        };
        Ok(Self(Arc::new(Shared { path, aad, inner: Mutex::new(Inner { key, pages }) })))
    }

    /// A book that is never written; when the file of another one is in the way.
    pub(crate) fn blank(secrets: &Secrets) -> Self {
        let inner = Inner { key: book_key(secrets), pages: Pages::default() };
        let (path, aad) = (PathBuf::new(), Vec::new());
        Self(Arc::new(Shared { path, aad, inner: Mutex::new(inner) }))
    }

    /// The identity key is another one now: the book opens with that one from here on.
    ///
    /// # Errors
    /// The disk refuses.
    pub(crate) fn rekey(&self, secrets: &Secrets) -> io::Result<()> {
        let mut inner = self.lock();
        let pages = inner.pages.clone();
        let key = book_key(secrets);
        self.write(&key, &pages)?;
        inner.key = key;
        Ok(())
    }

    /// What is remembered of somebody.
    pub(crate) fn judge(&self, person: &Person<'_>) -> Acquaintance {
        let inner = self.lock();
        let Some(known) = inner.pages.people.get(&person.user.to_hex()) else {
            return Acquaintance::New;
        };
        let since_ms = known.since_ms;
        let now = person.record;
        if (now.seq, hex::encode(now.last_tx.0)) == (known.seq, known.last_tx.clone()) {
            let met = known.devices.get(&person.dev.to_hex()) == Some(&key_hash(person.ivk));
            return if met {
                Acquaintance::SameKey { since_ms }
            } else {
                Acquaintance::OtherDevice { since_ms }
            };
        }
        match (now.seq.checked_sub(known.seq), digest(&known.last_tx)) {
            (Some(changes @ 1..), Some(digest)) => {
                Acquaintance::Changed { since_ms, known: digest, changes }
            }
            _ => Acquaintance::Rewritten { since_ms },
        }
    }

    /// This device was in a meeting with somebody it holds to be who they are.
    ///
    /// # Errors
    /// The disk refuses; nothing is remembered then.
    pub(crate) fn met(&self, person: &Person<'_>, now_ms: u64) -> io::Result<()> {
        self.change(|pages| {
            if pages.people.len() >= MAX_PEOPLE && !pages.people.contains_key(&person.user.to_hex())
            {
                let oldest = pages
                    .people
                    .iter()
                    .min_by_key(|(_, one)| one.last_ms)
                    .map(|(id, _)| id.clone());
                oldest.map(|id| pages.people.remove(&id));
            }
            let contact = pages.people.entry(person.user.to_hex()).or_insert_with(|| Contact {
                name: String::new(),
                since_ms: now_ms,
                last_ms: now_ms,
                seq: 0,
                last_tx: String::new(),
                devices: BTreeMap::new(),
            });
            contact.name = person.name.to_owned();
            contact.last_ms = now_ms;
            contact.seq = person.record.seq;
            contact.last_tx = hex::encode(person.record.last_tx.0);
            contact.devices.insert(person.dev.to_hex(), key_hash(person.ivk));
            while contact.devices.len() > MAX_DEVICES {
                contact.devices.pop_first();
            }
        })
    }

    /// Everyone this device met, by UserID.
    pub(crate) fn people(&self) -> Vec<(String, Contact)> {
        self.lock().pages.people.iter().map(|(user, one)| (user.clone(), one.clone())).collect()
    }

    /// Forgets somebody; whether they were known.
    ///
    /// # Errors
    /// The disk refuses.
    pub(crate) fn forget(&self, user: &str) -> io::Result<bool> {
        let mut known = false;
        self.change(|pages| known = pages.people.remove(user).is_some())?;
        Ok(known)
    }

    /// This device is in a meeting, or learned that it was not over at this time. With `begins` a
    /// meeting is written down that is not there yet.
    ///
    /// # Errors
    /// The disk refuses.
    pub(crate) fn attended(&self, mid: MeetingId, at_ms: u64, begins: bool) -> io::Result<()> {
        self.change(|pages| {
            let known = pages.meetings.get(&mid.to_hex()).copied();
            if known.is_none() && !begins {
                return;
            }
            if pages.meetings.len() >= MAX_MEETINGS && known.is_none() {
                let oldest = pages.meetings.iter().min_by_key(|(_, at)| **at);
                let oldest = oldest.map(|(mid, _)| mid.clone());
                oldest.map(|mid| pages.meetings.remove(&mid));
            }
            pages.meetings.insert(mid.to_hex(), known.unwrap_or(0).max(at_ms));
        })
    }

    /// The ledger has nothing more of a meeting than its name.
    ///
    /// # Errors
    /// The disk refuses.
    pub(crate) fn cleared(&self, mid: MeetingId) -> io::Result<()> {
        self.change(|pages| {
            pages.meetings.remove(&mid.to_hex());
        })
    }

    /// Meetings that were not seen since then, the oldest first.
    pub(crate) fn meetings(&self, until_ms: u64) -> Vec<MeetingId> {
        let inner = self.lock();
        let mut old: Vec<_> =
            inner.pages.meetings.iter().filter(|(_, at)| **at < until_ms).collect();
        old.sort_by_key(|(_, at)| **at);
        old.into_iter().filter_map(|(mid, _)| mid.parse().ok()).collect()
    }

    /// The newest change of the own user that was looked at.
    pub(crate) fn seen(&self) -> Option<Digest> {
        self.lock().pages.seen.as_deref().and_then(digest)
    }

    /// Whether this device made that change.
    pub(crate) fn is_mine(&self, id: &Digest) -> bool {
        self.lock().pages.mine.contains(&hex::encode(id.0))
    }

    /// This device is about to make a change; before it is sent.
    ///
    /// # Errors
    /// The disk refuses.
    pub(crate) fn mine(&self, id: &Digest) -> io::Result<()> {
        self.change(|pages| {
            pages.mine.push(hex::encode(id.0));
            if pages.mine.len() > MAX_MINE {
                pages.mine.remove(0);
            }
        })
    }

    /// All changes up to `last` were looked at, and these were made by others.
    ///
    /// # Errors
    /// The disk refuses.
    pub(crate) fn looked(&self, last: &Digest, foreign: Vec<Foreign>) -> io::Result<()> {
        self.change(|pages| {
            pages.seen = Some(hex::encode(last.0));
            pages.unexplained.extend(foreign);
            let excess = pages.unexplained.len().saturating_sub(MAX_MINE);
            pages.unexplained.drain(..excess);
        })
    }

    /// Changes by others that the person has not yet said to know about.
    pub(crate) fn unexplained(&self) -> Vec<Foreign> {
        self.lock().pages.unexplained.clone()
    }

    /// The person knows about all of them.
    ///
    /// # Errors
    /// The disk refuses.
    pub(crate) fn acknowledge(&self) -> io::Result<()> {
        self.change(|pages| pages.unexplained.clear())
    }

    /// On disk first, then in memory.
    fn change(&self, change: impl FnOnce(&mut Pages)) -> io::Result<()> {
        let mut inner = self.lock();
        let mut pages = inner.pages.clone();
        change(&mut pages);
        if pages != inner.pages {
            self.write(&inner.key, &pages)?;
            inner.pages = pages;
        }
        Ok(())
    }

    fn write(&self, key: &[u8; 32], pages: &Pages) -> io::Result<()> {
        if self.0.path.as_os_str().is_empty() {
            return Ok(());
        }
        files::replace(&self.0.path, &seal(key, &self.0.aad, pages)?)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key_hash(ivk: &Ivk) -> String {
    hex::encode(Digest::of(&[&conclave_protocol::encode(ivk)]).0)
}

fn digest(text: &str) -> Option<Digest> {
    hex::decode(text).ok()?.try_into().ok().map(Digest)
}

const MAX_FILE: u64 = 8 << 20;
const MAX_PEOPLE: usize = 4_096;
const MAX_DEVICES: usize = 16;
const MAX_MINE: usize = 256;
const MAX_MEETINGS: usize = 1_024;

#[cfg(test)]
mod tests;
