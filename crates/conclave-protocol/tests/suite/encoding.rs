//! Every value has one form, and bytes that are not that form are refused.

use std::{fmt::Debug, rc::Rc};

use conclave_protocol::{
    codec::{Blob, EncodeSize, List, Read, Set, Text, Write},
    *,
};
use proptest::{collection::vec, prelude::*, test_runner::TestRunner};

use crate::samples;

/// A value of any type, so that the machinery of proptest is compiled once and not once per type.
trait Sample: Debug {
    /// The value survives its bytes; every shorter and longer form is refused; a changed one is
    /// refused or is another value's one form.
    fn has_one_form(&self, flip: usize);
}

impl<T: Write + EncodeSize + Read<Cfg = ()> + PartialEq + Debug> Sample for T {
    fn has_one_form(&self, flip: usize) {
        let bytes = encode(self);
        assert_eq!(bytes.len(), self.encode_size());
        assert_eq!(decode::<T>(&bytes).as_ref(), Ok(self));
        for end in 0..bytes.len() {
            assert!(decode::<T>(&bytes[..end]).is_err(), "took {end} of {} bytes", bytes.len());
        }
        for byte in [0, 1, 0xff] {
            let longer = [bytes.as_slice(), &[byte]].concat();
            assert_eq!(decode::<T>(&longer), Err(DecodeError::Trailing(1)));
        }
        let mut changed = bytes;
        let bit = flip % (changed.len() * 8);
        changed[bit / 8] ^= 1 << (bit % 8);
        canonical_or_refused::<T>(&changed);
    }
}

fn canonical_or_refused<T: Write + EncodeSize + Read<Cfg = ()> + PartialEq + Debug>(bytes: &[u8]) {
    if let Ok(value) = decode::<T>(bytes) {
        assert_eq!(encode(&value), bytes, "{value:?} has a second form");
    }
}

/// Values, noise, and noise that begins like something known.
fn check(samples: &BoxedStrategy<Rc<dyn Sample>>, read: fn(&[u8])) {
    let mut runner = TestRunner::new(ProptestConfig::with_cases(64));
    let tagged = (0..48_u8, vec(0..4_u8, 0..80), vec(any::<u8>(), 0..200))
        .prop_map(|(tag, small, bytes)| [&[tag], small.as_slice(), &bytes].concat());
    let noise = prop_oneof![vec(any::<u8>(), 0..600), tagged];
    runner
        .run(&(samples, any::<usize>(), noise), |(sample, flip, noise)| {
            sample.has_one_form(flip);
            read(&noise);
            Ok(())
        })
        .unwrap();
}

macro_rules! every_type {
    ($($name:ident $type:ty, $sample:expr;)*) => {
        $(#[test]
        fn $name() {
            let samples = $sample.prop_map(|value: $type| -> Rc<dyn Sample> { Rc::new(value) });
            check(&samples.boxed(), canonical_or_refused::<$type>);
        })*
    };
}

every_type! {
    blobs_have_one_form Blob<40>, samples::blob();
    bodies_of_epochs_have_one_form EpochRecord, samples::epoch_record();
    bodies_of_publication_have_one_form PublishMeeting, samples::publish();
    bodies_of_registration_have_one_form RegisterUser, samples::register();
    bodies_of_requests_have_one_form MeetingRequest, samples::request();
    chain_ids_have_one_form ChainId, samples::chain();
    device_records_have_one_form DeviceRecord, samples::device_record();
    gates_have_one_form identity::Gate, samples::gate();
    geneses_have_one_form Genesis, samples::genesis();
    identity_keys_have_one_form Ivk, samples::ivk();
    infos_have_one_form UserInfo, samples::info();
    invite_nodes_have_one_form invite::Node, samples::node();
    lists_of_keys_have_one_form List<Key, 8>, vec(samples::key(), 0..=8).prop_map(|keys| List::new(keys).unwrap());
    meeting_records_have_one_form MeetingRecord, samples::meeting_record();
    member_records_have_one_form MemberRecord, samples::member_record();
    member_statuses_have_one_form meeting::MemberStatus, samples::member_status();
    policies_have_one_form meeting::Policy, samples::policy();
    positions_have_one_form Position, samples::position();
    records_have_one_form Record, samples::record();
    removals_have_one_form meeting::Removal, samples::removal();
    role_signatures_have_one_form tx::RoleSignature, samples::role_signature();
    roster_records_have_one_form meeting::RosterRecord, samples::roster_record();
    rosters_have_one_form Roster, samples::roster();
    sets_of_indexes_have_one_form Set<MemberIdx, 20>,
        vec(samples::idx(), 0..20).prop_map(|items| Set::new(items).unwrap());
    signatures_have_one_form Signature, samples::signature();
    state_keys_have_one_form Key, samples::key();
    suites_have_one_form meeting::Suite, samples::suite();
    texts_have_one_form Text<64>, samples::text();
    transactions_have_one_form Tx, samples::tx();
    user_records_have_one_form UserRecord, samples::user_record();
}

#[test]
fn integers_are_big_endian_and_counts_two_bytes() {
    assert_eq!(encode(&Epoch(0x0102_0304)), [1, 2, 3, 4]);
    assert_eq!(encode(&Blob::<9>::new(*b"ab").unwrap()), [0, 2, b'a', b'b']);
    assert_eq!(encode(&Some(7_u8)), [1, 7]);
}

#[test]
fn unsorted_and_repeated_items_are_no_set() {
    let refused = DecodeError::Invalid { what: "set", why: "not strictly ascending" };
    for bytes in [[0, 2, 0, 5, 0, 4], [0, 2, 0, 5, 0, 5]] {
        assert_eq!(decode::<Set<MemberIdx, 4>>(&bytes), Err(refused.clone()));
    }
}

#[test]
fn a_length_over_its_bound_is_refused_before_anything_is_read() {
    assert_eq!(decode::<Blob<4>>(&[0xff, 0xff]), Err(DecodeError::TooLong(65_535)));
    assert_eq!(decode::<List<u8, 3>>(&[0, 4, 1, 1, 1, 1]), Err(DecodeError::TooLong(4)));
}

#[test]
fn a_text_is_utf8_in_normal_form_without_control_characters() {
    let refused = |why| Err(DecodeError::Invalid { what: "text", why });
    let bytes = |text: &[u8]| [&[0, text.len() as u8], text].concat();
    assert_eq!(decode::<Text<9>>(&bytes(&[0xff])), refused("not UTF-8"));
    assert_eq!(decode::<Text<9>>(&bytes(b"a\n")), refused("control character"));
    assert_eq!(decode::<Text<9>>(&bytes("e\u{301}".as_bytes())), refused("not in normal form C"));
    // What people type is brought into the form.
    assert_eq!(Text::<9>::new("e\u{301}").unwrap().as_str(), "\u{e9}");
    assert_eq!(Text::<9>::new("\u{7}"), Err(codec::BadText::Control));
    assert_eq!(Text::<2>::new("abc"), Err(codec::BadText::TooLong { max: 2 }));
}

#[test]
fn a_key_or_signature_of_an_unknown_algorithm_is_refused() {
    for algorithm in Algorithm::ALL {
        let device = key::signer(algorithm, &[5; 32]);
        let (ivk, signature) =
            (device.ivk(), device.sign(Context::Ack, &ChainId::default(), b"body"));
        assert_eq!(decode::<Ivk>(&encode(&ivk)), Ok(ivk));
        assert_eq!(decode::<Signature>(&encode(&signature)), Ok(signature));
        assert_eq!(encode(&ivk)[..1], encode(&algorithm));
        assert_eq!(encode(&signature)[..1], encode(&algorithm));
    }
    assert_eq!(decode::<Ivk>(&[3; 33]), Err(DecodeError::Tag));
    assert_eq!(decode::<Signature>(&[3; 65]), Err(DecodeError::Tag));
}

#[test]
fn unknown_kinds_are_refused() {
    for tag in [0x00, 0x0a, 0x1f, 0x2b, 0xff] {
        assert_eq!(decode::<Kind>(&[tag]), Err(DecodeError::Tag));
        assert!(Kind::ALL.iter().all(|kind| encode(kind) != [tag]));
    }
}

#[test]
fn a_roster_has_no_trailing_zero_byte_and_no_index_over_its_bound() {
    let refused = DecodeError::Invalid { what: "roster", why: "trailing zero byte" };
    assert_eq!(decode::<Roster>(&[0, 2, 1, 0]), Err(refused));
    assert_eq!(decode::<Roster>(&[0, 129]), Err(DecodeError::TooLong(129)));
    assert!(Roster::new([MemberIdx(1_024)]).is_err());
    let last = Roster::new([MemberIdx(1_023)]).unwrap();
    assert_eq!(decode(&encode(&last)), Ok(last));
    assert_eq!(encode(&Roster::new([MemberIdx(0), MemberIdx(9)]).unwrap()), [0, 2, 1, 2]);
}

#[test]
fn unknown_succession_rules_are_refused() {
    assert!(decode::<meeting::Policy>(&[8, 0]).is_err());
    assert!(decode::<meeting::Policy>(&[7, 2]).is_err());
}

#[test]
fn a_transaction_longer_than_any_network_allows_is_not_even_read() {
    let bytes = vec![1; 4_097];
    assert_eq!(Tx::decode(&bytes), Err(DecodeError::TooLong(4_097)));
}

#[test]
fn ids_are_shown_short_and_read_whole() {
    let id = MeetingId([0xab; 32]);
    assert_eq!(id.to_string(), "abababab");
    assert_eq!(format!("{id:?}"), "MeetingId(abababab)");
    assert_eq!(id.to_hex().parse(), Ok(id));
    assert_eq!("abababab".parse::<MeetingId>(), Err(id::NotHex));
}
