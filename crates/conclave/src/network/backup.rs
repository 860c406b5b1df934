//! A validator in one file: its key, its settings, its network; neither ledgers nor journal.
//!
//! A journal of yesterday would let the key contradict what it signed today, so none is kept, and
//! what is restored begins behind a [`Guard`]. The ledgers come from the others.

use std::{
    fs,
    path::{Path, PathBuf},
};

use conclave_protocol::{Ed25519Signer, ValidatorKey};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize as _, Zeroizing};

use super::{
    DirLock, Guard, MAX_FILE, Network, NetworkError,
    home::{KEY, Settings, seed},
};
use crate::files;

/// A backup that can be restored.
pub struct Backup {
    seed: Zeroizing<[u8; 32]>,
    settings: Settings,
    network: Network,
    card: Option<(String, String)>,
}

impl Backup {
    /// Takes what the directory of a validator holds. The validator may run meanwhile.
    ///
    /// # Errors
    /// See [`NetworkError`].
    pub fn of(dir: &Path) -> Result<Self, NetworkError> {
        let mut settings = Settings::load(dir)?;
        let path = dir.join(&settings.network);
        if !path.exists() {
            return Err(NetworkError::NoNetwork(path));
        }
        let network = Network::load(&path)?;
        settings.network = PathBuf::from("network.toml");
        let seed = seed(dir)?;
        let key = Ed25519Signer::from_seed(&seed).validator();
        let listed = network.validators.iter().find(|peer| peer.key == key);
        let name = listed.and_then(|peer| peer.name.clone());
        let card = name.and_then(|name| {
            let file = format!("{name}.validator.toml");
            Some((file.clone(), fs::read_to_string(dir.join(file)).ok()?))
        });
        Ok(Self { seed, settings, network, card })
    }

    /// The key it holds.
    #[must_use]
    pub fn key(&self) -> ValidatorKey {
        Ed25519Signer::from_seed(&self.seed).validator()
    }

    /// Writes it, for its owner alone.
    ///
    /// # Errors
    /// The file is there already, or cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), NetworkError> {
        if path.exists() {
            return Err(NetworkError::Exists(path.to_owned()));
        }
        let mut file = BackupFile {
            backup: VERSION,
            key: hex::encode(*self.seed),
            settings: toml::to_string(&self.settings)?,
            network: self.network.to_toml()?,
            card_name: self.card.as_ref().map(|(name, _)| name.clone()),
            card: self.card.as_ref().map(|(_, text)| text.clone()),
        };
        let text = toml::to_string(&file).map(Zeroizing::new);
        file.key.zeroize();
        files::replace(path, text?.as_bytes())
            .map_err(|source| NetworkError::Write { path: path.to_owned(), source })
    }

    /// Reads a backup, which nobody else may be able to read.
    ///
    /// # Errors
    /// See [`NetworkError`].
    pub fn read(path: &Path) -> Result<Self, NetworkError> {
        let bytes = files::read_private(path, 2 * MAX_FILE).map(Zeroizing::new);
        let bytes = bytes.map_err(|source| NetworkError::Read { path: path.to_owned(), source })?;
        let text = std::str::from_utf8(&bytes).map_err(|_| NetworkError::Hex("backup"))?;
        let mut file: BackupFile = toml::from_str(text)?;
        if file.backup != VERSION {
            return Err(NetworkError::Text("the backup is of another version".into()));
        }
        let mut seed = Zeroizing::new([0; 32]);
        let decoded = hex::decode_to_slice(&file.key, &mut *seed);
        file.key.zeroize();
        decoded.map_err(|_| NetworkError::Hex("key"))?;
        let settings = toml::from_str(&file.settings)?;
        let network = Network::parse(&file.network)?;
        let card = match (file.card_name, file.card) {
            (Some(name), Some(text)) if is_card(&name) => Some((name, text)),
            _ => None,
        };
        Ok(Self { seed, settings, network, card })
    }

    /// Makes a directory of it, whose validator is silent until its guard lets it speak.
    ///
    /// # Errors
    /// The directory holds a key already, or cannot be written.
    pub fn restore(&self, dir: &Path, now_ms: u64) -> Result<(), NetworkError> {
        let write = |path: PathBuf| move |source| NetworkError::Write { path, source };
        let key = dir.join(KEY);
        if key.exists() {
            return Err(NetworkError::Exists(key));
        }
        files::private_dir(dir).map_err(write(dir.to_owned()))?;
        let _ours = DirLock::take(dir)?;
        self.settings.write(dir)?;
        let network = dir.join("network.toml");
        fs::write(&network, self.network.to_toml()?).map_err(write(network))?;
        if let Some((name, text)) = &self.card {
            let path = dir.join(name);
            fs::write(&path, text).map_err(write(path))?;
        }
        Guard::since(now_ms).write(dir)?;
        // Last, so that there is no key without its guard.
        let text = Zeroizing::new(hex::encode(*self.seed));
        files::replace(&key, text.as_bytes()).map_err(write(key))
    }
}

impl std::fmt::Debug for Backup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Backup").field("key", &self.key()).finish_non_exhaustive()
    }
}

/// Whether a file name is that of a card, and of no other place.
fn is_card(name: &str) -> bool {
    let stem = name.strip_suffix(".validator.toml");
    stem.is_some_and(|stem| super::card::name(stem).is_ok())
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct BackupFile {
    backup: u8,
    key: String,
    settings: String,
    network: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    card_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    card: Option<String>,
}

const VERSION: u8 = 1;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::network::{ValidatorHome, create};

    #[test]
    fn a_restored_validator_is_the_same_and_silent() {
        let dir = tempfile::tempdir().unwrap();
        create(dir.path(), 4).unwrap();
        let (old, new) = (dir.path().join("validator-1"), dir.path().join("restored"));
        let file = dir.path().join("backup");
        Backup::of(&old).unwrap().write(&file).unwrap();
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let again = Backup::of(&old).unwrap().write(&file);
        assert!(matches!(again, Err(NetworkError::Exists(_))));

        let backup = Backup::read(&file).unwrap();
        assert!(!format!("{backup:?}").contains(&hex::encode(*backup.seed)));
        backup.restore(&new, 1_000).unwrap();
        let (one, other) = (ValidatorHome::load(&old).unwrap(), ValidatorHome::load(&new).unwrap());
        assert_eq!(one.key(), other.key());
        assert_eq!(one.network.genesis, other.network.genesis);
        assert_eq!((one.p2p, one.rpc, one.relay), (other.p2p, other.rpc, other.relay));
        assert_eq!((one.guard.signs_from(), other.guard.signs_from()), (0, u64::MAX));
        assert!(new.join("validator-1.validator.toml").exists());
        assert!(!new.join("ledgers").exists());
        assert!(matches!(backup.restore(&new, 2), Err(NetworkError::Exists(_))));
    }

    #[test]
    fn a_backup_that_others_can_read_or_that_names_other_places_is_not_used() {
        let dir = tempfile::tempdir().unwrap();
        create(dir.path(), 1).unwrap();
        let file = dir.path().join("backup");
        Backup::of(&dir.path().join("validator-0")).unwrap().write(&file).unwrap();
        let text = fs::read_to_string(&file).unwrap();
        let hostile = text.replace("validator-0.validator.toml", "../evil.validator.toml");
        assert_ne!(hostile, text);
        files::replace(&file, hostile.as_bytes()).unwrap();
        assert!(Backup::read(&file).unwrap().card.is_none());
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(Backup::read(&file), Err(NetworkError::Read { .. })));
    }
}
