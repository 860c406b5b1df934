//! What this device says on the ledger: one transaction after the other, each signed once and
//! followed until it is final.
//!
//! A device's transactions carry consecutive nonces, so they wait for each other here; a refused
//! one takes no nonce.

use std::{collections::VecDeque, sync::Arc};

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
    /// Whether it is brought to the ledger however long that takes.
    insists: bool,
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

    /// Whether the other one is a clone of this one.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.asks.same_channel(&other.asks)
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
        self.ask(body.into(), others, false).await
    }

    /// The same for what others act on already, such as an epoch record while the ledger stands
    /// still: it waits until the ledger is back, and is signed anew if its time is over by then.
    ///
    /// # Errors
    /// The ledger refuses it.
    pub(crate) async fn insist(
        &self,
        body: Body,
        others: Vec<(Role, Signature)>,
    ) -> Result<Included, ChainError> {
        self.ask(body, others, true).await
    }

    async fn ask(
        &self,
        body: Body,
        others: Vec<(Role, Signature)>,
        insists: bool,
    ) -> Result<Included, ChainError> {
        let (reply, answer) = oneshot::channel();
        let ask = Ask { body, others, insists, reply };
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
        let mut waiting = VecDeque::new();
        loop {
            let next = match waiting.pop_front() {
                Some(ask) => Some(ask),
                None => inbox.recv().await,
            };
            let Some(ask) = next else { return };
            let kind = ask.body.kind();
            let result = self.bring(&ask, &mut inbox, &mut waiting).await;
            if let Err(error) = &result {
                tracing::warn!(?kind, %error, "transaction not final");
                self.nonce = None;
            }
            // Whoever asked may have gone; the transaction is final all the same.
            let _gone = ask.reply.send(result);
        }
    }

    /// Submits what is asked. While one that insists waits for a silent ledger, those that do not
    /// are answered as if they had waited, too.
    async fn bring(
        &mut self,
        ask: &Ask,
        inbox: &mut mpsc::Receiver<Ask>,
        waiting: &mut VecDeque<Ask>,
    ) -> Result<Included, ChainError> {
        if !ask.insists {
            return self.submit(ask).await;
        }
        let chain = self.chain.clone();
        loop {
            let silent = {
                let submission = self.submit(ask);
                tokio::pin!(submission);
                let mut open = true;
                loop {
                    tokio::select! {
                        result = &mut submission => break result,
                        other = inbox.recv(), if open => match other {
                            Some(other) if other.insists || !chain.is_silent() => {
                                waiting.push_back(other);
                            }
                            Some(other) => {
                                let _gone = other.reply.send(Err(ChainError::Silent));
                            }
                            None => open = false,
                        },
                    }
                }
            };
            match silent {
                Err(ChainError::Expired | ChainError::Silent) => self.nonce = None,
                result => return result,
            }
        }
    }

    async fn submit(&mut self, ask: &Ask) -> Result<Included, ChainError> {
        let nonce = match self.nonce {
            Some(nonce) => nonce,
            None => self.next_nonce().await?,
        };
        let expiry = Seconds(self.chain.time().await?.0.saturating_add(EXPIRY));
        let body = ask.body.clone();
        let tx = Tx::new(self.chain.chain_id(), self.device, nonce, expiry, body);
        let changes_the_user = tx.body.prev().is_some();
        let others = ask.others.iter();
        let signed =
            others.fold(tx.sign(&*self.signer), |tx, (role, signature)| tx.with(*role, *signature));
        // Whatever happens to this program now, the change will be known as its own.
        if changes_the_user && let Err(error) = self.book.mine(&Digest(signed.id().0)) {
            tracing::warn!(%error, "an own change could not be written down");
        }
        let included = match ask.insists {
            true => self.chain.insist(&signed).await?,
            false => self.chain.submit(&signed).await?,
        };
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
