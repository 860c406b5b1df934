//! Strangers in numbers: neither door nor lobby is barred.

use conclave_meeting::{
    session::{Command, Ending, Event, Input},
    wire::{Knock, PeerMessage},
};
use conclave_protocol::{MemberIdx, Npk};

use super::{opened, streamed};
use crate::world::{Net, World};

#[test]
fn a_call_in_the_lobby_takes_no_link_from_a_member() {
    let (mut world, _) = streamed(5);
    let (npk, before) = (world.npk(2), opened(&world));
    world.give(1, Input::Connected { npk, lobby: true });
    assert!(world.send_unit(1, 20));
    world.run(500);
    assert_eq!(opened(&world), before + 1);
}

/// The key of a stranger without a device.
fn stranger(number: u16) -> Npk {
    let mut key = [0x55; 32];
    key[..2].copy_from_slice(&number.to_be_bytes());
    Npk(key)
}

fn knock_of(world: &World) -> Knock {
    let mut said = world.messages.iter();
    let knock = said.find_map(|(_, _, bytes)| match PeerMessage::from_bytes(bytes) {
        Ok(PeerMessage::Knock(knock)) => Some(knock),
        _ => None,
    });
    knock.unwrap()
}

#[test]
fn a_flood_of_knocks_does_not_bar_the_door() {
    for strangers in [1, 400] {
        let mut world = World::meeting(63, 4, 2, Net::GOOD);
        let mut knock = knock_of(&world);
        let before = world.session(0).counters().bad_messages;
        for number in 0..400_u16 {
            knock.idx = MemberIdx(100 + number);
            let bytes = PeerMessage::Knock(knock.clone()).to_bytes();
            world.give(0, Input::Message { npk: stranger(number % strangers), bytes });
        }
        // One link holds one place, and there are 256.
        let refused = if strangers == 1 { 0 } else { 400 - 256 };
        assert_eq!(world.session(0).counters().bad_messages - before, refused);
        world.join(2);
        world.run(2_000);
        world.admit(2);
        world.run(3_000);
        assert!(world.session(2).sending_epoch().is_some(), "{strangers} strangers");
    }
}

#[test]
fn strangers_that_knock_for_the_next_seat_keep_nobody_out() {
    let mut world = World::meeting(66, 3, 2, Net::GOOD);
    let mut knock = knock_of(&world);
    for number in 0..300_u16 {
        knock.idx = MemberIdx(number);
        let bytes = PeerMessage::Knock(knock.clone()).to_bytes();
        world.give(0, Input::Message { npk: stranger(number), bytes });
    }
    // The guest's knock comes before the leader sees its request.
    world.join(2);
    world.run(4_000);
    world.admit(2);
    world.run(3_000);
    assert!(world.session(2).sending_epoch().is_some());
}

#[test]
fn strangers_that_came_and_went_do_not_bar_the_lobby() {
    let mut world = World::meeting(64, 3, 2, Net::GOOD);
    for number in 0..2_000 {
        let npk = stranger(number);
        world.give(0, Input::Connected { npk, lobby: true });
        world.give(0, Input::Disconnected { npk });
    }
    // Somebody who is turned away hears of it, so there is room for one more peer.
    world.join(2);
    world.run(2_000);
    let idx = world.idx(2);
    world.command(0, Command::Deny { idx, ban: false });
    world.run(100);
    let denied = |event: &Event| matches!(event, Event::Ended(Ending::Denied));
    assert!(world.saw(2, denied).is_some());
}

#[test]
fn no_more_than_1024_peers_are_remembered() {
    let mut world = World::meeting(67, 3, 2, Net::GOOD);
    for number in 0..2_000 {
        world.give(0, Input::Connected { npk: stranger(number), lobby: true });
    }
    world.trace.clear();
    world.command(0, Command::Dismiss);
    world.run(2_000);
    let closed = world.trace.iter().filter(|line| line.ends_with(" 0 close")).count();
    assert_eq!(closed, 1_024);
}
