//! The key store of the operating system: Secret Service on Linux (GNOME Keyring, KWallet, KeePassXC),
//! Keychain on macOS, Credential Manager on Windows.
//!
//! It is open while the person is logged in, and closed to whoever has the disk only.

use conclave_protocol::DeviceId;
use keyring::Entry;
use rand::Rng as _;
use zeroize::Zeroizing;

use crate::random::system;

/// Why the system's store gave or took no key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// It has none for this identity.
    #[error("the key store of this system has no key for this identity")]
    Missing,
    /// There is no store, or it stays locked.
    #[error("the key store of this system cannot be used: {0}")]
    Unusable(String),
}

/// Whether there is a store. The system may start one to answer, so this can take a while once.
#[must_use]
pub fn is_there() -> bool {
    Entry::store_status().is_ok()
}

/// The key of this device's identity.
///
/// # Errors
/// See [`VaultError`].
pub(super) fn key(device: DeviceId) -> Result<Zeroizing<[u8; 32]>, VaultError> {
    let bytes = Zeroizing::new(entry(device)?.get_secret().map_err(VaultError::from)?);
    let key = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| VaultError::Missing)?;
    Ok(Zeroizing::new(key))
}

/// The same, made if there is none.
///
/// # Errors
/// [`VaultError::Unusable`].
pub(super) fn keep_key(device: DeviceId) -> Result<Zeroizing<[u8; 32]>, VaultError> {
    match key(device) {
        Err(VaultError::Missing) => {}
        found => return found,
    }
    let mut made = Zeroizing::new([0; 32]);
    system().fill_bytes(&mut *made);
    entry(device)?.set_secret(&*made)?;
    Ok(made)
}

/// The identity was never registered.
pub(super) fn forget(device: DeviceId) {
    let _gone = entry(device).and_then(|entry| Ok(entry.delete_credential()?));
}

fn entry(device: DeviceId) -> Result<Entry, VaultError> {
    if let Err(error) = Entry::store_status() {
        return Err(VaultError::Unusable(error.to_string()));
    }
    Ok(Entry::new(SERVICE, &device.to_hex())?)
}

impl From<keyring::Error> for VaultError {
    fn from(error: keyring::Error) -> Self {
        match error {
            keyring::Error::NoEntry => Self::Missing,
            error => Self::Unusable(error.to_string()),
        }
    }
}

/// What the system lists the key under.
const SERVICE: &str = "conclave";
