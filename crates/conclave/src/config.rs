//! Where this program keeps its things, and how the command line finds a running daemon.

use std::{
    fs::{self, File, TryLockError},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{files, http::Server};

/// The directory of one person on this machine, 0700.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Home(PathBuf);

impl Home {
    /// The given directory, or the one where this operating system keeps a user's data.
    #[must_use]
    pub fn new(given: Option<PathBuf>) -> Self {
        Self(given.unwrap_or_else(|| {
            directories::ProjectDirs::from("", "", "conclave")
                .map_or_else(|| PathBuf::from(".conclave"), |dirs| dirs.data_dir().to_owned())
        }))
    }

    /// The directory itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The consortium this home belongs to, if one was put there.
    #[must_use]
    pub fn network_file(&self) -> PathBuf {
        self.0.join("network.toml")
    }

    /// Ledgers of the embedded validator.
    #[must_use]
    pub fn dev_dir(&self) -> PathBuf {
        self.0.join("dev")
    }

    /// Proofs against validators that this person's devices met.
    #[must_use]
    pub fn evidence_dir(&self) -> PathBuf {
        self.0.join("evidence")
    }

    /// Takes this home for one daemon; nothing when another one has it.
    ///
    /// The system gives the lock back when the process that holds it ends, however it ends.
    ///
    /// # Errors
    /// The home cannot be written, or its file system keeps no locks.
    pub fn claim(&self) -> io::Result<Option<Claim>> {
        files::private_dir(&self.0)?;
        let mut options = File::options();
        options.create(true).truncate(false).write(true).mode(0o600);
        let lock = options.open(self.0.join("daemon.lock"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // Whoever wrote it was killed.
        match fs::remove_file(self.daemon_file()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(Some(Claim { home: self.clone(), _lock: lock })),
        }
    }

    fn daemon_file(&self) -> PathBuf {
        self.0.join("daemon.json")
    }
}

/// One daemon's hold on a home, until it is dropped.
#[derive(Debug)]
pub struct Claim {
    home: Home,
    _lock: File,
}

impl Claim {
    /// Writes `daemon.json`. It is removed when the answer is dropped, or withdrawn.
    ///
    /// # Errors
    /// The home cannot be written.
    pub fn announce(self, server: &Server, ethereum: &[String]) -> io::Result<Announced> {
        let token = server.token().danger_hex().to_string();
        let (port, pid) = (server.port(), std::process::id());
        let daemon = Daemon { port, token, pid, ethereum: ethereum.to_vec() };
        files::replace(&self.home.daemon_file(), &serde_json::to_vec(&daemon)?)?;
        Ok(Announced(Some(self)))
    }
}

/// How a running daemon is reached: `daemon.json`, 0600, in its home.
#[derive(Clone, Deserialize, Serialize)]
pub struct Daemon {
    /// Loopback port of the local API.
    pub port: u16,
    /// Its token in hexadecimal digits.
    pub token: String,
    /// Process id.
    pub pid: u32,
    /// Where it was told to check the ledger's anchors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ethereum: Vec<String>,
}

impl Daemon {
    /// Reads `daemon.json`; nothing when no daemon has written one.
    #[must_use]
    pub fn find(home: &Home) -> Option<Self> {
        let bytes = files::read_private(&home.daemon_file(), 4_096).ok()?;
        serde_json::from_slice(&bytes).ok()
    }
}

impl std::fmt::Debug for Daemon {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Daemon").field("port", &self.port).field("pid", &self.pid).finish()
    }
}

/// A `daemon.json` that goes when this does, and the home it stands in.
#[derive(Debug)]
pub struct Announced(Option<Claim>);

impl Announced {
    /// Nobody finds the daemon any more; the home is its own until the claim is dropped.
    #[must_use]
    pub fn withdraw(mut self) -> Option<Claim> {
        self.retract();
        self.0.take()
    }

    fn retract(&self) {
        if let Some(claim) = &self.0 {
            let _gone = fs::remove_file(claim.home.daemon_file());
        }
    }
}

impl Drop for Announced {
    fn drop(&mut self) {
        self.retract();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_daemon_is_found_while_it_runs_and_not_after() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::new(Some(dir.path().join("home")));
        assert!(Daemon::find(&home).is_none());
        let server = Server::bind(None).await.unwrap();
        let claim = home.claim().unwrap().unwrap();
        let announced = claim.announce(&server, &[]).unwrap();
        let daemon = Daemon::find(&home).unwrap();
        assert_eq!(daemon.port, server.port());
        assert!(server.token().opens(&format!("Bearer {}", daemon.token)));
        assert!(!format!("{daemon:?}").contains(&daemon.token));
        assert!(home.claim().unwrap().is_none(), "one daemon a home");
        let claim = announced.withdraw();
        assert!(Daemon::find(&home).is_none());
        assert!(home.claim().unwrap().is_none(), "it is still being stopped");
        drop(claim);
        assert!(home.claim().unwrap().is_some());
    }
}
