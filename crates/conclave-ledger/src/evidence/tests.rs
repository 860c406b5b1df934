//! A proof accuses whoever broke their word, and nobody else.

use commonware_codec::{Copying, DecodeExt as _, Encode as _};
use commonware_consensus::{
    Reporter as _,
    simplex::{
        scheme::ed25519::Scheme,
        types::{
            Activity, ConflictingFinalize, ConflictingNotarize, Finalize, Notarize, Nullify,
            NullifyFinalize, Proposal,
        },
    },
    types::{Epoch, Round, View},
};
use commonware_cryptography::{ed25519::PrivateKey, sha256::Digest as EngineDigest};
use commonware_parallel::Sequential;
use commonware_utils::iter::NonEmpty;
use conclave_protocol::{ChainId, Digest, Ed25519Signer, Genesis, Height, Params, ValidatorKey};
use proptest::prelude::*;

use super::{accuser::Proof, vote::VotesCase, *};
use crate::{
    answer::{Certificate, HeaderAnswer},
    block::{Header, to_bytes},
    committee::{Committee, public_key},
    light::{ForkEvidence, Refusal},
    validator::Network,
};

const NOW: u64 = 1_000_000;

/// Blocks of an epoch.
const EPOCH: u64 = 10;

fn key(seed: u8) -> ValidatorKey {
    Ed25519Signer::from_seed(&[seed; 32]).validator()
}

fn genesis(name: &str) -> Genesis {
    let keys: Vec<_> = (1..=4).map(key).collect();
    let params = Params { epoch_blocks: 10, ..Params::default() };
    Genesis::new(name, 0, keys, params).unwrap()
}

fn committee(genesis: &Genesis, seeds: std::ops::RangeInclusive<u8>) -> Committee {
    Committee::new(&genesis.chain_id(), &seeds.map(key).collect::<Vec<_>>()).unwrap()
}

fn signer(committee: &Committee, seed: u8) -> Scheme {
    let key = PrivateKey::decode(Copying(&[seed; 32])).unwrap();
    committee.signer(key).unwrap()
}

/// A header of this height, with something in it that makes it another one.
fn header(genesis: &Genesis, height: u64, salt: u8) -> Header {
    let network = Network::of(genesis).unwrap();
    let mut header = network.genesis_block().header.clone();
    header.height = height;
    header.time_ms = NOW - 1_000 + height;
    header.round.epoch = height / EPOCH;
    header.round.view = height + 1;
    header.round.parent_view = height;
    header.identity.state_root = EngineDigest([salt; 32]);
    header
}

fn child(parent: &Header) -> Header {
    let mut child = parent.clone();
    child.height += 1;
    child.time_ms += 10;
    child.round.view += 1;
    child.parent = parent.digest();
    child
}

fn certify(committee: &Committee, seeds: &[u8], header: &Header) -> Certificate {
    let round = Round::new(Epoch::new(header.round.epoch), View::new(header.round.view));
    let proposal = Proposal::new(round, View::new(header.round.parent_view), header.digest());
    let vote = |seed: &u8| Finalize::sign(&signer(committee, *seed), proposal.clone()).unwrap();
    let mut votes = seeds.iter().map(vote).collect::<Vec<_>>().into_iter();
    let votes = NonEmpty::new(votes.next().unwrap(), votes);
    Certificate::from_owned_finalizes(&signer(committee, seeds[0]), votes, &Sequential).unwrap()
}

fn answer(
    committee: &Committee,
    seeds: &[u8],
    header: &Header,
    links: Vec<Header>,
) -> HeaderAnswer {
    let certificate = certify(committee, seeds, links.last().unwrap_or(header));
    HeaderAnswer { header: header.clone(), links, certificate }
}

/// A light client that was shown two histories.
fn forked(genesis: &Genesis, first: &HeaderAnswer, second: &HeaderAnswer) -> LightClient {
    let mut client = LightClient::new(genesis).unwrap();
    client.on_header(&to_bytes(first), NOW).unwrap();
    assert_eq!(client.on_header(&to_bytes(second), NOW), Err(Refusal::Fork));
    client
}

/// Two certified headers of height 5, as a client keeps them.
fn fork() -> (Genesis, Vec<u8>) {
    let genesis = genesis("test");
    let all = committee(&genesis, 1..=4);
    let (one, other) = (header(&genesis, 5, 1), header(&genesis, 5, 2));
    let first = answer(&all, &[1, 2, 3], &one, vec![]);
    let second = answer(&all, &[2, 3, 4], &other, vec![]);
    let proof = Evidence::of_client(&forked(&genesis, &first, &second), &genesis).unwrap();
    (genesis, proof)
}

/// Flips each bit of each byte alone, and all bits of each byte together.
fn every_flip_is_refused(proof: &[u8], genesis: &Genesis) {
    assert!(Evidence::verify(proof, genesis).is_ok());
    let mut lie = proof.to_vec();
    for at in 0..lie.len() {
        for flip in [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff] {
            lie[at] ^= flip;
            let verdict = Evidence::verify(&lie, genesis);
            assert!(verdict.is_err(), "byte {at} of {} flipped by {flip:#04x}", lie.len());
            lie[at] ^= flip;
        }
    }
    for cut in 0..proof.len() {
        assert_eq!(Evidence::verify(&proof[..cut], genesis), Err(NoEvidence::Malformed));
    }
    lie.push(0);
    assert_eq!(Evidence::verify(&lie, genesis), Err(NoEvidence::Malformed));
}

#[test]
fn two_certificates_for_one_height_name_who_signed_both() {
    let (genesis, proof) = fork();
    let Ok(Evidence::Fork(fork)) = Evidence::verify(&proof, &genesis) else { panic!() };
    assert_eq!((fork.height, fork.validators), (Height(5), 4));
    assert!(fork.is_one_round && fork.headers[0] < fork.headers[1]);
    let mut both = vec![key(2), key(3)];
    both.sort();
    assert_eq!(fork.signers, both);
    let words = fork.to_string();
    assert!(words.contains("height 5") && words.contains(&Digest(key(2).0).to_hex()), "{words}");
    assert_eq!(Evidence::chain(&proof), Ok(genesis.chain_id()));
}

#[test]
fn every_flipped_byte_of_a_fork_is_refused() {
    let (genesis, proof) = fork();
    every_flip_is_refused(&proof, &genesis);
}

#[test]
fn a_fork_that_shows_in_a_later_header_is_cut_to_where_it_began() {
    let genesis = genesis("test");
    let all = committee(&genesis, 1..=4);
    let root = header(&genesis, 5, 1);
    let mut other = child(&root);
    other.identity.state_root = EngineDigest([3; 32]);
    let first = answer(&all, &[1, 2, 3], &root, vec![child(&root)]);
    let second = answer(&all, &[1, 2, 4], &root, vec![other.clone(), child(&other)]);
    let client = forked(&genesis, &first, &second);
    let proof = Evidence::of_client(&client, &genesis).unwrap();
    let Ok(Evidence::Fork(fork)) = Evidence::verify(&proof, &genesis) else { panic!() };
    assert_eq!(fork.height, Height(6));
    assert!(!fork.is_one_round);
    assert!(fork.to_string().contains("More than a third of the 4 validators"));
}

#[test]
fn what_is_no_fork_is_refused_with_its_reason() {
    let genesis = genesis("test");
    let all = committee(&genesis, 1..=4);
    let (one, other) = (header(&genesis, 5, 1), header(&genesis, 6, 2));
    let write = |first: &HeaderAnswer, second: &HeaderAnswer, height| {
        let (first, second) = (to_bytes(first).to_vec(), to_bytes(second).to_vec());
        let case = ForkCase::of(&ForkEvidence { height: Height(height), first, second });
        let file = |case| File { chain: genesis.chain_id(), handovers: vec![], case };
        case.map(|case| file(Case::Fork(case.into())).to_vec())
    };
    // One header under two certificates is no contradiction.
    let first = answer(&all, &[1, 2, 3], &one, vec![]);
    let again = answer(&all, &[2, 3, 4], &one, vec![]);
    let proof = write(&first, &again, 5).unwrap();
    assert!(matches!(Evidence::verify(&proof, &genesis), Err(NoEvidence::Harmless(_))));
    assert!(write(&first, &answer(&all, &[1, 2, 3], &other, vec![]), 5).is_err());
    // A certificate of strangers accuses nobody.
    let strangers = committee(&self::genesis("another"), 1..=4);
    let forged = answer(&strangers, &[1, 2, 3], &header(&genesis, 5, 2), vec![]);
    let proof = write(&first, &forged, 5).unwrap();
    let verdict = Evidence::verify(&proof, &genesis);
    assert_eq!(verdict, Err(NoEvidence::History(Refusal::BadCertificate)));
    let client = LightClient::new(&genesis).unwrap();
    assert!(matches!(Evidence::of_client(&client, &genesis), Err(NoEvidence::Harmless(_))));
}

#[test]
fn a_proof_of_another_network_is_not_judged() {
    let (genesis, proof) = fork();
    let verdict = Evidence::verify(&proof, &self::genesis("another"));
    assert_eq!(verdict, Err(NoEvidence::OtherNetwork(genesis.chain_id())));
}

/// The votes of one round that contradict each other, and what they are called.
fn contradictions(scheme: &Scheme) -> [(&'static str, Activity<Scheme, EngineDigest>); 3] {
    let round = Round::new(Epoch::new(0), View::new(7));
    let proposal = |byte| Proposal::new(round, View::new(6), EngineDigest([byte; 32]));
    let notarize = |byte| Notarize::sign(scheme, proposal(byte)).unwrap();
    let finalize = |byte| Finalize::sign(scheme, proposal(byte)).unwrap();
    let nullify = Nullify::sign::<EngineDigest>(scheme, round).unwrap();
    [
        ("notarize", {
            let pair = ConflictingNotarize::new(notarize(2), notarize(1));
            Activity::ConflictingNotarize(pair)
        }),
        ("finalize", {
            let pair = ConflictingFinalize::new(finalize(1), finalize(2));
            Activity::ConflictingFinalize(pair)
        }),
        ("nullify", Activity::NullifyFinalize(NullifyFinalize::new(nullify, finalize(1)))),
    ]
}

/// What an accuser of a network keeps of an activity.
fn accuse(genesis: &Genesis, activity: Activity<Scheme, EngineDigest>) -> Vec<Proof> {
    let accusations = Accusations::default();
    let sets = Sets::of(genesis).unwrap();
    let mut accuser = Accuser::new(genesis.chain_id(), &sets, 0, accusations.clone());
    accuser.report(activity.clone());
    // Once is enough.
    accuser.report(activity);
    accusations.watch().borrow().clone()
}

#[test]
fn votes_that_exclude_each_other_become_a_proof_that_names_the_validator() {
    let genesis = genesis("test");
    for (name, activity) in contradictions(&signer(&committee(&genesis, 1..=4), 3)) {
        let kept = accuse(&genesis, activity);
        let [proof] = &*kept else { panic!("{name}: {kept:?}") };
        let verdict = Evidence::verify(&proof.bytes, &genesis);
        let Ok(Evidence::Votes(votes)) = verdict else { panic!("{name}: {verdict:?}") };
        assert_eq!((votes.signer, votes.epoch, votes.view), (key(3), 0, 7));
        assert_eq!(votes.votes[0].kind.name(), name);
        assert!(votes.votes[0] < votes.votes[1]);
        assert_eq!(proof.name, format!("{}-0-7", Digest(key(3).0).to_hex()));
        assert!(votes.to_string().contains("round 7 of epoch 0"), "{votes}");
    }
}

#[test]
fn every_flipped_byte_of_two_votes_is_refused() {
    let genesis = genesis("test");
    for (_, activity) in contradictions(&signer(&committee(&genesis, 1..=4), 3)) {
        every_flip_is_refused(&accuse(&genesis, activity)[0].bytes, &genesis);
    }
}

#[test]
fn votes_that_were_not_signed_are_not_kept() {
    let genesis = genesis("test");
    // The engine reports before it verifies: these were signed for another network.
    let strangers = committee(&self::genesis("another"), 1..=4);
    for (name, activity) in contradictions(&signer(&strangers, 3)) {
        assert_eq!(accuse(&genesis, activity), [], "{name}");
    }
}

#[test]
fn votes_that_an_honest_validator_casts_accuse_nobody() {
    let genesis = genesis("test");
    let all = committee(&genesis, 1..=4);
    let scheme = signer(&all, 3);
    let round = Round::new(Epoch::new(0), View::new(7));
    let proposal = Proposal::new(round, View::new(6), EngineDigest([1; 32]));
    let notarize = Notarize::sign(&scheme, proposal.clone()).unwrap();
    let finalize = Finalize::sign(&scheme, proposal).unwrap();
    let nullify = Nullify::sign::<EngineDigest>(&scheme, round).unwrap();
    let cast = |tag: u8, bytes: &[u8]| {
        // Tag, then the block it is for, if any, then the signature, as in a proof.
        let signature = bytes[bytes.len() - 64..].to_vec();
        let block = [&6u64.to_be_bytes()[..], &[1; 32]].concat();
        [vec![tag], if tag == 1 { vec![] } else { block }, signature].concat()
    };
    let notarize = cast(0, &notarize.encode());
    let nullify = cast(1, &nullify.encode());
    let finalize = cast(2, &finalize.encode());
    let head = [&key(3).0[..], &0u64.to_be_bytes(), &7u64.to_be_bytes()].concat();
    let verdict = |first: &[u8], second: &[u8]| {
        let case = VotesCase::decode(Copying(&[&head, first, second].concat()[..])).unwrap();
        let (chain, handovers) = (genesis.chain_id(), vec![]);
        Evidence::verify(
            &File { chain, handovers, case: Case::Votes(case.into()) }.to_vec(),
            &genesis,
        )
    };
    let is_harmless = |verdict| matches!(verdict, Err(NoEvidence::Harmless(_)));
    assert!(is_harmless(verdict(&notarize, &nullify)));
    assert!(is_harmless(verdict(&notarize, &finalize)));
    assert!(is_harmless(verdict(&notarize, &notarize)));
    assert!(is_harmless(verdict(&nullify, &nullify)));
    // The pair that is none, and the same in the wrong order.
    assert!(verdict(&nullify, &finalize).is_ok());
    assert_eq!(verdict(&finalize, &nullify), Err(NoEvidence::Malformed));
}

#[test]
fn a_key_that_is_no_validator_is_not_accused() {
    let genesis = genesis("test");
    let others = committee(&genesis, 1..=9);
    let activity = contradictions(&signer(&others, 9))[0].1.clone();
    let accusations = Accusations::default();
    let mut accuser = Accuser::over(genesis.chain_id(), others, accusations.clone());
    accuser.report(activity);
    let proof = accusations.watch().borrow()[0].bytes.clone();
    assert_eq!(Evidence::verify(&proof, &genesis), Err(NoEvidence::NotAValidator));
}

#[test]
fn a_validator_that_came_later_is_accused_with_the_handover_that_let_it_in() {
    let genesis = genesis("test");
    let (old, new) = (committee(&genesis, 1..=4), committee(&genesis, 1..=5));
    let mut boundary = header(&genesis, EPOCH - 1, 1);
    boundary.next_valset_hash = new.hash();
    let boundary = answer(&old, &[1, 2, 3], &boundary, vec![]);
    let keys = (1..=5).map(|seed| public_key(&key(seed).0).unwrap());
    let mut keys: Vec<_> = keys.collect();
    keys.sort();
    let handover = Handover { boundary, keys };
    let mut sets = Sets::of(&genesis).unwrap();
    assert!(sets.follow(&handover).unwrap());

    let round = Round::new(Epoch::new(1), View::new(3));
    let vote = |byte| {
        let proposal = Proposal::new(round, View::new(2), EngineDigest([byte; 32]));
        Finalize::sign(&signer(&new, 5), proposal).unwrap()
    };
    let activity = Activity::ConflictingFinalize(ConflictingFinalize::new(vote(1), vote(2)));
    let accusations = Accusations::default();
    let mut accuser = Accuser::new(genesis.chain_id(), &sets, 1, accusations.clone());
    accuser.report(activity);
    let proof = accusations.watch().borrow()[0].bytes.clone();
    let Ok(Evidence::Votes(votes)) = Evidence::verify(&proof, &genesis) else { panic!() };
    assert_eq!((votes.signer, votes.epoch), (key(5), 1));

    // Without the handover, or with one too many, it is none.
    let file = File::parse(&proof).unwrap();
    let (chain, case) = (file.chain, file.case);
    let bare = File { chain, handovers: vec![], case }.to_vec();
    assert_eq!(Evidence::verify(&bare, &genesis), Err(NoEvidence::NotAValidator));
    let file = File::parse(&proof).unwrap();
    let twice = File { handovers: vec![handover.clone(), handover.clone()], ..file }.to_vec();
    assert_eq!(Evidence::verify(&twice, &genesis), Err(NoEvidence::Malformed));
    let early = contradictions(&signer(&old, 3))[0].1.clone();
    let kept = accuse(&genesis, early);
    let file = File::parse(&kept[0].bytes).unwrap();
    let needless = File { handovers: vec![handover], ..file }.to_vec();
    assert_eq!(Evidence::verify(&needless, &genesis), Err(NoEvidence::Malformed));
}

proptest! {
    #[test]
    fn hostile_proofs_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..1_000)) {
        let genesis = genesis("test");
        let proof = [&MAGIC[..], &[VERSION], &genesis.chain_id().0, &bytes].concat();
        prop_assert!(Evidence::verify(&bytes, &genesis).is_err());
        prop_assert!(Evidence::verify(&proof, &genesis).is_err());
    }
}

#[test]
fn a_proof_over_the_bound_is_not_looked_at() {
    let (genesis, proof) = fork();
    let all = committee(&genesis, 1..=4);
    let long = header(&genesis, EPOCH - 1, 1);
    let boundary = answer(&all, &[1, 2, 3], &long, vec![long.clone(); 64]);
    let handover = Handover { boundary, keys: vec![public_key(&key(1).0).unwrap()] };
    let with = |count| {
        let handovers = vec![handover.clone(); count];
        File { handovers, ..File::parse(&proof).unwrap() }.to_vec()
    };
    assert_eq!(Evidence::chain(&with(2)), Ok(genesis.chain_id()));
    assert!(with(64).len() > MAX_EVIDENCE);
    assert_eq!(Evidence::chain(&with(64)), Err::<ChainId, _>(NoEvidence::Malformed));
}
