//! What a session is started with.

use std::{fmt, sync::Arc};

use conclave_protocol::{
    ChainId, DeviceId, MeetingId, Npk, Params, Signer, UserId, UserInfo, invite::InviteSecret,
    meeting::Policy,
};

use crate::wire::{Address, Name, Opening};

/// Who this device is and how it is reached.
#[derive(Clone)]
pub struct Config {
    /// Network.
    pub chain_id: ChainId,
    /// Its constants.
    pub params: Params,
    /// Own user.
    pub user: UserId,
    /// Own device.
    pub dev: DeviceId,
    /// Signs with the identity key of the device; the secret stays behind it.
    pub signer: Arc<dyn Signer + Send + Sync>,
    /// The name others see.
    pub name: Name,
    /// Opens the own user info for the leader, if the ledger holds only a commitment.
    pub opening: Option<Opening>,
    /// In a sealed meeting `user`, `dev` and `signer` are a persona's; this is who bears it.
    pub behind: Option<Behind>,
}

/// The real device behind a persona.
#[derive(Clone)]
pub struct Behind {
    /// Real user.
    pub user: UserId,
    /// Real device.
    pub dev: DeviceId,
    /// Signs with its identity key.
    pub signer: Arc<dyn Signer + Send + Sync>,
}

impl fmt::Debug for Behind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Behind").field("dev", &self.dev).finish_non_exhaustive()
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("dev", &self.dev).finish_non_exhaustive()
    }
}

/// A meeting to be published.
#[derive(Debug)]
pub struct NewMeeting {
    /// 32 random bytes.
    pub mid: MeetingId,
    /// Title, in the form the publisher chose.
    pub info: UserInfo,
    /// How it is led and joined.
    pub policy: Policy,
    /// Random, in every invite.
    pub invite_secret: InviteSecret,
}

/// What an invite says about the meeting.
#[derive(Debug)]
pub struct Invited {
    /// Meeting.
    pub mid: MeetingId,
    /// From the invite.
    pub invite_secret: InviteSecret,
    /// Members to call, as the invite says: who leads is at the first one's, or known to them.
    pub nodes: Vec<(Npk, Address)>,
}
