//! Keeps the index: every new block as it becomes final, and older ones while nothing else happens.
//!
//! Nothing here is waited for by the validator, and a block that cannot be read ends the search for
//! older ones: it was pruned.

use std::collections::{BTreeSet, HashMap};

use conclave_ledger::{BlockFacts, CertificateFacts, validator::AskError};
use conclave_protocol::{DeviceId, Height, Key, Record, Tx, UserId, ValidatorKey};

use super::{
    Explorer,
    index::Arrival,
    subject::{self, Subject},
};

/// Blocks that are read again before new ones are looked for.
const AT_ONCE: u64 = 64;

/// Blocks that are read again altogether.
const OLDEST: u64 = 1 << 16;

/// Devices whose users are remembered.
const OWNERS: usize = 1 << 14;

/// Reads blocks into the index of one explorer.
pub(super) struct Keeper {
    explorer: Explorer,
    /// The newest block, if it was final here before its certificate was.
    unsigned: Option<u64>,
    owners: HashMap<DeviceId, UserId>,
}

impl Keeper {
    pub(super) fn new(explorer: Explorer) -> Self {
        Self { explorer, unsigned: None, owners: HashMap::new() }
    }

    /// Runs until the validator has stopped.
    pub(super) async fn run(mut self) {
        let mut tips = self.explorer.0.validator.follow();
        let mut older = None;
        loop {
            self.catch_up(&mut older).await;
            let Some(below) = older else {
                if tips.changed().await.is_err() {
                    return;
                }
                continue;
            };
            older = self.go_back(below).await;
            if tips.has_changed().is_err() {
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Takes every block up to the newest one. The first time it begins a little before that, and
    /// `older` becomes the height from which to go back.
    async fn catch_up(&mut self, older: &mut Option<u64>) {
        let tip = self.explorer.0.validator.status().height.0;
        let known = self.explorer.index().newest();
        let first = if known == 0 { tip.saturating_sub(AT_ONCE).max(1) } else { known + 1 };
        for height in first..=tip {
            match self.read(height).await {
                Ok(arrival) => {
                    if self.explorer.index().from().is_none() {
                        *older = Some(height);
                    }
                    self.explorer.index().push(&arrival);
                    self.sign_late(height, arrival.signers.is_empty()).await;
                    self.explorer.0.grown.send_replace(height);
                }
                // Not here: the validator began with a later state, or has not caught up.
                Err(AskError::Dropped(_) | AskError::Unknown) if known == 0 => {}
                Err(_) => return,
            }
        }
    }

    /// Takes some of the blocks below; nothing when no older one can be had.
    async fn go_back(&mut self, below: u64) -> Option<u64> {
        let end = self.explorer.index().newest().saturating_sub(OLDEST).max(1);
        for height in (below.saturating_sub(AT_ONCE).max(end)..below).rev() {
            let arrival = self.read(height).await.ok()?;
            let mut index = self.explorer.index();
            // What came in meanwhile may have pushed out what this one would follow.
            if index.from() != Some(height + 1) || !index.push_older(&arrival) {
                return None;
            }
        }
        let next = below.saturating_sub(AT_ONCE).max(end);
        (next > end).then_some(next)
    }

    async fn read(&mut self, height: u64) -> Result<Arrival, AskError> {
        let validator = &self.explorer.0.validator;
        let bytes = validator.block(Height(height)).await?;
        let facts = BlockFacts::read(&bytes).map_err(|error| {
            tracing::error!(height, %error, "a final block cannot be read");
            AskError::Unknown
        })?;
        let signers = self.signers(height).await;
        let mut subjects = Vec::with_capacity(facts.txs.len());
        for tx in &facts.txs {
            subjects.push(self.subjects(&tx.tx).await);
        }
        Ok(Arrival { facts, signers, subjects })
    }

    /// Who signed exactly this block; nobody if its certificate is not here, or a descendant's.
    async fn signers(&self, height: u64) -> Vec<ValidatorKey> {
        let answer = self.explorer.0.validator.header(Height(height)).await.ok();
        match answer.and_then(|answer| CertificateFacts::read(&answer).ok()) {
            Some(certificate) if certificate.height.0 == height => {
                self.explorer.signers(&certificate).await
            }
            _ => Vec::new(),
        }
    }

    /// Looks once more for the certificate of the block before, now that there is another one.
    async fn sign_late(&mut self, height: u64, unsigned: bool) {
        if let Some(before) = self.unsigned.take() {
            let signers = self.signers(before).await;
            self.explorer.index().sign(before, signers);
        }
        self.unsigned = unsigned.then_some(height);
    }

    async fn subjects(&mut self, tx: &Tx) -> BTreeSet<Subject> {
        let mut subjects = subject::named(tx);
        let named = subjects.iter().find_map(|subject| match subject {
            Subject::User(user) => Some(*user),
            _ => None,
        });
        match named {
            Some(user) => self.remember(tx.signer, user),
            None if tx.validator().is_some() => {}
            None => subjects.extend(self.owner(tx.signer).await.map(Subject::User)),
        }
        if let Some((mid, members)) = subject::numbered(tx) {
            for idx in members {
                if let Some(Record::Member(member)) =
                    self.explorer.record(Key::Member(mid, idx)).await
                {
                    subjects.extend([Subject::User(member.user), Subject::Device(member.dev)]);
                }
            }
        }
        subjects
    }

    /// Whose device this is.
    async fn owner(&mut self, dev: DeviceId) -> Option<UserId> {
        if let Some(user) = self.owners.get(&dev) {
            return Some(*user);
        }
        let Some(Record::Device(device)) = self.explorer.record(Key::Device(dev)).await else {
            return None;
        };
        self.remember(dev, device.user);
        Some(device.user)
    }

    fn remember(&mut self, dev: DeviceId, user: UserId) {
        if self.owners.len() >= OWNERS {
            self.owners.clear();
        }
        self.owners.insert(dev, user);
    }
}
