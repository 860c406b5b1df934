//! A consortium as files: `network.toml` for everyone, one private directory per validator.

use std::{
    fs, io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use conclave_protocol::{
    ChainId, DecodeError, Ed25519Signer, Genesis, Params, ValidatorKey, params::BadGenesis,
};
use rand::Rng as _;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::files;

/// All a newcomer needs to join a consortium, checked.
#[derive(Clone, Debug)]
pub struct Network {
    /// What every answer of a validator is verified against.
    pub genesis: Genesis,
    /// Where the validators are; every one of them is in the genesis.
    pub validators: Vec<Peer>,
}

/// Where one validator is reached.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Peer {
    /// Its key.
    pub key: ValidatorKey,
    /// URL of its RPC, without a slash at the end.
    pub rpc: String,
    /// Where the other validators reach it.
    pub p2p: Option<SocketAddr>,
    /// URL of its relay.
    pub relay: Option<String>,
}

impl Network {
    /// Reads `network.toml`.
    ///
    /// # Errors
    /// See [`NetworkError`].
    pub fn load(path: &Path) -> Result<Self, NetworkError> {
        let text = read(path, MAX_FILE)?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self, NetworkError> {
        let file: NetworkFile = toml::from_str(text)?;
        let bytes = hex::decode(&file.genesis).map_err(|_| NetworkError::Hex("genesis"))?;
        let genesis: Genesis = conclave_protocol::decode(&bytes)?;
        genesis.check()?;
        if file.chain_id.parse() != Ok(genesis.chain_id()) {
            return Err(NetworkError::OtherGenesis(genesis.chain_id()));
        }
        let peers = file.validators.into_iter().map(PeerFile::check);
        let validators: Vec<Peer> = peers.collect::<Result<_, _>>()?;
        for peer in &validators {
            if !genesis.validators.contains(&peer.key) {
                return Err(NetworkError::Stranger(peer.key));
            }
        }
        if validators.is_empty() {
            return Err(NetworkError::Nobody);
        }
        Ok(Self { genesis, validators })
    }

    /// The text of `network.toml`.
    ///
    /// # Errors
    /// Never for a network that was read or made by this program.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        let file = NetworkFile {
            name: self.genesis.name.as_str().to_owned(),
            chain_id: self.genesis.chain_id().to_hex(),
            genesis: hex::encode(conclave_protocol::encode(&self.genesis)),
            validators: self.validators.iter().map(PeerFile::of).collect(),
        };
        Ok(format!("{HEAD}{}", toml::to_string(&file)?))
    }

    /// Relays of the consortium.
    #[must_use]
    pub fn relays(&self) -> Vec<String> {
        self.validators.iter().filter_map(|peer| peer.relay.clone()).collect()
    }
}

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
}

impl ValidatorHome {
    /// Reads the directory that [`create`] made.
    ///
    /// # Errors
    /// See [`NetworkError`].
    pub fn load(dir: &Path) -> Result<Self, NetworkError> {
        let file: ValidatorFile = toml::from_str(&read(&dir.join("validator.toml"), MAX_FILE)?)?;
        let key = dir.join("key");
        let text = files::read_private(&key, 65).map(Zeroizing::new);
        let text = text.map_err(|source| NetworkError::Read { path: key, source })?;
        let mut seed = Zeroizing::new([0; 32]);
        let text = text.trim_ascii_end();
        hex::decode_to_slice(text, &mut *seed).map_err(|_| NetworkError::Hex("key"))?;
        Ok(Self {
            dir: dir.to_owned(),
            network: Network::load(&dir.join(file.network))?,
            seed,
            p2p: file.p2p,
            rpc: file.rpc,
            relay: file.relay,
        })
    }

    /// Its public key.
    #[must_use]
    pub fn key(&self) -> ValidatorKey {
        Ed25519Signer::from_seed(&self.seed).validator()
    }
}

/// Founds a consortium of `count` validators on free loopback ports: `dir/network.toml`, and
/// `dir/validator-N` with a key that only this user can read.
///
/// # Errors
/// See [`NetworkError`]; a directory that holds a network already is left alone.
pub fn create(dir: &Path, count: usize) -> Result<Network, NetworkError> {
    create_with(dir, count, Params::default())
}

/// The same with constants of one's own.
///
/// # Errors
/// As [`create`].
pub fn create_with(dir: &Path, count: usize, params: Params) -> Result<Network, NetworkError> {
    let path = dir.join("network.toml");
    if path.exists() {
        return Err(NetworkError::Exists(path));
    }
    let write = |path: PathBuf| move |source| NetworkError::Write { path, source };
    let mut seeds = Vec::new();
    let mut validators = Vec::new();
    // All sockets stay bound until every port is known, so that no two are the same.
    let mut held = Vec::new();
    for _ in 0..count {
        let mut seed = Zeroizing::new([0; 32]);
        rand::rng().fill_bytes(&mut *seed);
        let mut free = || -> io::Result<SocketAddr> {
            let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            let address = socket.local_addr()?;
            held.push(socket);
            Ok(address)
        };
        let ports = [free(), free(), free()].map(|port| port.map_err(write(dir.to_owned())));
        let [p2p, rpc, relay] = ports;
        let (p2p, rpc, relay) = (p2p?, rpc?, relay?);
        validators.push((
            Peer {
                key: Ed25519Signer::from_seed(&seed).validator(),
                rpc: format!("http://{rpc}"),
                p2p: Some(p2p),
                relay: Some(format!("http://{relay}")),
            },
            ValidatorFile { network: "../network.toml".into(), p2p, rpc, relay: Some(relay) },
        ));
        seeds.push(seed);
    }
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
    let keys: Vec<ValidatorKey> = validators.iter().map(|(peer, _)| peer.key).collect();
    let genesis = Genesis::new("consortium", now_ms, keys, params)?;
    for (n, ((_, file), seed)) in validators.iter().zip(&seeds).enumerate() {
        let home = dir.join(format!("validator-{n}"));
        files::private_dir(&home).map_err(write(home.clone()))?;
        let text = Zeroizing::new(hex::encode(**seed));
        let key = home.join("key");
        files::replace(&key, text.as_bytes()).map_err(write(key))?;
        let settings = home.join("validator.toml");
        let text = toml::to_string(file)?;
        fs::write(&settings, text).map_err(write(settings.clone()))?;
    }
    let validators = validators.into_iter().map(|(peer, _)| peer).collect();
    let network = Network { genesis, validators };
    // Last, so that a network file always has all of its validators.
    fs::write(&path, network.to_toml()?).map_err(write(path))?;
    Ok(network)
}

/// Why a consortium cannot be read or founded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// The genesis cannot start a network.
    #[error("genesis: {0}")]
    BadGenesis(#[from] BadGenesis),
    /// The genesis is damaged.
    #[error("genesis: {0}")]
    Decode(#[from] DecodeError),
    /// There is a network already.
    #[error("{} exists already", .0.display())]
    Exists(PathBuf),
    /// Not hexadecimal digits.
    #[error("{0} is not in hexadecimal digits")]
    Hex(&'static str),
    /// Nobody to talk to.
    #[error("the network file names no validator")]
    Nobody,
    /// Genesis and chain id do not belong together.
    #[error("chain_id is not the hash of the genesis, which is {}", .0.to_hex())]
    OtherGenesis(ChainId),
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A listed validator is not in the genesis.
    #[error("validator {0} is not in the genesis")]
    Stranger(ValidatorKey),
    /// Not the expected TOML.
    #[error("not a file of this program: {0}")]
    Toml(#[from] toml::de::Error),
    /// Cannot be written as TOML.
    #[error("cannot be written: {0}")]
    Unwritable(#[from] toml::ser::Error),
    /// An RPC or relay URL of a validator is not `http://` or `https://`.
    #[error("{0} is not the URL of a validator")]
    Url(String),
    /// A file cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct NetworkFile {
    name: String,
    chain_id: String,
    genesis: String,
    validators: Vec<PeerFile>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct PeerFile {
    key: String,
    rpc: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    p2p: Option<SocketAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    relay: Option<String>,
}

impl PeerFile {
    fn of(peer: &Peer) -> Self {
        let Peer { key, rpc, p2p, relay } = peer;
        Self { key: hex::encode(key.0), rpc: rpc.clone(), p2p: *p2p, relay: relay.clone() }
    }

    fn check(self) -> Result<Peer, NetworkError> {
        let mut key = [0; 32];
        hex::decode_to_slice(&self.key, &mut key)
            .map_err(|_| NetworkError::Hex("validator key"))?;
        let rpc = url(&self.rpc)?;
        let relay = self.relay.as_deref().map(url).transpose()?;
        Ok(Peer { key: ValidatorKey(key), rpc, p2p: self.p2p, relay })
    }
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ValidatorFile {
    network: PathBuf,
    p2p: SocketAddr,
    rpc: SocketAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    relay: Option<SocketAddr>,
}

fn url(text: &str) -> Result<String, NetworkError> {
    let bad = || NetworkError::Url(text.to_owned());
    let url = reqwest::Url::parse(text).map_err(|_| bad())?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(bad());
    }
    Ok(text.trim_end_matches('/').to_owned())
}

fn read(path: &Path, most: u64) -> Result<String, NetworkError> {
    let error = |source| NetworkError::Read { path: path.to_owned(), source };
    let length = fs::metadata(path).map_err(error)?.len();
    if length > most {
        return Err(error(io::Error::new(io::ErrorKind::InvalidData, "it is too long")));
    }
    fs::read_to_string(path).map_err(error)
}

/// 128 validators with long names fit.
const MAX_FILE: u64 = 256 * 1024;

const HEAD: &str = "\
# A Conclave consortium. This file is all a newcomer needs: conclave up --network network.toml
# The genesis is what every answer of a validator is verified against; chain_id is its hash.

";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_founded_network_reads_back_and_its_keys_are_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let founded = create(dir.path(), 4).unwrap();
        let network = Network::load(&dir.path().join("network.toml")).unwrap();
        assert_eq!(network.genesis, founded.genesis);
        assert_eq!(network.validators, founded.validators);
        assert_eq!(network.relays().len(), 4);
        for (n, peer) in network.validators.iter().enumerate() {
            let home = dir.path().join(format!("validator-{n}"));
            let mode = fs::metadata(home.join("key")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            let home = ValidatorHome::load(&home).unwrap();
            assert_eq!(home.key(), peer.key);
            assert_eq!(format!("http://{}", home.rpc), peer.rpc);
        }
        let again = create(dir.path(), 4);
        assert!(matches!(again, Err(NetworkError::Exists(_))));
    }

    #[test]
    fn a_network_file_that_contradicts_itself_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let text = create(dir.path(), 1).unwrap().to_toml().unwrap();
        let other = tempfile::tempdir().unwrap();
        let other = create(other.path(), 1).unwrap();
        let chain_id = Network::parse(&text).unwrap().genesis.chain_id().to_hex();
        let changed = text.replace(&chain_id, &other.genesis.chain_id().to_hex());
        assert!(matches!(Network::parse(&changed), Err(NetworkError::OtherGenesis(_))));
        let key = hex::encode(Network::parse(&text).unwrap().validators[0].key.0);
        let stranger = hex::encode(other.validators[0].key.0);
        let changed = text.replace(&format!("key = \"{key}\""), &format!("key = \"{stranger}\""));
        assert!(matches!(Network::parse(&changed), Err(NetworkError::Stranger(_))));
        let changed = text.replace("rpc = \"http://", "rpc = \"file://");
        assert!(matches!(Network::parse(&changed), Err(NetworkError::Url(_))));
        assert!(matches!(Network::parse(""), Err(NetworkError::Toml(_))));
    }
}
