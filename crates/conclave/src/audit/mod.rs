//! A whole ledger for strangers: copied from validators ([`mod@export`]), executed again ([`verify`]).
//!
//! [`mod@file`] is how it lies on disk. Nothing here decides: whether a ledger holds is for
//! `conclave_ledger::audit` to say.

pub mod export;
pub mod file;
pub mod verify;

pub use export::{ExportError, Exported, export};
pub use verify::{VerifyError, verify_files, verify_network};

use conclave_protocol::Height;

/// How far long work has come, for a bar: done and in all.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Step {
    /// Height that was reached.
    pub height: Height,
    /// Bytes of files or blocks of a network that are done.
    pub done: u64,
    /// The same, in all.
    pub total: u64,
}
