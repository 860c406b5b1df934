//! One function per question.

use std::{convert::Infallible, time::Duration};

use axum::{
    Extension, Json,
    body::Body,
    extract::{Path, Query, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use bytes::{BufMut as _, Bytes, BytesMut};
use conclave_ledger::{
    MAX_KEYS,
    validator::{AskError, Rejected, Role, Status},
};
use conclave_protocol::{
    Height, Key, RegisterUser, TxId,
    codec::{List, decode, encode},
    identity::Gate,
};
use futures::stream;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::{sync::watch, time::timeout};

use super::{FORGED, LATER, Rpc, refuse, refuse_for};
use crate::serve::Client;

pub(super) async fn submit(
    State(rpc): State<Rpc>,
    client: Option<Extension<Client>>,
    tx: Bytes,
) -> Response {
    match rpc.validator.submit(tx).await {
        Ok(id) => (StatusCode::ACCEPTED, Json(json!({ "txid": id.to_hex() }))).into_response(),
        Err(rejected) => {
            if let (Rejected::BadSignature, Some(Extension(client))) = (&rejected, client) {
                rpc.requests.charge(client, FORGED);
            }
            turn_away(&rejected)
        }
    }
}

/// What is beyond capacity is refused here and now: nothing queues but in the mempool.
pub(super) fn turn_away(rejected: &Rejected) -> Response {
    match rejected {
        Rejected::Busy(_) | Rejected::NotReady | Rejected::Stopped => {
            refuse_for(StatusCode::SERVICE_UNAVAILABLE, rejected.to_string(), LATER)
        }
        _ => refuse(StatusCode::UNPROCESSABLE_ENTITY, rejected.to_string()),
    }
}

/// How long the caller wants to wait.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Wait {
    #[serde(default)]
    wait_ms: u64,
}

pub(super) async fn inclusion(
    State(rpc): State<Rpc>,
    Path(id): Path<String>,
    Query(Wait { wait_ms }): Query<Wait>,
) -> Response {
    let Ok(id) = id.parse::<TxId>() else {
        return refuse(StatusCode::BAD_REQUEST, "a transaction id has 64 hexadecimal digits");
    };
    let wait = Duration::from_millis(wait_ms).min(LONGEST_WAIT);
    match timeout(wait, rpc.validator.wait_final(&id)).await {
        Ok(answer) => bytes(answer),
        Err(_) => bytes(rpc.validator.inclusion(&id).await),
    }
}

pub(super) async fn transaction(State(rpc): State<Rpc>, Path(id): Path<String>) -> Response {
    match id.parse::<TxId>() {
        Ok(id) => bytes(rpc.validator.transaction(&id).await),
        Err(_) => refuse(StatusCode::BAD_REQUEST, "a transaction id has 64 hexadecimal digits"),
    }
}

pub(super) async fn state(State(rpc): State<Rpc>, keys: Bytes) -> Response {
    match decode::<List<Key, MAX_KEYS>>(&keys) {
        Ok(keys) => bytes(rpc.validator.query(keys.into_vec()).await),
        Err(error) => refuse(StatusCode::BAD_REQUEST, error.to_string()),
    }
}

pub(super) async fn latest(State(rpc): State<Rpc>) -> Response {
    bytes(rpc.validator.latest().await)
}

pub(super) async fn block(State(rpc): State<Rpc>, Path(height): Path<u64>) -> Response {
    bytes(rpc.validator.block(Height(height)).await)
}

/// Which blocks are asked for.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Range {
    from: u64,
    #[serde(default = "one")]
    count: u64,
}

const fn one() -> u64 {
    1
}

pub(super) async fn records(
    State(rpc): State<Rpc>,
    Query(Range { from, count }): Query<Range>,
) -> Response {
    bytes(rpc.validator.records(Height(from), count).await)
}

pub(super) async fn header_at(State(rpc): State<Rpc>, Path(height): Path<u64>) -> Response {
    bytes(rpc.validator.header(Height(height)).await)
}

/// The first change that the caller does not know.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct From {
    #[serde(default)]
    from: u32,
}

pub(super) async fn handovers(
    State(rpc): State<Rpc>,
    Query(From { from }): Query<From>,
) -> Response {
    bytes(rpc.validator.handovers(from).await)
}

pub(super) async fn follow(State(rpc): State<Rpc>) -> Response {
    let mut tips = rpc.validator.follow();
    tips.mark_changed();
    let closing = rpc.closing;
    let frames = stream::unfold((tips, closing), |(mut tips, closing)| async move {
        let frame = tokio::select! {
            () = closing.cancelled() => return None,
            frame = next(&mut tips) => frame?,
        };
        Some((Ok::<_, Infallible>(frame), (tips, closing)))
    });
    ([(header::CONTENT_TYPE, BYTES)], Body::from_stream(frames)).into_response()
}

/// The next header answer after its length; an empty one when there was none for a while.
async fn next(tips: &mut watch::Receiver<Bytes>) -> Option<Bytes> {
    let tip = match timeout(IDLE, tips.changed()).await {
        Ok(changed) => {
            changed.ok()?;
            tips.borrow_and_update().clone()
        }
        Err(_) => Bytes::new(),
    };
    let mut frame = BytesMut::with_capacity(tip.len().saturating_add(4));
    frame.put_u32(u32::try_from(tip.len()).ok()?);
    frame.put(tip);
    Some(frame.freeze())
}

pub(super) async fn sponsor(
    State(rpc): State<Rpc>,
    client: Option<Extension<Client>>,
    user: Bytes,
) -> Response {
    let user: RegisterUser = match decode(&user) {
        Ok(user) => user,
        Err(error) => return refuse(StatusCode::BAD_REQUEST, error.to_string()),
    };
    let status = rpc.validator.status();
    if user.gate != Gate::Sponsor(status.key) {
        return refuse(StatusCode::UNPROCESSABLE_ENTITY, "another sponsor is named");
    }
    if status.role != Role::Member {
        return refuse(StatusCode::UNPROCESSABLE_ENTITY, "this one is not in the validator set");
    }
    if let Err(weak) = user.ivk.check() {
        return refuse(StatusCode::UNPROCESSABLE_ENTITY, weak.to_string());
    }
    match rpc.validator.local_record(&Key::User(user.user)).await {
        Ok(None) => {}
        Ok(Some(_)) => return refuse(StatusCode::UNPROCESSABLE_ENTITY, "this user exists"),
        Err(error) => return bytes(Err(error)),
    }
    if let Some(Extension(client)) = client
        && let Err(wait) = rpc.sponsored.take(client, 1)
    {
        return refuse_for(StatusCode::TOO_MANY_REQUESTS, "too many newcomers", wait);
    }
    bytes(Ok(encode(&rpc.validator.sponsor(&user)).into()))
}

/// The answer of `GET /v1/status`.
#[derive(Clone, Debug, Serialize)]
pub(super) struct StatusView {
    key: String,
    height: u64,
    time_ms: u64,
    epoch: u64,
    role: &'static str,
    validators: usize,
    mempool: usize,
    ready: bool,
    /// The lowest block that is kept here.
    blocks_from: u64,
}

pub(super) async fn status(State(rpc): State<Rpc>) -> Json<StatusView> {
    let Status { key, height, time_ms, lowest, epoch, validators, role, mempool, is_ready } =
        rpc.validator.status();
    let role = match role {
        Role::Member => "member",
        Role::Waiting => "waiting",
        Role::Removed => "removed",
        Role::Silent => "silent",
    };
    let (key, height, ready, blocks_from) = (hex::encode(key.0), height.0, is_ready, lowest.0);
    Json(StatusView { key, height, time_ms, epoch, role, validators, mempool, ready, blocks_from })
}

fn bytes(answer: Result<Bytes, AskError>) -> Response {
    match answer {
        Ok(bytes) => ([(header::CONTENT_TYPE, BYTES)], bytes).into_response(),
        Err(error) => {
            let text = error.to_string();
            match error {
                AskError::TooManyKeys => refuse(StatusCode::BAD_REQUEST, text),
                AskError::Dropped(_) | AskError::Unknown => refuse(StatusCode::NOT_FOUND, text),
                _ => refuse_for(StatusCode::SERVICE_UNAVAILABLE, text, LATER),
            }
        }
    }
}

const BYTES: &str = "application/octet-stream";
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Silence after which a stream says that it is still there.
const IDLE: Duration = Duration::from_secs(5);
