//! What happened to a post, for people and for scripts.

use serde::Serialize;

use super::super::ethereum::GWEI;

/// One step, told once.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
#[non_exhaustive]
pub enum Event {
    /// Who posts, and where to.
    Ready {
        /// Address of the account that pays.
        account: String,
        /// Number of the chain.
        ethereum: u64,
        /// Blocks from one anchor to the next.
        every: u64,
    },
    /// A transaction was signed, is on disk, and was sent.
    Sent {
        /// Height that is anchored.
        height: u64,
        /// Hash of the transaction.
        tx: String,
        /// Its nonce.
        nonce: u64,
        /// What it may use.
        gas: u64,
        /// What it offers per gas at most, in wei.
        max_fee: u128,
    },
    /// No endpoint knew it any more, so it was sent again: the same transaction.
    Again {
        /// Height that is anchored.
        height: u64,
        /// Hash of the transaction.
        tx: String,
    },
    /// It took too long, so another one with the same nonce offers more.
    Replaced {
        /// Height that is anchored.
        height: u64,
        /// Hash of the new transaction.
        tx: String,
        /// What it offers per gas at most, in wei.
        max_fee: u128,
    },
    /// It is in a block.
    Mined {
        /// Height that is anchored.
        height: u64,
        /// Hash of the transaction.
        tx: String,
        /// Number of the block.
        block: u64,
    },
    /// The block it was in has left Ethereum's chain.
    Vanished {
        /// Height that is anchored.
        height: u64,
        /// Hash of the transaction.
        tx: String,
    },
    /// It is deep enough.
    Deep {
        /// Height that is anchored.
        height: u64,
        /// Hash of the transaction.
        tx: String,
        /// Number of the block.
        block: u64,
        /// Blocks from it to the newest one.
        depth: u64,
    },
    /// The ledger has the record.
    Recorded {
        /// Height that is anchored.
        height: u64,
        /// Hash of the header.
        header: String,
        /// Hash of the transaction.
        tx: String,
        /// Height of the block with the record.
        at: u64,
    },
    /// Somebody anchored this height already.
    Already {
        /// The height.
        height: u64,
    },
    /// Nothing is due.
    Idle {
        /// The height that is anchored next.
        next: u64,
    },
    /// It cannot go on now, and tries again.
    Waiting {
        /// Why.
        why: String,
    },
}

impl Event {
    /// For people.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Ready { account, ethereum, every } => format!(
                "anchors every {every} blocks to Ethereum (chain {ethereum}), paid by {account}"
            ),
            Self::Sent { height, tx, nonce, gas, max_fee } => format!(
                "height {height}: sent {tx}, nonce {nonce}, {gas} gas at {} gwei at most",
                gwei(*max_fee)
            ),
            Self::Again { height, tx } => {
                format!("height {height}: no endpoint knows {tx}; sent it again")
            }
            Self::Replaced { height, tx, max_fee } => format!(
                "height {height}: it takes long; replaced by {tx}, {} gwei at most",
                gwei(*max_fee)
            ),
            Self::Mined { height, tx, block } => {
                format!("height {height}: {tx} is in block {block}")
            }
            Self::Vanished { height, tx } => {
                format!("height {height}: the block with {tx} has left Ethereum's chain")
            }
            Self::Deep { height, block, depth, .. } => {
                format!("height {height}: block {block} is {depth} deep, that is enough")
            }
            Self::Recorded { height, at, .. } => {
                format!("height {height}: anchored, and recorded on the ledger at height {at}")
            }
            Self::Already { height } => format!("height {height} is anchored already"),
            Self::Idle { next } => format!("nothing is due before height {next}"),
            Self::Waiting { why } => format!("waiting: {why}"),
        }
    }
}

/// Wei as gwei, with what matters after the point.
pub(super) fn gwei(wei: u128) -> String {
    let thousandths = wei / (GWEI / 1_000);
    format!("{}.{:03}", thousandths / 1_000, thousandths % 1_000)
}
