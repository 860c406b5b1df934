//! A token bucket per client, in bounded memory: one number each, no timer.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::serve::Client;

/// Lets each client spend `burst` tokens at once, and one more per `refill`.
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

    /// Takes `cost` tokens, or says how long it takes until there are so many. What costs more than
    /// a full bucket takes all of it.
    pub(super) fn take(&self, client: Client, cost: u32) -> Result<(), Duration> {
        self.take_at(client, cost, Instant::now())
    }

    /// Takes `cost` tokens whether they are there or not: for what turns out to be dear. A client
    /// never owes more than one full bucket.
    pub(super) fn charge(&self, client: Client, cost: u32) {
        self.charge_at(client, cost, Instant::now());
    }

    fn take_at(&self, client: Client, cost: u32, now: Instant) -> Result<(), Duration> {
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if full_at.len() >= MOST {
            // A full bucket is the same as none.
            full_at.retain(|_, full_at| *full_at > now);
        }
        if full_at.len() >= MOST && !full_at.contains_key(&client) {
            return Err(CROWDED);
        }
        let cost = self.refill * cost.min(self.burst);
        let next = (*full_at.entry(client).or_insert(now)).max(now) + cost;
        let latest = now + self.refill * self.burst;
        if next > latest {
            return Err(next - latest);
        }
        full_at.insert(client, next);
        Ok(())
    }

    fn charge_at(&self, client: Client, cost: u32, now: Instant) {
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(full_at) = full_at.get_mut(&client) else { return };
        let worst = now + self.refill * self.burst * 2;
        *full_at = ((*full_at).max(now) + self.refill * cost).min(worst);
    }
}

/// Clients remembered at once.
const MOST: usize = 65_536;

/// When a client is told to come back while too many others are remembered.
const CROWDED: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    fn client(text: &str) -> Client {
        Client::of(text.parse().unwrap())
    }

    #[test]
    fn a_burst_is_followed_by_a_trickle_and_others_are_not_touched() {
        let buckets = Buckets::new(3, Duration::from_secs(10));
        let (one, other) = (client("192.0.2.1:1"), client("192.0.2.2:1"));
        let start = Instant::now();
        let taken = (0..10).filter(|_| buckets.take_at(one, 1, start).is_ok()).count();
        assert_eq!(taken, 3);
        assert!(buckets.take_at(other, 1, start).is_ok());
        assert!(buckets.take_at(one, 1, start + Duration::from_secs(9)).is_err());
        assert!(buckets.take_at(one, 1, start + Duration::from_secs(10)).is_ok());
        assert!(buckets.take_at(one, 1, start + Duration::from_secs(10)).is_err());
        let later = start + Duration::from_secs(1_000);
        assert_eq!((0..10).filter(|_| buckets.take_at(one, 1, later).is_ok()).count(), 3);
    }

    #[test]
    fn whoever_is_told_to_wait_is_let_in_then_and_not_before() {
        let buckets = Buckets::new(4, Duration::from_secs(1));
        let (one, start) = (client("192.0.2.1:1"), Instant::now());
        assert_eq!(buckets.take_at(one, 3, start), Ok(()));
        let wait = buckets.take_at(one, 3, start).unwrap_err();
        assert_eq!(wait, Duration::from_secs(2));
        assert!(buckets.take_at(one, 3, start + wait - Duration::from_millis(1)).is_err());
        assert!(buckets.take_at(one, 3, start + wait).is_ok());
        assert!(buckets.take_at(one, 99, start + Duration::from_secs(60)).is_ok());
    }

    #[test]
    fn what_turns_out_to_be_dear_is_paid_afterwards_but_not_for_ever() {
        let buckets = Buckets::new(4, Duration::from_secs(1));
        let (one, start) = (client("192.0.2.1:1"), Instant::now());
        assert_eq!(buckets.take_at(one, 1, start), Ok(()));
        buckets.charge_at(one, 1_000, start);
        assert_eq!(buckets.take_at(one, 1, start), Err(Duration::from_secs(5)));
        assert!(buckets.take_at(one, 1, start + Duration::from_secs(5)).is_ok());
    }
}
