//! The invite link: everything a guest needs to find a meeting and to know it is the right one.
//!
//! `conclave:j/1#` and what [`link`] makes of it; four nodes with a relay and four IPv6
//! addresses each make 1,201 characters.

use std::{fmt, net::SocketAddr, str::FromStr};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::ZeroizeOnDrop;

use crate::{
    codec::{Buf, BufMut, EncodeSize, Error, List, Read, ReadExt, Text, Write, newtype},
    id::{ChainId, DeviceId, Digest, Height, MeetingId, Seconds, UserId},
    key::{Epk, Ivk, Npk},
    link::{self, BadLink},
};

/// How every link begins.
pub const LINK_PREFIX: &str = "conclave:j/1#";

/// An invitation to one meeting.
///
/// Its text form holds the invite secret: treat a link like a key. `Display` writes the link.
#[derive(Debug)]
pub struct Invite {
    /// The network.
    pub chain_id: ChainId,
    /// The meeting.
    pub mid: MeetingId,
    /// The user who leads it.
    pub leader: UserId,
    /// [`Ivk::fingerprint`] of the leader's device.
    pub ivk_fp: [u8; 16],
    /// A block the leader had verified.
    pub checkpoint: Checkpoint,
    /// Proves the invitation to the leader.
    pub secret: InviteSecret,
    /// Last chain time at which the leader takes it.
    pub expires: Seconds,
    /// Where to reach participants.
    pub nodes: List<Node, 4>,
}

crate::fields!(Invite { chain_id, mid, leader, ivk_fp, checkpoint, secret, expires, nodes });

impl Invite {
    /// Whether `ivk` is the key the inviter had in mind.
    pub fn names(&self, ivk: &Ivk) -> bool {
        self.ivk_fp == ivk.fingerprint()
    }
}

impl fmt::Display for Invite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&link::write(LINK_PREFIX, self))
    }
}

impl FromStr for Invite {
    type Err = BadLink;

    fn from_str(text: &str) -> Result<Self, BadLink> {
        link::read(LINK_PREFIX, text)
    }
}

/// A block known to be final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Its number.
    pub height: Height,
    /// The hash of its header.
    pub hash: Digest,
}

crate::fields!(Checkpoint { height, hash });

/// Where one participant is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its transport key.
    pub npk: Npk,
    /// The relay it listens at, if any.
    pub relay: Option<Text<64>>,
    /// Addresses to try without a relay.
    pub addresses: List<Address, 4>,
}

crate::fields!(Node { npk, relay, addresses });

/// An IP address and port. Scope and flow label of IPv6 mean nothing to another machine and are
/// not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address(SocketAddr);

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self(SocketAddr::new(address.ip(), address.port()))
    }
}

impl From<Address> for SocketAddr {
    fn from(Address(address): Address) -> Self {
        address
    }
}

impl Write for Address {
    fn write(&self, buf: &mut impl BufMut) {
        self.0.write(buf);
    }
}

impl EncodeSize for Address {
    fn encode_size(&self) -> usize {
        self.0.encode_size()
    }
}

impl Read for Address {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, Error> {
        SocketAddr::read(buf).map(Self)
    }
}

/// 16 random bytes that only the invited know; erased when dropped.
#[derive(ZeroizeOnDrop)]
pub struct InviteSecret([u8; 16]);

impl InviteSecret {
    /// A secret from bytes of a random source.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes, for the store that keeps them.
    pub const fn danger_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// What a guest shows the leader: HMAC-SHA-256(secret, "invite" mid dev EPK NPK). Bound to the
    /// guest's keys, so nobody who sees it can show it again.
    pub fn tag(&self, mid: &MeetingId, dev: &DeviceId, epk: &Epk, npk: &Npk) -> [u8; 32] {
        self.mac(mid, dev, epk, npk).finalize().into_bytes().into()
    }

    /// Whether `tag` is the guest's, in constant time.
    pub fn tag_matches(
        &self,
        mid: &MeetingId,
        dev: &DeviceId,
        epk: &Epk,
        npk: &Npk,
        tag: &[u8; 32],
    ) -> bool {
        self.mac(mid, dev, epk, npk).verify_slice(tag).is_ok()
    }

    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    fn mac(&self, mid: &MeetingId, dev: &DeviceId, epk: &Epk, npk: &Npk) -> Hmac<Sha256> {
        let mut mac = Hmac::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(b"invite");
        mac.update(mid.as_bytes());
        mac.update(dev.as_bytes());
        mac.update(&epk.0);
        mac.update(&npk.0);
        mac
    }
}

impl fmt::Debug for InviteSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InviteSecret")
    }
}

newtype!(InviteSecret([u8; 16]));
