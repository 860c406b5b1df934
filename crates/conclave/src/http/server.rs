//! The loopback socket of the local API.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use super::{Backend, Token, router};
use crate::serve;

/// A bound socket that does not answer yet, so that its address can be told before the daemon is
/// up. It cannot be bound to anything but loopback.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    port: u16,
    token: Token,
}

impl Server {
    /// Binds 127.0.0.1 at `port`, or at a free one, and makes a new token.
    ///
    /// # Errors
    /// [`BindError`] when the port is taken.
    pub async fn bind(port: Option<u16>) -> Result<Self, BindError> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port.unwrap_or(0)));
        let listener =
            TcpListener::bind(address).await.map_err(|source| BindError { address, source })?;
        let port = listener.local_addr().map_err(|source| BindError { address, source })?.port();
        Ok(Self { listener, port, token: Token::random() })
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The token.
    #[must_use]
    pub const fn token(&self) -> &Token {
        &self.token
    }

    /// The page's address with the token in its fragment, which browsers send to nobody.
    #[must_use]
    pub fn danger_url(&self) -> Zeroizing<String> {
        danger_url(self.port, &self.token.danger_hex())
    }

    /// Answers until `closing` is cancelled.
    pub async fn serve<B: Backend>(self, backend: Arc<B>, closing: CancellationToken) {
        let router = router(backend, self.port, self.token, closing.clone());
        serve::serve(self.listener, router, serve::Limits::local(), closing).await;
    }
}

/// The same of any daemon of this machine.
pub(crate) fn danger_url(port: u16, token: &str) -> Zeroizing<String> {
    Zeroizing::new(format!("http://127.0.0.1:{port}/#token={token}"))
}

/// The port could not be had.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
pub struct BindError {
    address: SocketAddr,
    source: io::Error,
}
