//! Names and the way back, between daemons that run.

use crate::person::{Person, consortium};

fn recovery<'a>(words: &[&'a str]) -> Vec<&'a str> {
    [&["identity", "recovery"], words].concat()
}

#[test]
fn a_person_claims_a_name_loses_every_device_and_comes_back_with_a_sheet() {
    let dir = tempfile::tempdir().unwrap();
    let (network, _validator) = consortium(dir.path());
    let ada = Person::unknown(&network);
    let create =
        ["identity", "create", "Ada", "--form", "commit", "--key", "ed448", "--no-passphrase"];
    let identity = ada.say(&create);
    assert_eq!((&identity["registered"], &identity["key"]), (&true.into(), &"ed448".into()));
    let user = identity["user"].as_str().unwrap().to_owned();
    let eve = Person::arrive("Eve", &network);

    ada.say(&["identity", "handle", "ada"]);
    let taken = eve.refused(&["identity", "handle", "ada"]);
    assert!(taken["error"].as_str().unwrap().contains("taken"), "{taken}");
    ada.lines_until("the handle", &["identity", "show"], |shown| shown[0]["handle"] == "ada");

    // What is on the sheet counts once it is kept, and wrong words never.
    let sheet = ada.say(&recovery(&["sheet"]));
    let words = sheet["words"].as_str().unwrap();
    let one_less = words.rsplit_once(' ').unwrap().0;
    let refused = ada.refused_with(words_are(one_less), &recovery(&["keep"]));
    assert!(refused["error"].as_str().unwrap().contains("24 words"), "{refused}");
    let nobody = Person::unknown(&network);
    let come_back = recovery(&["use", "--name", "Ada again", "--no-passphrase"]);
    let early = nobody.refused_with(words_are(words), &come_back);
    assert!(early["error"].as_str().unwrap().contains("no user"), "{early}");
    ada.say_with(words_are(words), &recovery(&["keep"]));
    ada.lines_until("the key", &["identity", "show"], |shown| shown[0]["recovery"] == true);

    // While a device of hers is there, she can object to whoever found the sheet.
    let thief = Person::unknown(&network);
    let asked = thief.say_with(words_are(words), &come_back);
    assert_eq!((&asked["registered"], &asked["user"]), (&false.into(), &user.as_str().into()));
    let waits = ada.lines_until("the wish", &["identity", "waits"], |lines| lines.len() == 1);
    assert_eq!((&waits[0]["what"], &waits[0]["may_cancel"]), (&"recovery".into(), &true.into()));
    thief.lines_until("her own wish", &["identity", "waits"], |lines| lines.len() == 1);
    ada.say(&["identity", "cancel", waits[0]["by"].as_str().unwrap()]);
    thief.lines_until("the objection", &["identity", "waits"], |lines| lines.is_empty());

    // Without any device there is nobody to ask.
    let device = ada.say(&["identity", "show"])["device"].as_str().unwrap().to_owned();
    ada.say(&["identity", "device", "revoke", &device]);
    let back = nobody.say_with(words_are(words), &come_back);
    assert_eq!((&back["registered"], &back["user"]), (&true.into(), &user.as_str().into()));
    // The name that the ledger hid was lost with the device; the new one takes its place, and she
    // leads a meeting under it.
    let history = nobody.lines_until("the name", &["identity", "history"], |lines| {
        lines.iter().any(|change| change["text"] == "the info was replaced")
    });
    assert!(history.iter().any(|change| change["text"].as_str().unwrap().contains("recovery")));
    let link = nobody.say(&["identity", "disclose"]);
    let found = eve.lines_until(
        "the proof of the name",
        &["identity", "check", link["link"].as_str().unwrap()],
        |lines| lines[0]["ok"] == true,
    );
    assert_eq!(found[0]["shown"], "Ada again");
    nobody.say(&["meeting", "create", "Budget"]);
    nobody.until("the meeting", |meeting| meeting["phase"] == "live");
}

fn words_are(words: &str) -> (&str, &str) {
    ("CONCLAVE_RECOVERY_WORDS", words)
}
