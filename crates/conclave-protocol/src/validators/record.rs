//! What the identity ledger keeps of its validators and of its anchors.

use super::{AnchorPlace, ValidatorChange};
use crate::{
    codec::List,
    id::{Digest, Height, Position, Seconds},
    key::ValidatorKey,
    params::Params,
};

/// Most keys of one [`ValidatorKeysRecord`].
pub const KEYS_PART: usize = 7;

/// How far the set has come. No record stands for the set of the genesis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValidatorSetRecord {
    /// How many changes were agreed: `ValidatorChange(0..changes)` names them all.
    pub changes: u32,
    /// How many validators there are after all of them.
    pub members: u8,
}

crate::fields!(ValidatorSetRecord { changes, members });

/// A part of the set after all agreed changes, in ascending order. All parts but the last are full.
pub type ValidatorKeysRecord = List<ValidatorKey, KEYS_PART>;

/// One agreed change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidatorChangeRecord {
    /// What was agreed.
    pub change: ValidatorChange,
    /// Where the vote stands that decided it; in force from the next epoch on.
    pub agreed: Position,
}

crate::fields!(ValidatorChangeRecord { change, agreed });

/// One validator that said something, or that came by a change: for ever, so that no key of a set
/// ever comes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidatorRecord {
    /// The nonce its next transaction must carry.
    pub next_nonce: u64,
    /// Transactions it may still send, as of `refilled`.
    pub tokens: u16,
    /// When `tokens` was counted.
    pub refilled: Seconds,
    /// Its last vote.
    pub vote: Option<CastVote>,
}

crate::fields!(ValidatorRecord { next_nonce, tokens, refilled, vote });

impl ValidatorRecord {
    /// One that has said nothing yet.
    pub(crate) const fn new(params: &Params, now: Seconds) -> Self {
        Self { next_nonce: 0, tokens: params.burst, refilled: now, vote: None }
    }
}

/// A vote that was cast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CastVote {
    /// The number of the change. It counts as long as that change is not agreed.
    pub seq: u32,
    /// [`ValidatorChange::digest`].
    pub change: Digest,
}

crate::fields!(CastVote { seq, change });

/// How many anchors were recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnchorsRecord {
    /// `Anchor(0..count)` names them all.
    pub count: u32,
    /// The highest block among them.
    pub newest: Height,
}

crate::fields!(AnchorsRecord { count, newest });

/// One anchor, as its validator says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnchorEntry {
    /// The block.
    pub height: Height,
    /// Its header hash.
    pub header: Digest,
    /// Where that was written.
    pub place: AnchorPlace,
    /// Who says so.
    pub by: ValidatorKey,
    /// Where it was said.
    pub at: Position,
}

crate::fields!(AnchorEntry { height, header, place, by, at });
