//! What a participant of the demo writes down, so that the meeting can be measured afterwards.
//!
//! Only the hidden options of `conclave up` that the demo uses switch this on. `packets` holds
//! [`Entry`]s back to back. `keys` and `secrets` hold one JSON line per meeting key and per set of
//! exchange keys; they and what members say to each other are written only where the keys
//! themselves are asked for, since whoever reads them can open the meeting.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufWriter, Read, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::rtc::RtpUnit;

/// Writes what happens to one participant.
#[derive(Debug)]
pub(crate) struct Recorder {
    packets: BufWriter<File>,
    secret: Option<Secret>,
}

/// What opens the meeting.
#[derive(Debug)]
struct Secret {
    keys: File,
    secrets: File,
}

/// One thing that happened to a packet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Entry {
    /// Nanoseconds since the Unix epoch; comparable on one machine.
    pub(crate) at_ns: u64,
    /// What happened.
    pub(crate) what: What,
    /// The other member: who sent it, or to whom it went.
    pub(crate) idx: u16,
    /// The datagram or message; for [`What::Opened`] KID and CTR, 8 bytes each, and one byte: 1
    /// where a keyframe begins, 2 where a picture ends.
    pub(crate) bytes: Vec<u8>,
}

/// What happened to a packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum What {
    /// A datagram came in.
    In,
    /// A sealed packet was opened and handed to the browser.
    Opened,
    /// A datagram went out.
    Out,
    /// The own member index became known; no bytes.
    Own,
    /// A transaction of this device is final and proven; microseconds since it was given to the
    /// ledger, 8 bytes.
    Final,
    /// A message of another member came in; `idx` is [`NOBODY`] before the ledger names its sender.
    Message,
}

/// The index of a sender that is not known yet.
pub(crate) const NOBODY: u16 = u16::MAX;

/// The exchange keys of this device in one meeting, until others take their place.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct SecretLine {
    /// Meeting, hex.
    pub(crate) mid: String,
    /// Index of this device in it.
    pub(crate) idx: u16,
    /// The X25519 secret, hex.
    pub(crate) esk: String,
    /// The ML-KEM-768 decapsulation key, hex.
    pub(crate) dk: String,
}

/// One meeting key, with what is needed to derive stream keys from it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct KeyLine {
    /// Network, hex.
    pub(crate) chain: String,
    /// Meeting, hex.
    pub(crate) mid: String,
    /// Key generation.
    pub(crate) epoch: u32,
    /// Hash of the epoch record, hex.
    pub(crate) record: String,
    /// The key, hex.
    pub(crate) mk: String,
    /// Members of the roster: index and device, hex.
    pub(crate) members: Vec<(u16, String)>,
}

impl Recorder {
    /// Begins a record in `dir`, readable by this user only.
    ///
    /// # Errors
    /// The files cannot be made.
    pub(crate) fn create(dir: &Path, keys: bool) -> io::Result<Self> {
        let create = |name| -> io::Result<File> {
            let mut options = OpenOptions::new();
            options.create(true).append(true).mode(0o600).open(dir.join(name))
        };
        let secret = || -> io::Result<Secret> {
            Ok(Secret { keys: create("keys")?, secrets: create("secrets")? })
        };
        let secret = keys.then(secret).transpose()?;
        Ok(Self { packets: BufWriter::new(create("packets")?), secret })
    }

    /// Writes one entry with the present time. A full disk ends the record, not the meeting.
    pub(crate) fn packet(&mut self, what: What, idx: u16, bytes: &[u8]) {
        let Ok(len) = u16::try_from(bytes.len()) else { return };
        let mut head = [0; 13];
        head[..8].copy_from_slice(&now_ns().to_be_bytes());
        head[8] = what.code();
        head[9..11].copy_from_slice(&idx.to_be_bytes());
        head[11..].copy_from_slice(&len.to_be_bytes());
        let _full = self.packets.write_all(&head).and_then(|()| self.packets.write_all(bytes));
    }

    /// Writes that a packet of member `idx` was opened.
    pub(crate) fn opened(&mut self, idx: u16, kid: u64, ctr: u64, unit: &RtpUnit) {
        let picture = u8::from(unit.begins_keyframe()) | u8::from(unit.marker) << 1;
        let bytes = [&kid.to_be_bytes()[..], &ctr.to_be_bytes(), &[picture]].concat();
        self.packet(What::Opened, idx, &bytes);
    }

    /// Writes one meeting key, if keys are asked for.
    pub(crate) fn key(&mut self, line: &KeyLine) {
        if let Some(secret) = &mut self.secret {
            write_line(&mut secret.keys, line);
        }
    }

    /// Whether keys are asked for.
    pub(crate) const fn keeps_secrets(&self) -> bool {
        self.secret.is_some()
    }

    /// Writes the exchange keys of one meeting, if keys are asked for.
    pub(crate) fn secrets(&mut self, line: &SecretLine) {
        if let Some(secret) = &mut self.secret {
            write_line(&mut secret.secrets, line);
        }
    }

    /// Writes a message of another member, if keys are asked for.
    pub(crate) fn message(&mut self, idx: Option<u16>, bytes: &[u8]) {
        if self.secret.is_some() {
            self.packet(What::Message, idx.unwrap_or(NOBODY), bytes);
        }
    }

    /// Makes sure that everything so far can be read.
    pub(crate) fn flush(&mut self) {
        let _full = self.packets.flush();
    }
}

fn write_line(file: &mut File, line: &impl Serialize) {
    if let Ok(mut text) = serde_json::to_string(line) {
        text.push('\n');
        let _full = file.write_all(text.as_bytes());
        zeroize::Zeroize::zeroize(&mut text);
    }
}

impl What {
    const fn code(self) -> u8 {
        match self {
            Self::In => 0,
            Self::Out => 1,
            Self::Opened => 2,
            Self::Own => 3,
            Self::Final => 4,
            Self::Message => 5,
        }
    }

    const fn of(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::In),
            1 => Some(Self::Out),
            2 => Some(Self::Opened),
            3 => Some(Self::Own),
            4 => Some(Self::Final),
            5 => Some(Self::Message),
            _ => None,
        }
    }
}

/// Reads the record in `dir`: every whole entry, and every key that was written.
///
/// # Errors
/// A file cannot be read, or is not a record.
pub(crate) fn read(dir: &Path) -> io::Result<(Vec<Entry>, Vec<KeyLine>)> {
    let mut entries = Vec::new();
    let mut bytes = Vec::new();
    File::open(dir.join("packets"))?.read_to_end(&mut bytes)?;
    let mut rest = bytes.as_slice();
    while let Some((entry, after)) = read_entry(rest)? {
        entries.push(entry);
        rest = after;
    }
    Ok((entries, lines(&dir.join("keys"))?))
}

/// The exchange keys in `dir`, in the order in which they were used.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_secrets(dir: &Path) -> io::Result<Vec<SecretLine>> {
    lines(&dir.join("secrets"))
}

/// The JSON lines of a file; none if there is no file.
pub(crate) fn lines<T: DeserializeOwned>(path: &Path) -> io::Result<Vec<T>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// The first entry and what follows it; none at the end or where the writer was cut off.
fn read_entry(bytes: &[u8]) -> io::Result<Option<(Entry, &[u8])>> {
    let Some((head, rest)) = bytes.split_first_chunk::<13>() else { return Ok(None) };
    let [t0, t1, t2, t3, t4, t5, t6, t7, what, i0, i1, l0, l1] = *head;
    let len = usize::from(u16::from_be_bytes([l0, l1]));
    let what =
        What::of(what).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not a record"))?;
    let Some((bytes, rest)) = rest.split_at_checked(len) else { return Ok(None) };
    let at_ns = u64::from_be_bytes([t0, t1, t2, t3, t4, t5, t6, t7]);
    let idx = u16::from_be_bytes([i0, i1]);
    Ok(Some((Entry { at_ns, what, idx, bytes: bytes.to_vec() }, rest)))
}

/// Nanoseconds since the Unix epoch.
pub(crate) fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_a_cut_end_is_no_harm() {
        let dir = tempfile::tempdir().unwrap();
        let mut recorder = Recorder::create(dir.path(), false).unwrap();
        recorder.packet(What::In, 3, b"datagram");
        recorder.packet(What::Opened, 4, &[0; 17]);
        recorder.flush();
        let path = dir.path().join("packets");
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.pop();
        std::fs::write(&path, bytes).unwrap();
        let (entries, keys) = read(dir.path()).unwrap();
        assert_eq!(entries.len(), 1);
        assert_eq!((entries[0].what, entries[0].idx), (What::In, 3));
        assert_eq!(entries[0].bytes, b"datagram");
        assert!(keys.is_empty());
    }

    #[test]
    fn without_the_word_for_keys_nothing_that_opens_a_meeting_is_written() {
        let line = SecretLine { mid: "m".into(), idx: 1, esk: "e".into(), dk: "d".into() };
        for keys in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let mut recorder = Recorder::create(dir.path(), keys).unwrap();
            recorder.secrets(&line);
            recorder.message(None, b"said");
            recorder.flush();
            let (entries, _) = read(dir.path()).unwrap();
            let secrets = read_secrets(dir.path()).unwrap();
            assert_eq!((entries.len(), secrets.len()), (usize::from(keys), usize::from(keys)));
            assert_eq!(dir.path().join("secrets").exists(), keys);
        }
    }
}
