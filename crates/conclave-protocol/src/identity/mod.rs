//! The identity ledger: users, their devices and keys (paper, section IV.A-B).

mod body;
mod handle;
mod info;
mod pending;
mod record;
pub(crate) mod rules;

pub use body::{
    AddDevice, Cancel, ClaimHandle, Recover, RevokeDevice, RotateKey, SetRecoveryKey, UpdateInfo,
};
pub use handle::{HANDLE_REST, Handle, HandleRecord, is_handle};
pub use info::{INFO_CHUNK, INFO_CHUNKS, MAX_INFO, UserInfo, assemble, chunks};
pub use pending::{PendingRecord, Recovery, Wish};
pub use record::{DeviceRecord, DeviceStatus, UserRecord, UserStatus};

use sha2::{Digest as _, Sha256};

use crate::{
    codec::encode,
    id::{ChainId, DeviceId, Digest, UserId},
    key::{Ivk, ValidatorKey},
};

/// Most devices a user ever adds.
pub const MAX_DEVICES: u8 = 16;
/// Most devices a user ever has, with those that came by recovery.
pub const MAX_DEVICES_EVER: u8 = 32;

/// Transaction 0x01: a new user with its first device (eqs. 2 and 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterUser {
    /// Random, so that one key can found more than one user.
    pub salt: [u8; 16],
    /// [`user_id`] of the key and the salt.
    pub user: UserId,
    /// [`device_id`] of the user and the key.
    pub dev: DeviceId,
    /// Key of the first device; signs this transaction.
    pub ivk: Ivk,
    /// What the user says about themselves.
    pub info: UserInfo,
    /// A key kept apart that may take the user back.
    pub recovery_ivk: Option<Ivk>,
    /// Who or what lets the user in.
    pub gate: Gate,
}

crate::fields!(RegisterUser { salt, user, dev, ivk, info, recovery_ivk, gate });

impl RegisterUser {
    /// The body for a new user, with both ids derived.
    pub fn new(chain: &ChainId, ivk: Ivk, salt: [u8; 16], info: UserInfo, gate: Gate) -> Self {
        let user = user_id(chain, &ivk, &salt);
        let dev = device_id(&user, &ivk);
        Self { salt, user, dev, ivk, info, recovery_ivk: None, gate }
    }

    /// What the sponsor signs with [`Context::Sponsor`](crate::Context::Sponsor): the body, which
    /// names the sponsor. A user is registered once, so the word cannot be used twice.
    pub fn sponsor_message(&self) -> Vec<u8> {
        encode(self)
    }

    /// Leading zero bits of SHA-256(SHA-256(body)), the body holding the stamp.
    pub fn work_bits(&self) -> u32 {
        leading_zeros(&Digest::of(&[&Digest::of(&[&encode(self)]).0]).0)
    }

    /// The body with the first stamp, counted from 0, that makes [`work_bits`](Self::work_bits) at
    /// least `bits`, after about 2^`bits` attempts; nothing if no stamp does.
    #[must_use]
    pub fn worked(mut self, bits: u32) -> Option<Self> {
        self.gate = Gate::Work(0);
        let body = encode(&self);
        // The stamp is the end of the body: all before it is hashed once.
        let (head, _stamp) = body.split_last_chunk::<8>()?;
        let begun = Sha256::new_with_prefix(head);
        let works = |stamp: &u64| {
            let once = begun.clone().chain_update(stamp.to_be_bytes()).finalize();
            leading_zeros(&Sha256::digest(once).into()) >= bits
        };
        self.gate = Gate::Work((0..=u64::MAX).find(works)?);
        Some(self)
    }
}

fn leading_zeros(hash: &[u8; 32]) -> u32 {
    let mut bits = 0_u32;
    for byte in hash {
        bits = bits.saturating_add(byte.leading_zeros());
        if *byte != 0 {
            break;
        }
    }
    bits
}

/// What stands against a flood of new users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// This validator signs for the user (paper, section V.B(4)).
    Sponsor(ValidatorKey),
    /// A stamp that makes [`RegisterUser::work_bits`] large enough, where the network allows it.
    Work(u64),
}

crate::variants!(Gate { 0 => Sponsor(key: ValidatorKey), 1 => Work(stamp: u64) });

/// The id of the user that `ivk` founds with `salt`.
pub fn user_id(chain: &ChainId, ivk: &Ivk, salt: &[u8; 16]) -> UserId {
    UserId(Digest::of(&[b"CONCLAVE-V1/user", chain.as_bytes(), &encode(ivk), salt]).0)
}

/// The id of the device that joins `user` with `ivk`.
pub fn device_id(user: &UserId, ivk: &Ivk) -> DeviceId {
    DeviceId(Digest::of(&[b"CONCLAVE-V1/device", user.as_bytes(), &encode(ivk)]).0)
}
