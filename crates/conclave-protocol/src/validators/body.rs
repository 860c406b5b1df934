//! What validators say on the ledger: votes about their set, and where its history is anchored.

use crate::{
    codec::{Text, encode},
    id::{Digest, Height},
    key::ValidatorKey,
};

/// Transaction 0x10: a validator would have its set changed. Signed by the validator, whose key is
/// the signer of the envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidatorVote {
    /// How many changes were agreed before: the number of the change this vote is for.
    pub seq: u32,
    /// The change.
    pub change: ValidatorChange,
}

crate::fields!(ValidatorVote { seq, change });

/// One change of the set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValidatorChange {
    /// A further validator, and where it is reached.
    Add(ValidatorKey, Contact),
    /// A validator is out for ever.
    Remove(ValidatorKey),
    /// A validator, the first key, goes on under the second one.
    Replace(ValidatorKey, ValidatorKey, Contact),
}

crate::variants!(ValidatorChange {
    0 => Add(key: ValidatorKey, contact: Contact),
    1 => Remove(key: ValidatorKey),
    2 => Replace(old: ValidatorKey, key: ValidatorKey, contact: Contact),
});

impl ValidatorChange {
    /// What a vote for it is remembered by: SHA-256("CONCLAVE-V1/validator-change" change).
    pub fn digest(&self) -> Digest {
        Digest::of(&[b"CONCLAVE-V1/validator-change", &encode(self)])
    }

    /// The key it brings into the set.
    pub const fn incoming(&self) -> Option<ValidatorKey> {
        match self {
            Self::Add(key, _) | Self::Replace(_, key, _) => Some(*key),
            Self::Remove(_) => None,
        }
    }

    /// The key it takes out of the set.
    pub const fn outgoing(&self) -> Option<ValidatorKey> {
        match self {
            Self::Add(..) => None,
            Self::Remove(key) | Self::Replace(key, ..) => Some(*key),
        }
    }

    /// Where the incoming validator is reached.
    pub const fn contact(&self) -> Option<&Contact> {
        match self {
            Self::Add(_, contact) | Self::Replace(_, _, contact) => Some(contact),
            Self::Remove(_) => None,
        }
    }
}

/// Where a validator is reached. The rules do not read it: whoever connects there proves the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// What people call the organisation.
    pub name: Text<24>,
    /// Where the other validators reach it, `host:port`.
    pub p2p: Text<56>,
    /// Where clients reach it, an http or https URL.
    pub rpc: Text<64>,
}

crate::fields!(Contact { name, p2p, rpc });

/// Transaction 0x11: the hash of a block of this network stands on another network. Signed by the
/// validator that wrote it there.
///
/// The rules cannot know the hashes of blocks: a wrong record is evidence against its signer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnchorRecord {
    /// The block.
    pub height: Height,
    /// Its header hash.
    pub header: Digest,
    /// Where it was written.
    pub anchor: AnchorPlace,
}

crate::fields!(AnchorRecord { height, header, anchor });

/// A place on another network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnchorPlace {
    /// EIP-155 chain id, transaction hash, block hash.
    Ethereum(u64, [u8; 32], [u8; 32]),
    /// Transaction id and block hash, both in the order in which they are hashed.
    Bitcoin([u8; 32], [u8; 32]),
}

crate::variants!(AnchorPlace {
    0 => Ethereum(chain: u64, txid: [u8; 32], block: [u8; 32]),
    1 => Bitcoin(txid: [u8; 32], block: [u8; 32]),
});
