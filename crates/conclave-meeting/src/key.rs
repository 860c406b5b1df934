//! The keys of a meeting: MK, and the stream keys made from it (equation 18 of the paper).

use std::fmt;

use zeroize::ZeroizeOnDrop;

/// The base key of one stream in one epoch, 32 bytes; consumed by the sealer or opener made of it.
#[derive(ZeroizeOnDrop)]
pub struct StreamKey([u8; 32]);

impl StreamKey {
    pub(crate) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for StreamKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamKey")
    }
}
