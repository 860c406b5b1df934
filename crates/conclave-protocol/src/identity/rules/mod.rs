//! The rules of the identity ledger.

mod change;
mod register;

pub(crate) use change::Change;
pub(crate) use register::register;
