//! One numbering for what different sources send one after the other: a receiver sees one stream
//! whose numbers and timestamps go on.

use std::time::{Duration, Instant};

use crate::rtc::low_u32;

/// Maps the packet numbers and timestamps of the source of the moment. It owns no clock.
#[derive(Debug)]
pub(super) struct Splice {
    clock_rate: u32,
    newest: Option<Newest>,
    origin: Option<Origin>,
}

/// The newest packet that was given a place.
#[derive(Clone, Copy, Debug)]
struct Newest {
    at: Instant,
    seq: u64,
    ts: u32,
}

/// The first packet of the source, and the place it was given.
#[derive(Clone, Copy, Debug)]
struct Origin {
    number: u64,
    rtp_ts: u32,
    seq: u64,
    ts: u32,
}

impl Splice {
    pub(super) const fn new(clock_rate: u32) -> Self {
        Self { clock_rate, newest: None, origin: None }
    }

    /// The next packet comes from another source.
    pub(super) const fn restart(&mut self) {
        self.origin = None;
    }

    /// Number and timestamp under which a packet goes on; nothing if it is older than the first
    /// one of its source.
    pub(super) fn place(&mut self, now: Instant, number: u64, rtp_ts: u32) -> Option<(u64, u32)> {
        let origin = match self.origin {
            Some(origin) if number < origin.number => return None,
            Some(origin) if self.follows(now, origin.place(number, rtp_ts)) => origin,
            _ => self.begin(now, number, rtp_ts),
        };
        self.origin = Some(origin);
        let (seq, ts) = origin.place(number, rtp_ts);
        if self.newest.is_none_or(|newest| seq >= newest.seq) {
            self.newest = Some(Newest { at: now, seq, ts });
        }
        Some((seq, ts))
    }

    /// A number right behind the packet just placed, which was cut in two.
    pub(super) fn insert(&mut self) -> Option<u64> {
        let (newest, origin) = (self.newest.as_mut()?, self.origin.as_mut()?);
        newest.seq += 1;
        origin.seq += 1;
        Some(newest.seq)
    }

    /// Puts the first packet of a source right behind the newest one, as late as it is.
    fn begin(&self, now: Instant, number: u64, rtp_ts: u32) -> Origin {
        let (seq, ts) = self.newest.map_or((0, 0), |newest| {
            let passed = self.ticks(now.saturating_duration_since(newest.at));
            (newest.seq + 1, newest.ts.wrapping_add(low_u32(passed)))
        });
        Origin { number, rtp_ts, seq, ts }
    }

    /// Whether a packet at this place may come from the same source as the ones before.
    fn follows(&self, now: Instant, (seq, ts): (u64, u32)) -> bool {
        let Some(newest) = self.newest else { return true };
        let moved = i128::from(ts.wrapping_sub(newest.ts).cast_signed());
        let passed = i128::from(self.ticks(now.saturating_duration_since(newest.at)));
        let most = i128::from(self.ticks(MAX_JUMP));
        seq <= newest.seq + MAX_GAP && (moved - passed).abs() <= most
    }

    fn ticks(&self, time: Duration) -> u64 {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        micros.saturating_mul(self.clock_rate.into()) / 1_000_000
    }
}

impl Origin {
    fn place(&self, number: u64, rtp_ts: u32) -> (u64, u32) {
        let seq = self.seq.saturating_add(number.saturating_sub(self.number));
        (seq, self.ts.wrapping_add(rtp_ts.wrapping_sub(self.rtp_ts)))
    }
}

/// More packets than this are not missing: the source began anew.
const MAX_GAP: u64 = 1_024;
/// A source whose timestamp is further than this from where the clock is began anew, too.
const MAX_JUMP: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn another_source_goes_on_where_the_first_one_was_as_late_as_it_comes() {
        let start = Instant::now();
        let mut splice = Splice::new(48_000);
        assert_eq!(splice.place(start, 900, 7_000), Some((0, 0)));
        assert_eq!(splice.place(start, 902, 8_920), Some((2, 1_920)));
        assert_eq!(splice.place(start, 901, 7_960), Some((1, 960)), "late, and in its place");
        assert_eq!(splice.place(start, 899, 6_040), None, "older than the first");
        splice.restart();
        assert_eq!(splice.place(start + SECOND, 5, 40), Some((3, 49_920)));
        assert_eq!(splice.place(start + SECOND, 6, 1_000), Some((4, 50_880)));
    }

    #[test]
    fn what_is_cut_in_two_takes_two_numbers() {
        let start = Instant::now();
        let mut splice = Splice::new(90_000);
        assert_eq!(splice.insert(), None);
        assert_eq!(splice.place(start, 1, 0), Some((0, 0)));
        assert_eq!(splice.insert(), Some(1));
        assert_eq!(splice.place(start, 2, 0), Some((2, 0)));
    }

    #[test]
    fn a_number_that_is_too_far_ahead_begins_anew() {
        let start = Instant::now();
        let mut splice = Splice::new(48_000);
        assert_eq!(splice.place(start, 7, 0), Some((0, 0)));
        assert_eq!(splice.place(start, 7 + MAX_GAP, 0), Some((MAX_GAP, 0)));
        assert_eq!(splice.place(start, 8 + 3 * MAX_GAP, 0), Some((MAX_GAP + 1, 0)));
    }

    proptest! {
        #[test]
        fn whatever_a_source_says_the_stream_stays_near_the_clock(
            packets in prop::collection::vec((any::<u16>(), any::<u32>(), 0u64..2_000), 1..100)
        ) {
            let (mut now, mut splice) = (Instant::now(), Splice::new(90_000));
            let start = now;
            let mut before = 0;
            for (number, ts, later) in packets {
                now += Duration::from_millis(later);
                if let Some((seq, ts)) = splice.place(now, number.into(), ts) {
                    prop_assert!(seq <= before + MAX_GAP);
                    before = before.max(seq);
                    let clock = i128::try_from((now - start).as_millis()).unwrap() * 90;
                    let off = (i128::from(ts) - clock).rem_euclid(1 << 32);
                    let off = off.min((1 << 32) - off);
                    prop_assert!(off <= 100 * 5 * 90_000, "{off}");
                }
            }
        }
    }
}
