//! A block: a header that commits to everything, and the transactions of both ledgers.
//!
//! Read `section.rs` (one ledger's share of a header), `header.rs`, then this file. The digest of a
//! block is the hash of its header alone, so a light client never needs a body; the decoder refuses
//! a body that its header does not commit to, so one digest never stands for two blocks.

mod header;
mod section;
#[cfg(test)]
mod tests;

use bytes::{BufMut, Bytes};
use commonware_codec::{Buf, EncodeSize, Error as CodecError, Read, ReadExt as _, Write};
use commonware_consensus::{
    Block as ConsensusBlock, BoundedBlock, CertifiableBlock, Heightable, simplex::types::Context,
    types::Height,
};
use commonware_cryptography::{Digestible, ed25519::PublicKey, sha256::Digest};

pub(crate) use header::{Header, Round};
pub(crate) use section::{RawTx, Section, empty_tx_root, tx_tree};

/// Most transaction bytes one block carries in both sections together (protocol.md, section 2).
pub(crate) const MAX_BODY: usize = 1 << 20;

/// Most transactions one block carries in both sections together (protocol.md, section 2).
pub(crate) const MAX_TXS: usize = 4096;

/// The consensus context a block was proposed in.
pub(crate) type BlockContext = Context<Digest, PublicKey>;

/// One block of both ledgers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Block {
    /// What is signed, linked and proven against.
    pub(crate) header: Header,
    /// Transactions of the identity ledger, executed first.
    pub(crate) identity: Vec<RawTx>,
    /// Transactions of the meeting ledger.
    pub(crate) meeting: Vec<RawTx>,
}

impl Block {
    /// All transactions in the order of execution.
    pub(crate) fn txs(&self) -> impl Iterator<Item = &RawTx> {
        self.identity.iter().chain(&self.meeting)
    }

    /// Whether the header commits to exactly these transactions.
    fn is_bound(&self) -> bool {
        self.header.identity.holds(&self.identity) && self.header.meeting.holds(&self.meeting)
    }
}

impl Write for Block {
    fn write(&self, buf: &mut impl BufMut) {
        self.header.write(buf);
        for tx in self.txs() {
            tx.write(buf);
        }
    }
}

impl EncodeSize for Block {
    fn encode_size(&self) -> usize {
        self.header.encode_size() + self.txs().map(EncodeSize::encode_size).sum::<usize>()
    }
}

impl Read for Block {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, CodecError> {
        let header = Header::read(buf)?;
        let mut room = MAX_BODY;
        let identity = read_txs(buf, header.identity.count, &mut room)?;
        let meeting = read_txs(buf, header.meeting.count, &mut room)?;
        let block = Self { header, identity, meeting };
        if !block.is_bound() {
            return Err(CodecError::Invalid("Block", "body is not the one of the header"));
        }
        Ok(block)
    }
}

/// Reads `count` transactions and takes their bytes from the `room` left in the block.
fn read_txs(buf: &mut impl Buf, count: u32, room: &mut usize) -> Result<Vec<RawTx>, CodecError> {
    let mut txs = Vec::new();
    for _ in 0..count {
        let tx = RawTx::read(buf)?;
        *room = room
            .checked_sub(tx.bytes().len())
            .ok_or(CodecError::Invalid("Block", "body is over its bound"))?;
        txs.push(tx);
    }
    Ok(txs)
}

impl Digestible for Block {
    type Digest = Digest;

    fn digest(&self) -> Digest {
        self.header.digest()
    }
}

impl Heightable for Block {
    fn height(&self) -> Height {
        Height::new(self.header.height)
    }
}

impl ConsensusBlock for Block {
    fn parent(&self) -> Digest {
        self.header.parent
    }
}

impl CertifiableBlock for Block {
    type Context = BlockContext;

    fn context(&self) -> BlockContext {
        self.header.round.context(self.header.parent)
    }
}

impl BoundedBlock for Block {
    fn max_encode_size((): &()) -> usize {
        Header::MAX_SIZE + MAX_BODY + MAX_TXS * RawTx::OVERHEAD
    }
}

/// Encodes any value of this crate's wire formats.
pub(crate) fn to_bytes(value: &impl commonware_codec::Encode) -> Bytes {
    value.encode()
}
