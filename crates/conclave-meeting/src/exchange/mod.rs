//! The key exchange between leader and member (equations 14 to 17): who, with what, and the chain.
//!
//! [`MemberKeys`] are one device's secrets of one meeting. [`Pair`] is everything both sides agree
//! on, [`PairChain`] the key they share, which wraps MK once per epoch and then forgets itself.
//!
//! # Deviations
//! The paper uses the raw Diffie-Hellman value as an AES key for a leader's whole reign. Here it
//! is mixed with an ML-KEM-768 secret, bound to its context by HKDF, and stepped every epoch.

mod chain;
#[cfg(test)]
mod foreign_vectors;
mod keys;

pub use chain::{EncMk, ExchangeError, PairChain};
pub use keys::{EK, Ek, KEM_CT, KemCt, MemberKeys, RawKeys};

use conclave_protocol::{
    ChainId, DeviceId, Digest, Epk, Ivk, MeetingId, MemberIdx, Term, UserId,
    codec::{encode, fields},
};

/// One side of an exchange.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Party {
    /// User.
    pub user: UserId,
    /// Device of that user.
    pub dev: DeviceId,
    /// Its identity key.
    pub ivk: Ivk,
    /// Its exchange key in this meeting.
    pub epk: Epk,
}

fields!(Party { user, dev, ivk, epk });

/// What leader and member must agree on before a key is made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Pair {
    /// Network.
    pub chain: ChainId,
    /// Meeting.
    pub mid: MeetingId,
    /// Cipher suite the meeting was published with.
    pub suite: u8,
    /// Generation of the leader.
    pub term: Term,
    /// The leader.
    pub leader: Party,
    /// The member.
    pub member: Party,
    /// Index of the member.
    pub idx: MemberIdx,
    /// SHA-256 of the member's encapsulation key, from the ledger.
    pub ek_hash: Digest,
}

impl Pair {
    /// `base` of section 8: the hash of all of this and of the KEM ciphertext.
    fn base(&self, kem_ct: &KemCt) -> Digest {
        let (leader, member) = (&self.leader, &self.member);
        Digest::of(&[
            &encode(&self.chain),
            &encode(&self.mid),
            &[self.suite],
            &encode(&self.term),
            &encode(leader),
            &encode(&member.user),
            &encode(&member.dev),
            &encode(&self.idx),
            &encode(&member.ivk),
            &encode(&member.epk),
            &encode(&self.ek_hash),
            &Digest::of(&[kem_ct.as_bytes()]).0,
        ])
    }
}
