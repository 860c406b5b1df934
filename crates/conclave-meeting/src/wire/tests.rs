//! Every message survives its encoding, and no other bytes are accepted.

use conclave_protocol::{
    DeviceId, Term, UserId,
    codec::List,
    meeting::{EpochRecord, Reason, Removal, Roster},
};
use proptest::{collection::vec, prelude::*};

use super::*;

fn array<const N: usize>() -> impl Strategy<Value = [u8; N]> {
    vec(any::<u8>(), N).prop_map(|bytes| bytes.try_into().unwrap())
}

fn digest() -> impl Strategy<Value = Digest> {
    array().prop_map(Digest)
}

fn knock() -> impl Strategy<Value = Knock> {
    let opening = (array(), "[a-z ]{0,40}").prop_map(|(r, text)| Opening {
        seq: 5,
        r,
        text: Text::new(&text).unwrap(),
    });
    let parts = (any::<u16>(), vec(any::<u8>(), 1_184), array(), "[A-Za-z ]{0,30}");
    let rest = (proptest::option::of(opening), vec(any::<u8>(), 0..MAX_ADDRESS), array());
    (parts, rest).prop_map(|((idx, ek, invite, name), (opening, address, sig))| Knock {
        idx: MemberIdx(idx),
        ek: decode(&ek).unwrap(),
        invite,
        name: Text::new(&name).unwrap(),
        opening,
        address: Blob::new(address).unwrap(),
        sig: Signature::Ed25519(sig),
    })
}

fn record() -> impl Strategy<Value = EpochRecord> {
    let ids = (array(), any::<u32>(), any::<u32>(), digest());
    let lists = (vec(0_u16..1_024, 0..20), vec(0_u16..1_024, 0..20), digest(), digest());
    (ids, lists).prop_map(|((mid, term, epoch, prev), (roster, removed, mk_commit, hash))| {
        let removal = |idx| Removal { idx: MemberIdx(idx), reason: Reason::Kicked };
        EpochRecord {
            mid: MeetingId(mid),
            term: Term(term),
            epoch: Epoch(epoch),
            prev,
            roster: Roster::new(roster.iter().copied().map(MemberIdx)).unwrap(),
            added: Set::new(roster.into_iter().map(MemberIdx).collect::<Vec<_>>()).unwrap(),
            removed: Set::new(removed.into_iter().map(removal).collect::<Vec<_>>()).unwrap(),
            unbanned: Set::default(),
            mk_commit,
            roster_hash: hash,
        }
    })
}

fn bundle() -> impl Strategy<Value = Bundle> {
    let wrap = (array(), any::<u32>(), any::<u16>(), any::<bool>(), array());
    let wrap = wrap.prop_map(|(mid, epoch, idx, fresh, enc_mk)| Wrap {
        mid: MeetingId(mid),
        epoch: Epoch(epoch),
        idx: MemberIdx(idx),
        kem_ct: fresh.then(|| decode(&[6; 1_088]).unwrap()),
        enc_mk,
    });
    let entry = (any::<u16>(), "[a-z]{0,20}", vec(any::<u8>(), 0..99)).prop_map(|(i, name, a)| {
        Entry { idx: MemberIdx(i), name: Text::new(&name).unwrap(), address: Blob::new(a).unwrap() }
    });
    (record(), array(), wrap, vec(entry, 0..5)).prop_map(|(record, sig, wrap, book)| Bundle {
        record,
        sig: Signature::Ed25519(sig),
        wrap,
        book: List::new(book).unwrap(),
    })
}

fn message() -> impl Strategy<Value = PeerMessage> {
    let kinds = prop_oneof![Just(StreamKind::Audio), Just(StreamKind::Screen)];
    prop_oneof![
        knock().prop_map(PeerMessage::Knock),
        bundle().prop_map(PeerMessage::Bundle),
        (any::<u32>(), digest(), array()).prop_map(|(epoch, record, sig)| {
            PeerMessage::Ack(Ack { epoch: Epoch(epoch), record, sig: Signature::Ed25519(sig) })
        }),
        any::<u32>().prop_map(|epoch| PeerMessage::RecordRequest(Epoch(epoch))),
        any::<u32>().prop_map(|epoch| PeerMessage::Alive(Epoch(epoch))),
        vec(any::<u8>(), 0..1_400)
            .prop_map(|sealed| PeerMessage::Signal(Blob::new(sealed).unwrap())),
        knock().prop_map(|Knock { ek, name, address, .. }| {
            PeerMessage::Card(Card { ek, name, address })
        }),
        (any::<u8>(), kinds, array()).prop_map(|(stream, kind, sig)| {
            PeerMessage::StreamAnnounce(StreamAnnounce {
                stream,
                kind,
                sig: Signature::Ed25519(sig),
            })
        }),
        any::<u8>().prop_map(PeerMessage::StreamClose),
        (array(), any::<u32>()).prop_map(|(id, piece)| {
            PeerMessage::PieceRequest(PieceRequest { id: FileId(id), piece })
        }),
        (array(), any::<u32>(), vec(any::<u8>(), 0..600)).prop_map(|(id, piece, sealed)| {
            let (id, sealed) = (FileId(id), Blob::new(sealed).unwrap());
            PeerMessage::Piece(Piece { id, piece, sealed })
        }),
        (array(), array(), array()).prop_map(|(user, dev, sig)| {
            let (user, dev) = (UserId(user), DeviceId(dev));
            PeerMessage::Bearer(Bearer { user, dev, sig: Signature::Ed25519(sig) })
        }),
        (array(), vec(any::<u8>(), 0..MAX_ADDRESS)).prop_map(|(npk, address)| {
            let address = Blob::new(address).unwrap();
            PeerMessage::Refer(Referral { npk: Npk(npk), address })
        }),
        (any::<u32>(), any::<u8>(), any::<u64>()).prop_map(|(epoch, stream, end)| {
            PeerMessage::StreamTail(StreamTail { epoch: Epoch(epoch), stream, end })
        }),
        vec(any::<u8>(), 0..1_400).prop_map(|sealed| PeerMessage::Chat(Blob::new(sealed).unwrap())),
        (any::<u32>(), any::<u8>(), vec(any::<u64>(), 0..MAX_NACK)).prop_map(
            |(epoch, stream, ctrs)| {
                let ctrs = Set::new(ctrs).unwrap();
                PeerMessage::Nack(Nack { epoch: Epoch(epoch), stream, ctrs })
            }
        ),
        any::<u8>().prop_map(PeerMessage::KeyframeRequest),
        (any::<u64>(), digest()).prop_map(|(height, header)| {
            PeerMessage::Gossip(Gossip { height: Height(height), header })
        }),
        (any::<u32>(), digest(), digest(), array()).prop_map(|(epoch, record, hash, sig)| {
            let sig = Signature::Ed25519(sig);
            PeerMessage::CodeCommit(CodeCommit { epoch: Epoch(epoch), record, hash, sig })
        }),
        (any::<u32>(), digest(), array()).prop_map(|(epoch, record, nonce)| {
            PeerMessage::CodeReveal(CodeReveal { epoch: Epoch(epoch), record, nonce })
        }),
        any::<u64>().prop_map(|height| PeerMessage::HeaderRequest(Height(height))),
        (any::<u64>(), vec(any::<u8>(), 0..2_000)).prop_map(|(height, answer)| {
            let answer = Blob::new(answer).unwrap();
            PeerMessage::HeaderProof(HeaderProof { height: Height(height), answer })
        }),
        (record(), array()).prop_map(|(record, sig)| {
            PeerMessage::Record(SignedRecord { record, sig: Signature::Ed25519(sig) })
        }),
        prop_oneof![Just(Farewell::Denied), Just(Farewell::Leaving)].prop_map(PeerMessage::Bye),
    ]
}

fn signal() -> impl Strategy<Value = Signal> {
    let wishes = prop_oneof![Just(Favour::Mute), Just(Favour::Unmute), Just(Favour::HandDown)];
    prop_oneof![
        any::<bool>().prop_map(Signal::Hand),
        (0..Reaction::ALL.len()).prop_map(|one| Signal::Reaction(Reaction::ALL[one])),
        (proptest::option::of(any::<u16>()), wishes)
            .prop_map(|(to, favour)| Signal::Ask(Ask { to: to.map(MemberIdx), favour })),
        (array(), array(), any::<u64>(), "[A-Za-z .]{0,60}").prop_map(|(id, key, size, name)| {
            let (id, key) = (FileId(id), FileKey::new(key));
            Signal::File(FileOffer { id, key, size, name: Text::new(&name).unwrap() })
        }),
        (any::<bool>(), any::<u64>(), array()).prop_map(|(on, at, sig)| {
            let sig = Signature::Ed25519(sig);
            Signal::Recording(Recording { on, at: conclave_protocol::Seconds(at), sig })
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_signal_survives_its_encoding_and_is_no_text(signal in signal(), cut: u16) {
        let mut bytes = signal.to_bytes();
        prop_assert!(bytes.len() <= 400);
        prop_assert_eq!(Signal::from_bytes(&bytes).unwrap(), signal);
        let text = std::str::from_utf8(&bytes).ok().and_then(|text| Text::<1_200>::new(text).ok());
        prop_assert!(text.is_none());
        let cut = usize::from(cut).checked_rem(bytes.len()).unwrap();
        prop_assert!(Signal::from_bytes(&bytes[..cut]).is_err());
        bytes.push(0);
        prop_assert_eq!(Signal::from_bytes(&bytes), Err(DecodeError::Trailing(1)));
    }

    #[test]
    fn what_is_taken_for_a_signal_has_one_encoding(tag in 0_u8..6, rest in vec(any::<u8>(), 0..90)) {
        let bytes = [vec![tag], rest].concat();
        if let Ok(signal) = Signal::from_bytes(&bytes) {
            prop_assert_eq!(signal.to_bytes(), bytes);
        }
    }

    #[test]
    fn a_message_survives_its_encoding(message in message()) {
        let bytes = message.to_bytes();
        prop_assert_eq!(PeerMessage::from_bytes(&bytes).unwrap(), message);
    }

    #[test]
    fn a_message_that_ends_early_or_goes_on_is_refused(message in message(), cut: u16) {
        let mut bytes = message.to_bytes();
        let cut = usize::from(cut).checked_rem(bytes.len()).unwrap();
        prop_assert!(PeerMessage::from_bytes(&bytes[..cut]).is_err());
        bytes.push(0);
        prop_assert_eq!(PeerMessage::from_bytes(&bytes), Err(DecodeError::Trailing(1)));
    }

    #[test]
    fn what_is_accepted_has_one_encoding(tag in 0_u8..30, rest in vec(any::<u8>(), 0..300)) {
        let bytes = [vec![tag], rest].concat();
        if let Ok(message) = PeerMessage::from_bytes(&bytes) {
            prop_assert_eq!(message.to_bytes(), bytes);
        }
    }

    #[test]
    fn a_mutated_message_never_panics(message in message(), at: u16, bit in 0_u8..8) {
        let mut bytes = message.to_bytes();
        let at = usize::from(at).checked_rem(bytes.len()).unwrap();
        bytes[at] ^= 1 << bit;
        if let Ok(message) = PeerMessage::from_bytes(&bytes) {
            prop_assert_eq!(message.to_bytes(), bytes);
        }
    }
}

#[test]
fn a_message_over_the_limit_is_refused_before_it_is_read() {
    let long = vec![0; MAX_MESSAGE + 1];
    assert_eq!(PeerMessage::from_bytes(&long), Err(DecodeError::TooLong(MAX_MESSAGE + 1)));
}

#[test]
fn a_signed_statement_holds_for_its_own_words_only() {
    let chain = ChainId([1; 32]);
    let mid = MeetingId([2; 32]);
    let nsk = Ed25519Signer::from_seed(&[3; 32]);
    let ack = Ack::new(&chain, &mid, Epoch(4), Digest([5; 32]), &nsk);
    assert!(ack.verify(&chain, &mid, nsk.npk()).is_ok());
    assert!(Ack { epoch: Epoch(5), ..ack }.verify(&chain, &mid, nsk.npk()).is_err());
    assert!(ack.verify(&chain, &MeetingId([9; 32]), nsk.npk()).is_err());

    let announce = StreamAnnounce::new(&chain, &mid, MemberIdx(1), 2, StreamKind::Video, &nsk);
    assert!(announce.verify(&chain, &mid, MemberIdx(1), nsk.npk()).is_ok());
    assert!(announce.verify(&chain, &mid, MemberIdx(2), nsk.npk()).is_err());
}

#[test]
fn a_reaction_is_one_of_eight_emojis() {
    for reaction in Reaction::ALL {
        assert_eq!(Reaction::of(reaction.as_str()), Some(reaction));
    }
    assert_eq!(Reaction::of("\u{2764}"), Some(Reaction::Heart), "without its mark");
    for other in ["", "\u{fe0f}", "\u{1f44d}\u{1f44d}", "<b>", "\u{1f600}"] {
        assert_eq!(Reaction::of(other), None);
    }
}

#[test]
fn a_wrap_has_the_size_the_protocol_states() {
    let wrap = |kem_ct| Wrap {
        mid: MeetingId([1; 32]),
        epoch: Epoch(1),
        idx: MemberIdx(1),
        kem_ct,
        enc_mk: [0; 48],
    };
    assert_eq!(encode(&wrap(None)).len(), 87);
    assert_eq!(encode(&wrap(Some(decode(&[6; 1_088]).unwrap()))).len(), 1_175);
}
