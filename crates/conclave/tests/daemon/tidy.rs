//! What meetings that are long over left in the state is cleared away: by itself, and by hand.

use serde_json::{Value, json};

use crate::person::{Person, consortium_with};

#[test]
fn old_meetings_are_cleared_away_by_themselves_and_by_hand() {
    let dir = tempfile::tempdir().unwrap();
    let (network, _validator) = consortium_with(dir.path(), &["--retention", "4"]);
    let network = network.to_str().unwrap();
    let (ada, grace) =
        (Person::arrive("Ada", network.as_ref()), Person::arrive("Grace", network.as_ref()));
    let holds = || {
        let mid = ada.say(&["meeting", "create", "Budget"])["mid"].as_str().unwrap().to_owned();
        ada.until("the meeting", |m| m["phase"] == "live" && m["mid"] == json!(mid));
        mid
    };
    let ends = || {
        ada.say(&["meeting", "end"]);
        ada.until("the end", |m| m["phase"] == "ended");
    };
    let is_cleared = |lines: &[Value]| lines[0]["pruned"] == true && lines[0]["state"] == "ended";

    // While Ada is in another meeting her device rests, so a stranger is first.
    let first = holds();
    ends();
    let second = holds();
    let by_hand = |mid: &str| grace.say(&["ledger", "prune", mid]);
    let is_done = |lines: &[Value]| lines[0]["left"] == "name";
    let done = grace.lines_until("clearing away", &["ledger", "prune", &first], is_done);
    assert_eq!(done[0], json!({ "meeting": first, "left": "name", "steps": 2, "due_ms": 0 }));
    assert_eq!(by_hand(&first)["steps"], 0, "it is done once");
    let look = ["ledger", "meeting", &first, "--network", network];
    assert!(is_cleared(&grace.lines(&look)));

    let kept = by_hand(&second);
    assert_eq!((&kept["left"], &kept["steps"]), (&json!("all"), &json!(0)));
    assert!(kept["due_ms"].as_u64().unwrap() > 1_000_000_000_000, "{kept}");
    assert_eq!(by_hand(&"ab".repeat(32))["left"], "nothing");
    assert!(grace.refused(&["ledger", "prune", "abc"])["next"].is_string());
    // Grace was in no meeting, so there is nothing that her own device would clear away.
    assert_eq!(grace.say(&["ledger", "prune"])["meeting"], Value::Null);

    // Once Ada is in none, her device clears hers away without being asked.
    ends();
    let look = ["ledger", "meeting", &second, "--network", network];
    ada.lines_until("clearing away by itself", &look, is_cleared);
}
