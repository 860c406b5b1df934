//! What becomes final, live: a few events a second at most, however many blocks there are.

use std::{convert::Infallible, time::Duration};

use axum::{
    http::StatusCode,
    response::{
        IntoResponse as _, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::stream;
use tokio::{
    sync::{OwnedSemaphorePermit, watch},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::Explorer;
use crate::rpc::refuse_for;

/// `GET /explorer/events`.
pub(super) fn events(explorer: Explorer, closing: CancellationToken) -> Response {
    let Ok(seat) = std::sync::Arc::clone(&explorer.0.seats).try_acquire_owned() else {
        return refuse_for(StatusCode::SERVICE_UNAVAILABLE, "too many watch already", LATER);
    };
    let grown = explorer.0.grown.subscribe();
    let after = explorer.index().newest();
    let source =
        Source { explorer, closing, grown, after, not_before: Instant::now(), _seat: seat };
    let messages = stream::unfold(source, |mut source| async move {
        let event = source.next().await?;
        Some((Ok::<_, Infallible>(event), source))
    });
    Sse::new(messages).keep_alive(KeepAlive::new().interval(IDLE)).into_response()
}

struct Source {
    explorer: Explorer,
    closing: CancellationToken,
    grown: watch::Receiver<u64>,
    /// The height up to which everything was told.
    after: u64,
    not_before: Instant,
    _seat: OwnedSemaphorePermit,
}

impl Source {
    async fn next(&mut self) -> Option<Event> {
        loop {
            tokio::select! {
                biased;
                () = self.closing.cancelled() => return None,
                changed = self.grown.changed() => changed.ok()?,
            }
            tokio::select! {
                biased;
                () = self.closing.cancelled() => return None,
                () = sleep_until(self.not_before) => {}
            }
            let newest = *self.grown.borrow_and_update();
            if newest <= self.after {
                continue;
            }
            let tick = self.explorer.tick(self.after);
            self.after = newest;
            self.not_before = Instant::now() + PACE;
            return Some(Event::default().json_data(&tick).unwrap_or_default());
        }
    }
}

/// Between two events.
const PACE: Duration = Duration::from_millis(250);
/// Silence after which a comment says that the connection lives.
const IDLE: Duration = Duration::from_secs(10);
const LATER: Duration = Duration::from_secs(10);
