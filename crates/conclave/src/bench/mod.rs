//! What a new key costs: `conclave bench rekey`.
//!
//! Read in this order: [`Line`] (one figure), [`rekey`] (what is measured, with the very functions
//! a session calls), `world` (the meeting it is measured in), `clock` (CPU time), [`peers`] (the
//! same for OpenMLS and mls-rs), [`table`] (for people), [`machine`] (where). What each name means
//! stands in `docs/bench.md`.

mod clock;
mod line;
pub mod machine;
pub mod peers;
pub mod rekey;
pub mod table;
mod world;

pub use line::Line;
