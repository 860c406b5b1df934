//! The explorer's page, embedded when the program is built, so that what was reviewed is what runs.

use axum::{
    extract::{Path, Request},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use rust_embed::RustEmbed;

use crate::{http::kind, rpc::refuse};

/// The files that `build.rs` gathered: `ui/explorer`, and lit-html from its npm package.
#[derive(Debug, RustEmbed)]
#[folder = "$OUT_DIR/explorer"]
struct Page;

/// `GET /`.
pub(super) async fn index() -> Response {
    file("explorer/index.html")
}

/// `GET /page/...`.
pub(super) async fn part(Path(path): Path<String>) -> Response {
    file(&path)
}

fn file(path: &str) -> Response {
    match Page::get(path) {
        Some(file) => ([(header::CONTENT_TYPE, kind(path))], file.data).into_response(),
        None => refuse(StatusCode::NOT_FOUND, "there is no such file"),
    }
}

/// Layer around everything a browser may open: nothing runs but the page's own files.
pub(super) async fn guard(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The policy allows this page's own files and nothing inline; `lit-html` makes its templates
/// through the one Trusted Types policy named here.
const HEADERS: [(HeaderName, &str); 8] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types lit-html",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), microphone=(), geolocation=(), usb=(), serial=(), payment=()",
    ),
];
