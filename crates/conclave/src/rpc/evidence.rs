//! Writes down the proofs that other validators contradicted themselves.

use std::{io, path::PathBuf};

use conclave_ledger::validator::Validator;

use crate::files;

/// Proofs kept in one directory: whoever contradicts itself more often than this is known.
const MOST: usize = 1_024;

/// Writes every proof that the validator finds into `dir`, until it stops.
pub(super) async fn keep(validator: Validator, dir: PathBuf) {
    let mut seen = 0;
    while let Ok(proofs) = validator.evidence(seen).await {
        seen += proofs.len();
        for (name, proof) in proofs {
            let path = dir.join(format!("{name}.evidence"));
            match write(&dir, &path, &proof) {
                Ok(true) => tracing::error!(path = %path.display(), "a proof against a validator"),
                Ok(false) => {}
                Err(error) => tracing::error!(%error, "a proof against a validator is not written"),
            }
        }
    }
}

/// Writes one proof; `false` if it is there, or enough others are.
fn write(dir: &std::path::Path, path: &std::path::Path, proof: &[u8]) -> io::Result<bool> {
    files::private_dir(dir)?;
    if path.exists() || dir.read_dir()?.count() >= MOST {
        return Ok(false);
    }
    files::replace(path, proof).map(|()| true)
}
