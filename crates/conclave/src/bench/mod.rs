//! What things cost: `conclave bench rekey` a new key, [`meeting`] what people notice when a leader,
//! a guest or the whole ledger goes, [`audit`] a whole ledger that is executed again.
//!
//! Read in this order: [`Line`] (one figure), [`rekey`] (what is measured, with the very functions
//! a session calls), `world` (the meeting it is measured in), `clock` (CPU time), [`peers`] (the
//! same for OpenMLS and mls-rs), [`table`] (for people), [`machine`] (where). What each name means
//! stands in `docs/bench.md`.

pub mod audit;
mod clock;
mod line;
pub mod machine;
pub mod meeting;
pub mod peers;
pub mod rekey;
pub mod table;
mod world;

pub use line::Line;
