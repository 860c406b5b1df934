//! Showing user info to a chosen person: what opens an encrypted or committed info (eq. 4) travels
//! on another channel, as a link, and the other side checks it against the ledger.

use std::{fmt, str::FromStr};

use zeroize::ZeroizeOnDrop;

use crate::{
    codec::{Text, newtype},
    id::{ChainId, UserId},
    link::{self, BadLink},
};

/// How every disclosure link begins.
pub const DISCLOSURE_PREFIX: &str = "conclave:i/1#";

/// What a user shows of the info that the ledger does not hold in the clear.
///
/// Its text form opens that info to everyone who reads it. `Display` writes the link.
#[derive(Debug)]
pub struct InfoDisclosure {
    /// The network.
    pub chain_id: ChainId,
    /// Whose info.
    pub user: UserId,
    /// [`UserRecord::seq`](crate::UserRecord::seq) of the change that set it.
    pub seq: u32,
    /// The key of the ciphertext, or `r` of the commitment.
    pub opener: Opener,
    /// The text. A ciphertext says it again; it is here so that both forms read alike.
    pub text: Text<1_024>,
}

crate::fields!(InfoDisclosure { chain_id, user, seq, opener, text });

impl fmt::Display for InfoDisclosure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&link::write(DISCLOSURE_PREFIX, self))
    }
}

impl FromStr for InfoDisclosure {
    type Err = BadLink;

    fn from_str(text: &str) -> Result<Self, BadLink> {
        link::read(DISCLOSURE_PREFIX, text)
    }
}

/// 32 bytes that open an info; erased when dropped.
#[derive(Clone, ZeroizeOnDrop)]
pub struct Opener([u8; 32]);

impl Opener {
    /// Takes over the bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn danger_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opener")
    }
}

newtype!(Opener([u8; 32]));
