//! The rules of a recovery.

use super::{
    Change,
    chain::{active_devices, bind, succeed},
};
use crate::{
    id::Position,
    identity::{DeviceRecord, MAX_DEVICES_EVER, PendingRecord, Recover, Recovery, Wish, device_id},
    key::Ivk,
    params::Params,
    state::{ApplyError, Draft, Event, Key, Record, Refusal, View, require},
    tx::Tx,
};

/// 0x07: a new device in the place of all others, at once if there is none, else the second time it
/// is asked. The signature is by the recovery key that [`tx::check`](crate::tx) names.
pub(crate) fn recover<V: View>(
    params: &Params,
    at: Position,
    draft: &mut Draft<'_, V>,
    tx: &Tx,
    body: &Recover,
) -> Result<(), ApplyError> {
    require(tx.signer == body.dev, Refusal::NotTheSigner)?;
    require(tx.nonce == 0, Refusal::WrongNonce)?;
    let user = draft.user(body.user)?.ok_or(Refusal::UnknownUser)?;
    require(user.is_active(), Refusal::UserInactive)?;
    let user = user.spend(params, at.time).ok_or(Refusal::TooManyTransactions)?;
    let key = user.recovery_ivk;
    let mut user = succeed(tx, user, body.seq, body.prev)?;
    require(user.devices < MAX_DEVICES_EVER, Refusal::TooManyDevices)?;
    let pending = match draft.pending(body.dev)?.map(|pending| (pending.wish, pending.due)) {
        Some((Wish::Recovery(recovery), due)) => Some((recovery, due)),
        _ => None,
    };
    // The recovery key may stay: the present one, or the one that began this.
    let known = [key, pending.map(|(asked, _)| asked.by)];
    let next = body.recovery_ivk.filter(|ivk| !known.contains(&Some(*ivk)));
    check_keys(draft, body, next)?;
    let others = active_devices(draft, body.user, user.devices)?;
    let same = |of: &Recovery| (of.ivk, of.recovery_ivk) == (body.ivk, body.recovery_ivk);
    let due = pending.filter(|(asked, _)| same(asked)).map(|(_, due)| due);
    if due.is_none() {
        // A key that was replaced may finish what it began, and begin nothing.
        let begins = key.is_some() && pending.is_none_or(|(asked, _)| Some(asked.by) == key);
        require(begins, Refusal::NoRecoveryKey)?;
    }
    // With no device left there is nobody to object.
    if !others.is_empty() && due.is_none_or(|due| at.time < due) {
        require(due.is_none(), Refusal::NotYet)?;
        let by = key.ok_or(Refusal::NoRecoveryKey)?;
        let wish = Wish::Recovery(Recovery { ivk: body.ivk, recovery_ivk: body.recovery_ivk, by });
        let due = at.time.plus(params.junior_delay.into());
        let record = PendingRecord { user: body.user, wish, due };
        draft.put(Key::Pending(body.dev), Record::Pending(record));
        draft.put(Key::User(body.user), Record::User(user));
        draft.tell(Event::ChangeAsked { user: body.user, dev: body.dev });
        return Ok(());
    }
    if pending.is_some() {
        draft.remove(Key::Pending(body.dev));
    }
    bind(draft, body.ivk, body.dev)?;
    if let Some(ivk) = next {
        bind(draft, ivk, body.dev)?;
    }
    let device = DeviceRecord { recovery: true, ..DeviceRecord::new(body.user, body.ivk, 0, at) };
    let change = Change { params, at, tx, signer: &device };
    for (dev, other) in others {
        change.put_out(draft, dev, &other)?;
    }
    draft.put(Key::UserDevice(body.user, user.devices), Record::DeviceId(body.dev));
    draft.put(Key::Device(body.dev), Record::Device(device));
    user.devices = user.devices.saturating_add(1);
    user.recovery_ivk = body.recovery_ivk;
    draft.put(Key::User(body.user), Record::User(user));
    draft.tell(Event::Recovered { user: body.user, dev: body.dev });
    Ok(())
}

/// The keys are sound and new.
fn check_keys<V: View>(
    draft: &Draft<'_, V>,
    body: &Recover,
    next: Option<Ivk>,
) -> Result<(), ApplyError> {
    require(body.dev == device_id(&body.user, &body.ivk), Refusal::WrongId)?;
    body.ivk.check().map_err(Refusal::from)?;
    require(!draft.has(Key::Device(body.dev))?, Refusal::DeviceTaken)?;
    require(!draft.has(Key::IvkIndex(body.ivk))?, Refusal::IvkTaken)?;
    if let Some(ivk) = next {
        ivk.check().map_err(Refusal::from)?;
        let new = ivk != body.ivk && !draft.has(Key::IvkIndex(ivk))?;
        require(new, Refusal::IvkTaken)?;
    }
    Ok(())
}
