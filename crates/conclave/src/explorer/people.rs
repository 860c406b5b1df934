//! Users and their devices, as this validator's state has them.

use conclave_protocol::{
    DeviceId, DeviceRecord, Key, Record, UserId, UserRecord,
    code::fingerprint,
    identity::{Wish, assemble},
};

use super::{
    Explorer,
    subject::Subject,
    wire::{DeviceLine, DeviceView, InfoView, UserView, WaitView},
    words::{Sentence, said},
};

impl Explorer {
    /// A user; nothing if there is none.
    pub(super) async fn user(&self, id: UserId) -> Option<UserView> {
        let Some(Record::User(user)) = self.record(Key::User(id)).await else { return None };
        let mut devices = Vec::new();
        for number in 0..user.devices {
            let Some(Record::DeviceId(dev)) = self.record(Key::UserDevice(id, number)).await else {
                continue;
            };
            if let Some(Record::Device(device)) = self.record(Key::Device(dev)).await {
                devices.push(self.device_line(dev, &device).await);
            }
        }
        let parts = (0..user.info_chunks).map(|part| Key::UserInfo(id, part));
        let info = self.info(parts).await;
        let (txs, reach) = self.about(&Subject::User(id));
        let UserRecord { seq, registered, handle, recovery_ivk, .. } = &user;
        Some(UserView {
            id: id.to_hex(),
            active: user.is_active(),
            handle: handle.as_ref().map(|handle| handle.as_str().to_owned()),
            info,
            seq: *seq,
            registered: registered.height.0,
            registered_ms: registered.time.0.saturating_mul(1_000),
            recovery: recovery_ivk.is_some(),
            devices,
            txs,
            reach,
        })
    }

    /// A device; nothing if there is none.
    pub(super) async fn device(&self, id: DeviceId) -> Option<DeviceView> {
        let Some(Record::Device(device)) = self.record(Key::Device(id)).await else { return None };
        let (txs, reach) = self.about(&Subject::Device(id));
        Some(DeviceView {
            device: self.device_line(id, &device).await,
            user: device.user.to_hex(),
            next_nonce: device.next_nonce,
            txs,
            reach,
        })
    }

    /// What the records under these keys say together.
    pub(super) async fn info(&self, parts: impl Iterator<Item = Key>) -> InfoView {
        let mut chunks = Vec::new();
        for key in parts {
            match self.record(key).await {
                Some(Record::Info(chunk)) => chunks.push(chunk),
                _ => return InfoView { form: "none".to_owned(), text: String::new() },
            }
        }
        match assemble(&chunks) {
            Ok(info) => {
                let (form, text) = said(&info);
                InfoView { form: form.to_owned(), text: text.to_owned() }
            }
            Err(_) => InfoView { form: "none".to_owned(), text: String::new() },
        }
    }

    async fn device_line(&self, id: DeviceId, device: &DeviceRecord) -> DeviceLine {
        DeviceLine {
            id: id.to_hex(),
            active: device.is_active(),
            fingerprint: fingerprint(&device.ivk),
            algorithm: device.ivk.algorithm().name().to_owned(),
            seniority: device.seniority,
            added: device.added.height.0,
            added_ms: device.added.time.0.saturating_mul(1_000),
            revoked: device.revoked.map(|height| height.0),
            recovery: device.recovery,
            waits: self.waits(id).await,
        }
    }

    async fn waits(&self, id: DeviceId) -> Option<WaitView> {
        let Some(Record::Pending(pending)) = self.record(Key::Pending(id)).await else {
            return None;
        };
        let sentence = match pending.wish {
            Wish::Revocation(dev) => Sentence::new().say("wants device ").device(dev).say(" out"),
            Wish::Recovery(_) => Sentence::new().say("is to take the place of all others"),
            Wish::RecoveryKey(Some(_)) => Sentence::new().say("wants another recovery key"),
            Wish::RecoveryKey(None) => Sentence::new().say("wants no recovery key"),
        };
        Some(WaitView { words: sentence.parts(), due_ms: pending.due.0.saturating_mul(1_000) })
    }
}
