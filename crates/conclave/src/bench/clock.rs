//! CPU time: what this process computed on all its threads, whatever else the machine does meanwhile.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Runs `work` and says how much CPU time, user and system, this process spent on it.
pub(super) fn cpu_time<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let before = now();
    let done = work();
    (done, now().saturating_sub(before))
}

/// The sample in the middle, in milliseconds; zero if there is none.
pub(super) fn median(mut samples: Vec<Duration>) -> f64 {
    samples.sort_unstable();
    samples.get(samples.len() / 2).map_or(0.0, |middle| middle.as_secs_f64() * 1e3)
}

fn now() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_sample_in_the_middle() {
        let samples = [9, 1, 2].map(Duration::from_millis);
        assert!((median(samples.to_vec()) - 2.0).abs() < 1e-9);
        assert!(median(Vec::new()).abs() < 1e-9);
    }

    #[test]
    fn work_costs_time_and_gives_its_result() {
        let (sum, spent) = cpu_time(|| (0..1_000_000_u64).map(std::hint::black_box).sum::<u64>());
        assert_eq!(sum, 499_999_500_000);
        assert!(spent > Duration::ZERO);
    }
}
