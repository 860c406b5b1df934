//! One endpoint: its address, its answers, and how it is called where people read it.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

use alloy::{
    eips::{BlockId, BlockNumberOrTag},
    primitives::{Address, B256, Bytes, U256},
    providers::{Provider as _, RootProvider},
    rpc::{client::RpcClient, types::TransactionRequest},
    transports::{RpcError, TransportError},
};
use reqwest::Url;

use super::{Fees, transport::Transport};

/// One endpoint of Ethereum. Clones share the connection.
#[derive(Clone, Debug)]
pub struct Endpoint {
    name: String,
    pub(super) provider: RootProvider,
    chain: Arc<OnceLock<u64>>,
    down: Arc<AtomicBool>,
}

impl Endpoint {
    pub(super) fn new(url: &str) -> Result<Self, BadEndpoint> {
        let url: Url = url.trim().parse().map_err(|_| BadEndpoint::Url)?;
        let host = url.host_str().filter(|_| matches!(url.scheme(), "http" | "https"));
        let mut name = host.ok_or(BadEndpoint::Url)?.to_owned();
        if let Some(port) = url.port() {
            name.push_str(&format!(":{port}"));
        }
        let transport =
            Transport::new(url).map_err(|error| BadEndpoint::Client(error.without_url()))?;
        let provider = RootProvider::new(RpcClient::new(transport, false));
        Ok(Self { name, provider, chain: Arc::default(), down: Arc::default() })
    }

    /// Host and port: the rest of an address often is the key of an account.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it did not answer when it was asked last.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.down.load(Ordering::Relaxed)
    }

    /// Number of the chain it follows (EIP-155), asked once.
    pub(in crate::anchor) async fn chain(&self) -> Result<u64, EndpointError> {
        if let Some(chain) = self.chain.get() {
            return Ok(*chain);
        }
        let chain = self.said(self.provider.get_chain_id().await)?;
        Ok(*self.chain.get_or_init(|| chain))
    }

    /// Number of its newest block.
    pub(in crate::anchor) async fn newest(&self) -> Result<u64, EndpointError> {
        self.said(self.provider.get_block_number().await)
    }

    /// Number of the newest block that Ethereum calls final, where there is such a block.
    pub(in crate::anchor) async fn finalized(&self) -> Result<Option<u64>, EndpointError> {
        let tag = BlockNumberOrTag::Finalized;
        match self.said(self.provider.get_block_by_number(tag).await) {
            Ok(block) => Ok(block.map(|block| block.header.inner.number)),
            // Some test networks and side chains know no such block.
            Err(EndpointError::Refused { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether it knows a transaction, and if so, hash and number of the block that has it.
    pub(in crate::anchor) async fn find(
        &self,
        tx: B256,
    ) -> Result<Option<Option<(B256, u64)>>, EndpointError> {
        let found = self.said(self.provider.get_transaction_by_hash(tx).await)?;
        Ok(found.map(|found| found.block_hash.zip(found.block_number)))
    }

    /// How many transactions of an account its newest block, or the one of this number, has.
    pub(in crate::anchor) async fn nonce(
        &self,
        address: Address,
        at: Option<u64>,
    ) -> Result<u64, EndpointError> {
        let block = at.map_or(BlockNumberOrTag::Latest, BlockNumberOrTag::Number);
        let count = self.provider.get_transaction_count(address).block_id(BlockId::from(block));
        self.said(count.await)
    }

    /// What an account holds, in wei.
    pub(in crate::anchor) async fn balance(&self, address: Address) -> Result<U256, EndpointError> {
        self.said(self.provider.get_balance(address).await)
    }

    /// What a transaction is asked for now.
    pub(in crate::anchor) async fn fees(&self) -> Result<Fees, EndpointError> {
        let asked = self.said(self.provider.estimate_eip1559_fees().await)?;
        Ok(Fees { max_fee: asked.max_fee_per_gas, tip: asked.max_priority_fee_per_gas })
    }

    /// Gas of an account's transaction to itself with this data.
    pub(in crate::anchor) async fn gas(
        &self,
        address: Address,
        data: &[u8],
    ) -> Result<u64, EndpointError> {
        let request = TransactionRequest::default()
            .from(address)
            .to(address)
            .input(Bytes::copy_from_slice(data).into());
        self.said(self.provider.estimate_gas(request).await)
    }

    /// Gives it a signed transaction. That it refuses one says little: it may know it already.
    pub(in crate::anchor) async fn send(&self, raw: &[u8]) -> Result<(), EndpointError> {
        self.said(self.provider.send_raw_transaction(raw).await).map(drop)
    }

    /// Notes whether it answered.
    pub(super) fn said<T>(&self, answer: Result<T, TransportError>) -> Result<T, EndpointError> {
        let answer = answer.map_err(|error| EndpointError::of(&self.name, error));
        let down = matches!(answer, Err(EndpointError::Down { .. }));
        if self.down.swap(down, Ordering::Relaxed) != down {
            match &answer {
                Err(error) => tracing::warn!("{error}"),
                Ok(_) => tracing::info!("{} answers again", self.name),
            }
        }
        answer
    }
}

/// Why an address cannot be an endpoint.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BadEndpoint {
    /// No HTTP client can be made.
    #[error("cannot make an HTTP client: {0}")]
    Client(reqwest::Error),
    /// No address.
    #[error("no Ethereum endpoint is named")]
    None,
    /// Not an address.
    #[error("an Ethereum endpoint is an http:// or https:// URL")]
    Url,
}

/// Why an endpoint did not do what was asked.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// It does not answer, or not in this protocol.
    #[error("Ethereum endpoint {name} does not answer: {text}")]
    Down {
        /// Host and port.
        name: String,
        /// What happened.
        text: String,
    },
    /// It answers that it will not.
    #[error("Ethereum endpoint {name} refuses: {text}")]
    Refused {
        /// Host and port.
        name: String,
        /// Its words.
        text: String,
    },
}

impl EndpointError {
    fn of(name: &str, error: TransportError) -> Self {
        let name = name.to_owned();
        let words = |text: String| text.chars().filter(|c| !c.is_control()).take(300).collect();
        match error {
            RpcError::ErrorResp(answer) => {
                Self::Refused { name, text: words(answer.message.into()) }
            }
            RpcError::Transport(error) => {
                // The innermost cause says it; those around it say that something failed.
                let mut cause: &dyn std::error::Error = &error;
                while let Some(inner) = cause.source() {
                    cause = inner;
                }
                Self::Down { name, text: words(cause.to_string()) }
            }
            error => Self::Down { name, text: words(error.to_string()) },
        }
    }
}
