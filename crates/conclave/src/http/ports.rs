//! The stream that keeps ports open: whoever asked for them reads it, and closes them by leaving.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State as Extract,
    response::sse::{Event as Message, KeepAlive, Sse},
};
use futures::{Stream, stream};

use super::{Api, Backend, Refused, handlers::Body, wire::OpenPorts};

/// `POST /api/ports`.
pub(super) async fn open<B: Backend>(
    Extract(api): Extract<Api<B>>,
    Body(ask): Body<OpenPorts>,
) -> Result<Sse<impl Stream<Item = Result<Message, Infallible>>>, Refused> {
    let lease = api.backend.open_ports(ask).await?;
    let messages = stream::unfold((lease, api.closing), |(mut lease, closing)| async move {
        let news = tokio::select! {
            () = closing.cancelled() => None,
            news = lease.news.recv() => news,
        }?;
        let message = Message::default().json_data(&news).unwrap_or_default();
        Some((Ok(message), (lease, closing)))
    });
    // Without a sign of life nobody would notice for long that the other end is gone.
    Ok(Sse::new(messages).keep_alive(KeepAlive::new().interval(Duration::from_secs(5))))
}
