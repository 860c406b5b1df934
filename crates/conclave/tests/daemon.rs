//! Daemons that run, driven from the command line.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

/// How long anything may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process of this program that is killed when dropped, as by `kill -9`.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn command(home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_conclave"));
    command.args(args).env("CONCLAVE_HOME", home).env_remove("CONCLAVE_PASSPHRASE");
    command.stdin(Stdio::null());
    command
}

/// Starts a process and waits until it says that it is ready.
fn start(home: &Path, args: &[&str]) -> Running {
    let mut child =
        command(home, args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let running = Running(child);
    let mut said = lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    assert!(said.any(|value| value["event"] == "ready"), "{args:?} ended before it was ready");
    running
}

/// One person with a home of their own.
struct Person {
    home: TempDir,
    _daemon: Running,
}

impl Person {
    fn arrive(name: &str, network: &Path) -> Self {
        let home = tempfile::tempdir().unwrap();
        let network = network.to_str().unwrap();
        let up = ["up", "--json", "--no-browser", "--network", network];
        let daemon = start(home.path(), &up);
        let person = Self { home, _daemon: daemon };
        let identity = person.say(&["identity", "create", name, "--no-passphrase"]);
        assert_eq!(identity["registered"], true);
        person
    }

    /// What a command answers.
    fn say(&self, args: &[&str]) -> Value {
        say(self.home.path(), args)
    }

    /// What is wrong with a command.
    fn refused(&self, args: &[&str]) -> Value {
        let output = command(self.home.path(), &[args, &["--json"]].concat()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        serde_json::from_slice(&output.stderr).unwrap()
    }

    /// The meeting, once it is as wanted.
    fn until(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        until(self.home.path(), what, wanted)
    }
}

fn say(home: &Path, args: &[&str]) -> Value {
    let output = command(home, &[args, &["--json"]].concat()).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {error}");
    let line = output.stdout.split(|byte| *byte == b'\n').next().unwrap();
    serde_json::from_slice(line).unwrap()
}

fn until(home: &Path, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let start = Instant::now();
    loop {
        let meeting = say(home, &["meeting", "show"]);
        if wanted(&meeting) {
            return meeting;
        }
        assert!(start.elapsed() < PATIENCE, "{what} did not happen: {meeting:#}");
    }
}

/// A consortium of one validator, which runs.
fn consortium(dir: &Path) -> (PathBuf, Running) {
    let net = dir.join("net");
    let path = net.to_str().unwrap();
    say(dir, &["network", "new", "--validators", "1", "--dir", path]);
    let validator = net.join("validator-0");
    let run = ["validator", "run", "--json", "--dir", validator.to_str().unwrap()];
    (net.join("network.toml"), start(dir, &run))
}

#[test]
fn without_a_network_one_starts_by_itself_and_outlives_a_kill() {
    let home = tempfile::tempdir().unwrap();
    let up = ["up", "--json", "--no-browser"];
    let daemon = start(home.path(), &up);
    let identity = say(home.path(), &["identity", "create", "Ada", "--no-passphrase"]);
    assert_eq!(identity["registered"], true);
    drop(daemon);

    let _daemon = start(home.path(), &up);
    let begun = Instant::now();
    while say(home.path(), &["identity", "show"])["registered"] != true {
        assert!(begun.elapsed() < PATIENCE, "the ledger has forgotten the identity");
    }
    assert_eq!(say(home.path(), &["identity", "show"])["user"], identity["user"]);
    let opened = say(home.path(), &["meeting", "create", "Budget"]);
    until(home.path(), "the meeting", |m| m["phase"] == "live" && m["mid"] == opened["mid"]);
    say(home.path(), &["meeting", "end"]);
    until(home.path(), "the end", |m| m["phase"] == "ended");
    assert_eq!(say(home.path(), &["meeting", "list"])["mid"], opened["mid"]);
}

#[test]
fn a_whole_meeting_is_held_from_the_command_line() {
    let dir = tempfile::tempdir().unwrap();
    let (network, _validator) = consortium(dir.path());
    let leader = Person::arrive("Ada", &network);
    let guest = Person::arrive("Grace", &network);

    leader.say(&["meeting", "create", "Budget"]);
    let meeting = leader.until("the invite", |m| m["invite"]["link"].is_string());
    let link = meeting["invite"]["link"].as_str().unwrap();
    let preview = guest.say(&["meeting", "join", link, "--preview"]);
    assert_eq!(preview["title"], "Budget");
    assert!(preview["checks"].as_array().unwrap().iter().all(|check| check["ok"] == true));

    let admit = || {
        guest.say(&["meeting", "join", link]);
        let asks = leader.until("the request", |m| m["lobby"][0]["ready"] == true);
        let idx = asks["lobby"][0]["idx"].to_string();
        leader.say(&["meeting", "admit", &idx]);
        for person in [&leader, &guest] {
            person.until("the key", |m| {
                let members = m["members"].as_array().unwrap();
                members.len() == 2 && members.iter().all(|m| m["key"] == "ok")
            });
        }
        idx
    };
    admit();
    guest.say(&["meeting", "chat", "Hello, Ada"]);
    leader.until("the line", |m| m["chat"][0]["text"] == "Hello, Ada");
    guest.say(&["meeting", "leave"]);
    guest.until("leaving", |m| m["phase"] == "left");
    leader.until("the new key", |m| m["members"].as_array().unwrap().len() == 1);

    let idx = admit();
    leader.say(&["meeting", "kick", &idx, "--ban"]);
    guest.until("being told", |m| m["phase"] == "removed");
    guest.say(&["meeting", "join", link]);
    guest.until("the refusal", |m| m["phase"] == "failed");
    let error = guest.refused(&["meeting", "chat", "Hello?"]);
    assert!(error["error"].is_string() && error["next"].is_string(), "{error}");
    leader.say(&["meeting", "end"]);
    leader.until("the end", |m| m["phase"] == "ended");
}
