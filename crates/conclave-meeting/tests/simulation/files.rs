//! Files: who gets them, and who does not.

use conclave_meeting::{
    file::{FileSeal, PIECE},
    session::{Command, CommandError, Event, Input},
    wire::{FileId, FileKey, FileOffer, PeerMessage, Piece, PieceRequest, Signal},
};
use conclave_protocol::codec::{Blob, Text};

use crate::{
    signals::{message, sealer},
    world::{Net, World},
};

fn offer(id: u8, size: u64) -> FileOffer {
    FileOffer {
        id: FileId([id; 16]),
        key: FileKey::new([id; 32]),
        size,
        name: Text::new("minutes.pdf").unwrap(),
    }
}

/// What device 1 sealed of a file that it offers.
fn sealed(world: &World, offer: &FileOffer) -> (FileSeal, Vec<Vec<u8>>) {
    let seal = world.session(1).file_seal(world.idx(1), offer).unwrap();
    let piece = |n| seal.seal(n, vec![7; seal.length(n)]).unwrap();
    let pieces = (0..seal.pieces()).map(piece).collect();
    (seal, pieces)
}

fn count(world: &World, device: usize, wanted: impl Fn(&Event) -> bool) -> usize {
    world.devices[device].events.iter().filter(|(_, event)| wanted(event)).count()
}

fn is_offer(event: &Event) -> bool {
    matches!(event, Event::FileOffered { .. })
}

fn is_wanted(event: &Event) -> bool {
    matches!(event, Event::PieceWanted { .. })
}

#[test]
fn a_file_goes_from_member_to_member_and_a_broken_link_costs_what_was_under_way() {
    let mut world = World::meeting(221, 3, 3, Net::GOOD);
    let offer = offer(1, 2 * PIECE as u64 + 9);
    let (_, pieces) = sealed(&world, &offer);
    world.command(1, Command::OfferFile { offer: offer.clone() });
    world.run(100);
    assert_eq!([0, 1, 2].map(|device| count(&world, device, is_offer)), [1, 0, 1]);
    let (one, two, id) = (world.idx(1), world.idx(2), offer.id);
    let seal = world.session(2).file_seal(one, &offer).unwrap();
    for piece in 0..seal.pieces() {
        if piece == 1 {
            world.cut(1, 2);
            world.run(3_000);
            assert_eq!(count(&world, 2, is_offer), 1, "said again, and known already");
        }
        world.command(2, Command::AskPiece { of: one, id, piece });
        world.run(50);
        assert!(world.saw(1, |e| *e == Event::PieceWanted { idx: two, id, piece }).is_some());
        let sealed = pieces[usize::try_from(piece).unwrap()].clone();
        world.command(1, Command::SendPiece { to: two, id, piece, sealed: sealed.clone() });
        world.run(50);
        let came = Event::PieceCame { idx: one, id, piece, sealed: sealed.clone() };
        assert!(world.saw(2, |e| *e == came).is_some());
        assert!(seal.open(piece, sealed).is_some());
    }
    let ask = Command::AskPiece { of: one, id, piece: 3 };
    assert_eq!(world.try_command(2, ask), Err(CommandError::NoSuchFile));
    assert_eq!(count(&world, 0, is_wanted), 0);
}

#[test]
fn whoever_came_later_or_was_removed_gets_no_piece() {
    let mut world = World::meeting(222, 4, 3, Net::GOOD);
    let offer = offer(1, 100);
    let (_, pieces) = sealed(&world, &offer);
    world.command(1, Command::OfferFile { offer: offer.clone() });
    world.join(3);
    world.run(1_500);
    world.admit(3);
    world.run(3_000);
    assert_eq!(count(&world, 3, is_offer), 0);
    let (id, late, bad) = (offer.id, world.idx(3), world.session(1).counters().bad_messages);
    let ask = Command::AskPiece { of: world.idx(1), id, piece: 0 };
    assert_eq!(world.try_command(3, ask), Err(CommandError::NoSuchFile));
    // One that knows the id all the same.
    let request = PeerMessage::PieceRequest(PieceRequest { id, piece: 0 }).to_bytes();
    let npk = world.npk(3);
    world.give(1, Input::Message { npk, bytes: request.clone() });
    assert_eq!(
        (count(&world, 1, is_wanted), world.session(1).counters().bad_messages),
        (0, bad + 1)
    );
    let send = Command::SendPiece { to: late, id, piece: 0, sealed: pieces[0].clone() };
    assert_eq!(world.try_command(1, send), Err(CommandError::NoSuchFile));

    let (gone, npk) = (world.idx(2), world.npk(2));
    world.kick(2);
    world.run(3_000);
    world.give(1, Input::Message { npk, bytes: request });
    assert_eq!(count(&world, 1, is_wanted), 0);
    let send = Command::SendPiece { to: gone, id, piece: 0, sealed: pieces[0].clone() };
    assert_eq!(world.try_command(1, send), Err(CommandError::NoSuchMember));
}

#[test]
fn a_piece_nobody_offered_and_an_offer_that_cannot_be_are_refused() {
    let mut world = World::meeting(223, 2, 2, Net::GOOD);
    let npk = world.npk(1);
    let piece = |piece| {
        let sealed = Blob::new([5; 40]).unwrap();
        PeerMessage::Piece(Piece { id: FileId([1; 16]), piece, sealed }).to_bytes()
    };
    let bad = world.session(0).counters().bad_messages;
    world.give(0, Input::Message { npk, bytes: piece(0) });
    assert_eq!(world.session(0).counters().bad_messages, bad + 1);
    for size in [0, (64 << 20) + 1] {
        let refused = world.try_command(1, Command::OfferFile { offer: offer(1, size) });
        assert_eq!(refused, Err(CommandError::File));
    }
    world.command(1, Command::OfferFile { offer: offer(1, 100) });
    world.run(100);
    world.give(0, Input::Message { npk, bytes: piece(1) });
    assert_eq!(world.session(0).counters().bad_messages, bad + 2, "there is only one piece");
    assert_eq!(count(&world, 0, |e| matches!(e, Event::PieceCame { .. })), 0);
    for id in 2..=16 {
        world.command(1, Command::OfferFile { offer: offer(id, 100) });
    }
    world.run(10_000);
    let many = world.try_command(1, Command::OfferFile { offer: offer(17, 100) });
    assert_eq!(many, Err(CommandError::File));
}

/// Offered by one that does not look at its own offers first.
#[test]
fn an_offer_that_cannot_be_is_not_shown_and_one_member_has_sixteen_at_most() {
    let mut world = World::meeting(224, 2, 2, Net::GOOD);
    let (mut sealer, npk) = (sealer(&world, 1), world.npk(1));
    let mut give = |world: &mut World, offer| {
        let mut packet = Vec::new();
        sealer.seal(&Signal::File(offer).to_bytes(), &mut packet).unwrap();
        world.give(0, Input::Message { npk, bytes: message(packet) });
    };
    let bad = world.session(0).counters().bad_messages;
    for wrong in [
        offer(1, 0),
        offer(1, (64 << 20) + 1),
        FileOffer { name: Text::new("").unwrap(), ..offer(1, 100) },
    ] {
        give(&mut world, wrong);
    }
    assert_eq!(count(&world, 0, is_offer), 0);
    assert_eq!(world.session(0).counters().bad_messages, bad + 3);
    for id in 1..=20 {
        give(&mut world, offer(id, 100));
    }
    assert_eq!(count(&world, 0, is_offer), 16);
    assert_eq!(world.session(0).counters().bad_messages, bad + 7);
}
