//! What one endpoint shows of one transaction, and what of it proves itself.
//!
//! The hash of the transaction is computed from its fields. If it is in a block, all transactions of
//! that block are fetched, the root of their Merkle-Patricia tree and the hash of the header are
//! computed, and both must be what the endpoint says: then the transaction is in a block of that
//! hash. What remains the endpoint's word is that this block is one of the chain, and how deep.

use alloy::{
    consensus::{Transaction as _, TxEnvelope, proofs::calculate_transaction_root},
    providers::Provider as _,
    rpc::types::{Block, Transaction},
};
use conclave_protocol::{
    Digest, Seconds,
    anchor::{Mined, Sighting},
};

use super::{Endpoint, EndpointError, TxHash};

/// What an endpoint shows.
#[derive(Clone, Debug)]
pub(in crate::anchor) struct Seen {
    /// What the judge is told.
    pub(in crate::anchor) sighting: Sighting,
    /// What is wrong, in words.
    pub(in crate::anchor) problem: Option<String>,
}

impl Endpoint {
    /// What it shows of a transaction of the chain with this number.
    pub(in crate::anchor) async fn look(&self, chain: u64, tx: TxHash) -> Seen {
        let (sighting, problem) = match self.sight(chain, tx).await {
            Ok(Ok(sighting)) => (sighting, None),
            Ok(Err(lie)) => {
                (Sighting::Unproven, Some(format!("Ethereum endpoint {}: {lie}", self.name())))
            }
            Err(error) => (Sighting::Silent, Some(error.to_string())),
        };
        Seen { sighting, problem }
    }

    async fn sight(&self, chain: u64, tx: TxHash) -> Result<Result<Sighting, Lie>, EndpointError> {
        if self.chain().await? != chain {
            return Ok(Ok(Sighting::OtherChain));
        }
        // First, so that what is not known later is known to be absent from these blocks.
        let newest = self.newest().await?;
        let Some(found) = self.said(self.provider.get_transaction_by_hash(tx).await)? else {
            return Ok(Ok(Sighting::Absent(newest)));
        };
        let data = match carried(&found, tx) {
            Ok(data) => data,
            Err(lie) => return Ok(Err(lie)),
        };
        let Some(hash) = found.block_hash else { return Ok(Ok(Sighting::Waiting(data))) };
        let Some(block) = self.said(self.provider.get_block_by_hash(hash).full().await)? else {
            return Ok(Err(Lie::NoBlock));
        };
        let (number, time) = match holds(&block, hash, tx) {
            Ok(place) => place,
            Err(lie) => return Ok(Err(lie)),
        };
        // The block of that number must be this one, else it has left the chain since.
        let there = self.said(self.provider.get_block_by_number(number.into()).await)?;
        if there.is_none_or(|block| block.header.hash != hash) {
            return Ok(Ok(Sighting::Absent(newest)));
        }
        let finalized = self.finalized().await?;
        Ok(Ok(Sighting::Mined(Mined {
            block: Digest(hash.0),
            number,
            time: Seconds(time),
            depth: newest.saturating_add(1).saturating_sub(number),
            finalized: finalized.is_some_and(|last| last >= number),
            data,
        })))
    }
}

/// What a transaction carries, if it has the hash that was asked for.
fn carried(found: &Transaction, asked: TxHash) -> Result<Vec<u8>, Lie> {
    let tx: &TxEnvelope = &found.inner;
    // The hash in the answer is the endpoint's; this one is not.
    if computed_hash(tx) != asked {
        return Err(Lie::OtherTransaction);
    }
    Ok(tx.input().to_vec())
}

/// Number and time of a block that has this hash and this transaction.
fn holds(block: &Block, hash: TxHash, tx: TxHash) -> Result<(u64, u64), Lie> {
    let header = &block.header.inner;
    if header.hash_slow() != hash {
        return Err(Lie::OtherHeader);
    }
    let transactions = block.transactions.as_transactions().ok_or(Lie::NoTransactions)?;
    let transactions: Vec<&TxEnvelope> = transactions.iter().map(|tx| &*tx.inner).collect();
    if calculate_transaction_root(&transactions) != header.transactions_root {
        return Err(Lie::OtherTransactions);
    }
    if !transactions.iter().any(|one| computed_hash(one) == tx) {
        return Err(Lie::NotInBlock);
    }
    Ok((header.number, header.timestamp))
}

/// Keccak-256 of the transaction's bytes, whatever hash came with it.
fn computed_hash(tx: &TxEnvelope) -> TxHash {
    use alloy::{eips::eip2718::Encodable2718 as _, primitives::keccak256};
    keccak256(tx.encoded_2718())
}

/// What does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Lie {
    #[error("it names a block that it does not have")]
    NoBlock,
    #[error("it leaves the transactions of a block out")]
    NoTransactions,
    #[error("the block that it names does not contain the transaction")]
    NotInBlock,
    #[error("a header does not have the hash that it names, or is of a form unknown here")]
    OtherHeader,
    #[error("it gave another transaction than it was asked for")]
    OtherTransaction,
    #[error("the transactions of a block do not have the root that its header names")]
    OtherTransactions,
}
