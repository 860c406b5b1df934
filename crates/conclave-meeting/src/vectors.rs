//! Frozen bytes in `vectors` at the root of the project: what members say to each other.
//! `CONCLAVE_WRITE_VECTORS=1` writes them anew; that is a decision for the changelog.

use std::path::PathBuf;

use conclave_protocol::{
    ChainId, DecodeError, Digest, Epoch, EpochRecord, Height, Ivk, MeetingId, MemberIdx, Roster,
    Seconds, Signature, Term,
    codec::{Blob, List, Set, Text},
    decode,
    meeting::{Absence, Reason, Removal},
};
use serde_json::{Value, json};

use crate::{
    evidence::{Equivocation, SignedRecord},
    key::StreamKind,
    wire::{
        Ack, Ask, Bearer, Bundle, Card, CodeCommit, CodeReveal, Entry, Farewell, Favour, FileId,
        FileKey, FileOffer, Gossip, Handover, HeaderProof, Knock, Nack, Opening, PeerMessage,
        Piece, PieceRequest, Reaction, Recording, Referral, Signal, StreamAnnounce, StreamTail,
        Wrap,
    },
};

/// Compares with the file, or writes it.
pub(crate) fn frozen(name: &str, value: &Value) {
    let rewrite = std::env::var("CONCLAVE_WRITE_VECTORS").is_ok();
    if rewrite {
        let text = serde_json::to_string_pretty(value).unwrap() + "\n";
        std::fs::write(path(name), text).unwrap();
    }
    assert!(read(name) == *value, "the bytes of {name}.json changed");
}

/// What the file holds.
pub(crate) fn read(name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path(name)).unwrap()).unwrap()
}

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../vectors").join(format!("{name}.json"))
}

fn record() -> EpochRecord {
    EpochRecord {
        mid: MeetingId([1; 32]),
        term: Term(1),
        epoch: Epoch(2),
        prev: Digest([2; 32]),
        roster: Roster::new([MemberIdx(0), MemberIdx(9)]).unwrap(),
        added: Set::new([MemberIdx(9)]).unwrap(),
        removed: Set::new([Removal { idx: MemberIdx(1), reason: Reason::Kicked }]).unwrap(),
        unbanned: Set::default(),
        mk_commit: Digest([3; 32]),
        roster_hash: Digest([4; 32]),
    }
}

fn messages() -> Vec<PeerMessage> {
    let (epoch, sig) = (Epoch(2), Signature::Ed25519([7; 64]));
    let knock = |opening| Knock {
        idx: MemberIdx(9),
        ek: decode(&[5; 1_184]).unwrap(),
        invite: [6; 32],
        name: Text::new("Zo\u{eb}").unwrap(),
        opening,
        address: Blob::new([8; 20]).unwrap(),
        sig,
    };
    let opening = Opening { seq: 4, r: [9; 32], text: Text::new("Zo\u{eb} Example").unwrap() };
    let wrap = |fresh: bool| Wrap {
        mid: MeetingId([1; 32]),
        epoch,
        idx: MemberIdx(9),
        kem_ct: fresh.then(|| decode(&[6; 1_088]).unwrap()),
        enc_mk: [7; 48],
    };
    let entry = Entry {
        idx: MemberIdx(3),
        name: Text::new("Bob").unwrap(),
        address: Blob::new([1, 2, 3]).unwrap(),
    };
    let bundle = |wrap, book: &[Entry]| {
        let book = List::new(book).unwrap();
        PeerMessage::Bundle(Bundle { record: record(), sig, wrap, book })
    };
    vec![
        PeerMessage::Knock(knock(None)),
        PeerMessage::Knock(knock(Some(opening))),
        bundle(wrap(false), &[entry.clone(), entry]),
        bundle(wrap(true), &[]),
        PeerMessage::Ack(Ack { epoch, record: Digest([1; 32]), sig }),
        PeerMessage::RecordRequest(epoch),
        PeerMessage::Refer(Referral {
            npk: conclave_protocol::Npk([8; 32]),
            address: Blob::new([4, 5]).unwrap(),
        }),
        PeerMessage::StreamAnnounce(StreamAnnounce { stream: 2, kind: StreamKind::Video, sig }),
        PeerMessage::StreamClose(2),
        PeerMessage::StreamTail(StreamTail { epoch, stream: 2, end: 1_000 }),
        PeerMessage::Chat(Blob::new([1; 40]).unwrap()),
        PeerMessage::Nack(Nack { epoch, stream: 2, ctrs: Set::new([3, 5, 8]).unwrap() }),
        PeerMessage::KeyframeRequest(2),
        PeerMessage::Gossip(Gossip { height: Height(5), header: Digest([6; 32]) }),
        PeerMessage::Bye(Farewell::Removed),
        PeerMessage::CodeCommit(CodeCommit {
            epoch,
            record: Digest([1; 32]),
            hash: Digest([2; 32]),
            sig,
        }),
        PeerMessage::CodeReveal(CodeReveal { epoch, record: Digest([1; 32]), nonce: [3; 32] }),
        PeerMessage::HeaderRequest(Height(5)),
        PeerMessage::HeaderProof(HeaderProof {
            height: Height(5),
            answer: Blob::new([4; 50]).unwrap(),
        }),
        PeerMessage::Record(SignedRecord { record: record(), sig }),
        PeerMessage::Alive(epoch),
        PeerMessage::Absent(Absence { idx: MemberIdx(3), at: Seconds(77), sig }),
        PeerMessage::Handover(Handover { term: Term(2), sig }),
        PeerMessage::Bearer(Bearer {
            user: conclave_protocol::UserId([1; 32]),
            dev: conclave_protocol::DeviceId([2; 32]),
            sig,
        }),
        PeerMessage::Signal(Blob::new([9; 40]).unwrap()),
        PeerMessage::PieceRequest(PieceRequest { id: FileId([3; 16]), piece: 7 }),
        PeerMessage::Piece(Piece {
            id: FileId([3; 16]),
            piece: 7,
            sealed: Blob::new([5; 40]).unwrap(),
        }),
        PeerMessage::Card(Card {
            ek: decode(&[5; 1_184]).unwrap(),
            name: Text::new("Bob").unwrap(),
            address: Blob::new([1, 2, 3]).unwrap(),
        }),
    ]
}

fn signals() -> Vec<Signal> {
    let recording = |on| Recording { on, at: Seconds(77), sig: Signature::Ed448([7; 114]) };
    vec![
        Signal::Hand(true),
        Signal::Reaction(Reaction::Party),
        Signal::Ask(Ask { to: None, favour: Favour::Mute }),
        Signal::Ask(Ask { to: Some(MemberIdx(9)), favour: Favour::HandDown }),
        Signal::Recording(recording(true)),
        Signal::File(FileOffer {
            id: FileId([3; 16]),
            key: FileKey::new([4; 32]),
            size: 100_000,
            name: Text::new("Zo\u{eb}.pdf").unwrap(),
        }),
        Signal::Recording(Recording { sig: Signature::Ed25519([7; 64]), ..recording(false) }),
    ]
}

/// Accused of two keys for one epoch; whether the signatures hold is another question.
fn equivocation() -> Equivocation {
    let signed = |record| SignedRecord { record, sig: Signature::Ed448([7; 114]) };
    let second = EpochRecord { mk_commit: Digest([9; 32]), ..record() };
    Equivocation {
        chain: ChainId([1; 32]),
        leader: Ivk::Ed448([5; 57]),
        first: signed(record()),
        second: signed(second),
    }
}

#[test]
fn every_message_keeps_its_bytes_and_its_refusals() {
    let all: Vec<Vec<u8>> = messages().iter().map(PeerMessage::to_bytes).collect();
    let said = layout("PeerMessage", &all, |bytes| {
        class(PeerMessage::from_bytes(bytes).map(|message| message.to_bytes()), bytes)
    });
    let evidence = layout("Equivocation", &[equivocation().to_bytes()], |bytes| {
        class(decode::<Equivocation>(bytes).map(|evidence| evidence.to_bytes()), bytes)
    });
    let all: Vec<Vec<u8>> = signals().iter().map(Signal::to_bytes).collect();
    let shown = layout("Signal", &all, |bytes| {
        class(Signal::from_bytes(bytes).map(|signal| signal.to_bytes()), bytes)
    });
    frozen("messages", &json!({ "types": [said, evidence, shown] }));
}

/// Values of one type, what becomes of them cut short, made longer, and with a byte turned.
fn layout(name: &str, valid: &[Vec<u8>], class: impl Fn(&[u8]) -> char) -> Value {
    let mut malformed = Vec::new();
    for (index, bytes) in valid.iter().enumerate() {
        let mut wrong = |what: &str, bytes: &[u8]| {
            let class = class(bytes);
            assert_ne!(class, '.', "{index}: {what}");
            malformed.push(json!({ "of": index, "change": what, "class": class.to_string() }));
        };
        for part in 0..20 {
            let end = bytes.len().saturating_mul(part).div_euclid(20);
            wrong(&format!("cut {end}"), &bytes[..end]);
        }
        wrong("append 00", &[bytes.as_slice(), &[0]].concat());
        wrong("twice", &[bytes.as_slice(), bytes].concat());
    }
    let turned: Vec<Value> = valid.iter().map(|bytes| turn(bytes, &class)).collect();
    let valid: Vec<_> = valid.iter().map(hex::encode).collect();
    json!({ "type": name, "valid": valid, "malformed": malformed, "turned": turned })
}

/// What becomes of the value when bits of one byte are turned.
fn turn(bytes: &[u8], class: impl Fn(&[u8]) -> char) -> Value {
    let turned = |mask: u8| {
        (0..bytes.len())
            .map(|at| {
                let mut bytes = bytes.to_vec();
                bytes[at] ^= mask;
                class(&bytes)
            })
            .collect::<String>()
    };
    json!({ "01": turned(0x01), "80": turned(0x80), "ff": turned(0xff) })
}

/// The classes of refusals of docs/protocol.md, section 19; `.` is accepted.
fn class(read: Result<Vec<u8>, DecodeError>, bytes: &[u8]) -> char {
    match read {
        Ok(written) => {
            assert_eq!(written, bytes, "accepted and written otherwise");
            '.'
        }
        Err(DecodeError::Truncated) => 'c',
        Err(DecodeError::Trailing(_)) => 't',
        Err(DecodeError::TooLong(_)) => 'l',
        Err(DecodeError::Tag) => 'g',
        Err(_) => 'i',
    }
}
