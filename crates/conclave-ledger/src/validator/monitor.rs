//! What a validator sees of the others while it runs: who is connected, and how far the ledger is.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use commonware_consensus::marshal::Identifier;
use commonware_cryptography::ed25519::PublicKey;
use commonware_p2p::{CheckedSender as _, LimitedSender, Recipients};
use commonware_runtime::Clock;
use conclave_protocol::ValidatorKey;
use tokio::sync::watch;

use super::wiring::Marshal;

/// Shared between the tasks below and the handle.
#[derive(Debug, Default)]
pub(crate) struct Monitor {
    connected: watch::Sender<Vec<ValidatorKey>>,
    newest: AtomicU64,
}

impl Monitor {
    /// The other validators that are connected, in ascending order.
    pub(crate) fn connected(&self) -> watch::Receiver<Vec<ValidatorKey>> {
        self.connected.subscribe()
    }

    /// The newest height that is known to be final, executed here or not.
    pub(crate) fn newest(&self) -> u64 {
        self.newest.load(Ordering::Relaxed)
    }

    /// Notes who is connected, until the validator stops. `sender` sends nothing: asking it whom it
    /// would reach costs two messages a second of its quota, and nothing of the wire.
    pub(crate) async fn watch_peers<S>(self: Arc<Self>, clock: impl Clock, mut sender: S)
    where
        S: LimitedSender<PublicKey = PublicKey>,
    {
        loop {
            // An error is a quota used up by others: what was known stands.
            if let Ok(reached) = sender.check(Recipients::All) {
                let mut keys: Vec<_> = reached
                    .recipients()
                    .iter()
                    .filter_map(|key| key.as_ref().try_into().ok().map(ValidatorKey))
                    .collect();
                keys.sort_unstable();
                self.connected.send_if_modified(|known| {
                    let changed = *known != keys;
                    *known = keys;
                    changed
                });
            }
            clock.sleep(LOOK).await;
        }
    }

    /// Notes the newest certificate, until the validator stops.
    pub(crate) async fn watch_ledger(self: Arc<Self>, clock: impl Clock, marshal: Marshal) {
        loop {
            if let Some((height, _)) = marshal.get_info(Identifier::Latest).await {
                self.newest.fetch_max(height.get(), Ordering::Relaxed);
            }
            clock.sleep(LOOK).await;
        }
    }
}

const LOOK: Duration = Duration::from_millis(500);
