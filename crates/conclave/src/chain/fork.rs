//! Certificates that members of a meeting show each other when their ledgers differ.

use conclave_ledger::light::Refusal;
use conclave_meeting::{evidence::Fork, session::HeaderVerdict};
use conclave_protocol::{Digest, Height};

use super::{Chain, now_ms};

impl Chain {
    /// What proved the header of this height; empty if that is not remembered.
    #[must_use]
    pub fn header_answer(&self, height: Height) -> Vec<u8> {
        self.light().proof(height).map(<[u8]>::to_vec).unwrap_or_default()
    }

    /// Whether an answer from elsewhere proves another history than the one known here.
    #[must_use]
    pub fn judge_header(&self, answer: &[u8]) -> HeaderVerdict {
        let verdict = self.light().on_header(answer, now_ms());
        match (verdict, self.fork()) {
            (Err(Refusal::Fork), Some(fork)) => HeaderVerdict::Forked(fork),
            // Sound or not, it does not contradict what is known here.
            _ => HeaderVerdict::Unproven,
        }
    }

    /// Two certificates for one height, once anyone showed the second one.
    #[must_use]
    pub fn fork(&self) -> Option<Fork> {
        let light = self.light();
        let evidence = light.evidence()?;
        Some(Fork { first: evidence.first.clone(), second: evidence.second.clone() })
    }

    /// Hash of the validator set of the newest header; zero before the first.
    #[must_use]
    pub fn validators_hash(&self) -> Digest {
        self.0.newest.borrow().as_ref().map(|newest| newest.valset_hash).unwrap_or_default()
    }
}
