//! The codes people read to each other to know that they are in the same meeting.
//!
//! Whoever stands between them, or shows them another ledger or another leader, changes the code.

use sha2::{Digest as _, Sha512};

use crate::{
    codec::encode,
    id::{ChainId, Digest, MeetingId, Term, UserId},
    key::{Epk, Ivk},
};

/// What the security code is made of. It changes only when the leader does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityCode {
    /// The network.
    pub chain_id: ChainId,
    /// Hash of its validator set.
    pub validators: Digest,
    /// The meeting.
    pub mid: MeetingId,
    /// Its term.
    pub term: Term,
    /// The leader's user.
    pub leader: UserId,
    /// The leader's identity key.
    pub ivk: Ivk,
    /// The leader's exchange key.
    pub epk: Epk,
    /// Hash of the block that made the term final.
    pub block: Digest,
}

crate::fields!(SecurityCode { chain_id, validators, mid, term, leader, ivk, epk, block });

impl SecurityCode {
    /// 40 digits in 8 groups of 5, about 132 bits.
    pub fn digits(&self) -> String {
        digits::<8>(&[b"CONCLAVE-V1/code", &encode(self)])
    }
}

/// The small print of one epoch: 30 digits in 6 groups of 5. `key_part` is what members derive
/// from the meeting key for this purpose alone, HKDF-Expand(MK, "code", 32).
pub fn epoch_digits(roster_hash: &Digest, mk_commit: &Digest, key_part: &[u8; 32]) -> String {
    digits::<6>(&[
        b"CONCLAVE-V1/epoch-code",
        roster_hash.as_bytes(),
        mk_commit.as_bytes(),
        key_part,
    ])
}

/// A key as people compare it: the first 8 bytes of [`Ivk::fingerprint`], `xxxx xxxx xxxx xxxx`.
pub fn fingerprint(ivk: &Ivk) -> String {
    let pairs = ivk.fingerprint();
    let groups: Vec<String> = pairs.chunks(2).take(4).map(hex::encode).collect();
    groups.join(" ")
}

/// `GROUPS` groups of five digits, each five bytes of SHA-512 modulo 10^5. SHA-512, because eight
/// groups take 40 bytes.
fn digits<const GROUPS: usize>(parts: &[&[u8]]) -> String {
    let mut hash = Sha512::new();
    for part in parts {
        hash.update(part);
    }
    let hash = hash.finalize();
    let groups: Vec<String> = hash.chunks_exact(5).take(GROUPS).map(group).collect();
    groups.join(" ")
}

fn group(bytes: &[u8]) -> String {
    let number = bytes.iter().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
    format!("{:05}", number.checked_rem(100_000).unwrap_or_default())
}
