//! Writes the ledger of a network into a file, from whichever validators answer.

use std::path::Path;

use conclave_protocol::{Digest, Height};

use super::{
    Step,
    file::{FileError, Last, Writer},
};
use crate::{
    chain::{Copied, Copier, CopyError, Place},
    network::Network,
};

/// What was exported.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Exported {
    /// The last block of the file.
    pub last: Height,
    /// Digest of its header, which a quorum of validators signed.
    pub digest: Digest,
    /// Records written now; the file may have had some before.
    pub written: u64,
}

/// Why a ledger was not exported. What was written stays, to be continued.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The validators do not give it.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// The file does not take it.
    #[error(transparent)]
    File(#[from] FileError),
    /// The export should begin above the newest block.
    #[error("the ledger has {0} blocks so far")]
    NotYet(Height),
}

/// Writes all blocks from `from` up to the newest one into the file, or what is missing of them.
/// Every block is linked to the one before, and the last one is proven final, so the file holds the
/// ledger and nothing else; `note` is told how far it is.
///
/// # Errors
/// See [`ExportError`].
pub async fn export(
    network: &Network,
    path: &Path,
    from: Height,
    mut note: impl FnMut(Step),
) -> Result<Exported, ExportError> {
    let mut copy = Copier::of(network)?;
    let newest = copy.newest().await?;
    if from > newest.height {
        return Err(ExportError::NotYet(newest.height));
    }
    let before = copy.before(from).await?;
    let before = Last { height: before.height, digest: before.digest };
    let mut file = Writer::open(path, &network.genesis, before)?;
    let first = file.last().height.0;
    let Last { height, digest } = file.last();
    let mut at = Place { height, digest, is_certified: file.is_certified() };
    loop {
        let records = copy.next(&mut at, newest.height).await?;
        if records.is_empty() {
            break;
        }
        for Copied { record, outline } in records {
            file.append(&record, &outline)?;
            note(Step {
                height: outline.height,
                done: outline.height.0.saturating_sub(first),
                total: newest.height.0.saturating_sub(first),
            });
        }
    }
    copy.proves(&at).await?;
    let written = file.written();
    let Last { height, digest } = file.finish()?;
    Ok(Exported { last: height, digest, written })
}
