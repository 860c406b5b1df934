//! Whole meetings in memory: many sessions, one ledger with the real rules, one bad network.

mod attacks;
mod ledger;
mod liar;
mod meetings;
mod world;
