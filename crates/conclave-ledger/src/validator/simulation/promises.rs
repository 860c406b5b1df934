//! When a run may end, and what must hold of it then and all along.

use std::{collections::BTreeMap, future::Future, ops::RangeInclusive, pin::Pin};

use commonware_cryptography::ed25519::PublicKey;
use commonware_glue::simulate::{
    exit::ExitCondition,
    processed::ProcessedHeight as _,
    property::{FinalizationProperty, Property},
    tracker::ProgressTracker,
};

use super::world::{Diary, Entries, State};

/// So many validators run, and every one of them has executed this height.
#[derive(Clone, Copy)]
pub(super) struct Reached {
    pub(super) validators: usize,
    pub(super) height: u64,
}

impl ExitCondition<PublicKey, State> for Reached {
    fn name(&self) -> &'static str {
        "every running validator is far enough"
    }

    fn requires_polling(&self) -> bool {
        true
    }

    fn reached<'a>(
        &'a self,
        _: &'a ProgressTracker<PublicKey>,
        states: &'a [&'a State],
        _: usize,
    ) -> Pin<Box<dyn Future<Output = Result<bool, String>> + Send + 'a>> {
        Box::pin(async move {
            let mut all = states.len() == self.validators;
            for state in states {
                all &= state.processed_height().await >= self.height;
            }
            Ok(all)
        })
    }
}

/// No two validators ever execute different blocks of one height.
#[derive(Clone)]
pub(super) struct Agreement;

impl FinalizationProperty<State> for Agreement {
    fn name(&self) -> &'static str {
        "agreement"
    }

    fn check<'a>(
        &'a self,
        states: &'a [&'a State],
    ) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>> {
        Box::pin(async move {
            let honest = states.iter().filter_map(|state| state.0.as_ref());
            let tips: Vec<_> = honest.filter_map(|seen| seen.finality.tip()).collect();
            for tip in &tips {
                let same = tips.iter().filter(|other| other.height == tip.height);
                if same.into_iter().any(|other| other.digest() != tip.digest()) {
                    return Err(format!("two blocks of height {}", tip.height));
                }
            }
            Ok(())
        })
    }
}

/// All validators have one chain, and what any of them said was final is in it, where it was said
/// to be.
#[derive(Clone)]
pub(super) struct NothingLost(pub(super) Diary);

impl Property<PublicKey, State> for NothingLost {
    fn name(&self) -> &'static str {
        "no acknowledged transaction is lost"
    }

    fn check<'a>(
        &'a self,
        _: &'a ProgressTracker<PublicKey>,
        states: &'a [&'a State],
    ) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>> {
        let acknowledged = self.0.read().acknowledged;
        Box::pin(async move {
            if acknowledged.is_empty() {
                return Err("nothing was acknowledged".to_owned());
            }
            let mut digests = BTreeMap::new();
            for seen in states.iter().filter_map(|state| state.0.as_ref()) {
                let tip = seen.finality.tip().map_or(0, |tip| tip.height);
                let (mut places, mut first) = (BTreeMap::new(), None);
                for height in 1..=tip {
                    let at = commonware_consensus::types::Height::new(height);
                    let block = match seen.marshal.get_block(at).await {
                        Some(block) => block,
                        None if seen.forgets && first.is_none() => continue,
                        // It was dropped while this was looking.
                        None if height < seen.finality.lowest() => {
                            places.clear();
                            first = None;
                            continue;
                        }
                        None => return Err("a block is missing".to_owned()),
                    };
                    first.get_or_insert(height);
                    let block = block.inner();
                    places.extend(block.txs().map(|tx| (tx.id(), height)));
                    let digest = block.header.digest();
                    if *digests.entry(height).or_insert(digest) != digest {
                        return Err(format!("two blocks of height {height}"));
                    }
                }
                let kept = first.unwrap_or(0)..=tip;
                for (id, height) in acknowledged.iter().filter(|(_, height)| kept.contains(*height))
                {
                    if places.get(id) != Some(height) {
                        return Err(format!("a transaction of height {height} is lost"));
                    }
                }
            }
            Ok(())
        })
    }
}

/// Nobody's height changes between these virtual seconds, though transactions wait; before and
/// afterwards it does.
pub(super) fn assert_halted(entries: &Entries, seconds: RangeInclusive<u64>) {
    let of = |wanted: &dyn Fn(u64) -> bool| -> Vec<u64> {
        let heights = entries.heights.iter().filter(|(second, _)| wanted(*second));
        heights.map(|(_, height)| *height).collect()
    };
    let during = of(&|second| seconds.contains(&second));
    let (low, high) = (during.iter().min().unwrap(), during.iter().max().unwrap());
    // The two that are left may know of the last block at different times, not of different ones.
    assert!(*low > 0 && high == low, "heights {low} to {high} while two were down");
    assert!(of(&|second| second > *seconds.end()).iter().any(|height| height > high));
}
