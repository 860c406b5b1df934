//! Ethereum as its endpoints show it. Read `endpoint.rs` (what one is asked), `sight.rs` (what it
//! shows of one transaction, and what of that is proven), `fees.rs` and `account.rs` (what a post
//! costs, and who pays).

mod account;
mod endpoint;
mod fees;
mod sight;
mod transport;

use futures::future::join_all;

use conclave_protocol::anchor::Sighting;

pub use account::{Account, BadKey, KEY_VARIABLE};
pub use endpoint::{BadEndpoint, Endpoint, EndpointError};

pub(super) use account::Terms;
pub(super) use alloy::primitives::B256 as TxHash;
pub(super) use fees::{Fees, GWEI};
pub(super) use sight::Seen;

/// The endpoints of a person's or an organisation's choice. Each more one is one more that would
/// have to lie.
#[derive(Clone, Debug)]
pub struct Ethereum {
    endpoints: Vec<Endpoint>,
}

impl Ethereum {
    /// Talks to these addresses, from now on and in this order.
    ///
    /// # Errors
    /// [`BadEndpoint`]: no address, one that is none, or no HTTP client.
    pub fn new<S: AsRef<str>>(urls: &[S]) -> Result<Self, BadEndpoint> {
        if urls.is_empty() {
            return Err(BadEndpoint::None);
        }
        let endpoints =
            urls.iter().map(|url| Endpoint::new(url.as_ref())).collect::<Result<_, _>>()?;
        Ok(Self { endpoints })
    }

    /// All of them.
    #[must_use]
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// What each shows of a transaction of the chain with this number.
    pub(super) async fn look(&self, chain: u64, tx: TxHash) -> Vec<Seen> {
        join_all(self.endpoints.iter().map(|endpoint| endpoint.look(chain, tx))).await
    }

    /// The same, as the judge wants it.
    pub async fn sightings(&self, chain: u64, tx: [u8; 32]) -> Vec<Sighting> {
        self.look(chain, tx.into()).await.into_iter().map(|seen| seen.sighting).collect()
    }

    /// What a transaction carries, and on which chain, from the first endpoint that knows it.
    pub async fn carried(&self, tx: [u8; 32]) -> Option<(u64, Vec<u8>)> {
        for endpoint in &self.endpoints {
            let Ok(chain) = endpoint.chain().await else { continue };
            match endpoint.look(chain, tx.into()).await.sighting {
                Sighting::Mined(mined) => return Some((chain, mined.data)),
                Sighting::Waiting(data) => return Some((chain, data)),
                _ => {}
            }
        }
        None
    }
}
