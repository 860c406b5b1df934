//! All validators are gone for a while: what goes on, what is refused, and what is confirmed.

use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use futures::future::try_join_all;
use tokio::time::sleep;

use super::{
    Progress, STEP, TAIL,
    figures::{Figures, count},
    people::{PEOPLE, People, admit, back, flow, register, together},
};
use crate::{
    bench::Line,
    http::wire::{Admit, Empty, Freshness, Invitation, Kick, Meeting, Opened, Phase},
    node::record::now_ns,
    stage::{Daemon, figure::ms},
};

/// How often without being asked otherwise.
pub const RUNS: usize = 3;
/// Longer than the ledger may be silent before its newest header is stale.
const STALE: std::time::Duration = std::time::Duration::from_secs(90);

/// Kills all validators during a meeting of five, `runs` times: one leaves, one is removed, a
/// guest who waits and one who asks later are refused; then the validators are started again.
///
/// # Errors
/// Something did not start, a step took too long, or somebody unknown came in.
pub async fn measure(runs: usize, progress: &mut Progress<'_>) -> Result<Vec<Line>> {
    let mut left = Figures::new("stall/leave", "ms");
    let mut removed = Figures::new("stall/kick", "ms");
    let mut silence = Figures::new("stall/longest-silence", "ms");
    let mut confirmed = Figures::new("stall/confirmed", "ms");
    let mut lost = 0;
    for run in 0..runs {
        let dir = tempfile::tempdir().context("making a directory for the runs")?;
        let mut people = People::found(dir.path()).await?;
        let waiting = people.arrive(PEOPLE).await?;
        register(&waiting).await?;
        let begun = people.meet(0).await?;
        let ask = Invitation { link: begun.link.clone() };
        let _: Opened = waiting.post("/api/join", &ask).await?;
        let asked = |m: &Meeting| m.lobby.first().filter(|guest| guest.ready).map(|g| g.idx);
        let idx = people.all[0].until_meeting("the request", STEP, asked).await?;

        people.world.kill_all().await?;
        let warned = "the ledger stands still";
        noticed(&people.all[0], warned).await?;
        let start_ns = now_ns();

        let epoch = people.all[0].until_meeting("the epoch", STEP, |m| Some(m.epoch)).await?;
        let leave = Instant::now();
        let _: Empty = people.all[4].post("/api/leave", &Empty {}).await?;
        rekeyed(&people.but(&[4]), epoch, PEOPLE - 1).await?;
        left.push(leave.elapsed().as_secs_f64() * 1_000.0);
        let of = |m: &Meeting| Some((m.me?, m.epoch));
        let (third, epoch) = people.all[3].until_meeting("its index", STEP, of).await?;
        let click = Instant::now();
        let kick = Kick { idx: third, ban: false };
        let _: Empty = people.all[0].post("/api/kick", &kick).await?;
        rekeyed(&people.but(&[3, 4]), epoch, PEOPLE - 2).await?;
        removed.push(click.elapsed().as_secs_f64() * 1_000.0);

        let stale =
            |s: &crate::http::wire::State| (s.network.freshness == Freshness::Stale).then_some(());
        people.all[0].until("a stale ledger", STALE, stale).await?;
        let admitted: Result<Empty> = people.all[0].post("/api/admit", &Admit { idx }).await;
        let words = refused(admitted, "the guest who waited came in")?;
        let asked: Result<Opened> = people.all[4].post("/api/join", &ask).await;
        let others = refused(asked, "a request was taken without a ledger")?;
        sleep(TAIL).await;
        let flowed = flow(&people.but(&[3, 4]), start_ns)?;
        silence.push(ms(flowed.silence_ns));
        lost += flowed.lost;

        let start = Instant::now();
        people.world.run_all().await?;
        let known = |m: &Meeting| (!m.provisional && together(m, PEOPLE - 2)).then_some(());
        let rest = people.but(&[3, 4]);
        try_join_all(rest.iter().map(|d| d.until_meeting("the confirmation", STALE, known)))
            .await?;
        let took = start.elapsed();
        confirmed.push(took.as_secs_f64() * 1_000.0);
        progress(
            run + 1,
            &format!("confirmed {} ms after the restart; {words}; {others}", took.as_millis()),
        );
        // Whoever left may come again, through the ledger that is back.
        back(&people.all[4]).await?;
        let _: Opened = people.all[4].post("/api/join", &ask).await?;
        // The guest who waited all the time is let in as well.
        admit(&people.all[0], 2).await?;
        let live = |m: &Meeting| (m.phase == Phase::Live).then_some(());
        people.all[4].until_meeting("being let in again", STEP, live).await?;
    }
    let mut lines = vec![count("stall/runs", runs, "runs")];
    for samples in [left, removed, silence, confirmed] {
        lines.extend(samples.lines());
    }
    lines.push(count("stall/packets-lost", lost, "packets"));
    Ok(lines)
}

async fn noticed(daemon: &Daemon, text: &str) -> Result<()> {
    let said = |m: &Meeting| m.notices.iter().any(|n| n.text.contains(text)).then_some(());
    daemon.until_meeting("noticing that the ledger stands still", STEP, said).await
}

/// Waits until all of them hold a later key than that of `epoch`, with so many members.
async fn rekeyed(who: &[&Daemon], epoch: u32, members: usize) -> Result<()> {
    let new = |m: &Meeting| (m.epoch > epoch && together(m, members)).then_some(());
    try_join_all(who.iter().map(|daemon| daemon.until_meeting("a new key", STEP, new))).await?;
    Ok(())
}

/// The words of a refusal.
fn refused<T>(answer: Result<T>, otherwise: &str) -> Result<String> {
    match answer {
        Ok(_) => bail!("{otherwise}"),
        Err(refusal) => Ok(refusal.to_string()),
    }
}
