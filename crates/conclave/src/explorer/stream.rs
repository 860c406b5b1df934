//! What becomes final, live: a few events a second at most, however many blocks there are.

use std::time::Duration;

use axum::{
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use super::{Explorer, wire::Tick};
use crate::{
    rpc::refuse_for,
    web::{self, Paced},
};

/// `GET /explorer/events`.
pub(super) fn events(explorer: Explorer, closing: CancellationToken) -> Response {
    let Ok(seat) = std::sync::Arc::clone(&explorer.0.seats).try_acquire_owned() else {
        return refuse_for(StatusCode::SERVICE_UNAVAILABLE, "too many watch already", LATER);
    };
    let grown = Paced::new(explorer.0.grown.subscribe(), PACE);
    let after = explorer.index().newest();
    web::events(Source { explorer, grown, after, _seat: seat }, closing).into_response()
}

struct Source {
    explorer: Explorer,
    grown: Paced<u64>,
    /// The height up to which everything was told.
    after: u64,
    _seat: OwnedSemaphorePermit,
}

impl web::Source for Source {
    type Told = Tick;

    async fn next(&mut self) -> Option<Tick> {
        loop {
            let newest = self.grown.changed().await?;
            if newest > self.after {
                let tick = self.explorer.tick(self.after);
                self.after = newest;
                return Some(tick);
            }
        }
    }
}

/// Between two events.
const PACE: Duration = Duration::from_millis(250);
const LATER: Duration = Duration::from_secs(10);
