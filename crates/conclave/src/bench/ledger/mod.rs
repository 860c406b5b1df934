//! What the ledger does under load, at rest, and with many users: `conclave bench ledger`.
//!
//! Four validators are processes of this program with sockets and disks; the load and the light
//! client that says what is final are in this process. Read in this order: `workload` (what is
//! sent), `schedule` (when, and how latency is counted), `rpc` (to whom), `watch` (what is final),
//! `crowd` (all of them together); then `finality`, `throughput`, `idle`, `recovery` and
//! `proof`, one measurement each; `procfs` is what the kernel says, `publish` writes the workload
//! for others. What each name means stands in `docs/bench.md`.

mod crowd;
mod finality;
mod idle;
mod procfs;
mod proof;
mod publish;
mod recovery;
mod rpc;
mod schedule;
mod throughput;
mod watch;
mod workload;

use std::time::Duration;

use anyhow::Context as _;

use self::crowd::{Crowd, VALIDATORS};
use super::Line;

pub use proof::USERS;
pub use publish::publish;

/// Bound of every single step; reaching it ends the measurement with an error.
const STEP: Duration = Duration::from_secs(180);

/// Told what was measured, for people who wait.
pub type Progress<'a> = dyn FnMut(&str) + 'a;

/// One of the measurements.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub enum Part {
    /// Proofs of one device among many users, and their memory
    Proofs,
    /// Disk, memory and CPU while nothing happens
    Idle,
    /// From submit to verified at 50 transactions a second
    Finality,
    /// The same with one of four validators dead
    OneDead,
    /// The highest rate with bounded latency, and what is refused beyond
    Throughput,
    /// A validator whose disk is lost comes back
    Recovery,
}

/// What is measured, and for how long.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Which measurements; all if there is none.
    pub only: Vec<Part>,
    /// Registered users at which proofs are measured.
    pub users: Vec<u64>,
    /// Transactions that a validator has to take again when its disk is lost.
    pub history: u64,
    /// Everything shorter, and less of it.
    pub quick: bool,
}

impl Plan {
    fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    fn time(&self, long: u64, short: u64) -> Duration {
        Duration::from_secs(if self.quick { short } else { long })
    }
}

/// Measures and hands on each figure as soon as it is there.
///
/// # Errors
/// Something did not start, a transaction or a proof was refused that must not be, or something
/// that was taken is lost.
pub async fn measure(
    plan: &Plan,
    progress: &mut Progress<'_>,
    each: &mut dyn FnMut(Vec<Line>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    // First, while this process holds nothing but the users.
    if plan.wants(Part::Proofs) {
        each(proof::measure(&plan.users, progress).await?)?;
    }
    let parts = [Part::Idle, Part::Finality, Part::OneDead, Part::Throughput];
    if parts.into_iter().any(|part| plan.wants(part)) {
        load(plan, progress, each).await?;
    }
    // On a network of its own: whoever was wiped signs nothing for a while.
    if plan.wants(Part::Recovery) {
        let dir = directory()?;
        let mut crowd = Crowd::found(dir.path()).await?;
        let history = if plan.quick { plan.history.min(10_000) } else { plan.history };
        let people = (history / 20).clamp(1, 5_000);
        crowd.register(people).await?;
        crowd.make_history(history.saturating_sub(people)).await?;
        progress(&format!("{} transactions are final", crowd.watcher.count()));
        each(recovery::measure(&mut crowd, progress).await?)?;
    }
    Ok(())
}

/// Everything that is measured on one network, from rest to too much.
async fn load(
    plan: &Plan,
    progress: &mut Progress<'_>,
    each: &mut dyn FnMut(Vec<Line>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let dir = directory()?;
    let mut crowd = Crowd::found(dir.path()).await?;
    progress("four validators make blocks");
    if plan.wants(Part::Idle) {
        each(idle::measure(&crowd, plan.time(60, 15)).await?)?;
    }
    if plan.wants(Part::Finality) || plan.wants(Part::OneDead) {
        crowd.register(if plan.quick { 500 } else { 2_000 }).await?;
    }
    if plan.wants(Part::Finality) {
        let all: Vec<_> = (0..VALIDATORS).collect();
        let time = plan.time(40, 10);
        each(finality::measure(&mut crowd, "finality", &all, time).await?)?;
    }
    if plan.wants(Part::OneDead) {
        let last = VALIDATORS - 1;
        crowd.world.kill(last).await?;
        let alive: Vec<_> = (0..last).collect();
        let time = plan.time(40, 10);
        each(finality::measure(&mut crowd, "finality_one_dead", &alive, time).await?)?;
        crowd.world.run(last, false).await?;
        crowd.until_at(last, crowd.height().await?).await?;
    }
    if plan.wants(Part::Throughput) {
        crowd.register(if plan.quick { 8_000 } else { 40_000 }).await?;
        progress("the people are registered");
        each(throughput::measure(&mut crowd, plan.time(8, 3), progress).await?)?;
    }
    Ok(())
}

fn directory() -> anyhow::Result<tempfile::TempDir> {
    tempfile::tempdir().context("making a directory for the network")
}
