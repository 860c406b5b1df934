//! From submit to verified, at a steady rate.
//!
//! Each transaction is given to one validator and its proof asked of another one; it counts as
//! final when the light client believes that proof. Validators take turns in both.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use conclave_ledger::light::LightClient;
use conclave_protocol::Genesis;
use tokio::{task::JoinSet, time::sleep_until};

use super::{
    crowd::{Crowd, chain_now},
    rpc::{Received, Rpc},
    schedule::{Latencies, Schedule},
    watch::now_ms,
    workload::{Person, Signed},
};
use crate::bench::Line;

/// Transactions a second.
pub(super) const RATE: u32 = 50;

/// How long one transaction may take before it counts as lost.
const LOST: Duration = Duration::from_secs(20);

/// Submits for `time` and gives median and 99th percentile as `NAME_ms_p50` and so on.
///
/// # Errors
/// A transaction is refused or lost, or a proof does not hold.
pub(super) async fn measure(
    crowd: &mut Crowd,
    name: &str,
    alive: &[usize],
    time: Duration,
) -> anyhow::Result<Vec<Line>> {
    let rpcs: Vec<_> = alive.iter().filter_map(|number| crowd.rpcs.get(*number).cloned()).collect();
    ensure!(rpcs.len() > 1, "a proof is asked of another validator, and there is none");
    let light = Arc::new(Mutex::new(client(&crowd.genesis, &rpcs).await?));
    let schedule = Schedule::new(Instant::now() + Duration::from_millis(100), RATE, time);
    let mut running = JoinSet::new();
    let mut latencies = Latencies::default();
    let mut end = |crowd: &mut Crowd, (person, done): (Person, Instant), due| {
        crowd.idle.push_back(person);
        latencies.push(due, done);
    };
    for number in 0..schedule.len() {
        let due = schedule.due(number);
        sleep_until(due.into()).await;
        let person = crowd.idle.pop_front().context("everybody waits for a transaction")?;
        let update = person.update(&crowd.workload, chain_now())?;
        let door = Arc::clone(&rpcs[number % rpcs.len()]);
        let ahead = 1 + number / rpcs.len() % (rpcs.len() - 1);
        let other = Arc::clone(&rpcs[(number + ahead) % rpcs.len()]);
        let light = Arc::clone(&light);
        running.spawn(async move {
            let done = one(&door, &other, &light, &update).await?;
            let mut person = person;
            person.took(&update);
            anyhow::Ok(((person, done), due))
        });
        while let Some(ended) = running.try_join_next() {
            let (ended, due) = ended??;
            end(crowd, ended, due);
        }
    }
    while let Some(ended) = running.join_next().await {
        let (ended, due) = ended??;
        end(crowd, ended, due);
    }
    let count = latencies.len();
    ensure!(count == schedule.len(), "{} transactions are lost", schedule.len() - count);
    crowd.watcher.news()?;
    let mut line = |suffix: &str, percent| {
        let value = latencies.percentile(percent).context("nothing was measured")?;
        Ok(Line::new(format!("ledger/{name}_ms_{suffix}"), value, "ms"))
    };
    [("p50", 50), ("p99", 99), ("max", 100)]
        .map(|(suffix, percent)| line(suffix, percent))
        .into_iter()
        .collect()
}

/// One transaction: given, proven, verified. The time at which it was.
async fn one(
    door: &Rpc,
    other: &Rpc,
    light: &Mutex<LightClient>,
    update: &Signed,
) -> anyhow::Result<Instant> {
    match door.submit(Bytes::from(update.bytes.clone())).await? {
        Received::Taken => {}
        Received::Later => bail!("a validator is busy at {RATE} transactions a second"),
        Received::Refused(text) => bail!("a transaction was refused: {text}"),
    }
    let answer = other.inclusion(&update.id, LOST).await.context("a transaction is lost")?;
    let mut light = light.lock().unwrap_or_else(PoisonError::into_inner);
    light.verify_inclusion(&answer, &update.id, now_ms())?;
    Ok(Instant::now())
}

/// A client that knows a header, as one that has run for a while.
async fn client(genesis: &Genesis, rpcs: &[Arc<Rpc>]) -> anyhow::Result<LightClient> {
    let mut light = LightClient::new(genesis)?;
    let rpc = rpcs.first().context("nobody is there")?;
    light.on_header(&rpc.header(None).await?, now_ms())?;
    Ok(light)
}
