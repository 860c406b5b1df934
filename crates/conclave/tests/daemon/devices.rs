//! One person, two machines: between daemons that run.

use std::{fs, path::Path, thread};

use serde_json::Value;

use crate::person::{Person, Running, consortium, eventually, founded, validator};

fn device<'a>(words: &[&'a str]) -> Vec<&'a str> {
    [&["identity", "device"], words].concat()
}

/// The second machine becomes one of the first person's; the link it answered with.
fn added(first: &Person, second: &Person) -> String {
    let offer = first.say(&device(&["offer"]));
    let offer = offer["link"].as_str().unwrap();
    let answer = second.say(&device(&["accept", offer, "--no-passphrase"]));
    let answer = answer["link"].as_str().unwrap();
    first.say(&device(&["add", answer]));
    let wanted = |lines: &[Value]| lines.len() == 2;
    let devices = second.lines_until("both devices", &device(&["list"]), wanted);
    assert!(devices.iter().all(|device| device["active"] == true));
    answer.to_owned()
}

#[test]
fn a_second_device_is_added_rotated_and_revoked_and_every_change_is_seen() {
    let dir = tempfile::tempdir().unwrap();
    let (network, _validator) = consortium(dir.path());
    let first = Person::arrive("Ada", &network);
    let second = Person::unknown(&network);

    let answer = added(&first, &second);
    let user = &first.say(&["identity", "show"])["user"];
    assert_eq!(second.say(&["identity", "show"])["user"], *user);
    let twice = first.refused(&device(&["add", &answer]));
    assert!(twice["error"].is_string(), "{twice}");

    let before = second.say(&["identity", "show"])["fingerprint"].clone();
    second.say(&device(&["rotate"]));
    assert_ne!(second.say(&["identity", "show"])["fingerprint"], before);
    // The first machine did not make this change, and says so until it is told to be right.
    let seen = |lines: &[Value]| lines.len() == 3;
    let history = first.lines_until("the history", &["identity", "history"], seen);
    assert_eq!(history.iter().filter(|change| change["mine"] == false).count(), 1, "{history:#?}");

    // The newer machine cannot throw out the older one; the older one can.
    let find = |me: bool| {
        let mut lines = first.lines(&device(&["list"])).into_iter();
        lines.find(|one| one["me"] == me).unwrap()["device"].as_str().unwrap().to_owned()
    };
    second.say(&device(&["revoke", &find(true)]));
    assert_eq!(second.lines(&["identity", "waits"]).len(), 1, "it says at once that this waits");
    let waits = first.lines_until("the wish", &["identity", "waits"], |lines| lines.len() == 1);
    assert_eq!((&waits[0]["what"], &waits[0]["mine"]), (&"revocation".into(), &false.into()));
    let by = waits[0]["by"].as_str().unwrap();
    first.say(&["identity", "cancel", by]);
    second.lines_until("the objection", &["identity", "waits"], |lines| lines.is_empty());
    assert!(first.lines(&device(&["list"])).iter().all(|device| device["active"] == true));
    first.say(&device(&["revoke", &find(false)]));
    assert!(first.lines(&device(&["list"])).iter().any(|one| one["active"] == false));
    let refused = second.refused(&["meeting", "create", "Budget"]);
    assert!(refused["error"].is_string(), "{refused}");
    second.until("the refusal", |m| m["phase"] == "failed");
}

#[test]
fn a_person_who_takes_another_name_on_one_device_comes_in_with_the_other_one_under_it() {
    let dir = tempfile::tempdir().unwrap();
    let (network, _validator) = consortium(dir.path());
    let (first, second) = (Person::arrive("Ada", &network), Person::unknown(&network));
    added(&first, &second);
    let grace = Person::arrive("Grace", &network);
    grace.say(&["meeting", "create", "Budget"]);
    let meeting = grace.until("the invite", |m| m["invite"]["link"].is_string());
    let link = meeting["invite"]["link"].as_str().unwrap();
    // What the leader sees of the second device, which then goes away again.
    let asks = |name: &str, said: &str| {
        second.say(&["meeting", "join", link]);
        grace.until("the request", |m| {
            let one = &m["lobby"][0];
            let says = |fact: &Value| {
                fact["name"] == "info"
                    && fact["ok"] == true
                    && fact["text"].as_str().unwrap().contains(said)
            };
            let checked = one["facts"].as_array().is_some_and(|facts| facts.iter().any(says));
            one["ready"] == true && one["name"] == name && checked
        });
        second.say(&["meeting", "leave"]);
        grace.until("the empty door", |m| m["lobby"].as_array().unwrap().is_empty());
    };

    first.say(&["identity", "rename", "Ada Lovelace"]);
    let show = ["identity", "show"];
    let renamed = |lines: &[Value]| lines[0]["info"]["text"] == "Ada Lovelace";
    second.lines_until("the new name", &show, renamed);
    asks("Ada Lovelace", "the name is the one on the ledger");

    // A name that the second device cannot open is not proven by it, and the person is told why.
    first.say(&["identity", "rename", "Countess", "--form", "commit"]);
    let told = |lines: &[Value]| {
        let changes = lines[0]["unexplained"].as_array().unwrap();
        let says = |change: &Value| change["text"].as_str().unwrap().contains("give the name here");
        changes.iter().any(says)
    };
    second.lines_until("the warning", &show, told);
    asks("Ada Lovelace", "it is what the guest says");
    // It stays in the form that the ledger has, which is not the one that this device knew.
    second.say(&["identity", "rename", "Countess"]);
    asks("Countess", "the name is the one committed to on the ledger");
}

/// Does what writes the key file twice. The second time fails, which leaves on the disk what a kill
/// between the two would leave.
fn half_done(person: &Person, args: &[&str], dir: &Path, other: Running) -> Running {
    let path = person.home.path().join("identity");
    let aside = person.home.path().join("aside");
    let before = fs::read(&path).unwrap();
    // Without one of two validators nothing becomes final.
    drop(other);
    let other = thread::scope(|scope| {
        let refused = scope.spawn(|| person.refused(args));
        eventually("the first of two writes", || fs::read(&path).unwrap() != before);
        fs::rename(&path, &aside).unwrap();
        fs::create_dir(&path).unwrap();
        let other = validator(dir, 1);
        let refused = refused.join().unwrap();
        assert!(refused["error"].as_str().unwrap().contains("identity file"), "{refused}");
        other
    });
    fs::remove_dir(&path).unwrap();
    fs::rename(&aside, &path).unwrap();
    other
}

#[test]
fn a_kill_between_two_writes_costs_neither_whom_one_met_nor_the_name() {
    let dir = tempfile::tempdir().unwrap();
    let network = founded(dir.path(), &["--validators", "2"]);
    let (_one, other) = (validator(dir.path(), 0), validator(dir.path(), 1));
    let (ada, grace) = (Person::arrive("Ada", &network), Person::arrive("Grace", &network));
    let opened = ada.say(&["meeting", "create", "Budget", "--auto-admit"]);
    let meeting = ada.until("the invite", |m| m["invite"]["link"].is_string());
    grace.say(&["meeting", "join", meeting["invite"]["link"].as_str().unwrap()]);
    let met = |lines: &[Value]| lines.len() == 1 && lines[0]["name"] == "Grace";
    let contacts = ["identity", "contacts"];
    ada.lines_until("the acquaintance", &contacts, met);
    ada.say(&["meeting", "end"]);
    ada.until("the end", |m| m["phase"] == "ended");
    // Nothing is on its way to the ledger any more.
    let mid = opened["mid"].as_str().unwrap();
    let look = ["ledger", "meeting", mid, "--network", network.to_str().unwrap()];
    ada.lines_until("the end on the ledger", &look, |lines| lines[0]["state"] == "ended");

    let show = ["identity", "show"];
    let before = ada.say(&show)["fingerprint"].clone();
    let other = half_done(&ada, &device(&["rotate"]), dir.path(), other);
    let ada = ada.killed_and_started();
    ada.lines_until("the new key", &show, |lines| lines[0]["fingerprint"] != before);
    assert!(met(&ada.lines(&contacts)));

    let rename = ["identity", "rename", "Countess", "--form", "commit"];
    let _other = half_done(&ada, &rename, dir.path(), other);
    let ada = ada.killed_and_started();
    let renamed = |lines: &[Value]| {
        let info = &lines[0]["info"];
        (&info["text"], &info["form"]) == (&"Countess".into(), &"commit".into())
    };
    ada.lines_until("the new name", &show, renamed);
    assert!(met(&ada.lines(&contacts)));
    let shown = ada.say(&["identity", "disclose"]);
    let check = ["identity", "check", shown["link"].as_str().unwrap()];
    let proven = grace.say(&check);
    assert_eq!((&proven["ok"], &proven["shown"]), (&true.into(), &"Countess".into()));
}
