//! The explorer without a port, over a real ledger of one validator.

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Method, Request, StatusCode, header},
};
use conclave_ledger::validator::start_dev;
use conclave_protocol::{
    ClaimHandle, DeviceId, Digest, Ed25519Signer, Epk, MeetingId, MeetingRequest, Npk,
    PublishMeeting, RegisterUser, Signer as _, Term, Tx, UserId, UserInfo,
    codec::Text,
    encode,
    identity::{Gate, Handle},
    meeting::{Policy, Suite},
    tx::Role,
};
use futures::StreamExt as _;
use serde::de::DeserializeOwned;
use tower::ServiceExt as _;

use super::{wire::*, *};

/// A name with everything that a page must not fall for.
const HOSTILE: &str = "<img src=x onerror=alert(1)>\u{202e}\u{2066}&quot;'\u{200f}";
const MID: MeetingId = MeetingId([0x91; 32]);

/// A ledger and who is on it.
struct World {
    explorer: Explorer,
    router: Router,
    validator: Validator,
    genesis: Genesis,
    closing: CancellationToken,
}

/// A registered user.
struct Person {
    signer: Ed25519Signer,
    user: UserId,
    dev: DeviceId,
    last: Digest,
}

impl World {
    async fn start(dir: &std::path::Path) -> Self {
        let (validator, genesis) = start_dev(dir).unwrap();
        let mut tips = validator.follow();
        tips.wait_for(|tip| !tip.is_empty()).await.unwrap();
        let closing = CancellationToken::new();
        let explorer = Explorer::start(validator.clone(), genesis.clone(), closing.clone());
        let router = router(explorer.clone(), closing.clone());
        Self { explorer, router, validator, genesis, closing }
    }

    async fn stop(self) {
        self.closing.cancel();
        let validator = self.validator;
        tokio::task::spawn_blocking(move || validator.shutdown()).await.unwrap();
    }

    /// Brings a transaction to finality, and into the index.
    async fn bring(&self, tx: &Tx) {
        let id = self.validator.submit(encode(tx)).await.unwrap();
        self.validator.wait_final(&id).await.unwrap();
        let mut grown = self.explorer.0.grown.subscribe();
        while self.explorer.index().tx(&id).is_none() {
            grown.changed().await.unwrap();
        }
    }

    fn expiry(&self) -> Seconds {
        self.explorer.now().plus(60)
    }

    async fn person(&self, seed: u8, name: &str) -> Person {
        let signer = Ed25519Signer::from_seed(&[seed; 32]);
        let chain = self.genesis.chain_id();
        let gate = Gate::Sponsor(self.validator.status().key);
        let info = UserInfo::Clear(Text::new(name).unwrap());
        let body = RegisterUser::new(&chain, signer.ivk(), [seed; 16], info, gate);
        let (user, dev, word) = (body.user, body.dev, self.validator.sponsor(&body));
        let tx = Tx::new(chain, dev, 0, self.expiry(), body);
        let tx = tx.sign(&signer).with(Role::Sponsor, word);
        self.bring(&tx).await;
        Person { signer, user, dev, last: Digest(tx.id().0) }
    }

    async fn say(&self, who: &Person, nonce: u64, body: impl Into<conclave_protocol::Body>) {
        let tx = Tx::new(self.genesis.chain_id(), who.dev, nonce, self.expiry(), body);
        self.bring(&tx.sign(&who.signer)).await;
    }

    /// Ada leads a meeting that Bob asks to join.
    async fn meeting(&self) -> (Person, Person) {
        let (ada, bob) = (self.person(1, "Ada").await, self.person(2, HOSTILE).await);
        let name = Handle::new("ada").unwrap();
        self.say(&ada, 1, ClaimHandle { user: ada.user, name, seq: 1, prev: ada.last }).await;
        let publish = PublishMeeting {
            mid: MID,
            suite: Suite::Hybrid,
            policy: Policy::default(),
            info: UserInfo::Clear(Text::new("Budget").unwrap()),
            user: ada.user,
            dev: ada.dev,
            ivk: ada.signer.ivk(),
            epk: Epk([9; 32]),
            ek_hash: [1; 32],
            npk: npk(3),
        };
        self.say(&ada, 2, publish).await;
        let request = MeetingRequest {
            mid: MID,
            user: bob.user,
            dev: bob.dev,
            ivk: bob.signer.ivk(),
            epk: Epk([8; 32]),
            ek_hash: [2; 32],
            npk: npk(4),
            term: Term(1),
        };
        self.say(&bob, 1, request).await;
        (ada, bob)
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> T {
        let (status, bytes) = self.ask(Method::GET, path).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        serde_json::from_slice(&bytes).unwrap()
    }

    async fn ask(&self, method: Method, path: &str) -> (StatusCode, bytes::Bytes) {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let policy = &answer.headers()[header::CONTENT_SECURITY_POLICY];
        assert!(policy.to_str().unwrap().contains("require-trusted-types-for 'script'"));
        (answer.status(), to_bytes(answer.into_body(), 4 << 20).await.unwrap())
    }
}

fn npk(seed: u8) -> Npk {
    Npk(Ed25519Signer::from_seed(&[seed; 32]).validator().0)
}

fn read(words: &[Part]) -> String {
    words.iter().map(|part| part.text.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happened_is_told_about_everyone_it_is_about() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::start(dir.path()).await;
    let (ada, bob) = world.meeting().await;

    let meeting: MeetingView = world.get(&format!("/explorer/meetings/{}", MID.to_hex())).await;
    assert_eq!((meeting.state.as_str(), meeting.term, meeting.asked), ("open", 1, 2));
    assert_eq!(meeting.info, InfoView { form: "clear".into(), text: "Budget".into() });
    assert_eq!(meeting.members[1].user, bob.user.to_hex());
    assert_eq!(meeting.members[1].status, "requested");
    let told: Vec<_> = meeting.txs.iter().map(|tx| read(&tx.words)).collect();
    let mid = "91919191\u{2026}";
    assert_eq!(told[0], format!("Device {}\u{2026} asked to join meeting {mid}", bob.dev));
    assert_eq!(told[1], format!("Device {}\u{2026} opened meeting {mid}: Budget", ada.dev));

    let user: UserView = world.get(&format!("/explorer/users/{}", ada.user.to_hex())).await;
    assert_eq!((user.handle.as_deref(), user.active, user.devices.len()), (Some("ada"), true, 1));
    assert_eq!(user.txs.len(), 3, "registered, named, opened a meeting");
    let hostile: UserView = world.get(&format!("/explorer/users/{}", bob.user.to_hex())).await;
    assert_eq!(hostile.info.text, HOSTILE);
    let device: DeviceView = world.get(&format!("/explorer/devices/{}", bob.dev.to_hex())).await;
    assert_eq!((device.user, device.next_nonce), (bob.user.to_hex(), 2));

    let tx: TxView = world.get(&format!("/explorer/tx/{}", meeting.txs[0].id)).await;
    assert_eq!((tx.signer, tx.nonce), (bob.dev.to_hex(), 1));
    let block: BlockView = world.get(&format!("/explorer/blocks/{}", tx.tx.height)).await;
    assert!(block.txs.iter().any(|one| one.id == tx.tx.id));
    assert_eq!(block.certificate.unwrap().signers.len(), 1);

    let overview: Overview = world.get("/explorer/overview").await;
    assert_eq!((overview.identity, overview.meeting, overview.validators), (3, 2, 1));
    assert_eq!(overview.reach.from, 1);
    assert!(overview.rate > 0.0);
    let validators: ValidatorsView = world.get("/explorer/validators").await;
    let [one] = validators.validators.as_slice() else { panic!("{validators:?}") };
    assert!(one.me && one.in_force && one.proposed == validators.window && one.signed > 0);
    let path = format!("/explorer/validators/{}", one.key);
    let sponsor: ValidatorView = world.get(&path).await;
    assert_eq!(sponsor.txs.len(), 2, "it sponsored two users");
    let anchors: AnchorsView = world.get("/explorer/anchors").await;
    assert_eq!((anchors.count, anchors.anchors.len()), (0, 0));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_finds_by_height_id_beginning_handle_and_key() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::start(dir.path()).await;
    let (ada, bob) = world.meeting().await;
    let find = async |text: &str| -> Vec<(TargetKind, String)> {
        let found: Found = world.get(&format!("/explorer/search?q={text}")).await;
        found.hits.into_iter().map(|hit| (hit.kind, hit.id)).collect()
    };
    let user = |person: &Person| (TargetKind::User, person.user.to_hex());
    assert_eq!(find("1").await, [(TargetKind::Block, "1".into())]);
    assert_eq!(find("@ada").await, [user(&ada)]);
    assert_eq!(find("Ada").await, [user(&ada)]);
    assert_eq!(find(&bob.user.to_hex()).await, [user(&bob)]);
    assert!(find(&bob.user.to_hex()[..8]).await.contains(&user(&bob)));
    let device = (TargetKind::Device, bob.dev.to_hex());
    assert!(find(&bob.dev.to_hex()[..11].to_uppercase()).await.contains(&device));
    assert_eq!(find("91919191").await, [(TargetKind::Meeting, MID.to_hex())]);
    assert_eq!(find(&MID.to_hex()).await, [(TargetKind::Meeting, MID.to_hex())]);
    let key = hex::encode(world.validator.status().key.0);
    let validator = (TargetKind::Validator, key.clone());
    assert_eq!(find(&key).await, std::slice::from_ref(&validator));
    assert!(find(&key[..8]).await.contains(&validator));
    let overview: Overview = world.get("/explorer/overview").await;
    let id = &overview.txs[0].id;
    assert_eq!(find(id).await, [(TargetKind::Tx, id.clone())]);
    assert!(find(&id[..9]).await.contains(&(TargetKind::Tx, id.clone())));
    for nothing in ["", "1234567", "99999999999", "%3Cb%3E", &"a".repeat(500), "nobody"] {
        assert_eq!(find(nothing).await, [], "{nothing}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_watches_hears_of_new_blocks_and_their_transactions() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::start(dir.path()).await;
    let request = Request::get("/explorer/events").body(Body::empty()).unwrap();
    let answer = world.router.clone().oneshot(request).await.unwrap();
    assert_eq!(answer.headers()[header::CONTENT_TYPE], "text/event-stream");
    let mut events = answer.into_body().into_data_stream();
    let ada = world.person(1, "Ada").await;
    loop {
        let chunk = events.next().await.unwrap().unwrap();
        let Some(data) = chunk.strip_prefix(b"data: ") else { continue };
        let tick: Tick = serde_json::from_slice(data).unwrap();
        assert!(!tick.blocks.is_empty());
        let named = |tx: &TxLine| read(&tx.words).contains(&ada.user.to_string());
        if tick.txs.iter().any(named) {
            break;
        }
    }
    // No place is left for another one when all are taken.
    let all = u32::try_from(WATCHERS - 1).unwrap();
    let _taken = Arc::clone(&world.explorer.0.seats).try_acquire_many_owned(all).unwrap();
    let (status, _) = world.ask(Method::GET, "/explorer/events").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    world.closing.cancel();
    while events.next().await.is_some() {}
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restart_the_past_is_there_again() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::start(dir.path()).await;
    let (ada, _) = world.meeting().await;
    world.stop().await;
    let world = World::start(dir.path()).await;
    let tip = world.validator.status().height.0;
    let mut grown = world.explorer.0.grown.subscribe();
    grown.wait_for(|newest| *newest >= tip).await.unwrap();
    let user: UserView = world.get(&format!("/explorer/users/{}", ada.user.to_hex())).await;
    assert_eq!(user.txs.len(), 3);
    assert_eq!(user.reach, Reach { from: 1, txs: 5 });
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_and_what_makes_no_sense_is_told_so() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::start(dir.path()).await;
    let nobody = "ee".repeat(32);
    for what in ["users", "devices", "meetings", "tx", "validators"] {
        let (status, _) = world.ask(Method::GET, &format!("/explorer/{what}/{nobody}")).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{what}");
        for bad in ["zz", "..%2f..%2fetc", &nobody[..62]] {
            let (status, _) = world.ask(Method::GET, &format!("/explorer/{what}/{bad}")).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{what} {bad}");
        }
    }
    let (status, _) = world.ask(Method::GET, "/explorer/blocks/18446744073709551615").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let far: BlockView = world.get("/explorer/blocks/1?from=9999999").await;
    assert!(far.txs.is_empty());
    for path in ["/", "/explorer/overview", "/explorer/events", "/page/explorer/main.js"] {
        for method in [Method::POST, Method::PUT, Method::DELETE] {
            let (status, _) = world.ask(method, path).await;
            assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        }
    }
    for path in ["/page/../Cargo.toml", "/page/explorer/nothing.js", "/page/%2e%2e/key"] {
        let (status, _) = world.ask(Method::GET, path).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
    }
    for path in ["/", "/join"] {
        let (status, page) = world.ask(Method::GET, path).await;
        assert_eq!(status, StatusCode::OK);
        let page = String::from_utf8(page.to_vec()).unwrap();
        let parts: Vec<_> = page.split('"').filter(|part| part.starts_with("./page/")).collect();
        assert!(parts.len() > 3, "{path}");
        for part in parts {
            let (status, _) = world.ask(Method::GET, part.trim_start_matches('.')).await;
            assert_eq!(status, StatusCode::OK, "{part}");
        }
    }
    // The page that an invite is opened on may ask for nothing, and names itself to nobody.
    let request = Request::get("/join").body(Body::empty()).unwrap();
    let answer = world.router.clone().oneshot(request).await.unwrap();
    let policy = answer.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none';") && !policy.contains("connect-src"));
    assert_eq!(answer.headers()[header::REFERRER_POLICY], "no-referrer");
    world.stop().await;
}
