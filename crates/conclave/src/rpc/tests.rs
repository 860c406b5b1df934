//! The RPC without a port: everyone may ask, nobody may ask too much.

use axum::{
    body::{Body, to_bytes},
    http::{Request as HttpRequest, header},
};
use conclave_ledger::validator::{Rejected, start_dev};
use conclave_protocol::{
    Ed25519Signer, Genesis, RegisterUser, Seconds, Signer as _, Tx, UserInfo, ValidatorKey,
    codec::Text, encode, identity::Gate, tx::Role,
};
use tower::ServiceExt as _;

use super::*;

struct Api {
    router: Router,
    requests: Arc<Buckets>,
    validator: Validator,
    genesis: Genesis,
    _dir: tempfile::TempDir,
}

impl Api {
    /// The RPC of a network of one validator that has made its first block.
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (validator, genesis) = start_dev(dir.path()).unwrap();
        let mut tips = validator.follow();
        tips.wait_for(|tip| !tip.is_empty()).await.unwrap();
        let closing = CancellationToken::new();
        let explorer = Explorer::start(validator.clone(), genesis.clone(), closing.clone());
        let rpc = Rpc::new(validator.clone(), None, closing);
        let requests = Arc::clone(&rpc.requests);
        Self { router: router(rpc, explorer), requests, validator, genesis, _dir: dir }
    }

    async fn ask(&self, from: Client, method: &str, path: &str, body: Vec<u8>) -> Response {
        let request = HttpRequest::builder().method(method).uri(path);
        let mut request = request.body(Body::from(body)).unwrap();
        request.extensions_mut().insert(from);
        self.router.clone().oneshot(request).await.unwrap()
    }

    async fn get(&self, from: Client, path: &str) -> Response {
        self.ask(from, "GET", path, Vec::new()).await
    }

    /// A registration whose sponsor did not sign: sound but for that.
    fn forgery(&self, number: u8) -> Vec<u8> {
        let device = Ed25519Signer::from_seed(&[number; 32]);
        let info = UserInfo::Clear(Text::new("Eve").unwrap());
        let key: ValidatorKey = self.validator.status().key;
        let chain = self.genesis.chain_id();
        let user = RegisterUser::new(&chain, device.ivk(), [1; 16], info, Gate::Sponsor(key));
        let expiry = Seconds(self.validator.status().time_ms / 1_000 + 60);
        let tx = Tx::new(chain, user.dev, 0, expiry, user).sign(&device);
        let word = tx.signature(Role::Signer).unwrap();
        encode(&tx.with(Role::Sponsor, word))
    }

    async fn stop(self) {
        let validator = self.validator;
        tokio::task::spawn_blocking(move || validator.shutdown()).await.unwrap();
    }
}

fn client(text: &str) -> Client {
    Client::of(text.parse().unwrap())
}

async fn refused(response: Response) -> Refused {
    let bytes = to_bytes(response.into_body(), 4_096).await.unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

/// It says when to come back, in the header and in the body, and both agree.
async fn assert_says_when(response: Response, status: StatusCode) {
    assert_eq!(response.status(), status);
    let seconds: u64 = response.headers()[header::RETRY_AFTER].to_str().unwrap().parse().unwrap();
    let wait = refused(response).await.retry_after_ms.unwrap();
    assert!(wait >= 1 && wait.div_ceil(1_000) == seconds, "{wait} ms, {seconds} s");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_tells_a_client_that_asks_too_much_when_to_come_back() {
    let api = Api::start().await;
    let (greedy, other) = (client("192.0.2.1:1"), client("192.0.2.2:1"));
    let paths = [
        ("POST", "/v1/submit"),
        ("GET", "/v1/tx/00?wait_ms=1"),
        ("GET", "/v1/tx/00/bytes"),
        ("POST", "/v1/state"),
        ("GET", "/v1/latest"),
        ("GET", "/v1/follow"),
        ("POST", "/v1/sponsor"),
        ("GET", "/v1/status"),
        ("GET", "/v1/block/1"),
        ("GET", "/v1/header/1"),
        ("GET", "/v1/blocks?from=1"),
        ("GET", "/v1/handovers?from=0"),
        ("GET", "/metrics"),
        ("GET", "/"),
        ("GET", "/page/explorer/main.js"),
        ("GET", "/explorer/overview"),
        ("GET", "/explorer/events"),
        ("GET", "/nowhere"),
    ];
    assert_eq!(api.requests.take(greedy, 1), Ok(()));
    for (method, path) in paths {
        // As if it had asked all the time: nothing is left for seconds.
        api.requests.charge(greedy, 100_000);
        let answer = api.ask(greedy, method, path, Vec::new()).await;
        assert_says_when(answer, StatusCode::TOO_MANY_REQUESTS).await;
        let answer = api.ask(other, method, path, Vec::new()).await;
        assert_ne!(answer.status(), StatusCode::TOO_MANY_REQUESTS, "{path}");
    }
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_forges_signatures_is_heard_less_often_than_who_asks() {
    let api = Api::start().await;
    let forger = client("192.0.2.1:1");
    let (began, mut checked) = (std::time::Instant::now(), 0);
    for number in 0..120 {
        let answer = api.ask(forger, "POST", "/v1/submit", api.forgery(number)).await;
        if answer.status() == StatusCode::TOO_MANY_REQUESTS {
            break;
        }
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
        let text = "a signature of the transaction does not hold";
        assert_eq!(refused(answer).await.error, text);
        checked += 1;
    }
    // A full bucket pays for 39, what trickles in meanwhile for some more.
    let tokens = 2_000 + began.elapsed().as_millis() / 2;
    assert!(checked >= 39 && checked * 51 <= tokens + 51, "{checked} checks for {tokens} tokens");
    api.stop().await;
}

#[tokio::test]
async fn what_is_beyond_capacity_is_refused_with_a_hint() {
    for rejected in
        [Rejected::Busy("this validator has too many transactions waiting"), Rejected::NotReady]
    {
        let answer = handlers::turn_away(&rejected);
        assert_says_when(answer, StatusCode::SERVICE_UNAVAILABLE).await;
    }
    let answer = handlers::turn_away(&Rejected::Malformed);
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused(answer).await.retry_after_ms, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_are_bounded_and_garbage_is_told_so() {
    let api = Api::start().await;
    let one = client("192.0.2.1:1");
    for (path, most) in [("/v1/submit", 4_096), ("/v1/state", 131_072), ("/v1/sponsor", 2_048)] {
        let answer = api.ask(one, "POST", path, vec![7; most + 1]).await;
        assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE, "{path}");
        let answer = api.ask(one, "POST", path, vec![7; 100]).await;
        assert!(answer.status().is_client_error(), "{path}: {}", answer.status());
    }
    for path in ["/v1/tx/zz", "/v1/block/none", "/v1/header/-1", "/v1/tx/zz/bytes"] {
        assert_eq!(api.get(one, path).await.status(), StatusCode::BAD_REQUEST, "{path}");
    }
    let unknown = api.get(one, "/v1/block/999999999").await;
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
    api.stop().await;
}
