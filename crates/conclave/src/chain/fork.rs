//! Certificates that members of a meeting show each other when their ledgers differ, and the proof
//! that is kept when the validators signed two histories.

use std::{path::PathBuf, sync::OnceLock};

use conclave_ledger::{evidence::Evidence, light::Refusal};
use conclave_meeting::{evidence::Fork, session::HeaderVerdict};
use conclave_protocol::{Digest, Height};

use super::{Chain, Shared, now_ms};
use crate::files;

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
        if let Err(refusal) = &verdict {
            self.0.refused(refusal);
        }
        match (verdict, self.fork()) {
            (Err(Refusal::Fork), Some(fork)) => HeaderVerdict::Forked(fork),
            // Sound or not, it does not contradict what is known here.
            _ => HeaderVerdict::Unproven,
        }
    }

    /// From now on a proof of a fork is written into `dir`, for `conclave ledger evidence`.
    pub fn keep_evidence(&self, dir: PathBuf) {
        let _there_already = self.0.evidence.set(EvidenceDir { dir, fork: OnceLock::new() });
    }

    /// The proof of a fork that was written, if the ledger is forked and there is a place for it.
    #[must_use]
    pub fn kept_fork(&self) -> Option<PathBuf> {
        self.0.evidence.get()?.fork.get().cloned()
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

/// Where proofs are written, and which one was.
#[derive(Debug)]
pub(super) struct EvidenceDir {
    dir: PathBuf,
    fork: OnceLock<PathBuf>,
}

impl Shared {
    /// Writes the proof down when an answer is refused because the ledger is forked; once.
    pub(super) fn refused(&self, refusal: &Refusal) {
        let Some(keep) = self.evidence.get() else { return };
        if *refusal != Refusal::Fork || keep.fork.get().is_some() {
            return;
        }
        let (height, proof) = {
            let light = self.light();
            let Some(found) = light.evidence() else { return };
            (found.height, Evidence::of_client(&light, &self.genesis))
        };
        let proof = match proof {
            Ok(proof) => proof,
            Err(error) => return tracing::error!(%error, "this fork cannot be written down"),
        };
        let path = keep.dir.join(format!("fork-{height}.evidence"));
        let written = files::private_dir(&keep.dir).and_then(|()| files::replace(&path, &proof));
        match written {
            Ok(()) => {
                tracing::error!(path = %path.display(), "the ledger was forked; the proof is kept");
                let _by_another_task = keep.fork.set(path);
            }
            Err(error) => tracing::error!(%error, "the proof of a forked ledger is not written"),
        }
    }
}
