//! The book at rest.

use std::io;

use aws_lc_rs::hkdf;
use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use rand::Rng as _;
use zeroize::Zeroizing;

use super::Pages;
use crate::keystore::Secrets;

/// The key of the book of this identity.
pub(super) fn book_key(secrets: &Secrets) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, &secrets.chain_id.0);
    let prk = salt.extract(secrets.danger_seed());
    // 32 bytes are less than HKDF-SHA-256 may give.
    if let Ok(okm) = prk.expand(&[b"CONCLAVE-V1/book"], hkdf::HKDF_SHA256) {
        let _always = okm.fill(&mut *key);
    }
    key
}

/// The pages as they lie on disk: magic, nonce [24], ciphertext and tag [16].
///
/// # Errors
/// The cipher refuses, which no input of this program causes.
pub(super) fn seal(key: &[u8; 32], aad: &[u8], pages: &Pages) -> io::Result<Vec<u8>> {
    let mut nonce = [0; 24];
    rand::rng().fill_bytes(&mut nonce);
    let text = serde_json::to_vec(pages)?;
    let sealed = XChaCha20Poly1305::new(key.into())
        .encrypt(XNonce::from_slice(&nonce), Payload { msg: &text, aad })
        .map_err(|_| io::Error::other("the book cannot be sealed"))?;
    Ok([MAGIC, &nonce, &sealed].concat())
}

/// The pages that [`seal`] sealed under this key for this device.
///
/// # Errors
/// They are not.
pub(super) fn unseal(key: &[u8; 32], aad: &[u8], bytes: &[u8]) -> io::Result<Pages> {
    let damaged = || io::Error::new(io::ErrorKind::InvalidData, "it is damaged, or another's");
    let rest = bytes.strip_prefix(MAGIC).ok_or_else(damaged)?;
    let (nonce, sealed) = rest.split_first_chunk::<24>().ok_or_else(damaged)?;
    let text = XChaCha20Poly1305::new(key.into())
        .decrypt(XNonce::from_slice(nonce), Payload { msg: sealed, aad })
        .map_err(|_| damaged())?;
    Ok(serde_json::from_slice(&text)?)
}

const MAGIC: &[u8] = b"conclave-book\x01";
