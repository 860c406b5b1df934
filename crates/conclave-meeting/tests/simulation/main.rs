//! Whole meetings in memory: many sessions, one ledger with the real rules, one bad network.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod attacks;
mod chair;
mod churn;
mod codes;
mod corpus;
mod door;
mod files;
mod forks;
mod ledger;
mod liar;
mod meetings;
mod out;
mod refresh;
mod refused;
mod sealed;
mod signals;
mod survival;
#[path = "../../../../fuzzing/src/targets/mod.rs"]
mod targets;
mod world;
