//! Copies the blocks of a ledger in order, from whichever validator gives them.
//!
//! Bytes are passed on and not understood here; what is checked is that each block links to the one
//! before, and that the last one is final. The genesis is the first of them, so nothing else than the
//! ledger of this network can come through.

use std::time::Duration;

use bytes::Bytes;
use conclave_ledger::{
    audit::{MAX_RECORD, Outline},
    light::{HeaderFacts, LightClient, Refusal},
};
use conclave_protocol::{Digest, Genesis, Height};
use tokio::time::{Instant, sleep};

use super::{Remote, RemoteError, now_ms, remote};
use crate::network::Network;

/// Validators that a ledger is copied from.
#[derive(Debug)]
pub struct Copier {
    genesis: Genesis,
    light: LightClient,
    /// The one that answered last comes first.
    remotes: Vec<Remote>,
}

/// A place between two blocks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Place {
    /// Height of the block before it.
    pub height: Height,
    /// Digest of that block's header.
    pub digest: Digest,
    /// Whether that block carried its own certificate.
    pub is_certified: bool,
}

/// A record of the ledger.
#[derive(Clone, Debug)]
pub struct Copied {
    /// Its bytes.
    pub record: Bytes,
    /// What it says of itself.
    pub outline: Outline,
}

/// Why a ledger is not copied.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// No HTTP client can be made, or the genesis is unusable.
    #[error("{0}")]
    Start(String),
    /// The blocks do not lead to a header that the validators signed.
    #[error(
        "the blocks that were copied are not those the validators signed, from height {0} down"
    )]
    Forged(Height),
    /// No validator that answers has this block; the second height is the lowest that any of them
    /// says to have, where it is higher.
    #[error("no validator that answers gives block {0}{kept}", kept = kept(*.1))]
    Missing(Height, Option<Height>),
    /// No validator answers with anything that can be verified.
    #[error("no validator answers")]
    Silent,
}

impl Copier {
    /// The validators of a network.
    ///
    /// # Errors
    /// [`CopyError::Start`].
    pub fn of(network: &Network) -> Result<Self, CopyError> {
        let start = |error: String| CopyError::Start(error);
        let light = LightClient::new(&network.genesis).map_err(|error| start(error.to_string()))?;
        let client = remote::client().map_err(|error| start(error.to_string()))?;
        let remotes = network.validators.iter().map(|peer| Remote::new(&client, peer)).collect();
        Ok(Self { genesis: network.genesis.clone(), light, remotes })
    }

    /// The newest header that any validator proves.
    ///
    /// # Errors
    /// [`CopyError::Silent`].
    pub async fn newest(&mut self) -> Result<HeaderFacts, CopyError> {
        for remote in self.remotes.clone() {
            let Ok(answer) = remote.header(None).await else { continue };
            let _refused = self.judge(&remote, &answer).await;
        }
        self.light.newest().cloned().ok_or(CopyError::Silent)
    }

    /// The place before the block of this height.
    ///
    /// # Errors
    /// See [`CopyError`].
    pub async fn before(&mut self, height: Height) -> Result<Place, CopyError> {
        if height <= Height(1) {
            let origin = Outline::origin(&self.genesis);
            let origin = origin.map_err(|error| CopyError::Start(error.to_string()))?;
            let Outline { height, digest, .. } = origin;
            return Ok(Place { height, digest, is_certified: false });
        }
        let facts = self.header(Height(height.0.saturating_sub(1))).await?;
        let HeaderFacts { height, digest, .. } = facts;
        Ok(Place { height, digest, is_certified: false })
    }

    /// The next records, from any validator whose records link to this place; nothing once `until`
    /// was reached and the last record carries a certificate.
    ///
    /// # Errors
    /// See [`CopyError`].
    pub async fn next(&mut self, at: &mut Place, until: Height) -> Result<Vec<Copied>, CopyError> {
        if at.height >= until && at.is_certified {
            return Ok(Vec::new());
        }
        let began = Instant::now();
        let next = at.height.next();
        loop {
            let mut is_missing = false;
            for number in 0..self.remotes.len() {
                let Some(remote) = self.remotes.get(number).cloned() else { continue };
                match remote.records(next, until).await {
                    Ok(answer) => match linked(*at, until, &answer) {
                        Some((after, records)) => {
                            self.remotes.swap(0, number);
                            *at = after;
                            return Ok(records);
                        }
                        None => tracing::warn!(validator = %remote.key, "it gives another ledger"),
                    },
                    Err(RemoteError::Unknown) => is_missing = true,
                    Err(error) => tracing::debug!(validator = %remote.key, %error, "no records"),
                }
            }
            // Beyond `until` a block is waited for that certifies the last ones.
            if at.height < until && is_missing {
                return Err(self.missing(next).await);
            }
            if began.elapsed() > PATIENCE {
                return Err(match is_missing {
                    true => self.missing(next).await,
                    false => CopyError::Silent,
                });
            }
            sleep(PAUSE).await;
        }
    }

    /// Whether the block before this place is final.
    ///
    /// # Errors
    /// See [`CopyError`].
    pub async fn proves(&mut self, at: &Place) -> Result<(), CopyError> {
        let facts = self.header(at.height).await?;
        if facts.digest == at.digest { Ok(()) } else { Err(CopyError::Forged(at.height)) }
    }

    /// Verifies a header, after following the validator set if need be.
    async fn judge(&mut self, remote: &Remote, answer: &Bytes) -> Option<HeaderFacts> {
        let mut verdict = self.light.on_header(answer, now_ms());
        while matches!(verdict, Err(Refusal::UnknownValidators)) {
            let handovers = remote.handovers(self.light.handovers()).await.ok()?;
            match self.light.on_handovers(&handovers, now_ms()) {
                Ok(new) if new > 0 => verdict = self.light.on_header(answer, now_ms()),
                _ => break,
            }
        }
        if let Err(refusal) = &verdict {
            tracing::warn!(validator = %remote.key, %refusal, "header refused");
        }
        verdict.ok()
    }

    async fn header(&mut self, height: Height) -> Result<HeaderFacts, CopyError> {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            for remote in self.remotes.clone() {
                let Ok(answer) = remote.header(Some(height)).await else { continue };
                if let Some(facts) = self.judge(&remote, &answer).await
                    && facts.height == height
                {
                    return Ok(facts);
                }
            }
            sleep(PAUSE).await;
        }
        Err(self.missing(height).await)
    }

    /// Says of a block that nobody gives whether they have dropped it.
    async fn missing(&self, height: Height) -> CopyError {
        let mut lowest = None;
        for remote in &self.remotes {
            let Some(from) = remote.blocks_from().await else { continue };
            lowest = Some(lowest.map_or(from, |lowest: Height| lowest.min(from)));
        }
        CopyError::Missing(height, lowest.filter(|lowest| *lowest > height))
    }
}

fn kept(lowest: Option<Height>) -> String {
    lowest.map_or_else(String::new, |lowest| format!(": they keep blocks from {lowest} on"))
}

/// Reads an answer whose records must link to each other and to this place; stops at the first
/// certified record from `until` on.
fn linked(mut at: Place, until: Height, answer: &Bytes) -> Option<(Place, Vec<Copied>)> {
    let mut rest = answer.clone();
    let mut records = Vec::new();
    while !rest.is_empty() {
        if at.height >= until && at.is_certified {
            break;
        }
        let length = u32::from_be_bytes(*rest.first_chunk::<4>()?);
        let length = usize::try_from(length).ok()?;
        let _head = rest.split_to(4);
        if length > MAX_RECORD || length > rest.len() {
            return None;
        }
        let record = rest.split_to(length);
        let outline = Outline::of(&record)?;
        if outline.height != at.height.next() || outline.parent != at.digest {
            return None;
        }
        at = Place {
            height: outline.height,
            digest: outline.digest,
            is_certified: outline.is_certified,
        };
        records.push(Copied { record, outline });
    }
    (!records.is_empty()).then_some((at, records))
}

/// How long a block or a header is asked for again and again.
const PATIENCE: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(200);
