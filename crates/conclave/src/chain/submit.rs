//! Bringing a transaction to finality: to every validator, again and again, until it is proven.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use conclave_ledger::light::{Included, LightClient};
use conclave_protocol::{Tx, TxId, encode};
use futures::{StreamExt as _, stream::FuturesUnordered};
use tokio::time::{Instant, sleep};

use super::{Chain, ChainError, Remote, RemoteError, Shared, now_ms};

impl Chain {
    /// Sends a transaction to all validators until its inclusion is verified. Every 3 s it is sent
    /// again; after 10 s it shows in [`overdue`](Self::overdue).
    ///
    /// # Errors
    /// [`ChainError::Refused`] when more validators than may be faulty say so and none takes it, or
    /// more than twice as many after it was taken, [`ChainError::Expired`] when its time is over, [`ChainError::Silent`] when no validator is
    /// reached.
    pub async fn submit(&self, tx: &Tx) -> Result<Included, ChainError> {
        self.bring(tx, Some(GIVE_UP)).await
    }

    /// The same, however long no validator is reached: for what others already act on.
    ///
    /// # Errors
    /// As [`submit`](Self::submit), but for [`ChainError::Silent`].
    pub async fn insist(&self, tx: &Tx) -> Result<Included, ChainError> {
        self.bring(tx, None).await
    }

    async fn bring(&self, tx: &Tx, patience: Option<Duration>) -> Result<Included, ChainError> {
        let id = tx.id();
        let bytes = Bytes::from(encode(tx));
        let began = Instant::now();
        let mut overdue = None;
        let mut taken = false;
        let mut refusals = 0;
        loop {
            let round = self.round(&id, &bytes, taken).await;
            match round {
                Round::Final(included) => return Ok(included),
                // Once may be a block too early: the transaction before this one is final, but not
                // everywhere yet.
                Round::Refused(text) if refusals > 0 => return Err(ChainError::Refused(text)),
                Round::Refused(_) => {
                    refusals += 1;
                    sleep(SETTLE).await;
                }
                Round::Taken => (taken, refusals) = (true, 0),
                Round::Nothing if !taken && patience.is_some_and(|most| began.elapsed() > most) => {
                    return Err(ChainError::Silent);
                }
                Round::Nothing => sleep(RETRY.max(began.elapsed() / 16).min(RESEND)).await,
            }
            if began.elapsed() > OVERDUE && overdue.is_none() {
                tracing::warn!(tx = %id, "submitted 10 s ago and not final: censored?");
                overdue = Some(Overdue::new(&self.0, id));
            }
            let now =
                self.0.newest.borrow().as_ref().map(conclave_ledger::light::HeaderFacts::time);
            if now.is_some_and(|now| now > tx.expiry) {
                return Err(ChainError::Expired);
            }
        }
    }

    /// Sends it to everyone and waits up to [`RESEND`] for a proof from anyone.
    async fn round(&self, id: &TxId, bytes: &Bytes, taken: bool) -> Round {
        let ask = |remote: &Remote| {
            let (remote, bytes) = (remote.clone(), bytes.clone());
            async move { (remote.key, self.one(&remote, id, bytes, taken).await) }
        };
        let remotes = self.0.remotes();
        let mut asked: FuturesUnordered<_> = remotes.iter().map(ask).collect();
        let (mut takers, mut refusals) = (Vec::new(), Vec::new());
        while let Some((by, answer)) = asked.next().await {
            match answer {
                Ok(One::Final(included)) => return Round::Final(included),
                Ok(One::Taken) => takers.push(by),
                Err(RemoteError::Refused(text)) => refusals.push((by, text)),
                Err(error) => tracing::debug!(tx = %id, %error, "not submitted"),
            }
        }
        // Only a proof counts whoever gives it. What is merely said counts from the set of now.
        let set = self.0.validators();
        if takers.iter().any(|by| set.contains(by)) {
            return Round::Taken;
        }
        refusals.retain(|(by, _)| set.contains(by));
        let reachable = remotes.iter().filter(|remote| set.contains(&remote.key)).count();
        // Of n validators f may be faulty. One more than that must agree that it is refused. What
        // was taken may be final where this has not looked: then n - f have signed that, so that
        // of 2f + 1 who know nothing of it one would be honest and have signed.
        let faulty = set.len().saturating_sub(1) / 3;
        let enough = if taken { faulty.saturating_mul(2) } else { faulty }.saturating_add(1);
        let said = refusals.len();
        match refusals.pop() {
            Some((_, text)) if said >= enough.min(reachable) => Round::Refused(text),
            _ => Round::Nothing,
        }
    }

    async fn one(
        &self,
        remote: &Remote,
        id: &TxId,
        bytes: Bytes,
        taken: bool,
    ) -> Result<One, RemoteError> {
        // A validator beyond its capacity says when to come back; meanwhile the others are there.
        sleep(remote.pause().min(RESEND)).await;
        let refusal = match remote.submit(bytes).await {
            Ok(()) => None,
            // It may be in a block already: then it is refused as a repetition.
            Err(RemoteError::Refused(text)) if taken => Some(text),
            Err(error) => return Err(error),
        };
        let answer = match remote.inclusion(id, RESEND).await {
            Ok(answer) => answer,
            // Or it became void while it waited: what it is about changed.
            Err(RemoteError::Unknown) => {
                return refusal.map_or(Ok(One::Taken), |text| Err(RemoteError::Refused(text)));
            }
            Err(error) => {
                tracing::debug!(validator = %remote.key, %error, "no inclusion");
                return Ok(One::Taken);
            }
        };
        let verify = |light: &mut LightClient| light.verify_inclusion(&answer, id, now_ms());
        let verdict = self.0.judge(remote, verify).await;
        match verdict {
            Ok(included) => {
                remote.proved(included.height.0);
                self.0.publish();
                Ok(One::Final(included))
            }
            Err(refusal) => {
                remote.failed();
                tracing::warn!(validator = %remote.key, %refusal, "inclusion refused");
                Ok(One::Taken)
            }
        }
    }
}

enum Round {
    Final(Included),
    Nothing,
    Refused(String),
    Taken,
}

enum One {
    Final(Included),
    Taken,
}

/// Shows a transaction as overdue while it lives.
struct Overdue {
    chain: Arc<Shared>,
    id: TxId,
}

impl Overdue {
    fn new(chain: &Arc<Shared>, id: TxId) -> Self {
        chain.overdue.send_modify(|overdue| overdue.push(id));
        Self { chain: Arc::clone(chain), id }
    }
}

impl Drop for Overdue {
    fn drop(&mut self) {
        self.chain.overdue.send_modify(|overdue| overdue.retain(|id| *id != self.id));
    }
}

const RESEND: Duration = Duration::from_secs(3);
const OVERDUE: Duration = Duration::from_secs(10);
/// How long validators may differ by a block.
const SETTLE: Duration = Duration::from_millis(500);
const RETRY: Duration = Duration::from_millis(100);
/// How long nobody may answer before this says so.
const GIVE_UP: Duration = Duration::from_secs(15);
