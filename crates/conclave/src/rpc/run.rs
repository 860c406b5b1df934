//! A whole validator: ledgers, RPC and relay, from its directory.

use std::{
    io,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Weak},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use conclave_ledger::validator::{self, Config, Seed, Validator};
use conclave_protocol::{
    Genesis, Key, MemberRecord, Npk, Params, Record, Seconds, meeting::MeetingStatus,
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{evidence, serve};
use crate::{
    explorer::Explorer,
    network::{DirLock, Guard, NetworkError, ValidatorHome},
    relay::{self, RelayError, RelayHandle},
};

/// How long somebody may use the relay at most after the end of the meeting.
const RECHECK: Duration = Duration::from_secs(30);

/// Between two looks whether the journal is there.
const LOOK: Duration = Duration::from_millis(5);

/// A validator that runs.
#[derive(Debug)]
pub struct Running {
    /// Talks to it.
    pub validator: Validator,
    /// Where its RPC listens.
    pub rpc: SocketAddr,
    relay: Option<Arc<RelayHandle>>,
    /// Ours until the validator has stopped.
    lock: Option<DirLock>,
    /// Whether its key is silent for a while.
    pub guard: Guard,
    closing: CancellationToken,
    serving: JoinHandle<()>,
}

/// Starts a validator and everything it serves. With `state_sync` an empty one fetches the state of a
/// recent block from the others instead of executing every block.
///
/// # Errors
/// See [`RunError`].
pub async fn run(home: &ValidatorHome, state_sync: bool) -> Result<Running, RunError> {
    let lock = DirLock::take(&home.dir)?;
    let listener = bind(home.rpc).await?;
    // The engine takes a port it cannot have for the end of the world; it is found out before.
    drop(bind(home.p2p).await?);
    let guard = Guard::at_start(&home.dir, now_ms())?;
    let peers = home.network.validators.iter();
    let config = Config {
        dir: home.ledgers(),
        seed: Seed::new(*home.seed),
        genesis: home.network.genesis.clone(),
        listen: home.p2p,
        peers: peers.filter_map(|peer| Some((peer.key, peer.p2p.clone()?))).collect(),
        keep: home.keep_blocks.keep(),
        state_sync,
        signs_from: guard.signs_from(),
    };
    if let Some(days) = home.keep_blocks.raised(home.network.genesis.params.retention) {
        tracing::warn!(days, "everybody keeps blocks for longer than that in this network");
    }
    let validator = validator::start(config)?;
    // A key may sign only where it is known that it has a journal.
    while !Guard::note_journal(&home.dir)? {
        tokio::select! {
            () = validator.stopped() => break,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
    let genesis = home.network.genesis.clone();
    let mut running = Running::over(listener, validator, Some(home.ledgers()), genesis)?;
    running.lock = Some(lock);
    running.guard = guard;
    tokio::spawn(evidence::keep(running.validator.findings(), home.dir.join("evidence")));
    if let Some(address) = home.relay {
        let relay = Arc::new(relay_for(&running.validator, home, address).await?);
        tokio::spawn(recheck(Arc::downgrade(&relay)));
        running.relay = Some(relay);
    }
    Ok(running)
}

impl Running {
    /// Serves a validator that was started elsewhere, on a free loopback port.
    ///
    /// # Errors
    /// No port can be bound.
    pub async fn embedded(validator: Validator, genesis: Genesis) -> Result<Self, RunError> {
        let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        Self::over(listener, validator, None, genesis)
    }

    /// URL of its relay, if it has one.
    #[must_use]
    pub fn relay(&self) -> Option<&str> {
        self.relay.as_deref().map(RelayHandle::url)
    }

    /// Stops serving, then the validator; returns when its threads have ended.
    pub async fn stop(self) {
        self.closing.cancel();
        let _ = self.serving.await;
        if let Some(relay) = self.relay.and_then(Arc::into_inner) {
            relay.shutdown().await;
        }
        let validator = self.validator;
        let _ = tokio::task::spawn_blocking(move || validator.shutdown()).await;
        drop(self.lock);
    }

    fn over(
        listener: TcpListener,
        validator: Validator,
        ledgers: Option<PathBuf>,
        genesis: Genesis,
    ) -> Result<Self, RunError> {
        let rpc = listener.local_addr().map_err(RunError::Socket)?;
        let closing = CancellationToken::new();
        let explorer = Explorer::start(validator.clone(), genesis, closing.clone());
        let serving = serve(listener, validator.clone(), ledgers, explorer, closing.clone());
        let serving = tokio::spawn(serving);
        Ok(Self {
            validator,
            rpc,
            relay: None,
            lock: None,
            guard: Guard::default(),
            closing,
            serving,
        })
    }
}

/// A relay that serves the members of this ledger's open meetings.
async fn relay_for(
    validator: &Validator,
    home: &ValidatorHome,
    address: SocketAddr,
) -> Result<RelayHandle, RunError> {
    let (validator, params) = (validator.clone(), home.network.genesis.params);
    let relay = relay::start(address, move |npk| {
        let validator = validator.clone();
        async move { may_relay(&validator, &params, npk).await }
    });
    Ok(relay.await?)
}

/// Sends those away whose meeting is over, until the relay ends.
async fn recheck(relay: Weak<RelayHandle>) {
    loop {
        tokio::time::sleep(RECHECK).await;
        let Some(relay) = relay.upgrade() else { return };
        relay.recheck().await;
    }
}

/// Whether a transport key belongs to an open meeting: the relay serves nobody else.
async fn may_relay(validator: &Validator, params: &Params, npk: Npk) -> bool {
    let Ok(Some(Record::Seat(seat))) = validator.local_record(&Key::NpkIndex(npk)).await else {
        return false;
    };
    let now = Seconds(validator.status().time_ms / 1_000);
    let member: Option<MemberRecord> =
        match validator.local_record(&Key::Member(seat.mid, seat.idx)).await {
            Ok(Some(Record::Member(member))) => Some(member),
            _ => None,
        };
    match validator.local_record(&Key::Meeting(seat.mid)).await {
        Ok(Some(Record::Meeting(meeting))) => {
            member.is_some_and(|member| member.status_at(params, now).is_some())
                && meeting.status_at(params, now) == MeetingStatus::Open
        }
        _ => false,
    }
}

/// Why a validator does not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The RPC port, or the one for the other validators, cannot be had.
    #[error("cannot listen on {0}: {1}")]
    Bind(SocketAddr, io::Error),
    /// The directory is in use.
    #[error(transparent)]
    Home(#[from] NetworkError),
    /// The relay does not start.
    #[error(transparent)]
    Relay(#[from] RelayError),
    /// The RPC socket is broken.
    #[error("cannot use the RPC socket: {0}")]
    Socket(io::Error),
    /// The ledgers do not start.
    #[error(transparent)]
    Validator(#[from] validator::StartError),
}

pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

async fn bind(address: SocketAddr) -> Result<TcpListener, RunError> {
    TcpListener::bind(address).await.map_err(|error| RunError::Bind(address, error))
}
