//! Anchors: hashes of this ledger's headers on Ethereum, so that not even all validators together
//! rewrite yesterday unseen (paper, section V.B(3); docs/protocol.md, section 15).
//!
//! What an anchor is and what follows from what is found is said in `conclave-protocol`; here is the
//! I/O. `post` writes them, for a validator; `check` reads what the ledger says of them and holds it
//! against Ethereum, for everyone, and says of each what `checked` holds; `watch` does so again and
//! again for the daemon. `ethereum` is the way to endpoints, `ledger` the way to the own ledger,
//! `journal` what survives a crash. Nothing an endpoint says about a transaction or a block is
//! believed before its hashes were computed.

mod check;
mod checked;
mod ethereum;
mod journal;
mod ledger;
mod post;
mod watch;

pub use check::{Report, check, check_claim};
pub use checked::{Checked, Own};
pub use ethereum::{Account, BadEndpoint, BadKey, Endpoint, EndpointError, Ethereum, KEY_VARIABLE};
pub use journal::JournalError;
pub use ledger::{Claim, Claims, claims};
pub use post::{Event, Options, PostError, Poster};
pub use watch::watch;

pub(crate) use watch::view;
