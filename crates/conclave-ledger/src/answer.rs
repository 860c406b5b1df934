//! What a validator answers and a light client verifies: self-contained bytes of bounded size.
//!
//! Nothing here is trusted: `light` decides whether an answer proves what it says.

use bytes::BufMut;
use commonware_codec::{
    Buf, EncodeSize, Error as CodecError, Read, ReadExt as _, ReadRangeExt as _, Write,
};
use commonware_consensus::simplex::{scheme::ed25519::Scheme, types::Finalization};
use commonware_cryptography::sha256::Digest;
use commonware_storage::bmt;

use crate::{
    block::Header,
    state::{AbsenceProof, MAX_PROOF_DIGESTS, PresenceProof, Slot},
};

/// Most headers between the one asked for and the one a certificate names.
pub(crate) const MAX_LINKS: usize = 64;

/// Most keys one state answer proves.
pub const MAX_KEYS: usize = 1024;

/// Largest answer in bytes that a light client looks at.
pub const MAX_ANSWER: usize = 4 << 20;

/// Most validators a certificate can name.
pub(crate) const MAX_VALIDATORS: usize = 256;

/// The certificate of a block: a quorum of validators' signatures over its digest.
pub(crate) type Certificate = Finalization<Scheme, Digest>;

/// A header and what makes it final.
#[derive(Clone, Debug)]
pub(crate) struct HeaderAnswer {
    /// The header asked for.
    pub(crate) header: Header,
    /// Descendants up to the certified one; empty when the header itself is certified.
    pub(crate) links: Vec<Header>,
    /// The certificate of the last of them.
    pub(crate) certificate: Certificate,
}

impl HeaderAnswer {
    /// Whether each header is the child of the one before.
    pub(crate) fn is_linked(&self) -> bool {
        let parents = std::iter::once(&self.header).chain(&self.links);
        parents.zip(&self.links).all(|(parent, child)| {
            child.parent == parent.digest()
                && parent.height.checked_add(1) == Some(child.height)
                && child.time_ms > parent.time_ms
        })
    }

    /// The header the certificate must name.
    pub(crate) fn certified(&self) -> &Header {
        self.links.last().unwrap_or(&self.header)
    }
}

impl Write for HeaderAnswer {
    fn write(&self, buf: &mut impl BufMut) {
        self.header.write(buf);
        self.links.write(buf);
        self.certificate.write(buf);
    }
}

impl EncodeSize for HeaderAnswer {
    fn encode_size(&self) -> usize {
        self.header.encode_size() + self.links.encode_size() + self.certificate.encode_size()
    }
}

impl Read for HeaderAnswer {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, CodecError> {
        Ok(Self {
            header: Header::read(buf)?,
            links: Vec::<Header>::read_range(buf, ..=MAX_LINKS)?,
            certificate: Certificate::read_cfg(buf, &MAX_VALIDATORS)?,
        })
    }
}

/// What the state says about one key.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    /// The key holds nothing.
    Absent(AbsenceProof),
    /// The key holds this slot.
    Present(Slot, PresenceProof),
}

impl Write for Entry {
    fn write(&self, buf: &mut impl BufMut) {
        match self {
            Self::Absent(proof) => {
                0u8.write(buf);
                proof.write(buf);
            }
            Self::Present(slot, proof) => {
                1u8.write(buf);
                slot.write(buf);
                proof.write(buf);
            }
        }
    }
}

impl EncodeSize for Entry {
    fn encode_size(&self) -> usize {
        1 + match self {
            Self::Absent(proof) => proof.encode_size(),
            Self::Present(slot, proof) => slot.encode_size() + proof.encode_size(),
        }
    }
}

impl Read for Entry {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, CodecError> {
        match u8::read(buf)? {
            0 => Ok(Self::Absent(AbsenceProof::read_cfg(buf, &(MAX_PROOF_DIGESTS, (), ()))?)),
            1 => {
                let slot = Slot::read(buf)?;
                Ok(Self::Present(slot, PresenceProof::read_cfg(buf, &(MAX_PROOF_DIGESTS, ()))?))
            }
            tag => Err(CodecError::InvalidEnum(tag)),
        }
    }
}

/// The state of several keys at one finalized height, in the order they were asked for.
#[derive(Clone, Debug)]
pub(crate) struct StateAnswer {
    /// The block whose state roots the proofs are checked against.
    pub(crate) at: HeaderAnswer,
    /// One entry per key.
    pub(crate) entries: Vec<Entry>,
}

impl Write for StateAnswer {
    fn write(&self, buf: &mut impl BufMut) {
        self.at.write(buf);
        self.entries.write(buf);
    }
}

impl EncodeSize for StateAnswer {
    fn encode_size(&self) -> usize {
        self.at.encode_size() + self.entries.encode_size()
    }
}

impl Read for StateAnswer {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, CodecError> {
        let at = HeaderAnswer::read(buf)?;
        Ok(Self { at, entries: Vec::<Entry>::read_range(buf, ..=MAX_KEYS)? })
    }
}

/// Where a transaction is, and the proof of it.
#[derive(Clone, Debug)]
pub(crate) struct InclusionAnswer {
    /// The block that contains the transaction.
    pub(crate) at: HeaderAnswer,
    /// Whether it is in the meeting section.
    pub(crate) in_meeting: bool,
    /// Position in its section.
    pub(crate) index: u32,
    /// Merkle path from the transaction id to the section's root.
    pub(crate) path: bmt::Proof<Digest>,
}

impl Write for InclusionAnswer {
    fn write(&self, buf: &mut impl BufMut) {
        self.at.write(buf);
        self.in_meeting.write(buf);
        self.index.write(buf);
        self.path.write(buf);
    }
}

impl EncodeSize for InclusionAnswer {
    fn encode_size(&self) -> usize {
        self.at.encode_size() + 1 + 4 + self.path.encode_size()
    }
}

impl Read for InclusionAnswer {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, CodecError> {
        Ok(Self {
            at: HeaderAnswer::read(buf)?,
            in_meeting: bool::read(buf)?,
            index: u32::read(buf)?,
            path: bmt::Proof::read_cfg(buf, &1)?,
        })
    }
}
