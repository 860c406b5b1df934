//! Posting: this network's newest header hash to Ethereum, one transaction for each height that is
//! due, and the record of it back on the ledger.
//!
//! One post at a time. Its transactions all have one nonce, so one of them at most is ever mined;
//! each is in the journal before it is sent. Every step begins with a look at what is there, so that
//! it does not matter where the last run ended. Read `drive.rs` for the life of a post, `claimed.rs`
//! for what others recorded and how long they are waited for.

mod claimed;
mod drive;
mod event;

use std::{
    num::NonZeroU64,
    path::Path,
    time::{Duration, Instant},
};

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use conclave_protocol::{
    AnchorPlace, AnchorRecord, Digest, Ed25519Signer, Height,
    anchor::{Anchor, Required, due},
};

pub use event::Event;

use self::claimed::Claimed;
use super::{
    ethereum::{Account, BadKey, EndpointError, Ethereum},
    journal::{Done, Journal, JournalError, Owner},
    ledger,
};
use crate::chain::{Chain, ChainError};

/// How to post.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Blocks of the ledger from one anchor to the next.
    pub every: NonZeroU64,
    /// Most wei per gas.
    pub cap: u128,
    /// How deep a block of Ethereum must be.
    pub required: Required,
    /// Blocks of Ethereum after which a transaction that waits is replaced by one that offers more.
    pub bump_after: u64,
    /// Time between two looks at Ethereum, half of what a block takes.
    pub poll: Duration,
}

/// Posts for one validator.
#[derive(Debug)]
pub struct Poster<S> {
    chain: Chain,
    ethereum: Ethereum,
    account: Account,
    signer: Ed25519Signer,
    journal: Journal,
    options: Options,
    /// Number of Ethereum's chain.
    number: u64,
    /// The highest height that another validator has anchored.
    settled: Height,
    /// Since when others are waited for.
    held: Option<Instant>,
    /// What was seen in a block, to notice when it no longer is.
    mined: Option<Place>,
    told: Option<Event>,
    tell: S,
}

/// A transaction in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    tx: alloy::primitives::B256,
    block: alloy::primitives::B256,
    number: u64,
}

/// What a step led to.
enum Step {
    /// Something changed; look again at once.
    Done,
    /// A post is recorded.
    Posted,
    /// Nothing is to be done before the ledger grows.
    Idle,
    /// Somebody else is at it: look again later.
    Later,
    /// Ethereum must move first.
    Wait,
}

impl<S: FnMut(&Event)> Poster<S> {
    /// Opens the journal in the validator's directory `dir`, which this process alone has until it
    /// ends. Waits for an endpoint that answers.
    ///
    /// # Errors
    /// [`PostError`].
    pub async fn open(
        dir: &Path,
        chain: Chain,
        ethereum: Ethereum,
        account: Account,
        signer: Ed25519Signer,
        options: Options,
        mut tell: S,
    ) -> Result<Self, PostError> {
        let number = number(&ethereum, &mut tell).await?;
        let address = account.address().to_string();
        let owner =
            Owner { chain_id: chain.chain_id(), ethereum: number, account: address.clone() };
        let journal = Journal::open(dir, &owner)?;
        tell(&Event::Ready { account: address, ethereum: number, every: options.every.get() });
        let (settled, held, mined, told) = (Height(0), None, None, None);
        Ok(Self {
            settled,
            held,
            chain,
            ethereum,
            account,
            signer,
            journal,
            options,
            number,
            mined,
            told,
            tell,
        })
    }

    /// Posts whatever is due, until it fails for good; or, with `once`, until one post is recorded or
    /// nothing is due.
    ///
    /// # Errors
    /// [`PostError`]; what passes by itself is waited for.
    pub async fn run(&mut self, once: bool) -> Result<(), PostError> {
        let mut pauses = pauses();
        self.compare().await?;
        let mut headers = self.chain.headers();
        loop {
            match self.step().await {
                Ok(Step::Done) => pauses = self::pauses(),
                Ok(Step::Idle | Step::Posted) if once => return Ok(()),
                Ok(Step::Posted) => pauses = self::pauses(),
                Ok(Step::Idle) => {
                    // A stopped chain is noticed by its silence.
                    let _ = tokio::time::timeout(IDLE, headers.changed()).await;
                }
                Ok(Step::Wait) => {
                    pauses = self::pauses();
                    tokio::time::sleep(self.options.poll).await;
                }
                Ok(Step::Later) => tokio::time::sleep(self.options.poll * 10).await,
                Err(error) if error.passes(once) => {
                    self.wait(error.to_string());
                    let pause = pauses.next().unwrap_or(LONGEST);
                    tokio::time::sleep(pause.max(self.options.poll)).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn step(&mut self) -> Result<Step, PostError> {
        if let Some(post) = self.journal.post().cloned() {
            self.held = None;
            return self.drive(post).await;
        }
        if let Some(done) = self.journal.unrecorded().cloned() {
            return self.record(&done).await;
        }
        self.next().await
    }

    /// Finds what is due, and begins it.
    async fn next(&mut self) -> Result<Step, PostError> {
        let (newest, _) = self.chain.checkpoint().await?;
        let every = self.options.every;
        let due = due(newest, every);
        let past = self.journal.last().map_or(0, |last| last.height).max(self.settled.0);
        let height = due.filter(|due| due.0 > past);
        let Some(height) = height else {
            let next = due.map_or(0, |due| due.0).saturating_add(every.get());
            self.tell(Event::Idle { next });
            return Ok(Step::Idle);
        };
        self.compare().await?;
        let header = self.chain.header_at(height).await?.digest;
        let own = Anchor { chain_id: self.chain.chain_id(), height, header };
        match self.claimed(&own).await? {
            Claimed::Anchored => {
                self.settled = height;
                self.held = None;
                self.tell(Event::Already { height: height.0 });
                Ok(Step::Idle)
            }
            Claimed::Own => {
                self.wait(format!(
                    "height {height}: this validator has recorded an anchor, and it does not show \
                     deep enough in Ethereum now"
                ));
                Ok(Step::Later)
            }
            Claimed::InBlock if self.is_patient() => {
                self.wait(format!(
                    "height {height} is anchored by another validator, not deep yet"
                ));
                Ok(Step::Later)
            }
            Claimed::InBlock | Claimed::No => self.begin(own).await,
        }
    }

    /// Brings the record of a post to the ledger.
    async fn record(&mut self, done: &Done) -> Result<Step, PostError> {
        let place = AnchorPlace::Ethereum(self.number, done.tx.0, done.block.0);
        let own = self.signer.validator();
        let claims = ledger::claims(&self.chain, LOOKED_AT).await?;
        let is_own = |claim: &&ledger::Claim| {
            claim.by == Some(own) && claim.place == place && claim.height.0 == done.height
        };
        if claims.newest.iter().any(|claim| is_own(&claim)) {
            self.journal.recorded(done.height)?;
            return Ok(Step::Posted);
        }
        let header = Digest(done.header.0);
        let record = AnchorRecord { height: Height(done.height), header, anchor: place };
        let at = ledger::record(&self.chain, &self.signer, record).await?;
        self.journal.recorded(done.height)?;
        self.tell(Event::Recorded {
            height: done.height,
            header: header.to_hex(),
            tx: done.tx.to_string(),
            at: at.height.0,
        });
        Ok(Step::Posted)
    }

    /// Holds what was posted against the ledger of today.
    async fn compare(&self) -> Result<(), PostError> {
        let posted: Vec<_> = self.journal.posted().collect();
        for (height, posted) in posted.into_iter().rev().take(COMPARED) {
            match self.chain.header_at(height).await {
                Ok(header) if header.digest != posted => {
                    return Err(PostError::Rewritten { height, posted, now: header.digest });
                }
                Ok(_) => {}
                // A chain that is shorter than what was posted is one that was begun anew.
                Err(_) => tracing::warn!(%height, "no validator proves a header that was posted"),
            }
        }
        Ok(())
    }

    fn wait(&mut self, why: String) {
        self.tell(Event::Waiting { why });
    }

    /// Tells it, unless it was the last thing told.
    fn tell(&mut self, event: Event) {
        if self.told.as_ref() != Some(&event) {
            (self.tell)(&event);
            self.told = Some(event);
        }
    }
}

/// The number of the chain that all endpoints follow.
async fn number(ethereum: &Ethereum, tell: &mut impl FnMut(&Event)) -> Result<u64, PostError> {
    let mut pauses = pauses();
    loop {
        let mut numbers = Vec::new();
        let mut silent = None;
        for endpoint in ethereum.endpoints() {
            match endpoint.chain().await {
                Ok(number) => numbers.push(number),
                Err(error) => silent = Some(error),
            }
        }
        match (numbers.first(), silent) {
            (Some(first), _) if numbers.iter().all(|number| number == first) => return Ok(*first),
            (Some(_), _) => return Err(PostError::TwoChains),
            (None, error) => {
                let why = error.map_or_else(String::new, |error| error.to_string());
                tell(&Event::Waiting { why });
            }
        }
        tokio::time::sleep(pauses.next().unwrap_or(LONGEST)).await;
    }
}

/// From half a second to a minute, not at the same moment as others.
fn pauses() -> ExponentialBackoff {
    ExponentialBuilder::new()
        .with_jitter()
        .with_min_delay(Duration::from_millis(500))
        .with_max_delay(LONGEST)
        .without_max_times()
        .build()
}

/// Why posting ends, or waits.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostError {
    /// The key signs nothing.
    #[error(transparent)]
    Account(#[from] BadKey),
    /// The ledger does not say or take something.
    #[error("the ledger: {0}")]
    Chain(#[from] ChainError),
    /// A transaction of this size costs more gas than an anchor may.
    #[error("the endpoint asks {0} gas for an anchor, which cannot be")]
    Gas(u64),
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// An endpoint does not answer, or refuses.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The ledger has another header now where one was anchored.
    #[error(
        "CONFLICT: header {} of height {height} was posted, and the validators now sign {}: this \
         history was rewritten", .posted.to_hex(), .now.to_hex()
    )]
    Rewritten {
        /// The height.
        height: Height,
        /// What was posted.
        posted: Digest,
        /// What the validators sign now.
        now: Digest,
    },
    /// The endpoints do not follow one chain.
    #[error("the Ethereum endpoints follow different chains")]
    TwoChains,
}

impl PostError {
    /// Whether trying again may help. A script that waits wants to know a refusal.
    const fn passes(&self, once: bool) -> bool {
        match self {
            Self::Endpoint(_) => true,
            Self::Chain(ChainError::Refused(_)) => !once,
            Self::Chain(_) => true,
            _ => false,
        }
    }
}

/// Records of the ledger among which one for a height is looked for.
const LOOKED_AT: u32 = 64;
/// Posts that are held against the ledger at the start.
const COMPARED: usize = 4;
const IDLE: Duration = Duration::from_secs(30);
const LONGEST: Duration = Duration::from_secs(60);
