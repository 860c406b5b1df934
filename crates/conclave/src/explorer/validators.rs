//! Validators, and how they do as far as blocks and certificates show.

use conclave_protocol::ValidatorKey;

use super::{
    Explorer,
    index::Index,
    subject::Subject,
    wire::{ValidatorLine, ValidatorView, ValidatorsView},
};

/// Blocks that liveness is judged by.
const WINDOW: usize = 256;

impl Explorer {
    pub(super) fn validators(&self) -> ValidatorsView {
        let set = self.0.genesis.validators.as_slice();
        let index = self.index();
        ValidatorsView {
            window: window(&index),
            quorum: quorum(set.len()),
            validators: set.iter().map(|key| self.line(&index, *key)).collect(),
        }
    }

    /// One validator; nothing if the network never had it.
    pub(super) fn validator(&self, key: ValidatorKey) -> Option<ValidatorView> {
        if !self.0.genesis.validators.contains(&key) {
            return None;
        }
        let (txs, reach) = self.about(&Subject::Validator(key));
        let index = self.index();
        let validator = self.line(&index, key);
        Some(ValidatorView { validator, window: window(&index), txs, reach })
    }

    fn line(&self, index: &Index, key: ValidatorKey) -> ValidatorLine {
        let recent = || index.blocks(u64::MAX).take(WINDOW);
        let took_part =
            index.blocks(u64::MAX).find(|seen| seen.proposer == key || seen.signers.contains(&key));
        ValidatorLine {
            key: hex::encode(key.0),
            name: None,
            me: self.0.validator.status().key == key,
            proposed: recent().filter(|seen| seen.proposer == key).count(),
            signed: recent().filter(|seen| seen.signers.contains(&key)).count(),
            last_height: took_part.map(|seen| seen.height),
            last_ms: took_part.map(|seen| seen.time_ms),
        }
    }
}

/// Signatures that make a certificate of a set: more than two thirds of it (n - f, n = 3f + 1).
pub(super) const fn quorum(validators: usize) -> usize {
    validators - validators.saturating_sub(1) / 3
}

fn window(index: &Index) -> usize {
    index.blocks(u64::MAX).take(WINDOW).count()
}

#[cfg(test)]
mod tests {
    use super::quorum;

    #[test]
    fn a_quorum_is_what_remains_when_a_third_fails() {
        assert_eq!([1, 3, 4, 5, 7, 10].map(quorum), [1, 3, 3, 4, 5, 7]);
    }
}
