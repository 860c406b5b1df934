//! Any bytes as one of the things that come from outside as a whole.

use std::{
    fmt::{Debug, Display},
    str::FromStr,
};

use conclave_meeting::{
    evidence::{Equivocation, SignedRecord},
    exchange::Ek,
    media::{Header, Kid, MAX_HEADER},
    wire::{Bundle, Knock, MAX_MESSAGE, PeerMessage, Reaction, Signal, Wrap},
};
use conclave_protocol::{
    ChainId, Ed25519Signer, MeetingId, MemberIdx, Signer as _, Tx,
    codec::{EncodeSize, Read, Write},
    disclosure::InfoDisclosure,
    footprint,
    invite::Invite,
    link::{BadLink, MAX_LINK},
    pairing::{DeviceAnswer, DeviceOffer},
    tx::MAX_TX_BYTES,
};

use super::canonical;

/// A transaction.
pub(super) fn tx(bytes: &[u8]) {
    let Ok(tx) = Tx::decode(bytes) else { return };
    assert!(bytes.len() <= MAX_TX_BYTES);
    assert_eq!(canonical::<Tx>(bytes).as_ref(), Some(&tx));
    assert_eq!(tx.body.kind(), tx.kind());
    let keys = footprint(&tx);
    assert!(keys.is_sorted_by(|a, b| a < b), "a key is named twice");
    let _ = (tx.body.prev(), tx.id());
}

/// A message of a peer, or one of the larger things inside one.
pub(super) fn wire(bytes: &[u8]) {
    if let Ok(message) = PeerMessage::from_bytes(bytes) {
        assert!(bytes.len() <= MAX_MESSAGE);
        assert_eq!(canonical::<PeerMessage>(bytes).as_ref(), Some(&message));
    }
    let Some((which, bytes)) = bytes.split_first() else { return };
    match which {
        0xf0 => drop(canonical::<Bundle>(bytes)),
        0xf1 => drop(canonical::<Wrap>(bytes)),
        0xf2 => drop(canonical::<Knock>(bytes)),
        0xf3 => {
            if let Some(ek) = canonical::<Ek>(bytes) {
                let _ = (ek.is_valid(), ek.hash());
            }
        }
        _ => {}
    }
}

/// What members show each other, once it is opened.
pub(super) fn signal(bytes: &[u8]) {
    let Ok(signal) = Signal::from_bytes(bytes) else { return };
    assert_eq!(signal.to_bytes(), bytes);
    assert_eq!(canonical::<Signal>(bytes).as_ref(), Some(&signal));
    assert!(bytes[0] < b' ', "a line of chat can begin so");
    match signal {
        Signal::Reaction(reaction) => assert_eq!(Reaction::of(reaction.as_str()), Some(reaction)),
        Signal::Recording(word) => {
            let ivk = Ed25519Signer::from_seed(&[1; 32]).ivk();
            let said = word.verify(&ChainId([2; 32]), &MeetingId([3; 32]), MemberIdx(4), ivk);
            assert!(said.is_err(), "nobody signed that");
        }
        Signal::Hand(_) | Signal::Ask(_) | Signal::File(_) => {}
    }
}

/// Evidence against a leader: whoever passes it on must not be able to make it up.
pub(super) fn evidence(bytes: &[u8]) {
    canonical::<SignedRecord>(bytes);
    canonical::<Equivocation>(bytes);
    if let Ok(evidence) = Equivocation::from_bytes(bytes) {
        assert_ne!(evidence.first.record.digest(), evidence.second.record.digest());
        assert_eq!(evidence.to_bytes(), bytes);
    }
}

/// A text as each link that people hand to each other, and bytes as what lies inside one.
pub(super) fn link(bytes: &[u8]) {
    inside::<Invite>(bytes);
    inside::<DeviceOffer>(bytes);
    inside::<DeviceAnswer>(bytes);
    inside::<InfoDisclosure>(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let read = [
        text.parse::<Invite>().map(|link| link.to_string()),
        text.parse::<DeviceOffer>().map(|link| link.to_string()),
        text.parse::<DeviceAnswer>().map(|link| link.to_string()),
        text.parse::<InfoDisclosure>().map(|link| link.to_string()),
    ];
    let mut read = read.into_iter().flatten();
    if let Some(again) = read.next() {
        assert_eq!(again, text.trim(), "it has two links");
        assert_eq!(read.next(), None, "one link is two things");
    }
}

/// What has a canonical form has a link, and its own kind reads it.
fn inside<T>(bytes: &[u8])
where
    T: Read<Cfg = ()> + Write + EncodeSize + Debug + Display + FromStr<Err = BadLink>,
{
    let Some(value) = canonical::<T>(bytes) else { return };
    let link = value.to_string();
    assert!(link.len() <= MAX_LINK, "{value:?} has a link that is too long");
    let again = link.parse::<T>().map(|value| value.to_string());
    assert_eq!(again, Ok(link), "{value:?} has a link that says something else");
}

/// The header of a packet.
pub(super) fn header(bytes: &[u8]) {
    let Ok(header) = Header::read(bytes) else { return };
    assert!((1..=MAX_HEADER).contains(&header.len) && header.len <= bytes.len());
    for len in 0..header.len {
        assert!(Header::read(&bytes[..len]).is_err(), "{header:?} needs no last byte");
    }
    if let Some(kid) = Kid::from_value(header.kid) {
        assert_eq!(kid.value(), header.kid);
    }
}
