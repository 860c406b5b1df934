//! A sealed meeting between daemons that run.

use crate::person::{Person, consortium};

#[test]
fn in_a_sealed_meeting_people_know_each_other_and_the_ledger_does_not_know_them() {
    let dir = tempfile::tempdir().unwrap();
    let (network, _validator) = consortium(dir.path());
    let names = ["Ada", "Grace", "Alan"];
    let people: Vec<Person> = names.iter().map(|name| Person::arrive(name, &network)).collect();
    people[0].say(&["meeting", "create", "Budget", "--sealed"]);
    let meeting = people[0].until("the invite", |m| m["invite"]["link"].is_string());
    let link = meeting["invite"]["link"].as_str().unwrap();
    let preview = people[1].say(&["meeting", "join", link, "--preview"]);
    let checks = preview["checks"].as_array().unwrap();
    assert!(checks.iter().any(|check| check["name"] == "sealed" && check["ok"] == true));
    for person in &people[1..] {
        person.say(&["meeting", "join", link]);
        let asks = people[0].until("the request", |m| m["lobby"][0]["ready"] == true);
        let guest = &asks["lobby"][0];
        assert_eq!(guest["user"], person.say(&["identity", "show"])["user"]);
        let facts = guest["facts"].as_array().unwrap();
        assert!(facts.iter().any(|fact| fact["name"] == "bearer" && fact["ok"] == true));
        people[0].say(&["meeting", "admit", &guest["idx"].to_string()]);
        person.until("the key", |m| m["epoch"].as_u64() > Some(0));
    }
    for person in &people {
        let meeting = person.until("everybody by name", |m| {
            let members = m["members"].as_array().unwrap();
            let named = names.iter().all(|name| members.iter().any(|one| one["name"] == *name));
            named && members.len() == 3 && members.iter().all(|one| one["key"] == "ok")
        });
        assert_eq!(meeting["sealed"], true);
        for (who, name) in people.iter().zip(names) {
            let members = meeting["members"].as_array().unwrap();
            let member = members.iter().find(|member| member["name"] == name).unwrap();
            assert_eq!(member["user"], who.say(&["identity", "show"])["user"]);
            assert_eq!(member["hidden"] == true, name != "Ada");
        }
    }
    // Nothing that Grace did since she registered is on the ledger under her name.
    let history = people[1].lines(&["identity", "history"]);
    assert_eq!(history.len(), 1, "{history:?}");

    let idx = |name: &str| {
        let meeting = people[0].until("a meeting", |_| true);
        let members = meeting["members"].as_array().unwrap();
        members.iter().find(|member| member["name"] == name).unwrap()["idx"].to_string()
    };
    people[0].say(&["meeting", "kick", &idx("Grace"), "--ban"]);
    people[1].until("being told", |m| m["phase"] == "removed");
    people[1].say(&["meeting", "join", link]);
    let asks = people[0].until("another persona", |m| {
        let facts = m["lobby"][0]["facts"].as_array();
        facts.is_some_and(|facts| facts.iter().any(|fact| fact["name"] == "bearer"))
            && m["lobby"][0]["facts"][0]["ok"].is_boolean()
            && m["lobby"][0]["name"] == "Grace"
    });
    assert_eq!(asks["lobby"][0]["ready"], false);
    let error = people[0].refused(&["meeting", "admit", &asks["lobby"][0]["idx"].to_string()]);
    assert!(error["error"].is_string());
    people[0].say(&["meeting", "end"]);
    people[2].until("the end", |m| m["phase"] == "ended");
}
