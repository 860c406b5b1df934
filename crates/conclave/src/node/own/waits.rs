//! What was asked for the person's user and happens later, in plain words.

use conclave_protocol::{
    Body, DeviceId, Key, Record,
    identity::{PendingRecord, Wish},
};

use crate::{
    chain::{Chain, ChainError, Change},
    http::wire,
};

/// A wish, the device it stands under, and how the page shows it.
#[derive(Clone, Debug)]
pub(super) struct Waits {
    pub(super) by: DeviceId,
    pub(super) record: PendingRecord,
}

/// Everything that waits: under the devices of the user, and under those that a recovery asked for.
///
/// # Errors
/// The ledger cannot be asked.
pub(super) async fn waits(
    chain: &Chain,
    devices: &[wire::Device],
    past: &[Change],
) -> Result<Vec<Waits>, ChainError> {
    let own = devices.iter().filter_map(|device| device.device.parse().ok());
    let asked = past.iter().filter_map(|change| match &change.tx.body {
        Body::Recover(body) => Some(body.dev),
        _ => None,
    });
    let mut ids: Vec<DeviceId> = own.chain(asked).collect();
    ids.sort();
    ids.dedup();
    let mut found = Vec::new();
    for part in ids.chunks(32) {
        let keys: Vec<Key> = part.iter().copied().map(Key::Pending).collect();
        let at = chain.snapshot(&keys).await?;
        for (by, key) in part.iter().zip(&keys) {
            if let Some(Record::Pending(record)) = at.record(key) {
                found.push(Waits { by: *by, record: record.clone() });
            }
        }
    }
    Ok(found)
}

impl Waits {
    /// As `me`, one of `devices`, sees it.
    pub(super) fn view(&self, me: &DeviceId, devices: &[wire::Device]) -> wire::Waiting {
        let mine = self.by == *me;
        let who = if mine { "this device".to_owned() } else { short(&self.by) };
        let (what, device, text) = match self.record.wish {
            Wish::Revocation(dev) => {
                let text = format!("{who} asked that device {} be put out", short(&dev));
                (wire::Wish::Revocation, Some(dev.to_hex()), text)
            }
            Wish::Recovery(_) => {
                let text = format!(
                    "a recovery sheet was used: device {} is to take the place of all others",
                    short(&self.by)
                );
                (wire::Wish::Recovery, None, text)
            }
            Wish::RecoveryKey(Some(_)) => {
                (wire::Wish::RecoveryKey, None, format!("{who} asked for another recovery sheet"))
            }
            Wish::RecoveryKey(None) => {
                (wire::Wish::RecoveryKey, None, format!("{who} asked for no recovery sheet at all"))
            }
        };
        let find = |dev: &DeviceId| {
            let id = dev.to_hex();
            devices.iter().find(|device| device.device == id && device.active)
        };
        let may_cancel = find(me).is_some_and(|own| {
            what == wire::Wish::Recovery
                || find(&self.by).is_some_and(|asked| own.seniority <= asked.seniority)
        });
        let due_ms = self.record.due.0.saturating_mul(1_000);
        wire::Waiting { by: self.by.to_hex(), what, device, due_ms, mine, may_cancel, text }
    }
}

fn short(dev: &DeviceId) -> String {
    dev.to_hex().chars().take(8).collect()
}
