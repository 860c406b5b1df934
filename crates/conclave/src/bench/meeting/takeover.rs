//! The leader is killed: how soon somebody else leads with a new key, and whether media stops.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use futures::future::try_join_all;
use tokio::time::sleep;

use super::{
    Progress, STEP, TAIL,
    figures::{Figures, count},
    people::{PEOPLE, People, back, flow, together_without},
};
use crate::{
    bench::Line,
    http::wire::{Empty, Meeting},
    node::record::now_ns,
    stage::{Daemon, figure::ms},
};

/// How often without being asked otherwise.
pub const RUNS: usize = 20;

/// Kills the leader of a meeting of five with `kill -9`, `runs` times, each time another person.
///
/// # Errors
/// Something did not start, a step took more than 30 s, or two people took the chair.
pub async fn measure(runs: usize, progress: &mut Progress<'_>) -> Result<Vec<Line>> {
    let dir = tempfile::tempdir().context("making a directory for the runs")?;
    let mut people = People::found(dir.path()).await?;
    let mut took = Figures::new("takeover/new-key", "ms");
    let mut silence = Figures::new("takeover/longest-silence", "ms");
    let (mut lost, mut opened) = (0, 0);
    for run in 0..runs {
        let leader = run % PEOPLE;
        let begun = people.meet(leader).await?;
        let start_ns = now_ns();
        // What came before the kill shows that media flowed.
        sleep(TAIL).await;
        let epoch = people.all[leader].until_meeting("the epoch", STEP, |m| Some(m.epoch)).await?;
        let old = people.all[leader].until_meeting("the leader", STEP, |m| m.leader).await?;
        let click = Instant::now();
        people.all[leader].kill().await?;
        let rest = people.but(&[leader]);
        let waits = rest.iter().map(|daemon| successor(daemon, &begun.mid, old, epoch, click));
        let seen = try_join_all(waits).await?;
        let (first, _) = seen.first().copied().context("nobody is left")?;
        ensure!(seen.iter().all(|(chair, _)| *chair == first), "two people took the chair");
        let slowest = seen.iter().map(|(_, took)| *took).fold(0.0, f64::max);
        people.hear_without(&rest, Some(old)).await?;
        sleep(TAIL).await;
        let flow = flow(&rest, start_ns)?;
        took.push(slowest);
        silence.push(ms(flow.silence_ns));
        lost += flow.lost;
        opened += flow.opened;
        progress(
            run + 1,
            &format!("{slowest:.0} ms, longest silence {:.0} ms", ms(flow.silence_ns)),
        );
        let next = leads(&rest, first.0).await?;
        let _: Empty = next.post("/api/end", &Empty {}).await?;
        people.all[leader] = people.arrive(leader).await?;
        back(&people.all[leader]).await?;
    }
    let mut lines = vec![count("takeover/runs", runs, "runs")];
    lines.extend(took.lines());
    lines.extend(silence.lines());
    lines.push(count("takeover/packets-lost", lost, "packets"));
    lines.push(count("takeover/packets-opened", opened, "packets"));
    Ok(lines)
}

/// Index of the leader, and its term.
type Chair = (u16, u32);

/// Waits for a key of another leader that all four hold, and says who it is and how many
/// milliseconds after `click` it was there.
async fn successor(
    daemon: &Daemon,
    mid: &str,
    old: u16,
    epoch: u32,
    click: Instant,
) -> Result<(Chair, f64)> {
    let new = |m: &Meeting| {
        let leader = m.leader.filter(|leader| m.mid == mid && *leader != old)?;
        let keys = together_without(m, PEOPLE - 1, Some(old));
        (m.epoch > epoch && keys).then_some((leader, m.term))
    };
    let chair = daemon.until_meeting("another leader's key", STEP, new).await?;
    Ok((chair, click.elapsed().as_secs_f64() * 1_000.0))
}

/// The daemon that has this index.
async fn leads<'a>(daemons: &[&'a Daemon], idx: u16) -> Result<&'a Daemon> {
    for daemon in daemons {
        if daemon.until_meeting("its index", STEP, |m| m.me).await? == idx {
            return Ok(daemon);
        }
    }
    anyhow::bail!("the new leader is none of those who stayed")
}
