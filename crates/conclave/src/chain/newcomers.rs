//! Validators that no network file names yet: whoever came into the set since is asked and followed
//! like the others.
//!
//! In: the newest header, whenever there is a newer one. Out: one more [`Remote`] for each member of
//! the set that has none, at the address in the change that let it in, proven from the state; one
//! less for each that has gone again. Those of the network file stay.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use conclave_protocol::ValidatorKey;
use reqwest::Client;

use super::{Chain, Consortium, Shared, remote::Remote};
use crate::network::{Peer, url};

/// Keeps the remotes those of the set until the chain is dropped.
pub(super) async fn welcome(chain: Weak<Shared>, client: Client) {
    let Some(mut headers) = chain.upgrade().map(|chain| chain.newest.subscribe()) else { return };
    let mut looked = Vec::new();
    while headers.changed().await.is_ok() {
        let Some(chain) = chain.upgrade() else { return };
        let set = chain.validators();
        if set == looked {
            continue;
        }
        let remotes = chain.remotes();
        let is_known = |key: &ValidatorKey| remotes.iter().any(|remote| remote.key == *key);
        let newcomers: Vec<_> = set.iter().filter(|key| !is_known(key)).copied().collect();
        if newcomers.is_empty() {
            chain.stay(&set, Vec::new());
            looked = set;
            continue;
        }
        match Chain(Arc::clone(&chain)).consortium().await {
            Ok(consortium) => {
                let reached =
                    newcomers.iter().filter_map(|key| reach(&consortium, key, &client)).collect();
                chain.stay(&set, reached);
                looked = set;
            }
            Err(error) => {
                tracing::debug!(%error, "the set has changed; whom it has now is asked again");
                drop(chain);
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Where the ledger says that a validator is reached.
fn reach(consortium: &Consortium, key: &ValidatorKey, client: &Client) -> Option<Remote> {
    let contact = consortium.contact(key)?;
    let name = Some(contact.name.as_str().to_owned());
    let rpc = url(contact.rpc.as_str()).ok()?;
    tracing::info!(validator = %key, %rpc, "a validator came into the set");
    Some(Remote::new(client, &Peer { key: *key, name, rpc, p2p: None, relay: None }))
}

const PAUSE: Duration = Duration::from_millis(500);
