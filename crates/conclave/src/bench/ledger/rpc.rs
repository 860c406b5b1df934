//! The validators over HTTP, as clients at several addresses of this machine.
//!
//! A validator gives each client address its share, so the load of many people comes from many
//! addresses: [`CLIENTS`] of the loopback network. Bytes in, bytes and refusals out; what answers
//! say is for `watch` and the light client to believe.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use bytes::{Bytes, BytesMut};
use conclave_ledger::MAX_ANSWER;
use conclave_protocol::{
    TxId,
    codec::{Blob, encode},
};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde::Deserialize;

use super::workload::Signed;
use crate::rpc::batch::{Batch, Verdicts};

/// Addresses the load comes from, for each validator.
pub(super) const CLIENTS: usize = 8;

/// Time for an answer that needs no waiting.
const QUICK: Duration = Duration::from_secs(10);

/// One validator.
#[derive(Debug)]
pub(super) struct Rpc {
    url: String,
    clients: Vec<Client>,
    next: AtomicUsize,
}

/// How one transaction was received.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Received {
    /// It waits for a block.
    Taken,
    /// The validator is at its capacity and says when to come back.
    Later,
    /// It is refused for good.
    Refused(String),
}

/// What `GET /v1/status` says, as far as it is looked at.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Status {
    /// The newest final height.
    pub(super) height: u64,
    /// Transactions that wait.
    pub(super) mempool: usize,
    /// Whether it answers questions.
    pub(super) ready: bool,
}

impl Rpc {
    /// The validator at this URL.
    ///
    /// # Errors
    /// No client can be made.
    pub(super) fn new(url: &str) -> anyhow::Result<Self> {
        let client = |last: u8| {
            crate::web::client()
                .local_address(IpAddr::V4(Ipv4Addr::new(127, 0, 1, last)))
                .tcp_nodelay(true)
                .pool_idle_timeout(Duration::from_secs(3))
                .build()
        };
        let last = u8::try_from(CLIENTS).unwrap_or(u8::MAX);
        let clients = (1..=last).map(client).collect::<Result<_, _>>()?;
        Ok(Self { url: url.to_owned(), clients, next: AtomicUsize::new(0) })
    }

    /// Gives one transaction, as the program itself does.
    ///
    /// # Errors
    /// The validator is not reached.
    pub(super) async fn submit(&self, tx: Bytes) -> anyhow::Result<Received> {
        let answer = self.post("/v1/submit").body(tx).send().await?;
        let status = answer.status();
        if status.is_success() {
            return Ok(Received::Taken);
        }
        if is_later(status) {
            return Ok(Received::Later);
        }
        Ok(Received::Refused(answer.text().await?))
    }

    /// Gives several transactions at once; one answer for each.
    ///
    /// # Errors
    /// The validator is not reached, or answers something else.
    pub(super) async fn submit_all(&self, txs: &[Signed]) -> anyhow::Result<Vec<Received>> {
        let blobs: Vec<_> =
            txs.iter().map(|tx| Blob::new(tx.bytes.clone())).collect::<Result<_, _>>()?;
        let body = encode(&Batch::new(blobs)?);
        let answer = self.post("/v1/txs").body(body).send().await?;
        let status = answer.status();
        if is_later(status) {
            return Ok(vec![Received::Later; txs.len()]);
        }
        if !status.is_success() {
            bail!("POST /v1/txs: {status} {}", answer.text().await?);
        }
        let verdicts: Verdicts = answer.json().await?;
        let mut received = vec![Received::Taken; txs.len()];
        for refused in verdicts.refused {
            let place = received.get_mut(refused.index).context("a verdict on nothing")?;
            *place = match refused.retry_after_ms {
                Some(_) => Received::Later,
                None => Received::Refused(refused.error),
            };
        }
        Ok(received)
    }

    /// The proof that a transaction is final, waiting for it up to `wait`.
    ///
    /// # Errors
    /// The validator is not reached, or does not know it.
    pub(super) async fn inclusion(&self, id: &TxId, wait: Duration) -> anyhow::Result<Bytes> {
        let path = format!("/v1/tx/{}?wait_ms={}", id.to_hex(), wait.as_millis());
        let answer = self.get(&path).timeout(wait + QUICK).send().await?;
        Ok(answer.error_for_status()?.bytes().await?)
    }

    /// The header answer of every new final block; a slow reader skips some.
    ///
    /// # Errors
    /// The validator is not reached.
    pub(super) async fn follow(&self) -> anyhow::Result<Frames> {
        let answer = self.get("/v1/follow").send().await?;
        Ok(Frames { answer: answer.error_for_status()?, rest: BytesMut::new() })
    }

    /// The header answer of this height, or of the newest final block.
    ///
    /// # Errors
    /// The validator is not reached, or has none.
    pub(super) async fn header(&self, height: Option<u64>) -> anyhow::Result<Bytes> {
        match height {
            Some(height) => self.bytes(&format!("/v1/header/{height}")).await,
            None => self.bytes("/v1/latest").await,
        }
    }

    /// The block of this height.
    ///
    /// # Errors
    /// The validator is not reached, or does not have it.
    pub(super) async fn block(&self, height: u64) -> anyhow::Result<Bytes> {
        self.bytes(&format!("/v1/block/{height}")).await
    }

    /// How it is doing.
    ///
    /// # Errors
    /// The validator is not reached.
    pub(super) async fn status(&self) -> anyhow::Result<Status> {
        let answer = self.get("/v1/status").timeout(QUICK).send().await?;
        Ok(answer.error_for_status()?.json().await?)
    }

    async fn bytes(&self, path: &str) -> anyhow::Result<Bytes> {
        let answer = self.get(path).timeout(QUICK).send().await?;
        Ok(answer.error_for_status()?.bytes().await?)
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.client().get(format!("{}{path}", self.url))
    }

    fn post(&self, path: &str) -> RequestBuilder {
        self.client().post(format!("{}{path}", self.url)).timeout(QUICK)
    }

    /// The clients take turns.
    fn client(&self) -> &Client {
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.clients.len();
        &self.clients[turn]
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
    ///
    /// # Errors
    /// The stream ended, or is none.
    pub(super) async fn next(&mut self) -> anyhow::Result<Bytes> {
        loop {
            if let Some((head, body)) = self.rest.split_first_chunk::<4>() {
                let length = usize::try_from(u32::from_be_bytes(*head))?;
                ensure!(length <= MAX_ANSWER, "an answer is longer than any honest one");
                if body.len() >= length {
                    let _ = self.rest.split_to(4);
                    return Ok(self.rest.split_to(length).freeze());
                }
            }
            let chunk = self.answer.chunk().await?.context("the stream of headers ended")?;
            self.rest.extend_from_slice(&chunk);
        }
    }
}

/// Whether a refusal says that waiting helps.
fn is_later(status: StatusCode) -> bool {
    matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS)
}
