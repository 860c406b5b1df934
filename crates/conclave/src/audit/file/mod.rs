//! An exported ledger as a file (docs/protocol.md, section 23): the genesis, then one record after
//! the other, each after a head that says how long it is.
//!
//! The checks in it find accidents, not lies: they tell a file that was cut short from one that was
//! damaged. What the records say is for the audit to judge.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufReader, BufWriter, Read, Seek as _, SeekFrom, Write},
    path::Path,
};

use conclave_ledger::audit::{MAX_RECORD, Outline};
use conclave_protocol::{Digest, Genesis, Height, decode, encode};

/// First bytes of every exported ledger, and the version of the layout.
const MAGIC: [u8; 16] = *b"CONCLAVE-LEDGER\x01";

/// Largest genesis in bytes: 128 validators and the constants take less than half of it.
const MAX_GENESIS: usize = 16_384;

/// Bytes of a head: tag, length, check.
const HEAD: usize = 1 + 4 + 4;

/// Bytes of the check after a payload.
const CHECK: usize = 8;

const RECORD: u8 = 1;
const END: u8 = 2;

/// What an exported ledger begins with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Opening {
    /// The network.
    pub genesis: Genesis,
    /// Height of the first record.
    pub first: Height,
}

/// One thing read from an exported ledger.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Frame {
    /// A block with its certificate, as [`Outline`] reads it.
    Record(Vec<u8>),
    /// The end, which names the last block.
    End(Last),
}

/// The last block of an exported ledger.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Last {
    /// Its height; one below the first if there is none.
    pub height: Height,
    /// Digest of its header.
    pub digest: Digest,
}

/// Why a file is not an exported ledger, or not all of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// Bytes were changed.
    #[error("the file is damaged at byte {0}")]
    Damaged(u64),
    /// It ends too early: the export or the download was interrupted.
    #[error("the file is cut short after {0} bytes")]
    CutShort(u64),
    /// It holds the ledger of another network, or of other heights.
    #[error("the file holds another ledger: {0}")]
    Other(String),
    /// It cannot be read or written.
    #[error("the file cannot be used: {0}")]
    Io(#[from] io::Error),
    /// It is something else.
    #[error("this is not an exported ledger")]
    NotOne,
}

/// Reads an exported ledger in one pass.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    at: u64,
    opening: Opening,
    is_over: bool,
}

impl Reader<BufReader<File>> {
    /// Opens a file.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn open(path: &Path) -> Result<Self, FileError> {
        Self::new(BufReader::with_capacity(1 << 18, File::open(path)?))
    }
}

impl<R: Read> Reader<R> {
    /// Reads the opening.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn new(mut input: R) -> Result<Self, FileError> {
        let mut magic = [0; MAGIC.len()];
        let got = read_up_to(&mut input, &mut magic)?;
        if magic.get(..got) != MAGIC.get(..got) || got == 0 {
            return Err(FileError::NotOne);
        }
        let mut reader = Counted { input, at: got as u64 };
        if got < MAGIC.len() {
            return Err(FileError::CutShort(reader.at));
        }
        let head: [u8; 12] = reader.array()?;
        let [a, b, c, d, e, f, g, h, i, j, k, l] = head;
        let first = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
        let length = u32::from_be_bytes([i, j, k, l]);
        let begin = reader.at;
        if reader.array::<4>()? != short([&MAGIC, &head]) {
            return Err(FileError::Damaged(begin));
        }
        let bytes = reader.bounded(length, MAX_GENESIS)?;
        let begin = reader.at;
        if reader.array::<CHECK>()? != check(&[&bytes]) {
            return Err(FileError::Damaged(begin));
        }
        let genesis: Genesis = decode(&bytes).map_err(|_| FileError::Damaged(begin))?;
        genesis.check().map_err(|_| FileError::Damaged(begin))?;
        let opening = Opening { genesis, first: Height(first) };
        let Counted { input, at } = reader;
        Ok(Self { input, at, opening, is_over: false })
    }

    /// What it begins with.
    pub const fn opening(&self) -> &Opening {
        &self.opening
    }

    /// Bytes read so far.
    pub const fn position(&self) -> u64 {
        self.at
    }

    /// The next frame; nothing after the end.
    ///
    /// # Errors
    /// See [`FileError`]: a file without an end was cut short.
    pub fn frame(&mut self) -> Result<Option<Frame>, FileError> {
        let mut reader = Counted { input: &mut self.input, at: self.at };
        let begin = reader.at;
        let mut head = [0; HEAD];
        let got = read_up_to(&mut reader.input, &mut head)?;
        reader.at = begin.saturating_add(got as u64);
        self.at = reader.at;
        if self.is_over {
            return if got == 0 { Ok(None) } else { Err(FileError::Damaged(begin)) };
        }
        if got < HEAD {
            return Err(FileError::CutShort(self.at));
        }
        let [tag, a, b, c, d, sum @ ..] = head;
        if sum != short([&[tag], &[a, b, c, d]]) {
            return Err(FileError::Damaged(begin));
        }
        let payload = reader.bounded(u32::from_be_bytes([a, b, c, d]), MAX_RECORD)?;
        if reader.array::<CHECK>()? != check(&[&[tag], &payload]) {
            return Err(FileError::Damaged(begin));
        }
        self.at = reader.at;
        match tag {
            RECORD => Ok(Some(Frame::Record(payload))),
            END => {
                self.is_over = true;
                Last::parse(&payload).map(Frame::End).map(Some).ok_or(FileError::Damaged(begin))
            }
            _ => Err(FileError::Damaged(begin)),
        }
    }
}

impl Last {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let (height, digest) = bytes.split_first_chunk::<8>()?;
        let height = Height(u64::from_be_bytes(*height));
        Some(Self { height, digest: Digest(digest.try_into().ok()?) })
    }
}

/// Writes an exported ledger; what is written can be continued later.
#[derive(Debug)]
pub struct Writer {
    output: BufWriter<File>,
    last: Last,
    is_certified: bool,
    written: u64,
}

impl Writer {
    /// Continues a file of this network, or begins it where there is none. A part of the very opening
    /// that is to be written counts as none: whoever wrote that was stopped before the first record.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn open(path: &Path, genesis: &Genesis, before: Last) -> Result<Self, FileError> {
        let opening = opening(genesis, before)?;
        let mut there = vec![0; opening.len()];
        let got = match File::open(path) {
            Ok(mut file) => read_up_to(&mut file, &mut there)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Self::create(path, genesis, before);
            }
            Err(error) => return Err(error.into()),
        };
        if got < opening.len() && opening.get(..got) == there.get(..got) {
            let file = OpenOptions::new().write(true).truncate(true).open(path)?;
            return Self::begin(file, &opening, before);
        }
        Self::resume(path, genesis, before)
    }

    /// Begins a file, whose first record follows the block `before`. There must be none yet.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn create(path: &Path, genesis: &Genesis, before: Last) -> Result<Self, FileError> {
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        Self::begin(file, &opening(genesis, before)?, before)
    }

    /// The opening is not left in memory until records fill the buffer: whoever is stopped before
    /// that leaves a file that says what it is.
    fn begin(mut file: File, opening: &[u8], before: Last) -> Result<Self, FileError> {
        file.write_all(opening)?;
        let output = BufWriter::with_capacity(1 << 18, file);
        Ok(Self { output, last: before, is_certified: false, written: 0 })
    }

    /// Continues a file of this network that ends anywhere: its end mark and what was written of a
    /// record only in part are overwritten. One that is damaged before its end is not continued.
    fn resume(path: &Path, genesis: &Genesis, before: Last) -> Result<Self, FileError> {
        let mut reader = Reader::open(path)?;
        let Opening { genesis: theirs, first } = reader.opening().clone();
        if theirs != *genesis {
            let name = theirs.chain_id().to_hex();
            return Err(FileError::Other(format!("that of the network {name}")));
        }
        if first != before.height.next() {
            return Err(FileError::Other(format!("that from height {first} on")));
        }
        let (mut last, mut is_certified, mut whole) = (before, false, reader.position());
        loop {
            match reader.frame() {
                Ok(Some(Frame::Record(record))) => {
                    let outline = Outline::of(&record).ok_or(FileError::Damaged(whole))?;
                    if outline.height != last.height.next() || outline.parent != last.digest {
                        return Err(FileError::Damaged(whole));
                    }
                    last = Last { height: outline.height, digest: outline.digest };
                    (is_certified, whole) = (outline.is_certified, reader.position());
                }
                Ok(_) | Err(FileError::CutShort(_)) => break,
                Err(error) => return Err(error),
            }
        }
        drop(reader);
        let mut file = OpenOptions::new().write(true).open(path)?;
        file.set_len(whole)?;
        file.seek(SeekFrom::Start(whole))?;
        let output = BufWriter::with_capacity(1 << 18, file);
        Ok(Self { output, last, is_certified, written: 0 })
    }

    /// The last block that is in the file.
    pub const fn last(&self) -> Last {
        self.last
    }

    /// Whether that block carries its own certificate.
    pub const fn is_certified(&self) -> bool {
        self.is_certified
    }

    /// Records written since the file was begun or continued.
    pub const fn written(&self) -> u64 {
        self.written
    }

    /// Appends a record.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn append(&mut self, record: &[u8], outline: &Outline) -> Result<(), FileError> {
        self.frame(RECORD, record)?;
        self.last = Last { height: outline.height, digest: outline.digest };
        self.is_certified = outline.is_certified;
        self.written = self.written.saturating_add(1);
        Ok(())
    }

    /// Writes the end and waits until all of it is on disk.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn finish(mut self) -> Result<Last, FileError> {
        let Last { height, digest } = self.last;
        self.frame(END, &[&height.0.to_be_bytes()[..], digest.as_bytes()].concat())?;
        self.output.flush()?;
        self.output.get_ref().sync_all()?;
        Ok(self.last)
    }

    fn frame(&mut self, tag: u8, payload: &[u8]) -> Result<(), FileError> {
        let length = u32::try_from(payload.len()).map_err(io::Error::other)?.to_be_bytes();
        self.output.write_all(&[tag])?;
        self.output.write_all(&length)?;
        self.output.write_all(&short([&[tag], &length]))?;
        self.output.write_all(payload)?;
        self.output.write_all(&check(&[&[tag], payload]))?;
        Ok(())
    }
}

/// The bytes before the first frame of a file whose first record follows the block `before`.
fn opening(genesis: &Genesis, before: Last) -> Result<Vec<u8>, FileError> {
    let bytes = encode(genesis);
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    let first = before.height.next().0.to_be_bytes();
    let head = [&first[..], &length.to_be_bytes()].concat();
    let (one, other) = (short([&MAGIC, &head]), check(&[&bytes]));
    Ok([&MAGIC[..], &head, &one, &bytes, &other].concat())
}

/// A reader that knows where it is.
struct Counted<R> {
    input: R,
    at: u64,
}

impl<R: Read> Counted<R> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], FileError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn bounded(&mut self, length: u32, most: usize) -> Result<Vec<u8>, FileError> {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > most {
            return Err(FileError::Damaged(self.at));
        }
        let mut bytes = vec![0; length];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), FileError> {
        let got = read_up_to(&mut self.input, bytes)?;
        self.at = self.at.saturating_add(got as u64);
        if got < bytes.len() { Err(FileError::CutShort(self.at)) } else { Ok(()) }
    }
}

/// Reads until the buffer is full or the input ends.
fn read_up_to(input: &mut impl Read, mut bytes: &mut [u8]) -> io::Result<usize> {
    let mut total = 0;
    while !bytes.is_empty() {
        match input.read(bytes) {
            Ok(0) => break,
            Ok(got) => {
                total += got;
                bytes = bytes.get_mut(got..).unwrap_or_default();
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(total)
}

/// The check of a payload: the first bytes of a hash.
fn check(parts: &[&[u8]]) -> [u8; CHECK] {
    let mut all: Vec<&[u8]> = vec![b"CONCLAVE-V1/export"];
    all.extend(parts);
    let [a, b, c, d, e, f, g, h, ..] = Digest::of(&all).0;
    [a, b, c, d, e, f, g, h]
}

/// The check of a head.
fn short(parts: [&[u8]; 2]) -> [u8; 4] {
    let [one, other] = parts;
    let [a, b, c, d, ..] = Digest::of(&[b"CONCLAVE-V1/export-head", one, other]).0;
    [a, b, c, d]
}

#[cfg(test)]
mod tests;
