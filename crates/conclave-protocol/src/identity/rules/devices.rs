//! Changes of a user's devices.

use super::{
    Change,
    chain::{active_devices, bind},
};
use crate::{
    id::DeviceId,
    identity::{
        AddDevice, DeviceRecord, DeviceStatus, MAX_DEVICES, RevokeDevice, RotateKey, UserRecord,
        UserStatus, Wish, device_id,
    },
    state::{ApplyError, Draft, Event, Key, Record, Refusal, View, require},
};

impl Change<'_> {
    pub(super) fn add<V: View>(
        &self,
        draft: &mut Draft<'_, V>,
        body: &AddDevice,
    ) -> Result<(), ApplyError> {
        let mut user = self.next(draft, body.user, body.seq, body.prev)?;
        require(user.devices < MAX_DEVICES, Refusal::TooManyDevices)?;
        require(body.dev == device_id(&body.user, &body.ivk), Refusal::WrongId)?;
        body.ivk.check().map_err(Refusal::from)?;
        require(!draft.has(Key::Device(body.dev))?, Refusal::DeviceTaken)?;
        bind(draft, body.ivk, body.dev)?;
        let device = DeviceRecord::new(body.user, body.ivk, user.devices.into(), self.at);
        draft.put(Key::UserDevice(body.user, user.devices), Record::DeviceId(body.dev));
        draft.put(Key::Device(body.dev), Record::Device(device));
        user.devices = user.devices.saturating_add(1);
        draft.put(Key::User(body.user), Record::User(user));
        draft.tell(Event::DeviceAdded { user: body.user, dev: body.dev });
        Ok(())
    }

    pub(super) fn revoke<V: View>(
        &self,
        draft: &mut Draft<'_, V>,
        body: &RevokeDevice,
    ) -> Result<(), ApplyError> {
        let mut user = self.next(draft, body.user, body.seq, body.prev)?;
        let device = draft.device(body.dev)?.ok_or(Refusal::UnknownDevice)?;
        require(device.user == body.user, Refusal::NotTheSigner)?;
        require(device.is_active(), Refusal::DeviceInactive)?;
        // A thief with the newer phone cannot throw out the owner: not before a day has passed.
        let senior = self.signer.seniority <= device.seniority;
        if !senior && !self.may_happen(draft, Wish::Revocation(body.dev))? {
            draft.put(Key::User(body.user), Record::User(user));
            return Ok(());
        }
        self.put_out(draft, body.dev, &device)?;
        let last = self.tx.signer == body.dev && self.others(draft, &user)?.is_empty();
        if last && user.recovery_ivk.is_none() {
            self.release_handle(draft, &mut user)?;
            user.status = UserStatus::Retired;
        }
        draft.put(Key::User(body.user), Record::User(user));
        Ok(())
    }

    pub(super) fn rotate<V: View>(
        &self,
        draft: &mut Draft<'_, V>,
        body: &RotateKey,
    ) -> Result<(), ApplyError> {
        require(body.dev == self.tx.signer, Refusal::NotTheSigner)?;
        let user = self.next(draft, self.signer.user, body.seq, body.prev)?;
        body.ivk.check().map_err(Refusal::from)?;
        bind(draft, body.ivk, body.dev)?;
        let device = DeviceRecord { ivk: body.ivk, ..self.signer.clone() };
        draft.put(Key::Device(body.dev), Record::Device(device));
        draft.put(Key::User(self.signer.user), Record::User(user));
        draft.tell(Event::KeyRotated { dev: body.dev });
        Ok(())
    }

    /// The device is out, and what it waits for with it.
    pub(super) fn put_out<V: View>(
        &self,
        draft: &mut Draft<'_, V>,
        dev: DeviceId,
        device: &DeviceRecord,
    ) -> Result<(), ApplyError> {
        if draft.has(Key::Pending(dev))? {
            draft.remove(Key::Pending(dev));
        }
        let user = device.user;
        let out = DeviceRecord {
            status: DeviceStatus::Revoked,
            revoked: Some(self.at.height),
            ..device.clone()
        };
        draft.put(Key::Device(dev), Record::Device(out));
        draft.tell(Event::DeviceRevoked { user, dev });
        Ok(())
    }

    /// The active devices of the user but the signer.
    pub(super) fn others<V: View>(
        &self,
        draft: &Draft<'_, V>,
        user: &UserRecord,
    ) -> Result<Vec<(DeviceId, DeviceRecord)>, ApplyError> {
        active_devices(draft, self.signer.user, user.devices)
            .map(|all| all.into_iter().filter(|(dev, _)| *dev != self.tx.signer).collect())
    }
}
