//! Blocks, finality, authenticated state and light clients: the only crate that names the consensus
//! engine.
//!
//! Four doors: [`validator`] runs one of the machines that order and execute transactions,
//! [`light`] verifies what such machines answer, [`facts`] tells what is in a block, and [`audit`]
//! executes a whole ledger again. What shows that validators broke their word is [`evidence`].
//! Between them travel self-contained bytes (`answer.rs`, `audit/seal.rs`); no type of the engine
//! leaves this crate. A side door, `bench`, measures the state.

#![cfg_attr(
    test,
    expect(dead_code, reason = "unit tests run the engine simulated, never on sockets and disks")
)]

mod answer;
pub mod audit;
#[cfg(not(test))]
pub mod bench;
mod block;
#[cfg(test)]
mod cast;
mod committee;
pub mod evidence;
mod execution;
pub mod facts;
mod handover;
pub mod light;
mod mempool;
mod state;
pub mod validator;
#[cfg(test)]
mod vectors;

pub use answer::{MAX_ANSWER, MAX_KEYS};
pub use committee::BadCommittee;
pub use facts::{BlockFacts, CertificateFacts, TxFacts};
