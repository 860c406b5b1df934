//! The routes of the explorer: all of them `GET`, none with an effect.

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::StatusCode,
    middleware,
    response::{IntoResponse as _, Response},
    routing::get,
};
use conclave_ledger::validator::AskError;
use conclave_protocol::{DeviceId, MeetingId, TxId, UserId, ValidatorKey};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::{Explorer, page, stream};
use crate::{
    landing,
    rpc::{LATER, refuse, refuse_for},
};

#[derive(Clone)]
struct Shown {
    explorer: Explorer,
    closing: CancellationToken,
}

/// The page at `/`, the one for newcomers at `/join`, their files under `/page`, its JSON under `/explorer`.
pub(crate) fn router(explorer: Explorer, closing: CancellationToken) -> Router {
    Router::new()
        .route("/", get(page::index))
        .route(landing::PATH, get(page::join))
        .route("/page/{*path}", get(page::part))
        .route("/explorer/overview", get(overview))
        .route("/explorer/events", get(events))
        .route("/explorer/blocks", get(blocks))
        .route("/explorer/blocks/{height}", get(block))
        .route("/explorer/tx/{id}", get(tx))
        .route("/explorer/users/{id}", get(user))
        .route("/explorer/devices/{id}", get(device))
        .route("/explorer/meetings/{id}", get(meeting))
        .route("/explorer/validators", get(validators))
        .route("/explorer/validators/{key}", get(validator))
        .route("/explorer/anchors", get(anchors))
        .route("/explorer/search", get(search))
        .with_state(Shown { explorer, closing })
        .layer(middleware::from_fn(page::guard))
}

async fn overview(State(shown): State<Shown>) -> Response {
    Json(shown.explorer.overview().await).into_response()
}

async fn events(State(shown): State<Shown>) -> Response {
    stream::events(shown.explorer, shown.closing)
}

#[derive(Deserialize)]
struct Before {
    before: Option<u64>,
}

async fn blocks(State(shown): State<Shown>, Query(Before { before }): Query<Before>) -> Response {
    Json(shown.explorer.blocks(before.unwrap_or(u64::MAX))).into_response()
}

#[derive(Deserialize)]
struct From {
    #[serde(default)]
    from: usize,
}

async fn block(
    State(shown): State<Shown>,
    Path(height): Path<u64>,
    Query(From { from }): Query<From>,
) -> Response {
    asked(shown.explorer.block(height, from).await)
}

async fn tx(State(shown): State<Shown>, Path(id): Path<String>) -> Response {
    match id.parse::<TxId>() {
        Ok(id) => asked(shown.explorer.tx(id).await),
        Err(_) => no_id(),
    }
}

async fn user(State(shown): State<Shown>, Path(id): Path<String>) -> Response {
    match id.parse::<UserId>() {
        Ok(id) => looked(shown.explorer.user(id).await),
        Err(_) => no_id(),
    }
}

async fn device(State(shown): State<Shown>, Path(id): Path<String>) -> Response {
    match id.parse::<DeviceId>() {
        Ok(id) => looked(shown.explorer.device(id).await),
        Err(_) => no_id(),
    }
}

async fn meeting(State(shown): State<Shown>, Path(id): Path<String>) -> Response {
    match id.parse::<MeetingId>() {
        Ok(id) => looked(shown.explorer.meeting(id).await),
        Err(_) => no_id(),
    }
}

async fn validators(State(shown): State<Shown>) -> Response {
    Json(shown.explorer.validators().await).into_response()
}

async fn anchors(State(shown): State<Shown>) -> Response {
    Json(shown.explorer.anchors().await).into_response()
}

async fn validator(State(shown): State<Shown>, Path(key): Path<String>) -> Response {
    match key.parse::<TxId>() {
        Ok(key) => looked(shown.explorer.validator(ValidatorKey(key.0)).await),
        Err(_) => no_id(),
    }
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    q: String,
}

async fn search(State(shown): State<Shown>, Query(Asked { q }): Query<Asked>) -> Response {
    Json(shown.explorer.search(&q).await).into_response()
}

fn asked(answer: Result<impl Serialize, AskError>) -> Response {
    match answer {
        Ok(view) => Json(view).into_response(),
        Err(AskError::Unknown) => refuse(
            StatusCode::NOT_FOUND,
            "not on this ledger, or older than what this validator keeps",
        ),
        Err(error @ AskError::Dropped(_)) => refuse(StatusCode::NOT_FOUND, error.to_string()),
        Err(error) => refuse_for(StatusCode::SERVICE_UNAVAILABLE, error.to_string(), LATER),
    }
}

fn looked(answer: Option<impl Serialize>) -> Response {
    match answer {
        Some(view) => Json(view).into_response(),
        None => refuse(StatusCode::NOT_FOUND, "not on this ledger"),
    }
}

fn no_id() -> Response {
    refuse(StatusCode::BAD_REQUEST, "an id has 64 hexadecimal digits")
}
