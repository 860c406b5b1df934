//! The replay window of one stream in one epoch.

/// Width of the window in packets.
const WIDTH: u64 = 1024;
const WORDS: usize = 16;

/// Remembers which of the last 1,024 counters were accepted.
///
/// [`is_fresh`](Self::is_fresh) asks before the tag is checked, [`accept`](Self::accept) moves the
/// window only after it verified, so forged packets cannot push real ones out.
#[derive(Clone, Debug, Default)]
pub struct ReplayWindow {
    /// One past the highest accepted counter.
    end: u64,
    /// Bit `ctr mod 1024` says that `ctr` was accepted.
    seen: [u64; WORDS],
}

impl ReplayWindow {
    /// Whether `ctr` was never accepted and is not too old to tell.
    #[must_use]
    pub fn is_fresh(&self, ctr: u64) -> bool {
        if ctr >= self.end {
            return ctr < u64::MAX;
        }
        self.end.saturating_sub(ctr) <= WIDTH && !self.bit(ctr)
    }

    /// Marks `ctr` as accepted. Returns false, and changes nothing, if it is not fresh.
    pub fn accept(&mut self, ctr: u64) -> bool {
        if !self.is_fresh(ctr) {
            return false;
        }
        if ctr >= self.end {
            self.advance(ctr);
        }
        if let Some(word) = self.seen.get_mut(word(ctr)) {
            *word |= mask(ctr);
        }
        true
    }

    /// One past the highest accepted counter.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.end
    }

    /// Clears the places of `end..=ctr`, which held counters 1,024 lower.
    fn advance(&mut self, ctr: u64) {
        let end = ctr.saturating_add(1);
        if end.saturating_sub(self.end) >= WIDTH {
            self.seen = [0; WORDS];
        } else {
            for place in self.end..end {
                if let Some(word) = self.seen.get_mut(word(place)) {
                    *word &= !mask(place);
                }
            }
        }
        self.end = end;
    }

    fn bit(&self, ctr: u64) -> bool {
        self.seen.get(word(ctr)).is_some_and(|word| word & mask(ctr) != 0)
    }
}

fn word(ctr: u64) -> usize {
    usize::try_from(ctr >> 6 & 15).unwrap_or(0)
}

const fn mask(ctr: u64) -> u64 {
    1 << (ctr & 63)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_counter_is_accepted_once() {
        let mut window = ReplayWindow::default();
        assert!(window.accept(5));
        assert!(!window.accept(5));
        assert!(window.accept(4));
        assert!(window.accept(1028));
        assert!(!window.accept(4), "too old to tell");
        assert!(window.accept(6));
        assert!(!window.accept(u64::MAX), "the last counter is never used");
    }

    proptest! {
        #[test]
        fn the_window_agrees_with_a_set(ctrs in proptest::collection::vec(0_u64..5_000, 0..400)) {
            let mut window = ReplayWindow::default();
            let mut set = BTreeSet::new();
            for ctr in ctrs {
                let highest = set.last().copied().unwrap_or(0);
                let old = !set.is_empty() && ctr.saturating_add(1_024) <= highest;
                let fresh = !old && !set.contains(&ctr);
                prop_assert_eq!(window.accept(ctr), fresh);
                if fresh {
                    set.insert(ctr);
                }
            }
        }
    }
}
