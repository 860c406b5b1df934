//! Where this program keeps its things, and how the command line finds a running daemon.

use std::{
    fs,
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

    fn daemon_file(&self) -> PathBuf {
        self.0.join("daemon.json")
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
}

impl Daemon {
    /// Reads `daemon.json`; nothing when no daemon has written one.
    #[must_use]
    pub fn find(home: &Home) -> Option<Self> {
        let bytes = files::read_private(&home.daemon_file(), 4_096).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Writes `daemon.json`. It is removed when the answer is dropped.
    ///
    /// # Errors
    /// The home cannot be written.
    pub fn announce(home: &Home, server: &Server) -> std::io::Result<Announced> {
        files::private_dir(home.path())?;
        let token = server.token().danger_hex().to_string();
        let daemon = Self { port: server.port(), token, pid: std::process::id() };
        let path = home.daemon_file();
        files::replace(&path, &serde_json::to_vec(&daemon)?)?;
        Ok(Announced { path })
    }
}

impl std::fmt::Debug for Daemon {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Daemon").field("port", &self.port).field("pid", &self.pid).finish()
    }
}

/// A `daemon.json` that goes when this does.
#[derive(Debug)]
pub struct Announced {
    path: PathBuf,
}

impl Drop for Announced {
    fn drop(&mut self) {
        // Only our own: another daemon may have taken the home over.
        let pid = fs::read(&self.path)
            .ok()
            .and_then(|bytes| serde_json::from_slice::<Daemon>(&bytes).ok())
            .map(|daemon| daemon.pid);
        if pid == Some(std::process::id()) {
            let _ = fs::remove_file(&self.path);
        }
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
        let announced = Daemon::announce(&home, &server).unwrap();
        let daemon = Daemon::find(&home).unwrap();
        assert_eq!(daemon.port, server.port());
        assert!(server.token().opens(&format!("Bearer {}", daemon.token)));
        assert!(!format!("{daemon:?}").contains(&daemon.token));
        drop(announced);
        assert!(Daemon::find(&home).is_none());
    }
}
