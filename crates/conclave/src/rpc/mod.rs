//! What a validator serves to everyone: proofs, headers, a place for transactions.
//!
//! Whoever asks verifies; nothing here needs to be trusted, so nothing here is encrypted. Bodies,
//! times and the share of one client are bounded.

pub(crate) mod batch;
mod bucket;
mod handlers;
mod metrics;
mod run;

use std::{path::PathBuf, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Extension, Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use conclave_ledger::validator::Validator;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use self::{bucket::Buckets, metrics::Scrapes};
use crate::serve::{self, Client, Limits};

pub use run::{RunError, Running, run};

/// The body of every answer with a status of 400 or more.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Refused {
    /// What is wrong.
    pub error: String,
}

/// What every handler gets.
#[derive(Clone, Debug)]
struct Rpc {
    validator: Validator,
    requests: Arc<Buckets>,
    sponsored: Arc<Buckets>,
    scrapes: Arc<Scrapes>,
    closing: CancellationToken,
}

/// Serves a validator's RPC until `closing` is cancelled. `ledgers` is the directory whose size is
/// told.
pub async fn serve(
    listener: TcpListener,
    validator: Validator,
    ledgers: Option<PathBuf>,
    closing: CancellationToken,
) {
    let router = router(validator, ledgers, closing.clone());
    serve::serve(listener, router, Limits::public(), closing).await;
}

fn router(validator: Validator, ledgers: Option<PathBuf>, closing: CancellationToken) -> Router {
    let rpc = Rpc {
        validator,
        // A person's device needs a few a second; many may sit behind one address.
        requests: Arc::new(Buckets::new(2_000, Duration::from_millis(2))),
        // The paper's consortium decides who may join; this one takes newcomers in slowly.
        sponsored: Arc::new(Buckets::new(60, Duration::from_secs(10))),
        scrapes: Arc::new(Scrapes::new(ledgers)),
        closing,
    };
    Router::new()
        .route("/metrics", get(metrics::metrics))
        .route("/v1/submit", post(handlers::submit).layer(DefaultBodyLimit::max(4_096)))
        .route("/v1/txs", post(batch::submit).layer(DefaultBodyLimit::max(batch::MOST_BYTES)))
        .route("/v1/tx/{id}", get(handlers::inclusion))
        .route("/v1/tx/{id}/bytes", get(handlers::transaction))
        .route("/v1/state", post(handlers::state).layer(DefaultBodyLimit::max(128 * 1_024)))
        .route("/v1/latest", get(handlers::latest))
        .route("/v1/follow", get(handlers::follow))
        .route("/v1/sponsor", post(handlers::sponsor).layer(DefaultBodyLimit::max(2_048)))
        .route("/v1/status", get(handlers::status))
        .route("/v1/block/{height}", get(handlers::block))
        .route("/v1/header/{height}", get(handlers::header_at))
        .route("/v1/handovers", get(handlers::handovers))
        .layer(middleware::from_fn_with_state(rpc.clone(), limit))
        .with_state(rpc)
}

/// One client may not take everyone's share, and no answer but a stream takes longer than 40 s.
async fn limit(
    State(rpc): State<Rpc>,
    client: Option<Extension<Client>>,
    request: Request,
    next: Next,
) -> Response {
    if let Some(Extension(client)) = client
        && !rpc.requests.take(client)
    {
        return refuse(StatusCode::TOO_MANY_REQUESTS, "too many requests; come back later");
    }
    match tokio::time::timeout(LONGEST, next.run(request)).await {
        Ok(response) => response,
        Err(_) => refuse(StatusCode::SERVICE_UNAVAILABLE, "this took too long"),
    }
}

fn refuse(status: StatusCode, error: impl Into<String>) -> Response {
    (status, Json(Refused { error: error.into() })).into_response()
}

const LONGEST: Duration = Duration::from_secs(40);
