//! Executes transactions on speculative state: the same function for proposers and for voters.
//!
//! `overlay.rs` is the view the rules read, `budget.rs` the caps of a block, `sets.rs` who seals next. The identity section
//! is executed before the meeting section, so a revocation counts for meetings of the same block.

mod budget;
mod overlay;
mod sets;

#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, sync::Arc};

use commonware_cryptography::{Hasher as _, Sha256, sha256::Digest};
use conclave_protocol::{
    ApplyError, Changes, Event, Height, Ledger, Position, Refusal, Rules, Seconds, Tx, apply,
    footprint,
    signed::{Item, verify_batch},
    tx::signature_items,
};
use rand::{SeedableRng as _, rngs::StdRng};

pub(crate) use budget::Budget;
pub(crate) use overlay::{Overlay, Source, Writes};
pub(crate) use sets::{NextSet, next_set, next_validators};

use crate::block::RawTx;

/// Most records one transaction may ask for one by one before it is refused.
const MAX_LOADS: usize = 4096;

/// A transaction that has been decoded.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    /// Its bytes and id.
    pub(crate) raw: RawTx,
    /// What they mean.
    pub(crate) tx: Arc<Tx>,
    /// What is known of its signatures.
    pub(crate) checked: Checked,
}

/// What is known of the signatures of a transaction.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Checked {
    /// Nothing.
    No,
    /// They held when their [`items_hash`] was this.
    Seen(Digest),
    /// Whoever offers it answers for them: for blocks that are made and not believed.
    Waived,
}

impl Candidate {
    /// Decodes a transaction; `None` if the bytes are not one.
    pub(crate) fn decode(raw: RawTx) -> Option<Self> {
        let tx = Tx::decode(raw.bytes()).ok()?;
        Some(Self { raw, tx: Arc::new(tx), checked: Checked::No })
    }

    fn is_meeting(&self) -> bool {
        self.tx.kind().ledger() == Ledger::Meeting
    }
}

/// The transactions a proposer put into a block.
#[derive(Debug, Default)]
pub(crate) struct Chosen {
    /// Identity section.
    pub(crate) identity: Vec<RawTx>,
    /// Meeting section.
    pub(crate) meeting: Vec<RawTx>,
    /// Transactions that were refused, which can never become valid by waiting.
    pub(crate) refused: BTreeSet<Digest>,
}

/// Where and when a block is executed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At {
    /// Height of the block.
    pub(crate) height: u64,
    /// Its chain time in milliseconds.
    pub(crate) time_ms: u64,
}

impl At {
    /// The position of transaction `index`, counted through both sections.
    pub(crate) const fn position(self, index: u32) -> Position {
        Position { height: Height(self.height), index, time: Seconds(self.time_ms / 1000) }
    }
}

/// Executes as many candidates as the block holds and skips those the rules refuse.
pub(crate) async fn choose<S: Source>(
    rules: &Rules,
    at: At,
    overlay: &mut Overlay<'_, S>,
    candidates: Vec<Candidate>,
) -> Chosen {
    let mut chosen = Chosen::default();
    let mut budget = Budget::default();
    prefetch(overlay, &candidates).await;
    let (meeting, identity): (Vec<_>, Vec<_>) =
        candidates.into_iter().partition(Candidate::is_meeting);
    let mut index = 0;
    for candidate in identity.into_iter().chain(meeting) {
        let kind = candidate.tx.kind();
        if !budget.has_room(kind, candidate.raw.bytes().len()) {
            continue;
        }
        match attempt(rules, at.position(index), overlay, &candidate, true).await {
            Ok(changes) => {
                overlay.write(&changes);
                budget.take(kind, candidate.raw.bytes().len());
                index += 1;
                if candidate.is_meeting() {
                    chosen.meeting.push(candidate.raw);
                } else {
                    chosen.identity.push(candidate.raw);
                }
            }
            Err(_) => {
                chosen.refused.insert(candidate.raw.id());
            }
        }
    }
    chosen
}

/// Executes all transactions of a block in order; `None` if one of them makes it invalid.
pub(crate) async fn replay<S: Source>(
    rules: &Rules,
    at: At,
    overlay: &mut Overlay<'_, S>,
    sections: (Vec<Candidate>, Vec<Candidate>),
) -> Option<()> {
    let ran = run(rules, at, overlay, sections).await.ok()?;
    are_signed(ran.unchecked.iter().map(|(_, item)| item)).then_some(())
}

/// What executing a block found, beside the writes in the overlay.
#[derive(Debug, Default)]
pub(crate) struct Ran {
    /// Signatures that nobody has checked, each with the number of its transaction.
    pub(crate) unchecked: Vec<(u32, Item)>,
    /// What happened, in order.
    pub(crate) events: Vec<Event>,
}

/// Executes all transactions of a block in order and leaves their signatures to the caller: the
/// block is valid once they hold too.
pub(crate) async fn run<S: Source>(
    rules: &Rules,
    at: At,
    overlay: &mut Overlay<'_, S>,
    sections: (Vec<Candidate>, Vec<Candidate>),
) -> Result<Ran, BadTx> {
    let (identity, meeting) = sections;
    let stray = |candidates: &[Candidate], in_meeting| {
        candidates.iter().position(|candidate| candidate.is_meeting() != in_meeting)
    };
    if let Some(at) = stray(&identity, false) {
        return Err(BadTx::new(at, WhyBad::OtherLedger));
    }
    if let Some(at) = stray(&meeting, true) {
        return Err(BadTx::new(identity.len() + at, WhyBad::OtherLedger));
    }
    let candidates: Vec<_> = identity.into_iter().chain(meeting).collect();
    prefetch(overlay, &candidates).await;
    let mut budget = Budget::default();
    let mut ran = Ran::default();
    for (index, candidate) in (0u32..).zip(&candidates) {
        let bad = |why| BadTx { index, why };
        let kind = candidate.tx.kind();
        if !budget.has_room(kind, candidate.raw.bytes().len()) {
            return Err(bad(WhyBad::NoRoom));
        }
        budget.take(kind, candidate.raw.bytes().len());
        let items = unchecked_signatures(rules, overlay, candidate).await;
        let items = items.map_err(|refused| bad(refused.into()))?;
        ran.unchecked.extend(items.into_iter().map(|item| (index, item)));
        let changes = attempt(rules, at.position(index), overlay, candidate, false).await;
        let changes = changes.map_err(|refused| bad(refused.into()))?;
        overlay.write(&changes);
        ran.events.extend(changes.events);
    }
    Ok(ran)
}

/// The first transaction that makes a block invalid.
#[derive(Clone, Debug)]
pub(crate) struct BadTx {
    /// Its number, counted through both sections.
    pub(crate) index: u32,
    /// What is wrong with it.
    pub(crate) why: WhyBad,
}

impl BadTx {
    fn new(index: usize, why: WhyBad) -> Self {
        Self { index: u32::try_from(index).unwrap_or(u32::MAX), why }
    }
}

/// What is wrong with a transaction of a block.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum WhyBad {
    /// The block is full, or the part of it that its kind may use.
    #[error("the block has no room for it")]
    NoRoom,
    /// It is in the section of the other ledger.
    #[error("it belongs to the other ledger")]
    OtherLedger,
    /// The state does not take it.
    #[error(transparent)]
    Refused(#[from] Refused),
}

/// Whether every signature holds. The weights of the batch come from a hash of what is verified,
/// so every validator reaches the same verdict on the same block.
pub(crate) fn are_signed<'a, I>(items: I) -> bool
where
    I: IntoIterator<Item = &'a Item, IntoIter: Clone>,
{
    let items = items.into_iter();
    let seed = || items_hash(items.clone()).0;
    items.clone().next().is_none()
        || verify_batch(items.clone(), &mut StdRng::from_seed(seed())).is_ok()
}

/// Stands for these signatures with the keys and the bytes they are said to hold for. A transaction
/// fixes how long each of them is, so no two lists of one transaction share it.
pub(crate) fn items_hash<'a>(items: impl IntoIterator<Item = &'a Item>) -> Digest {
    let mut parts: Vec<&[u8]> = vec![b"CONCLAVE-V1/batch"];
    for item in items {
        parts.extend([item.key.0.as_bytes(), item.signature.as_bytes(), &item.message]);
    }
    Sha256::hash(&parts)
}

/// What one transaction would change, with its signatures checked if it was not done before.
pub(crate) async fn attempt<S: Source>(
    rules: &Rules,
    at: Position,
    overlay: &mut Overlay<'_, S>,
    candidate: &Candidate,
    check: bool,
) -> Result<Changes, Refused> {
    if check && !are_signed(&unchecked_signatures(rules, overlay, candidate).await?) {
        return Err(Refused::Signature);
    }
    for _ in 0..MAX_LOADS {
        match apply(rules, at, &*overlay, &candidate.tx) {
            Ok(changes) => return Ok(changes),
            Err(ApplyError::NotLoaded(missing)) => overlay.load(&missing).await,
            Err(ApplyError::Refused(refusal)) => return Err(Refused::Rules(refusal)),
            Err(_) => return Err(Refused::Foreign),
        }
    }
    Err(Refused::TooMuch)
}

/// The signatures a transaction needs, with the keys this state asks for.
pub(crate) async fn signatures<S: Source>(
    rules: &Rules,
    overlay: &mut Overlay<'_, S>,
    tx: &Tx,
) -> Result<Vec<Item>, Refused> {
    for _ in 0..MAX_LOADS {
        match signature_items(rules, &*overlay, tx) {
            Ok(items) => return Ok(items),
            Err(ApplyError::NotLoaded(missing)) => overlay.load(&missing).await,
            Err(ApplyError::Refused(refusal)) => return Err(Refused::Rules(refusal)),
            Err(_) => return Err(Refused::Foreign),
        }
    }
    Err(Refused::TooMuch)
}

/// The signatures that still have to be checked: none if they were seen to hold under the very keys
/// that this state asks for. A transaction before this one may have replaced a key since.
async fn unchecked_signatures<S: Source>(
    rules: &Rules,
    overlay: &mut Overlay<'_, S>,
    candidate: &Candidate,
) -> Result<Vec<Item>, Refused> {
    let items = signatures(rules, overlay, &candidate.tx).await?;
    let is_known = match candidate.checked {
        Checked::No => false,
        Checked::Seen(hash) => hash == items_hash(&items),
        Checked::Waived => true,
    };
    Ok(if is_known { Vec::new() } else { items })
}

/// Loads at once what is known in advance to be read.
pub(crate) async fn prefetch<'a, S: Source>(
    overlay: &mut Overlay<'_, S>,
    candidates: impl IntoIterator<Item = &'a Candidate>,
) {
    let keys = candidates.into_iter().flat_map(|candidate| footprint(&candidate.tx));
    let mut missing: Vec<_> = keys.filter(|key| !overlay.has(key)).collect();
    missing.sort_unstable();
    missing.dedup();
    overlay.load(&missing).await;
}

/// Why a transaction has no effect.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Refused {
    /// The state holds a record the rules do not write there.
    #[error("the state holds a foreign record")]
    Foreign,
    /// The rules say no.
    #[error(transparent)]
    Rules(#[from] Refusal),
    /// A signature does not hold.
    #[error("a signature does not hold")]
    Signature,
    /// It reads more of the state than a transaction may.
    #[error("the transaction reads too much")]
    TooMuch,
}
