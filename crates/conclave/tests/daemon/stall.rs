//! The ledger goes away while daemons are in a meeting, and comes back.

use serde_json::Value;

use crate::person::{Person, consortium, validator};

fn members(meeting: &Value) -> usize {
    meeting["members"].as_array().unwrap().len()
}

#[test]
fn people_go_without_the_ledger_and_it_confirms_that_when_it_is_back() {
    let dir = tempfile::tempdir().unwrap();
    let (network, running) = consortium(dir.path());
    let names = ["Ada", "Grace", "Alan", "Edsger"];
    let people: Vec<Person> = names.iter().map(|name| Person::arrive(name, &network)).collect();
    let [ada, grace, alan, edsger] = people.as_slice() else { panic!("four people") };
    ada.say(&["meeting", "create", "Budget"]);
    let meeting = ada.until("the invite", |m| m["invite"]["link"].is_string());
    let link = meeting["invite"]["link"].as_str().unwrap();
    for person in [grace, alan] {
        person.say(&["meeting", "join", link]);
        let asks = ada.until("the request", |m| m["lobby"][0]["ready"] == true);
        ada.say(&["meeting", "admit", &asks["lobby"][0]["idx"].to_string()]);
        person.until("the key", |m| m["phase"] == "live");
    }
    edsger.say(&["meeting", "join", link]);
    let asks = ada.until("the request", |m| m["lobby"][0]["ready"] == true);
    let waiting = asks["lobby"][0]["idx"].to_string();
    let coded = |m: &Value| m["codes"]["epoch"].as_str().is_some_and(|code| !code.is_empty());
    ada.until("a confirmed key", |m| members(m) == 3 && coded(m));

    drop(running);
    for person in [ada, grace] {
        person.until("the warning", |m| {
            let notices = m["notices"].as_array().unwrap();
            notices.iter().any(|notice| notice["text"] == "the ledger stands still")
        });
    }
    let before = ada.until("the epoch", |_| true)["epoch"].as_u64().unwrap();
    alan.say(&["meeting", "leave"]);
    for person in [ada, grace] {
        let meeting = person
            .until("a key without Alan", |m| m["epoch"].as_u64() > Some(before) && members(m) == 2);
        assert_eq!(meeting["provisional"], true, "{meeting:#}");
    }
    ada.say(&["meeting", "chat", "The ledger has gone"]);
    grace.until("the line", |m| m["chat"][0]["text"] == "The ledger has gone");
    let error = ada.refused(&["meeting", "admit", &waiting]);
    assert!(error["error"].as_str().unwrap().contains("the ledger stands still"), "{error}");

    let _again = validator(dir.path(), 0);
    for person in [ada, grace] {
        person.until("the confirmation", |m| coded(m) && m["provisional"].is_null());
    }
    ada.say(&["meeting", "admit", &waiting]);
    edsger.until("coming in", |m| m["phase"] == "live" && members(m) == 3);
    ada.say(&["meeting", "end"]);
    edsger.until("the end", |m| m["phase"] == "ended");
}
