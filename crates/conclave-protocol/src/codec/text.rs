//! Bytes and texts of bounded length.

use std::fmt;

use unicode_normalization::{UnicodeNormalization, is_nfc};

use super::{
    Buf, BufMut, COUNT, EncodeSize, Error, Read, ReadExt, TooLong, Write, read_count, write_count,
};

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
