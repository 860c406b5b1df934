//! One validator over HTTP. What comes back are bytes of bounded size, believed by nobody here.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use conclave_ledger::{
    MAX_ANSWER,
    audit::{FULL_RECORDS, MAX_RECORD},
};
use conclave_protocol::{
    Height, Key, RegisterUser, Signature, TxId, ValidatorKey,
    codec::{List, decode, encode},
    tx::MAX_TX_BYTES,
};
use reqwest::{Client, Response, StatusCode};

use crate::{http::wire::ValidatorView, network::Peer};

/// One validator.
#[derive(Clone, Debug)]
pub(super) struct Remote {
    pub(super) key: ValidatorKey,
    url: String,
    client: Client,
    health: Arc<Health>,
}

/// What is shown of a validator, and by what the next one to ask is chosen.
#[derive(Debug, Default)]
struct Health {
    height: AtomicU64,
    ok: AtomicBool,
    /// Until when it asked to be left alone.
    busy: Mutex<Option<Instant>>,
}

/// The HTTP client of all validators: no proxy, no redirect, no cookie.
pub(super) fn client() -> reqwest::Result<Client> {
    crate::web::client()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(3))
        .tcp_nodelay(true)
        // Shorter than a validator keeps a silent connection, so that none is reused as it dies.
        .pool_idle_timeout(Duration::from_secs(3))
        .pool_max_idle_per_host(8)
        .build()
}

impl Remote {
    pub(super) fn new(client: &Client, peer: &Peer) -> Self {
        let health = Arc::default();
        Self { key: peer.key, url: peer.rpc.clone(), client: client.clone(), health }
    }

    /// Notes a header it gave that was verified.
    pub(super) fn proved(&self, height: u64) {
        self.health.height.fetch_max(height, Ordering::Relaxed);
        self.health.ok.store(true, Ordering::Relaxed);
    }

    /// Notes that it does not answer, or not with the truth.
    pub(super) fn failed(&self) {
        self.health.ok.store(false, Ordering::Relaxed);
    }

    /// Whether it is free, whether it is well, and the height it has proven: whom to ask first.
    pub(super) fn rank(&self) -> (bool, bool, u64) {
        let (ok, height) = self.seen();
        (self.pause().is_zero(), ok, height)
    }

    /// How long it still asks to be left alone.
    pub(super) fn pause(&self) -> Duration {
        let busy = self.health.busy.lock().unwrap_or_else(PoisonError::into_inner);
        busy.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()))
    }

    fn seen(&self) -> (bool, u64) {
        (self.health.ok.load(Ordering::Relaxed), self.health.height.load(Ordering::Relaxed))
    }

    /// Notes when to come back, if that is what it answered.
    fn noting<T>(&self, answer: Result<T, RemoteError>) -> Result<T, RemoteError> {
        if let Err(RemoteError::Busy(_, wait)) = &answer {
            let until = Instant::now() + (*wait).min(LONGEST_PAUSE);
            *self.health.busy.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
        }
        answer
    }

    pub(super) fn view(&self) -> ValidatorView {
        let (ok, height) = self.seen();
        let key = self.key.to_string();
        ValidatorView { key, url: self.url.clone(), height: (height > 0).then_some(height), ok }
    }

    /// Sends a transaction. `Ok` when it is checked and waits for a block there.
    pub(super) async fn submit(&self, tx: Bytes) -> Result<(), RemoteError> {
        let request = self.client.post(format!("{}/v1/submit", self.url)).body(tx);
        let answer = check(request.timeout(QUICK).send().await?).await.map(drop);
        self.noting(answer)
    }

    /// Waits there until a transaction is final, or for `wait`.
    pub(super) async fn inclusion(&self, id: &TxId, wait: Duration) -> Result<Bytes, RemoteError> {
        let url = format!("{}/v1/tx/{}?wait_ms={}", self.url, id.to_hex(), wait.as_millis());
        let answer = self.client.get(url).timeout(wait + QUICK).send().await?;
        body(check(answer).await?, MAX_ANSWER).await
    }

    /// The bytes of a final transaction; the caller compares their hash.
    pub(super) async fn transaction(&self, id: &TxId) -> Result<Bytes, RemoteError> {
        let url = format!("{}/v1/tx/{}/bytes", self.url, id.to_hex());
        let answer = self.client.get(url).timeout(QUICK).send().await?;
        body(check(answer).await?, MAX_TX_BYTES).await
    }

    /// What proves the header of this height, of the newest block unless one is given.
    pub(super) async fn header(&self, height: Option<Height>) -> Result<Bytes, RemoteError> {
        let url = match height {
            Some(height) => format!("{}/v1/header/{height}", self.url),
            None => format!("{}/v1/latest", self.url),
        };
        let answer = self.client.get(url).timeout(QUICK).send().await?;
        body(check(answer).await?, MAX_ANSWER).await
    }

    /// The lowest block it says it keeps.
    pub(super) async fn blocks_from(&self) -> Option<Height> {
        #[derive(serde::Deserialize)]
        struct Status {
            blocks_from: u64,
        }
        let answer = self.client.get(format!("{}/v1/status", self.url)).timeout(QUICK).send().await;
        let text = body(check(answer.ok()?).await.ok()?, 4_096).await.ok()?;
        let Status { blocks_from } = serde_json::from_slice(&text).ok()?;
        Some(Height(blocks_from))
    }

    /// Records of the ledger from a height on, not far beyond `until`.
    pub(super) async fn records(&self, from: Height, until: Height) -> Result<Bytes, RemoteError> {
        let most = until.0.saturating_sub(from.0).saturating_add(MORE);
        let url = format!("{}/v1/blocks?from={from}&count={most}", self.url);
        let answer = self.client.get(url).timeout(SLOW).send().await?;
        body(check(answer).await?, FULL_RECORDS + MAX_RECORD + 4).await
    }

    /// The proven state of some keys.
    pub(super) async fn state(&self, keys: Vec<Key>) -> Result<Bytes, RemoteError> {
        let keys: List<Key, { conclave_ledger::MAX_KEYS }> =
            List::new(keys).map_err(|_| RemoteError::TooLong)?;
        let request = self.client.post(format!("{}/v1/state", self.url)).body(encode(&keys));
        let answer = check(request.timeout(QUICK).send().await?).await;
        body(self.noting(answer)?, MAX_ANSWER).await
    }

    /// A whole block; the caller compares it with a proven header.
    pub(super) async fn block(&self, height: Height) -> Result<Bytes, RemoteError> {
        let url = format!("{}/v1/block/{height}", self.url);
        let answer = self.client.get(url).timeout(QUICK).send().await?;
        body(check(answer).await?, MAX_ANSWER).await
    }

    /// What its explorer says, unproven.
    pub(super) async fn said(&self, path: &str) -> Result<Bytes, RemoteError> {
        let url = format!("{}/explorer/{path}", self.url);
        let answer = self.client.get(url).timeout(QUICK).send().await?;
        body(check(answer).await?, MAX_ANSWER).await
    }

    /// The changes of the validator set from this number on.
    pub(super) async fn handovers(&self, from: u32) -> Result<Bytes, RemoteError> {
        let url = format!("{}/v1/handovers?from={from}", self.url);
        let answer = self.client.get(url).timeout(QUICK).send().await?;
        body(check(answer).await?, MAX_ANSWER).await
    }

    /// Asks it to sign for a new user.
    pub(super) async fn sponsor(&self, user: &RegisterUser) -> Result<Signature, RemoteError> {
        let request = self.client.post(format!("{}/v1/sponsor", self.url)).body(encode(user));
        let bytes = body(check(request.timeout(QUICK).send().await?).await?, 128).await?;
        decode(&bytes).map_err(|_| RemoteError::Malformed)
    }

    /// Opens the stream of headers.
    pub(super) async fn follow(&self) -> Result<Frames, RemoteError> {
        let url = format!("{}/v1/follow", self.url);
        let answer = tokio::time::timeout(QUICK, self.client.get(url).send())
            .await
            .map_err(|_| RemoteError::Silent)??;
        Ok(Frames { answer: check(answer).await?, rest: BytesMut::new() })
    }
}

/// A stream of answers, each after its length (u32, big-endian).
#[derive(Debug)]
pub(super) struct Frames {
    answer: Response,
    rest: BytesMut,
}

impl Frames {
    /// The next answer; an empty one only says that the validator is there.
    pub(super) async fn next(&mut self) -> Result<Bytes, RemoteError> {
        loop {
            if let Some((head, body)) = self.rest.split_first_chunk::<4>() {
                let length = usize::try_from(u32::from_be_bytes(*head)).unwrap_or(usize::MAX);
                if length > MAX_ANSWER {
                    return Err(RemoteError::TooLong);
                }
                if body.len() >= length {
                    let _ = self.rest.split_to(4);
                    return Ok(self.rest.split_to(length).freeze());
                }
            }
            let chunk = tokio::time::timeout(HEARTBEAT, self.answer.chunk())
                .await
                .map_err(|_| RemoteError::Silent)??;
            self.rest.extend_from_slice(&chunk.ok_or(RemoteError::Silent)?);
        }
    }
}

/// Why one validator did not answer with bytes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// It is too busy, or has not caught up; when to come back.
    #[error("the validator is busy: {0}")]
    Busy(String, Duration),
    /// The connection failed.
    #[error("the validator is not reached: {0}")]
    Http(#[from] reqwest::Error),
    /// The answer has another length than any honest one.
    #[error("the validator's answer is malformed")]
    Malformed,
    /// It says that the rules refuse it.
    #[error("{0}")]
    Refused(String),
    /// It stopped answering.
    #[error("the validator went silent")]
    Silent,
    /// The answer is longer than any honest one, or the question is.
    #[error("too long")]
    TooLong,
    /// It does not know.
    #[error("the validator does not know")]
    Unknown,
}

async fn check(answer: Response) -> Result<Response, RemoteError> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let text = body(answer, 4_096).await.unwrap_or_default();
    let refused: Option<crate::rpc::Refused> = serde_json::from_slice(&text).ok();
    let wait = refused.as_ref().and_then(|refused| refused.retry_after_ms).unwrap_or(0);
    let text = refused.map_or_else(
        || status.to_string(),
        |refused| refused.error.chars().filter(|c| !c.is_control()).collect(),
    );
    Err(match status {
        StatusCode::NOT_FOUND => RemoteError::Unknown,
        StatusCode::UNPROCESSABLE_ENTITY => RemoteError::Refused(text),
        _ => RemoteError::Busy(text, Duration::from_millis(wait)),
    })
}

async fn body(mut answer: Response, most: usize) -> Result<Bytes, RemoteError> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = answer.chunk().await? {
        if bytes.len().saturating_add(chunk.len()) > most {
            return Err(RemoteError::TooLong);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

/// Blocks beyond the last one that is wanted: one of them certifies it.
const MORE: u64 = 64;
/// Time for a megabyte of blocks.
const SLOW: Duration = Duration::from_secs(60);
/// Whatever it says, a validator is asked again after this time.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Time for an answer that needs no waiting.
const QUICK: Duration = Duration::from_secs(5);
/// A validator that follows sends something at least every 5 s.
const HEARTBEAT: Duration = Duration::from_secs(15);
