//! The page, embedded when the program is built, so that what was reviewed is what runs.

use axum::{
    extract::Request,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use rust_embed::RustEmbed;

use super::reply::refuse;

/// The files that `build.rs` gathered: `ui/` without tests, and lit-html from its npm package.
#[derive(Debug, RustEmbed)]
#[folder = "$OUT_DIR/page"]
struct Page;

/// Serves one file of the page.
pub(super) async fn file(request: Request) -> Response {
    let path = name(request.uri().path());
    match Page::get(path) {
        Some(file) => {
            let kind = kind(path);
            ([(header::CONTENT_TYPE, kind)], file.data).into_response()
        }
        None if path == INDEX => refuse(
            StatusCode::NOT_FOUND,
            "this build carries no page",
            "run `npm ci` in crates/conclave/ui and build again",
        )
        .into_response(),
        None => refuse(StatusCode::NOT_FOUND, "there is no such file", "open /").into_response(),
    }
}

/// Whether a path is one of the page's own files, which need no token: they hold no secret.
pub(super) fn is_file(path: &str) -> bool {
    let path = name(path);
    path == INDEX || Page::get(path).is_some()
}

fn name(path: &str) -> &str {
    match path.strip_prefix('/').unwrap_or(path) {
        "" => INDEX,
        path => path,
    }
}

/// The media type of a file of a page.
pub(crate) fn kind(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, end)| end) {
        Some("css") => "text/css; charset=utf-8",
        Some("html") => "text/html; charset=utf-8",
        Some("ico") => "image/x-icon",
        Some("js") => "text/javascript; charset=utf-8",
        Some("json" | "webmanifest") => "application/json",
        Some("png") => "image/png",
        Some("svg") => "image/svg+xml",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}

const INDEX: &str = "index.html";
