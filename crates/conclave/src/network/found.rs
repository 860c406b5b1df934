//! The ceremony: each organisation makes a key and a card, everyone makes one network of the cards.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use conclave_ledger::validator::PeerAddress;
use conclave_protocol::{Ed25519Signer, Genesis, Params, ValidatorKey};
use rand::Rng as _;
use zeroize::Zeroizing;

use super::{
    Network, NetworkError, Peer, SignedCard,
    card::name,
    home::{KEY, Settings},
    url,
};
use crate::{files, random::system};

/// What a new validator will be called and where it will be reached.
#[derive(Clone, Debug)]
pub struct Init {
    /// Name of the organisation.
    pub name: String,
    /// Where the other validators reach it.
    pub p2p: PeerAddress,
    /// URL where clients reach it.
    pub rpc: String,
    /// URL of its relay, if it has one.
    pub relay: Option<String>,
    /// Where it listens for the other validators; all addresses and the port of `p2p` if not said.
    pub listen_p2p: Option<SocketAddr>,
    /// Where its RPC listens; all addresses and the port of `rpc` if that is an http URL.
    pub listen_rpc: Option<SocketAddr>,
    /// Where its relay listens, likewise.
    pub listen_relay: Option<SocketAddr>,
}

/// Makes a key that stays in `dir`, and the public file `dir/NAME.validator.toml`.
///
/// # Errors
/// See [`NetworkError`]; a directory that holds a key is left alone.
pub fn init(dir: &Path, init: Init) -> Result<(SignedCard, PathBuf), NetworkError> {
    prepare(dir, init, "network.toml".into())
}

/// One network of the cards of all its founders: the same cards, name and start give the same
/// network at everyone's.
///
/// The start is the newest time in the cards unless it is given, so that nobody has to agree on a
/// further number.
///
/// # Errors
/// See [`NetworkError`]: two cards that contradict each other, or share a name or an address.
pub fn assemble(
    name: &str,
    cards: &[SignedCard],
    start_ms: Option<u64>,
    params: Params,
) -> Result<Network, NetworkError> {
    let mut cards: Vec<&SignedCard> = cards.iter().collect();
    cards.sort_by_key(|card| card.card().key);
    for (n, one) in cards.iter().enumerate() {
        for other in cards.iter().skip(n + 1) {
            differ(one, other)?;
        }
    }
    let newest = cards.iter().map(|card| card.card().created).max().unwrap_or_default();
    let keys: Vec<ValidatorKey> = cards.iter().map(|card| card.card().key).collect();
    let genesis = Genesis::new(name, start_ms.unwrap_or(newest), keys, params)?;
    let validators = cards.into_iter().map(|card| card.peer().clone()).collect();
    Ok(Network { genesis, validators, anchors: Vec::new() })
}

/// Founds a consortium of `count` validators on free loopback ports of this machine:
/// `dir/network.toml`, and `dir/validator-N` with a key that only this user can read.
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
    // All sockets stay bound until every port is known, so that no two are the same.
    let mut held = Vec::new();
    let mut places = Vec::new();
    for _ in 0..count {
        let mut free = || -> io::Result<SocketAddr> {
            let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            let address = socket.local_addr()?;
            held.push(socket);
            Ok(address)
        };
        let mut place =
            || free().map_err(|source| NetworkError::Write { path: dir.to_owned(), source });
        places.push((place()?, place()?, place()?));
    }
    let mut cards = Vec::new();
    for (n, (p2p, rpc, relay)) in places.into_iter().enumerate() {
        let settings = Init {
            name: format!("validator-{n}"),
            p2p: p2p.into(),
            rpc: format!("http://{rpc}"),
            relay: Some(format!("http://{relay}")),
            listen_p2p: Some(p2p),
            listen_rpc: Some(rpc),
            listen_relay: Some(relay),
        };
        let home = dir.join(format!("validator-{n}"));
        cards.push(prepare(&home, settings, "../network.toml".into())?.0);
    }
    // In the order in which they were made: people call them by their number.
    let mut network = assemble("consortium", &cards, None, params)?;
    network.validators = cards.iter().map(|card| card.peer().clone()).collect();
    // Last, so that a network file always has all of its validators.
    let text = network.to_toml()?;
    std::fs::write(&path, text).map_err(|source| NetworkError::Write { path, source })?;
    Ok(network)
}

fn prepare(
    dir: &Path,
    init: Init,
    network: PathBuf,
) -> Result<(SignedCard, PathBuf), NetworkError> {
    let Init { name: called, p2p, rpc, relay, listen_p2p, listen_rpc, listen_relay } = init;
    let called = name(&called)?;
    let rpc = url(&rpc)?;
    let relay = relay.as_deref().map(url).transpose()?;
    let everywhere = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port);
    let settings = Settings {
        network,
        p2p: listen_p2p.unwrap_or_else(|| everywhere(p2p.port())),
        rpc: listen_rpc
            .or_else(|| Some(everywhere(port_of(&rpc)?)))
            .ok_or_else(|| NetworkError::WhereToListen(rpc.clone()))?,
        relay: match &relay {
            None => None,
            Some(relay) => Some(
                listen_relay
                    .or_else(|| Some(everywhere(port_of(relay)?)))
                    .ok_or_else(|| NetworkError::WhereToListen(relay.clone()))?,
            ),
        },
        keep_blocks: None,
    };
    let key = dir.join(KEY);
    if key.exists() {
        return Err(NetworkError::Exists(key));
    }
    let mut seed = Zeroizing::new([0; 32]);
    system().fill_bytes(&mut *seed);
    let signer = Ed25519Signer::from_seed(&seed);
    let peer =
        Peer { key: signer.validator(), name: Some(called.clone()), rpc, p2p: Some(p2p), relay };
    let card = SignedCard::sign(peer, now_ms(), &signer)?;

    let write = |path: PathBuf| move |source| NetworkError::Write { path, source };
    files::private_dir(dir).map_err(write(dir.to_owned()))?;
    settings.write(dir)?;
    let path = dir.join(format!("{called}.validator.toml"));
    std::fs::write(&path, card.to_toml()?).map_err(write(path.clone()))?;
    // Last, so that whoever has a key has everything.
    let text = Zeroizing::new(hex::encode(*seed));
    files::replace(&key, text.as_bytes()).map_err(write(key))?;
    Ok((card, path))
}

/// Two founders share nothing.
fn differ(one: &SignedCard, other: &SignedCard) -> Result<(), NetworkError> {
    let (a, b) = (one.peer(), other.peer());
    if a.key == b.key {
        return Err(if one == other {
            NetworkError::Same { what: "key", value: a.key.to_string() }
        } else {
            NetworkError::Contradiction(a.key)
        });
    }
    let place = |peer: &Peer| peer.p2p.as_ref().map(ToString::to_string);
    for (what, one, other) in [
        ("name", a.name.clone(), b.name.clone()),
        ("p2p address", place(a), place(b)),
        ("RPC address", Some(a.rpc.clone()), Some(b.rpc.clone())),
        ("relay address", a.relay.clone(), b.relay.clone()),
    ] {
        let lower = |text: &Option<String>| text.as_deref().map(str::to_ascii_lowercase);
        if one.is_some() && lower(&one) == lower(&other) {
            return Err(NetworkError::Same { what, value: one.unwrap_or_default() });
        }
    }
    Ok(())
}

/// The port of an http URL. Behind an https one stands another program that has the certificate.
fn port_of(url: &str) -> Option<u16> {
    let url = reqwest::Url::parse(url).ok()?;
    if url.scheme() == "http" { url.port_or_known_default() } else { None }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::network::{ValidatorHome, install};

    fn at(name: &str, port: u16) -> Init {
        Init {
            name: name.into(),
            p2p: format!("{name}.example.org:{port}").parse().unwrap(),
            rpc: format!("http://{name}.example.org:{}", port + 1),
            relay: None,
            listen_p2p: None,
            listen_rpc: None,
            listen_relay: None,
        }
    }

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
    fn everyone_assembles_the_same_network_in_whatever_order() {
        let dir = tempfile::tempdir().unwrap();
        let names = ["org-a", "org-b", "org-c"];
        let mut cards: Vec<_> = names
            .iter()
            .map(|name| init(&dir.path().join(name), at(name, 4_100)).unwrap().0)
            .collect();
        let text = assemble("test", &cards, None, Params::default()).unwrap().to_toml().unwrap();
        cards.rotate_left(1);
        let network = assemble("test", &cards, None, Params::default()).unwrap();
        assert_eq!(network.to_toml().unwrap(), text);
        assert_eq!(network.genesis.time_ms, cards.iter().map(|c| c.card().created).max().unwrap());
        let other = assemble("other", &cards, None, Params::default()).unwrap().genesis.chain_id();
        let later =
            assemble("test", &cards, Some(1), Params::default()).unwrap().genesis.chain_id();
        let chain = network.genesis.chain_id();
        assert!(other != chain && later != chain && other != later);
    }

    #[test]
    fn founders_share_neither_key_nor_name_nor_address() {
        let dir = tempfile::tempdir().unwrap();
        let make =
            |n: usize, init: Init| super::init(&dir.path().join(n.to_string()), init).unwrap().0;
        let first = make(0, at("org-a", 4_100));
        let refused =
            |other: SignedCard| assemble("test", &[first.clone(), other], None, Params::default());
        let same = |other| match refused(other) {
            Err(NetworkError::Same { what, .. }) => what,
            seen => panic!("{seen:?}"),
        };
        assert_eq!(same(first.clone()), "key");
        assert_eq!(same(make(1, Init { name: "ORG-A".into(), ..at("org-b", 4_200) })), "name");
        let init = Init { p2p: "org-a.example.org:4100".parse().unwrap(), ..at("org-b", 4_200) };
        assert_eq!(same(make(2, init)), "p2p address");
        let init = Init { rpc: "http://org-a.example.org:4101/".into(), ..at("org-b", 4_200) };
        assert_eq!(same(make(3, init)), "RPC address");

        let signer =
            Ed25519Signer::from_seed(&crate::network::home::seed(&dir.path().join("0")).unwrap());
        let peer = Peer { rpc: "http://elsewhere.example.org".into(), ..first.peer().clone() };
        let contradiction = SignedCard::sign(peer, 1, &signer).unwrap();
        assert!(matches!(refused(contradiction), Err(NetworkError::Contradiction(_))));
    }

    #[test]
    fn a_key_is_made_once_and_its_network_is_installed_once() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        let one = init(&a, at("org-a", 4_100)).unwrap().0;
        assert!(matches!(init(&a, at("org-a", 4_100)), Err(NetworkError::Exists(_))));
        assert!(matches!(ValidatorHome::load(&a), Err(NetworkError::NoNetwork(_))));
        let two = init(&b, at("org-b", 4_100)).unwrap().0;
        let file = dir.path().join("network.toml");
        let write = |network: &Network| fs::write(&file, network.to_toml().unwrap()).unwrap();
        write(&assemble("test", &[one.clone(), two], None, Params::default()).unwrap());
        install(&a, &file).unwrap();
        install(&a, &file).unwrap();
        assert_eq!(ValidatorHome::load(&a).unwrap().key(), one.card().key);
        write(&assemble("other", std::slice::from_ref(&one), None, Params::default()).unwrap());
        assert!(matches!(install(&a, &file), Err(NetworkError::OtherNetwork(_))));

        fs::remove_file(a.join("network.toml")).unwrap();
        let mut moved = assemble("test", &[one], None, Params::default()).unwrap();
        moved.validators[0].p2p = Some("evil.example.org:1".parse().unwrap());
        write(&moved);
        assert!(matches!(install(&a, &file), Err(NetworkError::Moved { .. })));
    }

    #[test]
    fn behind_https_one_says_where_to_listen() {
        let dir = tempfile::tempdir().unwrap();
        let behind = Init { rpc: "https://org-a.example.org".into(), ..at("org-a", 4_100) };
        let refused = init(dir.path(), behind.clone());
        assert!(matches!(refused, Err(NetworkError::WhereToListen(_))));
        assert!(!dir.path().join("key").exists());
        let listen_rpc = Some("127.0.0.1:8700".parse().unwrap());
        init(dir.path(), Init { listen_rpc, ..behind }).unwrap();
        let settings = Settings::load(dir.path()).unwrap();
        assert_eq!(settings.rpc.to_string(), "127.0.0.1:8700");
        assert_eq!(settings.p2p.to_string(), "0.0.0.0:4100");
    }
}
