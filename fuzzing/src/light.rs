//! Any bytes as the answer of a validator: nothing is believed that was not certified.

use conclave_ledger::light::{Freshness, LightClient};
use conclave_protocol::{Ed25519Signer, Genesis, Key, MeetingId, Params, TxId, UserId};

const NOW: u64 = 1_700_000_000_000;

pub(crate) fn run(bytes: &[u8]) {
    let validators: Vec<_> =
        (1..=4).map(|n| Ed25519Signer::from_seed(&[n; 32]).validator()).collect();
    let genesis = Genesis::new("fuzz", NOW, validators, Params::default()).unwrap();
    let mut client = LightClient::new(&genesis).unwrap();
    let Some((which, bytes)) = bytes.split_first() else { return };
    let keys = [Key::User(UserId([7; 32])), Key::Meeting(MeetingId([8; 32]))];
    // No validator of this network ever signed anything.
    let believed = match which {
        0 => client.on_header(bytes, NOW).is_ok(),
        1 => client.verify_state(bytes, &keys, NOW).is_ok(),
        2 => client.verify_state(bytes, &[], NOW).is_ok(),
        _ => client.verify_inclusion(bytes, &TxId([9; 32]), NOW).is_ok(),
    };
    assert!(!believed);
    assert!(client.newest().is_none() && client.evidence().is_none());
    assert_eq!(client.freshness(NOW), Freshness::Stale(u64::MAX));
}
