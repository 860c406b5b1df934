//! A second daemon in one home.

use std::process::Output;

use serde_json::Value;

use crate::person::{Person, command, consortium, founded};

/// What one more `conclave up` in that home does. It ends by itself, for the home is taken.
fn again(person: &Person, words: &[&str]) -> Output {
    let words = [&["up", "--json", "--no-browser"], words].concat();
    command(person.home.path(), &words).output().unwrap()
}

#[test]
fn a_second_start_finds_the_daemon_that_runs_and_takes_nothing_from_it() {
    let dir = tempfile::tempdir().unwrap();
    let (network, _validator) = consortium(dir.path());
    let ada = Person::arrive("Ada", &network);
    let file = || std::fs::read(ada.home.path().join("daemon.json")).unwrap();
    let before = file();
    let daemon: Value = serde_json::from_slice(&before).unwrap();
    let port = daemon["port"].to_string();

    for words in [&[][..], &["--network", network.to_str().unwrap()], &["--port", &port]] {
        let output = again(&ada, words);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&said["event"], &said["port"]), (&"running".into(), &daemon["port"]));
        let token = daemon["token"].as_str().unwrap();
        assert_eq!(said["url"], format!("http://127.0.0.1:{port}/#token={token}"));
    }
    let other_dir = tempfile::tempdir().unwrap();
    let other = founded(other_dir.path(), &["--validators", "1"]);
    for (words, why) in [
        (&["--port", "1"][..], "at port"),
        (&["--dev"], "in the network"),
        (&["--network", other.to_str().unwrap()], "in the network"),
        (&["--ethereum", "http://127.0.0.1:1"], "endpoints"),
    ] {
        let output = again(&ada, words);
        assert_eq!(output.status.code(), Some(1), "{words:?}");
        let error: Value = serde_json::from_slice(&output.stderr).unwrap();
        assert!(error["error"].as_str().unwrap().contains(why), "{error}");
        assert!(error["next"].as_str().unwrap().contains("--home"), "{error}");
    }
    assert_eq!(file(), before);
    assert_eq!(ada.say(&["identity", "show"])["registered"], true);

    // Whoever was killed holds nothing any more, though its file is still there.
    let ada = ada.killed_and_started();
    assert_eq!(ada.say(&["identity", "show"])["registered"], true);
}
