//! The mempool keeps its bounds and its order.

use commonware_codec::{Copying, DecodeExt as _, Encode as _};
use conclave_protocol::{
    Body, ChainId, Epoch, Heartbeat, MeetingDismiss, MeetingId, Seconds, Term, Tx, encode,
};
use futures::FutureExt as _;
use proptest::prelude::*;

use super::{
    gossip::{Batch, MAX_BATCH},
    *,
};
use crate::block::RawTx;

fn tx(device: u16, nonce: u64) -> Candidate {
    let body = Heartbeat { mid: MeetingId([1; 32]), term: Term(1), epoch: Epoch(1) };
    of(device, nonce, body)
}

fn urgent(device: u16, nonce: u64) -> Candidate {
    of(device, nonce, MeetingDismiss { mid: MeetingId([1; 32]), term: Term(1), epoch: Epoch(1) })
}

fn of(device: u16, nonce: u64, body: impl Into<Body>) -> Candidate {
    let mut signer = [0; 32];
    signer[..2].copy_from_slice(&device.to_be_bytes());
    let tx = Tx::new(ChainId([0; 32]), DeviceId(signer), nonce, Seconds(100), body);
    Candidate::decode(RawTx::new(encode(&tx).into()).unwrap()).unwrap()
}

fn order(mempool: &Mempool) -> Vec<(u8, u64)> {
    mempool.candidates(&HashSet::new()).iter().map(|tx| (tx.tx.signer.0[1], tx.tx.nonce)).collect()
}

#[test]
fn a_device_is_offered_by_nonce_and_devices_by_arrival() {
    let mempool = Mempool::new();
    for (device, nonce) in [(2, 5), (1, 3), (2, 4), (1, 2)] {
        assert_eq!(mempool.insert(tx(device, nonce)), Ok(true));
    }
    assert_eq!(order(&mempool), [(2, 4), (2, 5), (1, 2), (1, 3)]);
}

#[test]
fn a_transaction_waits_once() {
    let mempool = Mempool::new();
    assert_eq!(mempool.insert(tx(1, 1)), Ok(true));
    assert_eq!(mempool.insert(tx(1, 1)), Ok(false));
    assert_eq!(mempool.len(), 1);
    let mut other = tx(1, 1);
    let bytes = [other.raw.bytes().as_ref(), &[0]].concat();
    other.raw = RawTx::new(bytes.into()).unwrap();
    assert_eq!(mempool.insert(other), Err(Full::Nonce));
}

#[test]
fn one_device_cannot_fill_the_pool() {
    let mempool = Mempool::new();
    for nonce in 0..32 {
        assert_eq!(mempool.insert(tx(1, nonce)), Ok(true));
    }
    assert_eq!(mempool.insert(tx(1, 32)), Err(Full::Device));
    assert_eq!(mempool.insert(tx(2, 0)), Ok(true));
}

#[test]
fn the_pool_is_bounded_and_ordinary_traffic_leaves_room_for_what_is_urgent() {
    let mempool = Mempool::new();
    let place = |count: usize| {
        let device = u16::try_from(count / MAX_PER_DEVICE).unwrap();
        (device, u64::try_from(count % MAX_PER_DEVICE).unwrap())
    };
    let ordinary = MAX_WAITING / 8 * 7;
    for (device, nonce) in (0..ordinary).map(place) {
        assert_eq!(mempool.insert(tx(device, nonce)), Ok(true));
    }
    assert_eq!(mempool.insert(tx(u16::MAX, 0)), Err(Full::Pool));
    assert!(mempool.candidates(&HashSet::new()).len() < MAX_OFFER + MAX_PER_DEVICE);
    for (device, nonce) in (ordinary..MAX_WAITING).map(place) {
        assert_eq!(mempool.insert(urgent(device, nonce)), Ok(true));
    }
    assert_eq!(mempool.insert(urgent(u16::MAX, 0)), Err(Full::Pool));
    let first = mempool.candidates(&HashSet::new())[..MAX_WAITING / 8].to_vec();
    assert!(first.iter().all(|candidate| candidate.tx.kind().is_urgent()));
}

#[test]
fn what_is_urgent_is_offered_first_and_not_before_its_turn() {
    let mempool = Mempool::new();
    for candidate in [tx(1, 1), tx(2, 7), urgent(2, 8), tx(3, 1)] {
        assert_eq!(mempool.insert(candidate), Ok(true));
    }
    assert_eq!(order(&mempool), [(2, 7), (2, 8), (1, 1), (3, 1)]);
    mempool.finalized([tx(2, 7), urgent(2, 8)].into_iter(), 0);
    assert_eq!(order(&mempool), [(1, 1), (3, 1)]);
}

#[test]
fn what_is_final_leaves_with_everything_before_it() {
    let mempool = Mempool::new();
    for nonce in 1..4 {
        mempool.insert(tx(1, nonce)).unwrap();
    }
    mempool.insert(tx(2, 1)).unwrap();
    mempool.finalized([tx(1, 2)].into_iter(), 0);
    assert_eq!(order(&mempool), [(1, 3), (2, 1)]);
}

#[test]
fn what_has_expired_leaves() {
    let mempool = Mempool::new();
    mempool.insert(tx(1, 1)).unwrap();
    mempool.finalized(std::iter::empty(), 100_000);
    assert_eq!(mempool.len(), 1);
    mempool.finalized(std::iter::empty(), 101_000);
    assert_eq!(mempool.len(), 0);
}

#[test]
fn a_block_under_way_asks_for_no_other() {
    let mempool = Mempool::new();
    let waiting = tx(1, 1);
    mempool.insert(waiting.clone()).unwrap();
    assert!(mempool.is_waiting(0));
    mempool.in_flight(std::iter::once(waiting.raw.id()), &BTreeSet::new(), 0);
    assert!(!mempool.is_waiting(999));
    assert!(mempool.is_waiting(1_000));
    assert_eq!(mempool.len(), 1);
}

#[test]
fn what_the_blocks_before_carry_is_not_offered() {
    let mempool = Mempool::new();
    for (device, nonce) in [(1, 1), (1, 2), (2, 1)] {
        mempool.insert(tx(device, nonce)).unwrap();
    }
    let carried = HashSet::from([tx(1, 1).raw.id(), tx(2, 1).raw.id()]);
    let offered = mempool.candidates(&carried);
    let offered: Vec<_> = offered.iter().map(|tx| (tx.tx.signer.0[1], tx.tx.nonce)).collect();
    assert_eq!(offered, [(1, 2)]);
}

#[test]
fn what_waited_is_known_in_a_block() {
    let mempool = Mempool::new();
    let checked = Checked::Seen(Digest([5; 32]));
    mempool.insert(Candidate { checked, ..tx(1, 1) }).unwrap();
    let known = |tx: &Candidate| mempool.decode(std::slice::from_ref(&tx.raw)).unwrap()[0].checked;
    assert_eq!(known(&tx(1, 1)), checked);
    assert_eq!(known(&tx(2, 1)), Checked::No);
    mempool.finalized([tx(1, 1)].into_iter(), 0);
    assert_eq!(known(&tx(1, 1)), checked, "gossip may bring it back");
    let garbage = RawTx::new(vec![1].into()).unwrap();
    assert!(mempool.decode(&[garbage]).is_none());
}

#[test]
fn what_is_refused_again_and_again_leaves() {
    let mempool = Mempool::new();
    let waiting = tx(1, 1);
    mempool.insert(waiting.clone()).unwrap();
    let refused = BTreeSet::from([waiting.raw.id()]);
    for round in 0..u64::from(MAX_REFUSALS) {
        assert_eq!(mempool.len(), 1);
        mempool.in_flight(std::iter::empty(), &refused, round * IN_FLIGHT_MS);
    }
    assert_eq!(mempool.len(), 0);
}

#[test]
fn a_new_transaction_is_news() {
    let mempool = Mempool::new();
    let news = mempool.news();
    mempool.insert(tx(1, 1)).unwrap();
    assert_eq!(news.now_or_never(), Some(()));
    assert_eq!(mempool.news().now_or_never(), None);
}

#[test]
fn a_batch_has_at_least_one_transaction_and_a_bound() {
    for (count, good) in [(0, false), (1, true), (MAX_BATCH, true), (MAX_BATCH + 1, false)] {
        let batch = Batch(vec![tx(1, 1).raw; count]);
        assert_eq!(Batch::decode(batch.encode()).is_ok(), good, "{count}");
    }
}

proptest! {
    #[test]
    fn hostile_batches_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        if let Ok(batch) = Batch::decode(Copying(bytes.as_slice())) {
            prop_assert!(batch.0.len() <= MAX_BATCH);
            prop_assert_eq!(batch.encode().to_vec(), bytes);
        }
    }
}
