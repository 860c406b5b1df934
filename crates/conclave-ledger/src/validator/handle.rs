//! The handle callers hold: clones talk to the same validator from any task or thread.

use std::{
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
};

use bytes::Bytes;
use commonware_cryptography::sha256::Digest;
use conclave_protocol::{
    ChainId, Context, Ed25519Signer, Height, Key, Record, RegisterUser, Signature, Signer as _,
    TxId, ValidatorKey,
};
use tokio::sync::{mpsc, oneshot, watch};

use super::{
    finality::Finality,
    monitor::Monitor,
    request::{AskError, Rejected, Reply, Request},
    schemes::{Role, Schemes},
};
use crate::{
    evidence::{Accusations, Findings},
    light::validator_key,
    mempool::Mempool,
};

/// A running validator.
#[derive(Clone, Debug)]
pub struct Validator {
    pub(super) shared: Arc<Shared>,
}

/// What all clones of a handle share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) key: ValidatorKey,
    pub(super) chain: ChainId,
    pub(super) signer: Ed25519Signer,
    pub(super) schemes: Schemes,
    pub(super) requests: mpsc::Sender<Request>,
    pub(super) tips: watch::Receiver<Bytes>,
    pub(super) finality: Arc<Finality>,
    pub(super) mempool: Arc<Mempool>,
    pub(super) monitor: Arc<Monitor>,
    pub(super) accusations: Accusations,
    pub(super) stop: watch::Sender<bool>,
    pub(super) thread: Mutex<Option<JoinHandle<()>>>,
}

/// How a validator is doing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Status {
    /// Its key.
    pub key: ValidatorKey,
    /// The newest final height it has executed.
    pub height: Height,
    /// Chain time of that block in milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// The lowest block that is kept here; 1 while all are.
    pub lowest: Height,
    /// The epoch of the next block.
    pub epoch: u64,
    /// Validators of that epoch.
    pub validators: usize,
    /// What this one is in it.
    pub role: Role,
    /// Transactions that wait for a block.
    pub mempool: usize,
    /// Whether it can answer questions.
    pub is_ready: bool,
}

impl Validator {
    /// Checks a transaction against the final state, lets it wait for a block here, and passes it
    /// to the other validators. Sending a transaction twice is harmless.
    ///
    /// `Ok` promises nothing yet: what waits is in memory only, here and soon elsewhere, so send it
    /// again, also to others, until it is final. The answer of [`wait_final`](Self::wait_final) is
    /// the acknowledgement: a quorum has that block on disk, and no crash takes it back.
    ///
    /// # Errors
    /// See [`Rejected`].
    pub async fn submit(&self, tx: impl Into<Bytes>) -> Result<TxId, Rejected> {
        let (reply, answer) = oneshot::channel();
        let request = Request::Submit { bytes: tx.into(), reply };
        self.shared.requests.send(request).await.map_err(|_| Rejected::Stopped)?;
        answer.await.map_err(|_| Rejected::Stopped)?
    }

    /// Does the same for several transactions, with one verdict for each of them, in order. Their
    /// signatures are checked together, which costs about half.
    ///
    /// # Errors
    /// [`Rejected::Stopped`]; what becomes of each of them is in the list.
    pub async fn submit_all(
        &self,
        txs: Vec<Bytes>,
    ) -> Result<Vec<Result<TxId, Rejected>>, Rejected> {
        let (reply, answer) = oneshot::channel();
        let request = Request::SubmitAll { txs, reply };
        self.shared.requests.send(request).await.map_err(|_| Rejected::Stopped)?;
        answer.await.map_err(|_| Rejected::Stopped)
    }

    /// Waits until the transaction is final here and gives the inclusion answer. Waits for ever if
    /// that never happens: put a timeout around it.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn wait_final(&self, id: &TxId) -> Result<Bytes, AskError> {
        let mut heights = self.shared.finality.watch();
        loop {
            heights.borrow_and_update();
            if self.shared.finality.place(&Digest(id.0)).is_some() {
                match self.inclusion(id).await {
                    Err(AskError::NotReady) => {}
                    answer => return answer,
                }
            }
            heights.changed().await.map_err(|_| AskError::Stopped)?;
        }
    }

    /// The inclusion answer of a transaction that is final here.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn inclusion(&self, id: &TxId) -> Result<Bytes, AskError> {
        let id = Digest(id.0);
        self.ask(|reply| Request::Inclusion { id, reply }).await
    }

    /// The bytes of a transaction that is final here; they hash to its id.
    ///
    /// # Errors
    /// [`AskError::Unknown`] also for one that is older than what this validator remembers by id.
    pub async fn transaction(&self, id: &TxId) -> Result<Bytes, AskError> {
        let id = Digest(id.0);
        self.ask(|reply| Request::Transaction { id, reply }).await
    }

    /// The state answer for these keys (at most [`MAX_KEYS`](crate::MAX_KEYS)), all proven at one
    /// final height.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn query(&self, keys: Vec<Key>) -> Result<Bytes, AskError> {
        self.ask(|reply| Request::Query { keys, reply }).await
    }

    /// The header answer of the newest final block.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn latest(&self) -> Result<Bytes, AskError> {
        self.ask(|reply| Request::Header { height: None, reply }).await
    }

    /// The header answer of the final block of this height.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn header(&self, height: Height) -> Result<Bytes, AskError> {
        self.ask(|reply| Request::Header { height: Some(height.0), reply }).await
    }

    /// The encoding of the final block of this height.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn block(&self, height: Height) -> Result<Bytes, AskError> {
        self.ask(|reply| Request::Block { height: height.0, reply }).await
    }

    /// Final blocks from this height on, at most `most` of them, as records of an exported ledger
    /// ([`Outline`](crate::audit::Outline) reads one), each after its length (u32, big-endian). At
    /// least one; no further one once the answer has [`FULL_RECORDS`](crate::audit::FULL_RECORDS)
    /// bytes.
    ///
    /// # Errors
    /// [`AskError::Unknown`] if this validator does not have the first of them yet,
    /// [`AskError::Dropped`] if it has it no more.
    pub async fn records(&self, from: Height, most: u64) -> Result<Bytes, AskError> {
        self.ask(|reply| Request::Records { from: from.0, most, reply }).await
    }

    /// The changes of the validator set from number `from` on, each proven by the set before it, as
    /// [`on_handovers`](crate::light::LightClient::on_handovers) takes them; at most 64.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn handovers(&self, from: u32) -> Result<Bytes, AskError> {
        self.ask(|reply| Request::Handovers { from, reply }).await
    }

    /// What a key holds in the final state of this validator, without proof.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn local_record(&self, key: &Key) -> Result<Option<Record>, AskError> {
        let key = key.clone();
        self.ask(|reply| Request::Local { key, reply }).await
    }

    /// The header answer of every new final block; empty bytes before the first one. A slow reader
    /// skips blocks.
    pub fn follow(&self) -> watch::Receiver<Bytes> {
        self.shared.tips.clone()
    }

    /// The proofs that other validators contradicted themselves, as they are found. Holding them
    /// does not keep this validator running.
    pub fn findings(&self) -> Findings {
        self.shared.accusations.findings()
    }

    /// Signs for a new user (paper, section V.B(4)). Who asks must have been checked before.
    pub fn sponsor(&self, user: &RegisterUser) -> Signature {
        let message = user.sponsor_message();
        self.shared.signer.sign(Context::Sponsor, &self.shared.chain, &message)
    }

    /// How this validator is doing.
    pub fn status(&self) -> Status {
        let tip = self.shared.finality.tip();
        let next = tip.as_ref().map_or(0, |tip| tip.height.saturating_add(1));
        let epoch = self.shared.schemes.epoch_of(next);
        Status {
            key: self.shared.key,
            height: Height(tip.as_ref().map_or(0, |tip| tip.height)),
            time_ms: tip.as_ref().map_or(0, |tip| tip.time_ms),
            lowest: Height(self.shared.finality.lowest()),
            epoch,
            validators: self.shared.schemes.committee(epoch).members().len(),
            role: self.shared.schemes.role(epoch),
            mempool: self.shared.mempool.len(),
            is_ready: !self.shared.tips.borrow().is_empty(),
        }
    }

    /// The validators that seal the next block, in ascending order of their keys.
    pub fn members(&self) -> Vec<ValidatorKey> {
        let committee = self.shared.schemes.committee(self.status().epoch);
        committee.members().iter().map(validator_key).collect()
    }

    /// The other validators this one is connected to, in ascending order of their keys.
    pub fn connected(&self) -> watch::Receiver<Vec<ValidatorKey>> {
        self.shared.monitor.connected()
    }

    /// The newest height this validator knows to be final, whether it has executed that block or
    /// not: while it catches up, its [`status`](Self::status) is behind.
    pub fn newest(&self) -> Height {
        Height(self.shared.monitor.newest()).max(self.status().height)
    }

    /// What the engine and the ledgers count, as OpenMetrics text (with `# EOF` at its end).
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn metrics(&self) -> Result<String, AskError> {
        self.ask(|reply| Request::Metrics { reply }).await
    }

    /// From this epoch on the validator signs, if it has not begun yet: for one that was started
    /// without its journal ([`Config::signs_from`](super::Config::signs_from)).
    pub fn sign_from(&self, epoch: u64) {
        self.shared.schemes.sign_from(epoch);
    }

    /// Waits until the validator has stopped, asked or not: its disk failed, or
    /// [`shutdown`](Self::shutdown) was called.
    pub async fn stopped(&self) {
        self.shared.requests.closed().await;
    }

    /// Whether it has executed a block since it was started. One that stopped by itself before it
    /// did cannot use what is on its disk.
    pub fn has_moved(&self) -> bool {
        self.shared.finality.has_moved()
    }

    /// Stops the validator. What is final is on disk already. Returns when its threads have ended;
    /// blocks, so call it where blocking is allowed.
    pub fn shutdown(&self) {
        self.shared.stop.send_replace(true);
        let thread = self.shared.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the validator ended by a panic");
        }
    }

    async fn ask<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, AskError> {
        let (reply, answer) = oneshot::channel();
        self.shared.requests.send(request(reply)).await.map_err(|_| AskError::Stopped)?;
        answer.await.map_err(|_| AskError::Stopped)?
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}
