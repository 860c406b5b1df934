//! The threads of an audit, and the handle that feeds them.

use std::{
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
};

use commonware_runtime::{Runner as _, tokio as runtime};
use conclave_protocol::{Genesis, Height};

use super::{
    AuditError, Progress, Report,
    beside::{WAITING, beside},
    replay::{Checks, Replay},
    seal::Prepared,
    signatures::check_all,
};
use crate::committee::{BadCommittee, Committee};

/// Executes a ledger as its records come in.
///
/// Its calls block: make them where blocking is allowed.
#[derive(Debug)]
pub struct Auditor {
    steps: SyncSender<Step>,
    executing: JoinHandle<Result<Option<Report>, AuditError>>,
    counters: Arc<Counters>,
    next: u64,
}

/// What the executing thread is told.
#[derive(Debug)]
enum Step {
    Next(Box<Prepared>),
    End,
}

#[derive(Debug, Default)]
struct Counters {
    height: AtomicU64,
    txs: AtomicU64,
}

/// Why an audit does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The genesis has no usable validator set.
    #[error(transparent)]
    Committee(#[from] BadCommittee),
    /// No thread can be made.
    #[error("cannot execute the ledger here: {0}")]
    Io(#[from] io::Error),
}

impl Auditor {
    /// Begins with the genesis. Both states are computed in `dir`, which must be empty and may be
    /// removed afterwards; they take about 0.5 kB for each record ever written.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn start(dir: &Path, genesis: &Genesis) -> Result<Self, StartError> {
        // A genesis without a committee is told at once, not by the first block.
        Committee::of(genesis)?;
        let (steps, inbox) = sync_channel(WAITING);
        let counters = Arc::new(Counters::default());
        let config = runtime::Config::new()
            .with_worker_threads(1)
            .with_max_blocking_threads(4)
            .with_storage_directory(dir);
        let (genesis, shared) = (genesis.clone(), Arc::clone(&counters));
        let executing = thread::Builder::new().name("audit".into()).spawn(move || {
            let runner = runtime::Runner::new(config);
            let execute = |checks| {
                runner.start(|context| async move {
                    run(&context, &genesis, &inbox, checks, &shared).await
                })
            };
            beside(execute, check_all)
        })?;
        Ok(Self { steps, executing, counters, next: 1 })
    }

    /// The record of the next height. Waits while the threads are behind.
    ///
    /// # Errors
    /// The first thing that does not hold, here or in an earlier record; the audit is over then.
    pub fn feed(mut self, record: &[u8]) -> Result<Self, AuditError> {
        match Prepared::of(record, self.next) {
            Err(broken) => {
                // Something before it may be wrong, too.
                self.settle()?;
                Err(broken.into())
            }
            Ok(prepared) => {
                self.next = self.next.saturating_add(1);
                match self.steps.send(Step::Next(Box::new(prepared))) {
                    Ok(()) => Ok(self),
                    Err(_) => Err(self.end(None).err().unwrap_or(AuditError::Stopped)),
                }
            }
        }
    }

    /// The end of the ledger: waits until everything was checked.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn finish(self) -> Result<Report, AuditError> {
        self.end(Some(Step::End))?.ok_or(AuditError::Stopped)
    }

    /// Checks what was fed, and ends the audit without the rest of the ledger.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn settle(self) -> Result<(), AuditError> {
        self.end(None).map(drop)
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        let Counters { height, txs } = &*self.counters;
        let (height, txs) = (height.load(Ordering::Relaxed), txs.load(Ordering::Relaxed));
        Progress { height: Height(height), txs }
    }

    /// Waits for what was fed; a report only if `last` says that this was all.
    fn end(self, last: Option<Step>) -> Result<Option<Report>, AuditError> {
        let Self { steps, executing, .. } = self;
        if let Some(last) = last {
            // If nobody takes it any more, the thread's result says why.
            let _ended = steps.send(last);
        }
        drop(steps);
        executing.join().unwrap_or(Err(AuditError::Crashed))
    }
}

/// Executes what comes in, and hands the checks that are left on.
async fn run(
    context: &runtime::Context,
    genesis: &Genesis,
    steps: &Receiver<Step>,
    checks: SyncSender<Checks>,
    counters: &Counters,
) -> Result<Option<Report>, AuditError> {
    let mut replay = Replay::open(context, genesis).await?;
    // This thread is the audit's own, so waiting for the next record blocks nobody else.
    while let Ok(step) = steps.recv() {
        let Step::Next(prepared) = step else { return Ok(Some(replay.finish()?)) };
        let left = replay.next(*prepared).await?;
        let (height, txs) = replay.progress();
        counters.height.store(height, Ordering::Relaxed);
        counters.txs.store(txs, Ordering::Relaxed);
        if checks.send(left).is_err() {
            // The other thread found something, and says so.
            return Err(AuditError::Stopped);
        }
    }
    Ok(None)
}
