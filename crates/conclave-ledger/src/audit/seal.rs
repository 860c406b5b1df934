//! The record that exported ledgers are made of: a block, and its certificate if it has its own.
//!
//! Bytes come from a validator or from a file of anybody's. Decoding binds the body to the header;
//! whether any of it is true is for `replay.rs` to say.

use bytes::BufMut;
use commonware_codec::{
    Buf, Copying, DecodeExt as _, EncodeSize, Error as CodecError, Read, ReadExt as _, Write,
};
use conclave_protocol::{Digest, Genesis, Height, Ledger};

use super::broken::{Broken, What};
use crate::{
    answer::{Certificate, MAX_VALIDATORS},
    block::{Block, Header, RawTx, tx_tree},
    committee::BadCommittee,
    execution::Candidate,
    light::protocol_digest,
    validator::Network,
};

/// Largest record in bytes: a full block, and a certificate of the largest committee.
pub const MAX_RECORD: usize = (1 << 20) + (1 << 16);

/// Bytes from which on an answer of records takes no further one.
pub const FULL_RECORDS: usize = 1 << 20;

/// Most records of one answer.
pub const MAX_RECORDS: u64 = 2048;

/// A block, with the certificate of exactly this block if there is one. A block without is final
/// by that of a descendant.
#[derive(Clone, Debug)]
pub(crate) struct Sealed {
    /// The block.
    pub(crate) block: Block,
    /// Its own certificate.
    pub(crate) certificate: Option<Certificate>,
}

impl Write for Sealed {
    fn write(&self, buf: &mut impl BufMut) {
        self.block.write(buf);
        self.certificate.write(buf);
    }
}

impl EncodeSize for Sealed {
    fn encode_size(&self) -> usize {
        self.block.encode_size() + self.certificate.encode_size()
    }
}

impl Read for Sealed {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, CodecError> {
        Ok(Self {
            block: Block::read(buf)?,
            certificate: Option::<Certificate>::read_cfg(buf, &MAX_VALIDATORS)?,
        })
    }
}

/// What a record says about its block, believed by nobody: enough to copy a ledger in order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Outline {
    /// Distance from genesis.
    pub height: Height,
    /// Digest of the header.
    pub digest: Digest,
    /// Digest of the parent's header.
    pub parent: Digest,
    /// Chain time in milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// Transactions in both sections.
    pub txs: u32,
    /// Whether the block carries its own certificate.
    pub is_certified: bool,
}

impl Outline {
    /// The block of height 0, which a genesis fixes and no record holds.
    ///
    /// # Errors
    /// The genesis has no usable validator set.
    pub fn origin(genesis: &Genesis) -> Result<Self, BadCommittee> {
        let network = Network::of(genesis)?;
        let header = &network.genesis_block().header;
        Ok(Self {
            height: Height(0),
            digest: protocol_digest(&header.digest()),
            parent: protocol_digest(&header.parent),
            time_ms: header.time_ms,
            txs: 0,
            is_certified: false,
        })
    }

    /// Reads a record; nothing if the bytes are not one.
    pub fn of(record: &[u8]) -> Option<Self> {
        let Sealed { block, certificate } = decode(record).ok()?;
        let Header { height, time_ms, parent, identity, meeting, .. } = &block.header;
        Some(Self {
            height: Height(*height),
            digest: protocol_digest(&block.header.digest()),
            parent: protocol_digest(parent),
            time_ms: *time_ms,
            txs: identity.count.saturating_add(meeting.count),
            is_certified: certificate.is_some(),
        })
    }
}

/// A record whose transactions have been read, ready to be executed.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) sealed: Sealed,
    pub(super) identity: Vec<Candidate>,
    pub(super) meeting: Vec<Candidate>,
}

impl Prepared {
    /// Reads a record that should be of height `expected`.
    pub(super) fn of(record: &[u8], expected: u64) -> Result<Self, Broken> {
        let sealed =
            decode(record).map_err(|error| why_undecodable(record, Height(expected), &error))?;
        let height = Height(sealed.block.header.height);
        let identity = candidates(&sealed.block.identity, height, 0)?;
        let meeting = candidates(&sealed.block.meeting, height, identity.len())?;
        Ok(Self { sealed, identity, meeting })
    }
}

fn decode(record: &[u8]) -> Result<Sealed, CodecError> {
    if record.len() > MAX_RECORD {
        return Err(CodecError::InvalidLength(record.len()));
    }
    Sealed::decode(Copying(record))
}

fn candidates(txs: &[RawTx], height: Height, before: usize) -> Result<Vec<Candidate>, Broken> {
    (before..)
        .zip(txs)
        .map(|(index, raw)| {
            Candidate::decode(raw.clone()).ok_or_else(|| {
                let found = format!("{} bytes that are none", raw.bytes().len());
                let broken = Broken::new(height, What::Transaction, "a transaction", found);
                broken.in_tx(u32::try_from(index).unwrap_or(u32::MAX), Some(raw))
            })
        })
        .collect()
}

/// Says what is wrong with bytes that are no record, as closely as they allow.
fn why_undecodable(record: &[u8], expected: Height, error: &CodecError) -> Broken {
    let malformed = |height| {
        let what = "a block with its certificate in canonical form";
        Broken::new(height, What::Malformed, what, error.to_string())
    };
    let mut rest = Copying(record);
    let Ok(header) = Header::read(&mut rest) else { return malformed(expected) };
    let height = Height(header.height);
    for (ledger, section) in
        [(Ledger::Identity, &header.identity), (Ledger::Meeting, &header.meeting)]
    {
        let txs: Result<Vec<_>, _> = (0..section.count).map(|_| RawTx::read(&mut rest)).collect();
        let Ok(txs) = txs else { return malformed(height) };
        let root = tx_tree(&txs).root();
        if root != section.tx_root {
            return Broken::digests(height, What::TxRoot(ledger), &section.tx_root, &root);
        }
    }
    malformed(height)
}
