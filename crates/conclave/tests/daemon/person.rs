//! People with homes of their own, and what they say to their daemons.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::ports::hold_all;

/// How long anything may take before the test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);
/// Between two looks at what changes by itself, which start a program each.
const LOOK: Duration = Duration::from_millis(50);

/// A process of this program that is killed when dropped, as by `kill -9`.
pub(crate) struct Running(Child);

impl Running {
    /// What the system says about it under `/proc`.
    #[cfg(target_os = "linux")]
    pub(crate) fn proc(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.0.id())).unwrap()
    }

    /// Whether its memory is closed to other processes of its user: then what the system says about
    /// it belongs to root, as for a test that runs as root it does anyway.
    #[cfg(target_os = "linux")]
    pub(crate) fn is_closed(&self) -> bool {
        use std::os::unix::fs::MetadataExt as _;
        std::fs::metadata(format!("/proc/{}/environ", self.0.id())).unwrap().uid() == 0
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn command(home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_conclave"));
    command.args(args).env("CONCLAVE_HOME", home).env_remove("CONCLAVE_PASSPHRASE");
    // No test asks the key store of whoever runs it.
    command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere");
    command.stdin(Stdio::null());
    command
}

/// Starts a process and waits until it says that it is ready.
pub(crate) fn start(home: &Path, args: &[&str]) -> Running {
    start_with(command(home, args), args)
}

/// The same with a command that was prepared.
pub(crate) fn start_with(mut command: Command, args: &[&str]) -> Running {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let running = Running(child);
    let mut said = lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    assert!(said.any(|value| value["event"] == "ready"), "{args:?} ended before it was ready");
    running
}

/// One person with a home of their own.
pub(crate) struct Person {
    _daemon: Running,
    // Last: nobody writes there any more when it goes.
    pub(crate) home: TempDir,
}

impl Person {
    pub(crate) fn arrive(name: &str, network: &Path) -> Self {
        let person = Self::unknown(network);
        let identity = person.say(&["identity", "create", name, "--no-passphrase"]);
        assert_eq!(identity["registered"], true);
        person
    }

    /// A machine without an identity.
    pub(crate) fn unknown(network: &Path) -> Self {
        Self::up(tempfile::tempdir().unwrap(), &["--network", network.to_str().unwrap()])
    }

    fn up(home: TempDir, words: &[&str]) -> Self {
        let up = [&["up", "--json", "--no-browser"], words].concat();
        let daemon = start(home.path(), &up);
        Self { home, _daemon: daemon }
    }

    /// The daemon is killed, as by `kill -9`, and another one starts in the same home, which knows
    /// the network.
    pub(crate) fn killed_and_started(self) -> Self {
        let Self { home, _daemon: daemon } = self;
        drop(daemon);
        Self::up(home, &[])
    }

    /// Begins a command that ends by itself, or with its daemon.
    pub(crate) fn begin(&self, args: &[&str]) {
        let mut command = command(self.home.path(), args);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::spawn(move || drop({ child }.wait()));
    }

    /// The answers of a command, one per line.
    pub(crate) fn lines(&self, args: &[&str]) -> Vec<Value> {
        lines(self.home.path(), args)
    }

    /// Asks again until the answers are as wanted.
    pub(crate) fn lines_until(
        &self,
        what: &str,
        args: &[&str],
        wanted: impl Fn(&[Value]) -> bool,
    ) -> Vec<Value> {
        let start = Instant::now();
        loop {
            let lines = self.lines(args);
            if wanted(&lines) {
                return lines;
            }
            assert!(start.elapsed() < PATIENCE, "{what} did not happen: {lines:#?}");
            std::thread::sleep(LOOK);
        }
    }

    /// What a command answers.
    pub(crate) fn say(&self, args: &[&str]) -> Value {
        say(self.home.path(), args)
    }

    /// The same with a variable of the environment.
    pub(crate) fn say_with(&self, (name, value): (&str, &str), args: &[&str]) -> Value {
        let mut command = command(self.home.path(), &[args, &["--json"]].concat());
        answers(args, &command.env(name, value).output().unwrap()).into_iter().next().unwrap()
    }

    /// What is wrong with a command.
    pub(crate) fn refused(&self, args: &[&str]) -> Value {
        self.refused_with(("CONCLAVE_NOTHING", ""), args)
    }

    /// The same with a variable of the environment.
    pub(crate) fn refused_with(&self, (name, value): (&str, &str), args: &[&str]) -> Value {
        let mut command = command(self.home.path(), &[args, &["--json"]].concat());
        let output = command.env(name, value).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        serde_json::from_slice(&output.stderr).unwrap()
    }

    /// The meeting, once it is as wanted.
    pub(crate) fn until(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        until(self.home.path(), what, wanted)
    }

    /// The same for who has more to show when it does not come to that.
    ///
    /// # Errors
    ///
    /// The meeting as it was at the end of all patience.
    pub(crate) fn met(&self, wanted: impl Fn(&Value) -> bool) -> Result<Value, Value> {
        met(self.home.path(), wanted)
    }
}

pub(crate) fn say(home: &Path, args: &[&str]) -> Value {
    lines(home, args).into_iter().next().unwrap()
}

fn lines(home: &Path, args: &[&str]) -> Vec<Value> {
    answers(args, &command(home, &[args, &["--json"]].concat()).output().unwrap())
}

fn answers(args: &[&str], output: &Output) -> Vec<Value> {
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {error}");
    let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
}

pub(crate) fn until(home: &Path, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    met(home, wanted).unwrap_or_else(|last| panic!("{what} did not happen: {last:#}"))
}

fn met(home: &Path, wanted: impl Fn(&Value) -> bool) -> Result<Value, Value> {
    let start = Instant::now();
    loop {
        let meeting = say(home, &["meeting", "show"]);
        if wanted(&meeting) {
            return Ok(meeting);
        }
        if start.elapsed() > PATIENCE {
            return Err(without_chat(meeting));
        }
        std::thread::sleep(LOOK);
    }
}

/// A meeting as a failing test shows it: nobody wants to read a thousand lines of chat.
pub(crate) fn without_chat(mut meeting: Value) -> Value {
    meeting["chat"] = meeting["chat"].as_array().map_or(0, Vec::len).into();
    meeting
}

/// Looks again until something holds.
pub(crate) fn eventually(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A consortium of one validator, which runs.
pub(crate) fn consortium(dir: &Path) -> (PathBuf, Running) {
    consortium_with(dir, &[])
}

/// The same, founded with further words.
pub(crate) fn consortium_with(dir: &Path, words: &[&str]) -> (PathBuf, Running) {
    let network = founded(dir, &[&["--validators", "1"], words].concat());
    (network, validator(dir, 0))
}

/// The network file of a consortium that is founded below `dir` with these words; nobody runs yet.
pub(crate) fn founded(dir: &Path, words: &[&str]) -> PathBuf {
    let net = dir.join("net");
    say(dir, &[&["network", "new", "--dir", net.to_str().unwrap()], words].concat());
    hold_all(&net);
    net.join("network.toml")
}

/// This validator of the consortium below `dir`, for the first time or again.
pub(crate) fn validator(dir: &Path, index: usize) -> Running {
    let home = dir.join("net").join(format!("validator-{index}"));
    start(dir, &["validator", "run", "--json", "--dir", home.to_str().unwrap()])
}
