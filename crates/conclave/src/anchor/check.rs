//! Every claim of the ledger held against Ethereum and against the header verified here.

use conclave_protocol::{
    AnchorPlace, Digest, Height,
    anchor::{Anchor, Finding, Mined, Reason, Required, Verdict, judge},
};
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::{
    ethereum::Ethereum,
    ledger::{Claim, claims},
};
use crate::chain::{Chain, ChainError};

/// One claim, and what is true of it.
#[derive(Clone, Debug)]
pub struct Checked {
    /// What was claimed.
    pub claim: Claim,
    /// The header of that height, as verified here.
    pub own: Digest,
    /// What follows.
    pub finding: Finding,
    /// What endpoints did wrong, in words.
    pub problems: Vec<String>,
    /// Seconds from the header's time to that of the block of Ethereum, if it is in one.
    pub late: Option<u64>,
}

impl Checked {
    /// The verdict.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        self.finding.verdict()
    }

    /// Why, for people.
    #[must_use]
    pub fn words(&self) -> String {
        let at = |mined: &Option<Mined>| {
            let place = |mined: &Mined| format!("block {}, {} deep", mined.number, mined.depth);
            mined.as_ref().map_or_else(|| "no block".to_owned(), place)
        };
        match self.finding.reason {
            Reason::Deep => {
                let late = self.late.unwrap_or_default();
                format!("in {}, {} after its time", at(&self.finding.mined), span(late))
            }
            Reason::Shallow => format!("in {}: not deep enough yet", at(&self.finding.mined)),
            Reason::Waiting => "it waits to be put in a block".to_owned(),
            Reason::Silent => "not every endpoint answers".to_owned(),
            Reason::NoEndpoint => match self.claim.place {
                AnchorPlace::Ethereum(chain, ..) => format!("no endpoint follows chain {chain}"),
                _ => "it is on Bitcoin, which is not asked here".to_owned(),
            },
            Reason::NotThere => "no endpoint knows the transaction".to_owned(),
            Reason::OtherData => "the transaction carries something else".to_owned(),
            Reason::Unproven => "an endpoint's answer does not hash to what it says".to_owned(),
            Reason::Disagree => "the endpoints show different histories of Ethereum".to_owned(),
            Reason::ClaimDiffers => format!(
                "it names header {}, and the validators now sign {}",
                self.claim.header.to_hex(),
                self.own.to_hex()
            ),
            Reason::AnchorDiffers => format!(
                "Ethereum holds another header for this height than {}, which the validators now \
                 sign",
                self.own.to_hex()
            ),
            _ => "unknown".to_owned(),
        }
    }
}

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
/// [`ChainError`]: the ledger does not say. What endpoints do not say is in the report.
pub async fn check(
    chain: &Chain,
    ethereum: &Ethereum,
    required: Required,
    most: u32,
) -> Result<Report, ChainError> {
    let claims = claims(chain, most).await?;
    let (newest, _) = chain.checkpoint().await?;
    let checks = claims.newest.into_iter();
    let checks = checks.map(|claim| check_claim(chain, ethereum, required, claim));
    let checked = stream::iter(checks).buffered(AT_ONCE).try_collect().await?;
    Ok(Report { count: claims.count, newest, checked })
}

/// Checks one claim, from the ledger or from elsewhere.
///
/// # Errors
/// [`ChainError`]: no validator proves the header of its height.
pub async fn check_claim(
    chain: &Chain,
    ethereum: &Ethereum,
    required: Required,
    claim: Claim,
) -> Result<Checked, ChainError> {
    let header = chain.header_at(claim.height).await?;
    let own = Anchor { chain_id: chain.chain_id(), height: claim.height, header: header.digest };
    let seen = match claim.place {
        AnchorPlace::Ethereum(number, tx, _) => ethereum.look(number, tx.into()).await,
        AnchorPlace::Bitcoin(..) => Vec::new(),
    };
    let problems = seen.iter().filter_map(|seen| seen.problem.clone()).collect();
    let sightings: Vec<_> = seen.into_iter().map(|seen| seen.sighting).collect();
    let finding = judge(&own, &claim.header, &sightings, required);
    let late = finding.mined.as_ref().map(|mined| mined.time.since(header.time()));
    Ok(Checked { claim, own: header.digest, finding, problems, late })
}

/// A length of time for people.
fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// Claims that are looked at together.
const AT_ONCE: usize = 4;
