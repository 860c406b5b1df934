//! The header of a block: consensus round, position, both sections, and the validator sets.

use bytes::BufMut;
use commonware_codec::{
    Buf, Encode as _, EncodeSize, Error as CodecError, Read, ReadExt as _, Write,
};
use commonware_consensus::types::{Epoch, Round as ConsensusRound, View};
use commonware_cryptography::{Hasher as _, Sha256, ed25519::PublicKey, sha256::Digest};

use super::{BlockContext, Section};

const VERSION: u8 = 1;

/// What validators sign and clients verify; fixed-width big-endian fields in this order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Header {
    /// Distance from genesis.
    pub(crate) height: u64,
    /// Chain time in milliseconds since the Unix epoch; strictly increasing.
    pub(crate) time_ms: u64,
    /// Digest of the parent's header.
    pub(crate) parent: Digest,
    /// Where consensus proposed this block.
    pub(crate) round: Round,
    /// The identity ledger.
    pub(crate) identity: Section,
    /// The meeting ledger.
    pub(crate) meeting: Section,
    /// SHA-256 over the keys of the validators that seal this block.
    pub(crate) valset_hash: Digest,
    /// The same for the next block.
    pub(crate) next_valset_hash: Digest,
}

impl Header {
    /// Largest encoding in bytes.
    pub(crate) const MAX_SIZE: usize = 1 + 8 + 8 + 32 + Round::SIZE + 2 * Section::MAX_SIZE + 64;

    /// SHA-256 of the encoding: the digest of the whole block.
    pub(crate) fn digest(&self) -> Digest {
        Sha256::hash(&[&self.encode()])
    }

    /// What the next block's identity section links to.
    pub(crate) fn identity_link(&self) -> Digest {
        self.identity.link(0, self.height, self.time_ms)
    }

    /// What the next block's meeting section links to.
    pub(crate) fn meeting_link(&self) -> Digest {
        self.meeting.link(1, self.height, self.time_ms)
    }
}

impl Write for Header {
    fn write(&self, buf: &mut impl BufMut) {
        VERSION.write(buf);
        self.height.write(buf);
        self.time_ms.write(buf);
        self.parent.write(buf);
        self.round.write(buf);
        self.identity.write(buf);
        self.meeting.write(buf);
        self.valset_hash.write(buf);
        self.next_valset_hash.write(buf);
    }
}

impl EncodeSize for Header {
    fn encode_size(&self) -> usize {
        1 + 8 + 8 + 32 + Round::SIZE + self.identity.encode_size() + self.meeting.encode_size() + 64
    }
}

impl Read for Header {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, CodecError> {
        let version = u8::read(buf)?;
        if version != VERSION {
            return Err(CodecError::InvalidEnum(version));
        }
        Ok(Self {
            height: u64::read(buf)?,
            time_ms: u64::read(buf)?,
            parent: Digest::read(buf)?,
            round: Round::read(buf)?,
            identity: Section::read(buf)?,
            meeting: Section::read(buf)?,
            valset_hash: Digest::read(buf)?,
            next_valset_hash: Digest::read(buf)?,
        })
    }
}

/// The consensus round of a block, without the parent's digest (the header names it already).
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Round {
    /// Consensus epoch; one engine instance each.
    pub(crate) epoch: u64,
    /// View inside the epoch.
    pub(crate) view: u64,
    /// View the parent was proposed in.
    pub(crate) parent_view: u64,
    /// Key of the proposer.
    pub(crate) leader: PublicKey,
}

impl Round {
    const SIZE: usize = 3 * 8 + 32;

    /// Takes the round out of a consensus context.
    pub(crate) fn of(context: &BlockContext) -> Self {
        Self {
            epoch: context.round.epoch().get(),
            view: context.round.view().get(),
            parent_view: context.parent.0.get(),
            leader: context.leader.clone(),
        }
    }

    /// Gives the consensus context back.
    pub(super) fn context(&self, parent: Digest) -> BlockContext {
        BlockContext {
            round: ConsensusRound::new(Epoch::new(self.epoch), View::new(self.view)),
            leader: self.leader.clone(),
            parent: (View::new(self.parent_view), parent),
        }
    }
}

impl Write for Round {
    fn write(&self, buf: &mut impl BufMut) {
        self.epoch.write(buf);
        self.view.write(buf);
        self.parent_view.write(buf);
        self.leader.write(buf);
    }
}

impl EncodeSize for Round {
    fn encode_size(&self) -> usize {
        Self::SIZE
    }
}

impl Read for Round {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, CodecError> {
        Ok(Self {
            epoch: u64::read(buf)?,
            view: u64::read(buf)?,
            parent_view: u64::read(buf)?,
            leader: PublicKey::read(buf)?,
        })
    }
}
