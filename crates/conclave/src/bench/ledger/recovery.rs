//! A validator whose disk is lost comes back: how long until it is where the others are.
//!
//! It is killed, the others go on without it, its ledgers are deleted, and it starts again: once it
//! takes every block from them, once it fetches the newest state. Without its journal it could
//! contradict a vote it gave before, so its guard keeps it silent for the rest of the epoch; the
//! measurement looks at what it knows, not at what it signs.

use std::{fs, time::Instant};

use anyhow::Context as _;

use super::{
    Progress,
    crowd::{Crowd, VALIDATORS},
    idle::round,
};
use crate::bench::Line;

/// Blocks the others make without it before it comes back.
const WITHOUT: u64 = 2;

/// Wipes the last validator and starts it again, both ways.
///
/// # Errors
/// It does not come back, or the others do not go on without it.
pub(super) async fn measure(
    crowd: &mut Crowd,
    progress: &mut Progress<'_>,
) -> anyhow::Result<Vec<Line>> {
    let count = |value: u64| u32::try_from(value).unwrap_or(u32::MAX).into();
    let mut lines = Vec::new();
    for (name, sync) in [("ledger/recovery_s", false), ("ledger/recovery_sync_s", true)] {
        let (took, height) = wipe(crowd, sync).await?;
        progress(&format!("a wiped validator is back at height {height} after {took:.1} s"));
        lines.push(Line::new(name, round(took), "s"));
        if !sync {
            let txs = count(crowd.watcher.count());
            lines.push(Line::new("ledger/recovery_txs", txs, "transactions"));
            lines.push(Line::new("ledger/recovery_blocks", count(height), "blocks"));
        }
    }
    Ok(lines)
}

/// Seconds from the start of a validator without ledgers until it has the height that the others had
/// at its start, and that height.
async fn wipe(crowd: &mut Crowd, sync: bool) -> anyhow::Result<(f64, u64)> {
    let last = VALIDATORS - 1;
    crowd.world.kill(last).await?;
    let height = crowd.height().await?;
    crowd.until_at(0, height + WITHOUT).await?;
    let ledgers = crowd.world.ledgers(last);
    fs::remove_dir_all(&ledgers).with_context(|| format!("deleting {}", ledgers.display()))?;
    let height = crowd.height().await?;
    let began = Instant::now();
    crowd.world.run(last, sync).await?;
    crowd.until_at(last, height).await?;
    Ok((began.elapsed().as_secs_f64(), height))
}
