//! What the light client of one participant of the demo was shown and believed, for strangers who
//! check the proofs again.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use conclave_ledger::{MAX_KEYS, light};
use conclave_protocol::{
    Key, Record,
    codec::{List, encode},
};
use serde::{Deserialize, Serialize};

/// Writes every answer about the state that told something new.
#[derive(Debug)]
pub(super) struct AnswerLog {
    file: File,
    known: BTreeMap<Key, Option<Record>>,
}

/// One answer that was verified.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct AnswerLine {
    /// Height it proves the state at.
    pub(crate) height: u64,
    /// The list of keys that were asked for, hex.
    pub(crate) keys: String,
    /// The state answer, hex.
    pub(crate) answer: String,
}

impl AnswerLog {
    /// Begins a log in `dir`, readable by this user only.
    pub(super) fn create(dir: &Path) -> io::Result<Self> {
        let file =
            OpenOptions::new().create(true).append(true).mode(0o600).open(dir.join(ANSWERS))?;
        Ok(Self { file, known: BTreeMap::new() })
    }

    /// Writes the answer if it says anything that the ones before did not.
    pub(super) fn note(&mut self, keys: &[Key], answer: &[u8], proven: &light::Snapshot) {
        let news = proven.records.iter().any(|(key, record)| self.known.get(key) != Some(record));
        if !news {
            return;
        }
        self.known.extend(proven.records.clone());
        let Ok(keys) = List::<Key, MAX_KEYS>::new(keys.to_vec()) else { return };
        let line = AnswerLine {
            height: proven.height.0,
            keys: hex::encode(encode(&keys)),
            answer: hex::encode(answer),
        };
        if let Ok(mut text) = serde_json::to_string(&line) {
            text.push('\n');
            // A full disk ends the log, not the meeting.
            let _full = self.file.write_all(text.as_bytes());
        }
    }
}

/// The file below the record of a participant.
pub(crate) const ANSWERS: &str = "answers";

#[cfg(test)]
mod tests {
    use conclave_protocol::{DeviceId, Digest, Height};

    use super::*;

    #[test]
    fn an_answer_that_says_nothing_new_is_not_written() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = AnswerLog::create(dir.path()).unwrap();
        let key = |n| Key::Device(DeviceId([n; 32]));
        let proven = |height, n| light::Snapshot {
            height: Height(height),
            time_ms: 0,
            header: Digest([0; 32]),
            records: BTreeMap::from([(key(n), None)]),
        };
        log.note(&[key(1)], b"first", &proven(1, 1));
        log.note(&[key(1)], b"the same", &proven(2, 1));
        log.note(&[key(2)], b"another key", &proven(3, 2));
        let text = std::fs::read_to_string(dir.path().join(ANSWERS)).unwrap();
        let heights: Vec<u64> = text
            .lines()
            .map(|line| serde_json::from_str::<AnswerLine>(line).unwrap().height)
            .collect();
        assert_eq!(heights, [1, 3]);
    }
}
