//! Repair between two members: what was sent lately, and what is missing.
//!
//! A receiver names lost packets by their counters and the sender repeats the same sealed bytes,
//! never a new seal, so a repair cannot reuse a nonce.

use std::collections::{BTreeMap, VecDeque, btree_map::Entry};

use bytes::Bytes;

use super::StreamNo;
use crate::time::Millis;

/// Sealed packets older than this many milliseconds are of no use to a decoder.
const MAX_AGE: u64 = 2_000;
/// Sealed bytes kept for repair.
const MAX_BYTES: usize = 4 << 20;

/// A gap is asked for after this many milliseconds: reordering closes most gaps earlier.
const FIRST_ASK: u64 = 8;
/// The same gap is asked for again after this many milliseconds.
const ASK_AGAIN: u64 = 60;
/// A gap is given up after so many questions.
const MAX_ASKS: u8 = 6;
/// Gaps remembered per stream; more means an outage that a keyframe repairs better.
const MAX_GAPS: usize = 256;

/// Names one sealed packet of this device.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct PacketId {
    /// Epoch it was sealed under.
    pub epoch: u32,
    /// Stream it belongs to.
    pub stream: StreamNo,
    /// Its counter.
    pub ctr: u64,
}

/// The sealed packets of the last two seconds, at most 4 MiB.
#[derive(Debug, Default)]
pub struct SentCache {
    packets: BTreeMap<PacketId, (Millis, Bytes)>,
    order: VecDeque<(Millis, PacketId)>,
    bytes: usize,
}

impl SentCache {
    /// Remembers a packet and forgets what is too old or too much. Where the ledger refused a record,
    /// another key has its epoch, and the first packets under that one take the place of older ones.
    pub fn insert(&mut self, id: PacketId, sealed: Bytes, now: Millis) {
        self.bytes = self.bytes.saturating_add(sealed.len());
        if let Some((_, old)) = self.packets.insert(id, (now, sealed)) {
            self.bytes = self.bytes.saturating_sub(old.len());
        }
        self.order.push_back((now, id));
        while let Some((at, id)) = self.order.front().copied() {
            if self.bytes <= MAX_BYTES && now.since(at) <= MAX_AGE {
                break;
            }
            self.order.pop_front();
            if let Entry::Occupied(entry) = self.packets.entry(id)
                && entry.get().0 == at
            {
                let (_, packet) = entry.remove();
                self.bytes = self.bytes.saturating_sub(packet.len());
            }
        }
    }

    /// The sealed bytes of a packet, while they are kept.
    #[must_use]
    pub fn get(&self, id: PacketId) -> Option<&Bytes> {
        self.packets.get(&id).map(|(_, sealed)| sealed)
    }

    /// How many packets are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.packets.len()
    }

    /// Whether nothing is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

/// What is missing of one stream of another member in one epoch.
#[derive(Debug)]
pub struct GapTracker {
    /// One past the highest counter that is known to exist.
    end: u64,
    gaps: BTreeMap<u64, Gap>,
}

#[derive(Debug)]
struct Gap {
    ask_at: Millis,
    asks: u8,
}

impl GapTracker {
    /// A tracker for a stream whose first packet of interest has counter `start`.
    #[must_use]
    pub const fn new(start: u64) -> Self {
        Self { end: start, gaps: BTreeMap::new() }
    }

    /// Notes that `ctr` was opened; returns whether that closed a gap that was asked for.
    pub fn opened(&mut self, ctr: u64, now: Millis) -> bool {
        self.extend(ctr, now);
        self.end = self.end.max(ctr.saturating_add(1));
        self.gaps.remove(&ctr).is_some_and(|gap| gap.asks > 0)
    }

    /// Notes that packets up to, not including, `end` exist: what is not here of them is missing.
    pub fn extend(&mut self, end: u64, now: Millis) {
        let first = self.end.max(end.saturating_sub(u64::try_from(MAX_GAPS).unwrap_or(256)));
        for ctr in first..end {
            self.gaps.insert(ctr, Gap { ask_at: now.plus(FIRST_ASK), asks: 0 });
        }
        while self.gaps.len() > MAX_GAPS {
            self.gaps.pop_first();
        }
        self.end = self.end.max(end);
    }

    /// The counters to ask for now, oldest first, at most `limit`.
    pub fn due(&mut self, now: Millis, limit: usize) -> Vec<u64> {
        self.gaps.retain(|_, gap| gap.asks < MAX_ASKS || gap.ask_at > now);
        let due = self.gaps.iter_mut().filter(|(_, gap)| gap.ask_at <= now).take(limit);
        due.map(|(ctr, gap)| {
            gap.asks = gap.asks.saturating_add(1);
            gap.ask_at = now.plus(ASK_AGAIN);
            *ctr
        })
        .collect()
    }

    /// When [`due`](Self::due) has something to say.
    #[must_use]
    pub fn deadline(&self) -> Option<Millis> {
        self.gaps.values().map(|gap| gap.ask_at).min()
    }

    /// How many packets are missing.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.gaps.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(ctr: u64) -> PacketId {
        PacketId { epoch: 1, stream: StreamNo::CHAT, ctr }
    }

    #[test]
    fn the_cache_is_bounded_by_age_and_bytes() {
        let mut cache = SentCache::default();
        cache.insert(id(0), Bytes::from_static(b"old"), Millis(0));
        cache.insert(id(1), Bytes::from_static(b"new"), Millis(2_001));
        assert!(cache.get(id(0)).is_none());
        assert!(cache.get(id(1)).is_some());
        for ctr in 2..6_000 {
            cache.insert(id(ctr), Bytes::from(vec![0; 1_000]), Millis(2_002));
        }
        assert!(cache.bytes <= MAX_BYTES && cache.len() > 4_000);
    }

    #[test]
    fn a_packet_that_takes_the_place_of_an_older_one_outlives_it() {
        let mut cache = SentCache::default();
        cache.insert(id(0), Bytes::from_static(b"under the first key"), Millis(0));
        cache.insert(id(0), Bytes::from_static(b"under another"), Millis(1_500));
        cache.insert(id(1), Bytes::from_static(b"next"), Millis(2_500));
        assert_eq!(cache.get(id(0)).map(Bytes::as_ref), Some(b"under another".as_slice()));
        assert_eq!(cache.bytes, 17);
        cache.insert(id(2), Bytes::from_static(b"later"), Millis(3_600));
        assert_eq!((cache.get(id(0)), cache.bytes), (None, 9));
    }

    #[test]
    fn a_gap_is_asked_for_after_a_moment_and_again_until_given_up() {
        let mut gaps = GapTracker::new(0);
        assert!(!gaps.opened(0, Millis(0)));
        gaps.opened(3, Millis(0));
        assert_eq!(gaps.due(Millis(7), 9), Vec::<u64>::new());
        assert_eq!(gaps.due(Millis(8), 9), vec![1, 2]);
        assert_eq!(gaps.due(Millis(9), 9), Vec::<u64>::new());
        assert!(gaps.opened(1, Millis(20)), "a repair");
        let asked = (0..100).filter(|i| !gaps.due(Millis(68 + i * 60), 9).is_empty()).count();
        assert_eq!(asked, 5);
        assert_eq!(gaps.missing(), 0);
        assert_eq!(gaps.deadline(), None);
    }

    #[test]
    fn reordering_closes_a_gap_without_a_question() {
        let mut gaps = GapTracker::new(0);
        gaps.opened(1, Millis(0));
        assert!(!gaps.opened(0, Millis(2)));
        assert_eq!(gaps.due(Millis(50), 9), Vec::<u64>::new());
    }

    #[test]
    fn the_announced_end_reveals_a_lost_tail() {
        let mut gaps = GapTracker::new(0);
        gaps.opened(0, Millis(0));
        gaps.extend(3, Millis(0));
        assert_eq!(gaps.due(Millis(8), 9), vec![1, 2]);
    }

    #[test]
    fn a_jump_of_the_counter_keeps_a_bounded_number_of_gaps() {
        let mut gaps = GapTracker::new(0);
        gaps.opened(u64::MAX - 1, Millis(0));
        assert_eq!(gaps.missing(), MAX_GAPS);
    }
}
