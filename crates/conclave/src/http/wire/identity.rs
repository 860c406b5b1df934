//! The person's user on the ledger: devices, changes, people met, and what can be asked about them.

use serde::{Deserialize, Serialize};

use super::{KeyStore, Qr};
use crate::keystore::Passphrase;

/// One device of the person's user.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Device {
    /// `DeviceID` of the paper.
    pub device: String,
    /// Four groups of four hex digits of the hash of its identity key.
    pub fingerprint: String,
    /// True for this device.
    pub me: bool,
    /// False once it was revoked.
    pub active: bool,
    /// 0 for the first one; a lower number is senior.
    pub seniority: u32,
    /// Chain time at which it was added.
    pub added_at_ms: u64,
}

/// One change of the person's user.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Change {
    /// Hash of the transaction.
    pub id: String,
    /// What it did, in plain words.
    pub text: String,
    /// Chain time at which it became final.
    pub at_ms: u64,
    /// Height of its block.
    pub height: u64,
    /// `DeviceID` that signed it.
    pub by: String,
    /// True when it was made from this device.
    pub mine: bool,
}

/// Somebody this device was in a meeting with.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Contact {
    /// `UserID` of the paper.
    pub user: String,
    /// What they went by last.
    pub name: String,
    /// First meeting together.
    pub since_ms: u64,
    /// Last meeting together.
    pub last_ms: u64,
}

/// A link to hand over, and its picture.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Handed {
    /// `conclave:X/1#...`.
    pub link: String,
    /// The same as a QR code.
    pub qr: Qr,
}

/// `POST /api/devices/add` and `POST /api/info/check`: a link that was handed over.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// `conclave:X/1#...`, at most 2,048 bytes.
    pub link: String,
}

/// `POST /api/devices/accept`: this machine becomes a device of the user that offers. Answer:
/// [`Handed`], to be taken back to the device that offered.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AcceptDevice {
    /// `conclave:d/1#...`, at most 2,048 bytes.
    pub link: String,
    /// Protects the key file, as in [`NewIdentity`](super::NewIdentity).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passphrase: Option<Passphrase>,
    /// As in [`NewIdentity`](super::NewIdentity).
    #[serde(default, skip_serializing_if = "KeyStore::is_file")]
    pub key_store: KeyStore,
}

/// `POST /api/devices/revoke`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RevokeDevice {
    /// [`Device::device`].
    pub device: String,
}

/// `POST /api/devices/rotate`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RotateKey {
    /// The passphrase of the key file, if it has one: the new key is written there first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passphrase: Option<Passphrase>,
}

/// `POST /api/contacts/forget`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ForgetContact {
    /// [`Contact::user`].
    pub user: String,
}

/// What a disclosed info says, checked against the ledger.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Disclosed {
    /// `UserID` of the paper.
    pub user: String,
    /// Whether the text is the one that user put on the ledger.
    pub ok: bool,
    /// The text that was shown.
    pub shown: String,
    /// The verdict in plain words.
    pub text: String,
    /// Height at which the ledger's part was proven.
    pub proof_height: u64,
}
