//! SFrame (RFC 9605) with cipher suite 0x0005, AES_256_GCM_SHA512_128, over `aws-lc-rs`.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf::{HKDF_SHA512, KeyType, Salt},
};
use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

use super::{Header, HeaderError, MAX_HEADER, ReplayWindow};
use crate::key::StreamKey;

/// Length of the authentication tag.
pub const TAG: usize = 16;
/// Longest sealed packet a receiver looks at.
pub const MAX_SEALED: usize = 1_400;

const SUITE: [u8; 2] = [0, 5];

/// The part of the associated data that is not in the packet: `SHA-256(mid)[0..16]`.
pub type Metadata = [u8; 16];

/// Seals the packets of one own stream in one epoch, counting from 0.
pub struct Sealer {
    cipher: Cipher,
    next: u64,
}

/// Why a packet was not sealed.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum SealError {
    /// All counters of this key are used.
    #[error("stream has no packet counter left")]
    Exhausted,
    /// The cipher refused; nothing was sealed.
    #[error("cipher refused the packet")]
    Cipher,
    /// The sealed packet would be longer than [`MAX_SEALED`].
    #[error("packet is too long")]
    TooLong,
}

impl Sealer {
    /// A sealer for the stream that `kid` names; the key is consumed.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "one key makes one sealer or opener")]
    pub fn new(key: StreamKey, kid: u64, metadata: Metadata) -> Option<Self> {
        Cipher::new(&key, kid, metadata).map(|cipher| Self { cipher, next: 0 })
    }

    /// Seals `plaintext` as the next packet: `out` becomes header, ciphertext, tag.
    ///
    /// `out` is cleared and its memory reused. Returns the counter of the packet.
    ///
    /// # Errors
    /// [`SealError`] if the packet is too long or the counters are used up.
    pub fn seal(&mut self, plaintext: &[u8], out: &mut Vec<u8>) -> Result<u64, SealError> {
        let ctr = self.next;
        let after = ctr.checked_add(1).ok_or(SealError::Exhausted)?;
        // The counter moves before the cipher runs: whatever fails, it is never used again.
        self.next = after;
        self.cipher.seal(ctr, plaintext, out)?;
        Ok(ctr)
    }

    /// The counter of the next packet, which is also the number of packets sealed.
    #[must_use]
    pub const fn next(&self) -> u64 {
        self.next
    }
}

/// Opens the packets of one stream of another member in one epoch.
pub struct Opener {
    cipher: Cipher,
    window: ReplayWindow,
}

/// Why a packet was not opened.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum OpenError {
    /// The packet does not begin with a header, or is too short or too long.
    #[error("packet is malformed")]
    Malformed,
    /// The tag does not verify.
    #[error("packet is not authentic")]
    NotAuthentic,
    /// The counter was accepted before or is too old.
    #[error("packet is a replay")]
    Replay,
    /// The packet names another key.
    #[error("packet names another key")]
    WrongKey,
}

impl From<HeaderError> for OpenError {
    fn from(_: HeaderError) -> Self {
        Self::Malformed
    }
}

impl Opener {
    /// An opener for the stream that `kid` names; the key is consumed.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "one key makes one sealer or opener")]
    pub fn new(key: StreamKey, kid: u64, metadata: Metadata) -> Option<Self> {
        Cipher::new(&key, kid, metadata)
            .map(|cipher| Self { cipher, window: ReplayWindow::default() })
    }

    /// Opens `packet` in place and returns its counter and plaintext.
    ///
    /// The replay window moves only after the tag verified.
    ///
    /// # Errors
    /// [`OpenError`]; the contents of `packet` are then worthless.
    pub fn open<'a>(&mut self, packet: &'a mut [u8]) -> Result<(u64, &'a mut [u8]), OpenError> {
        if packet.len() > MAX_SEALED {
            return Err(OpenError::Malformed);
        }
        let header = Header::read(packet)?;
        if header.kid != self.cipher.kid {
            return Err(OpenError::WrongKey);
        }
        if !self.window.is_fresh(header.ctr) {
            return Err(OpenError::Replay);
        }
        let plaintext = self.cipher.open(header, packet)?;
        if !self.window.accept(header.ctr) {
            return Err(OpenError::Replay);
        }
        Ok((header.ctr, plaintext))
    }

    /// One past the highest counter accepted so far.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.window.end()
    }
}

/// Key, salt and associated data of RFC 9605, section 4.4.2 and 4.4.3.
struct Cipher {
    key: LessSafeKey,
    salt: [u8; NONCE_LEN],
    kid: u64,
    metadata: Metadata,
}

impl Drop for Cipher {
    fn drop(&mut self) {
        // The AEAD key is erased by the library when its context is freed.
        self.salt.zeroize();
    }
}

impl Cipher {
    fn new(base: &StreamKey, kid: u64, metadata: Metadata) -> Option<Self> {
        let mut key = Zeroizing::new([0; 32]);
        let mut salt = [0; NONCE_LEN];
        derive(base.as_bytes(), kid, key.as_mut(), &mut salt)?;
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.as_ref()).ok()?);
        Some(Self { key, salt, kid, metadata })
    }

    fn seal(&self, ctr: u64, plaintext: &[u8], out: &mut Vec<u8>) -> Result<(), SealError> {
        let mut header = [0; MAX_HEADER];
        let len = Header::write(self.kid, ctr, &mut header);
        let total = len.saturating_add(plaintext.len()).saturating_add(TAG);
        if total > MAX_SEALED {
            return Err(SealError::TooLong);
        }
        let header = header.get(..len).ok_or(SealError::Cipher)?;
        out.clear();
        out.extend_from_slice(header);
        out.extend_from_slice(plaintext);
        out.resize(total, 0);
        let (_, body) = out.split_at_mut_checked(len).ok_or(SealError::Cipher)?;
        let (body, tag) = body.split_at_mut_checked(plaintext.len()).ok_or(SealError::Cipher)?;
        let aad = Associated::new(header, &self.metadata);
        self.key
            .seal_in_place_scatter(self.nonce(ctr), Aad::from(aad), body, &[], tag)
            .map_err(|_| SealError::Cipher)
    }

    fn open<'a>(&self, header: Header, packet: &'a mut [u8]) -> Result<&'a mut [u8], OpenError> {
        let (head, body) = packet.split_at_mut_checked(header.len).ok_or(OpenError::Malformed)?;
        if body.len() < TAG {
            return Err(OpenError::Malformed);
        }
        let aad = Associated::new(head, &self.metadata);
        self.key
            .open_in_place(self.nonce(header.ctr), Aad::from(aad), body)
            .map_err(|_| OpenError::NotAuthentic)
    }

    /// The salt, with the counter XORed into its last 8 bytes.
    fn nonce(&self, ctr: u64) -> Nonce {
        let mut nonce = self.salt;
        for (byte, counter) in nonce.iter_mut().rev().zip(ctr.to_le_bytes()) {
            *byte ^= counter;
        }
        Nonce::assume_unique_for_key(nonce)
    }
}

/// Header and metadata side by side, on the stack.
struct Associated {
    bytes: [u8; MAX_HEADER + 16],
    len: usize,
}

impl Associated {
    fn new(header: &[u8], metadata: &Metadata) -> Self {
        let mut bytes = [0; MAX_HEADER + 16];
        let all = header.iter().chain(metadata);
        for (place, byte) in bytes.iter_mut().zip(all) {
            *place = *byte;
        }
        Self { bytes, len: header.len().saturating_add(metadata.len()) }
    }
}

impl AsRef<[u8]> for Associated {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&self.bytes)
    }
}

/// `sframe_key` and `sframe_salt` of RFC 9605, section 4.4.2.
fn derive(base: &[u8], kid: u64, key: &mut [u8], salt: &mut [u8]) -> Option<()> {
    let secret = Salt::new(HKDF_SHA512, &[]).extract(base);
    for (label, out) in
        [(b"SFrame 1.0 Secret key ".as_slice(), key), (b"SFrame 1.0 Secret salt ", salt)]
    {
        let kid = kid.to_be_bytes();
        let info = [label, &kid, &SUITE];
        secret.expand(&info, Length(out.len())).and_then(|okm| okm.fill(out)).ok()?;
    }
    Some(())
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealer").field("next", &self.next).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Opener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opener").field("end", &self.end()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;
