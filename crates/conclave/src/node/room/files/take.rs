//! One file on its way here: which piece is asked for when.
//!
//! Pieces are asked for in order, one or two at a time and a few in a second, so that what people
//! say and show always finds room on the link. What does not come is asked for again.

use std::time::{Duration, Instant};

/// Least time between two questions: about 400 kB/s.
const PACE: Duration = Duration::from_millis(80);
/// A piece that comes sooner leaves room for a second one under way.
const QUICK: Duration = Duration::from_millis(250);
/// A piece that did not come by then is asked for again.
const AGAIN: Duration = Duration::from_secs(5);
/// After so long without a piece nobody waits any more.
const PATIENCE: Duration = Duration::from_secs(60);

/// The state of one fetch.
#[derive(Debug)]
pub(super) struct Take {
    /// Pieces that are here: all below this one.
    pub(super) next: u32,
    pieces: u32,
    /// Pieces that were asked for: all below this one.
    asked: u32,
    asked_at: Instant,
    came_at: Instant,
    quick: bool,
}

impl Take {
    pub(super) const fn new(pieces: u32, now: Instant) -> Self {
        Self { next: 0, pieces, asked: 0, asked_at: now, came_at: now, quick: false }
    }

    /// The piece to ask for now, if it is time.
    pub(super) fn ask(&mut self, now: Instant) -> Option<u32> {
        let since = now.saturating_duration_since(self.asked_at);
        if since >= AGAIN {
            self.asked = self.next;
        }
        let under_way = self.asked.saturating_sub(self.next);
        let room = if self.quick { 2 } else { 1 };
        let first = self.asked == 0;
        if self.asked >= self.pieces || under_way >= room || (since < PACE && !first) {
            return None;
        }
        let piece = self.asked;
        self.asked = self.asked.saturating_add(1);
        self.asked_at = now;
        Some(piece)
    }

    /// A piece came; whether it is the one that is wanted next.
    pub(super) fn came(&mut self, piece: u32, now: Instant) -> bool {
        if piece != self.next {
            return false;
        }
        self.quick = now.saturating_duration_since(self.asked_at.max(self.came_at)) < QUICK;
        self.next = self.next.saturating_add(1);
        self.asked = self.asked.max(self.next);
        self.came_at = now;
        true
    }

    /// The link broke and stands again: what was under way is asked for again.
    pub(super) fn again(&mut self, now: Instant) {
        (self.asked, self.quick) = (self.next, false);
        self.asked_at = now.checked_sub(PACE).unwrap_or(now);
    }

    /// The person wants it once more: what is here already stays.
    pub(super) fn anew(&mut self, now: Instant) {
        self.again(now);
        self.came_at = now;
    }

    pub(super) const fn is_whole(&self) -> bool {
        self.next >= self.pieces
    }

    /// Whether nothing came for too long.
    pub(super) fn is_late(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.came_at) >= PATIENCE
    }

    /// When to look again.
    pub(super) fn due(&self) -> Instant {
        let room = if self.quick { 2 } else { 1 };
        let full = self.asked.saturating_sub(self.next) >= room || self.asked >= self.pieces;
        self.asked_at + if full { AGAIN } else { PACE }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_asked_for_in_order_a_few_at_a_time_and_again_when_they_do_not_come() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut take = Take::new(4, start);
        assert_eq!((take.ask(start), take.ask(at(100))), (Some(0), None), "one at first");
        assert!(!take.came(1, at(100)) && take.came(0, at(100)));
        assert_eq!(take.ask(at(120)), Some(1));
        assert_eq!(take.ask(at(130)), None, "not faster than the pace");
        assert_eq!(take.due(), at(200));
        assert_eq!((take.ask(at(200)), take.ask(at(300))), (Some(2), None), "two under way");
        assert_eq!(take.due(), at(5_200));
        assert_eq!(take.ask(at(5_200)), Some(1), "it did not come");
        assert!(take.came(1, at(6_000)));
        take.again(at(7_000));
        assert_eq!(take.ask(at(7_000)), Some(2), "the link broke");
        assert!(take.came(2, at(9_000)));
        assert_eq!(take.ask(at(9_000)), Some(3));
        assert!(!take.is_late(at(68_000)) && take.is_late(at(70_000)));
        assert!(take.came(3, at(70_000)) && take.is_whole());
        assert_eq!(take.ask(at(80_000)), None);
    }
}
