//! Validators on the identity ledger (paper, section V.B(4)): what they agree on about themselves,
//! and where they wrote its history down elsewhere (section V.B(3)).
//!
//! A change of the set is agreed when more than two thirds of the set in force have voted for it,
//! and is in force from the first block of the next epoch on. An epoch is
//! [`epoch_blocks`](crate::Params::epoch_blocks) blocks long and agrees on one change at most, so
//! the set never moves by more than one validator at a time and never in the middle of an epoch.
//!
//! What validators sign here names them in the envelope in the place of a device: the signer is
//! the 32 bytes of the key, and the key signs itself. A key that is in no set says nothing.

mod body;
mod record;
pub(crate) mod rules;
mod set;

pub use body::{AnchorPlace, AnchorRecord, Contact, ValidatorChange, ValidatorVote};
pub use record::{
    AnchorEntry, AnchorsRecord, CastVote, KEYS_PART, ValidatorChangeRecord, ValidatorKeysRecord,
    ValidatorRecord, ValidatorSetRecord,
};
pub use set::{epoch_of, is_quorum, last_height_of, validators_after, validators_at};

pub(crate) use set::in_force;
