//! The local API without a port: every route of its table is attacked in every way.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod fake;

use std::sync::{Arc, atomic::Ordering};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Method, Request, StatusCode, header, request::Builder},
    response::Response,
};
use conclave::http::{
    Access, Listed, Token, router, table,
    wire::{Notice, Refusal, State},
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use fake::Fake;

const PORT: u16 = 4_711;
const HOST: &str = "127.0.0.1:4711";
const ORIGIN: &str = "http://127.0.0.1:4711";

/// The API, its daemon, and the header that opens it.
struct Api {
    router: Router,
    fake: Arc<Fake>,
    bearer: String,
    closing: CancellationToken,
}

impl Api {
    fn new() -> Self {
        let fake = Arc::new(Fake::new());
        let token = Token::random();
        let bearer = format!("Bearer {}", *token.danger_hex());
        let closing = CancellationToken::new();
        let router = router(Arc::clone(&fake), PORT, token, closing.clone());
        Self { router, fake, bearer, closing }
    }

    fn request(&self, method: &Method, path: &str) -> Builder {
        Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, HOST)
            .header(header::AUTHORIZATION, &self.bearer)
    }

    async fn send(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    async fn post(&self, path: &str, body: &str) -> Response {
        let request = self
            .request(&Method::POST, path)
            .header(header::ORIGIN, ORIGIN)
            .header(header::CONTENT_TYPE, "application/json");
        self.send(request.body(Body::from(body.to_owned())).unwrap()).await
    }

    /// Sends a request that must be refused before it reaches the daemon.
    async fn must_refuse(&self, request: Request<Body>, status: StatusCode) {
        let what = format!("{} {} {:?}", request.method(), request.uri(), request.headers());
        let before = self.fake.calls.load(Ordering::SeqCst);
        let response = self.send(request).await;
        assert_eq!(response.status(), status, "{what}");
        assert_guarded(&response);
        let body = to_bytes(response.into_body(), 4_096).await.unwrap();
        if !body.is_empty() {
            serde_json::from_slice::<Refusal>(&body).unwrap();
        }
        assert_eq!(self.fake.calls.load(Ordering::SeqCst), before, "{what} reached the daemon");
    }
}

fn assert_guarded(response: &Response) {
    let headers = response.headers();
    let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"));
    assert!(policy.ends_with("require-trusted-types-for 'script'; trusted-types lit-html"));
    assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    assert_eq!(headers[header::REFERRER_POLICY], "no-referrer");
    assert_eq!(headers[header::CACHE_CONTROL], "no-store");
    assert!(!headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN));
}

fn every_route() -> Vec<Listed> {
    let table = table::<Fake>();
    assert!(table.len() >= 18, "routes are missing from the table");
    table
}

#[tokio::test]
async fn no_route_answers_without_the_token() {
    let api = Api::new();
    for Listed { method, path, .. } in
        every_route().into_iter().filter(|route| route.access != Access::Page)
    {
        let wrong = format!("Bearer {}", *Token::random().danger_hex());
        for header in [None, Some(wrong.as_str()), Some("Bearer "), Some(&api.bearer[7..])] {
            let mut request = Request::builder().method(&method).uri(path);
            request = request.header(header::HOST, HOST).header(header::ORIGIN, ORIGIN);
            if let Some(header) = header {
                request = request.header(header::AUTHORIZATION, header);
            }
            let request = request.body(Body::empty()).unwrap();
            api.must_refuse(request, StatusCode::UNAUTHORIZED).await;
        }
        let in_query = format!("{path}?token={}", &api.bearer[7..]);
        let request = Request::builder().method(&method).uri(in_query).header(header::HOST, HOST);
        api.must_refuse(request.body(Body::empty()).unwrap(), StatusCode::UNAUTHORIZED).await;
    }
}

#[tokio::test]
async fn the_token_for_studios_opens_what_publishes_and_nothing_else() {
    let mut api = Api::new();
    let token = Token::from_hex(&api.bearer["Bearer ".len()..]).unwrap();
    api.bearer = format!("Bearer {}", *token.studio().danger_hex());
    for Listed { method, path, access } in every_route() {
        let request = api.request(&method, path).body(Body::empty()).unwrap();
        match access {
            Access::Token => api.must_refuse(request, StatusCode::UNAUTHORIZED).await,
            Access::Studio => {
                assert_ne!(api.send(request).await.status(), StatusCode::UNAUTHORIZED, "{path}");
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn no_route_answers_a_foreign_origin() {
    let api = Api::new();
    for Listed { method, path, .. } in every_route() {
        for origin in [
            "https://evil.example",
            "http://localhost:4711",
            "http://127.0.0.1:4712",
            "https://127.0.0.1:4711",
            "http://127.0.0.1:4711.evil.example",
            "null",
            "",
        ] {
            let request = api.request(&method, path).header(header::ORIGIN, origin);
            api.must_refuse(request.body(Body::empty()).unwrap(), StatusCode::FORBIDDEN).await;
        }
        let twice = api
            .request(&method, path)
            .header(header::ORIGIN, ORIGIN)
            .header(header::ORIGIN, "null");
        api.must_refuse(twice.body(Body::empty()).unwrap(), StatusCode::BAD_REQUEST).await;
        for site in ["cross-site", "same-site"] {
            let request = api.request(&method, path).header("sec-fetch-site", site);
            api.must_refuse(request.body(Body::empty()).unwrap(), StatusCode::FORBIDDEN).await;
        }
        if method != Method::GET {
            let bare = api.request(&method, path).header("sec-fetch-site", "same-origin");
            api.must_refuse(bare.body(Body::empty()).unwrap(), StatusCode::FORBIDDEN).await;
        }
    }
}

#[tokio::test]
async fn no_route_answers_a_foreign_host() {
    let api = Api::new();
    for Listed { method, path, .. } in every_route() {
        for host in
            ["evil.example", "evil.example:4711", "localhost:4711", "127.0.0.1", "127.0.0.1:4712"]
        {
            let request = Request::builder().method(&method).uri(path);
            let request = request
                .header(header::HOST, host)
                .header(header::AUTHORIZATION, &api.bearer)
                .body(Body::empty())
                .unwrap();
            api.must_refuse(request, StatusCode::MISDIRECTED_REQUEST).await;
        }
        let none = Request::builder()
            .method(&method)
            .uri(path)
            .header(header::AUTHORIZATION, &api.bearer)
            .body(Body::empty())
            .unwrap();
        api.must_refuse(none, StatusCode::MISDIRECTED_REQUEST).await;
        let named = api.request(&method, &format!("http://evil.example{path}"));
        api.must_refuse(named.body(Body::empty()).unwrap(), StatusCode::MISDIRECTED_REQUEST).await;
    }
}

#[tokio::test]
async fn nothing_with_an_effect_hangs_on_a_get() {
    let api = Api::new();
    for Listed { method, path, .. } in every_route() {
        for other in [
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
            Method::OPTIONS,
        ] {
            if other == method || (other == Method::HEAD && method == Method::GET) {
                continue;
            }
            let request = api.request(&other, path).header(header::ORIGIN, ORIGIN);
            let request = request.body(Body::empty()).unwrap();
            api.must_refuse(request, StatusCode::METHOD_NOT_ALLOWED).await;
        }
    }
}

#[tokio::test]
async fn a_body_without_json_or_beyond_its_limit_is_refused() {
    let api = Api::new();
    for Listed { method, path, .. } in every_route() {
        if method != Method::POST || path == "/whip" || path == "/api/file" {
            continue;
        }
        let plain = api.request(&method, path).header(header::CONTENT_TYPE, "text/plain");
        let plain = plain.body(Body::from("{}")).unwrap();
        api.must_refuse(plain, StatusCode::UNSUPPORTED_MEDIA_TYPE).await;
        let long = format!("{{\"text\":\"{}\"}}", "x".repeat(600_000));
        let long = api
            .request(&method, path)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(long))
            .unwrap();
        api.must_refuse(long, StatusCode::PAYLOAD_TOO_LARGE).await;
    }
    for (path, body) in [
        ("/api/chat", r#"{"text":""}"#),
        ("/api/meetings", r#"{"title":"  "}"#),
        ("/api/identity", r#"{"name":"","form":"clear"}"#),
    ] {
        assert_eq!(api.post(path, body).await.status(), StatusCode::BAD_REQUEST);
    }
    let strange = api.post("/api/admit", r#"{"idx":1,"ban":true}"#).await;
    assert_eq!(strange.status(), StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn unknown_paths_do_not_tell_strangers_that_they_are_unknown() {
    let api = Api::new();
    let stranger = || Request::builder().uri("/api/unknown").header(header::HOST, HOST);
    api.must_refuse(stranger().body(Body::empty()).unwrap(), StatusCode::UNAUTHORIZED).await;
    let known = api.request(&Method::GET, "/../../etc/passwd").body(Body::empty()).unwrap();
    api.must_refuse(known, StatusCode::NOT_FOUND).await;
}

#[tokio::test]
async fn every_command_reaches_the_daemon_once() {
    let api = Api::new();
    for (path, body, answer) in [
        (
            "/api/identity",
            r#"{"name":"Ada","form":"commit","passphrase":"correct horse"}"#,
            r#""user":"1111"#,
        ),
        ("/api/meetings", r#"{"title":"Budget"}"#, r#"{"mid":"2222"#),
        ("/api/invite", r#"{"link":"conclave:j/1#x"}"#, r#""checks":[]"#),
        ("/api/admit", r#"{"idx":1}"#, "{}"),
        ("/api/deny", r#"{"idx":1,"ban":true}"#, "{}"),
        ("/api/kick", r#"{"idx":1}"#, "{}"),
        ("/api/appoint", r#"{"idx":1}"#, "{}"),
        ("/api/vote", r#"{"idx":1}"#, "{}"),
        ("/api/lock", r#"{"locked":true}"#, "{}"),
        ("/api/ledger/prune", "{}", r#"{"meetings":[]}"#),
        ("/api/leave", "{}", "{}"),
        ("/api/end", "{}", "{}"),
        ("/api/chat", r#"{"text":"hello"}"#, "{}"),
        ("/api/dismiss-notice", r#"{"id":"3"}"#, "{}"),
        ("/api/hand", r#"{"up":true}"#, "{}"),
        ("/api/react", r#"{"emoji":"🎉"}"#, "{}"),
        ("/api/ask", r#"{"idx":null,"what":"camera-off"}"#, "{}"),
        ("/api/asked", r#"{"id":"3"}"#, "{}"),
        ("/api/record", r#"{"on":true}"#, "{}"),
        ("/api/admit-known", "{}", "{}"),
        ("/api/file/take", r#"{"id":"9"}"#, "{}"),
        ("/api/policy", r#"{"admit":"met"}"#, "{}"),
        (
            "/api/receive",
            r#"{"id":null,"sdp":"v=0","want":[{"mid":"0","idx":2,"stream_no":1}]}"#,
            r#"{"id":"1","sdp":"v=0"}"#,
        ),
    ] {
        let before = api.fake.calls.load(Ordering::SeqCst);
        let response = api.post(path, body).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_guarded(&response);
        let text = to_bytes(response.into_body(), 65_536).await.unwrap();
        assert!(std::str::from_utf8(&text).unwrap().contains(answer), "{path}");
        assert_eq!(api.fake.calls.load(Ordering::SeqCst), before + 1, "{path}");
    }
    let refused = api.post("/api/join", r#"{"link":"conclave:j/1#x"}"#).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    let body = to_bytes(refused.into_body(), 4_096).await.unwrap();
    assert_eq!(&body[..], br#"{"error":"no validator answers","next":"wait"}"#);
}

#[tokio::test]
async fn a_browser_publishes_by_whip() {
    let api = Api::new();
    let offer = |kind: &str| {
        api.request(&Method::POST, "/whip?kind=screen")
            .header(header::ORIGIN, ORIGIN)
            .header(header::CONTENT_TYPE, kind)
            .body(Body::from("v=0"))
            .unwrap()
    };
    let response = api.send(offer("application/sdp")).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(response.headers()[header::LOCATION], "/whip/7");
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/sdp");
    assert_eq!(api.send(offer("text/plain")).await.status(), StatusCode::BAD_REQUEST);
    let end = |path| api.request(&Method::DELETE, path).body(Body::empty()).unwrap();
    assert_eq!(api.send(end("/whip/1")).await.status(), StatusCode::OK);
    assert_eq!(api.send(end("/whip/2")).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_file_goes_in_as_it_is_and_comes_out_as_an_attachment_that_nothing_shows() {
    let api = Api::new();
    let send = |path: &str, bytes: usize| {
        let request = api.request(&Method::POST, path).header(header::ORIGIN, ORIGIN);
        api.send(request.body(Body::from(vec![7; bytes])).unwrap())
    };
    let response = send("/api/file?name=a%20b.pdf", 600_000).await;
    assert_eq!(response.status(), StatusCode::OK);
    let answer = to_bytes(response.into_body(), 4_096).await.unwrap();
    assert_eq!(&answer[..], br#"{"id":"9"}"#);
    assert_eq!(send("/api/file", 9).await.status(), StatusCode::BAD_REQUEST, "it has no name");
    assert_eq!(send("/api/file?name=a", 0).await.status(), StatusCode::BAD_REQUEST);
    let long = send("/api/file?name=a", (64 << 20) + 1).await;
    assert_eq!(long.status(), StatusCode::PAYLOAD_TOO_LARGE);

    let request = api.request(&Method::GET, "/api/file/9").body(Body::empty()).unwrap();
    let response = api.send(request).await;
    assert_guarded(&response);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/octet-stream");
    let saved = "attachment; filename*=UTF-8''Zo%C3%AB%20%221%22.html";
    assert_eq!(response.headers()[header::CONTENT_DISPOSITION], saved);
}

#[tokio::test]
async fn the_event_stream_begins_with_the_state_and_ends_with_the_daemon() {
    use futures::StreamExt as _;
    let api = Api::new();
    let request = api.request(&Method::GET, "/api/events").body(Body::empty()).unwrap();
    let response = api.send(request).await;
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
    let mut body = response.into_body().into_data_stream();
    let first = body.next().await.unwrap().unwrap();
    assert!(first.starts_with(br#"data: {"kind":"state","state":{"version""#));
    api.fake.notices.send(Notice { id: "9".into(), ..Notice::default() }).unwrap();
    let second = body.next().await.unwrap().unwrap();
    assert!(second.starts_with(br#"data: {"kind":"notice","notice":{"id":"9""#));
    for height in 1..50 {
        let mut state = State::default();
        state.network.height = height;
        api.fake.state.send_replace(Arc::new(state));
    }
    let third = body.next().await.unwrap().unwrap();
    assert!(std::str::from_utf8(&third).unwrap().contains(r#""height":49"#));
    api.closing.cancel();
    assert!(body.next().await.is_none());
}

#[tokio::test]
async fn metrics_are_prometheus_text() {
    let api = Api::new();
    let request = api.request(&Method::GET, "/metrics").body(Body::empty()).unwrap();
    let response = api.send(request).await;
    assert!(response.headers()[header::CONTENT_TYPE].to_str().unwrap().contains("version=0.0.4"));
    let text = to_bytes(response.into_body(), 65_536).await.unwrap();
    let text = std::str::from_utf8(&text).unwrap();
    assert!(text.contains("\nconclave_packets_opened_total 7\n"));
}
