//! What this device says on the ledger: one transaction after the other, each signed once and
//! followed until it is final.
//!
//! A device's transactions carry consecutive nonces, so they wait for each other here; a refused
//! one takes no nonce.

use std::sync::Arc;

use conclave_protocol::{
    Body, DeviceId, Digest, Key, Record, Seconds, Signature, Signer, Tx, tx::Role,
};
use tokio::sync::{mpsc, oneshot};

use super::book::Book;
use crate::chain::{Chain, ChainError, Included};

/// How long a transaction may wait to be included, in seconds of chain time.
const EXPIRY: u64 = 120;
/// Transactions that may wait here.
const WAITING: usize = 64;

/// The one place where transactions of this device are signed. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Outbox {
    asks: mpsc::Sender<Ask>,
}

#[derive(Debug)]
struct Ask {
    body: Body,
    others: Vec<(Role, Signature)>,
    reply: oneshot::Sender<Result<Included, ChainError>>,
}

impl Outbox {
    /// Starts the task that signs and submits; it ends with the last clone.
    pub(crate) fn start(
        chain: Chain,
        device: DeviceId,
        signer: Arc<dyn Signer + Send + Sync>,
        book: Book,
    ) -> Self {
        let (asks, inbox) = mpsc::channel(WAITING);
        tokio::spawn(Clerk { chain, device, signer, book, nonce: None }.run(inbox));
        Self { asks }
    }

    /// Signs `body`, submits it, and returns when its inclusion is verified.
    ///
    /// # Errors
    /// The ledger refuses it, or no validator answers.
    pub(crate) async fn submit(&self, body: impl Into<Body>) -> Result<Included, ChainError> {
        self.submit_with(body, Vec::new()).await
    }

    /// The same for a body that others sign, too.
    ///
    /// # Errors
    /// As [`submit`](Self::submit).
    pub(crate) async fn submit_with(
        &self,
        body: impl Into<Body>,
        others: Vec<(Role, Signature)>,
    ) -> Result<Included, ChainError> {
        let (reply, answer) = oneshot::channel();
        let ask = Ask { body: body.into(), others, reply };
        self.asks.send(ask).await.map_err(|_| ChainError::Closed)?;
        answer.await.map_err(|_| ChainError::Closed)?
    }
}

struct Clerk {
    chain: Chain,
    device: DeviceId,
    signer: Arc<dyn Signer + Send + Sync>,
    book: Book,
    /// The nonce of the next transaction; unknown at the start and after a failure.
    nonce: Option<u64>,
}

impl Clerk {
    async fn run(mut self, mut inbox: mpsc::Receiver<Ask>) {
        while let Some(Ask { body, others, reply }) = inbox.recv().await {
            let kind = body.kind();
            let result = self.submit(body, others).await;
            if let Err(error) = &result {
                tracing::warn!(?kind, %error, "transaction not final");
                self.nonce = None;
            }
            // Whoever asked may have gone; the transaction is final all the same.
            let _gone = reply.send(result);
        }
    }

    async fn submit(
        &mut self,
        body: Body,
        others: Vec<(Role, Signature)>,
    ) -> Result<Included, ChainError> {
        let nonce = match self.nonce {
            Some(nonce) => nonce,
            None => self.next_nonce().await?,
        };
        let expiry = Seconds(self.chain.time().await?.0.saturating_add(EXPIRY));
        let tx = Tx::new(self.chain.chain_id(), self.device, nonce, expiry, body);
        let changes_the_user = tx.body.prev().is_some();
        let signed = others
            .into_iter()
            .fold(tx.sign(&*self.signer), |tx, (role, signature)| tx.with(role, signature));
        // Whatever happens to this program now, the change will be known as its own.
        if changes_the_user && let Err(error) = self.book.mine(&Digest(signed.id().0)) {
            tracing::warn!(%error, "an own change could not be written down");
        }
        let included = self.chain.submit(&signed).await?;
        self.nonce = Some(nonce.saturating_add(1));
        Ok(included)
    }

    async fn next_nonce(&self) -> Result<u64, ChainError> {
        let key = Key::Device(self.device);
        let snapshot = self.chain.snapshot(std::slice::from_ref(&key)).await?;
        match snapshot.record(&key) {
            Some(Record::Device(device)) => Ok(device.next_nonce),
            _ => Err(ChainError::NotRegistered),
        }
    }
}
