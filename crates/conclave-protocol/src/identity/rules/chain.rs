//! What every change of a user shares.

use crate::{
    id::{DeviceId, Digest, UserId},
    identity::{DeviceRecord, UserRecord},
    key::Ivk,
    state::{ApplyError, Draft, Key, Record, Refusal, View, require},
    tx::Tx,
};

/// The user with this transaction as the newest change, if it is the next one in its chain.
pub(super) fn succeed(
    tx: &Tx,
    user: UserRecord,
    seq: u32,
    prev: Digest,
) -> Result<UserRecord, ApplyError> {
    require(Some(seq) == user.seq.checked_add(1), Refusal::StaleSeq)?;
    require(prev == user.last_tx, Refusal::StaleChange)?;
    Ok(UserRecord { seq, last_tx: Digest(tx.id().0), ..user })
}

/// A key is bound once, for ever, to one device.
pub(super) fn bind<V: View>(
    draft: &mut Draft<'_, V>,
    ivk: Ivk,
    dev: DeviceId,
) -> Result<(), ApplyError> {
    require(!draft.has(Key::IvkIndex(ivk))?, Refusal::IvkTaken)?;
    draft.put(Key::IvkIndex(ivk), Record::DeviceId(dev));
    Ok(())
}

/// The devices that may act, of the first `count` the user ever had.
pub(super) fn active_devices<V: View>(
    draft: &Draft<'_, V>,
    user: UserId,
    count: u8,
) -> Result<Vec<(DeviceId, DeviceRecord)>, ApplyError> {
    draft.need((0..count).map(|number| Key::UserDevice(user, number)))?;
    let mut named = Vec::with_capacity(count.into());
    for number in 0..count {
        named.extend(draft.user_device(user, number)?);
    }
    draft.need(named.iter().copied().map(Key::Device))?;
    let mut active = Vec::with_capacity(named.len());
    for dev in named {
        let device = draft.device(dev)?.filter(DeviceRecord::is_active);
        active.extend(device.map(|device| (dev, device)));
    }
    Ok(active)
}
