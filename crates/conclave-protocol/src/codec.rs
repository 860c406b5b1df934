//! The canonical encoding: one fixed layout per type, read within bounds and to the last byte.
//!
//! Integers are big-endian and fixed width, arrays raw, options `0`/`1`, enums one tag byte,
//! variable bytes and lists a `u16` count first. What a decoder accepts, the encoder gives back
//! byte for byte, so a signed object has exactly one form.

use std::fmt;

pub use bytes::BufMut;
pub use commonware_codec::{Buf, EncodeSize, Error, Read, ReadExt, Write};
use commonware_codec::{Copying, Decode, Encode};
use unicode_normalization::{UnicodeNormalization, is_nfc};

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

/// Up to `MAX` bytes: `u16` length, then the bytes.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Blob<const MAX: usize>(Vec<u8>);

impl<const MAX: usize> Blob<MAX> {
    /// Takes bytes within the bound.
    ///
    /// # Errors
    /// More than `MAX` bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, TooLong> {
        let bytes = bytes.into();
        if bytes.len() > MAX { Err(TooLong { max: MAX }) } else { Ok(Self(bytes)) }
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, owned.
    pub fn into_vec(self) -> Vec<u8> {
        self.0
    }
}

impl<const MAX: usize> AsRef<[u8]> for Blob<MAX> {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl<const MAX: usize> fmt::Debug for Blob<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blob({} bytes)", self.0.len())
    }
}

impl<const MAX: usize> Write for Blob<MAX> {
    fn write(&self, buf: &mut impl BufMut) {
        write_count(self.0.len(), buf);
        buf.put_slice(&self.0);
    }
}

impl<const MAX: usize> EncodeSize for Blob<MAX> {
    fn encode_size(&self) -> usize {
        self.0.len().saturating_add(COUNT)
    }
}

impl<const MAX: usize> Read for Blob<MAX> {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, Error> {
        let len = read_count(buf, MAX)?;
        if buf.remaining() < len {
            return Err(Error::EndOfBuffer);
        }
        let mut bytes = vec![0; len];
        buf.copy_to_slice(&mut bytes);
        Ok(Self(bytes))
    }
}

/// Up to `MAX` bytes of UTF-8 in normal form C, without control characters.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text<const MAX: usize>(String);

impl<const MAX: usize> Text<MAX> {
    /// Brings `text` into normal form C and checks it.
    ///
    /// # Errors
    /// A control character, or more than `MAX` bytes after normalization.
    pub fn new(text: &str) -> Result<Self, BadText> {
        let text: String = text.nfc().collect();
        if text.len() > MAX {
            return Err(BadText::TooLong { max: MAX });
        }
        if text.chars().any(char::is_control) {
            return Err(BadText::Control);
        }
        Ok(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> fmt::Debug for Text<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({} bytes)", self.0.len())
    }
}

impl<const MAX: usize> fmt::Display for Text<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<const MAX: usize> Write for Text<MAX> {
    fn write(&self, buf: &mut impl BufMut) {
        write_count(self.0.len(), buf);
        buf.put_slice(self.0.as_bytes());
    }
}

impl<const MAX: usize> EncodeSize for Text<MAX> {
    fn encode_size(&self) -> usize {
        self.0.len().saturating_add(COUNT)
    }
}

impl<const MAX: usize> Read for Text<MAX> {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, Error> {
        let bytes = Blob::<MAX>::read(buf)?.into_vec();
        let text = String::from_utf8(bytes).map_err(|_| Error::Invalid("text", "not UTF-8"))?;
        if text.chars().any(char::is_control) {
            return Err(Error::Invalid("text", "control character"));
        }
        if !is_nfc(&text) {
            return Err(Error::Invalid("text", "not in normal form C"));
        }
        Ok(Self(text))
    }
}

/// Up to `MAX` items in the order given.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct List<T, const MAX: usize>(Vec<T>);

impl<T, const MAX: usize> Default for List<T, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T, const MAX: usize> List<T, MAX> {
    /// Takes items within the bound.
    ///
    /// # Errors
    /// More than `MAX` items.
    pub fn new(items: impl Into<Vec<T>>) -> Result<Self, TooLong> {
        let items = items.into();
        if items.len() > MAX { Err(TooLong { max: MAX }) } else { Ok(Self(items)) }
    }

    /// The items.
    pub fn as_slice(&self) -> &[T] {
        &self.0
    }

    /// The items, owned.
    pub fn into_vec(self) -> Vec<T> {
        self.0
    }

    /// The items in order.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }

    /// How many items.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a, T, const MAX: usize> IntoIterator for &'a List<T, MAX> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<T: Write, const MAX: usize> Write for List<T, MAX> {
    fn write(&self, buf: &mut impl BufMut) {
        write_count(self.0.len(), buf);
        for item in &self.0 {
            item.write(buf);
        }
    }
}

impl<T: EncodeSize, const MAX: usize> EncodeSize for List<T, MAX> {
    fn encode_size(&self) -> usize {
        self.0.iter().fold(COUNT, |sum, item| sum.saturating_add(item.encode_size()))
    }
}

impl<T: Read<Cfg = ()>, const MAX: usize> Read for List<T, MAX> {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, Error> {
        let len = read_count(buf, MAX)?;
        // A count costs an attacker two bytes: room is made only as items arrive.
        let mut items = Vec::with_capacity(len.min(buf.remaining()));
        for _ in 0..len {
            items.push(T::read(buf)?);
        }
        Ok(Self(items))
    }
}

/// Up to `MAX` items in strictly ascending order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Set<T, const MAX: usize>(List<T, MAX>);

impl<T, const MAX: usize> Default for Set<T, MAX> {
    fn default() -> Self {
        Self(List::default())
    }
}

impl<T: Ord, const MAX: usize> Set<T, MAX> {
    /// Sorts the items and drops duplicates.
    ///
    /// # Errors
    /// More than `MAX` different items.
    pub fn new(items: impl Into<Vec<T>>) -> Result<Self, TooLong> {
        let mut items = items.into();
        items.sort();
        items.dedup();
        List::new(items).map(Self)
    }

    /// Whether `item` is in the set.
    pub fn contains(&self, item: &T) -> bool {
        self.0.as_slice().binary_search(item).is_ok()
    }
}

impl<T, const MAX: usize> Set<T, MAX> {
    /// The items in ascending order.
    pub fn as_slice(&self) -> &[T] {
        self.0.as_slice()
    }

    /// The items in ascending order.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }

    /// How many items.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a, T, const MAX: usize> IntoIterator for &'a Set<T, MAX> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<T: Write, const MAX: usize> Write for Set<T, MAX> {
    fn write(&self, buf: &mut impl BufMut) {
        self.0.write(buf);
    }
}

impl<T: EncodeSize, const MAX: usize> EncodeSize for Set<T, MAX> {
    fn encode_size(&self) -> usize {
        self.0.encode_size()
    }
}

impl<T: Read<Cfg = ()> + Ord, const MAX: usize> Read for Set<T, MAX> {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, Error> {
        let items = List::<T, MAX>::read(buf)?;
        if items.as_slice().is_sorted_by(|a, b| a < b) {
            Ok(Self(items))
        } else {
            Err(Error::Invalid("set", "not strictly ascending"))
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

/// Why a text cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadText {
    /// A control character, a line break among them.
    #[error("text holds a control character")]
    Control,
    /// Too many bytes of UTF-8.
    #[error("text is longer than {max} bytes")]
    TooLong {
        /// The bound in bytes.
        max: usize,
    },
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

/// Implements the canonical encoding of a struct: its fields in the order named here.
#[macro_export]
macro_rules! fields {
    ($name:ident { $($field:ident),* $(,)? }) => {
        impl $crate::codec::Write for $name {
            fn write(&self, buf: &mut impl $crate::codec::BufMut) {
                $($crate::codec::Write::write(&self.$field, buf);)*
            }
        }

        impl $crate::codec::EncodeSize for $name {
            fn encode_size(&self) -> usize {
                0_usize$(.saturating_add($crate::codec::EncodeSize::encode_size(&self.$field)))*
            }
        }

        impl $crate::codec::Read for $name {
            type Cfg = ();

            fn read_cfg(
                buf: &mut impl $crate::codec::Buf,
                (): &(),
            ) -> Result<Self, $crate::codec::Error> {
                Ok(Self { $($field: $crate::codec::ReadExt::read(buf)?),* })
            }
        }
    };
}

/// Implements the canonical encoding of an enum of tuple variants: one tag byte, then the fields.
#[macro_export]
macro_rules! variants {
    ($name:ident { $($tag:literal => $variant:ident($($field:ident: $type:ty),*)),* $(,)? }) => {
        impl $crate::codec::Write for $name {
            fn write(&self, buf: &mut impl $crate::codec::BufMut) {
                match self {
                    $(Self::$variant($($field),*) => {
                        buf.put_u8($tag);
                        $($crate::codec::Write::write($field, buf);)*
                    })*
                }
            }
        }

        impl $crate::codec::EncodeSize for $name {
            fn encode_size(&self) -> usize {
                match self {
                    $(Self::$variant($($field),*) => {
                        1_usize$(.saturating_add($crate::codec::EncodeSize::encode_size($field)))*
                    })*
                }
            }
        }

        impl $crate::codec::Read for $name {
            type Cfg = ();

            fn read_cfg(
                buf: &mut impl $crate::codec::Buf,
                (): &(),
            ) -> Result<Self, $crate::codec::Error> {
                match <u8 as $crate::codec::ReadExt>::read(buf)? {
                    $($tag => Ok(Self::$variant(
                        $(<$type as $crate::codec::ReadExt>::read(buf)?),*
                    )),)*
                    tag => Err($crate::codec::Error::InvalidEnum(tag)),
                }
            }
        }
    };
}

/// Implements the canonical encoding of an enum without fields: one tag byte.
#[macro_export]
macro_rules! tags {
    ($name:ident { $($tag:literal => $variant:ident),* $(,)? }) => {
        impl $crate::codec::Write for $name {
            fn write(&self, buf: &mut impl $crate::codec::BufMut) {
                buf.put_u8(match self { $(Self::$variant => $tag),* });
            }
        }

        impl $crate::codec::EncodeSize for $name {
            fn encode_size(&self) -> usize {
                1
            }
        }

        impl $crate::codec::Read for $name {
            type Cfg = ();

            fn read_cfg(
                buf: &mut impl $crate::codec::Buf,
                (): &(),
            ) -> Result<Self, $crate::codec::Error> {
                match <u8 as $crate::codec::ReadExt>::read(buf)? {
                    $($tag => Ok(Self::$variant),)*
                    tag => Err($crate::codec::Error::InvalidEnum(tag)),
                }
            }
        }
    };
}

pub use crate::{fields, tags, variants};
