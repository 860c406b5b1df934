//! A ledger holds, or the first thing that does not is named.

use std::sync::mpsc::{Receiver, SyncSender};

use commonware_cryptography::{Signer as _, ed25519::PrivateKey};
use commonware_runtime::{Runner as _, deterministic};
use conclave_protocol::{
    AnchorPlace, AnchorRecord, Digest, Genesis, Height, Kind, Ledger, Seconds, Tx, tx::Role,
};
use proptest::prelude::*;

use super::{
    author::{Quill, certify},
    beside::beside,
    replay::{Checks, Replay},
    seal::Prepared,
    signatures::{check, check_all},
    *,
};
use crate::{
    block::{to_bytes, tx_tree},
    cast::{BEGIN, EPOCH, genesis, private, raw, registration, signer, vote},
    committee::Committee,
    validator::Seed,
};

fn anchor(genesis: &Genesis, nonce: u64, header: Digest, now: u64) -> Tx {
    let (chain, key) = (genesis.chain_id(), signer(1));
    let anchor = AnchorPlace::Ethereum(1, [7; 32], [8; 32]);
    let body = AnchorRecord { height: Height(2), header, anchor };
    Tx::by_validator(chain, key.validator(), nonce, Seconds(now + 300), body).sign(&key)
}

/// A ledger of ten blocks: people register; a fifth validator is voted in by the end of the first
/// epoch; two anchors of block 2 are recorded, of which one is a lie.
fn ledger() -> (Genesis, Vec<Sealed>) {
    let genesis = genesis("audited");
    let sealed = deterministic::Runner::default().start({
        let genesis = genesis.clone();
        |context| async move {
            let seeds: Vec<_> = (1..=5).map(|seed| Seed::new([seed; 32])).collect();
            let mut quill = Quill::open(&context, &genesis, &seeds).await.unwrap();
            let mut sealed: Vec<Sealed> = Vec::new();
            for height in 1..=10u8 {
                let time_ms = BEGIN + u64::from(height) * 1_000;
                let now = time_ms / 1_000;
                let mut txs = vec![raw(&registration(&genesis, height, now).1)];
                if height == 2 {
                    txs.extend((1..=3).map(|by| raw(&vote(&genesis, by, now))));
                }
                if height == 6 {
                    let header = protocol(&sealed[1]);
                    txs.push(raw(&anchor(&genesis, 1, header, now)));
                    txs.push(raw(&anchor(&genesis, 2, Digest([9; 32]), now)));
                }
                sealed.push(quill.next(time_ms, txs).await.unwrap());
            }
            sealed
        }
    });
    (genesis, sealed)
}

fn protocol(sealed: &Sealed) -> Digest {
    Digest(sealed.block.header.digest().0)
}

fn records(sealed: &[Sealed]) -> Vec<Vec<u8>> {
    sealed.iter().map(|sealed| to_bytes(sealed).to_vec()).collect()
}

/// Executes a ledger, and checks each block before the next one.
fn audit(genesis: &Genesis, records: &[Vec<u8>]) -> Result<Report, AuditError> {
    let (genesis, records) = (genesis.clone(), records.to_vec());
    deterministic::Runner::default().start(|context| async move {
        let mut replay = Replay::open(&context, &genesis).await?;
        for (height, record) in (1..).zip(&records) {
            let checks = replay.next(Prepared::of(record, height)?).await?;
            check(&[checks])?;
        }
        Ok(replay.finish()?)
    })
}

/// What breaks when one block is changed, and the four validators of the genesis sign that.
fn broken(height: usize, change: impl FnOnce(&mut Sealed)) -> Broken {
    let (genesis, mut sealed) = ledger();
    let one = &mut sealed[height - 1];
    change(one);
    let committee = Committee::of(&genesis).unwrap();
    let schemes: Vec<_> = (1..=4).map(|seed| committee.signer(private(seed)).unwrap()).collect();
    one.certificate = certify(&schemes, &one.block.header);
    match audit(&genesis, &records(&sealed)) {
        Err(AuditError::Broken(broken)) => broken,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_ledger_that_holds_is_counted_to_its_last_block() {
    let (genesis, sealed) = ledger();
    let report = audit(&genesis, &records(&sealed)).unwrap();
    let totals = &report.totals;
    assert_eq!((totals.blocks, totals.certificates), (10, 10));
    assert_eq!((totals.users, totals.devices, totals.meetings), (10, 10, 0));
    assert_eq!((totals.set_changes, totals.anchors), (1, 2));
    assert_eq!(totals.txs[&Kind::RegisterUser], 10);
    assert_eq!(totals.txs[&Kind::ValidatorVote], 3);
    assert_eq!((totals.transactions(), totals.signatures), (15, 25));
    assert_eq!(report.chain, genesis.chain_id());
    let last = report.last.unwrap();
    assert_eq!((last.height, last.digest), (Height(10), protocol(&sealed[9])));
}

#[test]
fn an_anchor_of_another_history_is_named_with_its_validator() {
    let (genesis, sealed) = ledger();
    let report = audit(&genesis, &records(&sealed)).unwrap();
    let [wrong] = &*report.wrong_anchors else { panic!("{:?}", report.wrong_anchors) };
    assert_eq!((wrong.recorded, wrong.height), (Height(6), Height(2)));
    assert_eq!(wrong.by, signer(1).validator());
    assert_eq!((wrong.expected, wrong.found), (protocol(&sealed[1]), Digest([9; 32])));
}

#[test]
fn a_block_may_be_final_by_the_certificate_of_a_later_one() {
    let (genesis, mut sealed) = ledger();
    sealed[4].certificate = None;
    sealed[5].certificate = None;
    assert_eq!(audit(&genesis, &records(&sealed)).unwrap().totals.certificates, 8);
    sealed[9].certificate = None;
    let Err(AuditError::Broken(open)) = audit(&genesis, &records(&sealed)) else { panic!() };
    assert_eq!((open.height, open.what), (Height(10), What::Certificate));
}

#[test]
fn the_next_set_does_not_speak_for_the_block_that_puts_it_in() {
    let (genesis, mut sealed) = ledger();
    // Block 3 is the last one of the first epoch, and block 4 is signed by the next set.
    assert_eq!(EPOCH, 4);
    sealed[2].certificate = None;
    let Err(AuditError::Broken(broken)) = audit(&genesis, &records(&sealed)) else { panic!() };
    assert_eq!((broken.height, broken.what), (Height(3), What::Certificate));
}

#[test]
fn blocks_that_are_missing_doubled_or_swapped_are_named() {
    let (genesis, sealed) = ledger();
    let all = records(&sealed);
    let first = |records: &[Vec<u8>]| match audit(&genesis, records) {
        Err(AuditError::Broken(broken)) => (broken.height, broken.what),
        other => panic!("{other:?}"),
    };
    assert_eq!(first(&all[1..]), (Height(1), What::Height));
    let doubled = [&all[..3], &all[2..]].concat();
    assert_eq!(first(&doubled), (Height(4), What::Height));
    let mut swapped = all.clone();
    swapped.swap(5, 6);
    assert_eq!(first(&swapped), (Height(6), What::Height));
    let mut holed = all;
    holed.remove(7);
    assert_eq!(first(&holed), (Height(8), What::Height));
}

#[test]
fn a_certificate_of_another_block_of_strangers_or_of_too_few_does_not_count() {
    let (genesis, sealed) = ledger();
    let first = |sealed: &[Sealed]| match audit(&genesis, &records(sealed)) {
        Err(AuditError::Broken(broken)) => (broken.height, broken.what),
        other => panic!("{other:?}"),
    };
    let mut other = sealed.clone();
    other[5].certificate = other[6].certificate.clone();
    assert_eq!(first(&other), (Height(6), What::Certificate));

    let strangers = Committee::of(&self::genesis("another")).unwrap();
    let schemes: Vec<_> = (1..=4).map(|seed| strangers.signer(private(seed)).unwrap()).collect();
    let mut other = sealed.clone();
    other[1].certificate = certify(&schemes, &other[1].block.header);
    assert_eq!(first(&other), (Height(2), What::Certificate));

    // Four are a quorum of the first set, and of the five that follow; those of the first set do
    // not sign for the second.
    let committee = Committee::of(&genesis).unwrap();
    let schemes: Vec<_> = (1..=4).map(|seed| committee.signer(private(seed)).unwrap()).collect();
    let mut other = sealed;
    other[6].certificate = certify(&schemes, &other[6].block.header);
    assert_eq!(first(&other), (Height(7), What::Certificate));
}

#[test]
fn what_a_quorum_signs_against_the_rules_is_named() {
    let at = |broken: &Broken| (broken.height.0, broken.what);
    let parent = broken(2, |one| one.block.header.parent.0[0] ^= 1);
    assert_eq!(at(&parent), (2, What::Parent));
    let link = broken(2, |one| one.block.header.meeting.prev.0[0] ^= 1);
    assert_eq!(at(&link), (2, What::Link(Ledger::Meeting)));
    let early = broken(2, |one| one.block.header.time_ms -= 1_000);
    assert_eq!(at(&early), (2, What::Time));
    let late = broken(2, |one| one.block.header.time_ms += 62_000);
    assert_eq!(at(&late), (2, What::Time));
    let epoch = broken(2, |one| one.block.header.round.epoch = 1);
    assert_eq!(at(&epoch), (2, What::Epoch));
    let stranger = PrivateKey::from_seed(77).public_key();
    let proposer = broken(2, |one| one.block.header.round.leader = stranger);
    assert_eq!(at(&proposer), (2, What::Proposer));
    let set = broken(2, |one| one.block.header.valset_hash.0[0] ^= 1);
    assert_eq!(at(&set), (2, What::Validators));
    let next = broken(3, |one| one.block.header.next_valset_hash = one.block.header.valset_hash);
    assert_eq!(at(&next), (3, What::NextValidators));
    let root = broken(2, |one| one.block.header.identity.state_root.0[0] ^= 1);
    assert_eq!(at(&root), (2, What::StateRoot(Ledger::Identity)));
    let log = broken(2, |one| one.block.header.meeting.ops_root.0[0] ^= 1);
    assert_eq!(at(&log), (2, What::Operations(Ledger::Meeting)));
    let range = broken(2, |one| one.block.header.identity.ops.1 += 1);
    assert_eq!(at(&range), (2, What::Operations(Ledger::Identity)));
}

#[test]
fn a_transaction_that_the_rules_refuse_is_named() {
    let twice = broken(1, |one| {
        let tx = one.block.identity[0].clone();
        one.block.identity.push(tx);
        one.block.header.identity.count = 2;
        one.block.header.identity.tx_root = tx_tree(&one.block.identity).root();
    });
    assert_eq!((twice.height, twice.what), (Height(1), What::Transaction));
    assert_eq!(twice.tx.unwrap().0, 1);
    assert_eq!(twice.found, "user exists");

    let moved = broken(1, |one| {
        std::mem::swap(&mut one.block.identity, &mut one.block.meeting);
        let header = &mut one.block.header;
        std::mem::swap(&mut header.identity.count, &mut header.meeting.count);
        std::mem::swap(&mut header.identity.tx_root, &mut header.meeting.tx_root);
    });
    assert_eq!((moved.what, moved.tx.unwrap().0), (What::Transaction, 0));
}

#[test]
fn a_forged_signature_is_named_even_if_everything_was_computed_with_it() {
    let genesis = genesis("audited");
    let sealed = deterministic::Runner::default().start({
        let genesis = genesis.clone();
        |context| async move {
            let seeds: Vec<_> = (1..=4).map(|seed| Seed::new([seed; 32])).collect();
            let mut quill = Quill::open(&context, &genesis, &seeds).await.unwrap();
            let person = |number| registration(&genesis, number, BEGIN / 1_000).1;
            let word = person(3).signature(Role::Signer).unwrap();
            let (good, forged) = (person(1), person(2).with(Role::Signer, word));
            vec![quill.next(BEGIN + 1, vec![raw(&good), raw(&forged)]).await.unwrap()]
        }
    });
    let Err(AuditError::Broken(broken)) = audit(&genesis, &records(&sealed)) else { panic!() };
    assert_eq!((broken.height, broken.what), (Height(1), What::Signature));
    assert_eq!(broken.tx.unwrap().0, 1);
}

/// Executes a ledger while another thread checks it in this way.
fn audit_beside(
    genesis: &Genesis,
    records: &[Vec<u8>],
    check: impl FnOnce(&Receiver<Checks>) -> Result<(), Broken> + Send,
) -> Result<Option<Report>, AuditError> {
    let (genesis, records) = (genesis.clone(), records.to_vec());
    let runner = deterministic::Runner::default();
    let execute = |checks: SyncSender<Checks>| {
        runner.start(|context| async move {
            let mut replay = Replay::open(&context, &genesis).await?;
            for (height, record) in (1..).zip(&records) {
                let left = replay.next(Prepared::of(record, height)?).await?;
                checks.send(left).map_err(|_| AuditError::Stopped)?;
            }
            Ok::<_, AuditError>(Some(replay.finish()?))
        })
    };
    beside(execute, check)
}

#[test]
fn a_ledger_whose_signatures_were_not_all_checked_does_not_hold() {
    let (genesis, sealed) = ledger();
    let all = records(&sealed);
    let report = audit_beside(&genesis, &all, check_all).unwrap().unwrap();
    assert_eq!(report, audit(&genesis, &all).unwrap());

    // The thread that checks panics at the first block, or at the last one, when all were executed.
    for crash in [1, 10] {
        let verdict = audit_beside(&genesis, &all, |waiting| {
            while let Ok(checks) = waiting.recv() {
                assert!(checks.height.0 < crash, "as a mistake in the program would");
                check(&[checks])?;
            }
            Ok(())
        });
        assert_eq!(verdict, Err(AuditError::Crashed), "at block {crash}");
    }
}

#[test]
fn what_is_lowest_is_named_whichever_thread_found_it() {
    let (genesis, mut sealed) = ledger();
    // Found by the one that executes, above what the other one finds.
    sealed[7].block.header.parent.0[0] ^= 1;
    let first = |sealed: &[Sealed]| match audit_beside(&genesis, &records(sealed), check_all) {
        Err(AuditError::Broken(broken)) => (broken.height, broken.what),
        other => panic!("{other:?}"),
    };
    assert_eq!(first(&sealed), (Height(8), What::Parent));
    let strangers = Committee::of(&self::genesis("another")).unwrap();
    let schemes: Vec<_> = (1..=4).map(|seed| strangers.signer(private(seed)).unwrap()).collect();
    sealed[1].certificate = certify(&schemes, &sealed[1].block.header);
    assert_eq!(first(&sealed), (Height(2), What::Certificate));
}

#[test]
fn a_transaction_that_was_replaced_is_told_by_the_header() {
    let (genesis, mut sealed) = ledger();
    let (_, other) = registration(&genesis, 50, BEGIN / 1_000);
    sealed[3].block.identity[0] = raw(&other);
    let Err(AuditError::Broken(broken)) = audit(&genesis, &records(&sealed)) else { panic!() };
    assert_eq!((broken.height, broken.what), (Height(4), What::TxRoot(Ledger::Identity)));
    // With the root put right, the certificate is that of another header.
    let root = tx_tree(&sealed[3].block.identity).root();
    sealed[3].block.header.identity.tx_root = root;
    let Err(AuditError::Broken(broken)) = audit(&genesis, &records(&sealed)) else { panic!() };
    assert_eq!((broken.height, broken.what), (Height(4), What::Certificate));
}

#[test]
fn a_ledger_of_another_network_is_refused_at_once() {
    let (_, sealed) = ledger();
    let genesis = genesis("another");
    let Err(AuditError::Broken(broken)) = audit(&genesis, &records(&sealed)) else { panic!() };
    assert_eq!((broken.height, broken.what), (Height(1), What::Parent));
}

#[test]
fn no_flipped_byte_is_accepted_and_none_stops_the_program() {
    let (genesis, sealed) = ledger();
    let all = records(&sealed);
    for height in [1, 2, 3, 6, 10] {
        let length = all[height - 1].len();
        for at in (0..length).step_by(length / 29) {
            let mut lie = all.clone();
            lie[height - 1][at] ^= 1 << (at % 8);
            let verdict = audit(&genesis, &lie);
            let Err(AuditError::Broken(broken)) = verdict else {
                panic!("byte {at} of block {height} of {length}: {verdict:?}")
            };
            assert_eq!(broken.height.0, height as u64, "byte {at}: {broken}");
        }
    }
}

#[test]
fn an_outline_says_what_a_record_is() {
    let (genesis, sealed) = ledger();
    let all = records(&sealed);
    let mut before = Outline::origin(&genesis).unwrap();
    for record in &all {
        let outline = Outline::of(record).unwrap();
        assert_eq!(outline.height, before.height.next());
        assert_eq!(outline.parent, before.digest);
        assert!(outline.is_certified);
        before = outline;
    }
    assert_eq!(Outline::of(&all[0][1..]), None);
    assert_eq!(Outline::of(&vec![0; MAX_RECORD + 1]), None);
}

proptest! {
    #[test]
    fn hostile_records_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        prop_assert_eq!(Outline::of(&bytes), None);
        prop_assert!(Prepared::of(&bytes, 1).is_err());
    }
}
