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
    web::protect(response.headers_mut(), POLICY, FEATURES);
    response
}

const POLICY: &str = content_policy!("img-src 'self';");

const FEATURES: &str = "camera=(), microphone=(), geolocation=(), usb=(), serial=(), payment=()";
