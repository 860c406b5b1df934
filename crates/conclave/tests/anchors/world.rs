//! Validators, and the program that anchors for one of them.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    sync::Mutex,
};

use conclave::{
    chain::Chain,
    network::{self, Network, ValidatorHome},
    rpc::{self, Running},
};
use conclave_protocol::{
    AnchorRecord, Digest, Ed25519Signer, Height, Key, Record, Tx, ValidatorKey,
};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use crate::{PATIENCE, anvil};

/// A consortium whose validators run in this process.
pub(crate) struct World {
    running: Vec<Running>,
    pub(crate) network: Network,
    /// The next nonce of each validator that claimed something: another one that is asked may not
    /// have that block yet.
    claimed: Mutex<BTreeMap<usize, u64>>,
    // Last: nobody writes there any more when it goes.
    dir: tempfile::TempDir,
}

impl World {
    /// One organisation alone, which is enough where it is about Ethereum.
    pub(crate) async fn start() -> Self {
        Self::of(1).await
    }

    pub(crate) async fn of(validators: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let network = network::create(dir.path(), validators).unwrap();
        let mut world = Self { dir, running: Vec::new(), network, claimed: Mutex::default() };
        world.run().await;
        world
    }

    async fn run(&mut self) {
        for number in 0..self.network.validators.len() {
            let home = self.dir.path().join(format!("validator-{number}"));
            let home = ValidatorHome::load(&home).unwrap();
            self.running.push(rpc::run(&home, false).await.unwrap());
        }
    }

    /// All of its validators together forget what they signed, and begin anew from the same genesis.
    pub(crate) async fn rewrite(&mut self) {
        for running in self.running.drain(..) {
            running.stop().await;
        }
        self.claimed.lock().unwrap().clear();
        for number in 0..self.network.validators.len() {
            let home = self.dir.path().join(format!("validator-{number}"));
            std::fs::remove_dir_all(home.join("ledgers")).unwrap();
            // Else the key would know that its journal is lost, and be silent.
            std::fs::remove_file(home.join("started")).unwrap();
        }
        self.run().await;
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.dir.path().join("validator-0")
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.dir.path().join("network.toml")
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn chain(&self) -> Chain {
        Chain::start(&self.network).unwrap()
    }

    /// Waits until the ledger has this height.
    pub(crate) async fn reaches(&self, height: u64) {
        // It follows the ledger as long as it lives.
        let chain = self.chain();
        let mut headers = chain.headers();
        let there = headers
            .wait_for(|newest| newest.as_ref().is_some_and(|newest| newest.height.0 >= height));
        timeout(PATIENCE, there).await.unwrap().unwrap();
    }

    /// Hash of the header of this height.
    pub(crate) async fn header(&self, height: u64) -> Digest {
        self.chain().header_at(Height(height)).await.unwrap().digest
    }

    fn signer(&self, number: usize) -> Ed25519Signer {
        let home = self.dir.path().join(format!("validator-{number}"));
        Ed25519Signer::from_seed(&ValidatorHome::load(&home).unwrap().seed)
    }

    pub(crate) fn validator(&self) -> ValidatorKey {
        self.signer(0).validator()
    }

    /// The anchors that the ledger has a record of, proven.
    pub(crate) async fn records(&self) -> Vec<(Height, Record)> {
        let chain = self.chain();
        let count = match chain.snapshot(&[Key::Anchors]).await.unwrap().record(&Key::Anchors) {
            Some(Record::Anchors(anchors)) => anchors.count,
            _ => 0,
        };
        let keys: Vec<Key> = (0..count).map(Key::Anchor).collect();
        let records = chain.snapshot(&keys).await.unwrap();
        let record = |key: &Key| match records.record(key).unwrap() {
            record @ Record::Anchor(entry) => (entry.height, record.clone()),
            other => panic!("{other:?}"),
        };
        keys.iter().map(record).collect()
    }

    /// What the validator says although it is not so.
    pub(crate) async fn claim(&self, record: AnchorRecord) {
        self.claim_by(0, record).await;
    }

    /// The same of another one.
    pub(crate) async fn claim_by(&self, number: usize, record: AnchorRecord) {
        let (chain, signer) = (self.chain(), self.signer(number));
        let key = Key::Validator(signer.validator());
        let nonce = match chain.snapshot(std::slice::from_ref(&key)).await.unwrap().record(&key) {
            Some(Record::Validator(validator)) => validator.next_nonce,
            _ => 0,
        };
        let claimed = self.claimed.lock().unwrap().get(&number).copied().unwrap_or(0);
        let nonce = nonce.max(claimed);
        let expiry = chain.time().await.unwrap().plus(60);
        let tx = Tx::by_validator(chain.chain_id(), signer.validator(), nonce, expiry, record);
        chain.submit(&tx.sign(&signer)).await.unwrap();
        self.claimed.lock().unwrap().insert(number, nonce + 1);
    }

    /// `conclave anchor run` as an organisation starts it.
    pub(crate) fn poster(&self, urls: &[&str], more: &[&str]) -> Poster {
        let mut command = conclave(&["anchor", "run", "--json", "--poll-ms", "50", "--validator"]);
        command.arg(self.home()).args(more).env("CONCLAVE_ETHEREUM_KEY", anvil::KEY);
        for url in urls {
            command.args(["--ethereum", url]);
        }
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Poster { child, lines, told: Vec::new() }
    }

    /// `conclave anchor verify` as a stranger starts it: exit status and lines.
    pub(crate) async fn verify(&self, urls: &[&str], more: &[&str]) -> (i32, Vec<Value>) {
        self.verify_as(&self.file(), urls, more).await
    }

    /// The same with another file of the network.
    pub(crate) async fn verify_as(
        &self,
        network: &Path,
        urls: &[&str],
        more: &[&str],
    ) -> (i32, Vec<Value>) {
        let mut command = conclave(&["anchor", "verify", "--json", "--network"]);
        command.arg(network).args(more);
        for url in urls {
            command.args(["--ethereum", url]);
        }
        let Output { status, stdout, stderr } = command.output().await.unwrap();
        let lines = String::from_utf8(stdout).unwrap();
        let lines: Vec<Value> =
            lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(!lines.is_empty(), "{}", String::from_utf8_lossy(&stderr));
        (status.code().unwrap(), lines)
    }
}

/// A running `conclave anchor run`, killed when dropped.
pub(crate) struct Poster {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    told: Vec<Value>,
}

impl Poster {
    /// Waits for the next event of this name.
    pub(crate) async fn tells(&mut self, event: &str) -> Value {
        let wanted = async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                let line: Value = serde_json::from_str(&line).unwrap();
                self.told.push(line.clone());
                if line["event"] == event {
                    return line;
                }
            }
            panic!("it ended before it told {event}: {:#?}", self.told);
        };
        match timeout(PATIENCE, wanted).await {
            Ok(line) => line,
            Err(_) => panic!("it never told {event}"),
        }
    }

    /// Whether it has told an event of this name.
    pub(crate) fn has_told(&self, event: &str) -> bool {
        self.told.iter().any(|line| line["event"] == event)
    }

    /// `kill -9`, and waits until the process is gone.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Waits for its end and gives the exit status.
    pub(crate) async fn ends(mut self) -> i32 {
        while let Some(line) = timeout(PATIENCE, self.lines.next_line()).await.unwrap().unwrap() {
            self.told.push(serde_json::from_str(&line).unwrap());
        }
        timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap().code().unwrap()
    }
}

pub(crate) fn conclave(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_conclave"));
    command
        .args(args)
        .env("RUST_LOG", "error")
        .env_remove("CONCLAVE_ETHEREUM_KEY")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}
