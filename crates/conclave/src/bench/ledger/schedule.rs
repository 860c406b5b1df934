//! When transactions are due, and how long each took: an open loop.
//!
//! Transaction k of a run at rate r is due at k/r after the start, whether those before it have been
//! answered or not, and its latency counts from when it was due, not from when it was sent. So a
//! pause of the ledger is felt by every transaction that was due meanwhile, as it would be by the
//! people who send them, and a generator that falls behind makes the figures worse, never better.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

use crate::stage::figure::percentile;

/// So many transactions, evenly spread.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    start: Instant,
    /// Transactions a second.
    rate: u32,
    count: usize,
}

impl Schedule {
    /// `rate` transactions a second for `time`.
    pub(super) fn new(start: Instant, rate: u32, time: Duration) -> Self {
        let count = u128::from(rate) * time.as_micros() / 1_000_000;
        Self { start, rate: rate.max(1), count: usize::try_from(count).unwrap_or(usize::MAX) }
    }

    /// How many.
    pub(super) const fn len(&self) -> usize {
        self.count
    }

    /// When the one of this number is due.
    pub(super) fn due(&self, number: usize) -> Instant {
        self.start + Duration::from_secs_f64(number as f64 / f64::from(self.rate))
    }

    /// Those from `first` on that are due at `now`.
    pub(super) fn due_until(&self, first: usize, now: Instant) -> Range<usize> {
        let past = now.saturating_duration_since(self.start).as_secs_f64();
        let due = (past * f64::from(self.rate)) as usize + 1;
        first..due.clamp(first, self.count.max(first))
    }
}

/// How long transactions took, in milliseconds.
#[derive(Clone, Debug, Default)]
pub(super) struct Latencies(Vec<f64>);

impl Latencies {
    /// One more.
    pub(super) fn push(&mut self, due: Instant, done: Instant) {
        self.0.push(done.saturating_duration_since(due).as_secs_f64() * 1e3);
    }

    /// How many.
    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    /// The time that `percent` of them did not exceed.
    pub(super) fn percentile(&mut self, percent: usize) -> Option<f64> {
        percentile(&mut self.0, percent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transactions_are_due_evenly_and_all_of_them() {
        let start = Instant::now();
        let schedule = Schedule::new(start, 50, Duration::from_secs(2));
        assert_eq!(schedule.len(), 100);
        assert_eq!(schedule.due(0), start);
        assert_eq!(schedule.due(50), start + Duration::from_secs(1));
        assert_eq!(schedule.due_until(0, start), 0..1);
        assert_eq!(schedule.due_until(1, start + Duration::from_millis(19)), 1..1);
        assert_eq!(schedule.due_until(1, start + Duration::from_millis(21)), 1..2);
        assert_eq!(schedule.due_until(90, start + Duration::from_secs(60)), 90..100);
        assert_eq!(schedule.due_until(100, start + Duration::from_secs(60)), 100..100);
    }

    #[test]
    fn a_pause_is_felt_by_everyone_who_was_due_meanwhile() {
        // Answers come at once, but for one pause of a second in ten: a generator that waited for
        // the answer would have one bad sample in 500, and a median of the good ones.
        let start = Instant::now();
        let schedule = Schedule::new(start, 50, Duration::from_secs(10));
        let pause = start + Duration::from_secs(4)..start + Duration::from_secs(5);
        let mut latencies = Latencies::default();
        for number in 0..schedule.len() {
            let due = schedule.due(number);
            let done = if pause.contains(&due) { pause.end } else { due };
            latencies.push(due, done);
        }
        assert_eq!(latencies.len(), 500);
        assert_eq!(latencies.percentile(50), Some(0.0));
        assert_eq!(latencies.percentile(95), Some(500.0));
        assert_eq!(latencies.percentile(99), Some(900.0));
    }
}
