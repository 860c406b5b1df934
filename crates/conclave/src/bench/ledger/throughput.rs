//! How many transactions a second the ledger takes for good, and what it does with more.
//!
//! A rate holds if everything that was due was taken, is final in the end, and 99 of 100 were within
//! [`BOUND`] of the time they were due. The rate rises until it does not hold; one more try lies
//! halfway. Then twice as much as held is offered: what is beyond capacity must be refused with a
//! hint when to come back, the mempools stay within their bound, and what was taken becomes final.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use conclave_protocol::TxId;
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

use super::{
    Progress, STEP,
    crowd::{Crowd, chain_now},
    rpc::{Received, Rpc},
    schedule::{Latencies, Schedule},
    workload::{Person, Signed},
};
use crate::{bench::Line, rpc::batch};

/// Bound of the 99th percentile of the latency, in milliseconds.
pub(super) const BOUND: f64 = 1_000.0;

/// How often what is due is sent.
const TICK: Duration = Duration::from_millis(20);

/// How long what was taken may take to become final after the last one was due.
const REST: Duration = Duration::from_secs(10);

/// Rates that are tried, in transactions a second.
pub(super) const RATES: [u32; 9] =
    [1_000, 2_000, 3_000, 4_000, 6_000, 8_000, 10_000, 12_000, 15_000];

/// Raises the rate until it does not hold, then offers twice what held.
///
/// # Errors
/// Not even the lowest rate holds, or something that was taken is lost.
pub(super) async fn measure(
    crowd: &mut Crowd,
    time: Duration,
    progress: &mut Progress<'_>,
) -> anyhow::Result<Vec<Line>> {
    let mut held: Option<Run> = None;
    let mut broke = None;
    for rate in RATES {
        let run = offer(crowd, rate, time).await?;
        progress(&run.to_string());
        if !run.holds() {
            broke = Some(rate);
            break;
        }
        held = Some(run);
    }
    let mut held = held.context("no rate holds")?;
    if let Some(broke) = broke {
        let run = offer(crowd, held.rate.midpoint(broke), time).await?;
        progress(&run.to_string());
        if run.holds() {
            held = run;
        }
    }
    let beyond = offer(crowd, held.rate.saturating_mul(2), time).await?;
    progress(&beyond.to_string());
    ensure!(beyond.lost == 0, "{} transactions were taken and lost", beyond.lost);
    let count = |name: &str, value: usize, unit| {
        let value = u32::try_from(value).unwrap_or(u32::MAX).into();
        Line::new(format!("ledger/{name}"), value, unit)
    };
    Ok(vec![
        Line::new("ledger/throughput_tx_s", held.rate.into(), "tx/s"),
        Line::new("ledger/throughput_final_tx_s", held.final_rate, "tx/s"),
        Line::new("ledger/throughput_bound_ms", BOUND, "ms"),
        Line::new("ledger/throughput_ms_p50", held.p50, "ms"),
        Line::new("ledger/throughput_ms_p99", held.p99, "ms"),
        count("throughput_lost", held.lost, "transactions"),
        Line::new("ledger/beyond_offered_tx_s", beyond.rate.into(), "tx/s"),
        Line::new("ledger/beyond_final_tx_s", beyond.final_rate, "tx/s"),
        Line::new("ledger/beyond_ms_p99", beyond.p99, "ms"),
        count("refused_beyond_capacity", beyond.refused, "transactions"),
        count("beyond_lost", beyond.lost, "transactions"),
        count("beyond_mempool_most", beyond.most_waiting, "transactions"),
    ])
}

/// What happened at one rate.
#[derive(Clone, Debug)]
struct Run {
    rate: u32,
    offered: usize,
    /// Not offered because everybody waited, or refused because the validator had not seen the
    /// person's transaction before.
    missing: usize,
    /// Refused with a hint when to come back.
    refused: usize,
    /// Taken, and not final at the end.
    lost: usize,
    /// Transactions verified as final per second, from the first one due to the last one verified.
    final_rate: f64,
    p50: f64,
    p99: f64,
    /// Most transactions that waited at one validator.
    most_waiting: usize,
}

impl Run {
    fn holds(&self) -> bool {
        self.missing == 0 && self.refused == 0 && self.lost == 0 && self.p99 <= BOUND
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { rate, offered, missing, refused, lost, final_rate, p50, p99, most_waiting } =
            self;
        write!(
            f,
            "{rate} tx/s: {offered} offered, {missing} not, {refused} refused, {lost} lost, \
             {final_rate:.0} final a second, p50 {p50:.0} ms, p99 {p99:.0} ms, at most {most_waiting} waiting"
        )
    }
}

/// One transaction under way.
struct UnderWay {
    person: Person,
    update: Signed,
    due: Instant,
}

/// Offers transactions at a rate and follows them to the end.
async fn offer(crowd: &mut Crowd, rate: u32, time: Duration) -> anyhow::Result<Run> {
    let mut ready = VecDeque::new();
    let now = chain_now();
    let all = usize::try_from(u128::from(rate) * time.as_micros() / 1_000_000)?;
    while ready.len() < all
        && let Some(person) = crowd.idle.pop_front()
    {
        let update = person.update(&crowd.workload, now)?;
        ready.push_back((person, update));
    }
    crowd.watcher.news()?;
    let start = Instant::now() + TICK;
    let schedule = Schedule::new(start, rate, time);
    let mut run = Flight::default();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut next = 0;
    while next < schedule.len() {
        ticks.tick().await;
        run.collect(crowd)?;
        let due = schedule.due_until(next, Instant::now());
        next = due.end;
        let mut batch = Vec::with_capacity(due.len());
        for number in due {
            let (person, update) = match ready.pop_front() {
                Some(signed) => signed,
                None => {
                    // Everybody is under way: then nobody is there to offer anything.
                    let Some(person) = crowd.idle.pop_front() else { break };
                    let update = person.update(&crowd.workload, chain_now())?;
                    (person, update)
                }
            };
            run.offered += 1;
            batch.push(UnderWay { person, update, due: schedule.due(number) });
        }
        run.send(&crowd.rpcs, batch);
        run.look(&crowd.rpcs);
    }
    let patience = Instant::now();
    while run.is_open() && patience.elapsed() < REST + STEP {
        ticks.tick().await;
        run.collect(crowd)?;
        run.look(&crowd.rpcs);
        if run.sending.is_empty() && patience.elapsed() > REST && run.last.elapsed() > REST {
            break;
        }
    }
    crowd.idle.extend(ready.into_iter().map(|(person, _)| person));
    Ok(run.finish(rate, &schedule, start))
}

/// Transactions of one run.
#[derive(Default)]
struct Flight {
    under_way: HashMap<TxId, UnderWay>,
    /// Final before the validator's answer came back.
    early: HashMap<TxId, Instant>,
    sending: JoinSet<anyhow::Result<Vec<(UnderWay, Received)>>>,
    looking: JoinSet<anyhow::Result<usize>>,
    latencies: Latencies,
    offered: usize,
    refused: usize,
    too_early: usize,
    most_waiting: usize,
    last: Moment,
}

/// When the last transaction was verified.
struct Moment(Instant);

impl Default for Moment {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Moment {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

impl Flight {
    fn is_open(&self) -> bool {
        !self.under_way.is_empty() || !self.sending.is_empty()
    }

    /// Gives what is due to all validators alike.
    fn send(&mut self, rpcs: &[Arc<Rpc>], batch: Vec<UnderWay>) {
        let mut shares: Vec<Vec<UnderWay>> = rpcs.iter().map(|_| Vec::new()).collect();
        for (number, tx) in batch.into_iter().enumerate() {
            shares[number % rpcs.len()].push(tx);
        }
        for (rpc, mut share) in rpcs.iter().zip(shares) {
            while !share.is_empty() {
                let part: Vec<_> = share.drain(..share.len().min(batch::MOST)).collect();
                let rpc = Arc::clone(rpc);
                self.sending.spawn(async move {
                    let txs: Vec<_> = part.iter().map(|tx| tx.update.clone()).collect();
                    let received = rpc.submit_all(&txs).await?;
                    Ok(part.into_iter().zip(received).collect())
                });
            }
        }
    }

    /// Takes what validators answered and what became final.
    fn collect(&mut self, crowd: &mut Crowd) -> anyhow::Result<()> {
        while let Some(answered) = self.sending.try_join_next() {
            for (tx, received) in answered?? {
                match received {
                    Received::Taken => match self.early.remove(&tx.update.id) {
                        Some(at) => self.verified(crowd, tx, at),
                        None => _ = self.under_way.insert(tx.update.id, tx),
                    },
                    Received::Later => {
                        self.refused += 1;
                        crowd.idle.push_back(tx.person);
                    }
                    Received::Refused(text) => {
                        tracing::debug!(text, "too early");
                        self.too_early += 1;
                        crowd.idle.push_back(tx.person);
                    }
                }
            }
        }
        for (id, at) in crowd.watcher.news()? {
            match self.under_way.remove(&id) {
                Some(tx) => self.verified(crowd, tx, at),
                None => _ = self.early.insert(id, at),
            }
        }
        while let Some(waiting) = self.looking.try_join_next() {
            self.most_waiting = self.most_waiting.max(waiting?.unwrap_or(0));
        }
        Ok(())
    }

    fn verified(&mut self, crowd: &mut Crowd, mut tx: UnderWay, at: Instant) {
        self.latencies.push(tx.due, at);
        self.last.0 = self.last.0.max(at);
        tx.person.took(&tx.update);
        crowd.idle.push_back(tx.person);
    }

    /// Asks one of the validators how many transactions wait, if nobody does so already.
    fn look(&mut self, rpcs: &[Arc<Rpc>]) {
        let turn = self.latencies.len() % rpcs.len();
        if self.looking.is_empty()
            && let Some(rpc) = rpcs.get(turn).cloned()
        {
            self.looking.spawn(async move { Ok(rpc.status().await?.mempool) });
        }
    }

    fn finish(mut self, rate: u32, schedule: &Schedule, start: Instant) -> Run {
        let took = self.last.0.saturating_duration_since(start).as_secs_f64().max(1e-9);
        let mut at = |percent| self.latencies.percentile(percent).unwrap_or(f64::INFINITY);
        let (p50, p99) = (at(50), at(99));
        Run {
            rate,
            offered: self.offered,
            missing: schedule.len().saturating_sub(self.offered) + self.too_early,
            refused: self.refused,
            lost: self.under_way.len(),
            final_rate: (self.latencies.len() as f64 / took).round(),
            p50,
            p99,
            most_waiting: self.most_waiting,
        }
    }
}
