//! The validators as the ledger has them: who decides, who will, and what they vote about.

use std::collections::BTreeMap;

use conclave_protocol::{
    Ed25519Signer, Height, Key, Record, Rules, Seconds, Tx, ValidatorChange, ValidatorKey,
    ValidatorVote, View,
    validators::{
        CastVote, Contact, ValidatorChangeRecord, ValidatorRecord, epoch_of, is_quorum,
        last_height_of, validators_after, validators_at,
    },
};

use super::{Chain, ChainError, Included, Snapshot};

/// The validators of a network at one final height, proven.
#[derive(Clone, Debug)]
pub struct Consortium {
    /// The height.
    pub height: Height,
    /// Chain time there.
    pub time: Seconds,
    /// The epoch of the next block.
    pub epoch: u64,
    /// The last block of that epoch: changes are in force after it.
    pub last: Height,
    /// Who seals the next block, in ascending order.
    pub set: Vec<ValidatorKey>,
    /// Who seals the blocks of the epoch after it.
    pub next: Vec<ValidatorKey>,
    /// All changes that were agreed, in their order.
    pub changes: Vec<ValidatorChangeRecord>,
    records: BTreeMap<ValidatorKey, ValidatorRecord>,
}

impl Consortium {
    /// The votes that are open: each change that somebody of the set has voted for, and who did.
    #[must_use]
    pub fn open(&self) -> Vec<(CastVote, Vec<ValidatorKey>)> {
        let mut open: BTreeMap<_, (CastVote, Vec<ValidatorKey>)> = BTreeMap::new();
        for key in &self.set {
            let vote = self.records.get(key).and_then(|record| record.vote);
            if let Some(vote) = vote.filter(|vote| vote.seq == self.seq()) {
                open.entry(vote.change).or_insert_with(|| (vote, Vec::new())).1.push(*key);
            }
        }
        open.into_values().collect()
    }

    /// The number of the change that is voted on next.
    #[must_use]
    pub fn seq(&self) -> u32 {
        u32::try_from(self.changes.len()).unwrap_or(u32::MAX)
    }

    /// How many of the set must vote for a change.
    #[must_use]
    pub fn needed(&self) -> usize {
        let of = self.set.len();
        (0..=of).find(|votes| is_quorum(*votes, of)).unwrap_or(of)
    }

    /// Where a validator that came by a change is reached.
    #[must_use]
    pub fn contact(&self, key: &ValidatorKey) -> Option<&Contact> {
        let changes = self.changes.iter().rev().map(|record| &record.change);
        changes.filter(|change| change.incoming() == Some(*key)).find_map(ValidatorChange::contact)
    }

    fn nonce(&self, key: &ValidatorKey) -> u64 {
        self.records.get(key).map_or(0, |record| record.next_nonce)
    }
}

impl Chain {
    /// The validators at the newest final height.
    ///
    /// # Errors
    /// Those of [`snapshot`](Self::snapshot); [`ChainError::Incomplete`] if the set changes faster
    /// than it can be read.
    pub async fn consortium(&self) -> Result<Consortium, ChainError> {
        let rules = Rules::from(self.genesis());
        let mut wanted: Vec<Key> = vec![Key::ValidatorSet];
        for _ in 0..ROUNDS {
            let snapshot = self.snapshot(&wanted).await?;
            match read(&rules, &snapshot) {
                Ok(consortium) => return Ok(consortium),
                Err(missing) => {
                    wanted.extend(missing);
                    wanted.sort_unstable();
                    wanted.dedup();
                }
            }
        }
        Err(ChainError::Incomplete)
    }

    /// Casts a validator's vote and waits until it is final.
    ///
    /// # Errors
    /// Those of [`submit`](Self::submit) and [`consortium`](Self::consortium).
    pub async fn vote(
        &self,
        signer: &Ed25519Signer,
        change: ValidatorChange,
    ) -> Result<(Consortium, Included), ChainError> {
        let before = self.consortium().await?;
        let key = signer.validator();
        let vote = ValidatorVote { seq: before.seq(), change };
        let expiry = before.time.plus(LIFE);
        let tx = Tx::new(self.chain_id(), key.0.into(), before.nonce(&key), expiry, vote);
        let included = self.submit(&tx.sign(signer)).await?;
        Ok((before, included))
    }
}

/// What a snapshot says, or which records it lacks.
fn read(rules: &Rules, snapshot: &Snapshot) -> Result<Consortium, Vec<Key>> {
    let params = &rules.params;
    let height = snapshot.height();
    let next = Height(height.0.saturating_add(1));
    let missing = |error| match error {
        conclave_protocol::ApplyError::NotLoaded(keys) => keys,
        _ => vec![Key::ValidatorSet],
    };
    let set = validators_at(rules, snapshot, next).map_err(missing)?;
    let after = validators_after(rules, snapshot, next).map_err(missing)?;
    let changes = match snapshot.get(&Key::ValidatorSet) {
        Ok(Some(Record::ValidatorSet(set))) => set.changes,
        _ => 0,
    };
    let mut lacking = Vec::new();
    let mut agreed = Vec::new();
    for number in 0..changes {
        match snapshot.get(&Key::ValidatorChange(number)) {
            Ok(Some(Record::ValidatorChange(record))) => agreed.push(record),
            Ok(_) => {}
            Err(_) => lacking.push(Key::ValidatorChange(number)),
        }
    }
    let mut records = BTreeMap::new();
    for key in set.iter().chain(&after) {
        match snapshot.get(&Key::Validator(*key)) {
            Ok(Some(Record::Validator(record))) => {
                records.insert(*key, record);
            }
            Ok(_) => {}
            Err(_) => lacking.push(Key::Validator(*key)),
        }
    }
    if !lacking.is_empty() {
        return Err(lacking);
    }
    let epoch = epoch_of(params, next);
    Ok(Consortium {
        height,
        time: snapshot.time(),
        epoch,
        last: last_height_of(params, epoch),
        set,
        next: after,
        changes: agreed,
        records,
    })
}

/// Rounds of reading, each of which may name records that the next one needs.
const ROUNDS: usize = 16;
/// Seconds of chain time in which a vote must be taken in.
const LIFE: u64 = 120;
