//! A light client that looks at every final block: when it verified which transaction.
//!
//! It follows the headers of one validator, verifies each certificate, fetches every block, and holds
//! it against the header that was proven. A transaction counts as final when that is done, so all of
//! it is inside the figures. While nothing happens it asks for nothing.

use std::{
    convert::Infallible,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, bail};
use conclave_ledger::{bench::transactions, light::LightClient};
use conclave_protocol::{Genesis, Height, TxId};
use tokio::task::JoinHandle;

use super::rpc::Rpc;

/// Watches until it is dropped.
#[derive(Debug)]
pub(super) struct Watcher {
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

/// What was verified.
#[derive(Debug, Default)]
struct Seen {
    count: u64,
    /// Transactions nobody has asked for yet.
    news: Vec<(TxId, Instant)>,
    failed: Option<String>,
}

impl Watcher {
    /// Begins with the first block.
    ///
    /// # Errors
    /// The genesis has no usable validator set.
    pub(super) fn start(genesis: &Genesis, rpc: Arc<Rpc>) -> anyhow::Result<Self> {
        let light = LightClient::new(genesis)?;
        let seen = Arc::new(Mutex::new(Seen::default()));
        let shared = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            let Err(error) = follow(light, &rpc, &shared).await;
            lock(&shared).failed = Some(format!("{error:#}"));
        });
        Ok(Self { seen, task })
    }

    /// What was verified since this was asked last, and when.
    ///
    /// # Errors
    /// The watcher had to give up.
    pub(super) fn news(&self) -> anyhow::Result<Vec<(TxId, Instant)>> {
        let mut seen = lock(&self.seen);
        match &seen.failed {
            Some(error) => bail!("the light client gave up: {error}"),
            None => Ok(mem::take(&mut seen.news)),
        }
    }

    /// All transactions that were verified since the first block.
    pub(super) fn count(&self) -> u64 {
        lock(&self.seen).count
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn follow(
    mut light: LightClient,
    rpc: &Rpc,
    seen: &Mutex<Seen>,
) -> anyhow::Result<Infallible> {
    let mut frames = rpc.follow().await?;
    let mut next = 1;
    loop {
        let answer = frames.next().await?;
        if answer.is_empty() {
            continue;
        }
        let newest = light.on_header(&answer, now_ms())?.height.0;
        while next <= newest {
            look(&mut light, rpc, next, seen).await?;
            next += 1;
        }
    }
}

async fn look(
    light: &mut LightClient,
    rpc: &Rpc,
    height: u64,
    seen: &Mutex<Seen>,
) -> anyhow::Result<()> {
    let facts = match light.newest() {
        Some(newest) if newest.height == Height(height) => newest.clone(),
        _ => light.on_header(&rpc.header(Some(height)).await?, now_ms())?,
    };
    if facts.identity_txs == 0 && facts.meeting_txs == 0 {
        return Ok(());
    }
    let block = rpc.block(height).await?;
    let (digest, ids) = transactions(&block).context("a block that is none")?;
    anyhow::ensure!(digest == facts.digest, "another block than the final one");
    let now = Instant::now();
    let mut seen = lock(seen);
    seen.count += u64::try_from(ids.len())?;
    seen.news.extend(ids.into_iter().map(|id| (id, now)));
    Ok(())
}

/// Milliseconds since the Unix epoch.
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
