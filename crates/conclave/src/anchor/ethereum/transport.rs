//! JSON-RPC over the program's own HTTP client: no redirect, a time limit, and answers of bounded
//! size. Addresses of endpoints often carry the key of an account, so no error names one.

use std::{task, time::Duration};

use alloy::{
    rpc::json_rpc::{RequestPacket, ResponsePacket},
    transports::{TransportError, TransportErrorKind, TransportFut},
};
use bytes::{Bytes, BytesMut};
use reqwest::{Client, Url, header::CONTENT_TYPE};
use tower::Service;

/// One endpoint's address and the connection to it.
#[derive(Clone, Debug)]
pub(super) struct Transport {
    client: Client,
    url: Url,
}

impl Transport {
    pub(super) fn new(url: Url) -> reqwest::Result<Self> {
        let client = crate::web::client()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(5))
            .timeout(LONGEST)
            .build()?;
        Ok(Self { client, url })
    }

    async fn ask(self, request: RequestPacket) -> Result<ResponsePacket, TransportError> {
        let body = serde_json::to_vec(&request).map_err(TransportError::ser_err)?;
        let request = self.client.post(self.url).header(CONTENT_TYPE, JSON).body(body);
        let answer = request.send().await.map_err(broken)?;
        let status = answer.status();
        let body = bounded(answer).await?;
        if !status.is_success() {
            let text = String::from_utf8_lossy(body.get(..200).unwrap_or(&body)).into_owned();
            return Err(TransportErrorKind::http_error(status.as_u16(), text));
        }
        serde_json::from_slice(&body)
            .map_err(|error| TransportError::deser_err(error, "not JSON-RPC"))
    }
}

impl Service<RequestPacket> for Transport {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> task::Poll<Result<(), Self::Error>> {
        task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: RequestPacket) -> Self::Future {
        Box::pin(self.clone().ask(request))
    }
}

async fn bounded(mut answer: reqwest::Response) -> Result<Bytes, TransportError> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = answer.chunk().await.map_err(broken)? {
        if bytes.len().saturating_add(chunk.len()) > MOST {
            return Err(TransportErrorKind::custom_str("the answer is too long"));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

fn broken(error: reqwest::Error) -> TransportError {
    TransportErrorKind::custom(error.without_url())
}

const JSON: &str = "application/json";
/// A full block of Ethereum with its transactions is well below this as JSON.
const MOST: usize = 32 << 20;
const LONGEST: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use alloy::{
        providers::{Provider as _, RootProvider},
        rpc::client::RpcClient,
    };
    use axum::{Router, body::Body, routing::post};
    use futures::stream;

    use super::*;

    #[tokio::test]
    async fn an_answer_without_end_is_cut_off() {
        let endless = || async {
            let chunk = Bytes::from_static(&[b' '; 65_536]);
            Body::from_stream(stream::repeat_with(move || Ok::<_, Infallible>(chunk.clone())))
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/key-of-an-account", listener.local_addr().unwrap());
        let router = Router::new().route("/{*any}", post(endless));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await });
        let transport = Transport::new(url.parse().unwrap()).unwrap();
        let provider: RootProvider = RootProvider::new(RpcClient::new(transport, false));
        let error = provider.get_chain_id().await.unwrap_err().to_string();
        assert!(error.contains("too long") && !error.contains("key-of"), "{error}");
        serving.abort();
    }
}
