use std::fs;

use conclave_protocol::{
    Algorithm, ChainId, Ed25519Signer, Position, Seconds, Signer as _, identity::UserStatus,
};

use super::*;
use crate::keystore::{Disclosure, IdentityKey, Origin};

fn secrets(seed: u8) -> Secrets {
    Secrets::new(
        ChainId([1; 32]),
        UserId([8; 32]),
        DeviceId([4; 32]),
        Origin::Founder([2; 16]),
        IdentityKey { algorithm: Algorithm::default(), seed: Zeroizing::new([seed; 32]) },
        "Ana".into(),
        Disclosure::Clear,
    )
}

fn record(seq: u32, last: u8) -> UserRecord {
    UserRecord {
        status: UserStatus::Active,
        seq,
        devices: 1,
        info_chunks: 1,
        handle: None,
        recovery_ivk: None,
        last_tx: Digest([last; 32]),
        registered: Position::default(),
        tokens: 0,
        refilled: Seconds(0),
    }
}

fn ivk(seed: u8) -> Ivk {
    Ed25519Signer::from_seed(&[seed; 32]).ivk()
}

fn person<'a>(dev: u8, ivk: &'a Ivk, record: &'a UserRecord) -> Person<'a> {
    Person { user: UserId([9; 32]), dev: DeviceId([dev; 32]), ivk, record, name: "Ana" }
}

#[test]
fn a_book_opens_again_for_the_same_identity_and_for_no_other() {
    let home = tempfile::tempdir().unwrap();
    let (alice, bob) = (secrets(1), secrets(2));
    let book = Book::open(home.path(), &alice).unwrap();
    book.met(&person(1, &ivk(5), &record(0, 7)), 1_000).unwrap();
    assert_eq!(Book::open(home.path(), &alice).unwrap().people(), book.people());
    let bytes = fs::read(home.path().join("book")).unwrap();
    assert!(Book::open(home.path(), &bob).is_err());
    assert_eq!(fs::read(home.path().join("book")).unwrap(), bytes, "it is left as it is");
}

#[test]
fn a_book_with_one_bit_turned_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let alice = secrets(1);
    Book::open(home.path(), &alice).unwrap().mine(&Digest([3; 32])).unwrap();
    let path = home.path().join("book");
    let bytes = fs::read(&path).unwrap();
    for at in [0, 20, 45, bytes.len() - 1] {
        let mut bad = bytes.clone();
        bad[at] ^= 1;
        files::replace(&path, &bad).unwrap();
        assert!(Book::open(home.path(), &alice).is_err(), "byte {at}");
    }
}

#[test]
fn after_a_rotation_the_book_opens_with_the_new_key_only() {
    let home = tempfile::tempdir().unwrap();
    let book = Book::open(home.path(), &secrets(1)).unwrap();
    book.mine(&Digest([3; 32])).unwrap();
    let mut new = secrets(1);
    new.next = Some(Zeroizing::new([8; 32]));
    let new = new.rotated();
    book.rekey(&new).unwrap();
    assert!(Book::open(home.path(), &new).unwrap().is_mine(&Digest([3; 32])));
    assert!(Book::open(home.path(), &secrets(1)).is_err());
}

#[test]
fn people_are_known_by_device_key_and_last_change() {
    let home = tempfile::tempdir().unwrap();
    let book = Book::open(home.path(), &secrets(1)).unwrap();
    let (key, other, then) = (ivk(5), ivk(6), record(2, 7));
    assert_eq!(book.judge(&person(1, &key, &then)), Acquaintance::New);
    book.met(&person(1, &key, &then), 1_000).unwrap();
    book.met(&person(1, &key, &then), 5_000).unwrap();
    let since_ms = 1_000;
    assert_eq!(book.judge(&person(1, &key, &then)), Acquaintance::SameKey { since_ms });
    assert_eq!(book.judge(&person(2, &other, &then)), Acquaintance::OtherDevice { since_ms });
    let changed = Acquaintance::Changed { since_ms, known: Digest([7; 32]), changes: 2 };
    assert_eq!(book.judge(&person(1, &other, &record(4, 9))), changed);
    let rewritten = Acquaintance::Rewritten { since_ms };
    assert_eq!(book.judge(&person(1, &key, &record(1, 7))), rewritten, "an older past");
    assert_eq!(book.judge(&person(1, &key, &record(2, 8))), rewritten, "another past");
    assert!(book.forget(&UserId([9; 32]).to_hex()).unwrap());
    assert_eq!(book.judge(&person(1, &key, &then)), Acquaintance::New);
}

#[test]
fn changes_by_others_wait_for_a_word() {
    let home = tempfile::tempdir().unwrap();
    let book = Book::open(home.path(), &secrets(1)).unwrap();
    let foreign = Foreign { id: "aa".into(), text: "a device was added".into(), at_ms: 3 };
    book.looked(&Digest([4; 32]), vec![foreign.clone()]).unwrap();
    let book = Book::open(home.path(), &secrets(1)).unwrap();
    assert_eq!((book.seen(), book.unexplained()), (Some(Digest([4; 32])), vec![foreign]));
    book.acknowledge().unwrap();
    assert!(Book::open(home.path(), &secrets(1)).unwrap().unexplained().is_empty());
}

#[test]
fn the_oldest_acquaintance_makes_room() {
    let book = Book::blank(&secrets(1));
    let (key, record) = (ivk(5), record(0, 7));
    for number in 0..=MAX_PEOPLE as u64 {
        let mut user = [0; 32];
        user[..8].copy_from_slice(&number.to_be_bytes());
        let mut one = person(1, &key, &record);
        one.user = UserId(user);
        book.met(&one, 1_000 + number).unwrap();
    }
    assert_eq!(book.people().len(), MAX_PEOPLE);
    let mut first = person(1, &key, &record);
    first.user = UserId([0; 32]);
    assert_eq!(book.judge(&first), Acquaintance::New);
}

#[test]
fn meetings_are_remembered_until_the_ledger_forgot_them() {
    let home = tempfile::tempdir().unwrap();
    let book = Book::open(home.path(), &secrets(1)).unwrap();
    let [one, two, other] = [1, 2, 3].map(|mid| MeetingId([mid; 32]));
    book.attended(two, 2_000, true).unwrap();
    book.attended(one, 1_000, true).unwrap();
    // Somebody else's meeting that a person looked at is not written down.
    book.attended(other, 1_000, false).unwrap();
    let book = Book::open(home.path(), &secrets(1)).unwrap();
    assert_eq!(book.meetings(u64::MAX), [one, two]);
    assert_eq!(book.meetings(2_000), [one]);
    // It went on for longer than was known.
    book.attended(one, 3_000, false).unwrap();
    assert_eq!(book.meetings(u64::MAX), [two, one]);
    book.attended(one, 500, false).unwrap();
    assert_eq!(book.meetings(3_000), [two]);
    book.cleared(two).unwrap();
    assert_eq!(book.meetings(u64::MAX), [one]);
}

#[test]
fn the_oldest_meeting_makes_room() {
    let book = Book::blank(&secrets(1));
    let mid = |number: usize| {
        let mut mid = [7; 32];
        mid[..8].copy_from_slice(&number.to_be_bytes());
        MeetingId(mid)
    };
    for number in 0..=MAX_MEETINGS {
        book.attended(mid(number), number as u64, true).unwrap();
    }
    let known = book.meetings(u64::MAX);
    assert_eq!((known.len(), known[0]), (MAX_MEETINGS, mid(1)));
}
