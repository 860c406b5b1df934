//! A validator as others meet it when it has dropped its old blocks: what stands before a real one.

use std::{path::PathBuf, sync::Arc};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Path, State},
    http::{Method, StatusCode, Uri},
    response::{IntoResponse as _, Response},
    routing::get,
};
use serde_json::json;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{anvil, world::World};

/// The way to the first validator of a world that leads past its old blocks.
pub(crate) struct Forgetful {
    /// The network, for those who know this way only.
    pub(crate) file: PathBuf,
    serving: JoinHandle<()>,
}

struct Inner {
    validator: String,
    client: reqwest::Client,
    /// The lowest block that it knows.
    from: u64,
}

impl Forgetful {
    pub(crate) async fn before(world: &World, from: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut network = world.network.clone();
        let rpc = format!("http://{}", listener.local_addr().unwrap());
        let validator = std::mem::replace(&mut network.validators[0].rpc, rpc);
        let file = world.path().join("forgetful.toml");
        std::fs::write(&file, network.to_toml().unwrap()).unwrap();
        let inner = Arc::new(Inner { validator, client: anvil::client(), from });
        let router = Router::new()
            .route("/v1/header/{height}", get(header))
            .route("/v1/status", get(status))
            .fallback(pass)
            .with_state(inner);
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { file, serving }
    }
}

impl Drop for Forgetful {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn header(
    State(it): State<Arc<Inner>>,
    Path(height): Path<u64>,
    method: Method,
    uri: Uri,
) -> Response {
    if height >= it.from {
        return pass(State(it), method, uri, Bytes::new()).await;
    }
    let error = format!("not known here: this validator has blocks from height {} on", it.from);
    (StatusCode::NOT_FOUND, Json(json!({ "error": error }))).into_response()
}

async fn status(State(it): State<Arc<Inner>>) -> Response {
    Json(json!({ "blocks_from": it.from })).into_response()
}

async fn pass(State(it): State<Arc<Inner>>, method: Method, uri: Uri, body: Bytes) -> Response {
    let question = it.client.request(method, format!("{}{uri}", it.validator)).body(body);
    let answer = question.send().await.unwrap();
    // The headers of the ledger come as they are made, and this answer never ends.
    (answer.status(), Body::from_stream(answer.bytes_stream())).into_response()
}
