//! Why a consortium cannot be read or founded.

use std::{io, path::PathBuf};

use conclave_ledger::validator::BadAddress;
use conclave_protocol::{ChainId, DecodeError, ValidatorKey, card::BadCard, params::BadGenesis};

/// Why a consortium cannot be read or founded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// A place is no `host:port`.
    #[error(transparent)]
    Address(#[from] BadAddress),
    /// The genesis cannot start a network.
    #[error("genesis: {0}")]
    BadGenesis(#[from] BadGenesis),
    /// The file of a validator was not made by who has its key.
    #[error("{}: {source}", path.display())]
    Card {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: BadCard,
    },
    /// Two files say different things about one key.
    #[error("two files contradict each other about the key {0}")]
    Contradiction(ValidatorKey),
    /// The genesis is damaged.
    #[error("genesis: {0}")]
    Decode(#[from] DecodeError),
    /// There is a network already.
    #[error("{} exists already", .0.display())]
    Exists(PathBuf),
    /// Not hexadecimal digits.
    #[error("{0} is not in hexadecimal digits")]
    Hex(&'static str),
    /// Another process has the directory.
    #[error("{} is in use{}", dir.display(), by(*pid))]
    InUse {
        /// Which directory.
        dir: PathBuf,
        /// Who, if it has said so.
        pid: Option<u32>,
    },
    /// The network file knows this validator under another address than its own files.
    #[error("the network file says that this validator is at {theirs}, and its own file {ours}")]
    Moved {
        /// In the network file.
        theirs: String,
        /// In the validator's own file.
        ours: String,
    },
    /// The validator has no network file yet.
    #[error("{} is not there: this validator belongs to no network yet", .0.display())]
    NoNetwork(PathBuf),
    /// Nobody to talk to.
    #[error("the network file names no validator")]
    Nobody,
    /// The directory belongs to another network.
    #[error("this directory belongs to another network, {}", .0.to_hex())]
    OtherNetwork(ChainId),
    /// Genesis and chain id do not belong together.
    #[error("chain_id is not the hash of the genesis, which is {}", .0.to_hex())]
    OtherGenesis(ChainId),
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Two validators with one name, key or address.
    #[error("two validators have the {what} {value}")]
    Same {
        /// What should differ.
        what: &'static str,
        /// What both have.
        value: String,
    },
    /// A name or an address is too long, or has characters that nobody can read aloud.
    #[error("{0}")]
    Text(String),
    /// Not the expected TOML.
    #[error("not a file of this program: {0}")]
    Toml(String),
    /// Cannot be written as TOML.
    #[error("cannot be written: {0}")]
    Unwritable(#[from] toml::ser::Error),
    /// The URL of an RPC, a relay or an endpoint is not `http://` or `https://`.
    #[error("{0} is not an http:// or https:// URL")]
    Url(String),
    /// It is not said where to listen, and the public address does not tell.
    #[error("where to listen does not follow from {0}")]
    WhereToListen(String),
    /// A file cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl From<toml::de::Error> for NetworkError {
    /// Line and column are kept, and what stands there is not: it may have been the file of a key.
    fn from(error: toml::de::Error) -> Self {
        let (shown, what) = (error.to_string(), error.message());
        let place = shown.lines().next().filter(|line| line.starts_with("TOML parse error at"));
        Self::Toml(place.map_or_else(|| what.to_owned(), |place| format!("{place}: {what}")))
    }
}

fn by(pid: Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" by process {pid}"))
}
