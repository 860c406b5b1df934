//! What one validator answers over HTTP, believed only when it is proven.

use std::{sync::Mutex, time::Duration};

use conclave_ledger::light::{LightClient, Refusal};
use conclave_protocol::{Key, TxId, codec::List, encode};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use tokio::time::sleep;

use crate::wait::{LOOK, PATIENCE, now_ms};

/// One validator's door. `None` is a validator that does not answer.
#[derive(Clone)]
pub(crate) struct Rpc {
    pub(crate) url: String,
    pub(crate) client: Client,
}

impl Rpc {
    pub(crate) async fn submit(&self, tx: &[u8]) -> Option<StatusCode> {
        let request = self.client.post(format!("{}/v1/submit", self.url)).body(tx.to_vec());
        Some(send(request).await?.status())
    }

    pub(crate) async fn inclusion(&self, id: &TxId, wait: Duration) -> Option<Vec<u8>> {
        let url = format!("{}/v1/tx/{}?wait_ms={}", self.url, id.to_hex(), wait.as_millis());
        self.bytes(self.client.get(url)).await
    }

    /// Verifies what this validator said, after following the validator set if need be.
    pub(crate) async fn judge<T>(
        &self,
        light: &Mutex<LightClient>,
        verify: impl Fn(&mut LightClient) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let first = verify(&mut light.lock().unwrap());
        let Err(Refusal::UnknownValidators) = first else { return first };
        let from = light.lock().unwrap().handovers();
        let url = format!("{}/v1/handovers?from={from}", self.url);
        if let Some(answer) = self.bytes(self.client.get(url)).await {
            light.lock().unwrap().on_handovers(&answer, now_ms())?;
        }
        verify(&mut light.lock().unwrap())
    }

    pub(crate) async fn latest(&self) -> Option<Vec<u8>> {
        self.bytes(self.client.get(format!("{}/v1/latest", self.url))).await
    }

    pub(crate) async fn state(&self, keys: &[Key]) -> Option<Vec<u8>> {
        let keys: List<Key, { conclave_ledger::MAX_KEYS }> = List::new(keys.to_vec()).unwrap();
        self.bytes(self.client.post(format!("{}/v1/state", self.url)).body(encode(&keys))).await
    }

    pub(crate) async fn bytes(&self, request: RequestBuilder) -> Option<Vec<u8>> {
        let answer = send(request).await?;
        if answer.status() != StatusCode::OK {
            return None;
        }
        Some(answer.bytes().await.ok()?.to_vec())
    }
}

/// Sends a request, again while the validator says that this client asks too much.
async fn send(request: RequestBuilder) -> Option<Response> {
    loop {
        let answer = request.try_clone().unwrap().timeout(PATIENCE).send().await.ok()?;
        if answer.status() != StatusCode::TOO_MANY_REQUESTS {
            return Some(answer);
        }
        sleep(LOOK).await;
    }
}
