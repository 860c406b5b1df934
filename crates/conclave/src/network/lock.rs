//! One process at a time on a validator's directory: two of them would sign contradictions.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read as _, Seek as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use super::NetworkError;

/// A directory that is ours until this is dropped, or the process ends in any way.
#[derive(Debug)]
pub struct DirLock {
    _file: File,
}

impl DirLock {
    /// Takes the directory.
    ///
    /// # Errors
    /// [`NetworkError::InUse`], or the file cannot be written.
    pub fn take(dir: &Path) -> Result<Self, NetworkError> {
        let path = dir.join("lock");
        let write = |source| NetworkError::Write { path: path.clone(), source };
        let options = || {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false).mode(0o600);
            options
        };
        let mut file = options().open(&path).map_err(write)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let _unread = file.take(16).read_to_string(&mut text);
                return Err(NetworkError::InUse {
                    dir: dir.to_owned(),
                    pid: text.trim().parse().ok(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(write(source)),
        }
        // For whoever is refused; the lock itself is the system's and ends with the process.
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(write)?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_one_process_and_is_free_after_it() {
        let dir = tempfile::tempdir().unwrap();
        let first = DirLock::take(dir.path()).unwrap();
        let second = DirLock::take(dir.path());
        let pid = Some(std::process::id());
        assert!(matches!(&second, Err(NetworkError::InUse { pid: by, .. }) if *by == pid));
        drop(first);
        DirLock::take(dir.path()).unwrap();
    }
}
