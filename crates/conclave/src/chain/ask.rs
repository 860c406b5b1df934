//! Reading records: the best validator first, another one when it takes long, the proof always.

use std::{cmp::Reverse, time::Duration};

use bytes::Bytes;
use conclave_ledger::light::LightClient;
use conclave_protocol::{Key, RegisterUser, Signature, identity::Gate};
use futures::{StreamExt as _, stream::FuturesUnordered};
use tokio::time::{Instant, sleep, timeout};

use super::{Chain, ChainError, PoisonError, Remote, Snapshot, now_ms};

impl Chain {
    /// The proven records under `keys`, or their proven absence, all at one final height: not
    /// older than the newest header known when asked, if any validator can prove that in a second.
    ///
    /// # Errors
    /// [`ChainError::TooManyKeys`] or [`ChainError::Silent`].
    pub async fn snapshot(&self, keys: &[Key]) -> Result<Snapshot, ChainError> {
        if keys.len() > conclave_ledger::MAX_KEYS {
            return Err(ChainError::TooManyKeys);
        }
        let wanted = self.0.newest.borrow().as_ref().map_or(0, |newest| newest.height.0);
        let began = Instant::now();
        let mut best: Option<Snapshot> = None;
        while began.elapsed() < PATIENCE {
            if let Some(found) = self.race(keys, wanted).await {
                if found.height().0 >= wanted {
                    return Ok(found);
                }
                if best.as_ref().is_none_or(|best| best.height() < found.height()) {
                    best = Some(found);
                }
            }
            if best.is_some() && began.elapsed() > CATCH_UP {
                break;
            }
            sleep(RETRY.max(began.elapsed() / 16)).await;
        }
        best.ok_or(ChainError::Silent)
    }

    /// Asks a validator to sign for a new user (paper, section V.B(4)), trying all of the set; the
    /// body that comes back names the one that did.
    ///
    /// # Errors
    /// [`ChainError::Refused`] or [`ChainError::Silent`].
    pub async fn sponsor(
        &self,
        mut user: RegisterUser,
    ) -> Result<(RegisterUser, Signature), ChainError> {
        let mut refused = None;
        let began = Instant::now();
        // A network that has just been started says for a moment that it is not ready.
        while began.elapsed() < PATIENCE {
            let set = self.0.validators();
            for remote in self.ranked().into_iter().filter(|remote| set.contains(&remote.key)) {
                user.gate = Gate::Sponsor(remote.key);
                match remote.sponsor(&user).await {
                    Ok(signature) => return Ok((user, signature)),
                    Err(super::RemoteError::Refused(text)) => refused = Some(text),
                    Err(error) => tracing::debug!(validator = %remote.key, %error, "no sponsor"),
                }
            }
            if refused.is_some() {
                break;
            }
            sleep(RETRY).await;
        }
        Err(refused.map_or(ChainError::Silent, ChainError::Refused))
    }

    /// Validators in the order in which they are asked.
    pub(super) fn ranked(&self) -> Vec<Remote> {
        let mut remotes = self.0.remotes();
        remotes.sort_by_cached_key(|remote| Reverse(remote.rank()));
        remotes
    }

    /// Asks the best validator, and one more every [`HEDGE`] or when one has nothing, until one
    /// gives what holds.
    pub(super) async fn hedged<T, F>(&self, ask: impl Fn(Remote) -> F) -> Option<T>
    where
        F: Future<Output = Option<T>>,
    {
        let mut waiting = self.ranked().into_iter();
        let mut asked = FuturesUnordered::new();
        loop {
            asked.extend(waiting.next().map(&ask));
            let more = waiting.len() > 0;
            let next =
                if more { timeout(HEDGE, asked.next()).await } else { Ok(asked.next().await) };
            match next {
                Ok(Some(Some(found))) => return Some(found),
                Ok(None) if !more => return None,
                Ok(Some(None) | None) | Err(_) => {}
            }
        }
    }

    /// One round: a validator more every [`HEDGE`], until one proves the state at `wanted`.
    async fn race(&self, keys: &[Key], wanted: u64) -> Option<Snapshot> {
        let mut waiting = self.ranked().into_iter();
        let mut asked = FuturesUnordered::new();
        let mut best: Option<Snapshot> = None;
        loop {
            if let Some(remote) = waiting.next() {
                let keys = keys.to_vec();
                asked.push(async move {
                    let answer = remote.state(keys).await;
                    (remote, answer)
                });
            }
            let more = waiting.len() > 0;
            let next =
                if more { timeout(HEDGE, asked.next()).await } else { Ok(asked.next().await) };
            let (remote, answer) = match next {
                Err(_) => continue,
                Ok(None) => return best,
                Ok(Some(answered)) => answered,
            };
            match answer {
                Ok(bytes) => {
                    let Some(found) = self.verify(&remote, &bytes, keys).await else { continue };
                    if found.height().0 >= wanted {
                        return Some(found);
                    }
                    best = Some(found);
                }
                Err(error) => tracing::debug!(validator = %remote.key, %error, "no state"),
            }
        }
    }

    async fn verify(&self, remote: &Remote, bytes: &Bytes, keys: &[Key]) -> Option<Snapshot> {
        let verify = |light: &mut LightClient| light.verify_state(bytes, keys, now_ms());
        let verdict = self.0.judge(remote, verify).await;
        match verdict {
            Ok(snapshot) => {
                remote.proved(snapshot.height.0);
                self.0.publish();
                if let Some(log) = self.0.answers.get() {
                    let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
                    log.note(keys, bytes, &snapshot);
                }
                Some(Snapshot(snapshot))
            }
            Err(refusal) => {
                remote.failed();
                tracing::warn!(validator = %remote.key, %refusal, "state refused");
                None
            }
        }
    }
}

/// After this a second validator is asked, and so on.
const HEDGE: Duration = Duration::from_millis(150);
const RETRY: Duration = Duration::from_millis(20);
/// How long a proof at the newest known height is waited for.
const CATCH_UP: Duration = Duration::from_secs(1);
/// How long any proof is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
