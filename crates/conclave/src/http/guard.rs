//! Who may talk to the local API: this machine's page and command line, nobody else's page.
//!
//! Another site open in the same browser can send requests to loopback, and a name that it
//! controls can be made to resolve to 127.0.0.1. Hence, on every route: the exact `Host`, no
//! foreign `Origin`, no cross-site fetch, and, on all that is not the page's own files, the token.
//! A program that publishes has one of its own, which opens nothing else.
//! There is no CORS, so nothing answered is readable elsewhere.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use super::{page, reply, token::Token};
use crate::web::{self, content_policy};

/// What the guard compares with.
#[derive(Debug)]
pub(super) struct Guard {
    host: String,
    origin: String,
    /// Opens what publishes, and nothing else.
    studio: Token,
    token: Token,
}

impl Guard {
    pub(super) fn new(port: u16, token: Token) -> Self {
        let host = format!("127.0.0.1:{port}");
        Self { origin: format!("http://{host}"), host, studio: token.studio(), token }
    }

    fn check(&self, request: &Request) -> Result<(), Denied> {
        let headers = request.headers();
        let read = !changes(request.method());
        let file = read && page::is_file(request.uri().path());
        if only(headers, &header::HOST)? != Some(&self.host)
            || request.uri().authority().is_some_and(|named| named.as_str() != self.host)
        {
            return Err(Denied::Host);
        }
        let origin = only(headers, &header::ORIGIN)?;
        if origin.is_some_and(|origin| origin != self.origin) {
            return Err(Denied::Origin);
        }
        // Browsers always send this one and no page can forge it; other programs do not send it.
        if let Some(site) = only(headers, &SEC_FETCH_SITE)? {
            let own = site == "same-origin" && (read || origin.is_some());
            if !(own || file && site == "none") {
                return Err(Denied::Origin);
            }
        }
        let token = only(headers, &header::AUTHORIZATION)?;
        let publishes = is_whip(request.uri().path());
        let opens = |token| self.token.opens(token) || publishes && self.studio.opens(token);
        if !file && !token.is_some_and(opens) {
            return Err(Denied::Token);
        }
        Ok(())
    }
}

/// Layer around every route.
pub(super) async fn guard(
    State(guard): State<Arc<Guard>>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = match guard.check(&request) {
        Ok(()) => next.run(request).await,
        Err(denied) => {
            tracing::warn!(path = request.uri().path(), ?denied, "local request refused");
            denied.into_response()
        }
    };
    web::protect(response.headers_mut(), POLICY, FEATURES);
    response
}

/// Which rule a request broke.
#[derive(Clone, Copy, Debug)]
enum Denied {
    Host,
    Origin,
    Repeated,
    Token,
}

impl Denied {
    fn into_response(self) -> Response<Body> {
        let (status, error) = match self {
            Self::Host => (StatusCode::MISDIRECTED_REQUEST, "this is not the host of this API"),
            Self::Origin => (StatusCode::FORBIDDEN, "another site may not use this API"),
            Self::Repeated => (StatusCode::BAD_REQUEST, "a header was given twice"),
            Self::Token => (StatusCode::UNAUTHORIZED, "the token is missing or wrong"),
        };
        reply::refuse(status, error, "open the link that `conclave up` printed").into_response()
    }
}

/// The value of a header that may come once; a value that is not text counts as a foreign one.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Denied> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().map(|value| value.to_str().unwrap_or("not text"));
    if values.next().is_some() { Err(Denied::Repeated) } else { Ok(value) }
}

/// Where a studio program publishes (RFC 9725).
fn is_whip(path: &str) -> bool {
    path == "/whip" || path.starts_with("/whip/")
}

fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD)
}

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

const POLICY: &str = content_policy!(
    "img-src 'self' data: blob:; media-src 'self' blob: mediastream:; font-src 'self';"
);

const FEATURES: &str = "camera=(self), microphone=(self), display-capture=(self), autoplay=(self), \
                        fullscreen=(self), geolocation=(), usb=(), serial=(), payment=()";
