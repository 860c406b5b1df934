//! One step of a chain: EncKey, nonce and next chain key, out of a chain key and a context.
//!
//! Each is HKDF-Expand of at most 32 bytes, which is one HMAC-SHA-256 over the info and the octet 1
//! (RFC 5869, section 2.3; RFC 2104). Key, info and inner hash fit one block of SHA-256 each, so a
//! step is ten blocks for the compression function of `sha2`, with nothing on the heap. A leader
//! makes one step for every member at every new key; through interfaces for messages of any length
//! it takes twice as long.

use std::slice::from_ref;

use conclave_protocol::{Digest, Epoch};
use sha2::block_api::compress256;
use zeroize::{ZeroizeOnDrop, optimization_barrier};

/// What one context gives; erased when dropped.
pub(super) struct Step {
    /// EncKey.
    pub(super) key: [u8; 32],
    /// The nonce under that key, which seals one message.
    pub(super) nonce: [u8; 12],
    /// The chain key past this context.
    pub(super) next: [u8; 32],
    /// The context itself, which is no secret.
    pub(super) ctx: [u8; 32],
}

/// At once, not byte by byte.
impl Drop for Step {
    fn drop(&mut self) {
        (self.key, self.nonce, self.next) = ([0; 32], [0; 12], [0; 32]);
        optimization_barrier(self);
    }
}

impl ZeroizeOnDrop for Step {}

impl Step {
    /// The step under `key` for `ctx = SHA-256(base, epoch, record)`.
    pub(super) fn new(key: &[u8; 32], base: &Digest, epoch: Epoch, record: &Digest) -> Self {
        let ctx = context(base, epoch, record);
        // The key under ipad and opad: the first block of every inner and outer hash.
        let mut pads = [[0x36; 64], [0x5c; 64]];
        for pad in &mut pads {
            pad.iter_mut().zip(key).for_each(|(pad, key)| *pad ^= key);
        }
        let (mut inner, mut outer) = (INITIAL, INITIAL);
        let [inner_pad, outer_pad] = &pads;
        compress256(&mut inner, from_ref(inner_pad));
        compress256(&mut outer, from_ref(outer_pad));

        let mut blocks = [KEY, NONCE, NEXT];
        let [of_key, of_nonce, of_next] = &mut blocks;
        of_key[3..35].copy_from_slice(&ctx);
        of_nonce[5..37].copy_from_slice(&ctx);
        of_next[4..36].copy_from_slice(&ctx);
        let mut states = [inner; 3];
        compress_each(&mut states, &blocks);
        blocks = states.each_ref().map(|state| {
            let mut block = INNER;
            block[..32].copy_from_slice(&bytes(state));
            block
        });
        states = [outer; 3];
        compress_each(&mut states, &blocks);

        let [enc_key, nonce, next] = &states;
        let mut step = Self { key: bytes(enc_key), nonce: [0; 12], next: bytes(next), ctx };
        step.nonce.copy_from_slice(&bytes(nonce)[..12]);

        // All that was made of the key on the way.
        pads = [[0; 64]; 2];
        (inner, outer) = ([0; 8], [0; 8]);
        (states, blocks) = ([[0; 8]; 3], [[0; 64]; 3]);
        optimization_barrier(&(&pads, &inner, &outer, &states, &blocks));
        step
    }
}

/// `SHA-256(base, epoch, record)`: 68 bytes, two blocks.
fn context(base: &Digest, epoch: Epoch, record: &Digest) -> [u8; 32] {
    let mut blocks = [[0; 64], CONTEXT_END];
    let [first, last] = &mut blocks;
    first[..32].copy_from_slice(&base.0);
    first[32..36].copy_from_slice(&epoch.0.to_be_bytes());
    first[36..].copy_from_slice(&record.0[..28]);
    last[..4].copy_from_slice(&record.0[28..]);
    let mut state = INITIAL;
    compress256(&mut state, &blocks);
    bytes(&state)
}

/// Three hashes that do not wait for each other.
fn compress_each([a, b, c]: &mut [[u32; 8]; 3], [x, y, z]: &[[u8; 64]; 3]) {
    compress256(a, from_ref(x));
    compress256(b, from_ref(y));
    compress256(c, from_ref(z));
}

fn bytes(state: &[u32; 8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    let (words, _) = bytes.as_chunks_mut::<4>();
    words.iter_mut().zip(state).for_each(|(bytes, word)| *bytes = word.to_be_bytes());
    bytes
}

/// A block that ends a message after the pad: `label`, room up to `end`, the octet 1 there if the
/// message is an info, the padding of SHA-256.
#[expect(clippy::indexing_slicing, clippy::as_conversions, reason = "the compiler evaluates it")]
#[expect(clippy::arithmetic_side_effects, reason = "the compiler evaluates it")]
const fn template(label: &[u8], end: usize) -> [u8; 64] {
    let mut block = [0; 64];
    let mut at = 0;
    while at < label.len() {
        block[at] = label[at];
        at += 1;
    }
    let mut end = end;
    if !label.is_empty() {
        block[end] = 1;
        end += 1;
    }
    block[end] = 0x80;
    let [high, low] = ((64 + end as u16) * 8).to_be_bytes();
    (block[62], block[63]) = (high, low);
    block
}

/// Infos, with room for the context.
const KEY: [u8; 64] = template(b"key", 35);
const NONCE: [u8; 64] = template(b"nonce", 37);
const NEXT: [u8; 64] = template(b"next", 36);
/// An inner hash, with room for it.
const INNER: [u8; 64] = template(b"", 32);
/// The second block of a context: four bytes of the record, and the end of 68 bytes.
const CONTEXT_END: [u8; 64] = {
    let mut block = [0; 64];
    block[4] = 0x80;
    [block[62], block[63]] = (68_u16 * 8).to_be_bytes();
    block
};

/// FIPS 180-4, section 5.3.3.
const INITIAL: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_step_is_hkdf_expand_of_rfc_5869(
            key: [u8; 32], base: [u8; 32], epoch: u32, record: [u8; 32],
        ) {
            let step = Step::new(&key, &Digest(base), Epoch(epoch), &Digest(record));
            let ctx = Digest::of(&[&base, &epoch.to_be_bytes(), &record]).0;
            prop_assert_eq!(step.ctx, ctx);
            let expand = |label: &[u8], ours: &[u8]| {
                let mut theirs = vec![0; ours.len()];
                crate::key::expand(&key, &[label, &ctx], &mut theirs);
                theirs == ours
            };
            prop_assert!(expand(b"key", &step.key));
            prop_assert!(expand(b"nonce", &step.nonce));
            prop_assert!(expand(b"next", &step.next));
        }
    }
}
