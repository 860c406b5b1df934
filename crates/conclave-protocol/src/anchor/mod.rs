//! Anchors: hashes of this ledger's headers, written where not even all of its validators together
//! can change them later (paper, section V.B(3); docs/protocol.md, section 15).
//!
//! [`Anchor`] is what is written and its bytes, [`bitcoin`] the same bytes as an output of a Bitcoin
//! transaction, [`verdict`] what follows from what was found. Who fetches and posts is not said
//! here: bytes and sightings in, values and verdicts out.

pub mod bitcoin;
pub mod verdict;

use std::num::NonZeroU64;

use crate::{
    codec::{DecodeError, decode, encode},
    id::{ChainId, Digest, Height},
};

pub use verdict::{Finding, Mined, Reason, Required, Sighting, Verdict, judge};

/// Bytes of an anchor.
pub const ANCHOR_BYTES: usize = 77;

/// Blocks from one anchor to the next, where nobody says otherwise.
pub const ANCHOR_EVERY: NonZeroU64 = NonZeroU64::new(600).unwrap();

/// One header of one network, as another ledger holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The network.
    pub chain_id: ChainId,
    /// Height of the header.
    pub height: Height,
    /// Its hash.
    pub header: Digest,
}

crate::fields!(Anchor { chain_id, height, header });

impl Anchor {
    /// `"CNC1"`, version 1, network, height, hash.
    pub fn to_bytes(&self) -> Vec<u8> {
        [&HEAD[..], &encode(self)].concat()
    }

    /// The anchor that these bytes are, exactly.
    ///
    /// # Errors
    /// [`BadAnchor`].
    pub fn parse(bytes: &[u8]) -> Result<Self, BadAnchor> {
        let (magic, rest) = bytes.split_first_chunk::<4>().ok_or(BadAnchor::NotAnAnchor)?;
        if magic != MAGIC {
            return Err(BadAnchor::NotAnAnchor);
        }
        match rest.split_first() {
            Some((&VERSION, value)) => Ok(decode(value)?),
            _ => Err(BadAnchor::OtherVersion),
        }
    }
}

/// Why bytes are no anchor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadAnchor {
    /// Cut short, or more than an anchor.
    #[error("damaged: {0}")]
    Decode(#[from] DecodeError),
    /// Something else.
    #[error("not an anchor of this protocol")]
    NotAnAnchor,
    /// An anchor of another version.
    #[error("an anchor of another version")]
    OtherVersion,
}

/// The height that is to be anchored when `newest` is final: the last multiple of `every`, none
/// before the first.
pub fn due(newest: Height, every: NonZeroU64) -> Option<Height> {
    let past = newest.0 % every;
    match newest.0.saturating_sub(past) {
        0 => None,
        height => Some(Height(height)),
    }
}

const MAGIC: &[u8; 4] = b"CNC1";
const VERSION: u8 = 1;
const HEAD: [u8; 5] = *b"CNC1\x01";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_multiple_is_due_and_nothing_before_the_first() {
        let due = |newest| due(Height(newest), ANCHOR_EVERY);
        assert_eq!(due(0), None);
        assert_eq!(due(599), None);
        assert_eq!(due(600), Some(Height(600)));
        assert_eq!(due(1_799), Some(Height(1_200)));
        assert_eq!(due(u64::MAX), Some(Height(u64::MAX - u64::MAX % 600)));
    }

    #[test]
    fn an_anchor_has_77_bytes_and_reads_back() {
        let anchor =
            Anchor { chain_id: ChainId([1; 32]), height: Height(600), header: Digest([2; 32]) };
        let bytes = anchor.to_bytes();
        assert_eq!(bytes.len(), ANCHOR_BYTES);
        assert_eq!(Anchor::parse(&bytes), Ok(anchor));
        for cut in 0..bytes.len() {
            assert!(Anchor::parse(bytes.get(..cut).unwrap()).is_err(), "{cut} bytes");
        }
        assert!(Anchor::parse(&[&bytes[..], &[0]].concat()).is_err());
    }
}
