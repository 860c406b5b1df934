//! A light client follows its validators from set to set by proof, and by nothing else.

use commonware_codec::{Copying, DecodeExt as _};
use commonware_consensus::simplex::scheme::ed25519::Scheme;
use commonware_cryptography::{
    Signer as _,
    ed25519::{PrivateKey, PublicKey},
};
use conclave_protocol::{Ed25519Signer, Params};
use proptest::prelude::*;

use super::{
    tests::{certify, every_flip_is_refused},
    *,
};
use crate::{
    block::{Round, Section, empty_tx_root, to_bytes},
    committee::Committee,
    handover::{Handover, MAX_HANDOVERS},
};

const NOW: u64 = 1_000_000;

/// Epochs of ten blocks: the last block of epoch 0 is block 9.
const EPOCH: u32 = 10;

/// Validators 1 to 4 found the network; 5 comes, 1 goes.
const SETS: [&[u8]; 3] = [&[1, 2, 3, 4], &[1, 2, 3, 4, 5], &[2, 3, 4, 5]];

fn key(number: u8) -> PrivateKey {
    PrivateKey::decode(Copying(&[number; 32])).unwrap()
}

fn genesis() -> Genesis {
    let validators =
        SETS[0].iter().map(|number| Ed25519Signer::from_seed(&[*number; 32]).validator());
    let params = Params { epoch_blocks: EPOCH, ..Params::default() };
    Genesis::new("test", 0, validators.collect::<Vec<_>>(), params).unwrap()
}

fn keys(set: &[u8]) -> Vec<PublicKey> {
    set.iter().map(|number| key(*number).public_key()).collect()
}

fn committee(set: &[u8]) -> Committee {
    Committee::over(&genesis().chain_id(), keys(set)).unwrap()
}

/// A quorum of a set.
fn quorum(set: &[u8]) -> Vec<Scheme> {
    let committee = committee(set);
    let quorum = set.len() - committee.faults();
    set.iter().take(quorum).map(|number| committee.signer(key(*number)).unwrap()).collect()
}

/// A header of this height, sealed by one set and naming another one for the next block.
fn header(height: u64, set: &[u8], next: &[u8]) -> Header {
    let section = || Section {
        prev: EngineDigest([0; 32]),
        count: 0,
        tx_root: empty_tx_root(),
        state_root: EngineDigest([3; 32]),
        ops_root: EngineDigest([1; 32]),
        ops: (0, 2),
    };
    Header {
        height,
        time_ms: NOW - 1_000 + height,
        parent: EngineDigest([4; 32]),
        round: Round {
            epoch: height / u64::from(EPOCH),
            view: 6,
            parent_view: 5,
            leader: key(set[0]).public_key(),
        },
        identity: section(),
        meeting: section(),
        valset_hash: committee(set).hash(),
        next_valset_hash: committee(next).hash(),
    }
}

fn sealed(header: Header, by: &[u8]) -> HeaderAnswer {
    let certificate = certify(&quorum(by), &header);
    HeaderAnswer { header, links: Vec::new(), certificate }
}

/// The step from one of the sets to the next one.
fn step(number: usize) -> Handover {
    let height = u64::from(EPOCH) * (2 * number as u64 + 1) - 1;
    let (old, new) = (SETS[number], SETS[number + 1]);
    Handover { boundary: sealed(header(height, old, new), old), keys: keys(new) }
}

fn bytes(handovers: &[Handover]) -> Vec<u8> {
    to_bytes(&HandoversAnswer(handovers.to_vec())).to_vec()
}

fn client() -> LightClient {
    LightClient::new(&genesis()).unwrap()
}

fn on_header(client: &mut LightClient, answer: &HeaderAnswer) -> Result<HeaderFacts, Refusal> {
    client.on_header(&to_bytes(answer), NOW)
}

#[test]
fn a_client_follows_the_set_by_its_handovers() {
    let mut client = client();
    let old = sealed(header(8, SETS[0], SETS[0]), SETS[0]);
    let new = sealed(header(10, SETS[1], SETS[1]), SETS[1]);
    let newest = sealed(header(30, SETS[2], SETS[2]), SETS[2]);
    assert!(on_header(&mut client, &old).is_ok());
    assert_eq!(on_header(&mut client, &new), Err(Refusal::UnknownValidators));
    assert_eq!(client.on_handovers(&bytes(&[step(0), step(1)]), NOW), Ok(2));
    assert_eq!(client.handovers(), 2);
    for answer in [&old, &new, &newest, &step(0).boundary, &step(1).boundary] {
        assert!(on_header(&mut client, answer).is_ok(), "height {}", answer.header.height);
    }
    let members = |height| client.validators(Height(height)).len();
    assert_eq!([members(9), members(10), members(29), members(30)], [4, 5, 5, 4]);
    // What is known already is passed over.
    assert_eq!(client.on_handovers(&bytes(&[step(0), step(1)]), NOW), Ok(0));
    assert_eq!(client.on_handovers(&bytes(&[]), NOW), Ok(0));
}

#[test]
fn a_removed_validator_counts_no_more() {
    let mut client = client();
    client.on_handovers(&bytes(&[step(0), step(1)]), NOW).unwrap();
    // A quorum of the old set, the removed one among them, under the new set's name.
    let forged = header(30, SETS[2], SETS[2]);
    let old = committee(SETS[1]);
    let voters: Vec<_> =
        [1, 2, 3, 4].iter().map(|number| old.signer(key(*number)).unwrap()).collect();
    let certificate = certify(&voters, &forged);
    let answer = HeaderAnswer { header: forged, links: Vec::new(), certificate };
    assert_eq!(on_header(&mut client, &answer), Err(Refusal::BadCertificate));
}

#[test]
fn the_old_set_seals_nothing_beyond_its_last_block() {
    let mut client = client();
    client.on_handovers(&bytes(&[step(0)]), NOW).unwrap();
    for height in [10, 11, 19, 29, 1_000] {
        let late = sealed(header(height, SETS[0], SETS[0]), SETS[0]);
        assert_eq!(on_header(&mut client, &late), Err(Refusal::UnknownValidators), "{height}");
    }
    // Nor does it name an epoch of before.
    let mut late = header(10, SETS[0], SETS[0]);
    late.round.epoch = 0;
    let late = sealed(late, SETS[0]);
    assert_eq!(on_header(&mut client, &late), Err(Refusal::UnknownValidators));
}

#[test]
fn handovers_out_of_order_are_refused() {
    let mut client = client();
    assert_eq!(client.on_handovers(&bytes(&[step(1)]), NOW), Err(Refusal::UnknownValidators));
    let swapped = bytes(&[step(1), step(0)]);
    assert_eq!(client.on_handovers(&swapped, NOW), Err(Refusal::UnknownValidators));
    assert_eq!(client.handovers(), 0);
}

#[test]
fn a_handover_that_the_old_set_did_not_sign_is_refused() {
    let forged = |change: fn(&mut Handover)| {
        let mut handover = step(0);
        change(&mut handover);
        client().on_handovers(&bytes(&[handover]), NOW)
    };
    // The next set vouches for itself.
    let by_next =
        forged(|it| it.boundary.certificate = certify(&quorum(SETS[1]), &it.boundary.header));
    assert_eq!(by_next, Err(Refusal::BadCertificate));
    // Other keys than the header names, some left out, one twice.
    assert_eq!(forged(|it| it.keys = keys(&[1, 2, 3, 4, 6])), Err(Refusal::BadHandover));
    assert_eq!(forged(|it| it.keys.truncate(4)), Err(Refusal::BadHandover));
    assert_eq!(forged(|it| it.keys.push(it.keys[0].clone())), Err(Refusal::BadHandover));
    // Signed, but not the last block of an epoch.
    let early = forged(|it| it.boundary = sealed(header(8, SETS[0], SETS[1]), SETS[0]));
    assert_eq!(early, Err(Refusal::BadHandover));
    // Signed, but nothing changes.
    let same = forged(|it| {
        it.boundary = sealed(header(9, SETS[0], SETS[0]), SETS[0]);
        it.keys = keys(SETS[0]);
    });
    assert_eq!(same, Err(Refusal::BadHandover));
    // Another epoch than that of its height.
    let elsewhere = forged(|it| {
        let mut header = header(9, SETS[0], SETS[1]);
        header.round.epoch = 1;
        it.boundary = sealed(header, SETS[0]);
    });
    assert_eq!(elsewhere, Err(Refusal::BadHandover));
    // From the future.
    let mut client = client();
    assert_eq!(client.on_handovers(&bytes(&[step(0)]), 0), Err(Refusal::FromTheFuture));
}

#[test]
fn every_flipped_byte_of_a_handover_is_refused() {
    let good = bytes(&[step(0)]);
    every_flip_is_refused(&good, |lie| client().on_handovers(lie, NOW) == Ok(1));
}

#[test]
fn a_set_that_hands_over_and_goes_on_is_caught() {
    let mut client = client();
    // Nobody showed the handover, so the old set is believed beyond its last block.
    let beyond = sealed(header(12, SETS[0], SETS[0]), SETS[0]);
    assert!(on_header(&mut client, &beyond).is_ok());
    assert_eq!(client.on_handovers(&bytes(&[step(0)]), NOW), Err(Refusal::Fork));
    let evidence = client.evidence().unwrap();
    assert_eq!(evidence.first, to_bytes(&beyond).to_vec());
    assert_eq!(evidence.second, to_bytes(&step(0).boundary).to_vec());
    assert_eq!(on_header(&mut client, &beyond), Err(Refusal::Fork));
    assert_eq!(client.on_handovers(&bytes(&[step(0)]), NOW), Err(Refusal::Fork));
}

#[test]
fn two_different_last_blocks_are_evidence() {
    let mut client = client();
    let mut other = header(9, SETS[0], SETS[0]);
    other.time_ms += 1;
    let other = sealed(other, SETS[0]);
    assert!(on_header(&mut client, &other).is_ok());
    assert_eq!(client.on_handovers(&bytes(&[step(0)]), NOW), Err(Refusal::Fork));
    assert_eq!(client.evidence().unwrap().height, Height(9));
}

#[test]
fn an_answer_with_too_many_handovers_is_not_looked_at() {
    let many = vec![step(0); MAX_HANDOVERS + 1];
    assert_eq!(client().on_handovers(&bytes(&many), NOW), Err(Refusal::Malformed));
    let long = vec![0; MAX_ANSWER + 1];
    assert_eq!(client().on_handovers(&long, NOW), Err(Refusal::Malformed));
}

proptest! {
    #[test]
    fn hostile_handovers_never_panic(bytes in proptest::collection::vec(any::<u8>(), 1..2_000)) {
        let verdict = client().on_handovers(&bytes, NOW);
        prop_assert!(verdict.is_err() || verdict == Ok(0));
    }
}
