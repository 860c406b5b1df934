//! The overview, blocks and transactions.

use std::time::{SystemTime, UNIX_EPOCH};

use conclave_ledger::{BlockFacts, CertificateFacts, TxFacts, validator::AskError};
use conclave_protocol::{Height, Ledger, Tx, TxId, tx::Role};

use super::{
    Explorer,
    index::{Entry, Index, Place, Seen},
    subject::Subject,
    wire::{
        BlockLine, BlockView, CertificateView, Overview, Reach, SignatureView, Tick, TxLine, TxView,
    },
    words::words,
};

/// Lines of the overview and of one tick.
const NEWEST: usize = 20;

/// Transactions on one page of a block, and of a timeline.
pub(super) const PAGE: usize = 100;

/// Chain time over which the rate is taken.
const RATE_MS: u64 = 60_000;

impl Explorer {
    pub(super) async fn overview(&self) -> Overview {
        let status = self.0.validator.status();
        let validators = self.set(status.height).await.len();
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let index = self.index();
        let (identity, meeting) = index.counts();
        Overview {
            name: self.0.genesis.name.as_str().to_owned(),
            chain_id: self.0.genesis.chain_id().to_hex(),
            validator: hex::encode(status.key.0),
            validators,
            height: status.height.0,
            time_ms: status.time_ms,
            now_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
            rate: rate(&index),
            waiting: status.mempool,
            identity,
            meeting,
            reach: reach(&index),
            blocks: index.blocks(u64::MAX).take(NEWEST).map(block_line).collect(),
            txs: index.txs().take(NEWEST).filter_map(tx_line).collect(),
        }
    }

    /// What became final after this height.
    pub(super) fn tick(&self, after: u64) -> Tick {
        let waiting = self.0.validator.status().mempool;
        let index = self.index();
        let (identity, meeting) = index.counts();
        let mut blocks: Vec<_> = index.blocks_after(after).map(block_line).collect();
        blocks.reverse();
        blocks.truncate(NEWEST);
        let fresh = index.txs().take_while(|(place, _)| place.height > after);
        Tick {
            txs: fresh.take(NEWEST).filter_map(tx_line).collect(),
            blocks,
            rate: rate(&index),
            waiting,
            identity,
            meeting,
            reach: reach(&index),
        }
    }

    /// Blocks below `before`, newest first.
    pub(super) fn blocks(&self, before: u64) -> Vec<BlockLine> {
        self.index().blocks(before).take(NEWEST).map(block_line).collect()
    }

    /// One block and its transactions from number `from` on.
    pub(super) async fn block(&self, height: u64, from: usize) -> Result<BlockView, AskError> {
        let validator = &self.0.validator;
        let bytes = validator.block(Height(height)).await?;
        let facts = BlockFacts::read(&bytes).map_err(|_| AskError::Unknown)?;
        let certificate = validator.header(Height(height)).await.ok();
        let certificate = match certificate.and_then(|answer| CertificateFacts::read(&answer).ok())
        {
            Some(certificate) => Some(self.certificate(&certificate).await),
            None => None,
        };
        let time_ms = facts.header.time_ms;
        let txs = facts.txs.iter().skip(from).take(PAGE).map(|tx| line_of(tx, height, time_ms));
        let header = &facts.header;
        Ok(BlockView {
            block: BlockLine {
                height,
                time_ms,
                digest: header.digest.to_hex(),
                proposer: hex::encode(facts.proposer.0),
                identity: header.identity_txs,
                meeting: header.meeting_txs,
                size: facts.size,
            },
            parent: header.parent.to_hex(),
            epoch: facts.epoch,
            view: facts.view,
            identity_root: header.identity_root.to_hex(),
            meeting_root: header.meeting_root.to_hex(),
            valset: header.valset_hash.to_hex(),
            next_valset: facts.next_valset_hash.to_hex(),
            certificate,
            from,
            count: facts.txs.len(),
            txs: txs.collect(),
            has_next: height < validator.status().height.0,
        })
    }

    /// One transaction, of the recent past or as far back as the validator knows it by id.
    pub(super) async fn tx(&self, id: TxId) -> Result<TxView, AskError> {
        let known = self.index().tx(&id).and_then(|(place, entry)| tx_line((place, entry)));
        let bytes = self.0.validator.transaction(&id).await?;
        let tx = Tx::decode(&bytes).map_err(|_| AskError::Unknown)?;
        let line = match known {
            Some(line) => line,
            None => self.place(id, &tx).await?,
        };
        Ok(TxView {
            tx: line,
            signer: tx.signer.to_hex(),
            nonce: tx.nonce,
            expiry_ms: tx.expiry.0.saturating_mul(1_000),
            size: bytes.len(),
            signatures: tx
                .sigs
                .iter()
                .map(|sig| SignatureView {
                    role: role(sig.role).to_owned(),
                    algorithm: sig.signature.algorithm().name().to_owned(),
                })
                .collect(),
            bytes: hex::encode(&bytes),
        })
    }

    /// The newest transactions about somebody.
    pub(super) fn about(&self, subject: &Subject) -> (Vec<TxLine>, Reach) {
        let index = self.index();
        (index.about(subject).take(PAGE).filter_map(tx_line).collect(), reach(&index))
    }

    /// How far back the lists go.
    pub(super) fn reach(&self) -> Reach {
        reach(&self.index())
    }

    /// Where a transaction is that is older than the index.
    async fn place(&self, id: TxId, tx: &Tx) -> Result<TxLine, AskError> {
        let answer = self.0.validator.inclusion(&id).await?;
        // An inclusion answer begins with the header answer of its block.
        let height = conclave_ledger::facts::height_of(&answer).ok_or(AskError::Unknown)?;
        let block = self.0.validator.block(height).await?;
        let facts = BlockFacts::read(&block).map_err(|_| AskError::Unknown)?;
        let found = facts.txs.iter().find(|one| one.tx == *tx).ok_or(AskError::Unknown)?;
        Ok(line_of(found, height.0, facts.header.time_ms))
    }

    async fn certificate(&self, certificate: &CertificateFacts) -> CertificateView {
        let signers = self.signers(certificate).await;
        CertificateView {
            height: certificate.height.0,
            validators: certificate.validators,
            signers: signers.iter().map(|key| hex::encode(key.0)).collect(),
        }
    }
}

/// A capacity in words.
const fn role(role: Role) -> &'static str {
    match role {
        Role::Signer => "signer",
        Role::Sponsor => "sponsor",
        Role::Possession => "new key",
        Role::Handover => "leader before",
    }
}

fn reach(index: &Index) -> Reach {
    Reach { from: index.from().unwrap_or(0), txs: index.count() }
}

/// Transactions a second over the last minute of chain time.
fn rate(index: &Index) -> f64 {
    let Some(newest) = index.blocks(u64::MAX).next() else { return 0.0 };
    let since = newest.time_ms.saturating_sub(RATE_MS);
    let recent = index.blocks(u64::MAX).take_while(|seen| seen.time_ms > since);
    let txs: u32 = recent.map(|seen| seen.identity.saturating_add(seen.meeting)).sum();
    f64::from(txs) / 60.0
}

fn block_line(seen: &Seen) -> BlockLine {
    BlockLine {
        height: seen.height,
        time_ms: seen.time_ms,
        digest: seen.digest.to_hex(),
        proposer: hex::encode(seen.proposer.0),
        identity: seen.identity,
        meeting: seen.meeting,
        size: seen.size,
    }
}

fn tx_line((place, entry): (Place, &Entry)) -> Option<TxLine> {
    let tx = Tx::decode(&entry.bytes).ok()?;
    Some(TxLine {
        id: entry.id.to_hex(),
        height: place.height,
        time_ms: entry.time_ms,
        ledger: ledger(place.ledger).to_owned(),
        index: place.index,
        kind: tx.kind().name().to_owned(),
        words: words(&tx),
    })
}

fn line_of(tx: &TxFacts, height: u64, time_ms: u64) -> TxLine {
    TxLine {
        id: tx.id.to_hex(),
        height,
        time_ms,
        ledger: ledger(tx.ledger).to_owned(),
        index: tx.index,
        kind: tx.tx.kind().name().to_owned(),
        words: words(&tx.tx),
    }
}

const fn ledger(ledger: Ledger) -> &'static str {
    match ledger {
        Ledger::Identity => "identity",
        Ledger::Meeting => "meeting",
    }
}
