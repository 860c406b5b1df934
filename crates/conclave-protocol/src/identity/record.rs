//! What the identity ledger keeps of a user and of a device.

use crate::{
    id::{Digest, Height, Position, Seconds, UserId},
    identity::Handle,
    key::Ivk,
    params::Params,
};

/// One user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRecord {
    /// Whether the user may act.
    pub status: UserStatus,
    /// Number of the last change to this user; 0 at registration.
    pub seq: u32,
    /// How many devices were ever added: `UserDevice(user, 0..devices)` names them all.
    pub devices: u8,
    /// How many records hold the info: `UserInfo(user, 0..info_chunks)`.
    pub info_chunks: u8,
    /// A name the user claimed.
    pub handle: Option<Handle>,
    /// A key that may take the user back.
    pub recovery_ivk: Option<Ivk>,
    /// SHA-256 of the last transaction that changed this user.
    pub last_tx: Digest,
    /// Where the user was registered.
    pub registered: Position,
    /// Transactions the user may still send, as of `refilled`.
    pub tokens: u16,
    /// When `tokens` was counted.
    pub refilled: Seconds,
}

crate::fields!(UserRecord {
    status,
    seq,
    devices,
    info_chunks,
    handle,
    recovery_ivk,
    last_tx,
    registered,
    tokens,
    refilled,
});

impl UserRecord {
    /// Whether the user may act.
    pub fn is_active(&self) -> bool {
        self.status == UserStatus::Active
    }

    /// The user with one token less; nothing if none is left at `now`.
    pub(crate) fn spend(self, params: &Params, now: Seconds) -> Option<Self> {
        let (tokens, refilled) = self.tokens_at(params, now);
        Some(Self { tokens: tokens.checked_sub(1)?, refilled, ..self })
    }

    /// Tokens at `now` and the time up to which they are counted.
    pub fn tokens_at(&self, params: &Params, now: Seconds) -> (u16, Seconds) {
        params.tokens_at(self.tokens, self.refilled, now)
    }
}

/// Whether a user may act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserStatus {
    /// May act.
    Active,
    /// Has no device left.
    Retired,
}

crate::tags!(UserStatus { 0 => Active, 1 => Retired });

/// One device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRecord {
    /// Whose it is.
    pub user: UserId,
    /// Its key now.
    pub ivk: Ivk,
    /// Whether it may act.
    pub status: DeviceStatus,
    /// 0 for the first device, then one more each: lower is senior.
    pub seniority: u32,
    /// Where it was added.
    pub added: Position,
    /// Where it was revoked.
    pub revoked: Option<Height>,
    /// The nonce its next transaction must carry.
    pub next_nonce: u64,
    /// Whether it came by recovery.
    pub recovery: bool,
}

crate::fields!(DeviceRecord { user, ivk, status, seniority, added, revoked, next_nonce, recovery });

impl DeviceRecord {
    /// An active device that has said nothing but what brought it here.
    pub(crate) const fn new(user: UserId, ivk: Ivk, seniority: u32, added: Position) -> Self {
        Self {
            user,
            ivk,
            status: DeviceStatus::Active,
            seniority,
            added,
            revoked: None,
            next_nonce: 1,
            recovery: false,
        }
    }

    /// Whether the device may act.
    pub fn is_active(&self) -> bool {
        self.status == DeviceStatus::Active
    }
}

/// Whether a device may act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceStatus {
    /// May act.
    Active,
    /// May never act again.
    Revoked,
}

crate::tags!(DeviceStatus { 0 => Active, 1 => Revoked });
