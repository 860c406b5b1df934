//! Daemons that run, driven from the command line.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod bots;
mod chair;
mod devices;
mod ending;
mod files;
mod person;
#[path = "../shared/ports.rs"]
mod ports;
mod recovery;
mod sealed;
mod set;
mod signals;
mod sound;
mod stall;
mod tidy;
mod twice;
mod vault;

use std::time::Instant;

use conclave_protocol::invite::{Checkpoint, Invite};
use person::{PATIENCE, Person, consortium, consortium_with, say, start, until};

#[test]
fn without_a_network_one_starts_by_itself_and_outlives_a_kill() {
    let home = tempfile::tempdir().unwrap();
    let up = ["up", "--json", "--no-browser"];
    let daemon = start(home.path(), &up);
    let identity = say(home.path(), &["identity", "create", "Ada", "--no-passphrase"]);
    assert_eq!(identity["registered"], true);
    #[cfg(target_os = "linux")]
    {
        let limits = daemon.proc("limits");
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        let words: Vec<&str> = core.split_whitespace().collect();
        assert_eq!(words[4..6], ["0", "0"], "no core dump holds a key: {core}");
        assert!(daemon.is_closed(), "no debugger reads a key");
    }
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

/// In a sealed meeting a guest's persona comes in the same way, and no validator learns its address.
#[test]
fn a_newcomer_works_for_its_entry_where_the_network_takes_it() {
    let dir = tempfile::tempdir().unwrap();
    let (network, _validator) = consortium_with(dir.path(), &["--work", "10"]);
    let (ada, grace) = (Person::unknown(&network), Person::arrive("Grace", &network));
    let identity = ada.say(&["identity", "create", "Ada", "--work", "--no-passphrase"]);
    assert_eq!(identity["registered"], true);
    for (person, how) in [(&ada, "let in by work"), (&grace, "let in by validator")] {
        let known = |lines: &[serde_json::Value]| lines.len() == 1;
        let history = person.lines_until("the history", &["identity", "history"], known);
        assert!(history[0]["text"].as_str().unwrap().contains(how), "{history:?}");
    }
    ada.say(&["meeting", "create", "Budget", "--sealed", "--auto-admit"]);
    let meeting = ada.until("the invite", |m| m["invite"]["link"].is_string());
    grace.say(&["meeting", "join", meeting["invite"]["link"].as_str().unwrap()]);
    grace.until("the key", |m| m["phase"] == "live");

    let dir = tempfile::tempdir().unwrap();
    let (network, _validator) = consortium(dir.path());
    let alan = Person::unknown(&network);
    let refused = alan.refused(&["identity", "create", "Alan", "--work", "--no-passphrase"]);
    assert!(refused["error"].as_str().unwrap().contains("takes no work"), "{refused}");
    assert_eq!(alan.say(&["identity", "create", "Alan", "--no-passphrase"])["registered"], true);
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
    refuses_another_history(&guest, link);
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
    let error = guest.refused(&["meeting", "join", link]);
    assert!(error["error"].as_str().unwrap().contains("banned"), "{error}");
    let error = guest.refused(&["meeting", "chat", "Hello?"]);
    assert!(error["error"].is_string() && error["next"].is_string(), "{error}");
    leader.say(&["meeting", "end"]);
    leader.until("the end", |m| m["phase"] == "ended");
}

/// An invite that knows another block than the ledger has, and one that knows a later one, lead
/// nowhere.
fn refuses_another_history(guest: &Person, link: &str) {
    let refused = |change: fn(&mut Checkpoint), preview: &[&str]| {
        let mut invite: Invite = link.parse().unwrap();
        change(&mut invite.checkpoint);
        let refused = guest.refused(&[&["meeting", "join", &invite.to_string()], preview].concat());
        refused["error"].as_str().unwrap().to_owned()
    };
    for preview in [&[][..], &["--preview"]] {
        let error = refused(|known| known.hash.0[0] ^= 1, preview);
        assert!(error.contains("another block"), "{error}");
    }
    let error = refused(|known| known.height.0 = u64::MAX, &["--preview"]);
    assert!(error.contains("not that far"), "{error}");
}
