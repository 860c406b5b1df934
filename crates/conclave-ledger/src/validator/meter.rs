//! What a validator counts about the blocks it executes, for whoever watches it.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use commonware_runtime::{
    Metrics,
    telemetry::metrics::raw::{Counter, Family, Gauge, Histogram},
};
use conclave_protocol::Kind;

use crate::{block::Header, light::validator_key};

/// One label of one value.
type Label = [(&'static str, String); 1];

/// Counters that are shared with the registry of the engine once there is one.
#[derive(Debug)]
pub(crate) struct Meter {
    height: Gauge,
    lowest: Gauge,
    time: Gauge,
    signed: Counter,
    /// Own votes to make final, by epoch and view, for blocks that are not executed yet.
    votes: Mutex<BTreeSet<(u64, u64)>>,
    blocks: Family<Label, Counter>,
    transactions: Family<Label, Counter>,
    finality: Histogram,
}

impl Meter {
    pub(crate) fn new() -> Self {
        let meter = Self {
            height: Gauge::default(),
            lowest: Gauge::default(),
            time: Gauge::default(),
            signed: Counter::default(),
            votes: Mutex::default(),
            blocks: Family::default(),
            transactions: Family::default(),
            finality: Histogram::new(SECONDS),
        };
        // From zero, so that the first of a kind is a step and not an appearance.
        for kind in Kind::ALL {
            let _ = meter.transactions.get_or_create(&label(*kind));
        }
        meter
    }

    /// Shows everything under the name of `context`, for as long as the result is kept.
    pub(crate) fn publish<E: Metrics>(&self, context: &E) -> impl Sized + Send + 'static + use<E> {
        (
            context.register("height", "Newest executed height", self.height.clone()),
            context.register(
                "block_time_seconds",
                "Chain time of the newest executed block, Unix time",
                self.time.clone(),
            ),
            context.register("lowest_block", "Lowest block that is kept here", self.lowest.clone()),
            context.register(
                "blocks_signed",
                "Executed blocks that this validator voted to make final",
                self.signed.clone(),
            ),
            context.register("blocks", "Executed blocks by proposer", self.blocks.clone()),
            context.register(
                "transactions",
                "Executed transactions by kind",
                self.transactions.clone(),
            ),
            context.register(
                "finality_seconds",
                "From the time of a block until it was final and executed here",
                self.finality.clone(),
            ),
        )
    }

    /// Notes which blocks are kept.
    pub(crate) fn lowest(&self, height: u64) {
        self.lowest.set(i64::try_from(height).unwrap_or(i64::MAX));
    }

    /// Notes that this validator voted to make the block of this epoch and view final. Votes that a
    /// restart reads again are of blocks that were executed, and are not counted twice.
    pub(crate) fn voted(&self, round: (u64, u64)) {
        let mut votes = self.votes();
        votes.insert(round);
        if votes.len() > VOTES {
            votes.pop_first();
        }
    }

    /// Counts a final block that was executed at `now_ms`.
    pub(crate) fn block(
        &self,
        header: &Header,
        kinds: impl IntoIterator<Item = Kind>,
        now_ms: u64,
    ) {
        let proposer = validator_key(&header.round.leader);
        self.blocks.get_or_create(&[("proposer", proposer.to_string())]).inc();
        for kind in kinds {
            self.transactions.get_or_create(&label(kind)).inc();
        }
        let round = (header.round.epoch, header.round.view);
        let mut votes = self.votes();
        if votes.remove(&round) {
            self.signed.inc();
        }
        *votes = votes.split_off(&round);
        drop(votes);
        self.height.set(i64::try_from(header.height).unwrap_or(i64::MAX));
        self.time.set(i64::try_from(header.time_ms / 1_000).unwrap_or(i64::MAX));
        let age = Duration::from_millis(now_ms.saturating_sub(header.time_ms));
        // Who catches up executes blocks of long ago; that says nothing about finality.
        if age < OLD {
            self.finality.observe(age.as_secs_f64());
        }
    }
}

impl Meter {
    fn votes(&self) -> MutexGuard<'_, BTreeSet<(u64, u64)>> {
        self.votes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The label of a kind of transaction: its name.
fn label(kind: Kind) -> Label {
    let name = kind.context();
    [("kind", name.strip_prefix("tx/").unwrap_or(name).to_owned())]
}

/// Votes that are remembered: as many as views that wait to be executed at most.
const VOTES: usize = 1_024;

const SECONDS: [f64; 14] =
    [0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 15.0];

/// Age from which a header is stale for a client (`Params::stale`).
const OLD: Duration = Duration::from_secs(60);
