//! A validator's key whose journal is lost may have signed anything before. The guard keeps it silent
//! until the epoch in which it can have signed nothing.
//!
//! Votes count in their epoch alone, so a key contradicts itself only inside one. Whoever lost its
//! journal at time T therefore follows without a word, waits for a final block that was made well
//! after T, and signs from the epoch after that block's: its last words elsewhere were in that epoch
//! at the latest. For a validator enters an epoch only behind a quorum whose honest part is as far,
//! and a later block is sealed by a quorum that shares an honest member with it.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{MAX_FILE, NetworkError, home::LEDGERS, read};
use crate::files;

/// What `guard.toml` says; all is well where there is none.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Guard {
    /// Unix time in milliseconds after which the key has signed nothing that is not in the journal
    /// of this directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    since_ms: Option<u64>,
    /// The first epoch in which it signs, once that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    signs_from: Option<u64>,
}

impl Guard {
    /// Reads the guard of a directory.
    ///
    /// # Errors
    /// See [`NetworkError`].
    pub fn load(dir: &Path) -> Result<Self, NetworkError> {
        let path = dir.join(FILE);
        if path.exists() {
            Ok(toml::from_str(&read(&path, MAX_FILE)?)?)
        } else {
            Ok(Self::default())
        }
    }

    /// A key that has signed before `since_ms` what is remembered nowhere.
    #[must_use]
    pub const fn since(since_ms: u64) -> Self {
        Self { since_ms: Some(since_ms), signs_from: None }
    }

    /// The first epoch in which this key signs: 0 without a guard, never while it is not known.
    #[must_use]
    pub const fn signs_from(&self) -> u64 {
        match (self.since_ms, self.signs_from) {
            (None, _) => 0,
            (Some(_), Some(epoch)) => epoch,
            (Some(_), None) => u64::MAX,
        }
    }

    /// Since when the key is silent, while the epoch is not known in which it speaks again.
    #[must_use]
    pub const fn waits(&self) -> Option<u64> {
        match self.signs_from {
            None => self.since_ms,
            Some(_) => None,
        }
    }

    /// What is known from the newest final block: it was made at `time_ms`, in `epoch`. `proposed` is
    /// the time of the newest block by this very key.
    ///
    /// # Errors
    /// [`Twin`]: the key still signs, on another machine.
    pub fn judge(
        &self,
        time_ms: u64,
        epoch: u64,
        proposed: Option<u64>,
    ) -> Result<Option<Self>, Twin> {
        let Some(since) = self.waits() else { return Ok(None) };
        let settled = since.saturating_add(SETTLE_MS);
        if proposed.is_some_and(|at| at > settled) {
            return Err(Twin);
        }
        // Long enough that a machine that still runs has had its turn.
        if time_ms <= settled.saturating_add(WATCH_MS) {
            return Ok(None);
        }
        Ok(Some(Self { signs_from: Some(epoch.saturating_add(1)), ..*self }))
    }

    /// Writes the guard down before it is relied on.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, dir: &Path) -> Result<(), NetworkError> {
        let path = dir.join(FILE);
        let text = toml::to_string(self)?;
        files::replace(&path, text.as_bytes())
            .map_err(|source| NetworkError::Write { path, source })
    }

    /// The guard a validator starts behind. Where one ran before and its journal is gone, a new one
    /// is set up.
    ///
    /// # Errors
    /// A file cannot be read or written.
    pub fn at_start(dir: &Path, now_ms: u64) -> Result<Self, NetworkError> {
        if !dir.join(STARTED).exists() || has_journal(dir) {
            return Self::load(dir);
        }
        let guard = Self::since(now_ms);
        guard.write(dir)?;
        Ok(guard)
    }

    /// Notes that there is a journal, which must not be lost any more; `false` while there is none.
    /// A start that failed before it had one leaves no trace.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn note_journal(dir: &Path) -> Result<bool, NetworkError> {
        let path = dir.join(STARTED);
        if path.exists() {
            return Ok(true);
        }
        if !has_journal(dir) {
            return Ok(false);
        }
        files::replace(&path, b"this key has signed: ledgers/ must not be lost\n")
            .map_err(|source| NetworkError::Write { path, source })?;
        Ok(true)
    }
}

/// Another machine signs with this key.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("another machine signs with the key of this validator")]
pub struct Twin;

fn has_journal(dir: &Path) -> bool {
    std::fs::read_dir(dir.join(LEDGERS)).is_ok_and(|mut entries| entries.next().is_some())
}

/// By how much clocks may differ, and blocks be early.
const SETTLE_MS: u64 = 10_000;
/// How long a twin is watched for: 128 validators take their turns in as many idle intervals, but
/// whoever says that the old machine is gone is not believed blindly by anyone.
const WATCH_MS: u64 = 60_000;
const FILE: &str = "guard.toml";
const STARTED: &str = "started";

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_key_without_its_journal_is_silent_for_the_rest_of_the_epoch() {
        let guard = Guard::since(1_000_000);
        assert_eq!(guard.signs_from(), u64::MAX);
        assert_eq!(guard.judge(1_000_000, 7, None), Ok(None));
        assert_eq!(guard.judge(1_070_000, 7, Some(999_000)), Ok(None));
        let known = guard.judge(1_070_001, 7, Some(999_000)).unwrap().unwrap();
        assert_eq!(known.signs_from(), 8);
        assert_eq!(known.judge(2_000_000, 9, Some(1_999_000)), Ok(None), "it signs by itself then");
        assert_eq!(Guard::default().signs_from(), 0);
        assert_eq!(Guard::default().judge(u64::MAX, 1, Some(u64::MAX)), Ok(None));
    }

    #[test]
    fn a_twin_is_noticed_by_its_blocks() {
        let guard = Guard::since(1_000_000);
        assert_eq!(guard.judge(1_012_000, 7, Some(1_010_001)), Err(Twin));
        assert_eq!(guard.judge(1_012_000, 7, Some(1_010_000)), Ok(None), "a block under way");
    }

    #[test]
    fn ledgers_that_are_gone_set_up_a_guard_that_a_restart_finds() {
        let dir = tempfile::tempdir().unwrap();
        let ledgers = dir.path().join(LEDGERS);
        assert_eq!(Guard::at_start(dir.path(), 1).unwrap(), Guard::default(), "the first start");
        assert!(!Guard::note_journal(dir.path()).unwrap());
        assert_eq!(Guard::at_start(dir.path(), 1).unwrap(), Guard::default(), "it failed");
        fs::create_dir(&ledgers).unwrap();
        fs::write(ledgers.join("journal"), "").unwrap();
        assert!(Guard::note_journal(dir.path()).unwrap());
        assert_eq!(Guard::at_start(dir.path(), 2).unwrap(), Guard::default());
        fs::remove_dir_all(&ledgers).unwrap();
        assert_eq!(Guard::at_start(dir.path(), 3).unwrap(), Guard::since(3));
        fs::create_dir(&ledgers).unwrap();
        fs::write(ledgers.join("journal"), "").unwrap();
        assert_eq!(Guard::at_start(dir.path(), 4).unwrap(), Guard::since(3));
        assert_eq!(Guard::load(dir.path()).unwrap(), Guard::since(3));
    }
}
