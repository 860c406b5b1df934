//! One of five is removed: how soon they open nothing more.

use std::time::Instant;

use anyhow::{Context as _, Result};
use futures::future::try_join_all;
use tokio::time::sleep;

use super::{
    Progress, STEP, TAIL,
    figures::{Figures, count},
    people::{PEOPLE, People, admit, flow, together},
};
use crate::{
    bench::Line,
    http::wire::{self, Empty, Invitation, Meeting, Opened, Phase},
    node::record::now_ns,
    stage::{Kick, Recording, blindness},
};

/// How often without being asked otherwise.
pub const RUNS: usize = 50;
/// How many in one meeting: the ledger takes four requests of a user to a meeting within 100 s,
/// and the first one let them in.
const IN_ONE_MEETING: usize = 3 * (PEOPLE - 1);

/// Removes a guest of a meeting of five, `runs` times; they ask again and are let in between.
///
/// # Errors
/// Something did not start, or a step took more than 30 s.
pub async fn measure(runs: usize, progress: &mut Progress<'_>) -> Result<Vec<Line>> {
    let mut figures = Kicks::default();
    let mut done = 0;
    while done < runs {
        let now = IN_ONE_MEETING.min(runs - done);
        meeting(now, &mut figures, &mut |run, text| progress(done + run, text)).await?;
        done += now;
    }
    let mut lines = vec![count("kick/runs", runs, "runs")];
    for samples in [figures.blind, figures.key, figures.told] {
        lines.extend(samples.lines());
    }
    lines.push(count("kick/packets-tried", figures.tried, "packets"));
    lines.push(count("kick/opened-after-rekey", figures.later, "packets"));
    lines.push(count("kick/packets-lost", figures.lost, "packets"));
    Ok(lines)
}

#[derive(Debug)]
struct Kicks {
    blind: Figures,
    key: Figures,
    told: Figures,
    tried: usize,
    later: usize,
    lost: usize,
}

impl Default for Kicks {
    fn default() -> Self {
        Self {
            blind: Figures::new("kick/blind", "ms"),
            key: Figures::new("kick/new-key", "ms"),
            told: Figures::new("kick/told", "ms"),
            tried: 0,
            later: 0,
            lost: 0,
        }
    }
}

/// One meeting with so many removals.
async fn meeting(kicks: usize, figures: &mut Kicks, progress: &mut Progress<'_>) -> Result<()> {
    let dir = tempfile::tempdir().context("making a directory for the runs")?;
    let people = People::found(dir.path()).await?;
    let begun = people.meet(0).await?;
    let leader = &people.all[0];
    let mut seen: Vec<(usize, Kick)> = Vec::new();
    for run in 0..kicks {
        let number = 1 + run % (PEOPLE - 1);
        let guest = &people.all[number];
        let run_ns = now_ns();
        let of = |m: &Meeting| Some((m.me?, m.epoch));
        let (idx, epoch) = guest.until_meeting("its index", STEP, of).await?;
        let click_ns = now_ns();
        let click = Instant::now();
        let _: Empty = leader.post("/api/kick", &wire::Kick { idx, ban: false }).await?;
        let rest = people.but(&[number]);
        let rekeyed = try_join_all(rest.iter().map(|daemon| {
            daemon.until_meeting("the key without the guest", STEP, |m| {
                (m.epoch > epoch && together(m, PEOPLE - 1)).then_some(())
            })
        }));
        let key = async { rekeyed.await.map(|_| click.elapsed()) };
        let told =
            guest.until_meeting("being told", STEP, |m| (m.phase == Phase::Removed).then_some(()));
        let told = async { told.await.map(|()| click.elapsed()) };
        let (key, told) = tokio::try_join!(key, told)?;
        sleep(TAIL).await;
        let span = click_ns..now_ns();
        seen.push((number, Kick { mid: begun.mid.clone(), epoch, span }));
        figures.key.push(key.as_secs_f64() * 1_000.0);
        figures.told.push(told.as_secs_f64() * 1_000.0);
        progress(run + 1, &format!("the others have the new key after {} ms", key.as_millis()));
        let _: Opened = guest.post("/api/join", &Invitation { link: begun.link.clone() }).await?;
        admit(leader, 1).await?;
        people.hear(&people.but(&[])).await?;
        sleep(TAIL).await;
        figures.lost += flow(&rest, run_ns)?.lost;
    }
    let recordings = people.all.iter().map(Recording::of).collect::<Result<Vec<_>>>()?;
    for (number, kick) in &seen {
        let guest = recordings.get(*number).context("no record of the guest")?;
        let blind = blindness(&recordings, guest, kick)?;
        figures.blind.push(blind.after_ms);
        figures.tried += blind.tried;
        figures.later += blind.later;
    }
    let _: Empty = leader.post("/api/end", &Empty {}).await?;
    Ok(())
}
