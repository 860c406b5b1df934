//! How the links of a meeting do: round trip, and the share of packets lost lately.
//!
//! The transport counts packets and losses of the path in use; what is shown is the difference over
//! the last seconds, so that a bad minute long ago is forgotten.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use conclave_protocol::Npk;

use crate::{http::wire, links::LinkStats};

/// How far back losses count.
const WINDOW: Duration = Duration::from_secs(5);

/// What was counted on each link, for the length of the window.
#[derive(Debug, Default)]
pub(super) struct Qualities {
    counted: BTreeMap<Npk, VecDeque<Counted>>,
}

#[derive(Clone, Copy, Debug)]
struct Counted {
    at: Instant,
    sent: u64,
    lost: u64,
}

impl Qualities {
    /// What is seen now of every link there is; of the others nothing is kept.
    pub(super) fn look(
        &mut self,
        links: impl Iterator<Item = (Npk, LinkStats)>,
        now: Instant,
    ) -> BTreeMap<Npk, wire::Quality> {
        let mut before = std::mem::take(&mut self.counted);
        let mut seen = BTreeMap::new();
        for (npk, stats) in links {
            let Some(rtt) = stats.rtt else { continue };
            let mut past = before.remove(&npk).unwrap_or_default();
            let count = Counted { at: now, sent: stats.sent_packets, lost: stats.lost_packets };
            let loss = step(&mut past, count);
            let rtt_ms = u64::try_from(rtt.as_millis()).unwrap_or(u64::MAX);
            seen.insert(npk, wire::Quality { rtt_ms, loss });
            self.counted.insert(npk, past);
        }
        seen
    }
}

/// Adds a count, and answers the share lost since the oldest one that is young enough.
fn step(past: &mut VecDeque<Counted>, new: Counted) -> f64 {
    // Another path counts from nothing.
    if past.back().is_some_and(|last| last.sent > new.sent || last.lost > new.lost) {
        past.clear();
    }
    while past.get(1).is_some_and(|next| new.at.saturating_duration_since(next.at) >= WINDOW) {
        past.pop_front();
    }
    past.push_back(new);
    let first = past.front().copied().unwrap_or(new);
    let (sent, lost) = (new.sent.saturating_sub(first.sent), new.lost.saturating_sub(first.lost));
    if sent == 0 { 0.0 } else { (lost as f64 / sent as f64).clamp(0.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_of_the_last_seconds_count_and_older_ones_do_not() {
        let (mut past, start) = (VecDeque::new(), Instant::now());
        let mut at = |ms: u64, sent, lost| {
            step(&mut past, Counted { at: start + Duration::from_millis(ms), sent, lost })
        };
        assert_eq!(at(0, 1_000, 400), 0.0, "nothing is known of what was before");
        assert_eq!(at(500, 1_100, 410), 0.1);
        assert_eq!(at(5_000, 1_200, 420), 0.1);
        assert_eq!(at(10_400, 1_400, 420), 0.0, "a bad minute is forgotten");
        assert_eq!(at(10_900, 10, 1), 0.0, "another path");
        assert_eq!(at(11_400, 20, 6), 0.5);
    }
}
