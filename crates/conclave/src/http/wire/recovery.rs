//! What waits, names, and the way back with nothing but a sheet of paper.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::{InfoForm, KeyStore};
use crate::keystore::Passphrase;

/// Something that was asked for the person's user and happens unless somebody objects.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Waiting {
    /// `DeviceID` that asked; for a recovery, of the device to come.
    pub by: String,
    /// What it asked.
    pub what: Wish,
    /// `DeviceID` that would be put out, for a revocation.
    pub device: Option<String>,
    /// Chain time from which it may happen.
    pub due_ms: u64,
    /// True when this device asked.
    pub mine: bool,
    /// Whether this device may call it off.
    pub may_cancel: bool,
    /// The same in plain words.
    pub text: String,
}

/// What can wait.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Wish {
    /// A senior device is to be put out.
    #[default]
    Revocation,
    /// A new device is to take the place of all others.
    Recovery,
    /// Another recovery key is to count.
    RecoveryKey,
}

/// `POST /api/handle`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimHandle {
    /// 3 to 32 of `a-z 0-9 . _ -`.
    pub name: String,
}

/// `POST /api/info`: another name. Answer: [`Identity`](super::Identity).
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NewName {
    /// 1 to 1,024 bytes.
    pub name: String,
    /// What the ledger is to hold of it; absent, it is what the ledger has now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<InfoForm>,
    /// The passphrase of the key file, if it has one: what opens the new name is kept there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passphrase: Option<Passphrase>,
}

/// The words of a recovery sheet. They are wiped when dropped and never shown.
#[derive(Clone, Default, PartialEq)]
pub struct Words(Zeroizing<String>);

impl Words {
    /// Takes the text over.
    #[must_use]
    pub fn new(text: impl Into<Zeroizing<String>>) -> Self {
        Self(text.into())
    }

    /// The text, for whoever prints it or makes a key of it.
    #[must_use]
    pub fn danger_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Words")
    }
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(|text| Self(Zeroizing::new(text)))
    }
}

/// Only between the daemon and the page or command line of the same machine.
impl Serialize for Words {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

/// `POST /api/recovery/sheet`: what to print. The daemon keeps nothing of it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Sheet {
    /// The recovery key as 24 words of BIP 39, parted by spaces.
    pub words: Words,
    /// `UserID` of the paper.
    pub user: String,
    /// Fingerprint of the recovery key.
    pub fingerprint: String,
    /// The network, as its genesis hash.
    pub network: String,
}

/// `POST /api/recovery/keep`: the sheet is written down, its key may count.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KeepSheet {
    /// [`Sheet::words`].
    pub words: Words,
}

/// `POST /api/recovery/recover`: this machine becomes a device of the user the words belong to.
/// Answer: [`Identity`](super::Identity).
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Recover {
    /// [`Sheet::words`].
    pub words: Words,
    /// A name, or nothing to keep one that the ledger shows to everyone.
    pub name: String,
    /// What the ledger is to hold of it; absent, it is what the ledger has now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<InfoForm>,
    /// Protects the key file, as in [`NewIdentity`](super::NewIdentity).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passphrase: Option<Passphrase>,
    /// As in [`NewIdentity`](super::NewIdentity).
    #[serde(default, skip_serializing_if = "KeyStore::is_file")]
    pub key_store: KeyStore,
}

/// `POST /api/changes/cancel`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CancelChange {
    /// [`Waiting::by`].
    pub device: String,
}
