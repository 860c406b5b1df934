//! What somebody who was removed can still open.

use std::ops::Range;

use anyhow::Result;

use super::{Recording, figure};

/// The moment somebody is removed.
#[derive(Clone, Debug)]
pub(crate) struct Kick {
    /// The meeting, hex.
    pub(crate) mid: String,
    /// The epoch in use at the click.
    pub(crate) epoch: u32,
    /// From the click to where one stops looking, nanoseconds since the Unix epoch.
    pub(crate) span: Range<u64>,
}

/// What the removed one could open of all that reached anybody after the click.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Blind {
    /// Milliseconds from the click to the last packet it could open.
    pub(crate) after_ms: f64,
    /// How many packets under later keys it could open.
    pub(crate) later: usize,
    /// How many packets were tried.
    pub(crate) tried: usize,
}

/// Tries every packet that reached anyone within the span with all keys `guest` ever held.
///
/// # Errors
/// A recorded key is malformed.
pub(crate) fn blindness(recordings: &[Recording], guest: &Recording, kick: &Kick) -> Result<Blind> {
    let (mut last, mut later, mut tried) = (kick.span.start, 0, 0);
    for recording in recordings {
        for (at_ns, _, packet) in recording.received().filter(|(at, ..)| kick.span.contains(at)) {
            tried += 1;
            if let Some(opened) = guest.opens(&kick.mid, &packet)? {
                last = last.max(at_ns);
                later += usize::from(opened > kick.epoch);
            }
        }
    }
    Ok(Blind { after_ms: figure::ms(last - kick.span.start), later, tried })
}
