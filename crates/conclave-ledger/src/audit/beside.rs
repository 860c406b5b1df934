//! What executes a ledger and what checks its signatures, beside each other, and the one verdict of
//! both.

use std::{
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
};

use super::{AuditError, Broken, Report, replay::Checks};

/// Records that wait for each of the threads.
pub(super) const WAITING: usize = 16;

/// Executes on this thread and checks on another; tells what is lowest in the ledger.
pub(super) fn beside(
    execute: impl FnOnce(SyncSender<Checks>) -> Result<Option<Report>, AuditError>,
    check: impl FnOnce(&Receiver<Checks>) -> Result<(), Broken> + Send,
) -> Result<Option<Report>, AuditError> {
    let (checks, waiting) = sync_channel(WAITING);
    let (executed, checked) = thread::scope(|scope| {
        let checking = scope.spawn(|| {
            // Moved here, so that the other thread notices when this one has ended.
            let waiting = waiting;
            check(&waiting)
        });
        let executed = execute(checks);
        (executed, checking.join())
    });
    // Whatever was executed: without its signatures nobody has said it.
    let checked = checked.map_err(|_| AuditError::Crashed)?;
    match (executed, checked) {
        (Err(AuditError::Broken(broken)), Err(checked)) if broken.height < checked.height => {
            Err(broken.into())
        }
        (_, Err(checked)) => Err(checked.into()),
        (executed, Ok(())) => executed,
    }
}
