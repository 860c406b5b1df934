//! Whole validators with real sockets and disks, and a light client that believes none of them.

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use conclave_ledger::{
    light::{Freshness, LightClient, Snapshot},
    validator::{Config, Keep, Rejected, Seed, Validator, start, start_dev},
};
use conclave_protocol::{
    Ed25519Signer, Genesis, Key, Params, Record, RegisterUser, Seconds, Signer as _, Tx, UserInfo,
    ValidatorKey, codec::Text, encode, identity::Gate, tx::Role,
};

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap()
}

/// A new user called by a number, sponsored by `validator`.
fn registration(genesis: &Genesis, validator: &Validator, number: u64) -> (RegisterUser, Tx) {
    let mut seed = [0xb0; 32];
    seed[..8].copy_from_slice(&number.to_be_bytes());
    let device = Ed25519Signer::from_seed(&seed);
    let info = UserInfo::Clear(Text::new("somebody").unwrap());
    let gate = Gate::Sponsor(validator.status().key);
    let chain = genesis.chain_id();
    let body = RegisterUser::new(&chain, device.ivk(), [3; 16], info, gate);
    let word = validator.sponsor(&body);
    let expiry = Seconds(now_ms() / 1000 + 300);
    let tx =
        Tx::new(chain, body.dev, 0, expiry, body.clone()).sign(&device).with(Role::Sponsor, word);
    (body, tx)
}

async fn snapshot(client: &mut LightClient, validator: &Validator, keys: &[Key]) -> Snapshot {
    let answer = validator.query(keys.to_vec()).await.unwrap();
    client.verify_state(&answer, keys, now_ms()).unwrap()
}

async fn ready(validator: &Validator) {
    let mut tips = validator.follow();
    let wait = tips.wait_for(|tip| !tip.is_empty());
    tokio::time::timeout(Duration::from_secs(60), wait).await.unwrap().unwrap();
}

/// Submits a user and waits until a light client has seen it final.
async fn register(
    genesis: &Genesis,
    client: &mut LightClient,
    to: &Validator,
    at: &Validator,
    number: u64,
) -> (RegisterUser, Duration) {
    let (body, tx) = registration(genesis, to, number);
    let started = Instant::now();
    let id = to.submit(encode(&tx)).await.unwrap();
    assert_eq!(id, tx.id());
    let wait = at.wait_final(&id);
    let answer = tokio::time::timeout(Duration::from_secs(60), wait).await.unwrap().unwrap();
    client.verify_inclusion(&answer, &id, now_ms()).unwrap();
    (body, started.elapsed())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_validator_serves_a_light_client_and_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (validator, genesis) = start_dev(dir.path()).unwrap();
    ready(&validator).await;
    let mut client = LightClient::new(&genesis).unwrap();
    client.on_header(&validator.latest().await.unwrap(), now_ms()).unwrap();
    assert_eq!(client.freshness(now_ms()), Freshness::Fresh);

    let (body, _) = register(&genesis, &mut client, &validator, &validator, 1).await;
    let keys = [Key::User(body.user), Key::Device(body.dev), Key::User([9; 32].into())];
    let seen = snapshot(&mut client, &validator, &keys).await;
    assert!(matches!(seen.records[&keys[0]], Some(Record::User(_))));
    assert!(matches!(seen.records[&keys[1]], Some(Record::Device(_))));
    assert_eq!(seen.records[&keys[2]], None);
    let local = validator.local_record(&keys[0]).await.unwrap();
    assert_eq!(local, seen.records[&keys[0]]);

    assert_eq!(validator.submit(vec![1, 2, 3]).await, Err(Rejected::Malformed));
    let (_, mut unsigned) = registration(&genesis, &validator, 2);
    unsigned.nonce = 1;
    assert!(validator.submit(encode(&unsigned)).await.is_err());

    let (_, early) = registration(&genesis, &validator, 9);
    let early = validator.submit(encode(&early)).await.unwrap();
    for number in 10..90 {
        register(&genesis, &mut client, &validator, &validator, number).await;
    }

    stop(validator).await;
    let (validator, again) = start_dev(dir.path()).unwrap();
    assert_eq!(again, genesis);
    ready(&validator).await;
    let wait = validator.wait_final(&early);
    let answer = tokio::time::timeout(Duration::from_secs(60), wait).await.unwrap().unwrap();
    let place = client.verify_inclusion(&answer, &early, now_ms()).unwrap();
    assert!(place.height.0 + 64 < validator.status().height.0, "a block of long ago");
    let later = snapshot(&mut client, &validator, &keys).await;
    assert!(later.height >= seen.height);
    assert_eq!(later.records, seen.records);
    stop(validator).await;
}

/// Flips every bit of an answer alone: no such lie may be believed.
fn no_lie_is_believed(answer: &[u8], believes: impl Fn(&[u8]) -> bool) {
    assert!(believes(answer));
    let mut lie = answer.to_vec();
    for at in 0..lie.len() {
        for bit in 0..8 {
            lie[at] ^= 1 << bit;
            assert!(!believes(&lie), "bit {bit} of byte {at} of {}", lie.len());
            lie[at] ^= 1 << bit;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lying_validator_is_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    let (validator, genesis) = start_dev(dir.path()).unwrap();
    ready(&validator).await;
    let client = || LightClient::new(&genesis).unwrap();
    let (body, tx) = registration(&genesis, &validator, 1);
    let id = validator.submit(encode(&tx)).await.unwrap();
    let wait = validator.wait_final(&id);
    let inclusion = tokio::time::timeout(Duration::from_secs(60), wait).await.unwrap().unwrap();
    let now = now_ms();
    no_lie_is_believed(&inclusion, |lie| client().verify_inclusion(lie, &id, now).is_ok());
    for (user, is_there) in [(body.user, true), ([9; 32].into(), false)] {
        let keys = [Key::User(user)];
        let answer = validator.query(keys.to_vec()).await.unwrap();
        let now = now_ms();
        let seen = client().verify_state(&answer, &keys, now).unwrap();
        assert_eq!(seen.records[&keys[0]].is_some(), is_there);
        no_lie_is_believed(&answer, |lie| client().verify_state(lie, &keys, now).is_ok());
        let late = seen.time_ms + 60_001;
        assert!(client().verify_state(&answer, &keys, late).is_err(), "an old view");
    }
    stop(validator).await;
}

async fn stop(validator: Validator) {
    tokio::task::spawn_blocking(move || validator.shutdown()).await.unwrap();
}

/// Four validators on loopback.
struct Network {
    genesis: Genesis,
    addresses: Vec<(ValidatorKey, SocketAddr)>,
    dir: tempfile::TempDir,
}

impl Network {
    fn new() -> Self {
        let keys: Vec<_> =
            (1..=4).map(|seed| Ed25519Signer::from_seed(&[seed; 32]).validator()).collect();
        let genesis = Genesis::new("test", now_ms(), keys.clone(), Params::default()).unwrap();
        let sockets: Vec<_> =
            keys.iter().map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()).collect();
        let addresses = keys
            .into_iter()
            .zip(&sockets)
            .map(|(key, socket)| (key, socket.local_addr().unwrap()))
            .collect();
        Self { genesis, addresses, dir: tempfile::tempdir().unwrap() }
    }

    fn start(&self, index: u8) -> Validator {
        start(Config {
            dir: Path::new(self.dir.path()).join(index.to_string()),
            seed: Seed::new([index + 1; 32]),
            genesis: self.genesis.clone(),
            listen: self.addresses[usize::from(index)].1,
            peers: self.addresses.iter().map(|(key, at)| (*key, (*at).into())).collect(),
            state_sync: false,
            keep: Keep::All,
            signs_from: 0,
        })
        .unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn four_validators_survive_the_loss_of_one_and_take_it_back() {
    let network = Network::new();
    let mut validators: Vec<_> = (0..4).map(|index| network.start(index)).collect();
    let mut client = LightClient::new(&network.genesis).unwrap();
    for validator in &validators {
        ready(validator).await;
    }
    let mut times = Vec::new();
    for number in 0..60 {
        let to = &validators[number % 4];
        let at = &validators[(number + 1) % 4];
        let number = u64::try_from(number).unwrap();
        times.push(register(&network.genesis, &mut client, to, at, number).await.1);
    }
    times.sort();
    println!("submitted -> final elsewhere: p50 {:?}, p90 {:?}", times[30], times[54]);

    stop(validators.pop().unwrap()).await;
    let mut times = Vec::new();
    for number in 60..72 {
        let (to, at) = (&validators[number % 3], &validators[(number + 1) % 3]);
        let number = u64::try_from(number).unwrap();
        times.push(register(&network.genesis, &mut client, to, at, number).await.1);
    }
    times.sort();
    println!("one of four down: p50 {:?}, max {:?}", times[6], times[11]);

    validators.push(network.start(3));
    let (_, tx) = registration(&network.genesis, &validators[0], 100);
    let id = validators[0].submit(encode(&tx)).await.unwrap();
    let wait = validators[3].wait_final(&id);
    let answer = tokio::time::timeout(Duration::from_secs(60), wait).await.unwrap().unwrap();
    client.verify_inclusion(&answer, &id, now_ms()).unwrap();
    for validator in validators {
        stop(validator).await;
    }
}
