//! A validator: orders transactions with the others, keeps both ledgers, answers with proofs.
//!
//! [`start`] runs it on threads of its own and gives a [`Validator`] to talk to it from any task.
//! Inside: `network` (what the genesis fixed), `application` (blocks), `pacing` (when), `finality`
//! (what is final), `service` (answers), `keep` and `store` (old blocks, logs of the states),
//! `schemes` and `steps` (who seals which epoch, and the proof of it), `epochs` and `lines` (one
//! engine after the other, and their channels), `wiring` (their parts), `links`, `peers`, `address`
//! and `node` (whom it talks to, runtime, sockets, disk), `monitor`, `meter` and `tally` (how it is
//! doing).

mod address;
mod application;
mod clock;
mod epochs;
mod finality;
mod handle;
mod keep;
mod lines;
mod links;
mod meter;
mod monitor;
mod network;
#[cfg(not(test))]
mod node;
mod pacing;
#[cfg(not(test))]
mod peers;
mod request;
mod schemes;
mod service;
#[cfg(test)]
mod simulation;
mod steps;
mod store;
mod tally;
mod wiring;

use std::{fmt, net::SocketAddr, path::PathBuf};

use conclave_protocol::{Genesis, ValidatorKey};
use zeroize::{Zeroize as _, ZeroizeOnDrop};

pub use address::{BadAddress, PeerAddress};
pub use handle::{Status, Validator};
pub use keep::Keep;
#[cfg(not(test))]
pub use node::{start, start_dev};
pub use request::{AskError, Rejected};
pub use schemes::Role;

pub(crate) use application::{STEP, Speculative, merkleize, section};
pub(crate) use network::Network;
pub(crate) use service::prove;
pub(crate) use store::Cuts;
#[cfg(not(test))]
pub(crate) use wiring::page_cache;
pub(crate) use wiring::{Runtime, database as database_config};

use crate::committee::BadCommittee;

/// What the names of the directories in [`Config::dir`] begin with that remember what this
/// validator's key has signed. A key must never sign without them.
pub const SIGNED: &str = "validator-consensus-";

/// What the names of the directories in [`Config::dir`] begin with whose size is bounded: votes and
/// blocks of the last few hundred views, which go with the views; and the logs of the states, which
/// hold three operations for each record at the most, and those of the last thousand blocks.
pub const BOUNDED: [&str; 6] = [
    SIGNED,
    "validator-cache-",
    "validator-identity-operations",
    "validator-identity-tree-",
    "validator-meeting-operations",
    "validator-meeting-tree-",
];

/// How a validator is set up.
#[derive(Debug)]
pub struct Config {
    /// Directory of both ledgers and the consensus journal. A lost directory means a new key: one
    /// that signs again without its journal can contradict itself.
    pub dir: PathBuf,
    /// Seed of the validator's Ed25519 key.
    pub seed: Seed,
    /// The network.
    pub genesis: Genesis,
    /// Where the other validators reach this one.
    pub listen: SocketAddr,
    /// Where this one reaches the others, whoever they are in the set; its own entry is ignored. What
    /// the ledger says of later validators counts where nothing is said here.
    pub peers: Vec<(ValidatorKey, PeerAddress)>,
    /// How long blocks and certificates are kept here.
    pub keep: Keep,
    /// Whether an empty validator fetches the state of a recent block instead of executing all.
    pub state_sync: bool,
    /// The first epoch in which this validator signs. Above 0 where the key may have signed before
    /// and the journal of that is lost: in earlier epochs this validator follows and signs nothing.
    /// [`Validator::sign_from`] says it later where it is not known yet.
    pub signs_from: u64,
}

/// Seed of an Ed25519 key.
#[derive(ZeroizeOnDrop)]
pub struct Seed([u8; 32]);

impl Seed {
    /// Takes the 32 bytes of a seed.
    pub fn new(mut bytes: [u8; 32]) -> Self {
        let seed = Self(bytes);
        bytes.zeroize();
        seed
    }

    pub(crate) const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed")
    }
}

/// Why a validator does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The genesis has no usable validator set.
    #[error(transparent)]
    Committee(#[from] BadCommittee),
    /// The directory cannot be used.
    #[error("cannot use the directory: {0}")]
    Directory(#[from] std::io::Error),
    /// A genesis for development cannot be made.
    #[error("genesis: {0}")]
    Genesis(#[from] conclave_protocol::params::BadGenesis),
    /// The seed is not one of a key.
    #[error("this seed makes no validator key")]
    NotAKey,
    /// A validator of the genesis has no address.
    #[error("validator {0:?} has no address")]
    NoAddress(ValidatorKey),
}
