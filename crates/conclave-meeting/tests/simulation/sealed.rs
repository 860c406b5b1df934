//! Sealed meetings: the ledger sees personas, the leader and the members see people.

use conclave_meeting::{
    session::{Alarm, Behind, Command, CommandError, Ending, Event, FactName, Input, Knocker},
    wire::{Bearer, PeerMessage},
};
use conclave_protocol::{MeetingId, MemberIdx, Npk, UserId, meeting::Policy};

use crate::{
    meetings::assert_one_key,
    world::{MID, Net, World},
};

fn sealed(seed: u64, count: usize) -> World {
    let mut world = World::new(seed, count, Net::GOOD);
    let mut policy = Policy::default();
    policy.sealed = true;
    world.lead_with(policy);
    world.run(1_000);
    world
}

/// A sealed meeting with devices `1..members` in it, each as a persona.
fn meeting(seed: u64, count: usize, members: usize) -> World {
    let mut world = sealed(seed, count);
    for device in 1..members {
        world.veil(device, 100 + u8::try_from(device).unwrap());
        world.join(device);
    }
    world.run(3_000);
    for device in 1..members {
        world.admit(device);
    }
    world.run(6_000);
    world
}

fn real(world: &World, device: usize) -> UserId {
    world.devices[device].behind.as_ref().unwrap().user
}

/// The newest word of the leader's device about the request of `device`.
fn knocker(world: &World, device: usize) -> Knocker {
    let idx = world.idx(device);
    let mut events = world.devices[0].events.iter().rev();
    let found = events.find_map(|(_, event)| match event {
        Event::RequestVerified(knocker) if knocker.idx == idx => Some(knocker.clone()),
        _ => None,
    });
    found.unwrap()
}

fn holds(knocker: &Knocker, name: FactName) -> bool {
    knocker.facts.iter().any(|fact| fact.name == name && fact.ok)
}

/// The request of `device` is not taken, and what fails is who it is.
fn assert_unknown(world: &mut World, device: usize) {
    world.run(4_000);
    let knocker = knocker(world, device);
    assert!(!knocker.ready);
    let failed = knocker.facts.iter().filter(|fact| !fact.ok).map(|fact| fact.name);
    assert_eq!(failed.collect::<Vec<_>>(), [FactName::Bearer]);
    let idx = world.idx(device);
    let refused = world.try_command(0, Command::Admit { idx });
    assert_eq!(refused, Err(CommandError::NotVerified));
}

#[test]
fn the_ledger_sees_personas_and_the_members_see_people() {
    let mut world = meeting(700, 4, 4);
    assert_one_key(&world, &[0, 1, 2, 3]);
    for device in 1..4 {
        let (idx, user) = (world.idx(device), real(&world, device));
        let seat = world.view().members[&idx].member.clone();
        assert_ne!(seat.user, user);
        assert_ne!(seat.ivk, world.devices[device].behind.as_ref().unwrap().signer.ivk());
        for other in (0..4).filter(|other| *other != device) {
            let known = world.session(other).bearer(idx);
            assert_eq!(known.map(|(user, _)| user), Some(user), "{other} about {device}");
        }
    }
    world.run(20_000);
    let alarm = |event: &Event| matches!(event, Event::Alarm(_));
    assert!((0..4).all(|device| world.saw(device, alarm).is_none()));
}

#[test]
fn a_persona_that_shows_nobody_is_not_let_in() {
    let mut world = sealed(701, 2);
    world.join(1);
    assert_unknown(&mut world, 1);
}

#[test]
fn nobody_asks_as_somebody_else() {
    let mut world = sealed(702, 3);
    world.veil(1, 101);
    let victim = (world.devices[2].user, world.devices[2].dev);
    let own = world.devices[1].behind.take().unwrap();
    let lie = Behind { user: victim.0, dev: victim.1, signer: own.signer };
    world.devices[1].behind = Some(lie);
    world.join(1);
    assert_unknown(&mut world, 1);
}

#[test]
fn a_device_of_another_user_is_not_taken_for_ones_own() {
    let mut world = sealed(703, 3);
    world.veil(1, 101);
    world.devices[1].behind.as_mut().unwrap().user = world.devices[2].user;
    world.join(1);
    assert_unknown(&mut world, 1);
}

/// Device 1 knocks; then its word about itself is replaced by the one made for another seat.
fn replaced(seed: u64, change: fn(&mut conclave_protocol::MemberRecord) -> MeetingId) {
    let mut world = sealed(seed, 2);
    world.veil(1, 101);
    let behind = world.devices[1].behind.take().unwrap();
    world.join(1);
    world.run(2_000);
    let mut seat = world.view().members[&world.idx(1)].member.clone();
    let mid = change(&mut seat);
    let chain = world.ledger.rules().chain_id;
    let ids = (behind.user, behind.dev);
    let bearer = Bearer::new(&chain, &mid, &seat, ids, behind.signer.as_ref());
    let npk = world.npk(1);
    world.give(0, Input::Message { npk, bytes: PeerMessage::Bearer(bearer).to_bytes() });
    assert_unknown(&mut world, 1);
    let seat = world.view().members[&world.idx(1)].member.clone();
    let right = Bearer::new(&chain, &MID, &seat, ids, behind.signer.as_ref());
    world.give(0, Input::Message { npk, bytes: PeerMessage::Bearer(right).to_bytes() });
    world.run(2_000);
    assert!(knocker(&world, 1).ready, "nothing else was wrong");
}

#[test]
fn an_opening_of_another_meeting_persona_or_link_is_not_taken() {
    replaced(710, |_| MeetingId([9; 32]));
    replaced(711, |seat| {
        seat.npk = Npk([9; 32]);
        MID
    });
    replaced(712, |seat| {
        seat.user = UserId([9; 32]);
        MID
    });
    replaced(713, |seat| {
        seat.dev.0[0] ^= 1;
        MID
    });
}

#[test]
fn who_was_banned_does_not_come_back_as_another_persona() {
    let mut world = meeting(720, 3, 3);
    let idx = world.idx(1);
    world.command(0, Command::Kick { idx, ban: true });
    world.run(3_000);
    assert_one_key(&world, &[0, 2]);
    world.veil(1, 151);
    world.join(1);
    world.run(4_000);
    let knocker = knocker(&world, 1);
    assert!(holds(&knocker, FactName::Bearer) && !holds(&knocker, FactName::Ban));
    assert!(!knocker.ready);
    assert_ne!(world.idx(1), idx);
}

#[test]
fn who_was_only_removed_may_ask_again_as_another_persona() {
    let mut world = meeting(721, 3, 3);
    world.kick(1);
    world.run(3_000);
    world.veil(1, 151);
    world.join(1);
    world.run(4_000);
    world.admit(1);
    world.run(3_000);
    assert_one_key(&world, &[0, 1, 2]);
}

#[test]
fn a_persona_whose_real_device_is_revoked_is_removed() {
    let mut world = meeting(722, 4, 4);
    assert_eq!(world.revoke(2), Ok(()));
    world.run(3_000);
    assert_one_key(&world, &[0, 1, 3]);
    assert!(world.session(2).is_ended());
}

/// Nobody else could take the chair from it: the ledger does not know who is behind it.
#[test]
fn a_leader_whose_real_device_is_revoked_is_out_by_itself_and_followed() {
    let mut world = meeting(726, 4, 4);
    world.command(0, Command::Appoint { idx: world.idx(1) });
    world.run(2_000);
    assert_eq!(world.view().meeting.unwrap().leader, world.idx(1));
    assert_eq!(world.revoke(1), Ok(()));
    world.run(2_000);
    assert!(world.saw(1, |event| *event == Event::Ended(Ending::Revoked)).is_some());
    world.run(15_000);
    assert_one_key(&world, &[0, 2, 3]);
}

#[test]
fn a_member_that_never_shows_who_it_is_is_named_to_the_others() {
    let world = meeting(723, 3, 3);
    assert!(world.session(1).bearer(world.idx(2)).is_some());
    let mut world = sealed(724, 3);
    for device in 1..3 {
        world.veil(device, 100 + u8::try_from(device).unwrap());
        world.join(device);
    }
    world.run(3_000);
    world.cut_for_good(1, 2);
    for device in 1..3 {
        world.admit(device);
    }
    world.run(8_000);
    let alarm = Event::Alarm(Alarm::Unknown(world.idx(2)));
    assert!(world.saw(1, |event| *event == alarm).is_none());
    world.run(4_000);
    assert!(world.saw(1, |event| *event == alarm).is_some());
    assert!(world.saw(0, |event| matches!(event, Event::Alarm(_))).is_none());
    assert!(world.session(1).bearer(MemberIdx(0)).is_none(), "who published is no persona");
}
