//! What a session is started with.

use std::{fmt, sync::Arc};

use aws_lc_rs::hmac;
use conclave_protocol::{
    ChainId, DeviceId, Epk, MeetingId, Npk, Params, Signer, UserId, UserInfo, encode,
    meeting::Policy,
};
use zeroize::Zeroizing;

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
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("dev", &self.dev).finish_non_exhaustive()
    }
}

/// A meeting to be published.
#[derive(Clone, Debug)]
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
#[derive(Clone, Debug)]
pub struct Invited {
    /// Meeting.
    pub mid: MeetingId,
    /// From the invite.
    pub invite_secret: InviteSecret,
    /// Where the leader's lobby is, as the invite says.
    pub leader_address: Address,
}

/// The secret inside an invite, 16 bytes.
#[derive(Clone)]
pub struct InviteSecret(Zeroizing<[u8; 16]>);

impl InviteSecret {
    /// The secret of these bytes.
    #[must_use]
    pub fn new(bytes: [u8; 16]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub(super) fn wipe(&mut self) {
        self.0 = Zeroizing::new([0; 16]);
    }
}

impl fmt::Debug for InviteSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InviteSecret")
    }
}

/// Shows that a guest holds an invite: `HMAC-SHA-256(secret, "invite", mid, dev, EPK, NPK)`.
#[must_use]
pub fn invite_tag(
    secret: &InviteSecret,
    mid: &MeetingId,
    dev: &DeviceId,
    epk: &Epk,
    npk: &Npk,
) -> [u8; 32] {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.0.as_ref());
    let message = [b"invite".to_vec(), encode(mid), encode(dev), encode(epk), encode(npk)].concat();
    let mut out = [0; 32];
    out.copy_from_slice(hmac::sign(&key, &message).as_ref());
    out
}
