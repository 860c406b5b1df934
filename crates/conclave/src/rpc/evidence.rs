//! Writes down the proofs that other validators contradicted themselves.

use std::{io, path::PathBuf};

use conclave_ledger::evidence::{Findings, Proof};

use crate::files;

/// Proofs kept in one directory: whoever contradicts itself more often than this is known.
const MOST: usize = 1_024;

/// Writes every proof that a validator finds into `dir`, until it stops.
pub(super) async fn keep(mut findings: Findings, dir: PathBuf) {
    while let Some(Proof { name, bytes }) = findings.next().await {
        let path = dir.join(format!("{name}.evidence"));
        match write(&dir, &path, &bytes) {
            Ok(true) => tracing::error!(path = %path.display(), "a proof against a validator"),
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "a proof against a validator is not written"),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_written_once() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("evidence");
        let path = home.join("a.evidence");
        assert!(write(&home, &path, b"proof").unwrap());
        assert!(!write(&home, &path, b"another").unwrap());
        assert_eq!(std::fs::read(&path).unwrap(), b"proof");
    }
}
