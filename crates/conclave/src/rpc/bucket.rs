//! A token bucket per client, in bounded memory.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::serve::Client;

/// Lets each client do `burst` things at once, and one more per `refill`.
#[derive(Debug)]
pub(super) struct Buckets {
    burst: u32,
    refill: Duration,
    /// For each client, when its bucket will be full again.
    full_at: Mutex<HashMap<Client, Instant>>,
}

impl Buckets {
    pub(super) fn new(burst: u32, refill: Duration) -> Self {
        Self { burst, refill, full_at: Mutex::default() }
    }

    /// Takes one, or says that there is none.
    pub(super) fn take(&self, client: Client) -> bool {
        self.take_at(client, Instant::now())
    }

    fn take_at(&self, client: Client, now: Instant) -> bool {
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if full_at.len() >= MOST {
            // A full bucket is the same as none.
            full_at.retain(|_, full_at| *full_at > now);
        }
        if full_at.len() >= MOST && !full_at.contains_key(&client) {
            return false;
        }
        let next = (*full_at.entry(client).or_insert(now)).max(now) + self.refill;
        if next > now + self.refill * self.burst {
            return false;
        }
        full_at.insert(client, next);
        true
    }
}

/// Clients remembered at once.
const MOST: usize = 65_536;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_followed_by_a_trickle_and_others_are_not_touched() {
        let buckets = Buckets::new(3, Duration::from_secs(10));
        let client = |text: &str| Client::of(text.parse().unwrap());
        let (one, other) = (client("192.0.2.1:1"), client("192.0.2.2:1"));
        let start = Instant::now();
        let taken = (0..10).filter(|_| buckets.take_at(one, start)).count();
        assert_eq!(taken, 3);
        assert!(buckets.take_at(other, start));
        assert!(!buckets.take_at(one, start + Duration::from_secs(9)));
        assert!(buckets.take_at(one, start + Duration::from_secs(10)));
        assert!(!buckets.take_at(one, start + Duration::from_secs(10)));
        let later = start + Duration::from_secs(1_000);
        assert_eq!((0..10).filter(|_| buckets.take_at(one, later)).count(), 3);
    }
}
