//! What follows from what endpoints of the other ledger show of one anchor.
//!
//! In: the header that this client verified itself, the hash that somebody claims to have anchored,
//! and one [`Sighting`] per endpoint that was asked. Out: one of four verdicts, and why. Doubt never
//! becomes [`Verdict::Anchored`]: an endpoint that is silent leaves it pending, endpoints that
//! contradict each other leave it missing.

use super::Anchor;
use crate::id::{Digest, Seconds};

/// What is believed of an anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// The hash of the verified header is on the other ledger, too deep to vanish.
    Anchored,
    /// Not yet, or not everyone could be asked: look again later.
    Pending,
    /// The other ledger does not hold what was claimed.
    Missing,
    /// The other ledger, or the claim, holds another hash for this height: this history was
    /// rewritten or forked, or whoever signed the claim lied.
    Conflict,
}

/// Why a verdict was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// It is deep enough, and every endpoint says the same.
    Deep,
    /// Not every endpoint answered.
    Silent,
    /// It waits to be put in a block.
    Waiting,
    /// It is in a block, but not deep enough.
    Shallow,
    /// No endpoint follows the chain that the claim names.
    NoEndpoint,
    /// No endpoint knows the transaction.
    NotThere,
    /// The transaction carries something else.
    OtherData,
    /// An endpoint's answer does not hash to what it says.
    Unproven,
    /// Endpoints show different histories of the other ledger.
    Disagree,
    /// The claim names another hash than the verified header has.
    ClaimDiffers,
    /// The transaction carries another hash for this height.
    AnchorDiffers,
}

impl Reason {
    /// The verdict that it leads to.
    pub const fn verdict(self) -> Verdict {
        match self {
            Self::Deep => Verdict::Anchored,
            Self::Silent | Self::Waiting | Self::Shallow | Self::NoEndpoint => Verdict::Pending,
            Self::NotThere | Self::OtherData | Self::Unproven | Self::Disagree => Verdict::Missing,
            Self::ClaimDiffers | Self::AnchorDiffers => Verdict::Conflict,
        }
    }
}

/// What one endpoint shows of a transaction. The hash of the transaction was computed from what it
/// gave, and the block's root and hash, so that only whether that block is the chain's is its word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sighting {
    /// It did not answer.
    Silent,
    /// It follows another chain.
    OtherChain,
    /// What it gave does not hash to what it says.
    Unproven,
    /// It does not know the transaction; number of its newest block.
    Absent(u64),
    /// The transaction waits with this data.
    Waiting(Vec<u8>),
    /// The transaction is in a block.
    Mined(Mined),
}

/// A transaction in a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mined {
    /// Hash of the block.
    pub block: Digest,
    /// Its number.
    pub number: u64,
    /// Its time.
    pub time: Seconds,
    /// Blocks from it to the newest one, both counted.
    pub depth: u64,
    /// Whether the other ledger calls it final.
    pub finalized: bool,
    /// What the transaction carries.
    pub data: Vec<u8>,
}

/// How deep is deep enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Required {
    /// So many blocks.
    Blocks(u64),
    /// What the other ledger calls final.
    Finalized,
}

impl Required {
    /// Blocks that are deep enough where nobody says otherwise.
    pub const USUAL: Self = Self::Blocks(64);

    /// Whether this block is.
    pub const fn is_met(self, mined: &Mined) -> bool {
        match self {
            Self::Blocks(blocks) => mined.depth >= blocks,
            Self::Finalized => mined.finalized,
        }
    }
}

/// A verdict and what it rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Why.
    pub reason: Reason,
    /// Where the transaction is, if any endpoint proved that it is in a block.
    pub mined: Option<Mined>,
}

impl Finding {
    /// The verdict.
    pub const fn verdict(&self) -> Verdict {
        self.reason.verdict()
    }
}

/// The verdict about one claim: `own` is the header this client verified, `claimed` the hash that
/// the claim names for its height.
pub fn judge(own: &Anchor, claimed: &Digest, seen: &[Sighting], required: Required) -> Finding {
    let mined = seen.iter().filter_map(|sighting| match sighting {
        Sighting::Mined(mined) => Some(mined),
        _ => None,
    });
    // The shallowest one: what all of them grant.
    let mined = mined.min_by_key(|mined| mined.depth).cloned();
    Finding { reason: reason(own, claimed, seen, required), mined }
}

fn reason(own: &Anchor, claimed: &Digest, seen: &[Sighting], required: Required) -> Reason {
    if *claimed != own.header {
        return Reason::ClaimDiffers;
    }
    let carried: Vec<Option<Anchor>> =
        seen.iter().filter_map(data).map(|data| Anchor::parse(data).ok()).collect();
    let is_rival = |anchor: &&Anchor| {
        let Anchor { chain_id, height, header } = **anchor;
        chain_id == own.chain_id && height == own.height && header != own.header
    };
    if carried.iter().flatten().any(|anchor| is_rival(&anchor)) {
        return Reason::AnchorDiffers;
    }
    if carried.iter().any(|anchor| *anchor != Some(*own)) {
        return Reason::OtherData;
    }
    if seen.contains(&Sighting::Unproven) {
        return Reason::Unproven;
    }
    let seen: Vec<_> = seen.iter().filter(|seen| **seen != Sighting::OtherChain).collect();
    if seen.is_empty() {
        return Reason::NoEndpoint;
    }
    if seen.contains(&&Sighting::Silent) {
        return Reason::Silent;
    }
    agreed(&seen, required)
}

/// What endpoints say that all answered with something sound.
fn agreed(seen: &[&Sighting], required: Required) -> Reason {
    let mined = seen.iter().filter_map(|sighting| match sighting {
        Sighting::Mined(mined) => Some(mined),
        _ => None,
    });
    let mined: Vec<&Mined> = mined.collect();
    let Some(deepest) = mined.iter().max_by_key(|mined| mined.depth) else {
        let waits = seen.iter().any(|seen| matches!(seen, Sighting::Waiting(_)));
        return if waits { Reason::Waiting } else { Reason::NotThere };
    };
    if !required.is_met(deepest) {
        return Reason::Shallow;
    }
    // One calls it settled. Another one may be behind, but may not deny it.
    let denies = |seen: &&Sighting| match seen {
        Sighting::Absent(newest) => *newest >= deepest.number,
        Sighting::Mined(mined) => mined.block != deepest.block,
        _ => false,
    };
    if seen.iter().any(denies) {
        return Reason::Disagree;
    }
    let all = mined.len() == seen.len() && mined.iter().all(|mined| required.is_met(mined));
    if all { Reason::Deep } else { Reason::Shallow }
}

fn data(sighting: &Sighting) -> Option<&[u8]> {
    match sighting {
        Sighting::Mined(Mined { data, .. }) | Sighting::Waiting(data) => Some(data),
        _ => None,
    }
}
