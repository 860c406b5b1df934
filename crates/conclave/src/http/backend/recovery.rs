//! Names, what waits, recovery.

use std::future::Future;

use super::Refused;
use crate::http::wire::{CancelChange, ClaimHandle, Identity, KeepSheet, NewName, Recover, Sheet};

/// The part of [`Backend`](super::Backend) about the way back to a user, and what it goes by.
///
/// # Errors
/// As for [`Backend`](super::Backend).
pub trait RecoveryBackend {
    /// Claims a handle. Returns when it is final.
    fn claim_handle(&self, ask: ClaimHandle) -> impl Future<Output = Result<(), Refused>> + Send;

    /// Puts another name on the ledger. Returns when it is final.
    fn rename(&self, ask: NewName) -> impl Future<Output = Result<Identity, Refused>> + Send;

    /// Draws a recovery key, and forgets it.
    fn draw_sheet(&self) -> impl Future<Output = Result<Sheet, Refused>> + Send;

    /// Puts a recovery key on the ledger. Returns when it is final.
    fn keep_sheet(&self, ask: KeepSheet) -> impl Future<Output = Result<(), Refused>> + Send;

    /// Makes this machine a device of the user the words belong to, or asks for it.
    fn recover(&self, ask: Recover) -> impl Future<Output = Result<Identity, Refused>> + Send;

    /// Calls off what a device asked. Returns when that is final.
    fn cancel_change(&self, ask: CancelChange) -> impl Future<Output = Result<(), Refused>> + Send;
}
