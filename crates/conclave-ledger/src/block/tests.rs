//! Blocks survive the wire, and nothing else does.

use commonware_codec::{Copying, DecodeExt as _, Encode as _};
use commonware_cryptography::{Signer as _, ed25519::PrivateKey};
use proptest::prelude::*;

use super::*;

fn block(identity: Vec<RawTx>, meeting: Vec<RawTx>) -> Block {
    let section = |txs: &[RawTx]| Section {
        prev: Digest([1; 32]),
        count: u32::try_from(txs.len()).unwrap(),
        tx_root: tx_tree(txs).root(),
        state_root: Digest([2; 32]),
        ops_root: Digest([3; 32]),
        ops: (4, 9),
    };
    let header = Header {
        height: 7,
        time_ms: 1_000,
        parent: Digest([5; 32]),
        round: Round {
            epoch: 0,
            view: 9,
            parent_view: 8,
            leader: PrivateKey::from_seed(1).public_key(),
        },
        identity: section(&identity),
        meeting: section(&meeting),
        valset_hash: Digest([6; 32]),
        next_valset_hash: Digest([6; 32]),
    };
    Block { header, identity, meeting }
}

fn txs() -> impl Strategy<Value = Vec<RawTx>> {
    let tx = proptest::collection::vec(any::<u8>(), 1..200)
        .prop_map(|bytes| RawTx::new(bytes.into()).unwrap());
    proptest::collection::vec(tx, 0..12)
}

proptest! {
    #[test]
    fn a_block_survives_the_wire(identity in txs(), meeting in txs()) {
        let block = block(identity, meeting);
        let bytes = block.encode();
        prop_assert!(bytes.len() <= Block::max_encode_size(&()));
        prop_assert_eq!(Block::decode(bytes).unwrap(), block);
    }

    #[test]
    fn what_decodes_encodes_to_the_same_bytes(
        identity in txs(), meeting in txs(), at in any::<prop::sample::Index>(), bit in 0u8..8,
    ) {
        let block = block(identity, meeting);
        let mut bytes = block.encode().to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if let Ok(other) = Block::decode(Copying(bytes.as_slice())) {
            prop_assert_eq!(other.encode().to_vec(), bytes);
            prop_assert_ne!(other.digest(), block.digest());
        }
    }

    #[test]
    fn hostile_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        let _ = Block::decode(Copying(bytes.as_slice()));
        let _ = Header::decode(Copying(bytes.as_slice()));
    }
}

#[test]
fn a_body_that_is_not_the_headers_is_refused() {
    let tx = |byte| RawTx::new(vec![byte; 40].into()).unwrap();
    let good = block(vec![tx(1)], vec![tx(2)]);
    let other = block(vec![tx(3)], vec![tx(2)]);
    let mixed = Block { header: good.header.clone(), ..other };
    assert!(Block::decode(mixed.encode()).is_err());
    assert!(Block::decode(good.encode()).is_ok());
}

#[test]
fn what_is_over_a_bound_is_refused() {
    let tx = |number: u16, len: usize| {
        let mut bytes = vec![0; len];
        bytes[..2].copy_from_slice(&number.to_be_bytes());
        RawTx::new(bytes.into()).unwrap()
    };
    let decodes = |txs: Vec<RawTx>| Block::decode(block(txs, Vec::new()).encode()).is_ok();
    assert!(RawTx::new(vec![0; 4_096].into()).is_some());
    assert!(RawTx::new(vec![0; 4_097].into()).is_none());
    assert!(decodes((0..256).map(|number| tx(number, 4_096)).collect()), "1 MiB");
    assert!(!decodes((0..257).map(|number| tx(number, 4_096)).collect()));
    assert!(decodes((0..4_096).map(|number| tx(number, 2)).collect()));
    assert!(!decodes((0..4_097).map(|number| tx(number, 2)).collect()));
    let mut empty = block(Vec::new(), Vec::new());
    for (ops, good) in [((4, 5), true), ((4, 4), false), ((4, (1 << 62) + 1), false)] {
        empty.header.meeting.ops = ops;
        assert_eq!(Block::decode(empty.encode()).is_ok(), good, "{ops:?}");
    }
}

#[test]
fn trailing_bytes_are_refused() {
    let mut bytes = block(Vec::new(), Vec::new()).encode().to_vec();
    bytes.push(0);
    assert!(Block::decode(Copying(bytes.as_slice())).is_err());
}

#[test]
fn a_section_links_to_the_last_one_with_transactions() {
    let empty = block(Vec::new(), Vec::new());
    assert_eq!(empty.header.identity_link(), empty.header.identity.prev);
    let tx = RawTx::new(vec![1].into()).unwrap();
    let full = block(vec![tx.clone()], vec![tx]);
    assert_ne!(full.header.identity_link(), full.header.identity.prev);
    assert_ne!(full.header.identity_link(), full.header.meeting_link());
}
