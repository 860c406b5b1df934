//! The ledger as this device may believe it: several validators asked, every answer verified.
//!
//! [`Chain`] is what the daemon uses; `remote` speaks HTTP to one validator, `follow` keeps the
//! newest header, `handover` the validator set, `fork` judges what others show of theirs, `ask`
//! reads records, [`Copier`] whole blocks, `submit` brings a transaction to finality, `view`
//! gathers a meeting, `newcomers` who came into the set, `look` what validators only say. Nothing a
//! validator says is used before the light client has proven it; there is no other path, not even
//! to the validator embedded by `--dev`.

mod answers;
mod ask;
mod consortium;
mod copy;
mod entry;
mod follow;
mod fork;
mod handover;
mod header;
mod history;
mod look;
mod newcomers;
mod remote;
mod submit;
mod view;

use std::{
    collections::BTreeMap,
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use conclave_ledger::light::{self, LightClient};
use conclave_protocol::{
    ChainId, Digest, Genesis, Height, Key, MeetingId, NotLoaded, Params, Record, Seconds, TxId,
    ValidatorKey, View,
};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use self::{answers::AnswerLog, fork::EvidenceDir, remote::Remote, view::Known};
use crate::{
    http::wire::{self, ValidatorView},
    landing,
    network::Network,
};

pub(crate) use answers::{ANSWERS, AnswerLine};
pub use conclave_ledger::light::{Freshness, HeaderFacts, Included};
pub use consortium::Consortium;
pub use copy::{Copied, Copier, CopyError, Place};
pub use entry::Entry;
pub use history::Change;
pub use remote::RemoteError;

/// The ledger, verified. Clones share one light client and its connections.
#[derive(Clone, Debug)]
pub struct Chain(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    genesis: Genesis,
    chain_id: ChainId,
    light: Mutex<LightClient>,
    /// Whom to ask: those of the network file, then those who came into the set since.
    remotes: Mutex<Vec<Remote>>,
    /// How many the network file names.
    named: usize,
    newest: watch::Sender<Option<HeaderFacts>>,
    overdue: watch::Sender<Vec<TxId>>,
    /// What the last view of a meeting held, to ask for all of the next one at once.
    known: Mutex<BTreeMap<MeetingId, Known>>,
    /// Where the demo wants verified answers written.
    answers: OnceLock<Mutex<AnswerLog>>,
    /// Where proofs against validators are written.
    evidence: OnceLock<EvidenceDir>,
    /// Ends the followers, by the guard with the last clone.
    closing: CancellationToken,
    _following: DropGuard,
}

impl Chain {
    /// Follows every validator of the network until the last clone is dropped. Needs a runtime.
    ///
    /// # Errors
    /// The genesis names a validator key that is none, or no HTTP client can be made.
    pub fn start(network: &Network) -> Result<Self, StartError> {
        let genesis = network.genesis.clone();
        let light =
            LightClient::new(&genesis).map_err(|error| StartError::Genesis(error.to_string()))?;
        let closing = CancellationToken::new();
        let client = remote::client().map_err(StartError::Client)?;
        let remotes: Vec<_> =
            network.validators.iter().map(|peer| Remote::new(&client, peer)).collect();
        let chain = Self(Arc::new(Shared {
            chain_id: genesis.chain_id(),
            genesis,
            light: Mutex::new(light),
            named: remotes.len(),
            remotes: Mutex::new(remotes.clone()),
            newest: watch::Sender::new(None),
            overdue: watch::Sender::new(Vec::new()),
            known: Mutex::default(),
            answers: OnceLock::new(),
            evidence: OnceLock::new(),
            _following: closing.clone().drop_guard(),
            closing,
        }));
        for remote in remotes {
            chain.0.spawn(follow::follow(Arc::downgrade(&chain.0), remote));
        }
        chain.0.spawn(newcomers::welcome(Arc::downgrade(&chain.0), client));
        Ok(chain)
    }

    /// From now on writes down in `dir` which answers about the state were believed.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn record_answers(&self, dir: &Path) -> io::Result<()> {
        let log = Mutex::new(AnswerLog::create(dir)?);
        let _there_already = self.0.answers.set(log);
        Ok(())
    }

    /// The network.
    #[must_use]
    pub fn chain_id(&self) -> ChainId {
        self.0.chain_id
    }

    /// Its genesis.
    #[must_use]
    pub fn genesis(&self) -> &Genesis {
        &self.0.genesis
    }

    /// Its constants.
    #[must_use]
    pub fn params(&self) -> Params {
        self.0.genesis.params
    }

    /// The newest final header, whenever there is a newer one; nothing before the first.
    #[must_use]
    pub fn headers(&self) -> watch::Receiver<Option<HeaderFacts>> {
        self.0.newest.subscribe()
    }

    /// Transactions that were submitted and have not been final for 10 s: all validators that
    /// could be reached may be censoring them.
    #[must_use]
    pub fn overdue(&self) -> watch::Receiver<Vec<TxId>> {
        self.0.overdue.subscribe()
    }

    /// How far what is known here may be behind.
    #[must_use]
    pub fn freshness(&self) -> Freshness {
        self.light().freshness(now_ms())
    }

    /// Chain time of the newest final header. Waits for the first one.
    ///
    /// # Errors
    /// [`ChainError::Silent`]: no validator has given one within 10 s.
    pub async fn time(&self) -> Result<Seconds, ChainError> {
        Ok(self.newest().await?.time())
    }

    /// Height and hash of the newest final header. Waits for the first one.
    ///
    /// # Errors
    /// As [`time`](Self::time).
    pub async fn checkpoint(&self) -> Result<(Height, Digest), ChainError> {
        let newest = self.newest().await?;
        Ok((newest.height, newest.digest))
    }

    /// What the page shows of the ledger; `dev` is for the caller to know.
    #[must_use]
    pub fn network(&self) -> wire::Network {
        let now = now_ms();
        let newest = self.0.newest.borrow().clone();
        let validators = self.validators_status();
        wire::Network {
            name: self.0.genesis.name.as_str().to_owned(),
            chain_id: self.0.chain_id.to_hex(),
            dev: false,
            height: newest.as_ref().map_or(0, |newest| newest.height.0),
            age_ms: newest.as_ref().map_or(0, |newest| now.saturating_sub(newest.time_ms)),
            freshness: match self.freshness() {
                Freshness::Fresh => wire::Freshness::Fresh,
                Freshness::Amber(_) => wire::Freshness::Amber,
                Freshness::Stale(_) => wire::Freshness::Stale,
            },
            landing: landing::address(&validators),
            validators,
            work: self.0.genesis.params.pow_bits,
            overdue: self.0.overdue.borrow().len(),
            fork: None,
        }
    }

    /// How each validator answers.
    #[must_use]
    pub fn validators_status(&self) -> Vec<ValidatorView> {
        self.0.remotes().iter().map(Remote::view).collect()
    }

    /// Whether no validator answers.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.validators_status().iter().all(|validator| !validator.ok)
    }

    /// A validator that may be named as the sponsor of a new user; see
    /// [`sponsor`](Self::sponsor).
    #[must_use]
    pub fn sponsor_key(&self) -> ValidatorKey {
        self.0.remotes().first().map_or(ValidatorKey([0; 32]), |remote| remote.key)
    }

    async fn newest(&self) -> Result<HeaderFacts, ChainError> {
        let mut headers = self.headers();
        let first = tokio::time::timeout(FIRST, headers.wait_for(Option::is_some)).await;
        match first {
            Ok(Ok(newest)) => newest.clone().ok_or(ChainError::Closed),
            Ok(Err(_)) => Err(ChainError::Closed),
            Err(_) => Err(ChainError::Silent),
        }
    }

    fn light(&self) -> MutexGuard<'_, LightClient> {
        self.0.light()
    }
}

impl Shared {
    /// The validators that seal the block after the newest one that is known. What others say
    /// without a proof counts nothing, those included that were removed from the set.
    fn validators(&self) -> Vec<ValidatorKey> {
        let light = self.light();
        let newest = light.newest().map_or(Height(0), |newest| newest.height);
        light.validators(newest.next())
    }

    fn light(&self) -> MutexGuard<'_, LightClient> {
        self.light.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whom to ask now.
    fn remotes(&self) -> Vec<Remote> {
        self.remotes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn has(&self, key: &ValidatorKey) -> bool {
        self.remotes().iter().any(|remote| remote.key == *key)
    }

    /// Asks these newcomers from now on, too, and none any more that is neither of the network file
    /// nor of the set.
    fn stay(self: &Arc<Self>, set: &[ValidatorKey], newcomers: Vec<Remote>) {
        let mut remotes = self.remotes.lock().unwrap_or_else(PoisonError::into_inner);
        let since: Vec<_> = remotes.drain(self.named..).collect();
        remotes.extend(since.into_iter().filter(|remote| set.contains(&remote.key)));
        remotes.extend(newcomers.iter().cloned());
        drop(remotes);
        for remote in newcomers {
            self.spawn(follow::follow(Arc::downgrade(self), remote));
        }
    }

    /// Runs a task until the last clone of the chain is dropped.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let closing = self.closing.clone();
        tokio::spawn(async move { closing.run_until_cancelled(task).await });
    }

    /// Tells the world when the light client knows a newer header than before.
    fn publish(&self) {
        let Some(newest) = self.light().newest().cloned() else { return };
        self.newest.send_if_modified(|known| {
            let newer = known.as_ref().is_none_or(|known| known.height < newest.height);
            if newer {
                *known = Some(newest);
            }
            newer
        });
    }
}

/// Proven records, all at one final height.
#[derive(Clone, Debug)]
pub struct Snapshot(light::Snapshot);

impl Snapshot {
    /// The record under `key`, or nothing if it is proven absent or was not asked for.
    #[must_use]
    pub fn record(&self, key: &Key) -> Option<&Record> {
        self.0.records.get(key)?.as_ref()
    }

    /// Whether `key` was asked for.
    #[must_use]
    pub fn covers(&self, key: &Key) -> bool {
        self.0.records.contains_key(key)
    }

    /// The height.
    #[must_use]
    pub const fn height(&self) -> Height {
        self.0.height
    }

    /// Chain time at that height.
    #[must_use]
    pub const fn time(&self) -> Seconds {
        self.0.time()
    }

    /// Hash of the header at that height.
    #[must_use]
    pub const fn header(&self) -> Digest {
        self.0.header
    }
}

impl View for Snapshot {
    fn get(&self, key: &Key) -> Result<Option<Record>, NotLoaded> {
        self.0.records.get(key).cloned().ok_or(NotLoaded)
    }
}

/// Why the ledger cannot be followed at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// No HTTP client can be made.
    #[error("cannot make an HTTP client: {0}")]
    Client(reqwest::Error),
    /// A validator key of the genesis is not a key.
    #[error("genesis: {0}")]
    Genesis(String),
}

/// Why the ledger did not say or take something.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// The daemon is stopping.
    #[error("this program is stopping")]
    Closed,
    /// Every validator that answers dropped the block; they keep those from this height on.
    #[error("every validator that answers dropped this block; they keep those from height {0} on")]
    Dropped(Height),
    /// The transaction ran out of time before any validator proved it final.
    #[error("the transaction was not taken in before it expired")]
    Expired,
    /// No validator has the bytes of a transaction that is final.
    #[error("no validator has the bytes of this transaction any more")]
    Forgotten,
    /// The members of a meeting changed faster than they could be read, or one is withheld.
    #[error("no validator proves all members of the meeting at one height")]
    Incomplete,
    /// This device is not registered.
    #[error("this device is not registered on the ledger")]
    NotRegistered,
    /// The rules of the ledgers refuse it, according to more validators than may be faulty.
    #[error("the ledger refuses it: {0}")]
    Refused(String),
    /// No validator gave an answer that could be verified.
    #[error("no validator answers")]
    Silent,
    /// More keys than one answer proves.
    #[error("too many records in one question")]
    TooManyKeys,
}

/// This machine's clock, which freshness is judged by.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Most changes of one user that are walked through.
const MAX_HISTORY: usize = 1_024;
/// How long the first header may take.
const FIRST: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
