//! A validator on threads of its own, with real sockets and a real disk.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    num::NonZeroU32,
    path::Path,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use commonware_codec::{Copying, DecodeExt as _};
use commonware_consensus::simplex::scheme::ed25519::Scheme;
use commonware_cryptography::{
    ChaCha20Poly1305, Signer as _,
    ed25519::{PrivateKey, PublicKey},
};
use commonware_macros::select;
use commonware_p2p::{
    Address, AddressableManager as _,
    authenticated::lookup::{self, Network as Sockets},
};
use commonware_runtime::{Quota, Runner as _, Spawner as _, Supervisor as _, tokio as runtime};
use commonware_stream::{
    cups::{self, Cups},
    sake::{self, Sake},
};
use commonware_utils::{NZU32, NZUsize, ordered::Map};
use conclave_protocol::{Ed25519Signer, Genesis, Params, ValidatorKey};
use tokio::sync::{mpsc, watch};

use super::{
    Config, Seed, StartError,
    application::App,
    finality::Finality,
    handle::{Shared, Validator},
    network::Network,
    request::Request,
    service::Service,
    wiring::{Channels, Setup, message_size, wire},
};
use crate::{committee::public_key, mempool::Mempool};

/// Requests that wait for the service before callers have to.
const REQUESTS: usize = 1024;

/// Submitted transactions that wait to be sent to the other validators.
const OUTGOING: usize = 8192;

/// How long a stopping validator waits for its tasks.
const FAREWELL: Duration = Duration::from_secs(5);

/// Starts a validator on threads of its own.
///
/// # Errors
/// See [`StartError`].
pub fn start(config: Config) -> Result<Validator, StartError> {
    let Config { dir, seed, genesis, listen, peers, state_sync } = config;
    let network = Arc::new(Network::of(&genesis)?);
    let key = PrivateKey::decode(Copying(seed.bytes().as_slice()))
        .map_err(|_| StartError::NotAValidator)?;
    let scheme = network.committee().signer(key.clone()).ok_or(StartError::NotAValidator)?;
    let addresses = addresses(&genesis, (&key.public_key(), listen), &peers)?;
    fs::create_dir_all(&dir)?;

    let mempool = Arc::new(Mempool::new());
    let finality = Arc::new(Finality::new());
    let (requests, inbox) = mpsc::channel(REQUESTS);
    let (tip_sender, tips) = watch::channel(Bytes::new());
    let (stop, stopped) = watch::channel(false);
    let signer = Ed25519Signer::from_seed(seed.bytes());
    let validators = network.committee().members().len();
    let app = App::new(network, Arc::clone(&mempool), Arc::clone(&finality));
    let shared = Arc::new(Shared {
        key: signer.validator(),
        chain: genesis.chain_id(),
        signer,
        validators,
        requests,
        tips,
        finality,
        mempool,
        accusations: app.accusations().clone(),
        stop,
        thread: Mutex::new(None),
    });
    let parts = Parts {
        key,
        scheme,
        app,
        listen,
        addresses,
        state_sync,
        inbox,
        tips: tip_sender,
        stopped,
    };
    let runner = runtime::Runner::new(
        runtime::Config::new()
            .with_worker_threads(2)
            .with_max_blocking_threads(64)
            .with_tcp_nodelay(Some(true))
            .with_storage_directory(dir),
    );
    let thread = thread::Builder::new()
        .name("validator".into())
        .spawn(move || runner.start(|context| run(context, parts)))?;
    *shared.thread.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(thread);
    Ok(Validator { shared })
}

/// Starts a network of one validator in `dir`, for development. The same directory continues the
/// same network.
///
/// # Errors
/// See [`StartError`].
pub fn start_dev(dir: &Path) -> Result<(Validator, Genesis), StartError> {
    fs::create_dir_all(dir)?;
    let seed = [0xde; 32];
    let file = dir.join("genesis");
    let genesis = match fs::read(&file) {
        Ok(bytes) => conclave_protocol::decode(&bytes).map_err(std::io::Error::other)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let now_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
            let validators = vec![Ed25519Signer::from_seed(&seed).validator()];
            let genesis = Genesis::new("dev", now_ms, validators, Params::default())?;
            fs::write(&file, conclave_protocol::encode(&genesis))?;
            genesis
        }
        Err(error) => return Err(error.into()),
    };
    let config = Config {
        dir: dir.join("ledgers"),
        seed: Seed::new(seed),
        genesis: genesis.clone(),
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        peers: Vec::new(),
        state_sync: false,
    };
    Ok((start(config)?, genesis))
}

/// The address of every validator of the genesis.
fn addresses(
    genesis: &Genesis,
    (me, listen): (&PublicKey, SocketAddr),
    peers: &[(ValidatorKey, SocketAddr)],
) -> Result<Map<PublicKey, Address>, StartError> {
    let mut addresses: Vec<(PublicKey, Address)> = Vec::new();
    for key in &genesis.validators {
        let public = public_key(&key.0)?;
        let address = if public == *me {
            listen
        } else {
            peers.iter().find(|(peer, _)| peer == key).ok_or(StartError::NoAddress(*key))?.1
        };
        addresses.push((public, address.into()));
    }
    Ok(Map::from_iter_dedup(addresses))
}

/// What the thread of a validator needs.
struct Parts {
    key: PrivateKey,
    scheme: Scheme,
    app: App,
    listen: SocketAddr,
    addresses: Map<PublicKey, Address>,
    state_sync: bool,
    inbox: mpsc::Receiver<Request>,
    tips: watch::Sender<Bytes>,
    stopped: watch::Receiver<bool>,
}

/// Runs a validator until it is asked to stop.
async fn run(context: runtime::Context, parts: Parts) {
    let Parts { key, scheme, app, listen, addresses, state_sync, inbox, tips, mut stopped } = parts;
    let me = key.public_key();
    // A network of one still needs room for the queues of its channels.
    let members = NZUsize!(addresses.len().max(2));
    let mut config = lookup::Config::local(
        Cups::<_, ChaCha20Poly1305>::new(
            Sake {
                signer: key,
                synchrony_bound: Duration::from_secs(10),
                max_handshake_age: Duration::from_secs(20),
                version: sake::Version::V1,
            },
            cups::Version::V1,
        ),
        app.network().committee().namespace(),
        listen,
        members,
        message_size(addresses.len()),
        NZUsize!(1024),
    );
    // The handshake proves the key; where a packet comes from proves nothing.
    config.bypass_ip_check = true;
    config.tracked_peer_sets = NZUsize!(1);
    let (mut sockets, mut oracle) = Sockets::new(context.child("sockets"), config);
    oracle.track(0, addresses);
    let channels = Channels {
        votes: sockets.register(0, quota(NZU32!(512))),
        certificates: sockets.register(1, quota(NZU32!(512))),
        resolver: sockets.register(2, quota(NZU32!(128))),
        backfill: sockets.register(3, quota(NZU32!(256))),
        broadcast: sockets.register(4, quota(NZU32!(128))),
        sync: sockets.register(5, quota(NZU32!(128))),
        probe: sockets.register(6, quota(NZU32!(16))),
    };
    let (sender, receiver) = sockets.register(7, quota(NZU32!(512)));
    sockets.start();

    let setup = Setup {
        prefix: "validator".to_owned(),
        scheme,
        me,
        peers: oracle.clone(),
        blocker: oracle,
        app: app.clone(),
        state_sync,
    };
    let engine = wire(context.child("engine"), setup, channels, |stateful| stateful).await;
    let service = Service {
        app,
        marshal: engine.marshal.clone(),
        databases: engine.stateful.subscribe_databases().await,
        runtime: Arc::new(context.child("service")),
    };
    let indexed = service.recover().await;
    let (gossip, outgoing) = mpsc::channel(OUTGOING);
    let spawn = |label| context.child(label);
    let indexing = service.clone();
    spawn("reindex").spawn(move |_| indexing.reindex(indexed));
    let following = service.clone();
    spawn("follow").spawn(move |_| following.follow(tips));
    let sending = service.clone();
    spawn("send").spawn(move |_| sending.send(sender, outgoing));
    let receiving = service.clone();
    spawn("receive").spawn(move |_| receiving.receive(receiver));
    spawn("serve").spawn(move |_| service.serve(inbox, gossip));

    // Waiting fails when every handle is gone, which stops the validator too.
    select! {
        _ = stopped.wait_for(|stop| *stop) => {},
        ended = engine.consensus => tracing::error!(?ended, "consensus ended"),
    }
    if let Err(error) = context.stop(0, Some(FAREWELL)).await {
        tracing::debug!(%error, "tasks did not end in time");
    }
}

const fn quota(per_second: NonZeroU32) -> Quota {
    Quota::per_second(per_second)
}
