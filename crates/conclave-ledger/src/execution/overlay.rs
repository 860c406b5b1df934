//! What the rules read and write while a block is executed: loaded records under written ones.

use std::{collections::BTreeMap, future::Future};

use commonware_cryptography::sha256::Digest;
use conclave_protocol::{Changes, Key, Ledger, NotLoaded, Record, View};

use crate::state::{Slot, pack, state_key};

/// Somewhere records are loaded from: a batch on top of a block, or the finalized databases.
pub(crate) trait Source: Sync {
    /// What each of the keys holds, in order.
    fn load(&self, keys: &[Key]) -> impl Future<Output = Vec<Option<Record>>> + Send;
}

/// Records loaded from a [`Source`], and the changes made on top of them.
pub(crate) struct Overlay<'a, S> {
    source: &'a S,
    loaded: BTreeMap<Key, Option<Record>>,
    written: BTreeMap<Key, Option<Record>>,
}

impl<'a, S: Source> Overlay<'a, S> {
    /// Nothing loaded, nothing written.
    pub(crate) const fn new(source: &'a S) -> Self {
        Self { source, loaded: BTreeMap::new(), written: BTreeMap::new() }
    }

    /// Loads what is not loaded yet.
    pub(crate) async fn load(&mut self, keys: &[Key]) {
        if keys.is_empty() {
            return;
        }
        let records = self.source.load(keys).await;
        for (key, record) in keys.iter().zip(records) {
            self.loaded.entry(key.clone()).or_insert(record);
        }
    }

    /// Whether what a key holds is at hand.
    pub(crate) fn has(&self, key: &Key) -> bool {
        self.written.contains_key(key) || self.loaded.contains_key(key)
    }

    /// Takes over the changes of one transaction.
    pub(crate) fn write(&mut self, changes: &Changes) {
        for (key, record) in &changes.writes {
            self.written.insert(key.clone(), record.clone());
        }
    }

    /// What really changed, per ledger in ascending order of state keys. A value that ends as it
    /// began is left out: writing it again would still change the root.
    pub(crate) async fn into_writes(mut self) -> (Writes, Writes) {
        let unread: Vec<_> =
            self.written.keys().filter(|key| !self.loaded.contains_key(*key)).cloned().collect();
        self.load(&unread).await;
        let (mut identity, mut meeting) = (Writes::new(), Writes::new());
        for (key, record) in self.written {
            if self.loaded.get(&key).is_some_and(|before| *before == record) {
                continue;
            }
            let (ledger, digest) = state_key(&key);
            let slot = record.as_ref().and_then(pack);
            match ledger {
                Ledger::Identity => identity.insert(digest, slot),
                Ledger::Meeting => meeting.insert(digest, slot),
            };
        }
        (identity, meeting)
    }
}

/// Writes of one ledger: `None` deletes.
pub(crate) type Writes = BTreeMap<Digest, Option<Slot>>;

impl<S> View for Overlay<'_, S> {
    fn get(&self, key: &Key) -> Result<Option<Record>, NotLoaded> {
        self.written.get(key).or_else(|| self.loaded.get(key)).cloned().ok_or(NotLoaded)
    }
}
