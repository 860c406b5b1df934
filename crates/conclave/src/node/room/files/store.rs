//! The pieces of files on this machine's disk: sealed as they travel, in a private directory that
//! goes with the meeting.
//!
//! The keys are in memory only, so what a daemon that is killed leaves behind is noise; the next one
//! removes it.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use conclave_meeting::{
    file::{FileSeal, PIECE, PIECE_TAG},
    wire::FileId,
};
use rand::Rng as _;

use crate::files;

/// Where the files of all meetings of a home lie.
fn shelf(home: &Path) -> PathBuf {
    home.join("files")
}

/// Removes what earlier runs left behind.
pub(in crate::node) fn sweep(home: &Path) {
    match fs::remove_dir_all(shelf(home)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(%error, "sealed files of an earlier meeting could not be removed");
        }
        _ => {}
    }
}

/// The files of one meeting. Erased when dropped.
#[derive(Debug)]
pub(super) struct Store {
    dir: PathBuf,
}

impl Store {
    /// An empty place in `home`; nothing is on the disk before something is kept.
    pub(super) fn new(home: &Path) -> Self {
        Self { dir: shelf(home).join(format!("{:016x}", rand::rng().next_u64())) }
    }

    /// Where one file lies.
    pub(super) fn place(&self, id: &FileId) -> PathBuf {
        self.dir.join(hex::encode(id.0))
    }

    /// Makes room for a file.
    pub(super) fn begin(&self, id: &FileId) -> io::Result<()> {
        files::private_dir(&self.dir)?;
        private(&self.place(id)).map(drop)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.dir)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "the sealed files of this meeting could not be removed");
        }
    }
}

fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

/// Seals all of a file at `path`.
pub(super) fn seal_all(path: &Path, seal: &FileSeal, bytes: &[u8]) -> io::Result<()> {
    if let Some(dir) = path.parent() {
        files::private_dir(dir)?;
    }
    let written = private(path).and_then(|mut file| {
        for (piece, bytes) in (0..).zip(bytes.chunks(PIECE)) {
            let sealed = seal.seal(piece, bytes.to_vec()).ok_or_else(unsound)?;
            file.write_all(&sealed)?;
        }
        Ok(())
    });
    if written.is_err() {
        let _ = fs::remove_file(path);
    }
    written
}

/// Opens all of a file at `path`.
pub(super) fn open_all(path: &Path, seal: &FileSeal) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let mut bytes = Vec::new();
    for piece in 0..seal.pieces() {
        let mut sealed = vec![0; seal.length(piece) + PIECE_TAG];
        file.read_exact(&mut sealed)?;
        bytes.extend(seal.open(piece, sealed).ok_or_else(unsound)?);
    }
    Ok(bytes)
}

/// One sealed piece.
pub(super) fn read(path: &Path, seal: &FileSeal, piece: u32) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(offset(piece)))?;
    let mut sealed = vec![0; seal.length(piece) + PIECE_TAG];
    file.read_exact(&mut sealed)?;
    Ok(sealed)
}

/// Keeps one sealed piece, all before which are kept.
pub(super) fn append(path: &Path, piece: u32, sealed: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    file.seek(SeekFrom::Start(offset(piece)))?;
    file.write_all(sealed)
}

fn offset(piece: u32) -> u64 {
    u64::from(piece) * (PIECE + PIECE_TAG) as u64
}

fn unsound() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a piece of the file does not open")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use conclave_meeting::{file::FilePlace, wire::FileKey};
    use conclave_protocol::{ChainId, MeetingId, MemberIdx};

    use super::*;

    fn seal(size: u64) -> FileSeal {
        let place = FilePlace {
            chain: ChainId([1; 32]),
            mid: MeetingId([2; 32]),
            idx: MemberIdx(3),
            id: FileId([4; 16]),
            size,
        };
        FileSeal::new(&FileKey::new([9; 32]), &place).unwrap()
    }

    #[test]
    fn a_file_lies_sealed_and_private_and_goes_with_the_meeting() {
        let home = tempfile::tempdir().unwrap();
        let (store, other) = (Store::new(home.path()), Store::new(home.path()));
        let text = vec![b'x'; PIECE + 100];
        let seal = seal(text.len() as u64);
        let (path, copy) = (store.place(&FileId([4; 16])), other.place(&FileId([4; 16])));
        seal_all(&path, &seal, &text).unwrap();
        let lies = fs::read(&path).unwrap();
        assert!(!lies.windows(16).any(|bytes| bytes == &text[..16]), "nothing lies in the clear");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));

        other.begin(&FileId([4; 16])).unwrap();
        for piece in 0..seal.pieces() {
            append(&copy, piece, &read(&path, &seal, piece).unwrap()).unwrap();
        }
        assert_eq!(open_all(&copy, &seal).unwrap(), text);
        let mut turned = lies;
        turned[PIECE + 40] ^= 1;
        fs::write(&path, turned).unwrap();
        assert_eq!(open_all(&path, &seal).unwrap_err().kind(), io::ErrorKind::InvalidData);
        drop(store);
        assert!(!path.exists() && copy.exists());
        drop(other);
        assert!(!copy.exists());
    }

    #[test]
    fn what_a_killed_daemon_left_behind_is_removed() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::new(home.path());
        store.begin(&FileId([4; 16])).unwrap();
        std::mem::forget(store);
        assert!(home.path().join("files").exists());
        sweep(home.path());
        assert!(!home.path().join("files").exists());
        sweep(home.path());
    }
}
