//! Files between daemons that run.

use std::fs;

use serde_json::Value;

use crate::person::{Person, consortium};

fn together(people: &[&Person], count: usize) {
    for person in people {
        person.until("the key", |m| {
            let members = m["members"].as_array().unwrap();
            members.len() == count && members.iter().all(|m| m["key"] == "ok")
        });
    }
}

/// What a person sees of the newest file.
fn newest(meeting: &Value) -> &Value {
    meeting["files"].as_array().and_then(|files| files.last()).unwrap_or(&Value::Null)
}

#[test]
fn a_file_is_offered_to_who_is_in_fetched_and_gone_with_the_meeting_even_by_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let (network, _validator) = consortium(dir.path());
    let [ada, grace, alan] = ["Ada", "Grace", "Alan"].map(|name| Person::arrive(name, &network));
    ada.say(&["meeting", "create", "Budget", "--auto-admit"]);
    let meeting = ada.until("the invite", |m| m["invite"]["link"].is_string());
    let link = meeting["invite"]["link"].as_str().unwrap();
    grace.say(&["meeting", "join", link]);
    together(&[&ada, &grace], 2);

    let bytes: Vec<u8> = (0..300_000_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
    let path = dir.path().join("minutes of May.pdf");
    fs::write(&path, &bytes).unwrap();
    let sent = ada.say(&["meeting", "file", "send", path.to_str().unwrap()]);
    let id = sent["id"].as_str().unwrap();
    let offered = grace.until("the offer", |m| newest(m)["state"] == "offered");
    let seen = newest(&offered);
    assert_eq!((&seen["file"], &seen["name"]), (&"minutes of May.pdf".into(), &"Ada".into()));
    // Who comes later is offered nothing.
    alan.say(&["meeting", "join", link]);
    together(&[&ada, &grace, &alan], 3);
    assert!(alan.lines(&["meeting", "file", "list"]).is_empty());
    let refused = alan.refused(&["meeting", "file", "take", id]);
    assert!(refused["error"].as_str().unwrap().contains("no such file"), "{refused}");

    let into = dir.path().join("into");
    fs::create_dir(&into).unwrap();
    let into = into.to_str().unwrap();
    let taken = grace.say(&["meeting", "file", "take", id, "--dir", into]);
    assert!(fs::read(taken["file"].as_str().unwrap()).unwrap() == bytes);
    assert_eq!(newest(&grace.until("a meeting", |_| true))["state"], "here");
    ada.until("who has it", |m| newest(m)["text"].as_str().unwrap().contains("1 fetched"));

    // A long one, and the daemon that fetches it is killed.
    let long = dir.path().join("long.bin");
    fs::write(&long, vec![5; 8 << 20]).unwrap();
    let sent = ada.say(&["meeting", "file", "send", long.to_str().unwrap()]);
    let id = sent["id"].as_str().unwrap();
    grace.until("the offer", |m| newest(m)["id"] == id);
    grace.begin(&["meeting", "file", "take", id, "--dir", into]);
    let half = grace.until("some of it", |m| newest(m)["done"].as_u64().unwrap() > 200_000);
    assert_eq!(newest(&half)["state"], "receiving");
    ada.until("that it is fetched", |m| newest(m)["state"] == "sending");
    assert!(grace.home.path().join("files").exists());
    let grace = grace.killed_and_started();
    assert!(!grace.home.path().join("files").exists(), "what was left behind is removed");
    grace.say(&["meeting", "join", link]);
    grace.until("another seat", |m| {
        m["phase"] == "live" && m["members"].as_array().unwrap().len() > 2
    });
    assert!(grace.lines(&["meeting", "file", "list"]).is_empty(), "it has another seat");

    // Alan was in, and gets all of it; then the meeting ends, and nothing is left.
    let taken = alan.say(&["meeting", "file", "take", id, "--dir", into]);
    assert_eq!(fs::metadata(taken["file"].as_str().unwrap()).unwrap().len(), 8 << 20);
    ada.say(&["meeting", "end"]);
    for person in [&ada, &alan] {
        person.until("the end", |m| m["phase"] == "ended" && m["files"].is_null());
        let left = || fs::read_dir(person.home.path().join("files")).map_or(0, Iterator::count);
        crate::person::eventually("nothing is left on the disk", || left() == 0);
    }
}
