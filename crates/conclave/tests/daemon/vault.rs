//! The key store of the operating system: GNOME Keyring on a session bus of the test's own.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use crate::person::{Person, command, consortium, say, start_with};

/// A session of a desktop whose key store is open; it ends when dropped, and the store with it.
struct Session {
    address: String,
    bus: Child,
}

impl Session {
    /// Logs in: what the store holds lies in `dir`.
    fn log_in(dir: &Path) -> Self {
        let needed = |error| panic!("a key store is needed (scripts/setup media): {error}");
        let mut bus = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--nopidfile", "--print-address"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(needed);
        let mut address = String::new();
        BufReader::new(bus.stdout.take().unwrap()).read_line(&mut address).unwrap();
        let session = Self { address: address.trim().to_owned(), bus };
        // It opens with the password, goes to the background once it is there, and ends with the bus.
        let mut store = Command::new("gnome-keyring-daemon")
            .args(["--unlock", "--components=secrets"])
            .env("DBUS_SESSION_BUS_ADDRESS", &session.address)
            .envs([("HOME", dir), ("XDG_DATA_HOME", dir), ("XDG_RUNTIME_DIR", dir)])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(needed);
        store.stdin.take().unwrap().write_all(b"what Ada logs in with").unwrap();
        assert!(store.wait().unwrap().success());
        session
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.bus.kill();
        let _ = self.bus.wait();
    }
}

#[test]
fn an_identity_opens_with_the_key_store_of_the_system_and_without_it_not() {
    let dir = tempfile::tempdir().unwrap();
    let (network, _validator) = consortium(dir.path());
    let (home, desktop) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let network = network.to_str().unwrap();
    let up = ["up", "--json", "--no-browser", "--network", network];
    let begin = |home: &Path, session: &Session| {
        let mut command = command(home, &up);
        command.env("DBUS_SESSION_BUS_ADDRESS", &session.address);
        start_with(command, &up)
    };

    let session = Session::log_in(desktop.path());
    let daemon = begin(home.path(), &session);
    let identity = say(home.path(), &["identity", "create", "Ada", "--key-store", "os"]);
    assert_eq!(identity["registered"], true);
    assert!(home.path().join("identity").exists());
    assert!(!home.path().join("identity.key").exists(), "the key is nowhere on the disk");
    drop((daemon, session));

    // Whoever has the home, and not the session.
    let mut stranger = command(home.path(), &up);
    let output = stranger.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let error: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert!(error["error"].as_str().unwrap().contains("key store of this system"), "{error}");
    assert!(error["next"].as_str().unwrap().contains("log in"), "{error}");

    let session = Session::log_in(desktop.path());
    let _daemon = begin(home.path(), &session);
    assert_eq!(say(home.path(), &["identity", "show"])["user"], identity["user"]);
    say(home.path(), &["identity", "device", "rotate"]);
    assert!(!home.path().join("identity.key").exists(), "a new key is kept as the old one was");

    // A second device of hers, kept the same way.
    let phone = tempfile::tempdir().unwrap();
    let _other = begin(phone.path(), &session);
    let offer = say(home.path(), &["identity", "device", "offer"]);
    let offer = offer["link"].as_str().unwrap();
    let answer = say(phone.path(), &["identity", "device", "accept", offer, "--key-store", "os"]);
    assert!(phone.path().join("identity").exists());
    assert!(!phone.path().join("identity.key").exists(), "the key is nowhere on the disk");
    say(home.path(), &["identity", "device", "add", answer["link"].as_str().unwrap()]);

    // Where there is no store nothing is begun.
    let grace = Person::unknown(network.as_ref());
    let refused = grace.refused(&["identity", "create", "Grace", "--key-store", "os"]);
    assert!(refused["next"].as_str().unwrap().contains("--key-store file"), "{refused}");
    assert_eq!(grace.say(&["identity", "create", "Grace", "--no-passphrase"])["registered"], true);
}
