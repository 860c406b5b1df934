//! The SFrame header of RFC 9605, section 4.3, and the key id of section 10 of the protocol.

use thiserror::Error;

/// Longest header: one configuration byte, 8 bytes of KID, 8 bytes of CTR.
pub const MAX_HEADER: usize = 17;

/// Number of one stream of one member, 0 to 63.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct StreamNo(u8);

impl StreamNo {
    /// The stream that carries chat; every member has it without announcing it.
    pub const CHAT: Self = Self(0);
    /// How many stream numbers there are.
    pub const COUNT: u8 = 64;

    /// A stream number, or `None` above 63.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        if number < Self::COUNT { Some(Self(number)) } else { None }
    }

    /// The number itself.
    #[must_use]
    pub const fn value(self) -> u8 {
        self.0
    }
}

/// Names the key of a packet: `idx << 14 | stream_no << 8 | epoch mod 256`.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Kid {
    /// Member index of the sender.
    pub idx: u16,
    /// Stream of that sender.
    pub stream: StreamNo,
    /// Low 8 bits of the epoch.
    pub epoch: u8,
}

impl Kid {
    /// The number that goes into the header.
    #[must_use]
    pub fn value(self) -> u64 {
        u64::from(self.idx) << 14 | u64::from(self.stream.0) << 8 | u64::from(self.epoch)
    }

    /// Reads a number out of a header; `None` if no member can have it.
    #[must_use]
    pub fn from_value(value: u64) -> Option<Self> {
        let idx = u16::try_from(value >> 14).ok()?;
        let stream = StreamNo::new(u8::try_from(value >> 8 & 63).ok()?)?;
        let epoch = u8::try_from(value & 255).ok()?;
        Some(Self { idx, stream, epoch })
    }
}

/// A decoded header: which key, which counter, how many bytes it took.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Header {
    /// Key id.
    pub kid: u64,
    /// Packet counter under that key.
    pub ctr: u64,
    /// Encoded length in bytes, 1 to 17.
    pub len: usize,
}

/// Why bytes are no SFrame header.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum HeaderError {
    /// A number could have been written in fewer bytes.
    #[error("header number is not in its shortest form")]
    NotShortest,
    /// The bytes end inside the header.
    #[error("packet ends inside its header")]
    Truncated,
}

impl Header {
    /// Writes the header of (`kid`, `ctr`) into `out` and returns its length.
    pub(super) fn write(kid: u64, ctr: u64, out: &mut [u8; MAX_HEADER]) -> usize {
        let mut at = 1_usize;
        let k = field(kid, out, &mut at);
        let c = field(ctr, out, &mut at);
        if let Some(first) = out.first_mut() {
            *first = k << 4 | c;
        }
        at
    }

    /// Reads the header at the start of `packet`.
    ///
    /// # Errors
    /// [`HeaderError`] if the bytes end early or a number is not in its shortest form, so that one
    /// packet has one encoding.
    pub fn read(packet: &[u8]) -> Result<Self, HeaderError> {
        let (first, rest) = packet.split_first().ok_or(HeaderError::Truncated)?;
        let (kid, rest) = number(first >> 4, rest)?;
        let (ctr, rest) = number(first & 15, rest)?;
        Ok(Self { kid, ctr, len: packet.len().saturating_sub(rest.len()) })
    }
}

/// Four bits of the configuration byte for `value`; larger values also go to `out[at..]`.
fn field(value: u64, out: &mut [u8; MAX_HEADER], at: &mut usize) -> u8 {
    if let (true, Ok(small)) = (value < 8, u8::try_from(value)) {
        return small;
    }
    let bytes = value.to_be_bytes();
    let skip = usize::try_from(value.leading_zeros().div_euclid(8)).unwrap_or(0);
    let tail = bytes.get(skip..).unwrap_or(&bytes);
    let end = at.saturating_add(tail.len());
    if let Some(place) = out.get_mut(*at..end) {
        place.copy_from_slice(tail);
    }
    *at = end;
    8 | u8::try_from(tail.len().saturating_sub(1)).unwrap_or(7)
}

fn number(bits: u8, rest: &[u8]) -> Result<(u64, &[u8]), HeaderError> {
    if bits & 8 == 0 {
        return Ok((u64::from(bits), rest));
    }
    let len = usize::from(bits & 7).saturating_add(1);
    let (bytes, rest) = rest.split_at_checked(len).ok_or(HeaderError::Truncated)?;
    let value = bytes.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    if value < 8 || bytes.first() == Some(&0) {
        return Err(HeaderError::NotShortest);
    }
    Ok((value, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_header_survives_its_encoding(kid: u64, ctr: u64) {
            let mut bytes = [0; MAX_HEADER];
            let len = Header::write(kid, ctr, &mut bytes);
            prop_assert_eq!(Header::read(&bytes[..len]), Ok(Header { kid, ctr, len }));
            for short in 0..len {
                prop_assert_eq!(Header::read(&bytes[..short]), Err(HeaderError::Truncated));
            }
        }

        #[test]
        fn an_accepted_header_has_one_encoding(bytes: Vec<u8>) {
            if let Ok(header) = Header::read(&bytes) {
                let mut again = [0; MAX_HEADER];
                let len = Header::write(header.kid, header.ctr, &mut again);
                prop_assert_eq!(&again[..len], &bytes[..header.len]);
            }
        }

        #[test]
        fn a_kid_survives_its_number(idx: u16, stream in 0_u8..64, epoch: u8) {
            let kid = Kid { idx, stream: StreamNo::new(stream).unwrap(), epoch };
            prop_assert_eq!(Kid::from_value(kid.value()), Some(kid));
        }
    }

    #[test]
    fn a_long_form_of_a_small_number_is_refused() {
        assert_eq!(Header::read(&[0x80, 7]), Err(HeaderError::NotShortest));
        assert_eq!(Header::read(&[0x90, 0, 200]), Err(HeaderError::NotShortest));
    }

    #[test]
    fn a_number_no_member_can_have_is_no_kid() {
        assert_eq!(Kid::from_value(1 << 30), None);
    }
}
