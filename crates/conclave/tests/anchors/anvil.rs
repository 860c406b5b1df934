//! A node of Ethereum that lives as long as a test.

use std::{collections::BTreeMap, path::PathBuf, process::Stdio};

use conclave_protocol::anchor::Anchor;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    time::timeout,
};

use crate::PATIENCE;

/// Its first account, which has money; the key is known to the whole world.
pub(crate) const ACCOUNT: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
pub(crate) const KEY: &str = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

/// Another one that has money.
pub(crate) const SOMEBODY: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";

pub(crate) struct Anvil {
    pub(crate) url: String,
    client: reqwest::Client,
    _child: Child,
}

impl Anvil {
    /// A node that makes a block only when it is told to.
    pub(crate) async fn start() -> Self {
        let mut child = Command::new(binary())
            .args(["--port", "0", "--no-mining", "--threads", "1"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let listening = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                if let Some(address) = line.strip_prefix("Listening on ") {
                    return format!("http://{address}");
                }
            }
            panic!("anvil ended at its start");
        };
        let url = timeout(PATIENCE, listening).await.unwrap();
        // What it prints later must not fill the pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { url, client: client(), _child: child }
    }

    pub(crate) async fn ask(&self, method: &str, params: Value) -> Value {
        let question = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let answer = self.client.post(&self.url).json(&question).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    pub(crate) async fn mine(&self, blocks: u64) {
        self.ask("anvil_mine", json!([format!("{blocks:#x}")])).await;
    }

    pub(crate) async fn newest(&self) -> u64 {
        number(&self.ask("eth_blockNumber", json!([])).await)
    }

    /// A transaction of an account to itself with this data; its hash. It waits until a block is made.
    pub(crate) async fn sends(&self, account: &str, data: &[u8]) -> [u8; 32] {
        let data = format!("0x{}", hex::encode(data));
        let tx = json!([{ "from": account, "to": account, "data": data }]);
        bytes(&self.ask("eth_sendTransaction", tx).await)
    }

    /// Hashes and nonces of the transactions that wait.
    pub(crate) async fn waiting(&self) -> BTreeMap<String, u64> {
        let pool = self.ask("txpool_content", json!([])).await;
        let accounts = ["pending", "queued"]
            .into_iter()
            .flat_map(|part| pool[part].as_object().unwrap().values().cloned().collect::<Vec<_>>());
        let txs = accounts
            .flat_map(|account| account.as_object().unwrap().values().cloned().collect::<Vec<_>>());
        txs.map(|tx| (tx["hash"].as_str().unwrap().to_owned(), number(&tx["nonce"]))).collect()
    }

    /// Every anchor in the chain of the moment: height, and hashes of the transactions.
    pub(crate) async fn posts(&self) -> BTreeMap<u64, Vec<Value>> {
        let mut posts: BTreeMap<u64, Vec<Value>> = BTreeMap::new();
        for number in 0..=self.newest().await {
            let block = json!([format!("{number:#x}"), true]);
            let block = self.ask("eth_getBlockByNumber", block).await;
            for tx in block["transactions"].as_array().unwrap() {
                let data = hex::decode(&tx["input"].as_str().unwrap()[2..]).unwrap();
                if let Ok(anchor) = Anchor::parse(&data) {
                    posts.entry(anchor.height.0).or_default().push(tx.clone());
                }
            }
        }
        posts
    }

    /// Each height was anchored once.
    pub(crate) async fn has_one_post_per_height(&self) -> usize {
        let posts = self.posts().await;
        assert!(posts.values().all(|txs| txs.len() == 1), "{posts:?}");
        posts.len()
    }
}

pub(crate) fn number(value: &Value) -> u64 {
    u64::from_str_radix(value.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
}

pub(crate) fn bytes(hash: &Value) -> [u8; 32] {
    let mut bytes = [0; 32];
    hex::decode_to_slice(&hash.as_str().unwrap()[2..], &mut bytes).unwrap();
    bytes
}

pub(crate) fn client() -> reqwest::Client {
    // Two of the program's libraries bring a TLS provider each; whoever was first stays.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

fn binary() -> PathBuf {
    let cpu = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let system = if cfg!(target_os = "macos") { "darwin" } else { "linux" };
    let path = format!("../../tools/node_modules/@foundry-rs/anvil-{system}-{cpu}/bin/anvil");
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    assert!(path.exists(), "{} is missing; run: scripts/setup", path.display());
    path
}
