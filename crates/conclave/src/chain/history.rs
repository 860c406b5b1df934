//! What happened to a user: the chain of transactions that the user's record names the end of.
//!
//! The record is proven; each transaction's hash is known before its bytes are asked for; so no
//! validator can leave one out, add one, or change one. Flow: newest hash in, transactions out,
//! newest first, down to one that is known or to the registration.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use conclave_ledger::light::LightClient;
use conclave_protocol::{Digest, Tx, TxId};

use super::{Chain, ChainError, Included, MAX_HISTORY, Remote, RemoteError, now_ms};

/// One change of a user.
#[derive(Clone, Debug)]
pub struct Change {
    /// What was said, and by which device.
    pub tx: Tx,
    /// Its id.
    pub id: TxId,
    /// Where it is on the ledger.
    pub at: Included,
}

impl Chain {
    /// The changes that end with the transaction of hash `last`, newest first, without `known`.
    /// Without `known`, or when it is not on the way, down to the registration.
    ///
    /// # Errors
    /// [`ChainError::Forgotten`] when no validator has the bytes of one of them any more,
    /// [`ChainError::Silent`] when none answers.
    pub async fn changes(
        &self,
        last: Digest,
        known: Option<Digest>,
    ) -> Result<Vec<Change>, ChainError> {
        let mut changes = Vec::new();
        let mut next = Some(last);
        while let Some(hash) = next {
            if known == Some(hash) || changes.len() >= MAX_HISTORY {
                break;
            }
            let change = self.change(TxId(hash.0)).await?;
            next = change.tx.body.prev();
            changes.push(change);
        }
        Ok(changes)
    }

    /// One transaction and the proof of where it is. Several validators are asked, one a little
    /// after the other.
    ///
    /// # Errors
    /// [`ChainError::Forgotten`] when no validator has its bytes, [`ChainError::Silent`] when none
    /// answers.
    pub async fn change(&self, id: TxId) -> Result<Change, ChainError> {
        let forgotten = AtomicBool::new(false);
        let forgotten = &forgotten;
        let found = self.hedged(|remote| async move {
            match self.change_from(&remote, id).await {
                Ok(change) => change,
                Err(error) => {
                    if matches!(error, RemoteError::Unknown) {
                        forgotten.store(true, Ordering::Relaxed);
                    }
                    tracing::debug!(validator = %remote.key, %error, "no transaction");
                    None
                }
            }
        });
        let none = || {
            let known = forgotten.load(Ordering::Relaxed);
            if known { ChainError::Forgotten } else { ChainError::Silent }
        };
        found.await.ok_or_else(none)
    }

    async fn change_from(&self, remote: &Remote, id: TxId) -> Result<Option<Change>, RemoteError> {
        let bytes = remote.transaction(&id).await?;
        let Some(tx) = Tx::decode(&bytes).ok().filter(|tx| tx.id() == id) else {
            remote.failed();
            tracing::warn!(validator = %remote.key, "it gave another transaction than asked for");
            return Ok(None);
        };
        let answer = remote.inclusion(&id, Duration::ZERO).await?;
        let verify = |light: &mut LightClient| light.verify_inclusion(&answer, &id, now_ms());
        let verdict = self.0.judge(remote, verify).await;
        match verdict {
            Ok(at) => Ok(Some(Change { tx, id, at })),
            Err(refusal) => {
                remote.failed();
                tracing::warn!(validator = %remote.key, %refusal, "inclusion refused");
                Ok(None)
            }
        }
    }
}
