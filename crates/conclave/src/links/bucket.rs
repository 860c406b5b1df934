//! A token bucket: the measure of all limits per peer.

use std::time::{Duration, Instant};

/// Lets `rate` tokens through each second, and saves at most `burst` of them.
///
/// It owns no clock: the time comes in as an argument and never runs backwards.
#[derive(Debug)]
pub(crate) struct Bucket {
    rate: f64,
    burst: f64,
    tokens: f64,
    at: Instant,
}

impl Bucket {
    /// A full bucket. `rate` is in tokens per second and above zero.
    pub(crate) fn new(rate: f64, burst: f64, now: Instant) -> Self {
        Self { rate, burst, tokens: burst, at: now }
    }

    /// Takes `n` tokens if they are there.
    pub(crate) fn try_take(&mut self, n: f64, now: Instant) -> bool {
        self.fill(now);
        let enough = self.tokens >= n;
        if enough {
            self.tokens -= n;
        }
        enough
    }

    /// Takes `n` tokens, on credit if need be, and says how long to wait before going on.
    pub(crate) fn take(&mut self, n: f64, now: Instant) -> Duration {
        self.fill(now);
        self.tokens -= n;
        Duration::try_from_secs_f64((-self.tokens).max(0.0) / self.rate).unwrap_or(Duration::MAX)
    }

    fn fill(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = elapsed.mul_add(self.rate, self.tokens).min(self.burst);
        self.at = self.at.max(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_burst_passes_and_then_the_rate_holds() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10.0, 5.0, start);
        assert_eq!((0..9).filter(|_| bucket.try_take(1.0, start)).count(), 5);
        let later = start + Duration::from_secs(60);
        assert_eq!((0..9).filter(|_| bucket.try_take(1.0, later)).count(), 5);
        assert!(bucket.try_take(1.0, later + Duration::from_millis(100)));
    }

    #[test]
    fn credit_is_paid_by_waiting() {
        let start = Instant::now();
        let mut bucket = Bucket::new(4.0, 16.0, start);
        assert_eq!(bucket.take(16.0, start), Duration::ZERO);
        assert_eq!(bucket.take(8.0, start), Duration::from_secs(2));
        assert_eq!(bucket.take(4.0, start + Duration::from_secs(2)), Duration::from_secs(1));
    }
}
