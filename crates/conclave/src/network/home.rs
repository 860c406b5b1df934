//! One validator's own directory: its key, where it listens, its network, its ledgers.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use conclave_protocol::{Ed25519Signer, ValidatorKey};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Guard, KeepBlocks, MAX_FILE, Network, NetworkError, Peer, read};
use crate::files;

/// One validator's own directory, checked.
#[derive(Debug)]
pub struct ValidatorHome {
    /// The directory.
    pub dir: PathBuf,
    /// The consortium.
    pub network: Network,
    /// Seed of its key.
    pub seed: Zeroizing<[u8; 32]>,
    /// Where the other validators reach it.
    pub p2p: SocketAddr,
    /// Where its RPC listens.
    pub rpc: SocketAddr,
    /// Where its relay listens, if it has one.
    pub relay: Option<SocketAddr>,
    /// How long it keeps blocks.
    pub keep_blocks: KeepBlocks,
    /// Whether its key has signed what is remembered nowhere.
    pub guard: Guard,
}

impl ValidatorHome {
    /// Reads the directory that [`init`](super::init) or [`create`](super::create) made.
    ///
    /// # Errors
    /// See [`NetworkError`]; [`NetworkError::NoNetwork`] before [`install`].
    pub fn load(dir: &Path) -> Result<Self, NetworkError> {
        let settings = Settings::load(dir)?;
        let seed = seed(dir)?;
        let path = dir.join(&settings.network);
        if !path.exists() {
            return Err(NetworkError::NoNetwork(path));
        }
        let network = Network::load(&path)?;
        let Settings { p2p, rpc, relay, keep_blocks, .. } = settings;
        let guard = Guard::load(dir)?;
        let keep_blocks = keep_blocks.unwrap_or_default();
        Ok(Self { dir: dir.to_owned(), network, seed, p2p, rpc, relay, keep_blocks, guard })
    }

    /// Its public key.
    #[must_use]
    pub fn key(&self) -> ValidatorKey {
        Ed25519Signer::from_seed(&self.seed).validator()
    }

    /// What the network file says about it, if it is one of the founders.
    #[must_use]
    pub fn peer(&self) -> Option<&Peer> {
        let key = self.key();
        self.network.validators.iter().find(|peer| peer.key == key)
    }

    /// Where both ledgers and the journal of consensus lie.
    #[must_use]
    pub fn ledgers(&self) -> PathBuf {
        self.dir.join(LEDGERS)
    }
}

/// Puts a network file into the directory of a validator that it names. The same file twice is
/// harmless.
///
/// # Errors
/// See [`NetworkError`]: the file is not of this validator's network, or another one is there.
pub fn install(dir: &Path, file: &Path) -> Result<Network, NetworkError> {
    let settings = Settings::load(dir)?;
    let key = Ed25519Signer::from_seed(&*seed(dir)?).validator();
    let network = Network::load(file)?;
    let there = dir.join(&settings.network);
    if there.exists() {
        let chain = Network::load(&there)?.genesis.chain_id();
        if chain != network.genesis.chain_id() {
            return Err(NetworkError::OtherNetwork(chain));
        }
    }
    let listed = network.validators.iter().find(|peer| peer.key == key);
    let founder = network.genesis.validators.contains(&key);
    if founder && let Some(listed) = listed {
        agrees(dir, listed)?;
    }
    let text = network.to_toml()?;
    files::replace(&there, text.as_bytes())
        .map_err(|source| NetworkError::Write { path: there, source })?;
    Ok(network)
}

/// Whether the network file says the same about this validator as its own card.
fn agrees(dir: &Path, listed: &Peer) -> Result<(), NetworkError> {
    let name = listed.name.as_deref().unwrap_or_default();
    let path = dir.join(format!("{name}.validator.toml"));
    if name.is_empty() || !path.exists() {
        return Ok(());
    }
    let card = super::SignedCard::load(&path)?;
    if card.peer() == listed {
        return Ok(());
    }
    let place = |peer: &Peer| {
        let p2p = peer.p2p.as_ref().map(ToString::to_string).unwrap_or_default();
        format!("{p2p}, {}", peer.rpc)
    };
    Err(NetworkError::Moved { theirs: place(listed), ours: place(card.peer()) })
}

/// `validator.toml`: where a validator listens, and where its network file is.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) network: PathBuf,
    pub(crate) p2p: SocketAddr,
    pub(crate) rpc: SocketAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) relay: Option<SocketAddr>,
    /// Days, or "all", which is the same as nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) keep_blocks: Option<KeepBlocks>,
}

impl Settings {
    pub(crate) fn load(dir: &Path) -> Result<Self, NetworkError> {
        Ok(toml::from_str(&read(&dir.join(SETTINGS), MAX_FILE)?)?)
    }

    pub(super) fn write(&self, dir: &Path) -> Result<(), NetworkError> {
        let path = dir.join(SETTINGS);
        let text = toml::to_string(self)?;
        fs::write(&path, text).map_err(|source| NetworkError::Write { path, source })
    }
}

/// The seed of the key in this directory, which only its owner may read.
pub(crate) fn seed(dir: &Path) -> Result<Zeroizing<[u8; 32]>, NetworkError> {
    let key = dir.join(KEY);
    let text = files::read_private(&key, 65).map(Zeroizing::new);
    let text = text.map_err(|source| NetworkError::Read { path: key, source })?;
    let mut seed = Zeroizing::new([0; 32]);
    let text = text.trim_ascii_end();
    hex::decode_to_slice(text, &mut *seed).map_err(|_| NetworkError::Hex("key"))?;
    Ok(seed)
}

/// The file of the key.
pub(crate) const KEY: &str = "key";
/// The file of the settings.
pub(crate) const SETTINGS: &str = "validator.toml";
/// The directory of ledgers and journal.
pub(crate) const LEDGERS: &str = "ledgers";
