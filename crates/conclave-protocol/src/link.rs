//! Links that people hand to each other: a word for what it is, and bytes that notice damage.
//!
//! `conclave:X/1#` and base64url of version, canonical value and 4 bytes of their SHA-256. All of
//! it stands after the `#`, so that no web server and no referrer ever sees it.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    codec::{DecodeError, EncodeSize, Read, Write, decode, encode},
    id::Digest,
};

/// Most characters of a link.
pub const MAX_LINK: usize = 2_048;

/// Why a text is not the link that was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadLink {
    /// Characters are missing or changed.
    #[error("the link is damaged")]
    Damaged,
    /// Intact, but not what this version writes.
    #[error("the link holds something else: {0}")]
    Decode(#[from] DecodeError),
    /// Something else.
    #[error("not a link of this kind")]
    NotALink,
    /// Made by another version.
    #[error("the link was made by another version")]
    OtherVersion,
    /// Longer than any link.
    #[error("the link is too long")]
    TooLong,
}

/// The link of `value`.
pub(crate) fn write(prefix: &str, value: &(impl Write + EncodeSize)) -> String {
    let mut bytes = vec![VERSION];
    bytes.extend(encode(value));
    let sum = checksum(&bytes);
    bytes.extend(sum);
    format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// The value that [`write`] wrote.
///
/// # Errors
/// [`BadLink`].
pub(crate) fn read<T: Read<Cfg = ()>>(prefix: &str, link: &str) -> Result<T, BadLink> {
    if link.len() > MAX_LINK {
        return Err(BadLink::TooLong);
    }
    let text = link.trim().strip_prefix(prefix).ok_or(BadLink::NotALink)?;
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| BadLink::Damaged)?;
    let (body, sum) = bytes.split_last_chunk::<4>().ok_or(BadLink::Damaged)?;
    if checksum(body) != *sum {
        return Err(BadLink::Damaged);
    }
    match body.split_first() {
        Some((&VERSION, value)) => Ok(decode(value)?),
        _ => Err(BadLink::OtherVersion),
    }
}

const VERSION: u8 = 1;

fn checksum(bytes: &[u8]) -> [u8; 4] {
    let Digest([a, b, c, d, ..]) = Digest::of(&[bytes]);
    [a, b, c, d]
}
