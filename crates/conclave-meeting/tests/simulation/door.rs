//! Who comes in by which invite, and who decides.

use conclave_meeting::{
    session::{Command, Event, FactName, Input, Invited},
    wire::PeerMessage,
};
use conclave_protocol::{
    invite::InviteSecret,
    meeting::{AutoAdmit, Policy},
};

use crate::{
    meetings::assert_one_key,
    world::{MID, Net, SECRET, World, address},
};

fn invited(world: &World, node: usize) -> Invited {
    let nodes = vec![(world.npk(node), address(node))];
    Invited { mid: MID, invite_secret: InviteSecret::new(SECRET), nodes }
}

fn referrals(world: &World, from: usize) -> usize {
    let said = world.messages.iter().filter(|(sender, _, _)| *sender == from);
    said.filter(|(_, _, bytes)| matches!(PeerMessage::from_bytes(bytes), Ok(PeerMessage::Refer(_))))
        .count()
}

/// Device 2 leads a meeting of three that device 0 founded and is still in.
fn handed_over(seed: u64) -> World {
    let mut world = World::meeting(seed, 5, 3, Net::GOOD);
    world.command(0, Command::Appoint { idx: world.idx(2) });
    world.run(4_000);
    assert_eq!(world.view().meeting.unwrap().leader, world.idx(2));
    world
}

#[test]
fn the_invite_of_a_new_leader_admits_a_guest() {
    let mut world = World::meeting(600, 4, 3, Net::GOOD);
    world.command(0, Command::Leave);
    world.run(4_000);
    assert_eq!(world.view().meeting.unwrap().leader, world.idx(1));
    let link = invited(&world, 1);
    world.join_by(3, link);
    world.run(2_000);
    let invite = |event: &Event| {
        matches!(event, Event::RequestVerified(knocker)
            if knocker.ready && knocker.facts.iter().any(|f| f.name == FactName::Invite && f.ok))
    };
    assert!(world.saw(1, invite).is_some());
    world.admit_by(1, 3);
    world.run(3_000);
    assert_one_key(&world, &[1, 2, 3]);
}

#[test]
fn an_old_invite_leads_to_the_new_leader_through_whom_it_names() {
    let mut world = handed_over(601);
    world.join(3);
    world.run(3_000);
    assert_eq!(referrals(&world, 0), 1);
    world.admit_by(2, 3);
    world.run(3_000);
    assert_one_key(&world, &[0, 1, 2, 3]);
}

#[test]
fn who_is_asked_for_the_way_before_it_saw_the_request_is_asked_again() {
    let mut world = handed_over(604);
    world.hold = true;
    world.join(3);
    world.run(1_500);
    let knocked = world.messages.iter().any(|(from, to, _)| (*from, *to) == (3, 0));
    assert!(knocked && referrals(&world, 0) == 0);
    world.hold = false;
    world.run(4_000);
    assert_eq!(referrals(&world, 0), 1);
    world.admit_by(2, 3);
    world.run(3_000);
    assert_one_key(&world, &[0, 1, 2, 3]);
}

#[test]
fn whoever_shows_no_invite_is_not_told_where_the_leader_is() {
    let mut world = handed_over(602);
    world.join_with(3, InviteSecret::new([1; 16]));
    world.run(3_000);
    let knocked = world.messages.iter().filter(|(from, to, _)| (*from, *to) == (3, 0)).count();
    assert!(knocked > 0);
    assert_eq!(referrals(&world, 0), 0);
}

#[test]
fn a_way_to_somebody_who_does_not_lead_is_not_taken() {
    let mut world = handed_over(603);
    world.hold = true;
    world.join(3);
    world.run(2_000);
    let npk = world.npk(1);
    let lie = conclave_meeting::wire::Referral { npk, address: address(1) };
    let from = world.npk(0);
    let before = world.session(3).counters().bad_messages;
    world.give(3, Input::Message { npk: from, bytes: PeerMessage::Refer(lie).to_bytes() });
    let right = conclave_meeting::wire::Referral { npk: world.npk(2), address: address(1) };
    world.give(3, Input::Message { npk, bytes: PeerMessage::Refer(right).to_bytes() });
    assert_eq!(world.session(3).counters().bad_messages, before + 2);
}

/// The new leader was never linked with it, and so has nothing to wrap a key for it.
#[test]
fn who_was_let_in_while_it_had_no_link_gets_its_key_from_the_next_leader() {
    let mut world = World::meeting(605, 5, 4, Net::GOOD);
    let nodes = vec![(world.npk(0), address(0)), (world.npk(1), address(1))];
    world.join_by(4, Invited { mid: MID, invite_secret: InviteSecret::new(SECRET), nodes });
    world.run(2_000);
    world.cut_for_good(0, 4);
    world.cut_for_good(1, 4);
    world.admit(4);
    world.run(2_000);
    assert!(world.view().roster.contains(world.idx(4)));
    world.freeze(0);
    world.run(8_000);
    assert_eq!(world.view().meeting.unwrap().leader, world.idx(1));
    assert!(world.keys(4).is_empty());
    world.mend(1, 4);
    world.run(6_000);
    assert_one_key(&world, &[1, 2, 3, 4]);
    assert_eq!(world.alarms(), []);
}

fn automatic(seed: u64) -> World {
    let mut world = World::new(seed, 4, Net::GOOD);
    world.lead_with(Policy::new(Policy::TIME, AutoAdmit::Invited));
    world.run(1_000);
    world
}

#[test]
fn where_the_policy_says_so_an_invite_is_enough_and_nothing_else_is() {
    let mut world = automatic(610);
    world.join(1);
    world.join_with(2, InviteSecret::new([1; 16]));
    world.run(5_000);
    assert_one_key(&world, &[0, 1]);
    let waits = world.idx(2);
    let asks = |event: &Event| matches!(event, Event::RequestVerified(k) if k.idx == waits);
    assert!(world.saw(0, asks).is_some());
    world.admit(2);
    world.run(3_000);
    assert_one_key(&world, &[0, 1, 2]);
}

#[test]
fn no_policy_admits_on_an_old_view_of_the_ledger() {
    let mut world = automatic(611);
    world.stale = true;
    world.join(1);
    world.run(4_000);
    let ready = |event: &Event| matches!(event, Event::RequestVerified(knocker) if knocker.ready);
    assert!(world.saw(0, ready).is_some());
    assert!(world.session(0).roster().is_empty(), "no epoch was made");
    world.stale = false;
    world.run(2_000);
    assert_one_key(&world, &[0, 1]);
}
