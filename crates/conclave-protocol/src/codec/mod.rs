//! The canonical encoding: one fixed layout per type, read within bounds and to the last byte.
//!
//! Integers are big-endian and fixed width, arrays raw, options `0`/`1`, enums one tag byte,
//! variable bytes and lists a `u16` count first. What a decoder accepts, the encoder gives back
//! byte for byte, so a signed object has exactly one form.

mod derive;
mod list;
mod text;

pub use bytes::BufMut;
pub use commonware_codec::{Buf, EncodeSize, Error, Read, ReadExt, Write};
use commonware_codec::{Copying, Decode, Encode};

pub use crate::{fields, newtype, tags, variants};
pub use list::{List, Set};
pub use text::{BadText, Blob, Text};

/// The canonical bytes of `value`.
pub fn encode<T: Write + EncodeSize>(value: &T) -> Vec<u8> {
    Encode::encode(value).to_vec()
}

/// Reads one `T` from exactly these bytes.
///
/// # Errors
/// Bytes that end early, go on after the value, break a bound, or are not the canonical form.
pub fn decode<T: Read<Cfg = ()>>(bytes: &[u8]) -> Result<T, DecodeError> {
    T::decode_cfg(Copying(bytes), &()).map_err(DecodeError::from)
}

/// Why bytes are not a canonical value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// A field broke its own rule: an unsorted set, a text that is not NFC, an unknown algorithm.
    #[error("{what}: {why}")]
    Invalid {
        /// The type that refused.
        what: &'static str,
        /// The rule it names.
        why: &'static str,
    },
    /// A boolean, option or enum tag is unknown.
    #[error("unknown tag")]
    Tag,
    /// A length is over its bound.
    #[error("length {0} over its bound")]
    TooLong(usize),
    /// Bytes follow the value.
    #[error("{0} bytes after the end")]
    Trailing(usize),
    /// The bytes end inside the value.
    #[error("bytes end early")]
    Truncated,
}

impl From<Error> for DecodeError {
    fn from(error: Error) -> Self {
        match error {
            Error::EndOfBuffer => Self::Truncated,
            Error::ExtraData(n) => Self::Trailing(n),
            Error::InvalidLength(n) => Self::TooLong(n),
            Error::InvalidBool | Error::InvalidEnum(_) => Self::Tag,
            Error::Invalid(what, why) => Self::Invalid { what, why },
            _ => Self::Invalid { what: "codec", why: "not canonical" },
        }
    }
}

/// More items or bytes than the bound of the type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than {max}")]
pub struct TooLong {
    /// The bound.
    pub max: usize,
}

/// Bytes of a count.
const COUNT: usize = 2;

/// Writes a `u16` count. Every container refuses more items than its bound, and no bound exceeds
/// `u16::MAX`, so the saturation never shows.
fn write_count(len: usize, buf: &mut impl BufMut) {
    buf.put_u16(u16::try_from(len).unwrap_or(u16::MAX));
}

fn read_count(buf: &mut impl Buf, max: usize) -> Result<usize, Error> {
    let len = usize::from(u16::read(buf)?);
    if len > max { Err(Error::InvalidLength(len)) } else { Ok(len) }
}
