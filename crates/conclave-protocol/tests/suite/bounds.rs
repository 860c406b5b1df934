//! The largest of everything still fits where it must.

use conclave_protocol::{
    codec::{Blob, EncodeSize, Set, Text},
    identity::{HandleRecord, INFO_CHUNKS, MAX_INFO, PendingRecord, Recovery, Wish, chunks},
    meeting::{
        AutoAdmit, MeetingPolicy, MemberStatus, Reason, RefreshKeys, RosterRecord, Succession,
        VoteLeader,
    },
    state::{MAX_RECORD, RequestTimes, Seat},
    tx::MAX_TX_BYTES,
    validators::{
        AnchorEntry, AnchorsRecord, CastVote, KEYS_PART, ValidatorChangeRecord,
        ValidatorKeysRecord, ValidatorRecord, ValidatorSetRecord,
    },
    *,
};

use crate::{
    samples,
    world::{World, removal},
};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};

/// Any value of a type whose size does not vary.
fn any_of<T: std::fmt::Debug>(strategy: impl Strategy<Value = T>) -> T {
    strategy.new_tree(&mut TestRunner::deterministic()).unwrap().current()
}

/// The change of the set that takes the most bytes.
fn largest_change() -> ValidatorChange {
    let key = ValidatorKey([1; 32]);
    let contact = Contact {
        name: Text::new(&"n".repeat(24)).unwrap(),
        p2p: Text::new(&"p".repeat(56)).unwrap(),
        rpc: Text::new(&"r".repeat(64)).unwrap(),
    };
    ValidatorChange::Replace(key, key, contact)
}

/// The largest record of every kind.
fn largest_records() -> Vec<Record> {
    let ivk = Ivk::Ed448([1; 57]);
    let full = Roster::new((0..1_024).map(MemberIdx)).unwrap();
    vec![
        Record::User(UserRecord {
            handle: Some(Text::new(&"h".repeat(32)).unwrap()),
            recovery_ivk: Some(ivk),
            ..any_of(samples::user_record())
        }),
        Record::Info(Blob::new([1; 240]).unwrap()),
        Record::DeviceId(DeviceId::default()),
        Record::Device(DeviceRecord {
            ivk,
            revoked: Some(Height(1)),
            ..any_of(samples::device_record())
        }),
        Record::Handle(HandleRecord {
            user: UserId::default(),
            claimed: Position::default(),
            released: Some(Seconds(1)),
        }),
        Record::Pending(PendingRecord {
            user: UserId::default(),
            wish: Wish::Recovery(Recovery { ivk, recovery_ivk: Some(ivk), by: ivk }),
            due: Seconds(1),
        }),
        Record::ValidatorSet(ValidatorSetRecord { changes: 1, members: 128 }),
        Record::ValidatorKeys(
            ValidatorKeysRecord::new([ValidatorKey([1; 32]); KEYS_PART]).unwrap(),
        ),
        Record::ValidatorChange(ValidatorChangeRecord {
            change: largest_change(),
            agreed: Position::default(),
        }),
        Record::Validator(ValidatorRecord {
            vote: Some(CastVote { seq: 1, change: Digest::default() }),
            ..any_of(samples::validator_record())
        }),
        Record::Anchors(AnchorsRecord { count: 1, newest: Height(1) }),
        Record::Anchor(AnchorEntry {
            place: AnchorPlace::Ethereum(1, [1; 32], [1; 32]),
            ..any_of(samples::anchor_entry())
        }),
        Record::Meeting(MeetingRecord {
            gone_at: Some(Seconds(1)),
            rekey_due: Some(Seconds(1)),
            ..any_of(samples::meeting_record())
        }),
        Record::Member(MemberRecord {
            ivk,
            status: MemberStatus::Removed(Reason::Banned),
            ..any_of(samples::member_record())
        }),
        Record::Roster(RosterRecord { roster: full, hash: Digest::default() }),
        Record::Ban(Height(1)),
        Record::RequestTimes(RequestTimes::new([Seconds(1); 16]).unwrap()),
        Record::Seat(Seat { mid: MeetingId::default(), idx: MemberIdx(1) }),
    ]
}

#[test]
fn every_record_fits_in_its_place() {
    let records = largest_records();
    let mut tags: Vec<u8> = records.iter().map(|record| encode(record)[0]).collect();
    tags.dedup();
    assert_eq!(tags.len(), records.len(), "a kind of record is missing or twice");
    for record in records {
        let size = record.encode_size();
        assert!(size <= MAX_RECORD, "{size} bytes: {record:?}");
    }
}

#[test]
fn the_largest_infos_fit_in_their_records() {
    for info in [
        UserInfo::Clear(Text::new(&"x".repeat(MAX_INFO)).unwrap()),
        UserInfo::Encrypted([1; 8], [1; 12], Blob::new([1; 1_040]).unwrap()),
    ] {
        assert_eq!(chunks(&info).len(), usize::from(INFO_CHUNKS));
    }
}

#[test]
fn the_largest_epoch_record_fits_in_a_transaction() {
    let everybody = (0..1_024).map(MemberIdx);
    let record = EpochRecord {
        roster: Roster::new(everybody.clone().skip(768)).unwrap(),
        added: Set::new(everybody.clone().skip(768).collect::<Vec<_>>()).unwrap(),
        removed: Set::new(
            everybody.take(768).map(|idx| removal(idx, Reason::Kicked)).collect::<Vec<_>>(),
        )
        .unwrap(),
        ..any_of(samples::epoch_record())
    };
    let tx = Tx::new(ChainId::default(), DeviceId::default(), 1, Seconds(1), record);
    assert!(tx.encode_size() + 65 <= MAX_TX_BYTES, "{}", tx.encode_size());
}

#[test]
fn a_network_may_take_less_than_the_format() {
    let mut world = World::new();
    let person = world.person(1);
    world.rules.params.max_tx = 300;
    let body = world.publish_body(&person, 1);
    assert_eq!(world.say(&person, body), Err(Refusal::TooLarge));
}

#[test]
fn ordinary_transactions_are_a_few_hundred_bytes() {
    let mut world = World::new();
    let (_, registration) = world.registration(2);
    let person = world.person(1);
    let mid = world.publish(&person);
    world.wait(1);
    let (term, epoch) = (Term(1), Epoch(0));
    let publish = world.publish_body(&person, 1);
    let request = world.request_body(&person, mid);
    let record = world.record(mid, &[], &[]);
    let (idx, auto_admit) = (MemberIdx(0), AutoAdmit::Never);
    let claim = LeaderReassign {
        mid,
        term,
        rule: Succession::Time,
        prev_ivk: person.signer.ivk(),
        idx,
        ivk: person.signer.ivk(),
        epk: Epk([1; 32]),
        absent: Set::default(),
    };
    let size = |body: Body| world.tx(&person, body).encode_size();
    let remove = ValidatorVote { seq: 0, change: ValidatorChange::Remove(ValidatorKey([1; 32])) };
    let largest = ValidatorVote { seq: 0, change: largest_change() };
    let anchor = AnchorRecord {
        height: Height(1),
        header: Digest::default(),
        anchor: AnchorPlace::Ethereum(1, [1; 32], [1; 32]),
    };
    let sizes = [
        registration.encode_size(),
        size(publish.into()),
        size(request.into()),
        size(MeetingLeave { mid, idx: MemberIdx(0) }.into()),
        size(record.into()),
        size(Heartbeat { mid, term, epoch }.into()),
        size(MeetingDismiss { mid, term, epoch }.into()),
        size(claim.into()),
        size(VoteLeader { mid, term, idx, candidate: idx }.into()),
        size(RefreshKeys { mid, idx, epk: Epk([1; 32]), ek_hash: [1; 32] }.into()),
        size(MeetingPolicy { mid, term, auto_admit, locked: true }.into()),
        size(PruneMeeting { mid, next: idx }.into()),
        size(remove.into()),
        size(largest.into()),
        size(anchor.into()),
    ];
    // Sizes are part of the format: a change here is a change of every node.
    assert_eq!(sizes, [373, 412, 378, 183, 294, 189, 189, 288, 189, 247, 187, 183, 186, 368, 262]);
}
