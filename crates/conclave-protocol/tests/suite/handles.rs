//! Names that users claim: their form, first come, a year's rest.

use conclave_protocol::{identity::HANDLE_REST, *};

use crate::world::World;

#[test]
fn a_name_belongs_to_whoever_claims_it_first() {
    let mut world = World::new();
    let (ada, eve) = (world.person(1), world.person(2));
    let body = world.handle_body(&ada, "ada");
    let events = world.say(&ada, body).unwrap();
    assert_eq!(events, [Event::HandleClaimed { user: ada.user }]);
    assert_eq!(world.user(ada.user).handle.unwrap().as_str(), "ada");
    let body = world.handle_body(&eve, "ada");
    assert_eq!(world.say(&eve, body), Err(Refusal::HandleTaken));
    // For somebody else.
    let body = ClaimHandle { user: ada.user, ..world.handle_body(&eve, "eve") };
    assert_eq!(world.say(&eve, body), Err(Refusal::NotTheSigner));
}

#[test]
fn only_small_plain_letters_make_a_name() {
    let mut world = World::new();
    let ada = world.person(1);
    let long = "a".repeat(32);
    for (name, good) in [
        ("ada", true),
        ("0-9", true),
        ("a.b_c-d", true),
        (long.as_str(), true),
        ("ab", false),
        ("", false),
        (".ad", false),
        ("-ad", false),
        ("Ada", false),
        ("a da", false),
        ("ad\u{430}", false),
        ("ad\u{e4}", false),
        ("ada/", false),
    ] {
        let body = world.handle_body(&ada, name);
        let said = world.say(&ada, body).map(drop);
        assert_eq!(said, if good { Ok(()) } else { Err(Refusal::BadHandle) }, "{name}");
    }
}

#[test]
fn a_name_that_was_given_up_rests_for_a_year() {
    let mut world = World::new();
    let (ada, eve) = (world.person(1), world.person(2));
    for name in ["ada", "countess"] {
        let body = world.handle_body(&ada, name);
        world.say(&ada, body).unwrap();
    }
    world.wait(HANDLE_REST);
    let body = world.handle_body(&eve, "ada");
    assert_eq!(world.say(&eve, body), Err(Refusal::HandleTaken));
    // Its last user may have it back at any time.
    let body = world.handle_body(&ada, "ada");
    world.say(&ada, body).unwrap();
    let body = world.handle_body(&ada, "countess");
    world.say(&ada, body).unwrap();
    world.wait(HANDLE_REST + 1);
    let body = world.handle_body(&eve, "ada");
    world.say(&eve, body).unwrap();
    assert_eq!(world.user(eve.user).handle.unwrap().as_str(), "ada");
    let body = world.handle_body(&eve, "countess");
    assert_eq!(world.say(&eve, body), Err(Refusal::HandleTaken));
}

#[test]
fn the_name_of_a_retired_user_rests_too() {
    let mut world = World::new();
    let (ada, eve) = (world.person(1), world.person(2));
    let body = world.handle_body(&ada, "ada");
    world.say(&ada, body).unwrap();
    let body = world.revoke_body(&ada, ada.dev, 0);
    world.say(&ada, body).unwrap();
    assert_eq!(world.user(ada.user).handle, None);
    world.wait(HANDLE_REST);
    let body = world.handle_body(&eve, "ada");
    assert_eq!(world.say(&eve, body), Err(Refusal::HandleTaken));
    world.wait(1);
    let body = world.handle_body(&eve, "ada");
    world.say(&eve, body).unwrap();
}

#[test]
fn claiming_the_same_name_again_changes_nothing_but_the_history() {
    let mut world = World::new();
    let ada = world.person(1);
    let body = world.handle_body(&ada, "ada");
    world.say(&ada, body).unwrap();
    let name = Key::Handle(codec::Text::new("ada").unwrap());
    let before = world.state[&name].clone();
    world.wait(5);
    let body = world.handle_body(&ada, "ada");
    world.say(&ada, body).unwrap();
    assert_eq!(world.state[&name], before);
    assert_eq!(world.user(ada.user).seq, 2);
}
