//! One person, two machines: between daemons that run.

use crate::person::{Person, consortium};

fn device<'a>(words: &[&'a str]) -> Vec<&'a str> {
    [&["identity", "device"], words].concat()
}

#[test]
fn a_second_device_is_added_rotated_and_revoked_and_every_change_is_seen() {
    let dir = tempfile::tempdir().unwrap();
    let (network, _validator) = consortium(dir.path());
    let first = Person::arrive("Ada", &network);
    let second = Person::unknown(&network);

    let offer = first.say(&device(&["offer"]));
    let offer = offer["link"].as_str().unwrap();
    let answer = second.say(&device(&["accept", offer, "--no-passphrase"]));
    let answer = answer["link"].as_str().unwrap();
    first.say(&device(&["add", answer]));
    let wanted = |lines: &[serde_json::Value]| lines.len() == 2;
    let devices = second.lines_until("both devices", &device(&["list"]), wanted);
    assert!(devices.iter().all(|device| device["active"] == true));
    let user = &first.say(&["identity", "show"])["user"];
    assert_eq!(second.say(&["identity", "show"])["user"], *user);
    let twice = first.refused(&device(&["add", answer]));
    assert!(twice["error"].is_string(), "{twice}");

    let before = second.say(&["identity", "show"])["fingerprint"].clone();
    second.say(&device(&["rotate"]));
    assert_ne!(second.say(&["identity", "show"])["fingerprint"], before);
    // The first machine did not make this change, and says so until it is told to be right.
    let seen = |lines: &[serde_json::Value]| lines.len() == 3;
    let history = first.lines_until("the history", &["identity", "history"], seen);
    assert_eq!(history.iter().filter(|change| change["mine"] == false).count(), 1, "{history:#?}");

    // The newer machine cannot throw out the older one; the older one can.
    let find = |me: bool| {
        let mut lines = first.lines(&device(&["list"])).into_iter();
        lines.find(|one| one["me"] == me).unwrap()["device"].as_str().unwrap().to_owned()
    };
    second.say(&device(&["revoke", &find(true)]));
    let waits = first.lines_until("the wish", &["identity", "waits"], |lines| lines.len() == 1);
    assert_eq!((&waits[0]["what"], &waits[0]["mine"]), (&"revocation".into(), &false.into()));
    let by = waits[0]["by"].as_str().unwrap();
    first.say(&["identity", "cancel", by]);
    second.lines_until("the objection", &["identity", "waits"], |lines| lines.is_empty());
    assert!(first.lines(&device(&["list"])).iter().all(|device| device["active"] == true));
    first.say(&device(&["revoke", &find(false)]));
    let revoked = |lines: &[serde_json::Value]| lines.iter().any(|one| one["active"] == false);
    first.lines_until("the revocation", &device(&["list"]), revoked);
    second.say(&["meeting", "create", "Budget"]);
    second.until("the refusal", |m| m["phase"] == "failed");
}
