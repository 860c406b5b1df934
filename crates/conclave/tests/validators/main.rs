//! Real validator processes, killed as a power cut kills them, while transactions stream in.
//!
//! A validator that answers `202` has checked a transaction and lets it wait: the sender sends it
//! again until it is final. What a validator *acknowledges* is finality, with a proof; that is what
//! must never be lost.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod set;
mod torn;

use std::{
    collections::BTreeMap,
    process::Stdio,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use conclave::network::{Network, ValidatorHome};
use conclave_ledger::light::{HeaderFacts, Included, LightClient, Refusal};
use conclave_protocol::{
    Context, Ed25519Signer, Genesis, Key, Record, RegisterUser, Seconds, Signer as _, Tx, TxId,
    UserId, UserInfo,
    codec::{List, Text},
    encode,
    identity::Gate,
    tx::Role,
};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

/// Longer than anything here takes, even on a machine that is busy with something else.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks at something that changes by itself.
const LOOK: Duration = Duration::from_millis(50);
/// Transactions under way at any time.
const WRITERS: usize = 8;
/// Acknowledged transactions before, during and after the absence of a validator, each.
const PHASE: usize = 60;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_validator_loses_no_acknowledged_transaction() {
    let mut consortium = Consortium::start().await;
    let load = Load::start(&consortium);

    load.acknowledges(0, PHASE).await;
    consortium.kill(0).await;
    load.acknowledges(1, PHASE).await;
    consortium.run(0).await;
    load.acknowledges(0, PHASE).await;
    let facts = load.stop().await;
    let by = |index| facts.values().filter(|fact| fact.by == index).count();
    println!("acknowledged by each: {:?}", (0..4).map(by).collect::<Vec<_>>());

    consortium.holds_everywhere(&facts).await;
    consortium.agrees().await;

    for index in 0..4 {
        consortium.kill(index).await;
    }
    consortium.run_all().await;
    consortium.holds_everywhere(&facts).await;
    consortium.agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_two_of_four_killed_no_block_is_made_until_one_is_back() {
    let mut consortium = Consortium::start().await;
    let early = consortium.registration(0);
    assert_eq!(consortium.rpc(2).submit(&early.bytes).await, Some(StatusCode::ACCEPTED));
    eventually("the first transaction is final", async || consortium.proves(2, &early).await).await;

    consortium.kill(0).await;
    consortium.kill(1).await;
    let late = consortium.registration(1);
    for index in [2, 3] {
        assert_eq!(consortium.rpc(index).submit(&late.bytes).await, Some(StatusCode::ACCEPTED));
    }
    // A transaction waits all the time, so a block would be made at once. The first wait lets what
    // was under way arrive.
    assert!(consortium.rpc(2).inclusion(&late.id, QUIET).await.is_none());
    let heights = (consortium.height(2).await, consortium.height(3).await);
    assert!(consortium.rpc(2).inclusion(&late.id, QUIET).await.is_none());
    assert!(consortium.rpc(3).inclusion(&late.id, QUIET).await.is_none());
    assert_eq!((consortium.height(2).await, consortium.height(3).await), heights);

    consortium.run(0).await;
    for index in [0, 2, 3] {
        eventually("the ledger goes on", async || consortium.proves(index, &late).await).await;
        assert!(consortium.height(index).await > heights.0.max(heights.1));
    }
    consortium.run(1).await;
    eventually("the last one is back", async || consortium.proves(1, &late).await).await;
    consortium.agrees().await;
}

/// Two idle intervals of the ledger, in which a live one makes several blocks.
const QUIET: Duration = Duration::from_secs(5);

/// Four validators in processes of their own, and a light client that believes none of them.
struct Consortium {
    dir: tempfile::TempDir,
    network: Arc<Network>,
    sponsor: Arc<Ed25519Signer>,
    client: Client,
    light: Arc<Mutex<LightClient>>,
    processes: Vec<Option<Child>>,
}

impl Consortium {
    async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// A consortium whose genesis is another one than the usual.
    async fn start_with(change: impl FnOnce(&mut Genesis)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("net");
        let founded = conclave(&["network", "new", "--validators", "4", "--dir"])
            .arg(&path)
            .status()
            .await
            .unwrap();
        assert!(founded.success());
        let mut network = Network::load(&path.join("network.toml")).unwrap();
        change(&mut network.genesis);
        std::fs::write(path.join("network.toml"), network.to_toml().unwrap()).unwrap();
        let sponsor = ValidatorHome::load(&path.join("validator-3")).unwrap();
        // Two of the program's libraries bring a TLS provider each; whoever was first stays.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let client = Client::builder().no_proxy().build().unwrap();
        let mut consortium = Self {
            light: Arc::new(Mutex::new(LightClient::new(&network.genesis).unwrap())),
            network: Arc::new(network),
            sponsor: Arc::new(Ed25519Signer::from_seed(&sponsor.seed)),
            client,
            processes: (0..4).map(|_| None).collect(),
            dir,
        };
        consortium.run_all().await;
        consortium
    }

    /// Starts every validator; together, because none is of use before three of them run.
    async fn run_all(&mut self) {
        for index in 0..4 {
            self.spawn(index);
        }
        for index in 0..4 {
            self.ready(index).await;
        }
    }

    async fn run(&mut self, index: usize) {
        self.spawn(index);
        self.ready(index).await;
    }

    fn spawn(&mut self, index: usize) {
        let home = self.dir.path().join(format!("net/validator-{index}"));
        let mut command = conclave(&["validator", "run", "--json", "--dir"]);
        self.processes[index] = Some(command.arg(home).spawn().unwrap());
    }

    /// Waits until a validator says that it runs, and until it has caught up.
    async fn ready(&mut self, index: usize) {
        let stdout = self.processes[index].as_mut().unwrap().stdout.take().unwrap();
        let mut lines = BufReader::new(stdout).lines();
        let line = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap();
        let line = line.unwrap_or_else(|| panic!("validator {index} ended at its start"));
        let event: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(event["event"], "ready");
        assert_eq!(event["rpc"], self.network.validators[index].rpc);
        let rpc = self.rpc(index);
        eventually("a validator answers", async || rpc.latest().await.is_some()).await;
    }

    /// `kill -9`, and waits until the process is gone.
    async fn kill(&mut self, index: usize) {
        self.processes[index].take().unwrap().kill().await.unwrap();
    }

    fn rpc(&self, index: usize) -> Rpc {
        Rpc { url: self.network.validators[index].rpc.clone(), client: self.client.clone() }
    }

    fn registration(&self, number: u64) -> Registration {
        Registration::new(&self.network, &self.sponsor, number)
    }

    async fn height(&self, index: usize) -> u64 {
        self.facts(index).await.unwrap().height.0
    }

    /// The newest header a validator proves final.
    async fn facts(&self, index: usize) -> Option<HeaderFacts> {
        let rpc = self.rpc(index);
        let answer = rpc.latest().await?;
        let verdict = rpc.judge(&self.light, |light| light.on_header(&answer, now_ms())).await;
        Some(verdict.unwrap())
    }

    /// Whether a validator proves this transaction final.
    async fn proves(&self, index: usize, registration: &Registration) -> bool {
        let rpc = self.rpc(index);
        let Some(answer) = rpc.inclusion(&registration.id, LOOK).await else { return false };
        let id = &registration.id;
        rpc.judge(&self.light, |light| light.verify_inclusion(&answer, id, now_ms()))
            .await
            .unwrap();
        true
    }

    /// Every validator proves every acknowledged transaction, at the acknowledged place, and the
    /// user it registered.
    async fn holds_everywhere(&self, facts: &BTreeMap<TxId, Fact>) {
        for index in 0..4 {
            self.holds(index, facts).await;
        }
    }

    /// The same of one validator.
    async fn holds(&self, index: usize, facts: &BTreeMap<TxId, Fact>) {
        let highest = facts.values().map(|fact| fact.included.height).max().unwrap();
        let keys: Vec<_> = facts.values().map(|fact| Key::User(fact.user)).collect();
        let rpc = self.rpc(index);
        eventually("a validator has caught up", async || {
            self.facts(index).await.is_some_and(|tip| tip.height >= highest)
        })
        .await;
        for (id, fact) in facts {
            // A validator that was just started may still be indexing what is on its disk.
            let answer = eventually_some("proof of an acknowledged transaction", async || {
                rpc.inclusion(id, Duration::ZERO).await
            })
            .await;
            let included = self.light.lock().unwrap().verify_inclusion(&answer, id, now_ms());
            assert_eq!(included.as_ref(), Ok(&fact.included), "validator {index}");
        }
        for users in keys.chunks(512) {
            let records = self.records(&rpc, users).await;
            assert!(records.values().all(Option::is_some), "validator {index}");
        }
        let nobody = [Key::User(UserId([0xee; 32]))];
        assert_eq!(self.records(&rpc, &nobody).await[&nobody[0]], None);
    }

    /// What a validator proves that these keys hold.
    async fn records(&self, rpc: &Rpc, keys: &[Key]) -> BTreeMap<Key, Option<Record>> {
        eventually_some("proofs of the state", async || {
            let answer = rpc.state(keys).await?;
            match rpc.judge(&self.light, |light| light.verify_state(&answer, keys, now_ms())).await
            {
                Err(Refusal::Stale { .. }) => None,
                seen => Some(seen.unwrap().records),
            }
        })
        .await
    }

    /// All four validators show one header of one height, so one state root per ledger.
    async fn agrees(&self) {
        eventually("four validators at one height", async || {
            let mut tips = Vec::new();
            for index in 0..4 {
                tips.extend(self.facts(index).await);
            }
            let at_one_height = tips.windows(2).all(|pair| pair[0].height == pair[1].height);
            if tips.len() == 4 && at_one_height {
                assert!(tips.windows(2).all(|pair| pair[0] == pair[1]), "{tips:?}");
                return true;
            }
            false
        })
        .await;
        assert!(self.light.lock().unwrap().evidence().is_none());
    }
}

/// A transaction that registers a user.
struct Registration {
    id: TxId,
    user: UserId,
    bytes: Vec<u8>,
}

impl Registration {
    fn new(network: &Network, sponsor: &Ed25519Signer, number: u64) -> Self {
        let mut seed = [0xc0; 32];
        seed[..8].copy_from_slice(&number.to_be_bytes());
        let device = Ed25519Signer::from_seed(&seed);
        let chain = network.genesis.chain_id();
        let info = UserInfo::Clear(Text::new("somebody").unwrap());
        let gate = Gate::Sponsor(sponsor.validator());
        let body = RegisterUser::new(&chain, device.ivk(), [3; 16], info, gate);
        let user = body.user;
        let word = sponsor.sign(Context::Sponsor, &chain, &body.sponsor_message());
        let expiry = Seconds(now_ms() / 1_000 + 300);
        let tx = Tx::new(chain, body.dev, 0, expiry, body).sign(&device).with(Role::Sponsor, word);
        Self { id: tx.id(), user, bytes: encode(&tx) }
    }
}

/// What was acknowledged, and who did.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Fact {
    by: usize,
    included: Included,
    user: UserId,
}

/// Writers that register users all the time, each through validator 0 while that one answers.
struct Load {
    facts: Arc<Mutex<BTreeMap<TxId, Fact>>>,
    stopping: Arc<AtomicBool>,
    writers: JoinSet<()>,
}

impl Load {
    fn start(consortium: &Consortium) -> Self {
        let facts = Arc::new(Mutex::new(BTreeMap::new()));
        let stopping = Arc::new(AtomicBool::new(false));
        let next = Arc::new(AtomicU64::new(0));
        let mut writers = JoinSet::new();
        for _ in 0..WRITERS {
            let (facts, stopping) = (Arc::clone(&facts), Arc::clone(&stopping));
            let (next, light) = (Arc::clone(&next), Arc::clone(&consortium.light));
            let (network, sponsor) =
                (Arc::clone(&consortium.network), Arc::clone(&consortium.sponsor));
            let validators: Vec<_> = (0..4).map(|index| consortium.rpc(index)).collect();
            writers.spawn(async move {
                while !stopping.load(Ordering::SeqCst) {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    let user = Registration::new(&network, &sponsor, number);
                    let bringing = bring(&validators, &light, &user);
                    let (by, included) = timeout(PATIENCE, bringing).await.unwrap();
                    let fact = Fact { by, included, user: user.user };
                    facts.lock().unwrap().insert(user.id, fact);
                }
            });
        }
        Self { facts, stopping, writers }
    }

    /// Waits until a validator has acknowledged so many transactions more.
    async fn acknowledges(&self, by: usize, more: usize) {
        let count = || self.facts.lock().unwrap().values().filter(|fact| fact.by == by).count();
        let enough = count() + more;
        eventually("transactions become final", async || count() >= enough).await;
    }

    /// Waits until so many transactions more have been acknowledged, whoever did it.
    async fn goes_on(&self, more: usize) {
        let enough = self.facts.lock().unwrap().len() + more;
        eventually("transactions become final", async || {
            self.facts.lock().unwrap().len() >= enough
        })
        .await;
    }

    /// A user whose registration was acknowledged.
    fn newest(&self) -> UserId {
        self.facts.lock().unwrap().values().last().unwrap().user
    }

    /// Lets every writer finish what it has begun.
    async fn stop(mut self) -> BTreeMap<TxId, Fact> {
        self.stopping.store(true, Ordering::SeqCst);
        while let Some(writer) = self.writers.join_next().await {
            writer.unwrap();
        }
        let facts = self.facts.lock().unwrap();
        facts.clone()
    }
}

/// Brings one transaction to finality as a client does: to one validator after another, again and
/// again, until one of them proves it.
async fn bring(
    validators: &[Rpc],
    light: &Mutex<LightClient>,
    user: &Registration,
) -> (usize, Included) {
    loop {
        for (index, rpc) in validators.iter().enumerate() {
            // What is final already is refused as a repetition; then there is a proof of it.
            if rpc.submit(&user.bytes).await.is_none() {
                continue;
            }
            if let Some(answer) = rpc.inclusion(&user.id, RESEND).await {
                let verify =
                    |light: &mut LightClient| light.verify_inclusion(&answer, &user.id, now_ms());
                let included = rpc.judge(light, verify).await;
                return (index, included.unwrap());
            }
        }
    }
}

/// How long a client waits for a proof before it sends a transaction to the next validator.
const RESEND: Duration = Duration::from_secs(3);

/// One validator's door. `None` is a validator that does not answer.
#[derive(Clone)]
struct Rpc {
    url: String,
    client: Client,
}

impl Rpc {
    async fn submit(&self, tx: &[u8]) -> Option<StatusCode> {
        let request = self.client.post(format!("{}/v1/submit", self.url)).body(tx.to_vec());
        Some(send(request).await?.status())
    }

    async fn inclusion(&self, id: &TxId, wait: Duration) -> Option<Vec<u8>> {
        let url = format!("{}/v1/tx/{}?wait_ms={}", self.url, id.to_hex(), wait.as_millis());
        self.bytes(self.client.get(url)).await
    }

    /// Verifies what this validator said, after following the validator set if need be.
    async fn judge<T>(
        &self,
        light: &Mutex<LightClient>,
        verify: impl Fn(&mut LightClient) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let first = verify(&mut light.lock().unwrap());
        let Err(Refusal::UnknownValidators) = first else { return first };
        let from = light.lock().unwrap().handovers();
        let url = format!("{}/v1/handovers?from={from}", self.url);
        if let Some(answer) = self.bytes(self.client.get(url)).await {
            light.lock().unwrap().on_handovers(&answer, now_ms())?;
        }
        verify(&mut light.lock().unwrap())
    }

    async fn latest(&self) -> Option<Vec<u8>> {
        self.bytes(self.client.get(format!("{}/v1/latest", self.url))).await
    }

    async fn state(&self, keys: &[Key]) -> Option<Vec<u8>> {
        let keys: List<Key, { conclave_ledger::MAX_KEYS }> = List::new(keys.to_vec()).unwrap();
        self.bytes(self.client.post(format!("{}/v1/state", self.url)).body(encode(&keys))).await
    }

    async fn bytes(&self, request: RequestBuilder) -> Option<Vec<u8>> {
        let answer = send(request).await?;
        if answer.status() != StatusCode::OK {
            return None;
        }
        Some(answer.bytes().await.ok()?.to_vec())
    }
}

/// Sends a request, again while the validator says that this client asks too much.
async fn send(request: RequestBuilder) -> Option<Response> {
    loop {
        let answer = request.try_clone().unwrap().timeout(PATIENCE).send().await.ok()?;
        if answer.status() != StatusCode::TOO_MANY_REQUESTS {
            return Some(answer);
        }
        sleep(LOOK).await;
    }
}

fn conclave(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_conclave"));
    command
        .args(args)
        .env("RUST_LOG", "error")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Looks until it is so.
async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    eventually_some(what, async || is_so().await.then_some(())).await;
}

/// Looks until there is an answer.
async fn eventually_some<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = look().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        sleep(LOOK).await;
    }
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap()
}
