//! A validator on threads of its own, with real sockets and a real disk.

use std::{
    collections::BTreeMap,
    fs,
    net::{Ipv4Addr, SocketAddr},
    num::{NonZeroU32, NonZeroUsize},
    path::Path,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use commonware_codec::{Copying, DecodeExt as _};
use commonware_cryptography::{
    ChaCha20Poly1305, Signer as _,
    ed25519::{PrivateKey, PublicKey},
};
use commonware_macros::select;
use commonware_p2p::authenticated::lookup::{self, Network as Sockets};
use commonware_runtime::{Quota, Runner as _, Spawner as _, Supervisor as _, tokio as runtime};
use commonware_stream::{
    cups::{self, Cups},
    sake::{self, Sake},
};
use commonware_utils::{NZU32, NZUsize};
use conclave_protocol::{Ed25519Signer, Genesis, Params, ValidatorKey};
use tokio::sync::{mpsc, watch};

use super::{
    Config, Keep, PeerAddress, Seed, StartError,
    application::App,
    finality::Finality,
    handle::{Shared, Validator},
    monitor::Monitor,
    network::Network,
    peers::Peers,
    request::Request,
    schemes::{Role, Schemes},
    service::Service,
    store::Cuts,
    wiring::{Channels, Setup, message_size, wire},
};
use crate::{committee::public_key, mempool::Mempool};

/// Requests that wait for the service before callers have to.
const REQUESTS: usize = 1024;

/// Submitted transactions that wait to be sent to the other validators.
const OUTGOING: usize = 8192;

/// How long a validator that misbehaved is not talked to.
const KEPT_OUT: Duration = Duration::from_secs(60);

/// How long a stopping validator waits for its tasks.
const FAREWELL: Duration = Duration::from_secs(5);

/// Starts a validator on threads of its own.
///
/// # Errors
/// See [`StartError`].
pub fn start(config: Config) -> Result<Validator, StartError> {
    let Config { dir, seed, genesis, listen, peers, keep, state_sync, signs_from } = config;
    let network = Arc::new(Network::of(&genesis)?);
    let key =
        PrivateKey::decode(Copying(seed.bytes().as_slice())).map_err(|_| StartError::NotAKey)?;
    let schemes = Schemes::of(&genesis, key.clone(), signs_from)?;
    let addresses = addresses(&genesis, (&key.public_key(), listen), &peers)?;
    fs::create_dir_all(&dir)?;
    if schemes.role(0) == Role::Waiting {
        tracing::warn!("this validator is not in the genesis: it follows until it is added");
    }

    let mempool = Arc::new(Mempool::new());
    let finality = Arc::new(Finality::new());
    let monitor = Arc::new(Monitor::default());
    let (requests, inbox) = mpsc::channel(REQUESTS);
    let (tip_sender, tips) = watch::channel(Bytes::new());
    let (stop, stopped) = watch::channel(false);
    let signer = Ed25519Signer::from_seed(seed.bytes());
    let app = App::new(network, Arc::clone(&mempool), Arc::clone(&finality), schemes.clone());
    let shared = Arc::new(Shared {
        key: signer.validator(),
        chain: genesis.chain_id(),
        signer,
        schemes,
        requests,
        tips,
        finality,
        mempool,
        monitor: Arc::clone(&monitor),
        accusations: app.accusations().clone(),
        stop,
        thread: Mutex::new(None),
    });
    let parts = Parts {
        key,
        app,
        monitor,
        listen,
        addresses,
        keep,
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
        keep: Keep::All,
        state_sync: false,
        signs_from: 0,
    };
    Ok((start(config)?, genesis))
}

/// The addresses that are configured. Every other validator of the genesis has one, because nothing
/// else says where it is.
fn addresses(
    genesis: &Genesis,
    (me, listen): (&PublicKey, SocketAddr),
    peers: &[(ValidatorKey, PeerAddress)],
) -> Result<BTreeMap<PublicKey, PeerAddress>, StartError> {
    let mut addresses = BTreeMap::new();
    for (key, address) in peers {
        addresses.insert(public_key(&key.0)?, address.clone());
    }
    addresses.insert(me.clone(), listen.into());
    for key in &genesis.validators {
        if !addresses.contains_key(&public_key(&key.0)?) {
            return Err(StartError::NoAddress(*key));
        }
    }
    Ok(addresses)
}

/// How many peers there is room for without a restart: the queues of all channels are as long.
fn room(configured: usize) -> NonZeroUsize {
    NonZeroUsize::new(configured.saturating_mul(2).max(LEAST_ROOM)).unwrap_or(NonZeroUsize::MIN)
}

/// Room that even a network of one has.
const LEAST_ROOM: usize = 8;

/// What the thread of a validator needs.
struct Parts {
    key: PrivateKey,
    app: App,
    monitor: Arc<Monitor>,
    listen: SocketAddr,
    addresses: BTreeMap<PublicKey, PeerAddress>,
    keep: Keep,
    state_sync: bool,
    inbox: mpsc::Receiver<Request>,
    tips: watch::Sender<Bytes>,
    stopped: watch::Receiver<bool>,
}

/// Runs a validator until it is asked to stop.
async fn run(context: runtime::Context, parts: Parts) {
    let Parts { key, app, monitor, listen, addresses, keep, state_sync, inbox, tips, mut stopped } =
        parts;
    let room = room(addresses.len());
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
        room,
        message_size(),
        NZUsize!(1024),
    );
    // The handshake proves the key; where a packet comes from proves nothing.
    config.bypass_ip_check = true;
    // Who contradicted itself is kept out, but not for long: few validators carry the quorum, and one
    // whose disk lost its last vote may do so once.
    config.block_duration = KEPT_OUT;
    // The present peers and those before: who was removed learns of it, then the link ends.
    config.tracked_peer_sets = NZUsize!(2);
    let (mut sockets, oracle) = Sockets::new(context.child("sockets"), config);
    let links = Peers::new(oracle.clone(), addresses, room);
    let channels = Channels {
        votes: sockets.register(0, quota(NZU32!(512))),
        certificates: sockets.register(1, quota(NZU32!(512))),
        resolver: sockets.register(2, quota(NZU32!(128))),
        backfill: sockets.register(3, quota(NZU32!(256))),
        broadcast: sockets.register(4, quota(NZU32!(128))),
        sync: sockets.register(5, quota(NZU32!(128))),
        probe: sockets.register(6, quota(NZU32!(16))),
        handovers: sockets.register(8, quota(NZU32!(16))),
    };
    let (sender, receiver) = sockets.register(7, quota(NZU32!(512)));
    sockets.start();
    let _published = app.finality().meter().publish(&context.child("conclave_validator"));
    let asking = sender.clone();
    let peers = Arc::clone(&monitor);
    context.child("peers").spawn(move |clock| peers.watch_peers(clock, asking));

    let setup = Setup {
        prefix: "validator".to_owned(),
        peers: oracle.clone(),
        blocker: oracle,
        links,
        app: app.clone(),
        cuts: Cuts::USUAL,
        state_sync,
    };
    let engine = wire(context.child("engine"), setup, channels, |stateful| stateful).await;
    let service = Service {
        app,
        marshal: engine.marshal.clone(),
        databases: engine.stateful.subscribe_databases().await,
        steps: engine.steps,
        runtime: Arc::new(context.child("service")),
    };
    let marshal = engine.marshal.clone();
    context.child("ledger").spawn(move |clock| monitor.watch_ledger(clock, marshal));
    let indexed = service.recover().await;
    let (gossip, outgoing) = mpsc::channel(OUTGOING);
    let spawn = |label| context.child(label);
    let indexing = service.clone();
    spawn("reindex").spawn(move |_| indexing.reindex(indexed));
    let following = service.clone();
    spawn("follow").spawn(move |_| following.follow(tips));
    let retiring = service.clone();
    spawn("retire").spawn(move |_| retiring.retire(keep));
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
