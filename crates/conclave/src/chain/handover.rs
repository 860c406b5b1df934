//! The changes of the validator set, followed by proof.
//!
//! In: an answer of validators that this device does not know yet. Out: the same answer judged again
//! after the validator that gave it has shown how its set came to be, each step signed by the set
//! before it. A validator that cannot show that is believed nothing.

use conclave_ledger::light::{LightClient, Refusal};

use super::{Shared, now_ms, remote::Remote};

impl Shared {
    /// Verifies something that `remote` said, after following the validator set if need be.
    pub(super) async fn judge<T>(
        &self,
        remote: &Remote,
        verify: impl Fn(&mut LightClient) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let mut verdict = verify(&mut self.light());
        if matches!(verdict, Err(Refusal::UnknownValidators)) && self.learn(remote).await {
            verdict = verify(&mut self.light());
        }
        if let Err(refusal) = &verdict {
            self.refused(refusal);
        }
        verdict
    }

    /// Follows the changes that a validator proves; whether there were any.
    async fn learn(&self, remote: &Remote) -> bool {
        let before = self.light().handovers();
        for _ in 0..MOST_ANSWERS {
            let from = self.light().handovers();
            let bytes = match remote.handovers(from).await {
                Ok(bytes) => bytes,
                Err(error) => {
                    tracing::debug!(validator = %remote.key, %error, "no handovers");
                    break;
                }
            };
            let verdict = self.light().on_handovers(&bytes, now_ms());
            match verdict {
                Ok(0) => break,
                Ok(new) => tracing::info!(new, "the validators of this network have changed"),
                Err(refusal) => {
                    tracing::warn!(validator = %remote.key, %refusal, "handovers refused");
                    break;
                }
            }
        }
        self.light().handovers() > before
    }
}

/// Answers that are asked for in a row: each proves up to 64 changes.
const MOST_ANSWERS: usize = 1_024;
