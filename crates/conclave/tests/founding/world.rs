//! Processes of this program on free loopback ports, and what they say.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use reqwest::Client;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStderr, ChildStdout, Command},
    time::{Instant, sleep, timeout},
};

use crate::ports::hold_all;

/// Longer than anything here takes, even on a machine that is busy with something else.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);
const LOOK: Duration = Duration::from_millis(50);

/// What one command said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    /// The answer of a command with `--json` that did what it was asked.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{self:?}");
        serde_json::from_str(&self.out).unwrap()
    }
}

/// Runs a command to its end.
pub(crate) async fn say(args: &[&str]) -> Said {
    let output = command(args).output();
    let output = timeout(PATIENCE, output).await.unwrap().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_conclave"));
    command
        .args(args)
        .env("RUST_LOG", "conclave=info")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A validator that runs.
pub(crate) struct Validator {
    child: Child,
    out: Lines<BufReader<ChildStdout>>,
    log: Lines<BufReader<ChildStderr>>,
    pub(crate) rpc: String,
}

impl Validator {
    /// Starts one and waits until it says that it answers.
    pub(crate) async fn run(dir: &Path, more: &[&str]) -> Self {
        let args = [&["validator", "run", "--json", "--dir", text(dir)], more].concat();
        let mut child = command(&args).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let line = timeout(PATIENCE, out.next_line()).await.unwrap().unwrap();
        let Some(line) = line else {
            let mut said = Vec::new();
            while let Some(line) = log.next_line().await.unwrap() {
                said.push(line);
            }
            panic!("{} ended at its start: {said:?}", dir.display());
        };
        let ready: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(ready["event"], "ready");
        let rpc = ready["rpc"].as_str().unwrap().to_owned();
        Self { child, out, log, rpc }
    }

    /// Reads its log until a line says this.
    pub(crate) async fn logs(&mut self, words: &str) -> String {
        let mut said = Vec::new();
        let look = async {
            while let Some(line) = self.log.next_line().await.unwrap() {
                if line.contains(words) {
                    return line;
                }
                said.push(line);
            }
            panic!("the log ended without {words:?}: {said:#?}")
        };
        timeout(PATIENCE, look).await.unwrap_or_else(|_| panic!("never logged: {words}"))
    }

    /// SIGTERM, and how it ends.
    pub(crate) async fn stop(mut self) -> Option<i32> {
        let pid = i32::try_from(self.child.id().unwrap()).unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.ends().await
    }

    /// How it ends by itself.
    pub(crate) async fn ends(&mut self) -> Option<i32> {
        // A full pipe would hold it up.
        let (out, log) = (&mut self.out, &mut self.log);
        let drain = async {
            while let Ok(Some(_)) = out.next_line().await {}
            while let Ok(Some(_)) = log.next_line().await {}
        };
        timeout(PATIENCE, drain).await.unwrap();
        timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap().code()
    }

    /// `kill -9`
    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// `GET /v1/status`
    pub(crate) async fn status(&self) -> Option<Value> {
        serde_json::from_str(&self.get("/v1/status").await?).ok()
    }

    pub(crate) async fn height(&self) -> u64 {
        self.status().await.and_then(|status| status["height"].as_u64()).unwrap_or_default()
    }

    pub(crate) async fn get(&self, path: &str) -> Option<String> {
        let answer =
            client().get(format!("{}{path}", self.rpc)).timeout(PATIENCE).send().await.ok()?;
        if answer.status() != 200 {
            return None;
        }
        answer.text().await.ok()
    }

    /// What it answers, good or bad.
    pub(crate) async fn answer(&self, path: &str) -> (u16, String) {
        let answer = client().get(format!("{}{path}", self.rpc)).timeout(PATIENCE);
        let answer = answer.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// Waits until a block of this height is final here.
    pub(crate) async fn reaches(&self, height: u64) {
        eventually("blocks are made", async || self.height().await >= height).await;
    }
}

fn client() -> Client {
    // Two of the program's libraries bring a TLS provider each; whoever was first stays.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Client::builder().no_proxy().build().unwrap()
}

/// A consortium on this machine, made by the shortcut; nobody runs yet.
pub(crate) struct Net {
    dir: tempfile::TempDir,
}

impl Net {
    pub(crate) async fn new(validators: usize, epoch_blocks: u32) -> Self {
        Self::founded(validators, &["--epoch-blocks", &epoch_blocks.to_string()]).await
    }

    /// The same, founded with further words.
    pub(crate) async fn founded(validators: usize, words: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (count, net) = (validators.to_string(), dir.path().join("net"));
        let args = ["network", "new", "--validators", &count, "--dir", text(&net)];
        assert_eq!(say(&[&args, words].concat()).await.code, 0);
        hold_all(&net);
        Self { dir }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn home(&self, index: usize) -> PathBuf {
        self.path(&format!("net/validator-{index}"))
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.path("net/network.toml")
    }

    /// Runs the first so many.
    pub(crate) async fn run(&self, count: usize) -> Vec<Validator> {
        let mut running = Vec::new();
        for index in 0..count {
            running.push(Validator::run(&self.home(index), &[]).await);
        }
        running
    }
}

/// Looks until it is so.
pub(crate) async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        sleep(LOOK).await;
    }
}
