//! The first thing of a ledger that does not hold: where, what was expected, what was found.

use std::fmt;

use commonware_cryptography::sha256::Digest as EngineDigest;
use conclave_protocol::{Height, Ledger, TxId};

use crate::block::RawTx;

/// The first thing of a ledger that does not hold. Everything at lower heights does.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Broken {
    /// Height of the block.
    pub height: Height,
    /// The transaction, if one is to blame: its number in the block, counted through both sections
    /// from 0, and its id.
    pub tx: Option<(u32, TxId)>,
    /// What does not hold.
    pub what: What,
    /// What an honest ledger has there, in words or hexadecimal digits.
    pub expected: String,
    /// What was there.
    pub found: String,
}

/// What does not hold.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum What {
    /// The certificate: another block's, no quorum, or a forged signature.
    Certificate,
    /// The consensus epoch.
    Epoch,
    /// Which block follows.
    Height,
    /// The link to the last section of the same ledger.
    Link(Ledger),
    /// The bytes.
    Malformed,
    /// The set of validators of the next block.
    NextValidators,
    /// The log of state changes that late validators copy.
    Operations(Ledger),
    /// The link to the block before.
    Parent,
    /// Who proposed the block.
    Proposer,
    /// The state after the block.
    StateRoot(Ledger),
    /// The chain time.
    Time,
    /// The rules refuse a transaction, or it is none.
    Transaction,
    /// A signature of a transaction.
    Signature,
    /// The transactions that the header commits to.
    TxRoot(Ledger),
    /// The set of validators that seals the block.
    Validators,
}

impl Broken {
    pub(super) fn new(
        height: Height,
        what: What,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self { height, tx: None, what, expected: expected.into(), found: found.into() }
    }

    pub(super) fn digests(
        height: Height,
        what: What,
        expected: &EngineDigest,
        found: &EngineDigest,
    ) -> Self {
        Self::new(height, what, hex(expected), hex(found))
    }

    /// Blames a transaction, if it is known.
    pub(super) fn in_tx(mut self, index: u32, raw: Option<&RawTx>) -> Self {
        self.tx = raw.map(|raw| (index, TxId(raw.id().0)));
        self
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "height {}", self.height)?;
        if let Some((index, id)) = &self.tx {
            write!(f, ", transaction {index} ({})", id.to_hex())?;
        }
        let Self { what, expected, found, .. } = self;
        write!(f, ": {what} does not hold: expected {expected}, found {found}")
    }
}

impl std::error::Error for Broken {}

/// Why an audit ended before its time.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// Something in the ledger does not hold.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// The directory of the states failed; nothing is said about the ledger.
    #[error("its disk is full or failed")]
    Stopped,
    /// A thread of the audit panicked: not everything was looked at, so nothing is said about the
    /// ledger.
    #[error("a part of it crashed, which is a mistake in this program")]
    Crashed,
}

impl From<commonware_runtime::Error> for AuditError {
    fn from(_: commonware_runtime::Error) -> Self {
        Self::Stopped
    }
}

impl What {
    /// A short name for programs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::Epoch => "epoch",
            Self::Height => "height",
            Self::Link(_) => "section-link",
            Self::Malformed => "malformed",
            Self::NextValidators => "next-validators",
            Self::Operations(_) => "operations",
            Self::Parent => "parent",
            Self::Proposer => "proposer",
            Self::StateRoot(_) => "state-root",
            Self::Time => "time",
            Self::Transaction => "transaction",
            Self::Signature => "signature",
            Self::TxRoot(_) => "tx-root",
            Self::Validators => "validators",
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ledger = |ledger: &Ledger| match ledger {
            Ledger::Identity => "identity",
            Ledger::Meeting => "meeting",
        };
        match self {
            Self::Certificate => f.write_str("the certificate"),
            Self::Epoch => f.write_str("the consensus epoch"),
            Self::Height => f.write_str("the order of blocks"),
            Self::Link(of) => write!(f, "the link of the {} section", ledger(of)),
            Self::Malformed => f.write_str("the encoding"),
            Self::NextValidators => f.write_str("the next validator set"),
            Self::Operations(of) => write!(f, "the operations of the {} ledger", ledger(of)),
            Self::Parent => f.write_str("the link to the parent"),
            Self::Proposer => f.write_str("the proposer"),
            Self::StateRoot(of) => write!(f, "the state root of the {} ledger", ledger(of)),
            Self::Time => f.write_str("the chain time"),
            Self::Transaction => f.write_str("a transaction"),
            Self::Signature => f.write_str("a signature"),
            Self::TxRoot(of) => write!(f, "the transaction root of the {} section", ledger(of)),
            Self::Validators => f.write_str("the validator set"),
        }
    }
}

pub(super) fn hex(digest: &EngineDigest) -> String {
    conclave_protocol::Digest(digest.0).to_hex()
}
