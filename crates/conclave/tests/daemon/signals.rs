//! What people expect in a meeting beside sound and picture, between daemons that run.

use serde_json::Value;

use crate::person::{Person, consortium};

/// The member that goes by `name`.
fn member<'a>(meeting: &'a Value, name: &str) -> &'a Value {
    meeting["members"].as_array().unwrap().iter().find(|one| one["name"] == name).unwrap()
}

/// Waits until both hold the newest key.
fn together(people: &[&Person], count: usize) {
    for person in people {
        person.until("the key", |m| {
            let members = m["members"].as_array().unwrap();
            members.len() == count && members.iter().all(|m| m["key"] == "ok")
        });
    }
}

/// Opens a meeting and answers its link.
fn open(person: &Person) -> String {
    person.say(&["meeting", "create", "Budget"]);
    let meeting = person.until("the invite", |m| m["invite"]["link"].is_string());
    meeting["invite"]["link"].as_str().unwrap().to_owned()
}

#[test]
fn hands_reactions_questions_and_recordings_are_seen_and_who_was_met_comes_in_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let (network, _validator) = consortium(dir.path());
    let [ada, grace, alan] = ["Ada", "Grace", "Alan"].map(|name| Person::arrive(name, &network));
    let link = open(&ada);
    for (number, person) in [&grace, &alan].into_iter().enumerate() {
        person.say(&["meeting", "join", &link]);
        let asks = ada.until("the request", |m| m["lobby"][0]["ready"] == true);
        let refused = ada.refused(&["meeting", "admit", "--known"]);
        assert!(refused["error"].as_str().unwrap().contains("met before"), "{refused}");
        ada.say(&["meeting", "admit", &asks["lobby"][0]["idx"].to_string()]);
        let inside = [&ada, &grace, &alan];
        together(&inside[..number + 2], number + 2);
    }
    let all = [&ada, &grace, &alan];

    grace.say(&["meeting", "hand", "up"]);
    for person in all {
        person.until("the hand", |m| member(m, "Grace")["hand_ms"].is_u64());
    }
    grace.say(&["meeting", "react", "🎉"]);
    for person in all {
        let seen = person.until("the reaction", |m| m["reactions"][0]["emoji"] == "🎉");
        assert_eq!(seen["reactions"][0]["name"], "Grace");
    }
    assert!(grace.refused(&["meeting", "react", "x"])["next"].as_str().unwrap().contains("👍"));

    let idx = member(&ada.until("a meeting", |_| true), "Alan")["idx"].to_string();
    grace.say(&["meeting", "ask", "unmute", &idx]);
    let asked = alan.until("the question", |m| m["asked"][0]["what"] == "unmute");
    assert_eq!(asked["asked"][0]["name"], "Grace");
    assert!(ada.until("a meeting", |_| true)["asked"].is_null(), "it was not for Ada");
    let refused = grace.refused(&["meeting", "ask", "mute", "--all"]);
    assert!(refused["error"].as_str().unwrap().contains("leader"), "{refused}");
    ada.say(&["meeting", "ask", "mute", "--all"]);
    for person in [&grace, &alan] {
        person.until("the question", |m| {
            m["asked"].as_array().is_some_and(|asked| asked.iter().any(|one| one["what"] == "mute"))
        });
    }
    // The leader takes a hand down; nothing else happens by a question.
    ada.say(&["meeting", "ask", "hand-down", "--all"]);
    for person in all {
        person.until("no hand", |m| member(m, "Grace")["hand_ms"].is_null());
    }

    alan.say(&["meeting", "record", "on"]);
    for person in all {
        person.until("the recording", |m| member(m, "Alan")["recording"] == true);
    }
    ada.until("the notice", |m| {
        let says =
            |one: &Value| one["text"].as_str().is_some_and(|text| text.contains("Alan records"));
        m["notices"].as_array().is_some_and(|all| all.iter().any(says))
    });
    alan.say(&["meeting", "record", "off"]);
    ada.until("no recording", |m| member(m, "Alan")["recording"].is_null());

    let quality = ada.until("a round trip", |m| member(m, "Grace")["quality"]["rtt_ms"].is_u64());
    let loss = member(&quality, "Grace")["quality"]["loss"].as_f64().unwrap();
    assert!((0.0..=1.0).contains(&loss), "{quality}");
    assert!(member(&quality, "Ada")["quality"].is_null(), "a link with oneself");
    ada.say(&["meeting", "end"]);
    for person in all {
        person.until("the end", |m| m["phase"] == "ended");
    }

    // Edsger is new, the others were met.
    let edsger = Person::arrive("Edsger", &network);
    let link = open(&ada);
    assert_eq!(ada.say(&["meeting", "policy"])["admit"], "ask");
    grace.say(&["meeting", "join", &link]);
    ada.until("the request", |m| m["lobby"][0]["ready"] == true);
    ada.say(&["meeting", "admit", "--known"]);
    together(&[&ada, &grace], 2);
    let refused = grace.refused(&["meeting", "policy", "met"]);
    assert!(refused["error"].as_str().unwrap().contains("leader"), "{refused}");
    ada.say(&["meeting", "policy", "met"]);
    edsger.say(&["meeting", "join", &link]);
    ada.until("the stranger waits", |m| m["lobby"][0]["name"] == "Edsger");
    alan.say(&["meeting", "join", &link]);
    together(&[&ada, &grace, &alan], 3);
    let waits = ada.until("a meeting", |_| true);
    assert_eq!(waits["lobby"][0]["name"], "Edsger", "who is new is asked about");
    ada.say(&["meeting", "policy", "everyone"]);
    together(&[&ada, &grace, &alan, &edsger], 4);
    ada.until("the rule on the ledger", |m| m["policy"]["admit"] == "everyone");
    ada.say(&["meeting", "policy", "ask"]);
    ada.until("the old rule", |m| m["policy"]["admit"] == "ask");
    ada.say(&["meeting", "end"]);
}
