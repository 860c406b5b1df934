//! The light client believes what is proven, and nothing else.

use commonware_consensus::{
    simplex::{
        scheme::ed25519::Scheme,
        types::{Finalization, Finalize, Proposal},
    },
    types::{Epoch, Round as ConsensusRound, View},
};
use commonware_cryptography::{Signer as _, ed25519::PrivateKey};
use commonware_glue::stateful::db::ManagedDb;
use commonware_parallel::Sequential;
use commonware_runtime::{Runner as _, Supervisor as _, buffer::paged::CacheRef, deterministic};
use commonware_storage::qmdb::floor::Proportional;
use commonware_utils::{NZU16, NZUsize};
use conclave_protocol::{
    DeviceId, Ed25519Signer, MeetingId, NotLoaded, Params, UserId, ValidatorKey, View as _,
};
use proptest::prelude::*;

use super::*;
use crate::{
    block::{RawTx, Round, Section, to_bytes, tx_tree},
    committee::Committee,
    state::{Db, pack},
    validator::{Cuts, database_config},
};

const NOW: u64 = 1_000_000;

struct World {
    genesis: Genesis,
    schemes: Vec<Scheme>,
    header: Header,
    txs: Vec<RawTx>,
    held: (Key, Record),
    missing: Key,
    /// Other keys that hold something, so that proofs have something to lead past.
    others: Vec<Key>,
    entries: Vec<Entry>,
}

fn seed(index: u8) -> [u8; 32] {
    [index; 32]
}

fn genesis(name: &str) -> Genesis {
    let validators: Vec<ValidatorKey> =
        (1..=4).map(|index| Ed25519Signer::from_seed(&seed(index)).validator()).collect();
    Genesis::new(name, 0, validators, Params::default()).unwrap()
}

fn schemes(genesis: &Genesis) -> Vec<Scheme> {
    use commonware_codec::Copying;
    let committee = Committee::of(genesis).unwrap();
    (1..=4)
        .map(|index| {
            let key = PrivateKey::decode(Copying(&seed(index))).unwrap();
            committee.signer(key).unwrap()
        })
        .collect()
}

/// A network with some records in the state of the identity ledger and three transactions.
fn world() -> World {
    let genesis = genesis("test");
    let held = (Key::Handle(handle("alice")), Record::DeviceId(DeviceId([7; 32])));
    let missing = Key::Meeting(MeetingId([9; 32]));
    let keys = [held.0.clone(), Key::User(UserId([8; 32]))];
    let slot = pack(&held.1).unwrap();
    let others: Vec<_> = (0..40).map(|n| Key::Handle(handle(&format!("user{n:02}")))).collect();
    let (identity, meeting, entries) = deterministic::Runner::default().start({
        let (missing, others) = (missing.clone(), others.clone());
        |context| async move {
            let pages = CacheRef::new(NZU16!(1024), NZUsize!(16));
            let config = |name| database_config("test", name, Cuts::USUAL, &pages);
            let identity: Db<_> =
                <Db<_> as ManagedDb<_>>::init(context.child("identity"), config("identity"), None)
                    .await
                    .unwrap();
            let meeting: Db<_> =
                <Db<_> as ManagedDb<_>>::init(context.child("meeting"), config("meeting"), None)
                    .await
                    .unwrap();
            let mut batch = identity.new_batch().write(state_key(&keys[0]).1, Some(slot.clone()));
            for key in &others {
                batch = batch.write(state_key(key).1, Some(slot.clone()));
            }
            let batch = batch.merkleize(&identity, None, &mut Proportional).await.unwrap();
            let identity = identity.apply_batch(batch).await.unwrap();
            let present = identity.key_value_proof(state_key(&keys[0]).1).await.unwrap();
            let absent = identity.exclusion_proof(&state_key(&keys[1]).1).await.unwrap();
            let empty = meeting.exclusion_proof(&state_key(&missing).1).await.unwrap();
            let entries =
                vec![Entry::Present(slot, present), Entry::Absent(absent), Entry::Absent(empty)];
            (identity.root(), meeting.root(), entries)
        }
    });
    let txs: Vec<_> = (1..4).map(|byte| RawTx::new(vec![byte; 50].into()).unwrap()).collect();
    let section = |state_root, txs: &[RawTx]| Section {
        prev: EngineDigest([0; 32]),
        count: u32::try_from(txs.len()).unwrap(),
        tx_root: tx_tree(txs).root(),
        state_root,
        ops_root: EngineDigest([1; 32]),
        ops: (0, 2),
    };
    let committee = Committee::of(&genesis).unwrap();
    let header = Header {
        height: 5,
        time_ms: NOW - 1_000,
        parent: EngineDigest([4; 32]),
        round: Round {
            epoch: 0,
            view: 6,
            parent_view: 5,
            leader: PrivateKey::from_seed(1).public_key(),
        },
        identity: section(identity, &txs),
        meeting: section(meeting, &[]),
        valset_hash: committee.hash(),
        next_valset_hash: committee.hash(),
    };
    World { schemes: schemes(&genesis), genesis, header, txs, held, missing, others, entries }
}

fn handle(name: &str) -> conclave_protocol::identity::Handle {
    conclave_protocol::identity::Handle::new(name).unwrap()
}

impl World {
    fn client(&self) -> LightClient {
        LightClient::new(&self.genesis).unwrap()
    }

    fn keys(&self) -> [Key; 3] {
        [self.held.0.clone(), Key::User(UserId([8; 32])), self.missing.clone()]
    }

    fn answer(&self, header: &Header, links: Vec<Header>) -> HeaderAnswer {
        let certificate = certify(&self.schemes[..3], links.last().unwrap_or(header));
        HeaderAnswer { header: header.clone(), links, certificate }
    }

    fn state(&self, header: &Header) -> Vec<u8> {
        let at = self.answer(header, Vec::new());
        to_bytes(&StateAnswer { at, entries: self.entries.clone() }).to_vec()
    }

    fn inclusion(&self) -> Vec<u8> {
        let at = self.answer(&self.header, Vec::new());
        let path = tx_tree(&self.txs).proof(1).unwrap();
        to_bytes(&InclusionAnswer { at, in_meeting: false, index: 1, path }).to_vec()
    }

    fn id(&self) -> TxId {
        TxId(self.txs[1].id().0)
    }

    fn child(&self, header: &Header) -> Header {
        let mut child = header.clone();
        child.height += 1;
        child.time_ms += 10;
        child.parent = header.digest();
        child
    }
}

pub(super) fn certify(schemes: &[Scheme], header: &Header) -> Finalization<Scheme, EngineDigest> {
    let round = ConsensusRound::new(Epoch::new(header.round.epoch), View::new(header.round.view));
    let proposal = Proposal::new(round, View::new(header.round.parent_view), header.digest());
    let mut votes = schemes.iter().map(|scheme| Finalize::sign(scheme, proposal.clone()).unwrap());
    let first = votes.next().unwrap();
    Finalization::from_owned_finalizes(
        &schemes[0],
        commonware_utils::iter::NonEmpty::new(first, votes.collect::<Vec<_>>().into_iter()),
        &Sequential,
    )
    .unwrap()
}

/// Flips each bit of each byte alone, and all bits of each byte together: every such lie must be
/// refused.
pub(super) fn every_flip_is_refused(bytes: &[u8], mut believes: impl FnMut(&[u8]) -> bool) {
    assert!(believes(bytes));
    let mut lie = bytes.to_vec();
    for at in 0..lie.len() {
        for flip in [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff] {
            lie[at] ^= flip;
            assert!(!believes(&lie), "byte {at} of {} flipped by {flip:#04x}", lie.len());
            lie[at] ^= flip;
        }
    }
}

#[test]
fn a_certified_header_is_believed() {
    let world = world();
    let mut client = world.client();
    assert_eq!(client.freshness(NOW), Freshness::Stale(u64::MAX));
    let facts = client.on_header(&to_bytes(&world.answer(&world.header, vec![])), NOW).unwrap();
    assert_eq!(facts, HeaderFacts::of(&world.header));
    assert_eq!(client.newest(), Some(&facts));
    assert_eq!(client.freshness(NOW), Freshness::Fresh);
    assert_eq!(client.freshness(facts.time_ms + 15_001), Freshness::Amber(15_001));
    assert_eq!(client.freshness(facts.time_ms + 60_001), Freshness::Stale(60_001));
}

#[test]
fn every_flipped_byte_of_a_header_or_its_certificate_is_refused() {
    let world = world();
    let child = world.child(&world.header);
    for links in [vec![], vec![child]] {
        let bytes = to_bytes(&world.answer(&world.header, links));
        every_flip_is_refused(&bytes, |bytes| world.client().on_header(bytes, NOW).is_ok());
        // Knowing the header already makes a client no more gullible.
        let mut client = world.client();
        every_flip_is_refused(&bytes, |bytes| client.on_header(bytes, NOW).is_ok());
    }
}

#[test]
fn records_and_their_absence_are_proven_at_one_height() {
    let world = world();
    let snapshot =
        world.client().verify_state(&world.state(&world.header), &world.keys(), NOW).unwrap();
    let [held, absent, missing] = world.keys();
    assert_eq!(snapshot.height, Height(5));
    assert_eq!(snapshot.get(&held), Ok(Some(world.held.1)));
    assert_eq!(snapshot.get(&absent), Ok(None));
    assert_eq!(snapshot.get(&missing), Ok(None));
    assert_eq!(snapshot.get(&Key::User(UserId([1; 32]))), Err(NotLoaded));
}

#[test]
fn every_flipped_byte_of_a_state_proof_is_refused() {
    let world = world();
    let bytes = world.state(&world.header);
    let keys = world.keys();
    every_flip_is_refused(&bytes, |bytes| world.client().verify_state(bytes, &keys, NOW).is_ok());
    let mut client = world.client();
    every_flip_is_refused(&bytes, |bytes| client.verify_state(bytes, &keys, NOW).is_ok());
}

#[test]
fn every_flipped_byte_of_an_absence_proof_is_refused() {
    let world = world();
    for (key, entry) in world.keys().into_iter().zip(&world.entries).skip(1) {
        let at = world.answer(&world.header, vec![]);
        let bytes = to_bytes(&StateAnswer { at, entries: vec![entry.clone()] });
        every_flip_is_refused(&bytes, |bytes| {
            world.client().verify_state(bytes, std::slice::from_ref(&key), NOW).is_ok()
        });
    }
}

#[test]
fn no_proof_of_absence_hides_a_user_that_is_there() {
    let world = world();
    for lie in &world.entries[1..] {
        for key in &world.others {
            let at = world.answer(&world.header, vec![]);
            let bytes = to_bytes(&StateAnswer { at, entries: vec![lie.clone()] });
            let verdict = world.client().verify_state(&bytes, std::slice::from_ref(key), NOW);
            assert_eq!(verdict, Err(Refusal::BadProof));
        }
    }
}

#[test]
fn an_answer_to_another_question_is_refused() {
    let world = world();
    let bytes = world.state(&world.header);
    let [held, absent, missing] = world.keys();
    let mut client = world.client();
    let swapped = [absent, held.clone(), missing.clone()];
    assert_eq!(client.verify_state(&bytes, &swapped, NOW), Err(Refusal::BadProof));
    assert_eq!(
        client.verify_state(&bytes, std::slice::from_ref(&held), NOW),
        Err(Refusal::WrongKeys)
    );
    let other = [held, Key::Handle(handle("alicf")), missing];
    let verdict = client.verify_state(&bytes, &other, NOW);
    // The neighbour may lie in the proven gap; it is never said to exist.
    assert!(verdict.is_err() || verdict.unwrap().records.values().flatten().count() == 1);
}

#[test]
fn a_view_older_than_a_minute_is_refused() {
    let world = world();
    let bytes = world.state(&world.header);
    let after =
        |age_ms| world.client().verify_state(&bytes, &world.keys(), world.header.time_ms + age_ms);
    assert!(after(60_000).is_ok());
    for age_ms in [60_001, 60_002, 61_000, 3_600_000, u64::MAX - world.header.time_ms] {
        assert_eq!(after(age_ms), Err(Refusal::Stale { age_ms }));
    }
}

#[test]
fn a_view_behind_the_newest_header_is_refused() {
    let world = world();
    let bytes = world.state(&world.header);
    let mut client = world.client();
    let mut newer = world.child(&world.header);
    newer.time_ms = world.header.time_ms + 15_001;
    client.on_header(&to_bytes(&world.answer(&newer, vec![])), NOW + 20_000).unwrap();
    assert_eq!(
        client.verify_state(&bytes, &world.keys(), NOW + 20_000),
        Err(Refusal::Stale { age_ms: 15_001 })
    );
}

#[test]
fn a_header_from_the_future_is_refused() {
    let world = world();
    let bytes = to_bytes(&world.answer(&world.header, vec![]));
    let early = world.header.time_ms - 60_001;
    assert_eq!(world.client().on_header(&bytes, early), Err(Refusal::FromTheFuture));
}

#[test]
fn an_included_transaction_is_believed_at_any_age() {
    let world = world();
    let included = world.client().verify_inclusion(&world.inclusion(), &world.id(), NOW).unwrap();
    assert_eq!((included.height, included.index), (Height(5), 1));
    assert_eq!(included.ledger, Ledger::Identity);
    let later = NOW + 10_000_000;
    assert!(world.client().verify_inclusion(&world.inclusion(), &world.id(), later).is_ok());
    let other = TxId(world.txs[0].id().0);
    assert_eq!(
        world.client().verify_inclusion(&world.inclusion(), &other, NOW),
        Err(Refusal::NotIncluded)
    );
}

#[test]
fn every_flipped_byte_of_an_inclusion_proof_is_refused() {
    let world = world();
    let bytes = world.inclusion();
    let id = world.id();
    every_flip_is_refused(&bytes, |bytes| world.client().verify_inclusion(bytes, &id, NOW).is_ok());
    let mut client = world.client();
    every_flip_is_refused(&bytes, |bytes| client.verify_inclusion(bytes, &id, NOW).is_ok());
}

#[test]
fn a_forged_certificate_is_refused() {
    let world = world();
    let strangers = schemes(&genesis("other"));
    let mut answer = world.answer(&world.header, vec![]);
    answer.certificate = certify(&strangers[..3], &world.header);
    let bytes = to_bytes(&answer);
    assert_eq!(world.client().on_header(&bytes, NOW), Err(Refusal::BadCertificate));
    let mut other = world.header.clone();
    other.time_ms += 1;
    answer.certificate = certify(&world.schemes[..3], &other);
    let bytes = to_bytes(&answer);
    assert_eq!(world.client().on_header(&bytes, NOW), Err(Refusal::BadCertificate));
}

#[test]
fn another_network_is_refused() {
    let world = world();
    let bytes = to_bytes(&world.answer(&world.header, vec![]));
    let mut client = LightClient::new(&genesis("other")).unwrap();
    assert_eq!(client.on_header(&bytes, NOW), Err(Refusal::BadCertificate));
    let one: Vec<ValidatorKey> = vec![Ed25519Signer::from_seed(&seed(1)).validator()];
    let other = Genesis::new("test", 0, one, Params::default()).unwrap();
    let mut client = LightClient::new(&other).unwrap();
    assert_eq!(client.on_header(&bytes, NOW), Err(Refusal::UnknownValidators));
}

#[test]
fn links_must_be_a_chain() {
    let world = world();
    let child = world.child(&world.header);
    let mut client = world.client();
    let good = to_bytes(&world.answer(&world.header, vec![child.clone()]));
    assert!(client.on_header(&good, NOW).is_ok());
    assert_eq!(client.newest().unwrap().height, Height(6));
    let mut stranger = child;
    stranger.parent = EngineDigest([9; 32]);
    let bad = to_bytes(&world.answer(&world.header, vec![stranger]));
    assert_eq!(world.client().on_header(&bad, NOW), Err(Refusal::BrokenLink));
}

#[test]
fn two_final_headers_of_one_height_are_kept_as_evidence() {
    let world = world();
    let mut client = world.client();
    let first = to_bytes(&world.answer(&world.header, vec![]));
    client.on_header(&first, NOW).unwrap();
    let mut other = world.header.clone();
    other.time_ms += 1;
    let second = to_bytes(&world.answer(&other, vec![]));
    assert_eq!(client.on_header(&second, NOW), Err(Refusal::Fork));
    let evidence = client.evidence().unwrap();
    assert_eq!(evidence.height, Height(5));
    for half in [&evidence.first, &evidence.second] {
        assert!(world.client().on_header(half, NOW).is_ok());
    }
    assert_eq!(client.on_header(&first, NOW), Err(Refusal::Fork));
}

proptest! {
    #[test]
    fn hostile_answers_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        let mut client = LightClient::new(&genesis("test")).unwrap();
        prop_assert!(client.on_header(&bytes, NOW).is_err());
        prop_assert!(client.verify_state(&bytes, &[], NOW).is_err());
        prop_assert!(client.verify_inclusion(&bytes, &TxId([0; 32]), NOW).is_err());
    }
}

/// Takes any bytes, if it is asked at all.
struct Looked;

impl Read for Looked {
    type Cfg = ();

    fn read_cfg(
        buf: &mut impl commonware_codec::Buf,
        (): &(),
    ) -> Result<Self, commonware_codec::Error> {
        buf.advance(buf.remaining());
        Ok(Self)
    }
}

#[test]
fn an_answer_over_the_bound_is_not_looked_at() {
    assert!(parse::<Looked>(&vec![0; MAX_ANSWER]).is_ok());
    assert!(parse::<Looked>(&vec![0; MAX_ANSWER + 1]).is_err());
    let mut client = LightClient::new(&genesis("test")).unwrap();
    assert_eq!(client.on_header(&vec![0; MAX_ANSWER + 1], NOW), Err(Refusal::Malformed));
}
