//! The rules of the identity ledger.

mod chain;
mod change;
mod devices;
mod pending;
mod recover;
mod register;

pub(crate) use change::Change;
pub(crate) use recover::recover;
pub(crate) use register::register;
