//! The pairwise chain: one public-key operation per member and term, then symmetric steps.

use std::fmt;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    error::{KeyRejected, Unspecified},
    hkdf::{HKDF_SHA256, KeyType, Salt},
};
use conclave_protocol::{Digest, Epoch};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use thiserror::Error;
use zeroize::{Zeroize as _, ZeroizeOnDrop, Zeroizing};

use super::{Ek, KemCt, MemberKeys, Pair};
use crate::key::MeetingKey;

/// MK under AES-256-GCM: 32 bytes and a tag.
pub type EncMk = [u8; 48];

/// Why an exchange gave no key.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum ExchangeError {
    /// The encapsulation key has a coefficient that is not reduced.
    #[error("encapsulation key is malformed")]
    BadEk,
    /// The library refused an operation that cannot fail on good input.
    #[error("cryptographic library refused the operation")]
    Library,
    /// The wrap was not made for this member, epoch and record.
    #[error("wrap is not authentic")]
    NotAuthentic,
    /// X25519 gave the all-zero value.
    #[error("shared secret is zero")]
    ZeroSecret,
}

impl From<Unspecified> for ExchangeError {
    fn from(_: Unspecified) -> Self {
        Self::Library
    }
}

impl From<KeyRejected> for ExchangeError {
    fn from(_: KeyRejected) -> Self {
        Self::Library
    }
}

/// The chain key leader and member share, 32 bytes, and the context it belongs to.
///
/// A leader of 1,000 members pays for every block of SHA-256 a thousand times: a wrap makes the key
/// after it along with its own, which spares [`advance`](Self::advance) the work.
#[derive(ZeroizeOnDrop)]
pub struct PairChain {
    key: [u8; 32],
    #[zeroize(skip)]
    base: Digest,
    /// The key past `past`, the epoch and record of the newest wrap; not in force yet.
    next: [u8; 32],
    #[zeroize(skip)]
    past: Option<(Epoch, Digest)>,
}

impl PairChain {
    /// The leader's side: a fresh exchange with the member's keys.
    ///
    /// # Errors
    /// [`ExchangeError`] if either public key of the member is unusable.
    pub fn offer(pair: &Pair, own: &MemberKeys, ek: &Ek) -> Result<(Self, KemCt), ExchangeError> {
        let dh = own.agree(&pair.member.epk)?;
        let (kem_ct, secret) = ek.encapsulate()?;
        let chain = Self::mix(pair, dh.as_ref(), secret.as_ref(), &kem_ct)?;
        Ok((chain, kem_ct))
    }

    /// The member's side of [`offer`](Self::offer).
    ///
    /// # Errors
    /// [`ExchangeError`] if the leader's key is unusable. A wrong ciphertext is no error here: it
    /// gives a chain that opens nothing (implicit rejection of FIPS 203).
    pub fn accept(pair: &Pair, own: &MemberKeys, kem_ct: &KemCt) -> Result<Self, ExchangeError> {
        let dh = own.agree(&pair.leader.epk)?;
        let secret = own.decapsulate(kem_ct)?;
        Self::mix(pair, dh.as_ref(), secret.as_ref(), kem_ct)
    }

    fn mix(pair: &Pair, dh: &[u8], ss: &[u8], kem_ct: &KemCt) -> Result<Self, ExchangeError> {
        let base = pair.base(kem_ct);
        let ikm = Zeroizing::new([dh, ss].concat());
        let prk = Salt::new(HKDF_SHA256, b"CONCLAVE-V1/wrap").extract(&ikm);
        let mut chain = Self { key: [0; 32], base, next: [0; 32], past: None };
        prk.expand(&[b"chain", &base.0], Length)?.fill(&mut chain.key)?;
        Ok(chain)
    }

    /// Wraps MK for (`epoch`, `record`), equation 16.
    ///
    /// One context encrypts one message: call it once per record and resend the same bytes.
    ///
    /// # Errors
    /// [`ExchangeError::Library`].
    pub fn wrap(
        &mut self,
        epoch: Epoch,
        record: &Digest,
        mk: &MeetingKey,
    ) -> Result<EncMk, ExchangeError> {
        let ctx = self.context(epoch, record);
        let hmac = keyed(&self.key);
        let (key, nonce) = seal_key(&hmac, &ctx)?;
        expand(&hmac, b"next", &ctx, &mut self.next);
        self.past = Some((epoch, *record));
        let mut out = [0; 48];
        let (body, tag) = out.split_at_mut_checked(32).ok_or(ExchangeError::Library)?;
        body.copy_from_slice(mk.as_bytes());
        LessSafeKey::new(key).seal_in_place_scatter(nonce, Aad::from(ctx.0), body, &[], tag)?;
        Ok(out)
    }

    /// Opens the wrap of (`epoch`, `record`), equation 17.
    ///
    /// # Errors
    /// [`ExchangeError::NotAuthentic`] for a wrap made for any other member, epoch or record.
    pub fn unwrap(
        &self,
        epoch: Epoch,
        record: &Digest,
        wrap: &EncMk,
    ) -> Result<MeetingKey, ExchangeError> {
        let ctx = self.context(epoch, record);
        let (key, nonce) = seal_key(&keyed(&self.key), &ctx)?;
        let mut buffer = Zeroizing::new(*wrap);
        let key = LessSafeKey::new(key);
        let mk = key
            .open_in_place(nonce, Aad::from(ctx.0), buffer.as_mut())
            .map_err(|_| ExchangeError::NotAuthentic)?;
        MeetingKey::from_slice(mk).ok_or(ExchangeError::NotAuthentic)
    }

    /// Steps the chain past (`epoch`, `record`), which is final; the old key is erased.
    pub fn advance(&mut self, epoch: Epoch, record: &Digest) {
        if self.past.take() == Some((epoch, *record)) {
            self.key = self.next;
        } else {
            let ctx = self.context(epoch, record);
            expand(&keyed(&self.key), b"next", &ctx, &mut self.key);
        }
        self.next.zeroize();
    }

    /// `ctx = SHA-256(base, epoch, SHA-256(EpochRecord))`.
    fn context(&self, epoch: Epoch, record: &Digest) -> Digest {
        Digest::of(&[&self.base.0, &epoch.0.to_be_bytes(), &record.0])
    }
}

/// EncKey and nonce of one context.
fn seal_key(hmac: &Hmac<Sha256>, ctx: &Digest) -> Result<(UnboundKey, Nonce), ExchangeError> {
    let mut key = Zeroizing::new([0; 32]);
    let mut nonce = [0; 12];
    expand(hmac, b"key", ctx, &mut key);
    expand(hmac, b"nonce", ctx, &mut nonce);
    let key = UnboundKey::new(&AES_256_GCM, key.as_ref())?;
    Ok((key, Nonce::assume_unique_for_key(nonce)))
}

/// HKDF-Expand (RFC 5869, section 2.3) of at most 32 bytes: one HMAC over the info and the octet 1.
fn expand<const N: usize>(hmac: &Hmac<Sha256>, label: &[u8], ctx: &Digest, out: &mut [u8; N]) {
    const { assert!(N <= 32, "one block") };
    let mut hmac = hmac.clone();
    hmac.update(label);
    hmac.update(&ctx.0);
    hmac.update(&[1]);
    let mut block = hmac.finalize().into_bytes();
    out.iter_mut().zip(&block).for_each(|(out, byte)| *out = *byte);
    block.as_mut_slice().zeroize();
}

/// HMAC-SHA-256 under a chain key; it erases its states when it is dropped.
fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    Hmac::new_from_slice(key).expect("any length")
}

impl fmt::Debug for PairChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PairChain")
    }
}

/// 32 bytes of key.
struct Length;

impl KeyType for Length {
    fn len(&self) -> usize {
        32
    }
}

#[cfg(test)]
#[path = "vectors.rs"]
mod vectors;

#[cfg(test)]
mod tests {
    use conclave_protocol::{ChainId, DeviceId, Ivk, MeetingId, MemberIdx, Term, UserId};
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    use super::*;
    use crate::exchange::Party;

    struct World {
        leader: MemberKeys,
        member: MemberKeys,
        pair: Pair,
        mk: MeetingKey,
    }

    fn world() -> World {
        let mut rng = ChaCha20Rng::seed_from_u64(7);
        let leader = MemberKeys::generate(&mut rng).unwrap();
        let member = MemberKeys::generate(&mut rng).unwrap();
        let party = |n: u8, keys: &MemberKeys| Party {
            user: UserId([n; 32]),
            dev: DeviceId([n; 32]),
            ivk: Ivk::Ed25519([n; 32]),
            epk: keys.epk(),
        };
        let pair = Pair {
            chain: ChainId([1; 32]),
            mid: MeetingId([2; 32]),
            suite: 2,
            term: Term(1),
            leader: party(3, &leader),
            member: party(4, &member),
            idx: MemberIdx(1),
            ek_hash: member.ek().hash(),
        };
        World { leader, member, pair, mk: MeetingKey::generate(&mut rng) }
    }

    const RECORD: Digest = Digest([5; 32]);

    /// An HMAC is two states and a buffer.
    #[test]
    fn what_is_made_of_a_chain_key_erases_itself() {
        use hmac::{EagerHash, digest::block_api::Buffer};
        const fn erases<T: ZeroizeOnDrop>() {}
        erases::<<Sha256 as EagerHash>::Core>();
        erases::<Buffer<<Sha256 as EagerHash>::Core>>();
    }

    #[test]
    fn a_step_is_hkdf_expand_of_rfc_5869() {
        let (hmac, ctx) = (keyed(&[7; 32]), Digest([9; 32]));
        for label in [&b"key"[..], b"nonce", b"next"] {
            let (mut ours, mut theirs) = ([0; 32], [0; 32]);
            expand(&hmac, label, &ctx, &mut ours);
            crate::key::expand(&[7; 32], &[label, &ctx.0], &mut theirs);
            assert_eq!(ours, theirs);
        }
    }

    /// The leader made a wrap for a record that came to nothing, or none at all.
    #[test]
    fn a_chain_steps_past_the_record_that_is_final_and_no_other() {
        let w = world();
        let (mut ours, kem_ct) = PairChain::offer(&w.pair, &w.leader, w.member.ek()).unwrap();
        let mut theirs = PairChain::accept(&w.pair, &w.member, &kem_ct).unwrap();
        ours.wrap(Epoch(1), &Digest([6; 32]), &w.mk).unwrap();
        ours.advance(Epoch(1), &RECORD);
        theirs.advance(Epoch(1), &RECORD);
        assert_eq!(ours.key, theirs.key);
        ours.wrap(Epoch(1), &RECORD, &w.mk).unwrap();
        ours.advance(Epoch(2), &RECORD);
        theirs.advance(Epoch(2), &RECORD);
        assert_eq!(ours.key, theirs.key);
    }

    #[test]
    fn both_sides_share_one_chain_through_many_epochs() {
        let w = world();
        let (mut ours, kem_ct) = PairChain::offer(&w.pair, &w.leader, w.member.ek()).unwrap();
        let mut theirs = PairChain::accept(&w.pair, &w.member, &kem_ct).unwrap();
        for epoch in (1..5).map(Epoch) {
            let wrap = ours.wrap(epoch, &RECORD, &w.mk).unwrap();
            let mk = theirs.unwrap(epoch, &RECORD, &wrap).unwrap();
            assert_eq!(mk.as_bytes(), w.mk.as_bytes());
            ours.advance(epoch, &RECORD);
            theirs.advance(epoch, &RECORD);
            assert!(theirs.unwrap(epoch, &RECORD, &wrap).is_err(), "the step back is erased");
        }
    }

    #[test]
    fn a_wrap_for_another_epoch_or_record_is_refused() {
        let w = world();
        let (mut ours, kem_ct) = PairChain::offer(&w.pair, &w.leader, w.member.ek()).unwrap();
        let theirs = PairChain::accept(&w.pair, &w.member, &kem_ct).unwrap();
        let wrap = ours.wrap(Epoch(1), &RECORD, &w.mk).unwrap();
        let refused = Some(ExchangeError::NotAuthentic);
        assert_eq!(theirs.unwrap(Epoch(2), &RECORD, &wrap).err(), refused);
        assert_eq!(theirs.unwrap(Epoch(1), &Digest([6; 32]), &wrap).err(), refused);
    }

    #[test]
    fn a_wrap_made_under_any_other_context_is_refused() {
        let w = world();
        let (mut ours, kem_ct) = PairChain::offer(&w.pair, &w.leader, w.member.ek()).unwrap();
        let wrap = ours.wrap(Epoch(1), &RECORD, &w.mk).unwrap();
        let change: [fn(&mut Pair); 8] = [
            |p| p.chain.0[0] ^= 1,
            |p| p.mid.0[0] ^= 1,
            |p| p.suite = 1,
            |p| p.term = Term(2),
            |p| p.leader.user.0[0] ^= 1,
            |p| p.member.dev.0[0] ^= 1,
            |p| p.idx = MemberIdx(2),
            |p| p.ek_hash.0[0] ^= 1,
        ];
        for change in change {
            let mut pair = w.pair;
            change(&mut pair);
            let other = PairChain::accept(&pair, &w.member, &kem_ct).unwrap();
            assert!(other.unwrap(Epoch(1), &RECORD, &wrap).is_err());
        }
    }

    #[test]
    fn another_member_opens_nothing() {
        let w = world();
        let (mut ours, kem_ct) = PairChain::offer(&w.pair, &w.leader, w.member.ek()).unwrap();
        let wrap = ours.wrap(Epoch(1), &RECORD, &w.mk).unwrap();
        let mut rng = ChaCha20Rng::seed_from_u64(8);
        let stranger = MemberKeys::generate(&mut rng).unwrap();
        let other = PairChain::accept(&w.pair, &stranger, &kem_ct).unwrap();
        assert!(other.unwrap(Epoch(1), &RECORD, &wrap).is_err());
    }
}
