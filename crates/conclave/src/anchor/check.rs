//! Every claim of the ledger held against Ethereum and against the header verified here.
//!
//! Each claim is judged by itself. Any validator may record one about a block that nobody keeps any
//! more; it must not hide what is true of the others.

use conclave_protocol::{
    AnchorPlace, Height,
    anchor::{Anchor, Required, Verdict, judge},
};
use futures::{StreamExt as _, stream};

use super::{
    checked::{Checked, Own},
    ethereum::Ethereum,
    ledger::{Claim, claims},
};
use crate::chain::{Chain, ChainError};

/// What was found.
#[derive(Clone, Debug)]
pub struct Report {
    /// How many anchors the ledger has a record of.
    pub count: u32,
    /// The newest final height.
    pub newest: Height,
    /// Those that were looked at, the newest first.
    pub checked: Vec<Checked>,
}

impl Report {
    /// The worst verdict, if any anchor was looked at.
    #[must_use]
    pub fn worst(&self) -> Option<Verdict> {
        self.checked.iter().map(Checked::verdict).max()
    }

    /// The highest header that is anchored.
    #[must_use]
    pub fn anchored(&self) -> Option<Height> {
        let anchored = self.checked.iter().filter(|one| one.verdict() == Verdict::Anchored);
        anchored.map(|one| one.claim.height).max()
    }

    /// Blocks since the highest header that is anchored.
    #[must_use]
    pub fn behind(&self) -> u64 {
        self.newest.0.saturating_sub(self.anchored().map_or(0, |height| height.0))
    }
}

/// Checks the newest anchors that the ledger has a record of, `most` at most.
///
/// # Errors
/// [`ChainError`]: the ledger does not say what is recorded, or no validator proves any header and
/// none says that it dropped one. What endpoints do not say, and which headers cannot be compared,
/// is in the report.
pub async fn check(
    chain: &Chain,
    ethereum: &Ethereum,
    required: Required,
    most: u32,
) -> Result<Report, ChainError> {
    let claims = claims(chain, most).await?;
    let (newest, _) = chain.checkpoint().await?;
    let checks = claims.newest.into_iter();
    let checks = checks.map(|claim| examine(chain, ethereum, required, claim));
    let checked: Vec<Checked> = stream::iter(checks).buffered(AT_ONCE).collect().await;
    if !checked.is_empty() && checked.iter().all(|one| one.own == Own::Unproven) {
        return Err(ChainError::Silent);
    }
    Ok(Report { count: claims.count, newest, checked })
}

/// Checks one claim, from the ledger or from elsewhere.
///
/// # Errors
/// [`ChainError`]: no validator proves the header of its height, and none says that it dropped it.
pub async fn check_claim(
    chain: &Chain,
    ethereum: &Ethereum,
    required: Required,
    claim: Claim,
) -> Result<Checked, ChainError> {
    let checked = examine(chain, ethereum, required, claim).await;
    if checked.own == Own::Unproven { Err(ChainError::Silent) } else { Ok(checked) }
}

async fn examine(chain: &Chain, ethereum: &Ethereum, required: Required, claim: Claim) -> Checked {
    let (own, time) = match chain.header_at(claim.height).await {
        Ok(header) => (Own::Header(header.digest), Some(header.time())),
        Err(ChainError::Dropped(from)) => (Own::Dropped(from), None),
        Err(_) => (Own::Unproven, None),
    };
    let seen = match claim.place {
        AnchorPlace::Ethereum(number, tx, _) => ethereum.look(number, tx.into()).await,
        AnchorPlace::Bitcoin(..) => Vec::new(),
    };
    let problems = seen.iter().filter_map(|seen| seen.problem.clone()).collect();
    let sightings: Vec<_> = seen.into_iter().map(|seen| seen.sighting).collect();
    let header = own.header().unwrap_or(claim.header);
    let anchor = Anchor { chain_id: chain.chain_id(), height: claim.height, header };
    let finding = judge(&anchor, &claim.header, &sightings, required);
    let late = finding.mined.as_ref().zip(time).map(|(mined, time)| mined.time.since(time));
    Checked { claim, own, finding, problems, late }
}

/// Claims that are looked at together.
const AT_ONCE: usize = 4;
