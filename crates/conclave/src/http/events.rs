//! The one event stream: the whole state after each change, and notices as they come.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::State as Extract,
    response::sse::{Event as Message, KeepAlive, Sse},
};
use futures::{Stream, stream};
use tokio::{
    sync::{broadcast, watch},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    Api, Backend,
    wire::{Event, Notice, State},
};

/// `GET /api/events`.
pub(super) async fn events<B: Backend>(
    Extract(api): Extract<Api<B>>,
) -> Sse<impl Stream<Item = Result<Message, Infallible>>> {
    let mut state = api.backend.state();
    state.mark_changed();
    let source = Source {
        state,
        notices: Some(api.backend.notices()),
        closing: api.closing.clone(),
        not_before: Instant::now(),
    };
    let messages = stream::unfold(source, |mut source| async move {
        let event = source.next().await?;
        let message = Message::default().json_data(&event).unwrap_or_default();
        Some((Ok(message), source))
    });
    Sse::new(messages).keep_alive(KeepAlive::new().interval(Duration::from_secs(10)))
}

struct Source {
    state: watch::Receiver<Arc<State>>,
    notices: Option<broadcast::Receiver<Notice>>,
    closing: CancellationToken,
    /// When the next state may go out, so that a burst of changes becomes one message.
    not_before: Instant,
}

impl Source {
    async fn next(&mut self) -> Option<Event> {
        loop {
            tokio::select! {
                biased;
                () = self.closing.cancelled() => return None,
                notice = told(&mut self.notices) => match notice {
                    Ok(notice) => return Some(Event::Notice { notice }),
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => self.notices = None,
                },
                changed = changed(&mut self.state, self.not_before) => {
                    changed.ok()?;
                    self.not_before = Instant::now() + COALESCE;
                    let state = Box::new(State::clone(&self.state.borrow_and_update()));
                    return Some(Event::State { state });
                }
            }
        }
    }
}

async fn told(
    notices: &mut Option<broadcast::Receiver<Notice>>,
) -> Result<Notice, broadcast::error::RecvError> {
    match notices {
        Some(notices) => notices.recv().await,
        None => std::future::pending().await,
    }
}

async fn changed(
    state: &mut watch::Receiver<Arc<State>>,
    not_before: Instant,
) -> Result<(), watch::error::RecvError> {
    sleep_until(not_before).await;
    state.changed().await
}

const COALESCE: Duration = Duration::from_millis(50);
