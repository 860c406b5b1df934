//! A whole ledger, executed again by somebody who believes nobody.
//!
//! In goes the genesis, then one record ([`Outline`] reads one) after the other from height 1 on; out
//! comes a [`Report`], or the first thing that does not hold ([`Broken`]). Everything a validator
//! checks is checked: links and times, the certificate of every block that has its own, the
//! commitment to every transaction, its signatures and the rules, and the roots of both states,
//! computed anew. Anchors that validators recorded are compared with the headers they name; a wrong one
//! is the lie of its validator and not of the ledger, so the report lists it. What Ethereum says of
//! them is not looked at here.
//!
//! Three threads share the work: whoever feeds decodes, one executes (`replay`), one checks
//! signatures and certificates in batches (`signatures`); `beside` makes one verdict of both. `author`
//! makes ledgers to measure with.

mod author;
mod beside;
mod broken;
mod headers;
mod replay;
mod seal;
mod signatures;
#[cfg(test)]
mod tests;
#[cfg(not(test))]
mod thread;
mod totals;

#[cfg(not(test))]
pub use author::Author;
pub use author::AuthorError;
pub use broken::{AuditError, Broken, What};
pub use seal::{FULL_RECORDS, MAX_RECORD, MAX_RECORDS, Outline};
#[cfg(not(test))]
pub use thread::{Auditor, StartError};
pub use totals::{Progress, Report, Totals, WrongAnchor};

#[cfg(test)]
pub(crate) use author::{Quill, certify};
pub(crate) use seal::Sealed;
