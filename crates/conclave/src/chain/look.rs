//! What people look at: whole blocks, the validator set, and what a validator says without proof.

use bytes::Bytes;
use conclave_ledger::BlockFacts;
use conclave_protocol::{ApplyError, Height, Rules, ValidatorKey, validators::validators_at};

use super::{Chain, ChainError, HeaderFacts, Snapshot};

impl Chain {
    /// A whole block. Its header is verified, and a block that decodes is bound to its header, so
    /// all of it is proven.
    ///
    /// # Errors
    /// [`ChainError::Silent`]: no validator has it.
    pub async fn block(&self, height: Height) -> Result<BlockFacts, ChainError> {
        let header = self.header_at(height).await?;
        let header = &header;
        let found = self.hedged(|remote| async move {
            let bytes = remote.block(height).await.ok()?;
            let facts = BlockFacts::read(&bytes).ok().filter(|facts| facts.header == *header);
            if facts.is_none() {
                remote.failed();
                tracing::warn!(validator = %remote.key, "it gave another block than is final");
            }
            facts
        });
        found.await.ok_or(ChainError::Silent)
    }

    /// The newest final header known. Waits for the first one.
    ///
    /// # Errors
    /// [`ChainError::Silent`]: no validator has given one within 10 s.
    pub async fn tip(&self) -> Result<HeaderFacts, ChainError> {
        self.newest().await
    }

    /// The validators in force at a height, proven from the newest state.
    ///
    /// # Errors
    /// Those of [`snapshot`](Self::snapshot); [`ChainError::Incomplete`] if the records change
    /// faster than they are read.
    pub async fn validators_in_force(
        &self,
        height: Height,
    ) -> Result<Vec<ValidatorKey>, ChainError> {
        let rules = Rules::from(self.genesis());
        let mut keys = Vec::new();
        let mut view: Option<Snapshot> = None;
        for _ in 0..ROUNDS {
            let missing = match &view {
                None => vec![conclave_protocol::Key::ValidatorSet],
                Some(view) => match validators_at(&rules, view, height) {
                    Ok(set) => return Ok(set),
                    Err(ApplyError::NotLoaded(missing)) => missing,
                    Err(_) => return Err(ChainError::Incomplete),
                },
            };
            // All at one height: what was read is read again.
            keys.extend(missing);
            view = Some(self.snapshot(&keys).await?);
        }
        Err(ChainError::Incomplete)
    }

    /// What the explorer of some validator says, with nothing to prove it, and which one says so.
    ///
    /// # Errors
    /// [`ChainError::Silent`]: none says anything about that.
    pub async fn said(&self, path: &str) -> Result<(ValidatorKey, Bytes), ChainError> {
        let found =
            self.hedged(|remote| async move { Some((remote.key, remote.said(path).await.ok()?)) });
        found.await.ok_or(ChainError::Silent)
    }
}

/// Rounds of reading that a set of validators may take.
const ROUNDS: usize = 128;
