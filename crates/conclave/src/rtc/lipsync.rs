//! Keeps voice and lips of one sender together: maps RTP timestamps to one wall clock per sender.

use std::time::{Duration, Instant};

/// The clock of one sender, shared by all his streams.
///
/// Its zero is chosen at the first capture time heard. The browser compares only streams of the
/// same sender, so a constant error does no harm; the drift between two computers' clocks is
/// taken up by choosing a new zero when the result leaves the range it must be in.
#[derive(Debug, Default)]
pub(crate) struct SenderClock {
    /// A capture time in milliseconds and the local time it stands for.
    zero: Option<(u32, Instant)>,
}

/// Where one stream's timestamps lie on its sender's clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Anchor {
    /// Capture time of the sample at `rtp_ts`, milliseconds on the sender's clock.
    pub(crate) captured_ms: u32,
    /// Ticks per second.
    pub(crate) clock_rate: u32,
    /// The timestamp.
    pub(crate) rtp_ts: u32,
}

impl SenderClock {
    /// The wall clock time to report for a sample; never in the future.
    pub(crate) fn wallclock(&mut self, now: Instant, anchor: Anchor, rtp_ts: u32) -> Instant {
        let ticks = i64::from(rtp_ts.wrapping_sub(anchor.rtp_ts).cast_signed());
        let since_anchor = ticks * 1_000_000 / i64::from(anchor.clock_rate);
        let lag = now.checked_sub(LAG).unwrap_or(now);
        let (zero_ms, zero_at) =
            *self.zero.get_or_insert_with(|| (anchor.captured_ms, shift(lag, -since_anchor)));
        let since_zero = i64::from(anchor.captured_ms.wrapping_sub(zero_ms).cast_signed()) * 1_000;
        let at = shift(zero_at, since_zero + since_anchor);
        if at <= now && now.duration_since(at) < OLDEST {
            return at;
        }
        self.zero = Some((anchor.captured_ms, shift(lag, -since_anchor)));
        lag
    }
}

fn shift(at: Instant, micros: i64) -> Instant {
    let by = Duration::from_micros(micros.unsigned_abs());
    if micros < 0 { at.checked_sub(by) } else { at.checked_add(by) }.unwrap_or(at)
}

/// How far in the past the first sample is put: room for packets that travelled faster than it.
const LAG: Duration = Duration::from_millis(500);
/// A sample older than this on our clock means that the sender's clock jumped.
const OLDEST: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_captured_together_are_reported_together_however_they_arrive() {
        let now = Instant::now() + Duration::from_secs(60);
        let mut clock = SenderClock::default();
        let audio = Anchor { captured_ms: u32::MAX, clock_rate: 48_000, rtp_ts: 5 };
        let video = Anchor { captured_ms: 999, clock_rate: 90_000, rtp_ts: u32::MAX };
        let sound = clock.wallclock(now, audio, 5 + 48_000);
        let picture = clock.wallclock(now + Duration::from_millis(180), video, u32::MAX);
        assert_eq!(sound, picture);
    }

    #[test]
    fn a_sender_whose_clock_jumps_is_never_placed_in_the_future() {
        let now = Instant::now() + Duration::from_secs(60);
        let mut clock = SenderClock::default();
        for captured_ms in [0, 500_000, 3, u32::MAX / 2, u32::MAX] {
            for rtp_ts in [0, 1 << 31, u32::MAX] {
                let anchor = Anchor { captured_ms, clock_rate: 48_000, rtp_ts: 7 };
                assert!(clock.wallclock(now, anchor, rtp_ts) <= now);
            }
        }
    }
}
