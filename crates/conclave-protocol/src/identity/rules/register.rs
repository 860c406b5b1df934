//! The rules of a registration.

use std::iter;

use super::chain::bind;
use crate::{
    id::{Digest, Position},
    identity::{
        DeviceRecord, Gate, RegisterUser, UserRecord, UserStatus, chunks, device_id, user_id,
    },
    state::{ApplyError, Draft, Event, Key, Record, Refusal, Rules, View, require},
    tx::Tx,
    validators::{epoch_of, in_force},
};

/// 0x01: a new user and its first device.
pub(crate) fn register<V: View>(
    rules: &Rules,
    at: Position,
    draft: &mut Draft<'_, V>,
    tx: &Tx,
    body: &RegisterUser,
) -> Result<(), ApplyError> {
    check(rules, tx, body)?;
    if let Gate::Sponsor(sponsor) = body.gate {
        let epoch = epoch_of(&rules.params, at.height);
        require(in_force(rules, draft, epoch)?.contains(&sponsor), Refusal::UnknownSponsor)?;
    }
    require(!draft.has(Key::User(body.user))?, Refusal::UserTaken)?;
    require(!draft.has(Key::Device(body.dev))?, Refusal::DeviceTaken)?;
    // The recovery key is bound too, so that nobody can register it as a device.
    for ivk in iter::once(body.ivk).chain(body.recovery_ivk) {
        bind(draft, ivk, body.dev)?;
    }
    let mut info_chunks = 0_u8;
    for chunk in chunks(&body.info) {
        draft.put(Key::UserInfo(body.user, info_chunks), Record::Info(chunk));
        info_chunks = info_chunks.saturating_add(1);
    }
    let user = UserRecord {
        status: UserStatus::Active,
        seq: 0,
        devices: 1,
        info_chunks,
        handle: None,
        recovery_ivk: body.recovery_ivk,
        last_tx: Digest(tx.id().0),
        registered: at,
        tokens: rules.params.burst.saturating_sub(1),
        refilled: at.time,
    };
    let device = DeviceRecord::new(body.user, body.ivk, 0, at);
    draft.put(Key::User(body.user), Record::User(user));
    draft.put(Key::UserDevice(body.user, 0), Record::DeviceId(body.dev));
    draft.put(Key::Device(body.dev), Record::Device(device));
    draft.tell(Event::UserRegistered { user: body.user, dev: body.dev });
    Ok(())
}

/// What can be said without the state.
fn check(rules: &Rules, tx: &Tx, body: &RegisterUser) -> Result<(), Refusal> {
    require(tx.signer == body.dev, Refusal::NotTheSigner)?;
    require(tx.nonce == 0, Refusal::WrongNonce)?;
    body.ivk.check()?;
    if let Some(recovery) = body.recovery_ivk {
        recovery.check()?;
    }
    require(body.user == user_id(&rules.chain_id, &body.ivk, &body.salt), Refusal::WrongId)?;
    require(body.dev == device_id(&body.user, &body.ivk), Refusal::WrongId)?;
    match body.gate {
        Gate::Sponsor(_) => Ok(()),
        Gate::Work(_) => {
            require(rules.params.pow_bits > 0, Refusal::WorkNotTaken)?;
            require(body.work_bits() >= rules.params.pow_bits.into(), Refusal::WorkTooWeak)
        }
    }
}
