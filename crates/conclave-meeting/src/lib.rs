//! One device's part in a meeting: session, key exchange and protected media, without any I/O.

#![warn(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::indexing_slicing)]

pub mod evidence;
pub mod exchange;
pub mod file;
pub mod key;
pub mod media;
pub mod session;
pub mod time;
#[cfg(test)]
mod vectors;
pub mod wire;
