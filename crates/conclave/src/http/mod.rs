//! The local API: what the page in the browser and the command line talk to, on loopback only.
//!
//! [`wire`] is the JSON, [`Backend`] is what every request ends in, `routes` is the one table of
//! what exists, `guard` decides who may ask.

mod backend;
mod events;
mod guard;
mod handlers;
pub(crate) mod metrics;
mod page;
mod ports;
mod reply;
mod routes;
mod server;
mod token;
pub mod wire;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

pub(crate) use page::kind;
pub(crate) use server::danger_url;

pub use backend::{Backend, Fault, IdentityBackend, RecoveryBackend, Refused, RoomBackend};
pub use metrics::{Kind, Sample};
pub use routes::{Access, Listed, router, table};
pub use server::{BindError, Server};
pub use token::Token;

/// What every handler gets.
pub(crate) struct Api<B> {
    backend: Arc<B>,
    closing: CancellationToken,
}

impl<B> Clone for Api<B> {
    fn clone(&self) -> Self {
        Self { backend: Arc::clone(&self.backend), closing: self.closing.clone() }
    }
}
