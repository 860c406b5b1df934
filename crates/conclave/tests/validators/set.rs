//! The validator set changes while people use the ledger: 4 -> 5 -> 4, in real processes.

use std::{fs, os::unix::fs::OpenOptionsExt as _, sync::Arc, time::Duration};

use conclave::network::{Network, ValidatorHome};
use conclave_protocol::{
    Contact, Ed25519Signer, Key, Record, Seconds, Tx, ValidatorChange, ValidatorVote, codec::Text,
    encode,
};
use reqwest::StatusCode;
use tokio::time::{Instant, sleep, timeout};

use crate::{
    QUIET,
    consortium::Consortium,
    load::Load,
    ports::free_ports,
    wait::{PATIENCE, eventually, now_ms},
};

/// Blocks of an epoch: short, so that a boundary is never far.
const EPOCH: u32 = 40;

#[tokio::test(flavor = "multi_thread")]
async fn a_validator_comes_and_another_one_goes_while_transactions_stream_in() {
    let mut consortium =
        Consortium::start_with(|genesis| genesis.params.epoch_blocks = EPOCH).await;
    let load = Load::start(&consortium);
    load.acknowledges(0, 20).await;
    let blocks = 5 * u64::from(EPOCH);
    let pause = consortium.longest_pause(0, blocks).await;
    println!("longest time without a block in {blocks}, five ends of epochs among them: {pause:?}");

    // The fifth knows the others; they learn of it from the ledger alone.
    let fifth = consortium.newcomer();
    consortium.spawn(4);
    let contact = Contact {
        name: Text::new("fifth").unwrap(),
        p2p: Text::new(&fifth.p2p.to_string()).unwrap(),
        rpc: Text::new(&format!("http://{}", fifth.rpc)).unwrap(),
    };
    let key = fifth.key();
    consortium.vote(&[0, 1, 2], 0, &ValidatorChange::Add(key, contact)).await;
    consortium.becomes(4, "member").await;
    eventually("the fifth proves what is final", async || consortium.facts(4).await.is_some())
        .await;
    assert_eq!(consortium.light.lock().unwrap().handovers(), 1);

    // Four of five decide: with one of the old ones gone, the fifth is needed.
    consortium.kill(3).await;
    load.acknowledges(0, 40).await;
    consortium.run(3).await;

    let second = ValidatorHome::load(&consortium.dir.path().join("net/validator-1")).unwrap();
    consortium.vote(&[0, 2, 3, 4], 1, &ValidatorChange::Remove(second.key())).await;
    consortium.becomes(1, "removed").await;
    load.acknowledges(0, 40).await;

    // Three of the four decide, and the removed one is none of them.
    consortium.kill(1).await;
    consortium.kill(3).await;
    load.acknowledges(0, 40).await;
    consortium.run(1).await;
    consortium.kill(2).await;
    let late = consortium.registration(1 << 40);
    assert_eq!(consortium.rpc(0).submit(&late.bytes).await, Some(StatusCode::ACCEPTED));
    assert!(consortium.rpc(0).inclusion(&late.id, QUIET).await.is_none());
    let halted = consortium.height(0).await;
    assert!(consortium.rpc(0).inclusion(&late.id, QUIET).await.is_none());
    assert_eq!(consortium.height(0).await, halted);

    consortium.run(2).await;
    consortium.run(3).await;
    load.acknowledges(0, 40).await;
    let facts = load.stop().await;
    for index in [0, 2, 3, 4] {
        consortium.holds(index, &facts).await;
    }
    let light = consortium.light.lock().unwrap();
    assert_eq!(light.handovers(), 2);
    let validators = light.validators(light.newest().unwrap().height);
    assert!(validators.contains(&key) && !validators.contains(&second.key()));
    assert!(light.evidence().is_none());
}

impl Consortium {
    /// Makes the directory of a fifth validator that no network file names.
    fn newcomer(&mut self) -> ValidatorHome {
        let home = self.dir.path().join("net/validator-4");
        fs::create_dir(&home).unwrap();
        let [p2p, rpc] = free_ports();
        let settings = format!(
            "network = \"../network.toml\"\np2p = \"127.0.0.1:{p2p}\"\nrpc = \"127.0.0.1:{rpc}\"\n"
        );
        fs::write(home.join("validator.toml"), settings).unwrap();
        let mut key = fs::OpenOptions::new();
        let mut key = key.create_new(true).write(true).mode(0o600).open(home.join("key")).unwrap();
        std::io::Write::write_all(&mut key, hex::encode([0x5a; 32]).as_bytes()).unwrap();
        let fifth = ValidatorHome::load(&home).unwrap();
        let mut peer = self.network.validators[0].clone();
        (peer.key, peer.rpc) = (fifth.key(), format!("http://{}", fifth.rpc));
        let mut network = Network::clone(&self.network);
        network.validators.push(peer);
        self.network = Arc::new(network);
        self.processes.push(None);
        fifth
    }

    /// These validators vote for the change with this number until it is agreed.
    async fn vote(&self, voters: &[usize], seq: u32, change: &ValidatorChange) {
        let rpc = self.rpc(0);
        eventually("the validators agree", async || {
            for index in voters {
                let path = self.dir.path().join(format!("net/validator-{index}"));
                let home = ValidatorHome::load(&path).unwrap();
                let signer = Ed25519Signer::from_seed(&home.seed);
                let own = Key::Validator(home.key());
                let nonce = match &self.records(&rpc, std::slice::from_ref(&own)).await[&own] {
                    Some(Record::Validator(own)) => own.next_nonce,
                    _ => 0,
                };
                let vote = ValidatorVote { seq, change: change.clone() };
                let expiry = Seconds(now_ms() / 1_000 + 60);
                let chain = self.network.genesis.chain_id();
                let tx = Tx::by_validator(chain, home.key(), nonce, expiry, vote).sign(&signer);
                rpc.submit(&encode(&tx)).await;
            }
            let set = &self.records(&rpc, &[Key::ValidatorSet]).await[&Key::ValidatorSet];
            matches!(set, Some(Record::ValidatorSet(set)) if set.changes > seq)
        })
        .await;
    }

    /// The longest time in which a validator's height stands still until it has grown by `blocks`.
    async fn longest_pause(&self, index: usize, blocks: u64) -> Duration {
        let rpc = self.rpc(index);
        let url = format!("{}/v1/status", rpc.url);
        let (mut height, mut since, mut longest) = (None, Instant::now(), Duration::ZERO);
        let mut first = None;
        let grown = async {
            loop {
                let status = rpc.bytes(rpc.client.get(&url)).await.unwrap();
                let status: serde_json::Value = serde_json::from_slice(&status).unwrap();
                let now = status["height"].as_u64().unwrap();
                if height != Some(now) {
                    longest = longest.max(since.elapsed());
                    (height, since) = (Some(now), Instant::now());
                }
                if now >= *first.get_or_insert(now) + blocks {
                    return;
                }
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, grown).await.unwrap();
        longest
    }

    /// Waits until a validator says what it is in the set.
    async fn becomes(&self, index: usize, role: &str) {
        let rpc = self.rpc(index);
        let url = format!("{}/v1/status", rpc.url);
        eventually("a validator's part changes", async || {
            let Some(status) = rpc.bytes(rpc.client.get(&url)).await else { return false };
            let status: serde_json::Value = serde_json::from_slice(&status).unwrap();
            status["role"] == role
        })
        .await;
    }
}
