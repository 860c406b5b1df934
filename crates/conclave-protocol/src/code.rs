//! The codes people read to each other to know that they are in the same meeting.
//!
//! Whoever stands between them, or shows them another ledger or another leader, changes the code.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha512};

use crate::{
    codec::encode,
    id::{ChainId, Digest, Epoch, MeetingId, MemberIdx, Position, Term, UserId},
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
    /// Where the ledger has the meeting: [`place`].
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

/// SHA-256("CONCLAVE-V1/place", height u64, index u32, time u64) of the transaction that published
/// the meeting. A client proves it from the meeting's record alone, without an old header.
pub fn place(published: &Position) -> Digest {
    Digest::of(&[b"CONCLAVE-V1/place", &encode(published)])
}

/// One picture of the short code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Emoji {
    /// The picture: one Unicode scalar value that is drawn as an emoji by itself.
    pub picture: char,
    /// What people call it: one or two plain English words, no other picture has the same.
    pub name: &'static str,
}

/// How many pictures there are; four of them are 33.5 bits.
pub const EMOJI: usize = 333;

/// The list, part of the protocol: `hex name` per line, in the order of their numbers.
const LIST: &str = include_str!("../data/emoji.txt");

/// The picture with this number, from 0 to 332.
pub fn emoji(number: usize) -> Option<Emoji> {
    let (hex, name) = LIST.lines().nth(number)?.split_once(' ')?;
    let picture = char::from_u32(u32::from_str_radix(hex, 16).ok()?)?;
    Some(Emoji { picture, name })
}

/// What a member of an epoch commits to before it shows its nonce:
/// SHA-256("CONCLAVE-V1/nonce", mid, epoch, SHA-256(record), idx, nonce). The index is inside, so
/// nobody can pass off the commitment of another as its own.
pub fn nonce_commitment(
    mid: &MeetingId,
    epoch: Epoch,
    record: &Digest,
    idx: MemberIdx,
    nonce: &[u8; 32],
) -> Digest {
    let place = [encode(mid), encode(&epoch), encode(record), encode(&idx)].concat();
    Digest::of(&[b"CONCLAVE-V1/nonce", &place, nonce])
}

/// The short code of an epoch: four pictures from
/// SHA-256("CONCLAVE-V1/emoji", SHA-256(record), (idx u16, nonce) of every member in ascending
/// order of idx), each from eight bytes big-endian modulo 333.
pub fn short_code(record: &Digest, nonces: &BTreeMap<MemberIdx, [u8; 32]>) -> Vec<Emoji> {
    let nonces = nonces.iter().flat_map(|(idx, nonce)| [encode(idx), nonce.to_vec()].concat());
    let nonces: Vec<u8> = nonces.collect();
    let hash = Digest::of(&[b"CONCLAVE-V1/emoji", record.as_bytes(), &nonces]);
    hash.0
        .chunks_exact(8)
        .filter_map(|eight| {
            let number = u64::from_be_bytes(eight.try_into().ok()?);
            emoji(usize::try_from(number.checked_rem(EMOJI.try_into().ok()?)?).ok()?)
        })
        .collect()
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
