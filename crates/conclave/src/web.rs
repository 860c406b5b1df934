//! How this program speaks HTTP: one set-up of the client for validators, daemons and the demo; the
//! headers under which a browser opens either of its pages; and the stream of events that a page
//! hears. Both pages are their own files and nothing inline, whoever serves them.

use std::{convert::Infallible, time::Duration};

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::sse::{Event, KeepAlive, Sse},
};
use futures::{Stream, stream};
use reqwest::ClientBuilder;
use serde::Serialize;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

/// A client that goes through no proxy: what it talks to is on this machine or proves itself.
pub(crate) fn client() -> ClientBuilder {
    // Two of our libraries bring a TLS provider each, so rustls wants to be told which one to use.
    // Whoever was first stays, and that is no harm.
    let _there_already = rustls::crypto::aws_lc_rs::default_provider().install_default();
    ClientBuilder::new().no_proxy()
}

/// The Content-Security-Policy of a page: its own files and nothing inline, and what the directives
/// in the middle allow it besides. `lit-html` makes its templates through the one Trusted Types
/// policy named here.
macro_rules! content_policy {
    ($besides:literal) => {
        concat!(
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; ",
            $besides,
            " base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
             require-trusted-types-for 'script'; trusted-types lit-html",
        )
    };
}
pub(crate) use content_policy;

/// Puts the headers of a page on an answer: the policy of its content, and the features of the
/// browser that it may use (Permissions-Policy).
pub(crate) fn protect(headers: &mut HeaderMap, content: &'static str, features: &'static str) {
    let own = [
        (header::CONTENT_SECURITY_POLICY, content),
        (HeaderName::from_static("permissions-policy"), features),
    ];
    for (name, value) in own.into_iter().chain(HEADERS) {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

const HEADERS: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Something that a page is told as it happens.
pub(crate) trait Source: Send {
    /// What it is told.
    type Told: Serialize;

    /// The next thing; nothing when there is no more. Loses nothing when it is given up half way.
    fn next(&mut self) -> impl Future<Output = Option<Self::Told>> + Send;
}

/// The answer that tells a page everything of a source, until the program ends.
pub(crate) fn events<S: Source + 'static>(
    source: S,
    closing: CancellationToken,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let messages = stream::unfold((source, closing), |(mut source, closing)| async move {
        let told = closing.run_until_cancelled(source.next()).await??;
        let message = Event::default().json_data(&told).unwrap_or_default();
        Some((Ok(message), (source, closing)))
    });
    Sse::new(messages).keep_alive(KeepAlive::new().interval(IDLE))
}

/// Silence after which a comment says that the connection lives.
const IDLE: Duration = Duration::from_secs(10);

/// A value that changes, seen no more often than at a pace: a burst of changes is one.
#[derive(Debug)]
pub(crate) struct Paced<T> {
    value: watch::Receiver<T>,
    pace: Duration,
    not_before: Instant,
}

impl<T: Clone> Paced<T> {
    pub(crate) fn new(value: watch::Receiver<T>, pace: Duration) -> Self {
        Self { value, pace, not_before: Instant::now() }
    }

    /// The value once it has changed; nothing when it never will again.
    pub(crate) async fn changed(&mut self) -> Option<T> {
        sleep_until(self.not_before).await;
        self.value.changed().await.ok()?;
        self.not_before = Instant::now() + self.pace;
        Some(self.value.borrow_and_update().clone())
    }
}
