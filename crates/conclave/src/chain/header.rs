//! The final header of any height, from whichever validator can prove it.

use conclave_protocol::Height;
use futures::future::join_all;

use super::{Chain, ChainError, HeaderFacts, Remote, RemoteError, now_ms};

impl Chain {
    /// The final header of this height, verified.
    ///
    /// # Errors
    /// [`ChainError::Dropped`]: those that answer say that they keep it no more;
    /// [`ChainError::Silent`]: no validator proves one.
    pub async fn header_at(&self, height: Height) -> Result<HeaderFacts, ChainError> {
        let mut without = Vec::new();
        for remote in self.ranked() {
            let answer = match remote.header(Some(height)).await {
                Ok(answer) => answer,
                Err(error) => {
                    tracing::debug!(validator = %remote.key, %error, "no header");
                    if matches!(error, RemoteError::Unknown) {
                        without.push(remote);
                    }
                    continue;
                }
            };
            let verdict = self.light().on_header(&answer, now_ms());
            match verdict {
                Ok(header) if header.height == height => return Ok(header),
                Ok(_) => remote.failed(),
                Err(refusal) => {
                    remote.failed();
                    tracing::warn!(validator = %remote.key, %refusal, "header refused");
                }
            }
        }
        Err(kept_from(&without, height).await.map_or(ChainError::Silent, ChainError::Dropped))
    }
}

/// The lowest block that is kept by any of these validators, which do not know the one of this
/// height, if they say that they dropped it. One that says it keeps that block, too, contradicts
/// itself; its word changes nothing.
async fn kept_from(without: &[Remote], height: Height) -> Option<Height> {
    // There is no block before the first one.
    if height.0 == 0 {
        return None;
    }
    let said = join_all(without.iter().map(Remote::blocks_from)).await;
    said.into_iter().flatten().filter(|from| *from > height).min()
}

#[cfg(test)]
mod tests {
    use axum::{Json, Router, http::StatusCode, routing::get};
    use conclave_protocol::{Ed25519Signer, Genesis, Params};
    use serde_json::json;

    use super::*;
    use crate::network::{Network, Peer};

    /// Validators that know no header at all; each says from where on it keeps blocks, or is dead.
    async fn chain(keep: &[Option<u64>]) -> Chain {
        let mut validators = Vec::new();
        for (seed, from) in (1..).zip(keep) {
            let rpc = match *from {
                Some(from) => serve(from).await,
                // Port 1 is closed on every machine that runs tests.
                None => "http://127.0.0.1:1".to_owned(),
            };
            let key = Ed25519Signer::from_seed(&[seed; 32]).validator();
            validators.push(Peer { key, rpc, name: None, p2p: None, relay: None });
        }
        let keys: Vec<_> = validators.iter().map(|peer| peer.key).collect();
        let genesis = Genesis::new("forgetful", 1, keys, Params::default()).unwrap();
        Chain::start(&Network { genesis, validators, anchors: Vec::new() }).unwrap()
    }

    async fn serve(from: u64) -> String {
        let unknown = async || (StatusCode::NOT_FOUND, Json(json!({ "error": "not known here" })));
        let status = async move || Json(json!({ "blocks_from": from }));
        let router = Router::new()
            .route("/v1/header/{height}", get(unknown))
            .route("/v1/status", get(status));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let rpc = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        rpc
    }

    #[tokio::test]
    async fn a_block_that_was_dropped_is_told_from_validators_that_do_not_answer() {
        let at = async |keep: &[Option<u64>], height| {
            chain(keep).await.header_at(Height(height)).await.unwrap_err()
        };
        let dropped = at(&[Some(50), None, Some(40)], 7).await;
        assert!(matches!(dropped, ChainError::Dropped(Height(40))), "{dropped:?}");
        let one_lies = at(&[Some(50), Some(1)], 7).await;
        assert!(matches!(one_lies, ChainError::Dropped(Height(50))), "{one_lies:?}");
        // Not there yet, or nobody is there.
        for keep in [&[Some(1), Some(7)][..], &[None]] {
            let silent = at(keep, 7).await;
            assert!(matches!(silent, ChainError::Silent), "{silent:?}");
        }
    }
}
