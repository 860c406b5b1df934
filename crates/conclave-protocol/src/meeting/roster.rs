//! A roster: the set of member indexes that share a key, and its hash.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};

use super::record::MemberRecord;
use crate::{
    codec::{Blob, Buf, BufMut, EncodeSize, Error, Read, ReadExt, Write, encode},
    id::{Digest, MemberIdx},
};

/// Indexes a meeting may hand out on any network: four times the largest roster.
pub const MAX_INDEXES: usize = 1_024;
const MAX_BYTES: usize = MAX_INDEXES / 8;

/// A set of member indexes, written as a bitmap without trailing zero bytes: index `i` is bit
/// `i mod 8` of byte `i / 8`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster(BTreeSet<MemberIdx>);

impl Roster {
    /// A roster of these indexes.
    ///
    /// # Errors
    /// An index no meeting hands out.
    pub fn new(indexes: impl IntoIterator<Item = MemberIdx>) -> Result<Self, NoSuchIndex> {
        let set: BTreeSet<_> = indexes.into_iter().collect();
        match set.last() {
            Some(idx) if usize::from(idx.0) >= MAX_INDEXES => Err(NoSuchIndex(*idx)),
            _ => Ok(Self(set)),
        }
    }

    /// Whether `idx` is in.
    pub fn contains(&self, idx: MemberIdx) -> bool {
        self.0.contains(&idx)
    }

    /// The indexes in ascending order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = MemberIdx> + '_ {
        self.0.iter().copied()
    }

    /// How many are in.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nobody is in.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// This roster less `removed` plus `added`.
    ///
    /// # Errors
    /// An index no meeting hands out.
    pub fn step(
        &self,
        added: impl IntoIterator<Item = MemberIdx>,
        removed: impl IntoIterator<Item = MemberIdx>,
    ) -> Result<Self, NoSuchIndex> {
        let mut set = self.0.clone();
        for idx in removed {
            set.remove(&idx);
        }
        set.extend(added);
        Self::new(set)
    }

    fn bitmap(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for MemberIdx(idx) in self.iter() {
            let place = usize::from(idx >> 3);
            if bytes.len() <= place {
                bytes.resize(place.saturating_add(1), 0_u8);
            }
            if let Some(byte) = bytes.last_mut() {
                *byte |= 1 << (idx & 7);
            }
        }
        bytes
    }
}

/// An index no meeting hands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no meeting has a member {0}")]
pub struct NoSuchIndex(pub MemberIdx);

impl Write for Roster {
    fn write(&self, buf: &mut impl BufMut) {
        let bytes = self.bitmap();
        buf.put_u16(u16::try_from(bytes.len()).unwrap_or(u16::MAX));
        buf.put_slice(&bytes);
    }
}

impl EncodeSize for Roster {
    fn encode_size(&self) -> usize {
        self.0.last().map_or(2, |idx| usize::from(idx.0 >> 3).saturating_add(3))
    }
}

impl Read for Roster {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, Error> {
        let bytes = Blob::<MAX_BYTES>::read(buf)?.into_vec();
        if bytes.last() == Some(&0) {
            return Err(Error::Invalid("roster", "trailing zero byte"));
        }
        let bits = (0_u16..).step_by(8).zip(bytes).flat_map(|(base, byte)| {
            (0..8_u16)
                .filter(move |bit| byte & (1 << bit) != 0)
                .map(move |bit| MemberIdx(base | bit))
        });
        Ok(Self(bits.collect()))
    }
}

/// SHA-256 over (idx, user, dev, ivk, epk, ek_hash, npk) of every member, in ascending order of
/// idx: what a key is committed to, and what members compare.
pub fn roster_hash<'a>(members: impl IntoIterator<Item = (MemberIdx, &'a MemberRecord)>) -> Digest {
    let mut sorted: Vec<_> = members.into_iter().collect();
    sorted.sort_by_key(|(idx, _)| *idx);
    let mut hash = Sha256::new_with_prefix(b"CONCLAVE-V1/roster");
    for (idx, member) in sorted {
        hash.update(encode(&idx));
        hash.update(member.user);
        hash.update(member.dev);
        hash.update(encode(&member.ivk));
        hash.update(member.epk.0);
        hash.update(member.ek_hash);
        hash.update(member.npk.0);
    }
    Digest(hash.finalize().into())
}
