//! Validators: who they are at a height, how they do as far as blocks and certificates show, and
//! what they vote about.

use std::collections::BTreeMap;

use conclave_ledger::CertificateFacts;
use conclave_protocol::{
    ApplyError, Body, Digest, Height, Key, Record, Rules, Tx, ValidatorKey,
    validators::{epoch_of, last_height_of, validators_at},
};

use super::{
    Explorer,
    index::Index,
    subject::Subject,
    wire::{ChangeView, ValidatorLine, ValidatorView, ValidatorsView, VoteView},
    words::{Sentence, change},
};

/// Blocks that liveness is judged by.
const WINDOW: usize = 256;

/// Agreed changes that are shown.
const SHOWN: u32 = 32;

/// Rounds of reading that one set may take: its head, its parts, the changes after it.
const ROUNDS: usize = 512;

impl Explorer {
    /// The validators that seal the block of this height, ascending.
    pub(super) async fn set(&self, height: Height) -> Vec<ValidatorKey> {
        let rules = Rules::from(&self.0.genesis);
        let mut view = Loaded::default();
        for _ in 0..ROUNDS {
            match validators_at(&rules, &view, height) {
                Ok(set) => return set,
                Err(ApplyError::NotLoaded(missing)) => {
                    for key in missing {
                        let record = self.record(key.clone()).await;
                        view.0.insert(key, record);
                    }
                }
                Err(_) => break,
            }
        }
        rules.validators
    }

    /// Who signed a certificate; nobody if its set is not known here.
    pub(super) async fn signers(&self, certificate: &CertificateFacts) -> Vec<ValidatorKey> {
        let set = self.set(certificate.height).await;
        if certificate.validators != set.len() {
            return Vec::new();
        }
        certificate.signers.iter().filter_map(|place| set.get(*place).copied()).collect()
    }

    pub(super) async fn validators(&self) -> ValidatorsView {
        let height = self.0.validator.status().height;
        let params = &self.0.genesis.params;
        let epoch = epoch_of(params, height);
        let set = self.set(height).await;
        let (changes, names) = self.changes().await;
        let votes = self.votes(&set).await;
        let index = self.index();
        let line = |key: &ValidatorKey| ValidatorLine {
            name: names.get(key).cloned(),
            in_force: true,
            ..self.line(&index, *key)
        };
        ValidatorsView {
            window: window(&index),
            quorum: quorum(set.len()),
            validators: set.iter().map(line).collect(),
            epoch,
            epoch_ends: last_height_of(params, epoch).0,
            votes,
            changes,
        }
    }

    /// One validator; nothing if the network never had it.
    pub(super) async fn validator(&self, key: ValidatorKey) -> Option<ValidatorView> {
        if !self.is_validator(key).await {
            return None;
        }
        let set = self.set(self.0.validator.status().height).await;
        let (_, names) = self.changes().await;
        let (txs, reach) = self.about(&Subject::Validator(key));
        let index = self.index();
        let validator = ValidatorLine {
            name: names.get(&key).cloned(),
            in_force: set.contains(&key),
            ..self.line(&index, key)
        };
        Some(ValidatorView { validator, window: window(&index), txs, reach })
    }

    /// Whether the network has this validator, or had it.
    pub(super) async fn is_validator(&self, key: ValidatorKey) -> bool {
        self.0.genesis.validators.contains(&key) || self.record(Key::Validator(key)).await.is_some()
    }

    /// The newest agreed changes, newest first, and what validators called themselves in them.
    async fn changes(&self) -> (Vec<ChangeView>, BTreeMap<ValidatorKey, String>) {
        let count = match self.record(Key::ValidatorSet).await {
            Some(Record::ValidatorSet(set)) => set.changes,
            _ => 0,
        };
        let (mut changes, mut names) = (Vec::new(), BTreeMap::new());
        for number in (count.saturating_sub(SHOWN)..count).rev() {
            let Some(Record::ValidatorChange(record)) =
                self.record(Key::ValidatorChange(number)).await
            else {
                continue;
            };
            if let (Some(key), Some(contact)) = (record.change.incoming(), record.change.contact())
            {
                names.entry(key).or_insert_with(|| contact.name.as_str().to_owned());
            }
            let params = &self.0.genesis.params;
            let epoch = epoch_of(params, record.agreed.height);
            changes.push(ChangeView {
                words: change(Sentence::new(), &record.change).parts(),
                agreed: record.agreed.height.0,
                agreed_ms: record.agreed.time.0.saturating_mul(1_000),
                from: last_height_of(params, epoch).next().0,
            });
        }
        (changes, names)
    }

    /// What the validators in force want, as far as it is not agreed.
    async fn votes(&self, set: &[ValidatorKey]) -> Vec<VoteView> {
        let agreed = match self.record(Key::ValidatorSet).await {
            Some(Record::ValidatorSet(set)) => set.changes,
            _ => 0,
        };
        let mut wanted: BTreeMap<Digest, Vec<ValidatorKey>> = BTreeMap::new();
        for key in set {
            if let Some(Record::Validator(record)) = self.record(Key::Validator(*key)).await
                && let Some(vote) = record.vote.filter(|vote| vote.seq == agreed)
            {
                wanted.entry(vote.change).or_default().push(*key);
            }
        }
        let needed = set.len().saturating_mul(2) / 3 + 1;
        let index = self.index();
        let mut votes: Vec<VoteView> = wanted
            .into_iter()
            .map(|(digest, by)| VoteView {
                words: by.first().map(|key| asked(&index, *key, digest)).unwrap_or_default(),
                by: by.iter().map(|key| hex::encode(key.0)).collect(),
                needed,
            })
            .collect();
        votes.sort_by_key(|vote| std::cmp::Reverse(vote.by.len()));
        votes
    }

    fn line(&self, index: &Index, key: ValidatorKey) -> ValidatorLine {
        let recent = || index.blocks(u64::MAX).take(WINDOW);
        let took_part =
            index.blocks(u64::MAX).find(|seen| seen.proposer == key || seen.signers.contains(&key));
        ValidatorLine {
            key: hex::encode(key.0),
            name: None,
            me: self.0.validator.status().key == key,
            in_force: false,
            proposed: recent().filter(|seen| seen.proposer == key).count(),
            signed: recent().filter(|seen| seen.signers.contains(&key)).count(),
            last_height: took_part.map(|seen| seen.height),
            last_ms: took_part.map(|seen| seen.time_ms),
        }
    }
}

/// Records at hand, absent ones too.
#[derive(Default)]
struct Loaded(BTreeMap<Key, Option<Record>>);

impl conclave_protocol::View for Loaded {
    fn get(&self, key: &Key) -> Result<Option<Record>, conclave_protocol::NotLoaded> {
        self.0.get(key).cloned().ok_or(conclave_protocol::NotLoaded)
    }
}

/// What a validator voted for, from the transaction that said so. The ledger keeps its hash only.
fn asked(index: &Index, key: ValidatorKey, digest: Digest) -> Vec<super::wire::Part> {
    index
        .about(&Subject::Validator(key))
        .filter_map(|(_, entry)| Tx::decode(&entry.bytes).ok())
        .find_map(|tx| match tx.body {
            Body::ValidatorVote(body) if body.change.digest() == digest => {
                Some(change(Sentence::new(), &body.change).parts())
            }
            _ => None,
        })
        .unwrap_or_default()
}

/// Signatures that make a certificate of a set: more than two thirds of it (n - f, n = 3f + 1).
const fn quorum(validators: usize) -> usize {
    validators - validators.saturating_sub(1) / 3
}

fn window(index: &Index) -> usize {
    index.blocks(u64::MAX).take(WINDOW).count()
}

#[cfg(test)]
mod tests {
    use super::quorum;

    #[test]
    fn a_quorum_is_what_remains_when_a_third_fails() {
        assert_eq!([1, 3, 4, 5, 7, 10].map(quorum), [1, 3, 3, 4, 5, 7]);
    }
}
