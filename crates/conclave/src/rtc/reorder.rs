//! The short wait that lets a repaired packet take its place before the browser asks for it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use super::unit::RtpUnit;

/// Puts the units of one stream in order, waiting at most `hold` for a missing one.
///
/// Push what arrives, then [`poll`](Self::poll) until `None`; call again at
/// [`deadline`](Self::deadline). A unit that comes after its place was given up is still handed
/// out, once: the browser's own buffer may yet have use for it. Numbers handed out are extended
/// to 64 bits and never repeat.
#[derive(Debug)]
pub(crate) struct Reorder {
    /// Units waiting for an earlier one, by extended number, with their arrival.
    held: BTreeMap<u64, (Instant, RtpUnit)>,
    hold: Duration,
    late: VecDeque<(u64, RtpUnit)>,
    /// Numbers given up, for which a late unit is still welcome.
    missing: BTreeSet<u64>,
    /// The next number to hand out; `None` before the first unit.
    next: Option<u64>,
    /// Units in a row that were too old: many of them mean that the sender started afresh.
    stale: u32,
    /// Added to what [`extend`] finds, after a sender started afresh.
    shift: u64,
}

impl Reorder {
    pub(crate) const fn new(hold: Duration) -> Self {
        Self {
            held: BTreeMap::new(),
            hold,
            late: VecDeque::new(),
            missing: BTreeSet::new(),
            next: None,
            stale: 0,
            shift: 0,
        }
    }

    /// Changes the wait, usually to the round trip to the sender and a little more.
    pub(crate) const fn set_hold(&mut self, hold: Duration) {
        self.hold = hold;
    }

    pub(crate) fn push(&mut self, now: Instant, unit: RtpUnit) {
        let next = *self.next.get_or_insert_with(|| START + u64::from(unit.seq));
        let mut number = extend(next.wrapping_sub(self.shift), unit.seq).wrapping_add(self.shift);
        if number < next {
            if self.missing.remove(&number) {
                self.late.push_back((number, unit));
                return;
            }
            self.stale += 1;
            if self.stale < RESTART_AFTER {
                return;
            }
            // Continue right after what was handed out: the browser must not see a jump back.
            let newest = self.held.last_key_value().map_or(next, |(number, _)| number + 1);
            self.shift = self.shift.wrapping_add(newest.wrapping_sub(number));
            number = newest;
            self.missing.clear();
        }
        self.stale = 0;
        self.held.entry(number).or_insert((now, unit));
    }

    /// The next unit that may go out, with its extended number.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<(u64, RtpUnit)> {
        if let Some(late) = self.late.pop_front() {
            return Some(late);
        }
        let first = *self.held.first_key_value()?.0;
        let next = self.next?;
        if first != next {
            let patient = self.deadline().is_some_and(|deadline| now < deadline);
            if patient && self.held.len() < MAX_HELD {
                return None;
            }
            self.give_up(next, first);
        }
        self.next = Some(first + 1);
        self.held.remove(&first).map(|(_, unit)| (first, unit))
    }

    /// When waiting for a missing unit ends; `None` when nothing waits.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.held.values().map(|(arrived, _)| *arrived).min().map(|oldest| oldest + self.hold)
    }

    fn give_up(&mut self, from: u64, to: u64) {
        self.missing.extend(from.max(to.saturating_sub(WINDOW))..to);
        self.missing = self.missing.split_off(&to.saturating_sub(WINDOW));
    }
}

/// The extended number nearest to `near` whose low 16 bits are `seq`.
pub(crate) fn extend(near: u64, seq: u16) -> u64 {
    let [low, high, ..] = near.to_le_bytes();
    let ahead = seq.wrapping_sub(u16::from_le_bytes([low, high]));
    if ahead < 0x8000 {
        near.wrapping_add(u64::from(ahead))
    } else {
        near.wrapping_sub(u64::from(ahead.wrapping_neg()))
    }
}

/// Numbers begin here, so that a unit older than the first one never underflows.
const START: u64 = 1 << 32;
/// Units held at most while waiting; a second of a 2 Mbit/s stream.
const MAX_HELD: usize = 256;
/// How far back a late unit is still welcome.
const WINDOW: u64 = 512;
/// So many units in a row that are too old mean a restarted sender.
const RESTART_AFTER: u32 = 32;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unit(seq: u16) -> RtpUnit {
        RtpUnit {
            audio_level: None,
            captured_ms: None,
            marker: false,
            orientation: None,
            payload: vec![0].into(),
            rtp_ts: u32::from(seq),
            seq,
        }
    }

    fn drain(reorder: &mut Reorder, now: Instant) -> Vec<u16> {
        std::iter::from_fn(|| reorder.poll(now)).map(|(_, unit)| unit.seq).collect()
    }

    #[test]
    fn units_in_order_pass_at_once_and_across_the_wrap() {
        let now = Instant::now();
        let mut reorder = Reorder::new(Duration::from_millis(50));
        for seq in [65_534, 65_535, 0, 1] {
            reorder.push(now, unit(seq));
            assert_eq!(drain(&mut reorder, now), [seq]);
        }
    }

    #[test]
    fn a_repaired_unit_takes_its_place() {
        let now = Instant::now();
        let mut reorder = Reorder::new(Duration::from_millis(50));
        for seq in [1, 3, 4] {
            reorder.push(now, unit(seq));
        }
        assert_eq!(drain(&mut reorder, now), [1]);
        reorder.push(now, unit(2));
        assert_eq!(drain(&mut reorder, now), [2, 3, 4]);
    }

    #[test]
    fn a_missing_unit_is_given_up_at_the_deadline_and_welcome_once_later() {
        let now = Instant::now();
        let mut reorder = Reorder::new(Duration::from_millis(50));
        reorder.push(now, unit(1));
        reorder.push(now, unit(3));
        assert_eq!(drain(&mut reorder, now), [1]);
        let late = reorder.deadline().unwrap();
        assert_eq!(drain(&mut reorder, late), [3]);
        reorder.push(late, unit(2));
        reorder.push(late, unit(2));
        reorder.push(late, unit(3));
        assert_eq!(drain(&mut reorder, late), [2]);
    }

    #[test]
    fn a_sender_that_starts_afresh_is_heard_again() {
        let now = Instant::now();
        let mut reorder = Reorder::new(Duration::ZERO);
        reorder.push(now, unit(30_000));
        drain(&mut reorder, now);
        let heard: usize = (0..100)
            .map(|seq| {
                reorder.push(now, unit(seq));
                drain(&mut reorder, now).len()
            })
            .sum();
        assert!(heard > 60, "{heard} of 100");
    }

    proptest! {
        #[test]
        fn whatever_arrives_nothing_goes_out_twice_and_memory_is_bounded(
            seqs in prop::collection::vec(any::<u16>(), 1..400),
            hold in 0u64..3,
        ) {
            let start = Instant::now();
            let mut reorder = Reorder::new(Duration::from_millis(hold));
            let mut seen = BTreeSet::new();
            for (at, seq) in seqs.into_iter().enumerate() {
                let now = start + Duration::from_millis(at as u64);
                reorder.push(now, unit(seq));
                while let Some((number, unit)) = reorder.poll(now) {
                    prop_assert!(seen.insert(number), "{} twice ({})", number, unit.seq);
                }
                prop_assert!(reorder.held.len() <= MAX_HELD && reorder.missing.len() <= 2 * 512);
            }
        }
    }
}
