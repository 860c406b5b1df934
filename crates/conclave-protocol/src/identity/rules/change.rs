//! Changes of a user that exists.

use crate::{
    id::{Digest, Position, UserId},
    identity::{
        AddDevice, DeviceRecord, DeviceStatus, MAX_DEVICES, RevokeDevice, RotateKey, UpdateInfo,
        UserRecord, UserStatus, chunks, device_id,
    },
    key::Ivk,
    state::{ApplyError, Draft, Event, Key, Record, Refusal, View, require},
    tx::{Body, Tx},
};

/// One change, by a device whose nonce is taken already.
pub(crate) struct Change<'a> {
    pub(crate) at: Position,
    pub(crate) tx: &'a Tx,
    pub(crate) signer: &'a DeviceRecord,
}

impl Change<'_> {
    /// Carries the change out if it is one; whether it was.
    pub(crate) fn apply<V: View>(&self, draft: &mut Draft<'_, V>) -> Result<bool, ApplyError> {
        match &self.tx.body {
            Body::AddDevice(body) => self.add(draft, body)?,
            Body::RevokeDevice(body) => self.revoke(draft, body)?,
            Body::RotateKey(body) => self.rotate(draft, body)?,
            Body::UpdateInfo(body) => self.update(draft, body)?,
            Body::EpochRecord(_)
            | Body::Heartbeat(_)
            | Body::LeaderReassign(_)
            | Body::MeetingPolicy(_)
            | Body::RefreshKeys(_)
            | Body::VoteLeader(_)
            | Body::MeetingDismiss(_)
            | Body::MeetingLeave(_)
            | Body::MeetingRequest(_)
            | Body::PublishMeeting(_)
            | Body::RegisterUser(_) => return Ok(false),
        }
        Ok(true)
    }

    fn add<V: View>(&self, draft: &mut Draft<'_, V>, body: &AddDevice) -> Result<(), ApplyError> {
        let mut user = self.next(draft, body.user, body.seq, body.prev)?;
        require(user.devices < MAX_DEVICES, Refusal::TooManyDevices)?;
        require(body.dev == device_id(&body.user, &body.ivk), Refusal::WrongId)?;
        body.ivk.check().map_err(Refusal::from)?;
        require(!draft.has(Key::Device(body.dev))?, Refusal::DeviceTaken)?;
        self.bind(draft, body.ivk, Record::DeviceId(body.dev))?;
        let device = DeviceRecord {
            user: body.user,
            ivk: body.ivk,
            status: DeviceStatus::Active,
            seniority: user.devices.into(),
            added: self.at,
            revoked: None,
            next_nonce: 1,
            recovery: false,
        };
        draft.put(Key::UserDevice(body.user, user.devices), Record::DeviceId(body.dev));
        draft.put(Key::Device(body.dev), Record::Device(device));
        user.devices = user.devices.saturating_add(1);
        draft.put(Key::User(body.user), Record::User(user));
        draft.tell(Event::DeviceAdded { user: body.user, dev: body.dev });
        Ok(())
    }

    fn revoke<V: View>(
        &self,
        draft: &mut Draft<'_, V>,
        body: &RevokeDevice,
    ) -> Result<(), ApplyError> {
        let mut user = self.next(draft, body.user, body.seq, body.prev)?;
        let mut device = draft.device(body.dev)?.ok_or(Refusal::UnknownDevice)?;
        require(device.user == body.user, Refusal::NotTheSigner)?;
        require(device.is_active(), Refusal::DeviceInactive)?;
        // A thief with the newer phone cannot throw out the owner.
        require(self.signer.seniority <= device.seniority, Refusal::JuniorDevice)?;
        device.status = DeviceStatus::Revoked;
        device.revoked = Some(self.at.height);
        draft.put(Key::Device(body.dev), Record::Device(device));
        if self.is_last(draft, body, &user)? && user.recovery_ivk.is_none() {
            user.status = UserStatus::Retired;
        }
        draft.put(Key::User(body.user), Record::User(user));
        draft.tell(Event::DeviceRevoked { user: body.user, dev: body.dev });
        Ok(())
    }

    /// Whether no device but this one is active.
    fn is_last<V: View>(
        &self,
        draft: &Draft<'_, V>,
        body: &RevokeDevice,
        user: &UserRecord,
    ) -> Result<bool, ApplyError> {
        // A senior one that revokes another one stays.
        if self.tx.signer != body.dev {
            return Ok(false);
        }
        let numbers = 0..user.devices;
        draft.need(numbers.clone().map(|number| Key::UserDevice(body.user, number)))?;
        let mut others = Vec::new();
        for number in numbers {
            others.extend(draft.user_device(body.user, number)?.filter(|dev| *dev != body.dev));
        }
        draft.need(others.iter().copied().map(Key::Device))?;
        for dev in others {
            if draft.device(dev)?.is_some_and(|device| device.is_active()) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn rotate<V: View>(
        &self,
        draft: &mut Draft<'_, V>,
        body: &RotateKey,
    ) -> Result<(), ApplyError> {
        require(body.dev == self.tx.signer, Refusal::NotTheSigner)?;
        let user = self.next(draft, self.signer.user, body.seq, body.prev)?;
        body.ivk.check().map_err(Refusal::from)?;
        self.bind(draft, body.ivk, Record::DeviceId(body.dev))?;
        let device = DeviceRecord { ivk: body.ivk, ..self.signer.clone() };
        draft.put(Key::Device(body.dev), Record::Device(device));
        draft.put(Key::User(self.signer.user), Record::User(user));
        draft.tell(Event::KeyRotated { dev: body.dev });
        Ok(())
    }

    fn update<V: View>(
        &self,
        draft: &mut Draft<'_, V>,
        body: &UpdateInfo,
    ) -> Result<(), ApplyError> {
        let mut user = self.next(draft, body.user, body.seq, body.prev)?;
        let before = user.info_chunks;
        user.info_chunks = 0;
        for chunk in chunks(&body.info) {
            draft.put(Key::UserInfo(body.user, user.info_chunks), Record::Info(chunk));
            user.info_chunks = user.info_chunks.saturating_add(1);
        }
        for part in user.info_chunks..before {
            draft.remove(Key::UserInfo(body.user, part));
        }
        draft.put(Key::User(body.user), Record::User(user));
        draft.tell(Event::InfoUpdated { user: body.user });
        Ok(())
    }

    /// The user with this transaction as the newest change, if it is the next one in its chain and
    /// the signer may make it.
    fn next<V: View>(
        &self,
        draft: &Draft<'_, V>,
        user: UserId,
        seq: u32,
        prev: Digest,
    ) -> Result<UserRecord, ApplyError> {
        require(user == self.signer.user, Refusal::NotTheSigner)?;
        let mut record = draft.user(user)?.ok_or(Refusal::UnknownUser)?;
        require(Some(seq) == record.seq.checked_add(1), Refusal::StaleSeq)?;
        require(prev == record.last_tx, Refusal::StaleChange)?;
        record.seq = seq;
        record.last_tx = Digest(self.tx.id().0);
        Ok(record)
    }

    /// A key is bound once, for ever, to one device.
    fn bind<V: View>(
        &self,
        draft: &mut Draft<'_, V>,
        ivk: Ivk,
        to: Record,
    ) -> Result<(), ApplyError> {
        require(!draft.has(Key::IvkIndex(ivk))?, Refusal::IvkTaken)?;
        draft.put(Key::IvkIndex(ivk), to);
        Ok(())
    }
}
