//! What callers ask the validator's runtime, and what can go wrong.

use bytes::Bytes;
use commonware_cryptography::sha256::Digest;
use conclave_protocol::{Key, Record, Refusal, TxId};
use tokio::sync::oneshot;

use crate::{execution::Refused, mempool::Full};

/// One request with the way back.
pub(crate) enum Request {
    /// Take a transaction.
    Submit { bytes: Bytes, reply: oneshot::Sender<Result<TxId, Rejected>> },
    /// Take several transactions.
    SubmitAll { txs: Vec<Bytes>, reply: oneshot::Sender<Vec<Result<TxId, Rejected>>> },
    /// Prove a transaction final.
    Inclusion { id: Digest, reply: Reply<Bytes> },
    /// The bytes of a final transaction.
    Transaction { id: Digest, reply: Reply<Bytes> },
    /// Prove what keys hold.
    Query { keys: Vec<Key>, reply: Reply<Bytes> },
    /// A header answer, of the newest block unless a height is given.
    Header { height: Option<u64>, reply: Reply<Bytes> },
    /// A whole block.
    Block { height: u64, reply: Reply<Bytes> },
    /// Blocks in order, as records of an exported ledger.
    Records { from: u64, most: u64, reply: Reply<Bytes> },
    /// The changes of the validator set from this number on.
    Handovers { from: u32, reply: Reply<Bytes> },
    /// A record without proof.
    Local { key: Key, reply: Reply<Option<Record>> },
    /// The numbers of the engine, as Prometheus reads them.
    Metrics { reply: Reply<String> },
}

/// The way back of an answer.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, AskError>>;

/// Why a validator does not take a transaction.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejected {
    /// A signature does not hold.
    #[error("a signature of the transaction does not hold")]
    BadSignature,
    /// Too many transactions wait, or another one with this nonce does.
    #[error("{0}")]
    Busy(&'static str),
    /// The bytes are not a transaction.
    #[error("the bytes are not a transaction")]
    Malformed,
    /// The validator has no final state yet.
    #[error("this validator has not caught up yet")]
    NotReady,
    /// The rules of the ledgers refuse it in the present state.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// The validator has stopped.
    #[error("this validator has stopped")]
    Stopped,
}

impl From<Full> for Rejected {
    fn from(full: Full) -> Self {
        Self::Busy(match full {
            Full::Device => "this device has too many transactions waiting",
            Full::Nonce => "another transaction with this nonce is waiting",
            Full::Pool => "this validator has too many transactions waiting",
        })
    }
}

impl From<Refused> for Rejected {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Rules(refusal) => Self::Refused(refusal),
            Refused::Signature => Self::BadSignature,
            Refused::Foreign | Refused::TooMuch => Self::Malformed,
        }
    }
}

/// Why a validator does not answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// The block is below the lowest one that is kept here.
    #[error("not known here: this validator has blocks from height {0} on")]
    Dropped(u64),
    /// The validator has no final state yet, or is catching up.
    #[error("this validator has not caught up yet")]
    NotReady,
    /// The validator has stopped.
    #[error("this validator has stopped")]
    Stopped,
    /// More keys than one answer proves.
    #[error("too many keys in one question")]
    TooManyKeys,
    /// Not known here, or not final.
    #[error("not known here, or not final")]
    Unknown,
}
