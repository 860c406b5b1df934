//! The one event stream: the whole state after each change, and notices as they come.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::State as Extract,
    response::sse::{Event as Message, Sse},
};
use futures::Stream;
use tokio::sync::broadcast;

use super::{
    Api, Backend,
    wire::{Event, Notice, State},
};
use crate::web::{self, Paced};

/// `GET /api/events`.
pub(super) async fn events<B: Backend>(
    Extract(api): Extract<Api<B>>,
) -> Sse<impl Stream<Item = Result<Message, Infallible>>> {
    let mut state = api.backend.state();
    state.mark_changed();
    let source =
        Source { state: Paced::new(state, COALESCE), notices: Some(api.backend.notices()) };
    web::events(source, api.closing)
}

struct Source {
    state: Paced<Arc<State>>,
    notices: Option<broadcast::Receiver<Notice>>,
}

impl web::Source for Source {
    type Told = Event;

    async fn next(&mut self) -> Option<Event> {
        loop {
            tokio::select! {
                biased;
                notice = told(&mut self.notices) => match notice {
                    Ok(notice) => return Some(Event::Notice { notice }),
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => self.notices = None,
                },
                state = self.state.changed() => {
                    let state = state?;
                    return Some(Event::State { state: Box::new(State::clone(&state)) });
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

/// Between two states.
const COALESCE: Duration = Duration::from_millis(50);
