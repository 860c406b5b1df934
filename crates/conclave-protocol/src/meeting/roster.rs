//! A roster: the set of member indexes that share a key, and its hash.

use sha2::{Digest as _, Sha256};

use super::record::MemberRecord;
use crate::{
    codec::{Blob, Buf, BufMut, EncodeSize, Error, Read, ReadExt, Write},
    id::{Digest, MemberIdx},
};

/// Indexes a meeting may hand out on any network: four times the largest roster.
pub const MAX_INDEXES: usize = 1_024;
const MAX_BYTES: usize = MAX_INDEXES / 8;

/// A set of member indexes, written as a bitmap without trailing zero bytes: index `i` is bit
/// `i mod 8` of byte `i / 8`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster(Vec<u8>);

impl Roster {
    /// A roster of these indexes.
    ///
    /// # Errors
    /// An index no meeting hands out.
    pub fn new(indexes: impl IntoIterator<Item = MemberIdx>) -> Result<Self, NoSuchIndex> {
        let mut roster = Self::default();
        roster.extend(indexes)?;
        Ok(roster)
    }

    /// Whether `idx` is in.
    pub fn contains(&self, idx: MemberIdx) -> bool {
        let (place, bit) = place(idx);
        self.0.get(place).is_some_and(|byte| byte & bit != 0)
    }

    /// The indexes in ascending order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = MemberIdx> + '_ {
        self.0.iter().enumerate().flat_map(|(place, byte)| {
            let base = u16::try_from(place).unwrap_or(u16::MAX).saturating_mul(8);
            let bits = (0..8_u16).filter(move |bit| byte & (1 << bit) != 0);
            bits.map(move |bit| MemberIdx(base | bit))
        })
    }

    /// How many are in.
    pub fn len(&self) -> usize {
        self.0.iter().fold(0_usize, |sum, byte| {
            sum.saturating_add(usize::try_from(byte.count_ones()).unwrap_or_default())
        })
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
        let mut roster = self.clone();
        for idx in removed {
            let (place, bit) = place(idx);
            if let Some(byte) = roster.0.get_mut(place) {
                *byte &= !bit;
            }
        }
        while roster.0.last() == Some(&0) {
            roster.0.pop();
        }
        roster.extend(added)?;
        Ok(roster)
    }

    fn extend(&mut self, indexes: impl IntoIterator<Item = MemberIdx>) -> Result<(), NoSuchIndex> {
        for idx in indexes {
            if usize::from(idx.0) >= MAX_INDEXES {
                return Err(NoSuchIndex(idx));
            }
            let (place, bit) = place(idx);
            if self.0.len() <= place {
                self.0.resize(place.saturating_add(1), 0);
            }
            if let Some(byte) = self.0.get_mut(place) {
                *byte |= bit;
            }
        }
        Ok(())
    }
}

/// The byte of an index, and its bit there.
fn place(MemberIdx(idx): MemberIdx) -> (usize, u8) {
    (usize::from(idx >> 3), 1 << (idx & 7))
}

/// An index no meeting hands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no meeting has a member {0}")]
pub struct NoSuchIndex(pub MemberIdx);

impl Write for Roster {
    fn write(&self, buf: &mut impl BufMut) {
        buf.put_u16(u16::try_from(self.0.len()).unwrap_or(u16::MAX));
        buf.put_slice(&self.0);
    }
}

impl EncodeSize for Roster {
    fn encode_size(&self) -> usize {
        self.0.len().saturating_add(2)
    }
}

impl Read for Roster {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, Error> {
        let bytes = Blob::<MAX_BYTES>::read(buf)?.into_vec();
        if bytes.last() == Some(&0) {
            return Err(Error::Invalid("roster", "trailing zero byte"));
        }
        Ok(Self(bytes))
    }
}

/// SHA-256 over (idx, user, dev, ivk, epk, ek_hash, npk) of every member, in ascending order of
/// idx: what a key is committed to, and what members compare.
pub fn roster_hash<'a>(members: impl IntoIterator<Item = (MemberIdx, &'a MemberRecord)>) -> Digest {
    let mut sorted: Vec<_> = members.into_iter().collect();
    sorted.sort_by_key(|(idx, _)| *idx);
    let mut hash = Sha256::new_with_prefix(b"CONCLAVE-V1/roster");
    let mut entry = Vec::new();
    for (idx, member) in sorted {
        entry.clear();
        idx.write(&mut entry);
        entry.extend_from_slice(&member.user.0);
        entry.extend_from_slice(&member.dev.0);
        member.ivk.write(&mut entry);
        entry.extend_from_slice(&member.epk.0);
        entry.extend_from_slice(&member.ek_hash);
        entry.extend_from_slice(&member.npk.0);
        hash.update(&entry);
    }
    Digest(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::{collection::btree_set, prelude::*};

    use super::*;

    fn indexes() -> impl Strategy<Value = BTreeSet<MemberIdx>> {
        btree_set((0..1_024_u16).prop_map(MemberIdx), 0..40)
    }

    proptest! {
        #[test]
        fn a_roster_is_the_set_of_its_indexes(set in indexes(), probe in 0..1_100_u16) {
            let roster = Roster::new(set.iter().rev().copied()).unwrap();
            prop_assert_eq!(roster.iter().collect::<Vec<_>>(), Vec::from_iter(set.iter().copied()));
            prop_assert_eq!(roster.iter().next_back(), set.last().copied());
            prop_assert_eq!(roster.contains(MemberIdx(probe)), set.contains(&MemberIdx(probe)));
            prop_assert_eq!((roster.len(), roster.is_empty()), (set.len(), set.is_empty()));
        }

        #[test]
        fn a_step_leaves_no_trace_of_who_went(
            set in indexes(), added in indexes(), removed in indexes(),
        ) {
            let roster = Roster::new(set.clone()).unwrap();
            let stepped = roster.step(added.clone(), removed.clone()).unwrap();
            let expected = set.difference(&removed).chain(&added).copied();
            prop_assert_eq!(&stepped, &Roster::new(expected).unwrap());
            prop_assert_eq!(roster.step([], set).unwrap(), Roster::default());
        }
    }
}
