//! Real validator processes, killed as a power cut kills them, while transactions stream in.
//!
//! A validator that answers `202` has checked a transaction and lets it wait: the sender sends it
//! again until it is final. What a validator *acknowledges* is finality, with a proof; that is what
//! must never be lost.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod consortium;
mod load;
#[path = "../shared/ports.rs"]
mod ports;
mod rpc;
mod set;
mod torn;
mod wait;

use std::time::Duration;

use reqwest::StatusCode;

use consortium::Consortium;
use load::Load;
use wait::eventually;

/// Acknowledged transactions before, during and after the absence of a validator, each.
const PHASE: usize = 60;
/// Two idle intervals of the ledger, in which a live one makes several blocks.
const QUIET: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_validator_loses_no_acknowledged_transaction() {
    let mut consortium = Consortium::start().await;
    let load = Load::start(&consortium);

    load.acknowledges(0, PHASE).await;
    consortium.kill(0).await;
    load.acknowledges(1, PHASE).await;
    consortium.run(0).await;
    load.acknowledges(0, PHASE).await;
    let facts = load.stop().await;
    let by = |index| facts.values().filter(|fact| fact.by == index).count();
    println!("acknowledged by each: {:?}", (0..4).map(by).collect::<Vec<_>>());

    consortium.holds_everywhere(&facts).await;
    consortium.agrees().await;

    for index in 0..4 {
        consortium.kill(index).await;
    }
    consortium.run_all().await;
    consortium.holds_everywhere(&facts).await;
    consortium.agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_two_of_four_killed_no_block_is_made_until_one_is_back() {
    let mut consortium = Consortium::start().await;
    let early = consortium.registration(0);
    assert_eq!(consortium.rpc(2).submit(&early.bytes).await, Some(StatusCode::ACCEPTED));
    eventually("the first transaction is final", async || consortium.proves(2, &early).await).await;

    consortium.kill(0).await;
    consortium.kill(1).await;
    let late = consortium.registration(1);
    for index in [2, 3] {
        assert_eq!(consortium.rpc(index).submit(&late.bytes).await, Some(StatusCode::ACCEPTED));
    }
    // A transaction waits all the time, so a block would be made at once. The first wait lets what
    // was under way arrive.
    assert!(consortium.rpc(2).inclusion(&late.id, QUIET).await.is_none());
    let heights = (consortium.height(2).await, consortium.height(3).await);
    assert!(consortium.rpc(2).inclusion(&late.id, QUIET).await.is_none());
    assert!(consortium.rpc(3).inclusion(&late.id, QUIET).await.is_none());
    assert_eq!((consortium.height(2).await, consortium.height(3).await), heights);

    consortium.run(0).await;
    for index in [0, 2, 3] {
        eventually("the ledger goes on", async || consortium.proves(index, &late).await).await;
        assert!(consortium.height(index).await > heights.0.max(heights.1));
    }
    consortium.run(1).await;
    eventually("the last one is back", async || consortium.proves(1, &late).await).await;
    consortium.agrees().await;
}
