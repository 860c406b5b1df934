//! What can be said about a user after the registration: devices, keys, info.
//!
//! Each change carries its number and the hash of the change before, so that the changes of one
//! user are a chain of their own: whoever holds two states of it can tell growth from a fork.

use super::{Handle, UserInfo};
use crate::{
    codec::{EncodeSize, Write, encode},
    id::{ChainId, DeviceId, Digest, UserId},
    key::{Ivk, Signature, Signer},
    signed::Context,
    tx::Body,
};

/// Transaction 0x02: a further device. Signed by an active device of the user, and by the new key
/// as [`Role::Possession`](crate::tx::Role::Possession).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddDevice {
    /// Whose device it is to be.
    pub user: UserId,
    /// [`device_id`](super::device_id) of the user and the key.
    pub dev: DeviceId,
    /// Its key.
    pub ivk: Ivk,
    /// Number of this change.
    pub seq: u32,
    /// Hash of the change before.
    pub prev: Digest,
}

crate::fields!(AddDevice { user, dev, ivk, seq, prev });

impl AddDevice {
    /// The new key's proof of possession: its signature over this body under `device-pop`.
    pub fn prove(&self, chain: &ChainId, signer: &dyn Signer) -> Signature {
        prove(self, chain, signer)
    }
}

/// Transaction 0x03: a device is out for ever. Signed by an active device of the user: by the same
/// one or one senior to it at once, by a junior one twice, the second time
/// [`junior_delay`](crate::Params::junior_delay) after the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokeDevice {
    /// Whose device.
    pub user: UserId,
    /// Which one.
    pub dev: DeviceId,
    /// Why, as far as the user says: 0 not said, 1 lost, 2 stolen, 3 replaced.
    pub reason: u8,
    /// Number of this change.
    pub seq: u32,
    /// Hash of the change before.
    pub prev: Digest,
}

crate::fields!(RevokeDevice { user, dev, reason, seq, prev });

/// Transaction 0x04: the signing device takes another key. Signed by the old key, and by the new
/// one as [`Role::Possession`](crate::tx::Role::Possession).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RotateKey {
    /// The device; its id stays.
    pub dev: DeviceId,
    /// Its key from here on. The old one is never valid again.
    pub ivk: Ivk,
    /// Number of this change.
    pub seq: u32,
    /// Hash of the change before.
    pub prev: Digest,
}

crate::fields!(RotateKey { dev, ivk, seq, prev });

impl RotateKey {
    /// The new key's proof of possession: its signature over this body under `device-pop`.
    pub fn prove(&self, chain: &ChainId, signer: &dyn Signer) -> Signature {
        prove(self, chain, signer)
    }
}

/// Transaction 0x05: the user says something else about themselves. Signed by an active device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateInfo {
    /// Who.
    pub user: UserId,
    /// What takes the place of all that was said before.
    pub info: UserInfo,
    /// Number of this change; part of an encrypted or committed info.
    pub seq: u32,
    /// Hash of the change before.
    pub prev: Digest,
}

crate::fields!(UpdateInfo { user, info, seq, prev });

/// Transaction 0x06: the user takes a name. Signed by an active device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimHandle {
    /// Who.
    pub user: UserId,
    /// The name; see [`is_handle`](super::is_handle).
    pub name: Handle,
    /// Number of this change.
    pub seq: u32,
    /// Hash of the change before.
    pub prev: Digest,
}

crate::fields!(ClaimHandle { user, name, seq, prev });

/// Transaction 0x07: the recovery key puts a new device in the place of all others. Signed by the
/// user's recovery key as [`Role::Signer`](crate::tx::Role::Signer), and by the new device's key as
/// [`Role::Possession`](crate::tx::Role::Possession); the envelope names the new device, nonce 0.
///
/// While the user has an active device it is said twice, the second time
/// [`junior_delay`](crate::Params::junior_delay) after the first, so that a found recovery sheet
/// alone takes nothing from anybody who looks at their devices once a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recover {
    /// Who comes back.
    pub user: UserId,
    /// [`device_id`](super::device_id) of the user and the key.
    pub dev: DeviceId,
    /// The key of the new device.
    pub ivk: Ivk,
    /// The recovery key from then on: the same, another, or none.
    pub recovery_ivk: Option<Ivk>,
    /// Number of this change.
    pub seq: u32,
    /// Hash of the change before.
    pub prev: Digest,
}

crate::fields!(Recover { user, dev, ivk, recovery_ivk, seq, prev });

impl Recover {
    /// The new key's proof of possession: its signature over this body under `device-pop`.
    pub fn prove(&self, chain: &ChainId, signer: &dyn Signer) -> Signature {
        prove(self, chain, signer)
    }
}

/// Transaction 0x08: what a device asked and waits for does not happen. Signed by that device or
/// one senior to it; if a recovery waits, by any active device of the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cancel {
    /// Whose device.
    pub user: UserId,
    /// The device that asked, or that a recovery would add.
    pub dev: DeviceId,
    /// Number of this change.
    pub seq: u32,
    /// Hash of the change before.
    pub prev: Digest,
}

crate::fields!(Cancel { user, dev, seq, prev });

/// Transaction 0x09: another recovery key, or none. Signed by an active device: at once if the user
/// has none yet, else twice, the second time [`junior_delay`](crate::Params::junior_delay) after
/// the first. A recovery begun in between still stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetRecoveryKey {
    /// Whose.
    pub user: UserId,
    /// The key from then on.
    pub recovery_ivk: Option<Ivk>,
    /// Number of this change.
    pub seq: u32,
    /// Hash of the change before.
    pub prev: Digest,
}

crate::fields!(SetRecoveryKey { user, recovery_ivk, seq, prev });

impl Body {
    /// The change of the same user before this one. Nothing for a registration, which is the
    /// first, and for what changes no user.
    pub const fn prev(&self) -> Option<Digest> {
        match self {
            Self::AddDevice(body) => Some(body.prev),
            Self::RevokeDevice(body) => Some(body.prev),
            Self::RotateKey(body) => Some(body.prev),
            Self::UpdateInfo(body) => Some(body.prev),
            Self::ClaimHandle(body) => Some(body.prev),
            Self::Recover(body) => Some(body.prev),
            Self::Cancel(body) => Some(body.prev),
            Self::SetRecoveryKey(body) => Some(body.prev),
            Self::AnchorRecord(_)
            | Self::EpochRecord(_)
            | Self::Heartbeat(_)
            | Self::MeetingDismiss(_)
            | Self::MeetingLeave(_)
            | Self::MeetingRequest(_)
            | Self::PublishMeeting(_)
            | Self::PruneMeeting(_)
            | Self::RefreshKeys(_)
            | Self::RegisterUser(_)
            | Self::LeaderReassign(_)
            | Self::MeetingPolicy(_)
            | Self::ValidatorVote(_)
            | Self::VoteLeader(_) => None,
        }
    }

    /// The key that must prove its possession, and the bytes it signs.
    pub(crate) fn possession(&self) -> Option<(Ivk, Vec<u8>)> {
        match self {
            Self::AddDevice(body) => Some((body.ivk, encode(body))),
            Self::RotateKey(body) => Some((body.ivk, encode(body))),
            Self::Recover(body) => Some((body.ivk, encode(body))),
            _ => None,
        }
    }
}

fn prove(body: &(impl Write + EncodeSize), chain: &ChainId, signer: &dyn Signer) -> Signature {
    signer.sign(Context::DevicePop, chain, &encode(body))
}
