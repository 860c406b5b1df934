//! Milliseconds since the Unix epoch from any runtime's clock.

use std::time::UNIX_EPOCH;

use commonware_runtime::Clock;

/// The runtime's time in milliseconds since the Unix epoch; 0 before it.
pub(crate) fn now_ms(clock: &impl Clock) -> u64 {
    clock
        .current()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| u64::try_from(since.as_millis()).ok())
        .unwrap_or(0)
}
