//! How a second device comes to a user: an offer goes to the new machine, an answer comes back.
//!
//! The offer names the user and the change that comes next; the answer is that change, AddDevice,
//! with the new key's proof of possession. Only the device that offered can put it on the ledger.

use std::{fmt, str::FromStr};

use crate::{
    codec::Text,
    disclosure::Opener,
    id::{ChainId, Digest, UserId},
    identity::AddDevice,
    key::Signature,
    link::{self, BadLink},
};

/// How every offer begins.
pub const OFFER_PREFIX: &str = "conclave:d/1#";
/// How every answer begins.
pub const ANSWER_PREFIX: &str = "conclave:a/1#";

/// What a device tells the machine that is to become the user's next device.
///
/// Its text form opens the user's info: show it to one's own machine only. `Display` writes the
/// link.
#[derive(Debug)]
pub struct DeviceOffer {
    /// The network.
    pub chain_id: ChainId,
    /// Whose device the new one is to be.
    pub user: UserId,
    /// Number of the change that adds it.
    pub seq: u32,
    /// Hash of the change before.
    pub prev: Digest,
    /// What the user says about themselves, and what opens it.
    pub info: OfferedInfo,
}

crate::fields!(DeviceOffer { chain_id, user, seq, prev, info });

/// The user's info in the clear with what opens the form that the ledger holds.
#[derive(Debug)]
pub enum OfferedInfo {
    /// The ledger shows it.
    Clear(Text<1_024>),
    /// With the key of the ciphertext.
    Encrypted(Opener, Text<1_024>),
    /// With `r` of the commitment (eq. 4).
    Commit(Opener, Text<1_024>),
}

crate::variants!(OfferedInfo {
    0 => Clear(text: Text<1_024>),
    1 => Encrypted(key: Opener, text: Text<1_024>),
    2 => Commit(r: Opener, text: Text<1_024>),
});

impl fmt::Display for DeviceOffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&link::write(OFFER_PREFIX, self))
    }
}

impl FromStr for DeviceOffer {
    type Err = BadLink;

    fn from_str(text: &str) -> Result<Self, BadLink> {
        link::read(OFFER_PREFIX, text)
    }
}

/// What the new machine answers. It holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceAnswer {
    /// The network.
    pub chain_id: ChainId,
    /// The change to make.
    pub body: AddDevice,
    /// The new key's proof of possession for it.
    pub possession: Signature,
}

crate::fields!(DeviceAnswer { chain_id, body, possession });

impl fmt::Display for DeviceAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&link::write(ANSWER_PREFIX, self))
    }
}

impl FromStr for DeviceAnswer {
    type Err = BadLink;

    fn from_str(text: &str) -> Result<Self, BadLink> {
        link::read(ANSWER_PREFIX, text)
    }
}
