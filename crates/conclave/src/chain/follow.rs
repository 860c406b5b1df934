//! Keeps the newest header of one validator coming, and comes back when the connection breaks.

use std::{sync::Weak, time::Duration};

use super::{Remote, Shared, now_ms, remote::RemoteError};

/// Follows a validator until the chain is dropped, or has it no longer.
pub(super) async fn follow(chain: Weak<Shared>, remote: Remote) {
    let mut pause = FIRST_PAUSE;
    while chain.upgrade().is_some_and(|chain| chain.has(&remote.key)) {
        let began = tokio::time::Instant::now();
        let error = match once(&chain, &remote).await {
            Ok(()) => return,
            Err(error) => error,
        };
        remote.failed();
        tracing::debug!(validator = %remote.key, %error, "not following");
        if began.elapsed() > LONGEST_PAUSE {
            pause = FIRST_PAUSE;
        }
        // Spread out, so that a restarted validator is not met by everyone at once.
        tokio::time::sleep(pause.mul_f64(rand::random_range(0.5..1.0))).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// One connection; `Ok` when the chain is gone.
async fn once(chain: &Weak<Shared>, remote: &Remote) -> Result<(), RemoteError> {
    let mut frames = remote.follow().await?;
    loop {
        let bytes = frames.next().await?;
        if bytes.is_empty() {
            continue;
        }
        let Some(chain) = chain.upgrade() else { return Ok(()) };
        let verdict = chain.judge(remote, |light| light.on_header(&bytes, now_ms())).await;
        match verdict {
            Ok(header) => {
                remote.proved(header.height.0);
                chain.publish();
            }
            Err(refusal) => {
                tracing::warn!(validator = %remote.key, %refusal, "header refused");
                return Err(RemoteError::Malformed);
            }
        }
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
