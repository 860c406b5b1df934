//! Four validators in processes of their own, and what they prove.

use std::{
    collections::BTreeMap,
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};

use conclave::network::{Network, ValidatorHome};
use conclave_ledger::light::{HeaderFacts, LightClient, Refusal};
use conclave_protocol::{Ed25519Signer, Genesis, Key, Record, TxId, UserId};
use reqwest::Client;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    time::timeout,
};

use crate::{
    load::{Fact, Registration},
    ports::hold_all,
    rpc::Rpc,
    wait::{LOOK, PATIENCE, eventually, eventually_some, now_ms},
};

/// Four validators in processes of their own, and a light client that believes none of them.
pub(crate) struct Consortium {
    pub(crate) network: Arc<Network>,
    pub(crate) sponsor: Arc<Ed25519Signer>,
    client: Client,
    pub(crate) light: Arc<Mutex<LightClient>>,
    pub(crate) processes: Vec<Option<Child>>,
    // Last: nobody writes there any more when it goes.
    pub(crate) dir: tempfile::TempDir,
}

impl Consortium {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// A consortium whose genesis is another one than the usual.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Genesis)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("net");
        let founded = conclave(&["network", "new", "--validators", "4", "--dir"])
            .arg(&path)
            .status()
            .await
            .unwrap();
        assert!(founded.success());
        hold_all(&path);
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
    pub(crate) async fn run_all(&mut self) {
        for index in 0..4 {
            self.spawn(index);
        }
        for index in 0..4 {
            self.ready(index).await;
        }
    }

    pub(crate) async fn run(&mut self, index: usize) {
        self.spawn(index);
        self.ready(index).await;
    }

    pub(crate) fn spawn(&mut self, index: usize) {
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
    pub(crate) async fn kill(&mut self, index: usize) {
        self.processes[index].take().unwrap().kill().await.unwrap();
    }

    pub(crate) fn rpc(&self, index: usize) -> Rpc {
        Rpc { url: self.network.validators[index].rpc.clone(), client: self.client.clone() }
    }

    pub(crate) fn registration(&self, number: u64) -> Registration {
        Registration::new(&self.network, &self.sponsor, number)
    }

    pub(crate) async fn height(&self, index: usize) -> u64 {
        self.facts(index).await.unwrap().height.0
    }

    /// The newest header a validator proves final.
    pub(crate) async fn facts(&self, index: usize) -> Option<HeaderFacts> {
        let rpc = self.rpc(index);
        let answer = rpc.latest().await?;
        let verdict = rpc.judge(&self.light, |light| light.on_header(&answer, now_ms())).await;
        Some(verdict.unwrap())
    }

    /// Whether a validator proves this transaction final.
    pub(crate) async fn proves(&self, index: usize, registration: &Registration) -> bool {
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
    pub(crate) async fn holds_everywhere(&self, facts: &BTreeMap<TxId, Fact>) {
        for index in 0..4 {
            self.holds(index, facts).await;
        }
    }

    /// The same of one validator.
    pub(crate) async fn holds(&self, index: usize, facts: &BTreeMap<TxId, Fact>) {
        let highest = facts.values().map(|fact| fact.included.height).max().unwrap();
        let keys: Vec<_> = facts.values().map(|fact| Key::User(fact.user)).collect();
        let rpc = self.rpc(index);
        eventually("a validator has caught up", async || {
            self.facts(index).await.is_some_and(|tip| tip.height >= highest)
        })
        .await;
        // One whose damaged ledgers were set aside has fetched a state: it proves who is registered,
        // and not any more in which block of old that was.
        let home = self.dir.path().join(format!("net/validator-{index}"));
        let has_old_blocks = !home.join("ledgers.damaged").exists();
        for (id, fact) in facts.iter().filter(|_| has_old_blocks) {
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
    pub(crate) async fn records(&self, rpc: &Rpc, keys: &[Key]) -> BTreeMap<Key, Option<Record>> {
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
    pub(crate) async fn agrees(&self) {
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
