//! People who register all the time, and which of their transactions were acknowledged.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use conclave::network::Network;
use conclave_ledger::light::{Included, LightClient};
use conclave_protocol::{
    Context, Ed25519Signer, RegisterUser, Seconds, Signer as _, Tx, TxId, UserId, UserInfo,
    codec::Text, encode, identity::Gate, tx::Role,
};
use tokio::{task::JoinSet, time::timeout};

use crate::{
    consortium::Consortium,
    rpc::Rpc,
    wait::{PATIENCE, eventually, now_ms},
};

/// Transactions under way at any time.
const WRITERS: usize = 8;

/// A transaction that registers a user.
pub(crate) struct Registration {
    pub(crate) id: TxId,
    user: UserId,
    pub(crate) bytes: Vec<u8>,
}

impl Registration {
    pub(crate) fn new(network: &Network, sponsor: &Ed25519Signer, number: u64) -> Self {
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
pub(crate) struct Fact {
    pub(crate) by: usize,
    pub(crate) included: Included,
    pub(crate) user: UserId,
}

/// Writers that register users all the time, each through validator 0 while that one answers.
pub(crate) struct Load {
    facts: Arc<Mutex<BTreeMap<TxId, Fact>>>,
    stopping: Arc<AtomicBool>,
    writers: JoinSet<()>,
}

impl Load {
    pub(crate) fn start(consortium: &Consortium) -> Self {
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
    pub(crate) async fn acknowledges(&self, by: usize, more: usize) {
        let count = || self.facts.lock().unwrap().values().filter(|fact| fact.by == by).count();
        let enough = count() + more;
        eventually("transactions become final", async || count() >= enough).await;
    }

    /// Waits until so many transactions more have been acknowledged, whoever did it.
    pub(crate) async fn goes_on(&self, more: usize) {
        let enough = self.facts.lock().unwrap().len() + more;
        eventually("transactions become final", async || {
            self.facts.lock().unwrap().len() >= enough
        })
        .await;
    }

    /// A user whose registration was acknowledged.
    pub(crate) fn newest(&self) -> UserId {
        self.facts.lock().unwrap().values().last().unwrap().user
    }

    /// Lets every writer finish what it has begun.
    pub(crate) async fn stop(mut self) -> BTreeMap<TxId, Fact> {
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
