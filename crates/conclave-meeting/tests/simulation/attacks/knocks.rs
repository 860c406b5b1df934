//! Guests that are not who they say, and what the leader is shown of them.

use conclave_meeting::{
    session::{
        Command, CommandError, Event, Fact, FactName, Freshness, Input, Knocker, MemberView,
    },
    wire::{Knock, Name, PeerMessage},
};
use conclave_protocol::{
    Context, Ed25519Signer, MemberIdx, Signer, UserInfo, codec::Text, invite::InviteSecret,
};

use crate::world::{Net, World};

/// Changes the knock of device 1 on its way and returns the failed checks.
fn failed_facts(change: impl Fn(&mut Knock, &World)) -> (World, Vec<FactName>) {
    let mut world = World::new(60, 3, Net::GOOD);
    world.lead();
    world.run(1_000);
    world.hold = true;
    world.join(1);
    world.run(2_500);
    let knock =
        world.messages.iter().find_map(|(_, _, bytes)| match PeerMessage::from_bytes(bytes) {
            Ok(PeerMessage::Knock(knock)) => Some(knock),
            _ => None,
        });
    let mut knock = knock.unwrap();
    change(&mut knock, &world);
    let npk = world.npk(1);
    world.give(0, Input::Message { npk, bytes: PeerMessage::Knock(knock).to_bytes() });
    let facts = last_facts(&world);
    (world, facts)
}

fn last_knocker(world: &World) -> Knocker {
    let knocker = world.devices[0].events.iter().rev().find_map(|(_, event)| match event {
        Event::RequestVerified(knocker) => Some(knocker.clone()),
        _ => None,
    });
    knocker.unwrap()
}

fn last_facts(world: &World) -> Vec<FactName> {
    let failed = last_knocker(world).facts.into_iter().filter(|Fact { ok, .. }| !ok);
    failed.map(|fact| fact.name).collect()
}

fn refuses_to_admit(mut world: World) {
    let idx = MemberIdx(1);
    assert_eq!(world.try_command(0, Command::Admit { idx }), Err(CommandError::NotVerified));
}

#[test]
fn an_honest_knock_passes_every_check() {
    let (mut world, failed) = failed_facts(|_, _| {});
    assert!(failed.is_empty());
    world.command(0, Command::Admit { idx: MemberIdx(1) });
}

#[test]
fn a_knock_signed_by_another_device_fails_the_signature() {
    let (world, failed) = failed_facts(|knock, world| {
        let chain = world.ledger.rules().chain_id;
        knock.sig = world.devices[2].signer.sign(Context::Knock, &chain, b"something");
    });
    assert_eq!(failed, [FactName::Signature]);
    refuses_to_admit(world);
}

#[test]
fn a_knock_with_another_name_than_the_signed_one_fails_the_signature() {
    let (world, failed) = failed_facts(|knock, _| {
        knock.name = Name::new("somebody else").unwrap();
    });
    assert_eq!(failed, [FactName::Signature]);
    assert_eq!(last_knocker(&world).name, "");
    refuses_to_admit(world);
}

#[test]
fn a_stranger_at_the_door_gives_no_name_to_whoever_asked() {
    let mut world = World::new(63, 3, Net::GOOD);
    world.lead();
    world.run(1_000);
    world.hold = true;
    world.join(1);
    world.run(2_500);
    let knock =
        world.messages.iter().find_map(|(_, _, bytes)| match PeerMessage::from_bytes(bytes) {
            Ok(PeerMessage::Knock(knock)) => Some(knock),
            _ => None,
        });
    let right = knock.unwrap();
    let mut wrong = right.clone();
    wrong.name = Name::new("somebody else").unwrap();
    for knock in [wrong, right.clone()] {
        let npk = Ed25519Signer::from_seed(&[5; 32]).npk();
        world.give(0, Input::Message { npk, bytes: PeerMessage::Knock(knock).to_bytes() });
        assert_eq!(last_knocker(&world).name, "");
    }
    let npk = world.npk(1);
    world.give(0, Input::Message { npk, bytes: PeerMessage::Knock(right.clone()).to_bytes() });
    assert_eq!(last_knocker(&world).name, right.name.as_str());
    assert!(last_facts(&world).is_empty());
}

#[test]
fn a_knock_with_another_encapsulation_key_fails_the_keys() {
    let (world, failed) = failed_facts(|knock, _| {
        knock.ek = conclave_protocol::decode(&[1; 1_184]).unwrap();
    });
    assert_eq!(failed, [FactName::Keys]);
    refuses_to_admit(world);
}

#[test]
fn a_knock_over_another_link_fails_the_transport() {
    let mut world = World::new(61, 3, Net::GOOD);
    world.lead();
    world.run(1_000);
    world.hold = true;
    world.join(1);
    world.run(2_500);
    let knock = world.messages.iter().find_map(|(_, _, bytes)| {
        let knock = matches!(PeerMessage::from_bytes(bytes), Ok(PeerMessage::Knock(_)));
        knock.then(|| bytes.clone())
    });
    let npk = Ed25519Signer::from_seed(&[5; 32]).npk();
    world.give(0, Input::Message { npk, bytes: knock.clone().unwrap() });
    assert_eq!(last_facts(&world), [FactName::Transport]);
    // The right device is not pushed out by the wrong one.
    let npk = world.npk(1);
    world.give(0, Input::Message { npk, bytes: knock.clone().unwrap() });
    assert!(last_facts(&world).is_empty());
    let npk = Ed25519Signer::from_seed(&[5; 32]).npk();
    world.give(0, Input::Message { npk, bytes: knock.unwrap() });
    assert!(last_facts(&world).is_empty());
}

/// What is wrong with a request on the ledger, and the check that says so.
type Flaw = (fn(&mut MemberView), FactName);

#[test]
fn a_banned_user_a_foreign_device_and_another_name_fail_before_the_door() {
    let other_name = |asker: &mut MemberView| {
        asker.info = Some(UserInfo::Clear(Text::new("somebody else").unwrap()));
    };
    let flaws: [Flaw; 4] = [
        (other_name, FactName::Info),
        (|asker| asker.banned = true, FactName::Ban),
        (|asker| asker.device = None, FactName::Identity),
        (|asker| asker.user = None, FactName::Identity),
    ];
    for (flaw, fact) in flaws {
        let (mut world, facts) = failed_facts(|_, _| {});
        assert!(facts.is_empty());
        let mut view = world.view();
        view.height.0 += 1;
        flaw(view.members.get_mut(&MemberIdx(1)).unwrap());
        world.give(0, Input::Ledger(Box::new(view)));
        assert_eq!(last_facts(&world), [fact]);
        refuses_to_admit(world);
    }
}

#[test]
fn nobody_is_admitted_on_an_old_view_of_the_ledger() {
    let (mut world, _) = failed_facts(|_, _| {});
    let mut view = world.view();
    view.height.0 += 1;
    view.freshness = Freshness::Stale;
    world.give(0, Input::Ledger(Box::new(view)));
    let admit = Command::Admit { idx: MemberIdx(1) };
    assert_eq!(world.try_command(0, admit), Err(CommandError::LedgerStale));
}

#[test]
fn a_guest_without_the_invite_is_shown_as_such() {
    let mut world = World::new(62, 2, Net::GOOD);
    world.lead();
    world.run(1_000);
    world.join_with(1, InviteSecret::new([1; 16]));
    world.run(2_500);
    assert_eq!(last_facts(&world), [FactName::Invite]);
}
