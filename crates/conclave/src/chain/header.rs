//! The final header of any height, from whichever validator can prove it.

use conclave_protocol::Height;

use super::{Chain, ChainError, HeaderFacts, now_ms};

impl Chain {
    /// The final header of this height, verified.
    ///
    /// # Errors
    /// [`ChainError::Silent`]: no validator proves one.
    pub async fn header_at(&self, height: Height) -> Result<HeaderFacts, ChainError> {
        for remote in self.ranked() {
            let answer = match remote.header(Some(height)).await {
                Ok(answer) => answer,
                Err(error) => {
                    tracing::debug!(validator = %remote.key, %error, "no header");
                    continue;
                }
            };
            let verdict = self.light().on_header(&answer, now_ms());
            match verdict {
                Ok(header) if header.height == height => return Ok(header),
                Ok(_) => remote.failed(),
                Err(refusal) => {
                    remote.failed();
                    tracing::warn!(validator = %remote.key, %refusal, "header refused");
                }
            }
        }
        Err(ChainError::Silent)
    }
}
