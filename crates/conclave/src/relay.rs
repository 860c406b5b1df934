//! The relay that a validator embeds, for participants who cannot reach each other directly.
//!
//! A relay forwards sealed QUIC packets between keys. It sees who talks to whom and how much,
//! never what. It serves only the keys that the validator finds in its own ledger state, so it is
//! of no use to anyone outside an open meeting.

use std::{
    collections::HashMap,
    fmt,
    net::SocketAddr,
    num::NonZeroU32,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use iroh::EndpointId;
use iroh_relay::server::{
    Access, AccessControl, ClientRateLimit, ClientRequest, ConnectionId, RelayConfig, Server,
    ServerConfig, SpawnError,
};
use thiserror::Error;

use conclave_protocol::Npk;

/// What one participant may send through the relay: 32 Mbit/s, in bursts of a second.
const RATE: NonZeroU32 = NonZeroU32::new(4_000_000).unwrap();

/// Participants served at once. More are refused.
const MAX_CLIENTS: usize = 4_096;

/// A running relay; it ends when this is dropped.
#[derive(Debug)]
pub struct RelayHandle {
    server: Server,
    door: Arc<Door>,
    url: String,
}

/// Starts a relay on `listen`, without TLS: what it forwards is sealed by the endpoints.
///
/// `access` answers whether a key belongs to an open meeting. It is asked once per connection;
/// see [`RelayHandle::recheck`].
///
/// # Errors
/// When the socket cannot be bound.
pub async fn start<F, A>(listen: SocketAddr, access: F) -> Result<RelayHandle, RelayError>
where
    F: Fn(Npk) -> A + Send + Sync + 'static,
    A: Future<Output = bool> + Send + 'static,
{
    let door = Arc::new(Door {
        access: Box::new(move |npk| Box::pin(access(npk))),
        inside: Mutex::default(),
    });
    let mut rate = ClientRateLimit::new(RATE);
    rate.max_burst_bytes = Some(RATE);
    let mut relay = RelayConfig::new(listen);
    relay.limits.client_rx = Some(rate);
    relay.access = Arc::new(Doorkeeper(door.clone()));
    let mut config = ServerConfig::default();
    config.relay = Some(relay);
    let server = Server::spawn(config).await.map_err(Box::new)?;
    let addr = server.http_addr().ok_or(RelayError::NoAddress)?;
    let url = format!("http://{addr}/");
    Ok(RelayHandle { server, door, url })
}

impl RelayHandle {
    /// The URL of the listener. A validator behind a name or a proxy announces another one.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How many participants are connected.
    pub fn clients(&self) -> usize {
        self.door.inside().len()
    }

    /// Asks again for each key that is connected, and disconnects those whose meeting is over.
    pub async fn recheck(&self) {
        let inside: Vec<_> = self.door.inside().iter().map(|(c, id)| (*c, *id)).collect();
        for (connection, id) in inside {
            if !(self.door.access)(Npk(*id.as_bytes())).await
                && let Some(service) = self.server.relay_service()
            {
                service.clients().disconnect(id, Some(connection));
            }
        }
    }

    /// Ends the relay and all connections through it.
    pub async fn shutdown(self) {
        if let Err(error) = self.server.shutdown().await {
            tracing::debug!(%error, "relay");
        }
    }
}

/// Why a relay does not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RelayError {
    /// The server has no address.
    #[error("the relay has no address")]
    NoAddress,
    /// The server does not come up.
    #[error("the relay does not start")]
    Spawn(#[from] Box<SpawnError>),
}

type Question = dyn Fn(Npk) -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync;

/// Who may come in, and who is inside.
struct Door {
    access: Box<Question>,
    inside: Mutex<HashMap<ConnectionId, EndpointId>>,
}

impl Door {
    fn inside(&self) -> std::sync::MutexGuard<'_, HashMap<ConnectionId, EndpointId>> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("inside", &self.inside().len()).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Doorkeeper(Arc<Door>);

impl AccessControl for Doorkeeper {
    async fn on_connect(&self, request: &ClientRequest) -> Access {
        let id = request.endpoint_id();
        if self.0.inside().len() >= MAX_CLIENTS || !(self.0.access)(Npk(*id.as_bytes())).await {
            return Access::Deny { reason: None };
        }
        self.0.inside().insert(request.connection_id(), id);
        Access::Allow
    }

    fn on_disconnect(&self, _: EndpointId, connection: ConnectionId) {
        self.0.inside().remove(&connection);
    }
}
