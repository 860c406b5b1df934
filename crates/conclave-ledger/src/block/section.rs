//! One ledger's share of a block: its transactions, their Merkle root, and the state after them.

use bytes::{BufMut, Bytes};
use commonware_codec::{Buf, EncodeSize, Error as CodecError, Read, ReadExt as _, Write};
use commonware_cryptography::{Hasher as _, Sha256, sha256::Digest};
use commonware_storage::bmt;

use super::MAX_TXS;

/// Largest transaction in bytes (protocol.md, section 0: `MAX_TX`).
pub(crate) const MAX_TX: usize = 4096;

/// The Merkle tree over the transaction ids of one section.
pub(crate) type TxTree = bmt::Tree<Digest>;

/// What a header says about one of the two ledgers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Section {
    /// Link to the newest earlier non-empty section of the same ledger; the chain id before it.
    pub(crate) prev: Digest,
    /// Transactions in this section.
    pub(crate) count: u32,
    /// Merkle root over the transaction ids; not encoded when the section is empty.
    pub(crate) tx_root: Digest,
    /// Canonical root of the ledger's state after this block: what proofs are checked against.
    pub(crate) state_root: Digest,
    /// Root over the operations log of the state: what a late validator synchronises to.
    pub(crate) ops_root: Digest,
    /// First and one-past-last operation a late validator needs.
    pub(crate) ops: (u64, u64),
}

impl Section {
    /// Largest encoding in bytes.
    pub(super) const MAX_SIZE: usize = 4 * 32 + 4 + 16;

    /// The link the next non-empty section of ledger `tag` carries: this section if it has
    /// transactions, else what this one points to.
    pub(crate) fn link(&self, tag: u8, height: u64, time_ms: u64) -> Digest {
        if self.count == 0 {
            return self.prev;
        }
        Sha256::hash(&[
            b"CONCLAVE-V1/section",
            &[tag],
            &height.to_be_bytes(),
            &time_ms.to_be_bytes(),
            self.prev.as_ref(),
            &self.count.to_be_bytes(),
            self.tx_root.as_ref(),
            self.state_root.as_ref(),
        ])
    }

    /// Whether this section commits to exactly these transactions.
    pub(super) fn holds(&self, txs: &[RawTx]) -> bool {
        usize::try_from(self.count).is_ok_and(|count| count == txs.len())
            && self.tx_root == tx_tree(txs).root()
    }
}

impl Write for Section {
    fn write(&self, buf: &mut impl BufMut) {
        self.prev.write(buf);
        self.count.write(buf);
        if self.count > 0 {
            self.tx_root.write(buf);
        }
        self.state_root.write(buf);
        self.ops_root.write(buf);
        self.ops.0.write(buf);
        self.ops.1.write(buf);
    }
}

impl EncodeSize for Section {
    fn encode_size(&self) -> usize {
        if self.count > 0 { Self::MAX_SIZE } else { Self::MAX_SIZE - 32 }
    }
}

impl Read for Section {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, CodecError> {
        let prev = Digest::read(buf)?;
        let count = u32::read(buf)?;
        if usize::try_from(count).map_or(true, |count| count > MAX_TXS) {
            return Err(CodecError::Invalid("Section", "too many transactions"));
        }
        let tx_root = if count > 0 { Digest::read(buf)? } else { empty_tx_root() };
        let state_root = Digest::read(buf)?;
        let ops_root = Digest::read(buf)?;
        let ops = (u64::read(buf)?, u64::read(buf)?);
        if ops.0 >= ops.1 || ops.1 > 1 << 62 {
            return Err(CodecError::Invalid("Section", "operations out of range"));
        }
        Ok(Self { prev, count, tx_root, state_root, ops_root, ops })
    }
}

/// The Merkle tree over the ids of `txs`, in order.
pub(crate) fn tx_tree(txs: &[RawTx]) -> TxTree {
    let mut builder = bmt::Builder::<Sha256>::new(txs.len());
    for tx in txs {
        builder.add(&tx.id());
    }
    builder.build()
}

/// The root of a section without transactions.
pub(crate) fn empty_tx_root() -> Digest {
    tx_tree(&[]).root()
}

/// A transaction as it travels: at most [`MAX_TX`] bytes and their SHA-256, not yet understood.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct RawTx {
    bytes: Bytes,
    id: Digest,
}

impl RawTx {
    /// Bytes an encoding adds to the transaction itself.
    pub(crate) const OVERHEAD: usize = 2;

    /// Takes a transaction of bounded size; `None` if it is empty or too large.
    pub(crate) fn new(bytes: Bytes) -> Option<Self> {
        if bytes.is_empty() || bytes.len() > MAX_TX {
            return None;
        }
        let id = Sha256::hash(&[&bytes]);
        Some(Self { bytes, id })
    }

    /// The canonical encoding of the transaction.
    pub(crate) const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The transaction id: SHA-256 of the full encoding.
    pub(crate) const fn id(&self) -> Digest {
        self.id
    }
}

impl Write for RawTx {
    fn write(&self, buf: &mut impl BufMut) {
        u16::try_from(self.bytes.len()).unwrap_or(u16::MAX).write(buf);
        buf.put_slice(&self.bytes);
    }
}

impl EncodeSize for RawTx {
    fn encode_size(&self) -> usize {
        Self::OVERHEAD + self.bytes.len()
    }
}

impl Read for RawTx {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, CodecError> {
        let length = usize::from(u16::read(buf)?);
        if length > MAX_TX {
            return Err(CodecError::InvalidLength(length));
        }
        if buf.remaining() < length {
            return Err(CodecError::EndOfBuffer);
        }
        Self::new(buf.copy_to_bytes(length)).ok_or(CodecError::InvalidLength(length))
    }
}
