//! The chair changes hands between daemons that run.

use std::time::Instant;

use serde_json::Value;

use crate::person::{Person, consortium};

/// Index of the member that goes by `name`.
fn idx(meeting: &Value, name: &str) -> String {
    let members = meeting["members"].as_array().unwrap();
    members.iter().find(|member| member["name"] == name).unwrap()["idx"].to_string()
}

fn leads(meeting: &Value, name: &str, members: usize) -> bool {
    let all = meeting["members"].as_array().unwrap();
    let leader = all.iter().find(|member| member["leader"] == true);
    let keys = all.iter().all(|member| member["key"] == "ok");
    leader.is_some_and(|leader| leader["name"] == name) && all.len() == members && keys
}

#[test]
fn the_chair_is_handed_over_voted_for_and_taken_from_a_leader_that_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let (network, _validator) = consortium(dir.path());
    let names = ["Ada", "Grace", "Alan", "Edsger"];
    let mut people: Vec<Person> = names.iter().map(|name| Person::arrive(name, &network)).collect();
    people[0].say(&["meeting", "create", "Budget"]);
    let meeting = people[0].until("the invite", |m| m["invite"]["link"].is_string());
    let link = meeting["invite"]["link"].as_str().unwrap();
    for (number, person) in people.iter().enumerate().skip(1) {
        person.say(&["meeting", "join", link]);
        let asks = people[0].until("the request", |m| m["lobby"][0]["ready"] == true);
        people[0].say(&["meeting", "admit", &asks["lobby"][0]["idx"].to_string()]);
        people[0].until("the key", |m| leads(m, "Ada", number + 1));
    }
    for person in &people {
        person.until("everybody", |m| leads(m, "Ada", 4));
    }
    let grace = idx(&people[0].until("a meeting", |_| true), "Grace");
    people[0].say(&["meeting", "appoint", &grace]);
    for person in &people {
        person.until("Grace leads", |m| leads(m, "Grace", 4) && m["term"] == 2);
    }
    let error = people[0].refused(&["meeting", "end"]);
    assert!(error["error"].as_str().unwrap().contains("leader"), "{error}");

    people[1].say(&["meeting", "lock"]);
    people[3].until("the lock", |m| m["locked"] == true);
    let refused = Person::arrive("Eve", &network).refused(&["meeting", "join", link]);
    assert_eq!(refused["error"], "the ledger refuses it: meeting is locked");
    people[1].say(&["meeting", "unlock"]);
    people[3].until("the open door", |m| m["locked"] == false);

    let alan = idx(&people[0].until("a meeting", |_| true), "Alan");
    for voter in [0, 2, 3] {
        people[voter].say(&["meeting", "vote", &alan]);
    }
    for person in &people {
        person.until("Alan leads", |m| leads(m, "Alan", 4) && m["term"] == 3);
    }
    let killed = Instant::now();
    drop(people.remove(2));
    for person in &people {
        person.until("Ada leads again", |m| {
            m["leader"] == 0 && m["term"] == 4 && m["epoch"].as_u64() > Some(4)
        });
    }
    println!("killed to the new key everywhere: {} ms", killed.elapsed().as_millis());
    for person in &people {
        person.until("Alan's seat is free", |m| leads(m, "Ada", 3));
    }
    people[0].say(&["meeting", "end"]);
    people[1].until("the end", |m| m["phase"] == "ended");
}

#[test]
fn invites_stay_good_when_the_chair_changes_hands() {
    let dir = tempfile::tempdir().unwrap();
    let (network, _validator) = consortium(dir.path());
    let names = ["Ada", "Grace", "Alan", "Edsger"];
    let people: Vec<Person> = names.iter().map(|name| Person::arrive(name, &network)).collect();
    people[0].say(&["meeting", "create", "Budget", "--auto-admit"]);
    let link = |person: &Person| {
        let meeting = person.until("the invite", |m| m["invite"]["link"].is_string());
        meeting["invite"]["link"].as_str().unwrap().to_owned()
    };
    let old = link(&people[0]);
    people[1].say(&["meeting", "join", &old]);
    for person in &people[..2] {
        person.until("the key, though nobody said so", |m| leads(m, "Ada", 2));
    }
    let grace = idx(&people[0].until("a meeting", |_| true), "Grace");
    people[0].say(&["meeting", "appoint", &grace]);
    people[1].until("Grace leads", |m| leads(m, "Grace", 2));
    people[0].until("no invite any more", |m| m["invite"].is_null() && leads(m, "Grace", 2));
    let new = link(&people[1]);
    assert_ne!(new, old);
    for (number, link) in [(2, &old), (3, &new)] {
        let preview = people[number].say(&["meeting", "join", link, "--preview"]);
        assert_eq!(preview["title"], "Budget");
        let checks = preview["checks"].as_array().unwrap();
        assert!(checks.iter().all(|check| check["ok"] == true), "{checks:?}");
        people[number].say(&["meeting", "join", link]);
        for person in &people[..=number] {
            person.until("the key", |m| leads(m, "Grace", number + 1));
        }
    }
    people[1].say(&["meeting", "end"]);
    people[0].until("the end", |m| m["phase"] == "ended");
}
