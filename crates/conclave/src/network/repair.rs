//! Ledgers that a disk has damaged are set aside, and the validator begins anew with what its key has
//! signed: the state comes from the others.
//!
//! A disk that loses what it said it had written breaks a promise that everything here relies on, so
//! the engine refuses to open what is left. Nothing in it is lost to the consortium. The journal of
//! votes goes along, for without it the key could contradict itself; where the journal is what was
//! damaged, the key is silent behind a [`Guard`] until the epoch after.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use conclave_ledger::validator::SIGNED;

use super::{Guard, NetworkError, ValidatorHome};

/// Where the first ledgers of a validator go that were damaged. They may be all there is of the
/// history, so nothing here ever removes them.
fn first_aside(home: &ValidatorHome) -> PathBuf {
    home.dir.join("ledgers.damaged")
}

/// Whether this validator began anew once: then it fetches the state if it has none.
#[must_use]
pub(crate) fn began_anew(home: &ValidatorHome) -> bool {
    first_aside(home).exists()
}

/// Sets the ledgers aside and begins anew with the journal of votes. Returns where they are. Of those
/// that were set aside later than the first ones, which hold what was fetched since, the last stay.
///
/// # Errors
/// A file cannot be read or written: then the disk itself fails, and nothing was changed.
pub(crate) fn keep_votes(home: &ValidatorHome) -> Result<PathBuf, NetworkError> {
    let (ledgers, first) = (home.ledgers(), first_aside(home));
    let aside = if first.exists() { home.dir.join("ledgers.damaged.again") } else { first };
    let fresh = home.dir.join("ledgers.new");
    let failed = |source| NetworkError::Write { path: fresh.clone(), source };
    read_all(&ledgers).map_err(|source| NetworkError::Read { path: ledgers.clone(), source })?;
    remove(&fresh).map_err(failed)?;
    fs::create_dir(&fresh).map_err(failed)?;
    for entry in fs::read_dir(&ledgers).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_name().to_string_lossy().starts_with(SIGNED) {
            copy(&entry.path(), &fresh.join(entry.file_name())).map_err(failed)?;
        }
    }
    sync(&fresh).map_err(failed)?;
    // Whenever the machine stops, the votes are in `ledgers`, or there is none and a guard is set up.
    remove(&aside)
        .and_then(|()| fs::rename(&ledgers, &aside))
        .and_then(|()| fs::rename(&fresh, &ledgers))
        .and_then(|()| sync(&home.dir))
        .map_err(failed)?;
    Ok(aside)
}

/// Begins anew without the journal of votes, which is what was damaged: the key is silent for a
/// while.
///
/// # Errors
/// A file cannot be written.
pub(crate) fn give_up_votes(home: &ValidatorHome, now_ms: u64) -> Result<(), NetworkError> {
    let ledgers = home.ledgers();
    Guard::since(now_ms).write(&home.dir)?;
    remove(&ledgers)
        .and_then(|()| fs::create_dir(&ledgers))
        .and_then(|()| sync(&home.dir))
        .map_err(|source| NetworkError::Write { path: ledgers, source })
}

/// Reads every file below `dir`: a disk that cannot is broken, and beginning anew on it is no use.
fn read_all(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            read_all(&path)?;
        } else {
            io::copy(&mut File::open(&path)?, &mut io::sink())?;
        }
    }
    Ok(())
}

/// Copies a directory of files, and returns when all is on disk.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        fs::copy(entry.path(), &to)?;
        sync(&to)?;
    }
    sync(to)
}

fn sync(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn remove(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::create, *};

    fn home(dir: &Path) -> ValidatorHome {
        create(dir, 1).unwrap();
        let home = ValidatorHome::load(&dir.join("validator-0")).unwrap();
        let votes = home.ledgers().join(format!("{SIGNED}7-votes"));
        fs::create_dir_all(&votes).unwrap();
        fs::write(votes.join("0"), "signed").unwrap();
        let blocks = home.ledgers().join("validator-blocks-keys");
        fs::create_dir_all(&blocks).unwrap();
        fs::write(blocks.join("0"), "torn").unwrap();
        home
    }

    #[test]
    fn what_the_key_has_signed_goes_along_and_nothing_is_thrown_away() {
        let dir = tempfile::tempdir().unwrap();
        let home = home(dir.path());
        assert!(!began_anew(&home));
        for _ in 0..3 {
            keep_votes(&home).unwrap();
            let history = dir.path().join("validator-0/ledgers.damaged/validator-blocks-keys");
            assert!(history.exists(), "the first ones are all there is of the history");
            assert!(began_anew(&home));
            let votes = home.ledgers().join(format!("{SIGNED}7-votes")).join("0");
            assert_eq!(fs::read(votes).unwrap(), b"signed");
            assert_eq!(fs::read_dir(home.ledgers()).unwrap().count(), 1);
            assert!(Guard::load(&home.dir).unwrap().waits().is_none());
        }
        assert!(!home.dir.join("ledgers.new").exists());
    }

    #[test]
    fn without_the_votes_the_key_is_silent() {
        let dir = tempfile::tempdir().unwrap();
        let home = home(dir.path());
        keep_votes(&home).unwrap();
        give_up_votes(&home, 5).unwrap();
        assert_eq!(Guard::load(&home.dir).unwrap().waits(), Some(5));
        assert_eq!(fs::read_dir(home.ledgers()).unwrap().count(), 0);
        assert!(first_aside(&home).join("validator-blocks-keys").exists());
    }

    #[test]
    fn a_disk_that_cannot_be_read_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let home = home(dir.path());
        std::os::unix::fs::symlink("nowhere", home.ledgers().join("unreadable")).unwrap();
        assert!(matches!(keep_votes(&home), Err(NetworkError::Read { .. })));
        assert!(!began_anew(&home) && home.ledgers().join("validator-blocks-keys").exists());
    }
}
