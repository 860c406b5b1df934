//! A validator whose disk is lost comes back: how long until it is where the others are.
//!
//! It is killed, the others go on without it, its ledgers are deleted, and it starts again and takes
//! every block from them. It keeps its key here, which a real one must not: without its journal it
//! could contradict a vote it gave before. Here the others have left the rounds it voted in behind.

use std::{fs, time::Duration};

use anyhow::Context as _;

use super::{
    crowd::{Crowd, VALIDATORS},
    idle::round,
};
use crate::bench::Line;

/// Blocks the others make without it before it comes back.
const WITHOUT: u64 = 4;

/// Wipes the last validator and starts it again.
///
/// # Errors
/// It does not come back, or the others do not go on without it.
pub(super) async fn measure(crowd: &mut Crowd) -> anyhow::Result<Vec<Line>> {
    let last = VALIDATORS - 1;
    crowd.world.kill(last).await?;
    let height = crowd.height().await?;
    crowd.until_at(0, height + WITHOUT).await?;
    let ledgers = crowd.world.ledgers(last);
    fs::remove_dir_all(&ledgers).with_context(|| format!("deleting {}", ledgers.display()))?;
    let height = crowd.height().await?;
    let began = std::time::Instant::now();
    crowd.world.run(last).await?;
    crowd.until_at(last, height).await?;
    let took = began.elapsed();
    let count = |value: u64| u32::try_from(value).unwrap_or(u32::MAX).into();
    Ok(vec![
        Line::new("ledger/recovery_s", seconds(took), "s"),
        Line::new("ledger/recovery_txs", count(crowd.watcher.count()), "transactions"),
        Line::new("ledger/recovery_blocks", count(height), "blocks"),
    ])
}

fn seconds(time: Duration) -> f64 {
    round(time.as_secs_f64())
}
