//! The one table of routes: the router is made from it, and so is the test that attacks each.

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{Method, StatusCode},
    middleware,
    routing::{MethodRouter, delete, get, post},
};
use tokio_util::sync::CancellationToken;

use super::{
    Api, Backend, Token, events,
    guard::{Guard, guard},
    handlers::{self as h, identity as i, recovery as r, room},
    page, ports,
    reply::refuse,
};

/// One route as others may see it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Listed {
    /// The only method it takes (`HEAD` goes with `GET`). Everything but `GET` has effects.
    pub method: Method,
    /// A path that reaches it.
    pub path: &'static str,
    /// Who may ask.
    pub access: Access,
}

/// Who may ask.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Access {
    /// Whoever can open the page; there is no secret in it.
    Page,
    /// Who holds the token, or the one for studios.
    Studio,
    /// Who holds the token.
    Token,
}

/// Every route there is.
pub fn table<B: Backend>() -> Vec<Listed> {
    routes::<B>()
        .into_iter()
        .map(|Route { method, path, access, .. }| Listed {
            method,
            path: match path {
                "/api/file/{id}" => "/api/file/1",
                "/whip/{id}" => "/whip/1",
                path => path,
            },
            access,
        })
        .collect()
}

/// The whole API for a daemon that listens on `port`. It ends its streams when `closing` is
/// cancelled.
pub fn router<B: Backend>(
    backend: Arc<B>,
    port: u16,
    token: Token,
    closing: CancellationToken,
) -> Router {
    let api = Api { backend, closing };
    let mut router = Router::new();
    for Route { path, limit, handler, .. } in routes() {
        router = router.route(path, handler.layer(DefaultBodyLimit::max(limit)));
    }
    router
        .fallback(page::file)
        .method_not_allowed_fallback(wrong_method)
        .with_state(api)
        .layer(middleware::from_fn_with_state(Arc::new(Guard::new(port, token)), guard))
}

async fn wrong_method() -> impl axum::response::IntoResponse {
    refuse(StatusCode::METHOD_NOT_ALLOWED, "this path takes another method", "see the handbook")
}

struct Route<B> {
    method: Method,
    path: &'static str,
    access: Access,
    /// Most bytes of a body.
    limit: usize,
    handler: MethodRouter<Api<B>>,
}

fn routes<B: Backend>() -> Vec<Route<B>> {
    let read = |path, handler| Route {
        method: Method::GET,
        path,
        access: Access::Token,
        limit: 0,
        handler,
    };
    let ask = |path, limit, handler| Route {
        method: Method::POST,
        path,
        access: Access::Token,
        limit,
        handler,
    };
    vec![
        Route { access: Access::Page, ..read("/", get(page::file)) },
        read("/api/state", get(h::state::<B>)),
        read("/api/events", get(events::events::<B>)),
        read("/metrics", get(h::metrics::<B>)),
        ask("/api/identity", SMALL, post(h::create_identity::<B>)),
        ask("/api/devices/offer", SMALL, post(i::offer_device::<B>)),
        ask("/api/devices/accept", SMALL, post(i::accept_device::<B>)),
        ask("/api/devices/add", SMALL, post(i::add_device::<B>)),
        ask("/api/devices/revoke", SMALL, post(i::revoke_device::<B>)),
        ask("/api/devices/rotate", SMALL, post(i::rotate_key::<B>)),
        ask("/api/changes/known", SMALL, post(i::acknowledge_changes::<B>)),
        ask("/api/info/disclose", SMALL, post(i::disclose::<B>)),
        ask("/api/info/check", SMALL, post(i::check_disclosure::<B>)),
        ask("/api/changes/cancel", SMALL, post(r::cancel_change::<B>)),
        ask("/api/handle", SMALL, post(r::claim_handle::<B>)),
        ask("/api/info", SMALL, post(r::rename::<B>)),
        ask("/api/recovery/sheet", SMALL, post(r::draw_sheet::<B>)),
        ask("/api/recovery/keep", SMALL, post(r::keep_sheet::<B>)),
        ask("/api/recovery/recover", SMALL, post(r::recover::<B>)),
        ask("/api/contacts/forget", SMALL, post(i::forget_contact::<B>)),
        ask("/api/meetings", SMALL, post(h::create_meeting::<B>)),
        ask("/api/invite", SMALL, post(h::preview::<B>)),
        ask("/api/join", SMALL, post(h::join::<B>)),
        ask("/api/admit", SMALL, post(h::admit::<B>)),
        ask("/api/deny", SMALL, post(h::deny::<B>)),
        ask("/api/kick", SMALL, post(h::kick::<B>)),
        ask("/api/appoint", SMALL, post(h::appoint::<B>)),
        ask("/api/vote", SMALL, post(h::vote::<B>)),
        ask("/api/lock", SMALL, post(h::lock::<B>)),
        ask("/api/leave", SMALL, post(h::leave::<B>)),
        ask("/api/end", SMALL, post(h::end::<B>)),
        ask("/api/chat", SMALL, post(h::chat::<B>)),
        ask("/api/ledger/prune", SMALL, post(h::prune::<B>)),
        ask("/api/hand", SMALL, post(room::hand::<B>)),
        ask("/api/react", SMALL, post(room::react::<B>)),
        ask("/api/ask", SMALL, post(room::ask::<B>)),
        ask("/api/asked", SMALL, post(room::answered::<B>)),
        ask("/api/record", SMALL, post(room::record::<B>)),
        ask("/api/admit-known", SMALL, post(room::admit_known::<B>)),
        ask("/api/policy", SMALL, post(room::policy::<B>)),
        ask("/api/file", FILE, post(room::offer_file::<B>)),
        ask("/api/file/take", SMALL, post(room::take_file::<B>)),
        read("/api/file/{id}", get(room::file::<B>)),
        read("/api/doctor", get(room::doctor::<B>)),
        ask("/api/dismiss-notice", SMALL, post(h::dismiss_notice::<B>)),
        ask("/api/receive", LARGE, post(h::receive::<B>)),
        ask("/api/ports", SMALL, post(ports::open::<B>)),
        Route { access: Access::Studio, ..ask("/whip", LARGE, post(h::publish::<B>)) },
        Route {
            method: Method::DELETE,
            access: Access::Studio,
            ..ask("/whip/{id}", 0, delete(h::unpublish::<B>))
        },
    ]
}

/// A command: no text in it is longer than 4,000 bytes, escapes included about 8 kB.
const SMALL: usize = 16 * 1024;
/// The longest file that members send each other.
const FILE: usize = 64 << 20;
/// An SDP offer with a few hundred media sections.
const LARGE: usize = 512 * 1024;
