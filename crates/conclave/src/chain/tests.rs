use std::time::Instant;

use conclave_ledger::validator::start_dev;
use conclave_protocol::{
    Context, DeviceId, Ed25519Signer, RegisterUser, Signer as _, Tx, UserInfo, codec::Text,
    identity::Gate, tx::Role,
};

use super::*;
use crate::{network::Peer, rpc::Running};

/// A network of one validator behind its real RPC.
async fn network(dir: &Path) -> (Running, Network) {
    let (validator, genesis) = start_dev(dir).unwrap();
    let key = validator.status().key;
    let running = Running::embedded(validator, genesis.clone()).await.unwrap();
    let rpc = format!("http://{}", running.rpc);
    let network = Network {
        genesis,
        validators: vec![Peer { key, rpc, name: None, p2p: None, relay: None }],
        anchors: Vec::new(),
    };
    (running, network)
}

/// A key, and the registration of a user by it.
fn somebody(chain: &Chain, seed: u8) -> (Ed25519Signer, RegisterUser) {
    let signer = Ed25519Signer::from_seed(&[seed; 32]);
    let info = UserInfo::Clear(Text::new("Ada").unwrap());
    let gate = Gate::Sponsor(chain.sponsor_key());
    let user = RegisterUser::new(&chain.chain_id(), signer.ivk(), [1; 16], info, gate);
    (signer, user)
}

async fn registration(chain: &Chain, seed: u8) -> Tx {
    let (signer, user) = somebody(chain, seed);
    let (user, word) = chain.sponsor(user).await.unwrap();
    let expiry = chain.time().await.unwrap().plus(120);
    let dev: DeviceId = user.dev;
    Tx::new(chain.chain_id(), dev, 0, expiry, user).sign(&signer).with(Role::Sponsor, word)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_submitted_becomes_final_and_is_proven() {
    let dir = tempfile::tempdir().unwrap();
    let (running, network) = network(dir.path()).await;
    let chain = Chain::start(&network).unwrap();
    let tx = registration(&chain, 1).await;
    let included = chain.submit(&tx).await.unwrap();
    let (user, absent) = match &tx.body {
        conclave_protocol::Body::RegisterUser(user) => {
            (Key::User(user.user), Key::Device(DeviceId([9; 32])))
        }
        _ => unreachable!(),
    };
    let snapshot = chain.snapshot(&[user.clone(), absent.clone()]).await.unwrap();
    assert!(snapshot.height() >= included.height, "a proof is never older than what is known");
    assert!(matches!(snapshot.record(&user), Some(Record::User(_))));
    assert!(snapshot.covers(&absent) && snapshot.record(&absent).is_none());
    assert_eq!(chain.freshness(), Freshness::Fresh);
    let view = chain.meeting_view(MeetingId([7; 32]), &Default::default()).await.unwrap();
    assert!(view.meeting.is_none() && view.members.is_empty());
    let shown = chain.network();
    assert!(shown.height >= included.height.0 && shown.validators[0].ok);

    let again = registration_again(&chain, &tx).await;
    assert!(matches!(again, Err(ChainError::Refused(_))), "{again:?}");
    running.stop().await;
}

/// The same user once more, under another expiry.
async fn registration_again(chain: &Chain, tx: &Tx) -> Result<Included, ChainError> {
    let signer = Ed25519Signer::from_seed(&[1; 32]);
    let word = tx.signature(Role::Sponsor).unwrap();
    let expiry = tx.expiry.plus(1);
    let tx = Tx::new(chain.chain_id(), tx.signer, 0, expiry, tx.body.clone());
    chain.submit(&tx.sign(&signer).with(Role::Sponsor, word)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_validator_of_another_network_is_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    let (running, theirs) = network(dir.path()).await;
    let key = Ed25519Signer::from_seed(&[3; 32]).validator();
    let genesis = Genesis::new("another", 1, vec![key], Params::default()).unwrap();
    let chain = Chain::start(&Network { genesis, ..theirs.clone() }).unwrap();
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(3) {
        assert!(chain.headers().borrow().is_none());
        assert!(!chain.validators_status()[0].ok);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(matches!(chain.freshness(), Freshness::Stale(_)));
    running.stop().await;
}

#[tokio::test]
async fn when_nobody_answers_it_says_so() {
    let key = Ed25519Signer::from_seed(&[3; 32]).validator();
    let genesis = Genesis::new("nobody", 1, vec![key], Params::default()).unwrap();
    // Port 1 is closed on every machine that runs tests.
    let peer = Peer { key, rpc: "http://127.0.0.1:1".into(), name: None, p2p: None, relay: None };
    let chain =
        Chain::start(&Network { genesis, validators: vec![peer], anchors: Vec::new() }).unwrap();
    tokio::time::pause();
    let answer = chain.snapshot(&[Key::Meeting(MeetingId([1; 32]))]).await;
    assert!(matches!(answer, Err(ChainError::Silent)));
    assert!(matches!(chain.time().await, Err(ChainError::Silent)));
    assert_eq!(chain.network().freshness, wire::Freshness::Stale);
}

/// A validator that answers to one transaction after the other, and the last answer for ever; and
/// how often it was asked.
fn answers(statuses: Vec<u16>) -> (axum::Router, Arc<std::sync::atomic::AtomicUsize>) {
    use axum::{Json, http::StatusCode, routing};
    let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let times = Arc::clone(&asked);
    let submit = move || {
        let time = times.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let status = statuses[time.min(statuses.len() - 1)];
        let refused =
            crate::rpc::Refused { error: "the meeting is over".into(), retry_after_ms: None };
        async move { (StatusCode::from_u16(status).unwrap(), Json(refused)) }
    };
    (axum::Router::new().route("/v1/submit", routing::post(submit)), asked)
}

const BUSY: u16 = 503;
const REFUSED: u16 = 422;
const TAKEN: u16 = 200;

/// A validator that takes a transaction, and then says that it is void.
fn takes_once() -> axum::Router {
    answers(vec![TAKEN, REFUSED]).0
}

async fn assert_void(network: &Network) {
    let chain = Chain::start(network).unwrap();
    let (signer, user) = somebody(&chain, 3);
    let tx = Tx::new(chain.chain_id(), user.dev, 0, Seconds(1), user).sign(&signer);
    let answer = tokio::time::timeout(Duration::from_secs(20), chain.submit(&tx)).await;
    let answer = answer.expect("it is not tried until it expires");
    assert!(matches!(&answer, Err(ChainError::Refused(text)) if text == "the meeting is over"));
}

#[tokio::test]
async fn what_became_void_after_it_was_taken_is_refused() {
    let (network, serving) = made_up(vec![takes_once()]).await;
    assert_void(&network).await;
    serving.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn what_became_void_is_refused_although_one_of_five_is_dead_and_one_is_not_known_here() {
    let (mut network, serving) = made_up((0..3).map(|_| takes_once()).collect()).await;
    let set: Vec<_> =
        (1..6).map(|seed| Ed25519Signer::from_seed(&[seed; 32]).validator()).collect();
    // Port 1 is closed on every machine that runs tests.
    let rpc = "http://127.0.0.1:1".into();
    network.validators.push(Peer { key: set[3], rpc, ..network.validators[0].clone() });
    network.genesis = Genesis::new("grown", 1, set, Params::default()).unwrap();
    assert_void(&network).await;
    serving.iter().for_each(tokio::task::JoinHandle::abort);
}

/// Two of four say that it is void; the other two may have signed that it is final.
#[tokio::test]
async fn what_was_taken_is_not_given_up_on_the_word_of_too_few() {
    let (hesitant, asked) = answers([vec![BUSY; 6], vec![REFUSED]].concat());
    let (mut network, serving) = made_up(vec![takes_once(), takes_once(), hesitant]).await;
    let set: Vec<_> =
        (1..5).map(|seed| Ed25519Signer::from_seed(&[seed; 32]).validator()).collect();
    // Port 1 is closed on every machine that runs tests.
    let rpc = "http://127.0.0.1:1".into();
    network.validators.push(Peer { key: set[3], rpc, ..network.validators[0].clone() });
    network.genesis = Genesis::new("grown", 1, set, Params::default()).unwrap();
    assert_void(&network).await;
    let asked = asked.load(std::sync::atomic::Ordering::Relaxed);
    assert!(asked >= 7, "the third one must say so too");
    serving.iter().for_each(tokio::task::JoinHandle::abort);
}

/// A made-up validator with this answer to everything, and the network of all of them.
async fn made_up(routers: Vec<axum::Router>) -> (Network, Vec<tokio::task::JoinHandle<()>>) {
    let (mut validators, mut serving) = (Vec::new(), Vec::new());
    for (seed, router) in (1..).zip(routers) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let rpc = format!("http://{}", listener.local_addr().unwrap());
        serving.push(tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }));
        let key = Ed25519Signer::from_seed(&[seed; 32]).validator();
        validators.push(Peer { key, rpc, name: None, p2p: None, relay: None });
    }
    let keys: Vec<_> = validators.iter().map(|peer| peer.key).collect();
    let genesis = Genesis::new("made up", 1, keys, Params::default()).unwrap();
    (Network { genesis, validators, anchors: Vec::new() }, serving)
}

#[tokio::test]
async fn a_validator_that_does_not_answer_holds_nobody_up() {
    use axum::{Router, routing};
    let silent = || Router::new().fallback(routing::any(std::future::pending::<()>));
    let speaks = Router::new().route("/explorer/overview", routing::get(async || "words"));
    let (network, serving) = made_up(vec![silent(), silent(), speaks]).await;
    let chain = Chain::start(&network).unwrap();
    let answer = tokio::time::timeout(Duration::from_secs(4), chain.said("overview")).await;
    let (by, said) = answer.expect("three are asked long before one is given up").unwrap();
    assert_eq!((by, &said[..]), (network.validators[2].key, b"words".as_slice()));
    serving.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn a_validator_beyond_its_capacity_is_left_alone_for_as_long_as_it_says() {
    use axum::{Json, Router, http::StatusCode, routing};
    let asked = Arc::new(Mutex::new(Vec::new()));
    let times = Arc::clone(&asked);
    let submit = move || {
        let mut asked = asked.lock().unwrap();
        asked.push(Instant::now());
        let (status, error, retry_after_ms) = match asked.len() {
            1 => (StatusCode::SERVICE_UNAVAILABLE, "full; come back later", Some(700)),
            _ => (StatusCode::UNPROCESSABLE_ENTITY, "the meeting is over", None),
        };
        let refused = crate::rpc::Refused { error: error.into(), retry_after_ms };
        async move { (status, Json(refused)) }
    };
    let router = Router::new().route("/v1/submit", routing::post(submit));
    let (network, serving) = made_up(vec![router]).await;
    let chain = Chain::start(&network).unwrap();
    let (signer, user) = somebody(&chain, 3);
    let tx = Tx::new(chain.chain_id(), user.dev, 0, Seconds(1), user).sign(&signer);
    assert!(matches!(chain.submit(&tx).await, Err(ChainError::Refused(_))));
    let times = times.lock().unwrap();
    assert!(times[1] - times[0] >= Duration::from_millis(650), "{:?}", times[1] - times[0]);
    serving.iter().for_each(tokio::task::JoinHandle::abort);
}

/// Two of a set of four, and before them one that is not in the set, as after its removal.
async fn with_a_removed_one(
    removed: axum::Router,
    members: [axum::Router; 2],
) -> (Network, Vec<tokio::task::JoinHandle<()>>) {
    let (mut network, serving) = made_up([vec![removed], members.to_vec()].concat()).await;
    let set: Vec<_> =
        (2..6).map(|seed| Ed25519Signer::from_seed(&[seed; 32]).validator()).collect();
    network.genesis = Genesis::new("changed", 1, set, Params::default()).unwrap();
    (network, serving)
}

#[tokio::test]
async fn the_refusal_of_a_removed_validator_does_not_count() {
    let refuses = || answers(vec![REFUSED]).0;
    // Busy three times: meanwhile one of four says no, and the removed one.
    let (busy, asked) = answers(vec![BUSY, BUSY, BUSY, REFUSED]);
    let (network, serving) = with_a_removed_one(refuses(), [refuses(), busy]).await;
    assert_void(&network).await;
    assert!(asked.load(std::sync::atomic::Ordering::Relaxed) >= 5, "two of the set must say so");
    serving.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn nobody_waits_because_a_removed_validator_takes_what_the_others_refuse() {
    let [one, two] = [(); 2].map(|()| answers(vec![REFUSED]).0);
    let (network, serving) = with_a_removed_one(answers(vec![TAKEN]).0, [one, two]).await;
    assert_void(&network).await;
    serving.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn a_removed_validator_lets_nobody_in() {
    use axum::{Router, routing};
    let signs = || {
        let word = Ed25519Signer::from_seed(&[9; 32]);
        let word = word.sign(Context::Sponsor, &ChainId([0; 32]), &[]);
        let word = conclave_protocol::encode(&word);
        Router::new().route("/v1/sponsor", routing::post(async move || word))
    };
    let silent = || Router::new().fallback(routing::any(std::future::pending::<()>));
    let (network, serving) = with_a_removed_one(signs(), [signs(), silent()]).await;
    let chain = Chain::start(&network).unwrap();
    let (_, user) = somebody(&chain, 3);
    let (user, _) = chain.sponsor(user).await.unwrap();
    assert_eq!(user.gate, Gate::Sponsor(network.validators[1].key));
    serving.iter().for_each(tokio::task::JoinHandle::abort);
}
