//! Anchors as an organisation and as a stranger meet them: real validators, the real program, and a
//! real node of Ethereum (`anvil`), which each test starts on a port of its own and kills at its end.
//!
//! Between the program and the node stands a gate that can be shut, that can hold a request, and
//! that can lie; so that what a crash or a dishonest endpoint does happens at the very moment that is
//! meant. Another one stands before a validator and drops its old blocks.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod anvil;
mod checking;
mod crashes;
mod forgetful;
mod gate;
mod holding;
mod posting;
mod rewriting;
mod world;

use std::time::{Duration, Instant};

/// Longer than anything here takes, even on a machine that is busy with something else.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks at something that changes by itself.
const LOOK: Duration = Duration::from_millis(50);

/// Looks until it is so.
async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(LOOK).await;
    }
}
