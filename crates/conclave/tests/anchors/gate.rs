//! What stands between the program and the node: it lets requests through, or does not.

use std::sync::{Arc, Mutex};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::post,
};
use serde_json::Value;
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle};

use crate::anvil;

/// An endpoint of its own, with the node behind it.
pub(crate) struct Gate {
    pub(crate) url: String,
    inner: Arc<Inner>,
    serving: JoinHandle<()>,
}

/// What happens to requests.
#[derive(Clone)]
pub(crate) enum Way {
    /// They go through.
    Open,
    /// It answers that it is out of order.
    Shut,
    /// A transaction stops before it reaches the node, for ever.
    HoldBefore,
    /// A transaction reaches the node, and the answer never comes back.
    HoldAfter,
    /// The answer is changed.
    Lie(fn(method: &str, result: &mut Value)),
}

struct Inner {
    node: String,
    client: reqwest::Client,
    way: Mutex<Way>,
    /// Told when a transaction is held.
    held: Notify,
    sent: Mutex<Vec<String>>,
}

impl Gate {
    pub(crate) async fn before(node: &anvil::Anvil) -> Self {
        let inner = Arc::new(Inner {
            node: node.url.clone(),
            client: anvil::client(),
            way: Mutex::new(Way::Open),
            held: Notify::new(),
            sent: Mutex::default(),
        });
        let router = Router::new().route("/", post(pass)).with_state(Arc::clone(&inner));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, inner, serving }
    }

    pub(crate) fn turn(&self, way: Way) {
        *self.inner.way.lock().unwrap() = way;
    }

    /// Waits until a transaction is held.
    pub(crate) async fn holds(&self) {
        tokio::time::timeout(crate::PATIENCE, self.inner.held.notified()).await.unwrap();
    }

    /// Every transaction that was given to it, as it came.
    pub(crate) fn sent(&self) -> Vec<String> {
        self.inner.sent.lock().unwrap().clone()
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn pass(State(gate): State<Arc<Inner>>, Json(question): Json<Value>) -> Response {
    let way = gate.way.lock().unwrap().clone();
    let method = question["method"].as_str().unwrap_or_default().to_owned();
    if matches!(way, Way::Shut) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let sends = method == "eth_sendRawTransaction";
    if sends {
        gate.sent.lock().unwrap().push(question["params"][0].as_str().unwrap().to_owned());
    }
    if sends && matches!(way, Way::HoldBefore) {
        gate.held.notify_one();
        return std::future::pending().await;
    }
    let answer = gate.client.post(&gate.node).json(&question).send().await.unwrap();
    let mut answer: Value = answer.json().await.unwrap();
    if sends && matches!(way, Way::HoldAfter) {
        gate.held.notify_one();
        return std::future::pending().await;
    }
    if let Way::Lie(lie) = way {
        lie(&method, &mut answer["result"]);
    }
    Json(answer).into_response()
}
