//! What a validator takes while nobody asks anything of it: disk, memory, CPU.
//!
//! The journal of votes, the cache of proposals and the logs of the states grow until they hold the last
//! few hundred views or the last thousand blocks, and then no more: growth of a day is that of
//! everything else, and their size is a figure of its own.

use std::time::Duration;

use anyhow::Context as _;
use tokio::time::sleep;

use super::{
    crowd::{Crowd, VALIDATORS},
    procfs::{Usage, ledgers, resident},
};
use crate::bench::Line;

const DAY: f64 = 86_400.0;
const MB: f64 = 1e6;

/// Watches all validators for `time`; each figure is that of the one that takes most.
///
/// # Errors
/// A validator is gone, or the machine has no `/proc`.
pub(super) async fn measure(crowd: &Crowd, time: Duration) -> anyhow::Result<Vec<Line>> {
    let mut before = Vec::new();
    let height = crowd.height().await?;
    for number in 0..VALIDATORS {
        let pid = crowd.world.pid(number).context("a validator is gone")?;
        before.push((pid, Usage::of(pid)?, ledgers(&crowd.world.ledgers(number))?.0));
    }
    sleep(time).await;
    let days = time.as_secs_f64() / DAY;
    let mut worst = [0.0_f64; 6];
    for (number, (pid, usage, files)) in before.into_iter().enumerate() {
        let (grown, bounded) = ledgers(&crowd.world.ledgers(number))?;
        let now = Usage::of(pid)?;
        let bytes = |count: u64| count as f64 / MB;
        let taken = [
            bytes(grown.bytes.saturating_sub(files.bytes)) / days,
            bytes(grown.on_disk.saturating_sub(files.on_disk)) / days,
            bytes(now.written(&usage)) / days,
            bytes(resident(pid)?),
            now.cpu_percent(&usage),
            bytes(bounded.bytes),
        ];
        for (worst, taken) in worst.iter_mut().zip(taken) {
            *worst = worst.max(taken);
        }
    }
    let blocks = crowd.height().await?.saturating_sub(height);
    let [grown, on_disk, written, memory, cpu, bounded] = worst;
    let line =
        |name: &str, value: f64, unit| Line::new(format!("ledger/{name}"), round(value), unit);
    Ok(vec![
        line("idle_disk_mb_day", grown, "MB/day"),
        line("idle_disk_du_mb_day", on_disk, "MB/day"),
        line("idle_bounded_disk_mb", bounded, "MB"),
        line("idle_written_mb_day", written, "MB/day"),
        line("idle_memory_mb", memory, "MB"),
        line("idle_cpu_percent", cpu, "%"),
        line("idle_blocks", blocks as f64, "blocks"),
    ])
}

/// Two digits after the point are all that is meant.
pub(super) fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
