//! What people in a meeting notice when something breaks: `conclave bench takeover`, `kick` and
//! `stall`.
//!
//! Every run is real: four validators and five participants as processes of their own, with
//! sockets and disks, sending the built-in clips. What happens is done through the API of the
//! daemons, what is measured comes from what they show there and from the packets they recorded.
//! Read in this order: `people` (who is there), [`takeover`] (the leader is killed), [`kick`] (one
//! is removed), [`stall`] (all validators are gone for a while).

mod figures;
mod people;

pub mod kick;
pub mod stall;
pub mod takeover;

use std::time::Duration;

/// Bound of every single step; reaching it ends the measurement with an error.
const STEP: Duration = Duration::from_secs(30);
/// Packets younger than this at the end of a run may still be on their way.
const TAIL: Duration = Duration::from_millis(500);

/// Told after each run, for people who wait: how many are done, and how this one went.
pub type Progress<'a> = dyn FnMut(usize, &str) + 'a;
