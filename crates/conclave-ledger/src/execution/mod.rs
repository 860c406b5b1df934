//! Executes transactions on speculative state: the same function for proposers and for voters.
//!
//! `overlay.rs` is the view the rules read, `budget.rs` the caps of a block, `sets.rs` who seals next. The identity section
//! is executed before the meeting section, so a revocation counts for meetings of the same block.

mod budget;
mod overlay;
mod sets;

use std::collections::BTreeSet;

use commonware_cryptography::{Hasher as _, Sha256, sha256::Digest};
use conclave_protocol::{
    ApplyError, Changes, Event, Height, Ledger, Position, Refusal, Rules, Seconds, Tx, View as _,
    apply, footprint,
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
    pub(crate) tx: Tx,
    /// Whether its signatures have been checked already.
    pub(crate) is_checked: bool,
}

impl Candidate {
    /// Decodes a transaction; `None` if the bytes are not one.
    pub(crate) fn decode(raw: RawTx) -> Option<Self> {
        let tx = Tx::decode(raw.bytes()).ok()?;
        Some(Self { raw, tx, is_checked: false })
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
    are_signed(&ran.unchecked.iter().map(|(_, item)| item).collect::<Vec<_>>()).then_some(())
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
        if !candidate.is_checked {
            let items = signatures(rules, overlay, &candidate.tx).await;
            let items = items.map_err(|refused| bad(refused.into()))?;
            ran.unchecked.extend(items.into_iter().map(|item| (index, item)));
        }
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
pub(crate) fn are_signed(items: &[&Item]) -> bool {
    if items.is_empty() {
        return true;
    }
    let mut parts: Vec<&[u8]> = vec![b"CONCLAVE-V1/batch"];
    for item in items {
        parts.push(item.key.0.as_bytes());
        parts.push(item.signature.as_bytes());
        parts.push(&item.message);
    }
    let seed = Sha256::hash(&parts);
    verify_batch(items.iter().copied(), &mut StdRng::from_seed(seed.0)).is_ok()
}

/// What one transaction would change, with its signatures checked if it was not done before.
pub(crate) async fn attempt<S: Source>(
    rules: &Rules,
    at: Position,
    overlay: &mut Overlay<'_, S>,
    candidate: &Candidate,
    check: bool,
) -> Result<Changes, Refused> {
    if check && !candidate.is_checked {
        let items = signatures(rules, overlay, &candidate.tx).await?;
        if !are_signed(&items.iter().collect::<Vec<_>>()) {
            return Err(Refused::Signature);
        }
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

/// Loads at once what is known in advance to be read.
async fn prefetch<S: Source>(overlay: &mut Overlay<'_, S>, candidates: &[Candidate]) {
    let mut keys = BTreeSet::new();
    for candidate in candidates {
        keys.extend(footprint(&candidate.tx));
    }
    let missing: Vec<_> = keys.into_iter().filter(|key| overlay.get(key).is_err()).collect();
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
