//! Executes a whole ledger again, out of files or straight from the validators.

use std::{io, path::PathBuf};

use conclave_ledger::audit::{AuditError, Auditor, Broken, Report, StartError};
use conclave_protocol::{ChainId, Genesis, Height};
use tokio::sync::mpsc;

use super::{
    Step,
    file::{FileError, Frame, Opening, Reader},
};
use crate::{
    chain::{Copied, Copier, CopyError},
    network::Network,
};

/// Why a ledger was not verified to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// Something in the ledger does not hold.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// The validators do not give all of it.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// A file is not all of an exported ledger.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        source: FileError,
    },
    /// A file does not go on where the one before ended.
    #[error("{} begins at height {found}, and height {expected} is next", path.display())]
    Gap {
        /// Which.
        path: PathBuf,
        /// The height that is missing.
        expected: Height,
        /// Where it begins.
        found: Height,
    },
    /// The file is about another network than the one that was named.
    #[error("the file holds the ledger of another network, {}", .0.to_hex())]
    OtherNetwork(ChainId),
    /// The audit does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// This machine failed; nothing is said about the ledger.
    #[error("the audit stopped: {0}")]
    Stopped(String),
    /// A part of the check crashed.
    #[error(transparent)]
    Crashed(AuditError),
}

impl From<AuditError> for VerifyError {
    fn from(error: AuditError) -> Self {
        match error {
            AuditError::Broken(broken) => Self::Broken(broken),
            error @ AuditError::Crashed => Self::Crashed(error),
            error => Self::Stopped(error.to_string()),
        }
    }
}

/// The genesis a file begins with, to say what is being verified.
///
/// # Errors
/// See [`FileError`].
pub fn opening(path: &std::path::Path) -> Result<Opening, FileError> {
    Ok(Reader::open(path)?.opening().clone())
}

/// Executes an exported ledger, which may be in several files that follow each other. `genesis`, if
/// it is known, must be the one of the files. Blocks.
///
/// # Errors
/// See [`VerifyError`].
pub fn verify_files(
    paths: &[PathBuf],
    genesis: Option<&Genesis>,
    mut note: impl FnMut(Step),
) -> Result<Report, VerifyError> {
    let dir = scratch()?;
    let mut audit: Option<Auditor> = None;
    let mut expected = genesis.map(Genesis::chain_id);
    let (mut next, mut before) = (Height(1), 0);
    let total = paths.iter().filter_map(|path| path.metadata().ok()).map(|it| it.len()).sum();
    for path in paths {
        let bad = |source| VerifyError::File { path: path.clone(), source };
        let mut reader = Reader::open(path).map_err(bad)?;
        let opening = reader.opening().clone();
        let theirs = opening.genesis.chain_id();
        if *expected.get_or_insert(theirs) != theirs {
            if let Some(auditor) = audit {
                auditor.settle()?;
            }
            return Err(VerifyError::OtherNetwork(theirs));
        }
        let mut auditor = match audit {
            Some(auditor) => auditor,
            None => Auditor::start(dir.path(), &opening.genesis)?,
        };
        if opening.first != next {
            auditor.settle()?;
            let (expected, found) = (next, opening.first);
            return Err(VerifyError::Gap { path: path.clone(), expected, found });
        }
        loop {
            let wrong = match reader.frame() {
                Ok(Some(Frame::Record(record))) => {
                    auditor = auditor.feed(&record)?;
                    next = next.next();
                    let done = before + reader.position();
                    note(Step { height: auditor.progress().height, done, total });
                    continue;
                }
                Ok(Some(Frame::End(last))) if last.height.next() == next => continue,
                Ok(Some(Frame::End(_))) => FileError::Damaged(reader.position()),
                Ok(None) => break,
                Err(error) => error,
            };
            // What was read before is told first, if it does not hold.
            auditor.settle()?;
            return Err(bad(wrong));
        }
        before += reader.position();
        audit = Some(auditor);
    }
    let audit = audit.ok_or_else(|| VerifyError::Stopped("no file was named".into()))?;
    Ok(audit.finish()?)
}

/// Executes the ledger of a network up to its newest block, as the validators give it.
///
/// # Errors
/// See [`VerifyError`].
pub async fn verify_network(
    network: &Network,
    mut note: impl FnMut(Step) + Send + 'static,
) -> Result<Report, VerifyError> {
    let mut copy = Copier::of(network)?;
    let newest = copy.newest().await?.height;
    let mut at = copy.before(Height(1)).await?;
    let (records, mut inbox) = mpsc::channel::<Vec<Copied>>(4);
    let genesis = network.genesis.clone();
    let auditing = tokio::task::spawn_blocking(move || {
        let dir = scratch()?;
        let mut auditor = Auditor::start(dir.path(), &genesis)?;
        while let Some(records) = inbox.blocking_recv() {
            for Copied { record, .. } in records {
                auditor = auditor.feed(&record)?;
            }
            let height = auditor.progress().height;
            note(Step { height, done: height.0, total: newest.0 });
        }
        // The directory lives as long as the audit.
        Ok::<_, VerifyError>((dir, auditor))
    });
    let copied = loop {
        match copy.next(&mut at, newest).await {
            Ok(next) if next.is_empty() => break Ok(()),
            Ok(next) => {
                if records.send(next).await.is_err() {
                    break Ok(());
                }
            }
            Err(error) => break Err(error),
        }
    };
    drop(records);
    let stopped = |error: tokio::task::JoinError| VerifyError::Stopped(error.to_string());
    let (dir, auditor) = auditing.await.map_err(stopped)??;
    let proven = match copied {
        Ok(()) => copy.proves(&at).await,
        Err(error) => Err(error),
    };
    let finishing = tokio::task::spawn_blocking(move || {
        let report = match proven {
            Ok(()) => auditor.finish().map_err(VerifyError::from),
            // What was copied is told first, if it does not hold.
            Err(error) => {
                auditor.settle().map_err(VerifyError::from).and_then(|()| Err(error.into()))
            }
        };
        drop(dir);
        report
    });
    finishing.await.map_err(stopped)?
}

/// Where both states are computed.
fn scratch() -> Result<tempfile::TempDir, VerifyError> {
    let dir = tempfile::Builder::new().prefix("conclave-audit").tempdir();
    dir.map_err(|error: io::Error| VerifyError::Start(error.into()))
}
