//! A meeting is ended for all while the ledger is busy with something else of it.

use serde_json::Value;

use crate::person::{Person, consortium, validator};

fn members(meeting: &Value) -> usize {
    meeting["members"].as_array().unwrap().len()
}

/// Ada and Grace are in a meeting that Ada leads; its id.
fn meeting(ada: &Person, grace: &Person) -> String {
    let opened = ada.say(&["meeting", "create", "Budget", "--auto-admit"]);
    let meeting = ada.until("the invite", |m| m["invite"]["link"].is_string());
    grace.say(&["meeting", "join", meeting["invite"]["link"].as_str().unwrap()]);
    for person in [ada, grace] {
        person.until("the key", |m| m["phase"] == "live" && members(m) == 2);
    }
    let coded = |m: &Value| m["codes"]["epoch"].as_str().is_some_and(|code| !code.is_empty());
    ada.until("a confirmed key", coded);
    opened["mid"].as_str().unwrap().to_owned()
}

fn ends_on_the_ledger(ada: &Person, mid: &str, network: &str) {
    ada.until("the end", |m| m["phase"] == "ended");
    let look = ["ledger", "meeting", mid, "--network", network];
    ada.lines_until("the end on the ledger", &look, |lines| lines[0]["state"] == "ended");
}

#[test]
fn a_meeting_that_is_ended_as_somebody_leaves_is_over_on_the_ledger_too() {
    let dir = tempfile::tempdir().unwrap();
    let (network, _validator) = consortium(dir.path());
    let (ada, grace) = (Person::arrive("Ada", &network), Person::arrive("Grace", &network));
    let mid = meeting(&ada, &grace);
    grace.say(&["meeting", "leave"]);
    // The record of the next key is on its way.
    ada.until("the new key", |m| members(m) == 1);
    ada.say(&["meeting", "end"]);
    ends_on_the_ledger(&ada, &mid, network.to_str().unwrap());
}

#[test]
fn a_meeting_that_is_ended_while_the_ledger_stands_still_is_over_when_it_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let (network, running) = consortium(dir.path());
    let (ada, grace) = (Person::arrive("Ada", &network), Person::arrive("Grace", &network));
    let mid = meeting(&ada, &grace);
    let before = ada.until("the epoch", |_| true)["epoch"].as_u64().unwrap();
    drop(running);
    ada.until("the warning", |m| {
        let notices = m["notices"].as_array().unwrap();
        notices.iter().any(|notice| notice["text"] == "the ledger stands still")
    });
    grace.say(&["meeting", "leave"]);
    ada.until("a key without Grace", |m| m["epoch"].as_u64() > Some(before) && members(m) == 1);
    ada.say(&["meeting", "end"]);
    ada.until("the end here", |m| m["phase"] == "ended");
    let _again = validator(dir.path(), 0);
    ends_on_the_ledger(&ada, &mid, network.to_str().unwrap());
}
