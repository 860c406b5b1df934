//! A child process: started from this very binary, killed when dropped.
use std::{
    ffi::OsStr,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, bail};
use serde::de::DeserializeOwned;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

/// How long a child may take to say that it is ready; the first block of a fresh network can take
/// several seconds, and a loaded machine makes everything slower.
const READY: Duration = Duration::from_secs(60);

/// One running `conclave` with its standard output, which speaks JSON lines.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// Starts this binary with `args`; its log goes to `log`.
    pub(crate) fn start<S: AsRef<OsStr>>(
        name: &str,
        args: impl IntoIterator<Item = S>,
        log: &Path,
    ) -> Result<Self> {
        let program = std::env::current_exe().context("finding this program's own file")?;
        let log = std::fs::File::options().create(true).append(true).open(log);
        let log = log.with_context(|| format!("writing the log of {name}"))?;
        let mut child = Command::new(program)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        let stdout = child.stdout.take().ok_or_else(|| anyhow!("{name} has no output"))?;
        Ok(Self { name: name.to_owned(), child, lines: BufReader::new(stdout).lines() })
    }

    /// Waits for the JSON line `{"event":"ready", ...}`.
    ///
    /// # Errors
    /// The process ended, or was not ready within a minute.
    pub(crate) async fn ready<T: DeserializeOwned>(&mut self) -> Result<T> {
        let deadline = Instant::now() + READY;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = timeout(left, self.lines.next_line())
                .await
                .map_err(|_| anyhow!("{} was not ready within {READY:?}", self.name))??;
            let Some(line) = line else { bail!("{} ended before it was ready", self.name) };
            let Ok(value) = serde_json::from_str::<serde_json::Value>(&line) else { continue };
            if value["event"] == "ready" {
                return serde_json::from_value(value)
                    .with_context(|| format!("reading what {} says when ready", self.name));
            }
        }
    }

    /// The operating system's number of this process, while it runs.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Kills the process as `kill -9` does and waits until it is gone.
    pub(crate) async fn kill(&mut self) -> Result<()> {
        self.child.kill().await.with_context(|| format!("killing {}", self.name))
    }
}
