//! The clock of a session: milliseconds that the caller counts.

use std::time::Duration;

/// A moment in milliseconds since any fixed start, never going backwards.
///
/// The crate reads no clock: every call that depends on time is told the time.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Millis(pub u64);

impl Millis {
    /// The moment `ms` milliseconds later.
    #[must_use]
    pub const fn plus(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this moment, zero if it lies ahead.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The time to wait from `now` until this moment.
    #[must_use]
    pub const fn after(self, now: Self) -> Duration {
        Duration::from_millis(self.since(now))
    }
}
