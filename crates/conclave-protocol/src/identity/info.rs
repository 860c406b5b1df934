//! What a user or a meeting says about itself: in clear, encrypted, or only committed to (eq. 4).

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::{
    codec::{Blob, DecodeError, Text, decode, encode},
    id::UserId,
};

/// Most bytes of an info in clear.
pub const MAX_INFO: usize = 1_024;
/// Most bytes of an info kept in one record of the ledger.
pub const INFO_CHUNK: usize = 240;
/// Most records one info takes.
pub const INFO_CHUNKS: u8 = 5;

/// The three forms of an info (paper, section IV.A).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserInfo {
    /// Readable by everyone.
    Clear(Text<MAX_INFO>),
    /// AES-256-GCM under a key handed out apart from the ledger: key id, nonce, ciphertext.
    Encrypted([u8; 8], [u8; 12], Blob<1_040>),
    /// [`commitment`](UserInfo::commitment) to a text shown apart from the ledger.
    Commit([u8; 32]),
}

crate::variants!(UserInfo {
    0 => Clear(text: Text<MAX_INFO>),
    1 => Encrypted(key_id: [u8; 8], nonce: [u8; 12], ciphertext: Blob<1_040>),
    2 => Commit(mac: [u8; 32]),
});

impl UserInfo {
    /// HMAC-SHA-256(r, "CONCLAVE-V1/userinfo" user seq text), equation 4. Binding because r has a
    /// fixed length and the hash resists collisions; hiding because r is 32 secret random bytes.
    pub fn commitment(r: &[u8; 32], user: &UserId, seq: u32, text: &str) -> Self {
        let mac = commitment_mac(r, user, seq, text).finalize().into_bytes();
        Self::Commit(mac.into())
    }

    /// Whether this is the commitment to `text` under `r`, in constant time. Other forms never are.
    pub fn commit_matches(&self, r: &[u8; 32], user: &UserId, seq: u32, text: &str) -> bool {
        match self {
            Self::Commit(mac) => commitment_mac(r, user, seq, text).verify_slice(mac).is_ok(),
            Self::Clear(_) | Self::Encrypted(..) => false,
        }
    }
}

/// The canonical bytes of an info, cut for the ledger.
pub fn chunks(info: &UserInfo) -> Vec<Blob<INFO_CHUNK>> {
    encode(info).chunks(INFO_CHUNK).filter_map(|chunk| Blob::new(chunk).ok()).collect()
}

/// The info that [`chunks`] cut.
///
/// # Errors
/// The chunks are not those of one info.
pub fn assemble<'a>(
    chunks: impl IntoIterator<Item = &'a Blob<INFO_CHUNK>>,
) -> Result<UserInfo, DecodeError> {
    let bytes: Vec<u8> = chunks.into_iter().flat_map(Blob::as_slice).copied().collect();
    decode(&bytes)
}

#[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
fn commitment_mac(r: &[u8; 32], user: &UserId, seq: u32, text: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(r).expect("HMAC takes a key of any length");
    mac.update(b"CONCLAVE-V1/userinfo");
    mac.update(user.as_bytes());
    mac.update(&seq.to_be_bytes());
    mac.update(text.as_bytes());
    mac
}
