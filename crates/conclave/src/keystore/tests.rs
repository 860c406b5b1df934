use std::os::unix::fs::PermissionsExt as _;

use conclave_protocol::UserId;

use super::*;

fn secrets(disclosure: Disclosure) -> Secrets {
    Secrets::new(
        ChainId([1; 32]),
        UserId([2; 32]),
        DeviceId([3; 32]),
        [4; 16],
        Zeroizing::new([5; 32]),
        "Ada Lovelace".into(),
        disclosure,
    )
}

fn store() -> (tempfile::TempDir, Keystore) {
    let dir = tempfile::tempdir().unwrap();
    let store = Keystore::new(&dir.path().join("home")).with_cost(Cost::LOWEST);
    (dir, store)
}

fn passphrase() -> Passphrase {
    Passphrase::new("correct horse".into())
}

#[test]
fn what_was_saved_is_what_opens() {
    for passphrase in [None, Some(passphrase())] {
        for disclosure in [
            Disclosure::Clear,
            Disclosure::Encrypted(Zeroizing::new([6; 32])),
            Disclosure::Commit(Zeroizing::new([7; 32])),
        ] {
            let (_dir, store) = store();
            assert!(store.protection().unwrap().is_none());
            let saved = secrets(disclosure);
            let protection = store.save(&saved, passphrase.as_ref()).unwrap();
            assert_eq!(store.protection().unwrap(), Some(protection));
            assert_eq!(store.owner().unwrap(), Some((saved.chain_id, saved.device)));
            assert_eq!(protection == Protection::Passphrase, passphrase.is_some());
            let opened = store.open(passphrase.as_ref()).unwrap();
            assert_eq!(*opened.encode(), *saved.encode());
            assert_eq!(opened.fingerprint(), saved.fingerprint());
        }
    }
}

#[test]
fn a_wrong_passphrase_opens_nothing() {
    let (_dir, store) = store();
    store.save(&secrets(Disclosure::Clear), Some(&passphrase())).unwrap();
    let wrong = Passphrase::new("correct horsf".into());
    assert!(matches!(store.open(Some(&wrong)), Err(OpenError::Tampered(_))));
    assert!(matches!(store.open(None), Err(OpenError::NeedsPassphrase)));
}

#[test]
fn every_bit_of_the_file_counts() {
    let (_dir, store) = store();
    store.save(&secrets(Disclosure::Clear), None).unwrap();
    let bytes = fs::read(store.path()).unwrap();
    for at in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[at / 8] ^= 1 << (at % 8);
        fs::write(store.path(), changed).unwrap();
        assert!(store.open(None).is_err(), "bit {at}");
    }
    for len in 0..bytes.len() {
        fs::write(store.path(), &bytes[..len]).unwrap();
        assert!(store.open(None).is_err(), "{len} bytes");
    }
    fs::write(store.path(), [&bytes[..], &[0]].concat()).unwrap();
    assert!(store.open(None).is_err());
    fs::write(store.path(), &bytes).unwrap();
    assert!(store.open(None).is_ok());
}

#[test]
fn every_bit_of_a_sealed_file_counts_without_paying_for_each() {
    // The same as above for a passphrase, where a try costs tens of milliseconds: the key is
    // derived once for every head that asks for the same work and salt.
    let saved = secrets(Disclosure::Clear);
    let salt = [9; 16];
    let lock = Lock::Passphrase { cost: Cost::LOWEST, salt };
    let key = envelope::derive(&passphrase(), Cost::LOWEST, &salt).unwrap();
    let bytes = Envelope::seal(lock, saved.chain_id, saved.device, &key, &saved).unwrap().encode();
    for at in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[at / 8] ^= 1 << (at % 8);
        let opened = Envelope::decode(&changed).and_then(|envelope| envelope.open(&key));
        assert!(opened.is_err(), "bit {at}");
    }
}

#[test]
fn absurd_work_is_refused_before_it_is_done() {
    let (_dir, store) = store();
    store.save(&secrets(Disclosure::Clear), Some(&passphrase())).unwrap();
    let bytes = fs::read(store.path()).unwrap();
    let at = b"conclave-identity".len() + 2;
    for (offset, number) in
        [(0, u32::MAX), (0, 8), (0, 0), (4, u32::MAX), (4, 1), (8, u32::MAX), (8, 0)]
    {
        let mut changed = bytes.clone();
        changed[at + offset..at + offset + 4].copy_from_slice(&number.to_be_bytes());
        fs::write(store.path(), changed).unwrap();
        let refused = store.open(Some(&passphrase()));
        assert!(matches!(refused, Err(OpenError::Tampered(_))), "{offset} {number}");
    }
}

#[test]
fn files_are_for_this_user_only_and_saving_again_keeps_them_open() {
    let (_dir, store) = store();
    for _ in 0..2 {
        store.save(&secrets(Disclosure::Clear), None).unwrap();
        assert!(store.open(None).is_ok());
    }
    for path in [store.path(), store.key_path()] {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    fs::remove_file(store.key_path()).unwrap();
    assert!(matches!(store.open(None), Err(OpenError::Read(_))));
}

#[test]
fn secrets_do_not_show() {
    let shown = format!("{:?} {:?}", secrets(Disclosure::Clear), passphrase());
    assert_eq!(shown, "Secrets Passphrase");
}
