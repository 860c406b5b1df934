//! The machine a figure was measured on.

use std::thread;

use super::Line;

/// How many cores it has.
#[must_use]
pub fn machine() -> Line {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    Line::new("machine/cores", u32::try_from(cores).unwrap_or(u32::MAX).into(), "cores")
}
