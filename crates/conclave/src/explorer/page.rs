//! The explorer's page, embedded when the program is built, so that what was reviewed is what runs.

use axum::{
    extract::{Path, Request},
    http::{StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use rust_embed::RustEmbed;

use crate::{
    http::kind,
    rpc::refuse,
    web::{self, content_policy},
};

/// The files that `build.rs` gathered: `ui/explorer`, and lit-html from its npm package.
#[derive(Debug, RustEmbed)]
#[folder = "$OUT_DIR/explorer"]
struct Page;

/// `GET /`.
pub(super) async fn index() -> Response {
    file("explorer/index.html")
}

/// `GET /join`, for people who were invited and have no Conclave yet. What it was invited to stands
/// after the `#` of the address and does not reach this program.
pub(super) async fn join() -> Response {
    let mut response = file("explorer/join/index.html");
    web::protect(response.headers_mut(), SEALED, FEATURES);
    response
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
    // A page that is guarded more closely stays so.
    if !response.headers().contains_key(header::CONTENT_SECURITY_POLICY) {
        web::protect(response.headers_mut(), POLICY, FEATURES);
    }
    response
}

const POLICY: &str = content_policy!("img-src 'self';");

/// A page that may ask for nothing: what its script has read cannot be fetched away.
const SEALED: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

const FEATURES: &str = "camera=(), microphone=(), geolocation=(), usb=(), serial=(), payment=()";
