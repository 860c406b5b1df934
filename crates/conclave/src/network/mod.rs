//! A consortium as files: `network.toml` for everyone, one private directory per validator.
//!
//! `card` is what organisations send each other before there is a network, `found` makes the network
//! of it, `home` is the directory of one validator, `keep` how long it keeps blocks, `lock` keeps a second process out of it, `guard` keeps a
//! key whose journal is lost from contradicting itself, `repair` begins anew where a disk was damaged.

mod backup;
mod card;
mod error;
mod found;
mod guard;
mod home;
mod keep;
mod lock;
pub(crate) mod repair;

use std::{fs, io, path::Path};

use conclave_ledger::validator::PeerAddress;
use conclave_protocol::{Genesis, ValidatorKey};
use serde::{Deserialize, Serialize};

pub use backup::Backup;
pub use card::SignedCard;
pub use error::NetworkError;
pub use found::{Init, assemble, create, create_with, init};
pub use guard::{Guard, Twin};
pub use home::{ValidatorHome, install};
pub use keep::{BadKeep, KeepBlocks};
pub use lock::DirLock;

pub(crate) use home::{KEY, LEDGERS};

/// All a newcomer needs to join a consortium, checked.
#[derive(Clone, Debug)]
pub struct Network {
    /// What every answer of a validator is verified against.
    pub genesis: Genesis,
    /// Where validators are: those of the genesis, and whoever came later or may come. Nobody is
    /// believed for standing here.
    pub validators: Vec<Peer>,
    /// Endpoints of Ethereum to check anchors with, where the person names none.
    pub anchors: Vec<String>,
}

/// Where one validator is reached.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Peer {
    /// Its key.
    pub key: ValidatorKey,
    /// What people call it.
    pub name: Option<String>,
    /// URL of its RPC, without a slash at the end.
    pub rpc: String,
    /// Where the other validators reach it.
    pub p2p: Option<PeerAddress>,
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
        if validators.is_empty() {
            return Err(NetworkError::Nobody);
        }
        let anchors = file.anchors.into_iter().map(|anchor| url(&anchor.url));
        let anchors = anchors.collect::<Result<_, _>>()?;
        Ok(Self { genesis, validators, anchors })
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
            anchors: self.anchors.iter().map(|url| AnchorFile { url: url.clone() }).collect(),
        };
        Ok(format!("{HEAD}{}", toml::to_string(&file)?))
    }

    /// Relays of the consortium.
    #[must_use]
    pub fn relays(&self) -> Vec<String> {
        self.validators.iter().filter_map(|peer| peer.relay.clone()).collect()
    }
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct NetworkFile {
    name: String,
    chain_id: String,
    genesis: String,
    validators: Vec<PeerFile>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    anchors: Vec<AnchorFile>,
}

/// An endpoint of Ethereum that whoever has no own one may ask.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct AnchorFile {
    url: String,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct PeerFile {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    key: String,
    rpc: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    p2p: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    relay: Option<String>,
}

impl PeerFile {
    fn of(peer: &Peer) -> Self {
        let Peer { key, name, rpc, p2p, relay } = peer;
        Self {
            name: name.clone(),
            key: hex::encode(key.0),
            rpc: rpc.clone(),
            p2p: p2p.as_ref().map(ToString::to_string),
            relay: relay.clone(),
        }
    }

    fn check(self) -> Result<Peer, NetworkError> {
        let mut key = [0; 32];
        hex::decode_to_slice(&self.key, &mut key)
            .map_err(|_| NetworkError::Hex("validator key"))?;
        let rpc = url(&self.rpc)?;
        let relay = self.relay.as_deref().map(url).transpose()?;
        let p2p = self.p2p.as_deref().map(str::parse).transpose()?;
        let name = self.name.as_deref().map(card::name).transpose()?;
        Ok(Peer { key: ValidatorKey(key), name, rpc, p2p, relay })
    }
}

/// A URL of http or https, without a slash at the end.
pub(crate) fn url(text: &str) -> Result<String, NetworkError> {
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
    fn a_network_file_that_contradicts_itself_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let text = create(dir.path(), 1).unwrap().to_toml().unwrap();
        let other = tempfile::tempdir().unwrap();
        let other = create(other.path(), 1).unwrap();
        let chain_id = Network::parse(&text).unwrap().genesis.chain_id().to_hex();
        let changed = text.replace(&chain_id, &other.genesis.chain_id().to_hex());
        assert!(matches!(Network::parse(&changed), Err(NetworkError::OtherGenesis(_))));
        let changed = text.replace("rpc = \"http://", "rpc = \"file://");
        assert!(matches!(Network::parse(&changed), Err(NetworkError::Url(_))));
        assert!(matches!(Network::parse(""), Err(NetworkError::Toml(_))));
        // Somebody named the file of a key.
        let key = "c0ffee11";
        let refused = Network::parse(key).unwrap_err();
        let text = format!("{refused:?} {refused}");
        assert!(text.contains("line 1, column") && !text.contains(key), "{text}");
    }

    #[test]
    fn a_network_file_may_name_endpoints_of_ethereum() {
        let dir = tempfile::tempdir().unwrap();
        let text = create(dir.path(), 1).unwrap().to_toml().unwrap();
        assert!(!text.contains("anchors") && Network::parse(&text).unwrap().anchors.is_empty());
        let text = format!("{text}\n[[anchors]]\nurl = \"https://ethereum.example.org/\"\n");
        let network = Network::parse(&text).unwrap();
        assert_eq!(network.anchors, ["https://ethereum.example.org"]);
        let again = Network::parse(&network.to_toml().unwrap()).unwrap();
        assert_eq!(again.anchors, network.anchors);
        let bad = text.replace("https://ethereum", "ftp://ethereum");
        assert!(matches!(Network::parse(&bad), Err(NetworkError::Url(_))));
    }
}
