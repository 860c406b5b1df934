//! Four whole validators in virtual time: loss, crashes, restarts, a late one, and a halt.
//!
//! Every seed is run twice and must leave the simulator in the same state. `LEDGER_SEEDS` says how
//! many seeds; more of them find more.

use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use commonware_codec::{Copying, DecodeExt as _};
use commonware_cryptography::{
    Signer as _,
    ed25519::{PrivateKey, PublicKey},
    sha256::Digest,
};
use commonware_glue::simulate::{
    action::{Action, Crash, Schedule},
    engine::{EngineDefinition, InitContext},
    exit::ExitCondition,
    plan::{PlanBuilder, PlanResult},
    processed::ProcessedHeight,
    property::{FinalizationProperty, Property},
    reporter::MonitorReporter,
    tracker::ProgressTracker,
};
use commonware_p2p::simulated::Link;
use commonware_runtime::{Clock as _, Handle, Quota, Spawner as _, Supervisor as _, deterministic};
use commonware_utils::{NZU32, Probability};
use conclave_protocol::{
    Context, Ed25519Signer, Genesis, Params, RegisterUser, Seconds, Signer as _, Tx, UserInfo,
    ValidatorKey, codec::Text, encode, identity::Gate, tx::Role,
};
use tokio::sync::mpsc;

use super::{
    application::App,
    finality::Finality,
    network::Network,
    service::Service,
    wiring::{Channels, Marshal, Setup, message_size, wire},
};
use crate::{block::RawTx, mempool::Mempool};

const VALIDATORS: u8 = 4;
const QUOTA: Quota = Quota::per_second(NZU32!(1_024));

/// Where each transaction was seen final, by any validator.
type Acknowledged = Arc<Mutex<BTreeMap<Digest, u64>>>;

#[derive(Clone)]
struct World {
    genesis: Genesis,
    keys: Vec<PrivateKey>,
    acknowledged: Acknowledged,
    load: bool,
}

impl World {
    fn new() -> Self {
        let seeds: Vec<_> = (1..=VALIDATORS).map(|index| [index; 32]).collect();
        let validators: Vec<ValidatorKey> =
            seeds.iter().map(|seed| Ed25519Signer::from_seed(seed).validator()).collect();
        let genesis = Genesis::new("simulation", 0, validators, Params::default()).unwrap();
        let mut keys: Vec<_> =
            seeds.iter().map(|seed| PrivateKey::decode(Copying(seed)).unwrap()).collect();
        keys.sort_by_key(|key| key.public_key());
        Self { genesis, keys, acknowledged: Acknowledged::default(), load: true }
    }

    /// A new user, sponsored by the first validator.
    fn registration(&self, number: u64, now: u64) -> RawTx {
        let mut seed = [0xa0; 32];
        seed[..8].copy_from_slice(&number.to_be_bytes());
        let device = Ed25519Signer::from_seed(&seed);
        let sponsor = Ed25519Signer::from_seed(&[1; 32]);
        let chain = self.genesis.chain_id();
        let info = UserInfo::Clear(Text::new("somebody").unwrap());
        let gate = Gate::Sponsor(sponsor.validator());
        let body = RegisterUser::new(&chain, device.ivk(), [3; 16], info, gate);
        let word = sponsor.sign(Context::Sponsor, &chain, &body.sponsor_message());
        let tx = Tx::new(chain, body.dev, 0, Seconds(now + 300), body)
            .sign(&device)
            .with(Role::Sponsor, word);
        RawTx::new(encode(&tx).into()).unwrap()
    }
}

/// What the properties look at.
struct State {
    marshal: Marshal,
    finality: Arc<Finality>,
}

impl ProcessedHeight for State {
    async fn processed_height(&self) -> u64 {
        self.finality.tip().map_or(0, |tip| tip.height)
    }
}

impl EngineDefinition for World {
    type PublicKey = PublicKey;
    type Engine = Handle<()>;
    type State = State;

    fn participants(&self) -> Vec<PublicKey> {
        self.keys.iter().map(PrivateKey::public_key).collect()
    }

    fn channels(&self) -> Vec<(u64, Quota)> {
        (0..8).map(|channel| (channel, QUOTA)).collect()
    }

    fn max_message_size(&self) -> u32 {
        message_size(self.keys.len())
    }

    async fn init(&self, ctx: InitContext<'_, PublicKey>) -> (Handle<()>, State) {
        let InitContext { context, index, public_key, oracle, channels, monitor, .. } = ctx;
        let network = Arc::new(Network::of(&self.genesis).unwrap());
        let scheme = network.committee().signer(self.keys[index].clone()).unwrap();
        let (mempool, finality) = (Arc::new(Mempool::new()), Arc::new(Finality::new()));
        let app = App::new(network, mempool, Arc::clone(&finality));
        let mut channels = channels.into_iter();
        let mut next = || channels.next().unwrap();
        let wired = Channels {
            votes: next(),
            certificates: next(),
            resolver: next(),
            backfill: next(),
            broadcast: next(),
            sync: next(),
            probe: next(),
        };
        let (sender, receiver) = next();
        let setup = Setup {
            prefix: format!("validator-{index}"),
            scheme,
            me: public_key.clone(),
            peers: oracle.manager(),
            blocker: oracle.control(public_key.clone()),
            app: app.clone(),
            state_sync: false,
        };
        let me = public_key.clone();
        let engine = Box::pin(wire(context.child("engine"), setup, wired, |stateful| {
            MonitorReporter::new(me, monitor, stateful)
        }))
        .await;
        let state = State { marshal: engine.marshal.clone(), finality: Arc::clone(&finality) };
        let world = self.clone();
        let running = context.child("validator").spawn(move |context| async move {
            let service = Service {
                app,
                marshal: engine.marshal,
                databases: engine.stateful.subscribe_databases().await,
                runtime: Arc::new(context.child("service")),
            };
            service.recover().await;
            let (gossip, outgoing) = mpsc::channel(64);
            let sending = service.clone();
            context.child("send").spawn(move |_| sending.send(sender, outgoing));
            let receiving = service.clone();
            context.child("receive").spawn(move |_| receiving.receive(receiver));
            if world.load {
                let clock = context.child("load");
                clock.child("task").spawn(move |_| async move {
                    world.submit(&clock, index, &service, &gossip).await;
                });
            }
            // The engine is a child of this task: both end together.
            let _ = engine.consensus.await;
        });
        (running, state)
    }

    fn start(engine: Handle<()>) -> Handle<()> {
        engine
    }
}

impl World {
    /// Submits users one after another and notes which ones became final.
    async fn submit(
        &self,
        clock: &deterministic::Context,
        index: usize,
        service: &Service<deterministic::Context>,
        gossip: &mpsc::Sender<RawTx>,
    ) {
        let mut pending: Vec<RawTx> = Vec::new();
        for count in 0u64.. {
            clock.sleep(Duration::from_millis(700)).await;
            let now = super::clock::now_ms(clock);
            let number = (now << 8) + u64::try_from(index).unwrap() + (count << 40);
            pending.push(self.registration(number, now / 1000));
            let mut still = Vec::new();
            for tx in pending {
                if let Some(place) = service.app.finality().place(&tx.id()) {
                    self.acknowledged.lock().unwrap().insert(tx.id(), place.height);
                } else {
                    let _ = service.submit(tx.bytes().clone(), gossip).await;
                    still.push(tx);
                }
            }
            still.truncate(32);
            pending = still;
        }
    }
}

/// Every validator that runs has executed this height; the crashed ones are not waited for.
#[derive(Clone)]
struct RunningReached(u64);

impl ExitCondition<PublicKey, State> for RunningReached {
    fn name(&self) -> &'static str {
        "every running validator is far enough"
    }

    fn requires_polling(&self) -> bool {
        true
    }

    fn reached<'a>(
        &'a self,
        _: &'a ProgressTracker<PublicKey>,
        states: &'a [&'a State],
        _: usize,
    ) -> Pin<Box<dyn Future<Output = Result<bool, String>> + Send + 'a>> {
        Box::pin(async move {
            let mut all = states.len() >= 3;
            for state in states {
                all &= state.processed_height().await >= self.0;
            }
            Ok(all)
        })
    }
}

/// No two validators ever execute different blocks of one height.
#[derive(Clone)]
struct Agreement;

impl FinalizationProperty<State> for Agreement {
    fn name(&self) -> &'static str {
        "agreement"
    }

    fn check<'a>(
        &'a self,
        states: &'a [&'a State],
    ) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>> {
        Box::pin(async move {
            let tips: Vec<_> = states.iter().filter_map(|state| state.finality.tip()).collect();
            for tip in &tips {
                let same = tips.iter().filter(|other| other.height == tip.height);
                if same.into_iter().any(|other| other.digest() != tip.digest()) {
                    return Err(format!("two blocks of height {}", tip.height));
                }
            }
            Ok(())
        })
    }
}

/// What any validator said was final is in the chain of every one that is far enough.
#[derive(Clone)]
struct NothingLost(Acknowledged);

impl Property<PublicKey, State> for NothingLost {
    fn name(&self) -> &'static str {
        "no acknowledged transaction is lost"
    }

    fn check<'a>(
        &'a self,
        _: &'a ProgressTracker<PublicKey>,
        states: &'a [&'a State],
    ) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>> {
        let acknowledged = self.0.lock().unwrap().clone();
        Box::pin(async move {
            if acknowledged.is_empty() {
                return Err("nothing was acknowledged".to_owned());
            }
            for state in states {
                let tip = state.finality.tip().map_or(0, |tip| tip.height);
                for (id, height) in acknowledged.iter().filter(|(_, height)| **height <= tip) {
                    let at = commonware_consensus::types::Height::new(*height);
                    let block = state.marshal.get_block(at).await.ok_or("a block is missing")?;
                    if !block.inner().txs().any(|tx| tx.id() == *id) {
                        return Err(format!("a transaction of height {height} is lost"));
                    }
                }
            }
            Ok(())
        })
    }
}

/// A link that loses so many messages of a hundred.
fn link(lost: u64) -> Link {
    Link {
        latency: Duration::from_millis(20),
        jitter: Duration::from_millis(5),
        success_rate: Probability::new(100 - lost, 100).unwrap(),
    }
}

/// Runs a plan for every seed, twice.
fn campaign(
    name: &str,
    count: u64,
    height: u64,
    shape: impl Fn(PlanBuilder<World>) -> PlanBuilder<World>,
) {
    let started = Instant::now();
    for seed in 0..count {
        let run = || -> PlanResult<World> {
            let world = World::new();
            let lost = NothingLost(Arc::clone(&world.acknowledged));
            let plan = PlanBuilder::new(world)
                .seed(seed)
                .link(link(0))
                .exit_condition(RunningReached(height))
                .timeout(Duration::from_secs(900))
                .finalization_property(Agreement)
                .property(lost);
            shape(plan).run().unwrap_or_else(|error| panic!("{name}: {error}")).remove(0)
        };
        assert_eq!(run().state, run().state, "{name}: seed {seed} is not deterministic");
    }
    println!("{name}: {count} seeds twice in {:.1} s", started.elapsed().as_secs_f64());
}

fn seeds() -> u64 {
    std::env::var("LEDGER_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(4)
}

#[test]
fn loss_and_random_crashes_lose_nothing() {
    campaign("loss and crashes", seeds(), 30, |plan| {
        plan.link(link(5)).crash(Crash::Random {
            frequency: Duration::from_secs(8),
            downtime: Duration::from_secs(3),
            count: 1,
        })
    });
}

#[test]
fn one_of_four_down_keeps_finalizing() {
    let down = World::new().participants().remove(0);
    campaign("one of four down", 1, 100, move |plan| {
        let schedule = Schedule::new().at(Duration::from_secs(2), Action::Crash(down.clone()));
        plan.crash(Crash::Schedule(schedule))
    });
}

#[test]
fn two_of_four_down_halt_and_resume() {
    let down: Vec<_> = World::new().participants().into_iter().take(2).collect();
    campaign("two of four down", 1, 150, move |plan| {
        let schedule = Schedule::new()
            .at(Duration::from_secs(2), Action::Crash(down[0].clone()))
            .at(Duration::from_secs(2), Action::Crash(down[1].clone()))
            .at(Duration::from_secs(90), Action::Restart(down[0].clone()))
            .at(Duration::from_secs(91), Action::Restart(down[1].clone()));
        plan.crash(Crash::Schedule(schedule))
    });
}

#[test]
fn a_late_validator_catches_up_by_blocks() {
    let late = World::new().participants().remove(3);
    campaign("late validator", 1, 40, move |plan| {
        let round = commonware_consensus::types::Round::new(
            commonware_consensus::types::Epoch::zero(),
            commonware_consensus::types::View::new(20),
        );
        plan.crash(Crash::DelayRound { participants: vec![late.clone()], round })
    });
}
