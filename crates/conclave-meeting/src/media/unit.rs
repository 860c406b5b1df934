//! The plaintext of one media packet: everything a listener could learn something from.

use thiserror::Error;

use super::{MAX_HEADER, MAX_SEALED, TAG};

/// Longest encoded unit: what fits into one sealed packet under the longest header.
pub const MAX_UNIT: usize = MAX_SEALED - MAX_HEADER - TAG;
/// Padded units are a multiple of this many bytes long.
const STEP: usize = 64;

const MARKER: u8 = 1;
const KEYFRAME: u8 = 2;
const LEVEL: u8 = 4;
const ORIENTATION: u8 = 8;
const PADDED: u8 = 16;
const KNOWN: u8 = 31;

/// One RTP packet without its routing: `rtp_ts u32, seq u16, flags u8, ext, payload`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Unit {
    /// RTP timestamp in the clock of the codec.
    pub rtp_ts: u32,
    /// RTP sequence number, counted by the publisher per stream.
    pub seq: u16,
    /// Marks of this packet.
    pub flags: UnitFlags,
    /// Audio level in -dBov (RFC 6464), audio only.
    pub level: Option<u8>,
    /// Video orientation byte (3GPP TS 26.114), video only.
    pub orientation: Option<u8>,
    /// RTP payload.
    pub payload: Vec<u8>,
}

/// Marks of one unit.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct UnitFlags {
    /// Last packet of a video frame, or first of a talk spurt.
    pub marker: bool,
    /// First packet of a frame that decodes without any other.
    pub keyframe: bool,
}

/// Why bytes are no unit.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum UnitError {
    /// The padding is not zeros followed by its own length.
    #[error("padding is malformed")]
    BadPadding,
    /// Longer than [`MAX_UNIT`].
    #[error("unit is too long")]
    TooLong,
    /// The bytes end inside the fixed fields.
    #[error("unit is truncated")]
    Truncated,
    /// A flag this version does not know.
    #[error("unit has an unknown flag")]
    UnknownFlag,
}

impl Unit {
    /// The canonical bytes; `padded` rounds the length up to 64 bytes (section 13, option iii).
    ///
    /// # Errors
    /// [`UnitError::TooLong`] if the payload does not fit.
    pub fn encode(&self, padded: bool) -> Result<Vec<u8>, UnitError> {
        let mut out = Vec::with_capacity(self.payload.len().saturating_add(STEP));
        out.extend(self.rtp_ts.to_be_bytes());
        out.extend(self.seq.to_be_bytes());
        let bits = [
            (self.flags.marker, MARKER),
            (self.flags.keyframe, KEYFRAME),
            (self.level.is_some(), LEVEL),
            (self.orientation.is_some(), ORIENTATION),
            (padded, PADDED),
        ];
        out.push(bits.iter().filter(|(set, _)| *set).fold(0, |sum, (_, bit)| sum | bit));
        out.extend(self.level);
        out.extend(self.orientation);
        out.extend_from_slice(&self.payload);
        if padded {
            pad(&mut out);
        }
        if out.len() > MAX_UNIT { Err(UnitError::TooLong) } else { Ok(out) }
    }

    /// Reads a unit; every accepted input is what [`encode`](Self::encode) gives back.
    ///
    /// # Errors
    /// [`UnitError`] for anything else.
    pub fn decode(bytes: &[u8]) -> Result<Self, UnitError> {
        if bytes.len() > MAX_UNIT {
            return Err(UnitError::TooLong);
        }
        let (ts, rest) = bytes.split_first_chunk().ok_or(UnitError::Truncated)?;
        let (seq, rest) = rest.split_first_chunk().ok_or(UnitError::Truncated)?;
        let (bits, rest) = rest.split_first().ok_or(UnitError::Truncated)?;
        if bits & !KNOWN != 0 {
            return Err(UnitError::UnknownFlag);
        }
        let (level, rest) = optional(bits & LEVEL != 0, rest)?;
        let (orientation, rest) = optional(bits & ORIENTATION != 0, rest)?;
        let payload = if bits & PADDED == 0 { rest } else { unpad(bytes.len(), rest)? };
        Ok(Self {
            rtp_ts: u32::from_be_bytes(*ts),
            seq: u16::from_be_bytes(*seq),
            flags: UnitFlags { marker: bits & MARKER != 0, keyframe: bits & KEYFRAME != 0 },
            level,
            orientation,
            payload: payload.to_vec(),
        })
    }
}

fn optional(present: bool, rest: &[u8]) -> Result<(Option<u8>, &[u8]), UnitError> {
    if !present {
        return Ok((None, rest));
    }
    let (byte, rest) = rest.split_first().ok_or(UnitError::Truncated)?;
    Ok((Some(*byte), rest))
}

/// Appends zeros and the length of the padding, 1 to 64 bytes in all.
fn pad(out: &mut Vec<u8>) {
    let total = out.len().saturating_add(1).next_multiple_of(STEP);
    let added = total.saturating_sub(out.len());
    out.resize(total, 0);
    if let Some(last) = out.last_mut() {
        *last = u8::try_from(added).unwrap_or(0);
    }
}

fn unpad(total: usize, rest: &[u8]) -> Result<&[u8], UnitError> {
    let added = usize::from(*rest.last().ok_or(UnitError::Truncated)?);
    let keep = rest.len().checked_sub(added).ok_or(UnitError::BadPadding)?;
    let (payload, padding) = rest.split_at_checked(keep).ok_or(UnitError::BadPadding)?;
    let (_, zeros) = padding.split_last().ok_or(UnitError::BadPadding)?;
    let right = total.is_multiple_of(STEP) && added <= STEP && zeros.iter().all(|byte| *byte == 0);
    if right { Ok(payload) } else { Err(UnitError::BadPadding) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    prop_compose! {
        fn units()(
            rtp_ts: u32, seq: u16, marker: bool, keyframe: bool, level: Option<u8>,
            orientation: Option<u8>, payload in proptest::collection::vec(any::<u8>(), 0..1_200),
        ) -> Unit {
            let flags = UnitFlags { marker, keyframe };
            Unit { rtp_ts, seq, flags, level, orientation, payload }
        }
    }

    proptest! {
        #[test]
        fn a_unit_survives_its_encoding(unit in units(), padded: bool) {
            let bytes = unit.encode(padded).unwrap();
            prop_assert!(!padded || bytes.len() % 64 == 0);
            prop_assert_eq!(Unit::decode(&bytes), Ok(unit));
        }

        #[test]
        fn an_accepted_unit_has_one_encoding(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(unit) = Unit::decode(&bytes) {
                let padded = bytes[6] & PADDED != 0;
                prop_assert_eq!(unit.encode(padded).unwrap(), bytes);
            }
        }
    }

    #[test]
    fn a_unit_that_does_not_fit_is_refused() {
        let unit = Unit { payload: vec![0; MAX_UNIT], ..Unit::default() };
        assert_eq!(unit.encode(false), Err(UnitError::TooLong));
        assert_eq!(Unit::decode(&[0; MAX_UNIT + 1]), Err(UnitError::TooLong));
    }
}
