//! A network of four and the people who use it.

use std::{
    collections::{HashMap, VecDeque},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use conclave_protocol::{Genesis, Seconds, TxId};
use tokio::time::sleep;

use super::{
    STEP,
    rpc::{Received, Rpc},
    watch::{Watcher, now_ms},
    workload::{Person, Signed, Workload},
};
use crate::{
    network::{Network, ValidatorHome},
    rpc::batch,
    stage::World,
};

/// Validators of the network.
pub(super) const VALIDATORS: usize = 4;

/// Transactions under way at most while history is made.
const UNDER_WAY: usize = 8_192;

/// Refusals after which something is wrong, and not only early.
const MOST_REFUSALS: usize = 10_000;

/// Four validators as processes, a light client that watches them, and people.
#[derive(Debug)]
pub(super) struct Crowd {
    /// The processes.
    pub(super) world: World,
    /// What the network started from.
    pub(super) genesis: Genesis,
    /// The validators' doors.
    pub(super) rpcs: Vec<Arc<Rpc>>,
    /// Sees what is final.
    pub(super) watcher: Watcher,
    /// Makes transactions.
    pub(super) workload: Workload,
    /// People whose last transaction is final.
    pub(super) idle: VecDeque<Person>,
    registered: u64,
}

impl Crowd {
    /// Founds a network below `dir` and waits until it makes blocks.
    ///
    /// # Errors
    /// Something did not start.
    pub(super) async fn found(dir: &Path) -> anyhow::Result<Self> {
        let world = World::found(dir, VALIDATORS).await?;
        let network = Network::load(&world.network_file())?;
        let home = ValidatorHome::load(&world.home(0))?;
        let workload = Workload::new(network.genesis.chain_id(), &home.seed);
        let mut rpcs = Vec::new();
        for number in 0..VALIDATORS {
            let home = ValidatorHome::load(&world.home(number))?;
            rpcs.push(Arc::new(Rpc::new(&format!("http://{}", home.rpc))?));
        }
        let first = Arc::clone(rpcs.first().context("a network of nobody")?);
        let watcher = Watcher::start(&network.genesis, first)?;
        let crowd = Self {
            world,
            genesis: network.genesis,
            rpcs,
            watcher,
            workload,
            idle: VecDeque::new(),
            registered: 0,
        };
        for number in 0..VALIDATORS {
            crowd.until_at(number, 2).await?;
        }
        Ok(crowd)
    }

    /// Waits until a validator has this height; how long it took.
    ///
    /// # Errors
    /// It takes longer than a minute or two.
    pub(super) async fn until_at(&self, number: usize, height: u64) -> anyhow::Result<Duration> {
        let rpc = self.rpcs.get(number).context("no such validator")?;
        let began = Instant::now();
        loop {
            match rpc.status().await {
                Ok(status) if status.ready && status.height >= height => return Ok(began.elapsed()),
                Ok(_) | Err(_) => {}
            }
            ensure!(began.elapsed() < STEP, "validator {number} does not reach height {height}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// The height all validators but perhaps one have at least.
    ///
    /// # Errors
    /// A validator does not answer.
    pub(super) async fn height(&self) -> anyhow::Result<u64> {
        Ok(self.rpcs.first().context("nobody")?.status().await?.height)
    }

    /// Registers people until there are so many.
    ///
    /// # Errors
    /// A registration is refused or lost.
    pub(super) async fn register(&mut self, people: u64) -> anyhow::Result<()> {
        let now = chain_now();
        let mut all = Vec::new();
        for number in self.registered..people.max(self.registered) {
            all.push(self.workload.register(number, now)?);
        }
        self.registered = people.max(self.registered);
        self.bring(all).await
    }

    /// Has people say something until `count` more transactions are final.
    ///
    /// # Errors
    /// A transaction is refused or lost.
    pub(super) async fn make_history(&mut self, count: u64) -> anyhow::Result<()> {
        let mut left = usize::try_from(count)?;
        while left > 0 {
            let now = chain_now();
            let turn = left.min(self.idle.len()).max(1);
            let mut all = Vec::with_capacity(turn);
            for mut person in self.idle.drain(..turn.min(self.idle.len())) {
                let update = person.update(&self.workload, now)?;
                person.took(&update);
                all.push((person, update));
            }
            ensure!(!all.is_empty(), "nobody is there to say anything");
            self.bring(all).await?;
            left -= turn;
        }
        Ok(())
    }

    /// Brings transactions to finality as fast as the validators take them.
    async fn bring(&mut self, all: Vec<(Person, Signed)>) -> anyhow::Result<()> {
        let mut waiting: VecDeque<(Person, Signed)> = all.into();
        let mut refusals = 0;
        let mut under_way: HashMap<TxId, Person> = HashMap::new();
        let mut progress = Instant::now();
        let mut turn = 0;
        while !waiting.is_empty() || !under_way.is_empty() {
            let room =
                UNDER_WAY.saturating_sub(under_way.len()).min(batch::MOST).min(waiting.len());
            if room > 0 {
                let batch: Vec<_> = waiting.drain(..room).collect();
                let rpc = &self.rpcs[turn % self.rpcs.len()];
                turn += 1;
                let txs: Vec<Signed> = batch.iter().map(|(_, tx)| tx.clone()).collect();
                for ((person, tx), received) in batch.into_iter().zip(rpc.submit_all(&txs).await?) {
                    match received {
                        Received::Taken => _ = under_way.insert(tx.id, person),
                        Received::Later => waiting.push_back((person, tx)),
                        // A validator may be a block behind the one that was watched.
                        Received::Refused(text) => {
                            refusals += 1;
                            ensure!(refusals < MOST_REFUSALS, "a transaction was refused: {text}");
                            waiting.push_back((person, tx));
                        }
                    }
                }
            }
            for (id, at) in self.watcher.news()? {
                if let Some(person) = under_way.remove(&id) {
                    self.idle.push_back(person);
                    progress = at;
                }
            }
            ensure!(progress.elapsed() < STEP, "{} transactions are lost", under_way.len());
            if room == 0 {
                sleep(Duration::from_millis(10)).await;
            }
        }
        Ok(())
    }
}

/// The clock as chain time, which lags behind it by a block.
pub(super) fn chain_now() -> Seconds {
    Seconds(now_ms() / 1_000)
}
