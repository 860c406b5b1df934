//! What a validator serves to everyone: proofs, headers, a place for transactions.
//!
//! Whoever asks verifies; nothing here needs to be trusted, so nothing here is encrypted. Bodies,
//! answers, times and the share of one client are bounded; who asks too much is told when to come
//! back. `bucket` counts, `reply` refuses, `handlers` answers, `run` starts all of a validator.

pub(crate) mod batch;
mod bucket;
mod evidence;
mod handlers;
mod metrics;
mod reply;
mod run;
#[cfg(test)]
mod tests;

use std::{path::PathBuf, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Extension, Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::Response,
    routing::{get, post},
};
use conclave_ledger::validator::Validator;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use self::{bucket::Buckets, metrics::Scrapes};
use crate::{
    explorer::{self, Explorer},
    serve::{self, Client, Limits},
};

pub(crate) use reply::{refuse, refuse_for};

pub use reply::Refused;
pub use run::{RunError, Running, run};

pub(crate) use run::now_ms;

/// What every handler gets.
#[derive(Clone, Debug)]
struct Rpc {
    validator: Validator,
    requests: Arc<Buckets>,
    sponsored: Arc<Buckets>,
    scrapes: Arc<Scrapes>,
    closing: CancellationToken,
}

/// Serves a validator's RPC and its explorer until `closing` is cancelled. `ledgers` is the
/// directory whose size is told.
pub async fn serve(
    listener: TcpListener,
    validator: Validator,
    ledgers: Option<PathBuf>,
    explorer: Explorer,
    closing: CancellationToken,
) {
    let router = router(Rpc::new(validator, ledgers, closing.clone()), explorer);
    serve::serve(listener, router, Limits::public(), closing).await;
}

impl Rpc {
    fn new(validator: Validator, ledgers: Option<PathBuf>, closing: CancellationToken) -> Self {
        Self {
            validator,
            // A person's device needs a few a second; many may sit behind one address.
            requests: Arc::new(Buckets::new(2_000, Duration::from_millis(2))),
            // The paper's consortium decides who may join; this one takes newcomers in slowly.
            sponsored: Arc::new(Buckets::new(60, Duration::from_secs(10))),
            scrapes: Arc::new(Scrapes::new(ledgers)),
            closing,
        }
    }
}

fn router(rpc: Rpc, explorer: Explorer) -> Router {
    let closing = rpc.closing.clone();
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
        .route("/v1/blocks", get(handlers::records))
        .route("/v1/header/{height}", get(handlers::header_at))
        .route("/v1/handovers", get(handlers::handovers))
        .with_state(rpc.clone())
        .merge(explorer::router(explorer, closing))
        .layer(middleware::from_fn_with_state(rpc, limit))
}

/// One client may not take everyone's share, and no answer but a stream takes longer than 40 s to be
/// made. That it is also taken in time is for `serve` to see to: [`Limits::unread`].
async fn limit(
    State(rpc): State<Rpc>,
    client: Option<Extension<Client>>,
    request: Request,
    next: Next,
) -> Response {
    if let Some(Extension(client)) = client
        && let Err(wait) = rpc.requests.take(client, cost(request.uri().path()))
    {
        return refuse_for(StatusCode::TOO_MANY_REQUESTS, "too many requests", wait);
    }
    match tokio::time::timeout(LONGEST, next.run(request)).await {
        Ok(response) => response,
        Err(_) => refuse_for(StatusCode::SERVICE_UNAVAILABLE, "this took too long", LATER),
    }
}

/// What a question costs its client, in the measure of one that reads a header.
fn cost(path: &str) -> u32 {
    let dear = [
        ("/v1/blocks", 16),
        ("/v1/block/", 8),
        ("/v1/state", 2),
        ("/v1/sponsor", 4),
        ("/explorer/", 4),
    ];
    dear.iter().find(|(start, _)| path.starts_with(start)).map_or(1, |(_, cost)| *cost)
}

/// What a forged signature costs beside that: its check is the dearest thing a stranger can ask for.
const FORGED: u32 = 50;
const LONGEST: Duration = Duration::from_secs(40);
/// When to come back to a validator that is busy, or has not caught up.
pub(crate) const LATER: Duration = Duration::from_secs(1);
