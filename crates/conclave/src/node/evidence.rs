//! Proofs that somebody lied, kept on disk so that they outlive the meeting and this program.
//!
//! Whoever saw two certificates of one height, or two records of one epoch, is the only one who can
//! show it to others; a meeting that ends must not take it along. A file has a name of its content
//! and is written once.

use std::{
    io,
    path::{Path, PathBuf},
};

use conclave_protocol::Digest;

use crate::{
    files,
    http::wire::{Evidence, EvidenceKind},
};

/// Where evidence is kept, and what of it this run has seen.
#[derive(Clone, Debug)]
pub(crate) struct Shelf {
    dir: PathBuf,
    seen: Vec<Evidence>,
}

impl Shelf {
    /// The shelf in `home`, the directory of the identity.
    pub(crate) fn new(home: &Path) -> Self {
        Self { dir: home.join("evidence"), seen: Vec::new() }
    }

    /// Puts evidence on disk when it is first seen, and says in it where. A disk that refuses is
    /// no reason to hide the evidence.
    pub(crate) fn keep(&mut self, mut evidence: Evidence) -> Evidence {
        if let Some(known) = self.seen.iter().find(|known| known.parts == evidence.parts) {
            return known.clone();
        }
        match self.write(&evidence) {
            Ok(path) => {
                tracing::error!(file = %path.display(), "{}", evidence.text);
                evidence.file = Some(path.display().to_string());
            }
            Err(error) => tracing::error!(%error, "evidence could not be kept: {}", evidence.text),
        }
        self.seen.push(evidence.clone());
        evidence
    }

    fn write(&self, evidence: &Evidence) -> io::Result<PathBuf> {
        let parts: Vec<&[u8]> = evidence.parts.iter().map(String::as_bytes).collect();
        let kind = match evidence.kind {
            EvidenceKind::Equivocation => "equivocation",
            EvidenceKind::Fork => "fork",
        };
        let name: String = Digest::of(&parts).to_hex().chars().take(16).collect();
        let path = self.dir.join(format!("{kind}-{name}.json"));
        if !path.exists() {
            files::private_dir(&self.dir)?;
            files::replace(&path, &serde_json::to_vec_pretty(evidence)?)?;
        }
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(part: &str) -> Evidence {
        Evidence {
            kind: EvidenceKind::Fork,
            text: "two blocks of one height".into(),
            parts: vec![part.into(), "02".into()],
            file: None,
        }
    }

    #[test]
    fn evidence_is_kept_once_under_a_name_of_its_content() {
        let home = tempfile::tempdir().unwrap();
        let mut shelf = Shelf::new(home.path());
        let first = shelf.keep(evidence("01")).file.unwrap();
        let kept: Evidence = serde_json::from_slice(&std::fs::read(&first).unwrap()).unwrap();
        assert_eq!(kept, evidence("01"));
        assert_ne!(shelf.keep(evidence("03")).file.unwrap(), first);
        std::fs::remove_file(&first).unwrap();
        assert_eq!(shelf.keep(evidence("01")).file.as_ref(), Some(&first), "it was seen before");
        assert!(!Path::new(&first).exists());
        assert_eq!(Shelf::new(home.path()).keep(evidence("01")).file.as_ref(), Some(&first));
        assert!(Path::new(&first).exists());
    }

    #[test]
    fn evidence_is_shown_though_the_disk_refuses_it() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("evidence"), b"in the way").unwrap();
        let shown = Shelf::new(home.path()).keep(evidence("01"));
        assert_eq!(shown, evidence("01"));
    }
}
