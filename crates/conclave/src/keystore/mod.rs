//! The identity of this device at rest: one file, sealed, replaced as a whole.
//!
//! [`Keystore`] knows where the file lies and how it opens, [`Secrets`] is what lies in it,
//! `envelope` is its format (docs/protocol.md, section 13), `system` the operating system's key store.
//! Meeting keys are never in it.

mod envelope;
mod passphrase;
mod secrets;
mod sheet;
mod system;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use conclave_protocol::{ChainId, DeviceId};
use rand::Rng as _;
use zeroize::Zeroizing;

use crate::{files, random::system as system_rng};
pub use envelope::{Cost, NotDerived, Tampered};
use envelope::{Envelope, Lock};
pub use passphrase::{ENVIRONMENT, Passphrase};

pub(crate) use passphrase::ask;
pub use secrets::{Disclosure, IdentityKey, Origin, Renaming, Secrets, fingerprint};
pub use sheet::{BadWords, RecoverySeed};
pub use system::{VaultError, is_there as has_system_store};

/// The key file of one home directory.
#[derive(Clone, Debug)]
pub struct Keystore {
    home: PathBuf,
    cost: Cost,
}

/// How a key file is protected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Protection {
    /// By a passphrase: whoever copies the disk must guess it.
    Passphrase,
    /// By a random key in the file beside it: whoever can read the home directory has both, so
    /// only a copy of the one file without the other is safe.
    KeyFile,
    /// By a random key in the key store of the operating system, which opens when the person logs
    /// in: whoever copies the disk has to guess what they log in with.
    System,
}

/// Where the key that opens a file is to be kept.
#[derive(Clone, Copy, Debug)]
pub enum Custody<'a> {
    /// In a file beside it.
    File,
    /// Nowhere: it is made of the passphrase each time.
    Head(&'a Passphrase),
    /// In the key store of the operating system.
    System,
}

impl Protection {
    /// What to tell the person, honestly.
    #[must_use]
    pub const fn say(self) -> &'static str {
        match self {
            Self::Passphrase => "the identity is protected by its passphrase",
            Self::KeyFile => {
                "the identity has no passphrase: whoever can read this home directory can be you"
            }
            Self::System => "the identity is protected by the key store of this system",
        }
    }
}

impl Keystore {
    /// The key file in `home`, whether it exists or not.
    #[must_use]
    pub fn new(home: &Path) -> Self {
        Self { home: home.to_owned(), cost: Cost::default() }
    }

    /// The same with another price for guessing; tests use the lowest.
    #[must_use]
    pub const fn with_cost(mut self, cost: Cost) -> Self {
        self.cost = cost;
        self
    }

    /// The home directory.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.home.clone()
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.home.join("identity")
    }

    /// How the file is protected, or nothing if there is none.
    ///
    /// # Errors
    /// The file cannot be read or is not a key file.
    pub fn protection(&self) -> Result<Option<Protection>, OpenError> {
        let Some(envelope) = self.read()? else { return Ok(None) };
        Ok(Some(match envelope.lock() {
            Lock::Passphrase { .. } => Protection::Passphrase,
            Lock::KeyFile => Protection::KeyFile,
            Lock::System => Protection::System,
        }))
    }

    /// Whose key this is, from the clear part of the file; authentic only once it is open.
    ///
    /// # Errors
    /// The file cannot be read or is not a key file.
    pub fn owner(&self) -> Result<Option<(ChainId, DeviceId)>, OpenError> {
        Ok(self.read()?.map(|envelope| (envelope.chain_id(), envelope.device())))
    }

    /// Opens the file.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(&self, passphrase: Option<&Passphrase>) -> Result<Secrets, OpenError> {
        let envelope = self.read()?.ok_or(OpenError::None)?;
        let key = match (envelope.lock(), passphrase) {
            (Lock::Passphrase { .. }, None) => return Err(OpenError::NeedsPassphrase),
            (Lock::Passphrase { cost, salt }, Some(passphrase)) => {
                envelope::derive(passphrase, *cost, salt)?
            }
            (Lock::KeyFile, _) => self.key_file()?,
            (Lock::System, _) => system::key(envelope.device())?,
        };
        let secrets = Secrets::decode(&envelope.open(&key)?)?;
        if (secrets.chain_id, secrets.device) != (envelope.chain_id(), envelope.device()) {
            return Err(Tampered.into());
        }
        Ok(secrets)
    }

    /// Writes the file, in the place of an older one. Its key stays where that one's is; the first
    /// one's is made of the passphrase, or without one lies in a file.
    ///
    /// # Errors
    /// See [`SaveError`].
    pub fn save(
        &self,
        secrets: &Secrets,
        passphrase: Option<&Passphrase>,
    ) -> Result<Protection, SaveError> {
        let custody = match (self.protection().map_err(SaveError::Old)?, passphrase) {
            (Some(Protection::System), _) => Custody::System,
            (None | Some(Protection::Passphrase), Some(passphrase)) => Custody::Head(passphrase),
            (Some(Protection::Passphrase), None) => {
                return Err(SaveError::Old(OpenError::NeedsPassphrase));
            }
            (Some(Protection::KeyFile), _) | (None, None) => Custody::File,
        };
        self.save_in(secrets, custody)
    }

    /// Writes the file, in the place of an older one, and keeps its key there.
    ///
    /// # Errors
    /// See [`SaveError`].
    pub fn save_in(
        &self,
        secrets: &Secrets,
        custody: Custody<'_>,
    ) -> Result<Protection, SaveError> {
        files::private_dir(&self.home)?;
        let (protection, lock, key) = match custody {
            Custody::Head(passphrase) => {
                let mut salt = [0; 16];
                rand::rng().fill_bytes(&mut salt);
                let key = envelope::derive(passphrase, self.cost, &salt)?;
                (Protection::Passphrase, Lock::Passphrase { cost: self.cost, salt }, key)
            }
            Custody::File => (Protection::KeyFile, Lock::KeyFile, self.keep_key()?),
            Custody::System => {
                (Protection::System, Lock::System, system::keep_key(secrets.device)?)
            }
        };
        let envelope = Envelope::seal(lock, secrets.chain_id, secrets.device, &key, secrets)?;
        files::replace(&self.path(), &envelope.encode())?;
        Ok(protection)
    }

    /// Removes the file, e.g. because the ledger never took the identity in.
    pub fn forget(&self) {
        if let Ok(Some(envelope)) = self.read()
            && *envelope.lock() == Lock::System
        {
            system::forget(envelope.device());
        }
        let _ = fs::remove_file(self.path());
    }

    fn read(&self) -> Result<Option<Envelope>, OpenError> {
        match files::read_private(&self.path(), envelope::MAX_FILE) {
            Ok(bytes) => Ok(Some(Envelope::decode(&bytes)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn key_file(&self) -> Result<Zeroizing<[u8; 32]>, OpenError> {
        let bytes = Zeroizing::new(files::read_private(&self.key_path(), 32)?);
        let key = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| Tampered)?;
        Ok(Zeroizing::new(key))
    }

    /// The key beside the file, made if there is none. It is never replaced, so stopping before
    /// the other file is written loses nothing.
    fn keep_key(&self) -> Result<Zeroizing<[u8; 32]>, SaveError> {
        if fs::exists(self.key_path())? {
            return self.key_file().map_err(|_| SaveError::KeyFile(self.key_path()));
        }
        let mut key = Zeroizing::new([0; 32]);
        system_rng().fill_bytes(&mut *key);
        files::replace(&self.key_path(), &*key)?;
        Ok(key)
    }

    fn key_path(&self) -> PathBuf {
        self.home.join("identity.key")
    }
}

/// Why a key file does not open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// There is no key file.
    #[error("no identity on this device")]
    None,
    /// It is protected by a passphrase, and none was given.
    #[error("the identity needs its passphrase")]
    NeedsPassphrase,
    /// Wrong passphrase, or somebody changed the file: the two cannot be told apart.
    #[error(transparent)]
    Tampered(#[from] Tampered),
    /// The key could not be derived.
    #[error(transparent)]
    Derive(#[from] NotDerived),
    /// The key store of the system has its key, and does not give it.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The file cannot be read.
    #[error("cannot read the identity file: {0}")]
    Read(#[from] io::Error),
}

/// Why a key file was not written. The one before it is still there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SaveError {
    /// There is a file, and it does not say where its key is kept, or its passphrase is not given.
    #[error("the identity file here is not replaced: {0}")]
    Old(#[source] OpenError),
    /// The key beside the file is there and cannot be read.
    #[error("cannot read {}", .0.display())]
    KeyFile(PathBuf),
    /// The key could not be derived.
    #[error(transparent)]
    Derive(#[from] NotDerived),
    /// The key store of the system does not take the key.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// Sealing failed, which no input of this program causes.
    #[error("cannot seal the identity")]
    Seal(#[from] Tampered),
    /// The disk refused.
    #[error("cannot write the identity file: {0}")]
    Write(#[from] io::Error),
}

#[cfg(test)]
mod tests;
