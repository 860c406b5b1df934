//! Four whole validators in virtual time: loss, crashes, restarts, a late one, and a halt.
//!
//! Every seed is run twice and must leave the simulator in the same state and the same transactions
//! at the same heights. `LEDGER_SEEDS` says how many seeds.

use std::{
    collections::BTreeMap,
    future::Future,
    ops::RangeInclusive,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
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
    plan::PlanBuilder,
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
use tokio::sync::{mpsc, oneshot};

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

/// What happened in one run.
#[derive(Clone, Debug, Default)]
struct Diary(Arc<Mutex<Entries>>);

#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Entries {
    /// The height at which each transaction was seen final by the validator it was submitted to.
    acknowledged: BTreeMap<Digest, u64>,
    /// Virtual seconds, and the height some validator had then.
    heights: Vec<(u64, u64)>,
}

impl Diary {
    fn read(&self) -> Entries {
        self.0.lock().unwrap().clone()
    }
}

#[derive(Clone)]
struct World {
    genesis: Genesis,
    keys: Vec<PrivateKey>,
    diary: Diary,
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
        Self { genesis, keys, diary: Diary::default() }
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
        let world = self.clone();
        let (tell, started) = oneshot::channel();
        let seen = Arc::clone(&finality);
        // Everything a validator runs descends from this one task: its end is the crash of all.
        let running = context.spawn(move |context| async move {
            let engine = Box::pin(wire(context.child("engine"), setup, wired, |stateful| {
                MonitorReporter::new(me, monitor, stateful)
            }))
            .await;
            let _ = tell.send(engine.marshal.clone());
            let service = Service {
                app,
                marshal: engine.marshal,
                databases: engine.stateful.subscribe_databases().await,
                runtime: Arc::new(context.child("service")),
            };
            let indexed = service.recover().await;
            let indexing = service.clone();
            context.child("reindex").spawn(move |_| indexing.reindex(indexed));
            let (gossip, outgoing) = mpsc::channel(64);
            let sending = service.clone();
            context.child("send").spawn(move |_| sending.send(sender, outgoing));
            let receiving = service.clone();
            context.child("receive").spawn(move |_| receiving.receive(receiver));
            context.child("load").spawn(move |clock| async move {
                world.submit(&clock, index, &service, &gossip).await;
            });
            let _ = engine.consensus.await;
        });
        let marshal = started.await.unwrap();
        (running, State { marshal, finality: seen })
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
            let height = service.app.finality().tip().map_or(0, |tip| tip.height);
            self.diary.0.lock().unwrap().heights.push((now / 1000, height));
            let number = (now << 8) + u64::try_from(index).unwrap() + (count << 40);
            pending.push(self.registration(number, now / 1000));
            let mut still = Vec::new();
            for tx in pending {
                if let Some(place) = service.app.finality().place(&tx.id()) {
                    self.diary.0.lock().unwrap().acknowledged.insert(tx.id(), place.height);
                } else {
                    let _ = service.submit(vec![tx.bytes().clone()], gossip).await;
                    still.push(tx);
                }
            }
            still.truncate(32);
            pending = still;
        }
    }
}

/// So many validators run, and every one of them has executed this height.
#[derive(Clone, Copy)]
struct Reached {
    validators: usize,
    height: u64,
}

impl ExitCondition<PublicKey, State> for Reached {
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
            let mut all = states.len() == self.validators;
            for state in states {
                all &= state.processed_height().await >= self.height;
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

/// All validators have one chain, and what any of them said was final is in it, where it was said
/// to be.
#[derive(Clone)]
struct NothingLost(Diary);

impl Property<PublicKey, State> for NothingLost {
    fn name(&self) -> &'static str {
        "no acknowledged transaction is lost"
    }

    fn check<'a>(
        &'a self,
        _: &'a ProgressTracker<PublicKey>,
        states: &'a [&'a State],
    ) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>> {
        let acknowledged = self.0.read().acknowledged;
        Box::pin(async move {
            if acknowledged.is_empty() {
                return Err("nothing was acknowledged".to_owned());
            }
            let mut digests = BTreeMap::new();
            for state in states {
                let tip = state.processed_height().await;
                let mut places = BTreeMap::new();
                for height in 1..=tip {
                    let at = commonware_consensus::types::Height::new(height);
                    let block = state.marshal.get_block(at).await.ok_or("a block is missing")?;
                    let block = block.inner();
                    places.extend(block.txs().map(|tx| (tx.id(), height)));
                    let digest = block.header.digest();
                    if *digests.entry(height).or_insert(digest) != digest {
                        return Err(format!("two blocks of height {height}"));
                    }
                }
                for (id, height) in acknowledged.iter().filter(|(_, height)| **height <= tip) {
                    if places.get(id) != Some(height) {
                        return Err(format!("a transaction of height {height} is lost"));
                    }
                }
            }
            Ok(())
        })
    }
}

/// Nobody's height changes between these virtual seconds, though transactions wait; before and
/// afterwards it does.
fn assert_halted(entries: &Entries, seconds: RangeInclusive<u64>) {
    let of = |wanted: &dyn Fn(u64) -> bool| -> Vec<u64> {
        let heights = entries.heights.iter().filter(|(second, _)| wanted(*second));
        heights.map(|(_, height)| *height).collect()
    };
    let during = of(&|second| seconds.contains(&second));
    let (low, high) = (during.iter().min().unwrap(), during.iter().max().unwrap());
    // The two that are left may know of the last block at different times, not of different ones.
    assert!(*low > 0 && high == low, "heights {low} to {high} while two were down");
    assert!(of(&|second| second > *seconds.end()).iter().any(|height| height > high));
}

/// A link that loses so many messages of a hundred.
fn link(lost: u64) -> Link {
    Link {
        latency: Duration::from_millis(20),
        jitter: Duration::from_millis(5),
        success_rate: Probability::new(100 - lost, 100).unwrap(),
    }
}

/// Runs a plan for every seed, twice, on all processors.
fn campaign(
    name: &str,
    seeds: u64,
    goal: Reached,
    shape: impl Fn(PlanBuilder<World>, u64) -> PlanBuilder<World> + Sync,
    check: impl Fn(&Entries) + Sync,
) {
    let run = |seed| -> (String, u64, Entries) {
        let world = World::new();
        let diary = world.diary.clone();
        let plan = PlanBuilder::new(world)
            .seed(seed)
            .link(link(0))
            .exit_condition(goal)
            .timeout(Duration::from_secs(300))
            .finalization_property(Agreement)
            .property(NothingLost(diary.clone()));
        let result = shape(plan, seed).run().unwrap_or_else(|error| panic!("{name}: {error}"));
        let entries = diary.read();
        check(&entries);
        (result[0].state.clone(), result[0].crashes, entries)
    };
    let started = Instant::now();
    let next = AtomicU64::new(0);
    let (acknowledged, crashes) = (AtomicU64::new(0), AtomicU64::new(0));
    let worker = || loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= seeds {
            return;
        }
        let (first, second) = (run(seed), run(seed));
        assert_eq!(first, second, "{name}: seed {seed} is not deterministic");
        let count = u64::try_from(first.2.acknowledged.len()).unwrap();
        acknowledged.fetch_add(count, Ordering::Relaxed);
        crashes.fetch_add(first.1, Ordering::Relaxed);
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(worker);
        }
    });
    println!(
        "{name}: {seeds} seeds twice in {:.1} s; {} crashes, {} transactions acknowledged",
        started.elapsed().as_secs_f64(),
        crashes.into_inner(),
        acknowledged.into_inner(),
    );
}

fn seeds() -> u64 {
    std::env::var("LEDGER_SEEDS").ok().map_or(100, |text| text.parse().unwrap())
}

/// The validator this seed picks, and the others.
fn picked(seed: u64) -> (PublicKey, Vec<PublicKey>) {
    let mut all = World::new().participants();
    let picked = all.remove(usize::try_from(seed % u64::from(VALIDATORS)).unwrap());
    (picked, all)
}

#[test]
fn loss_and_random_crashes_lose_nothing() {
    let goal = Reached { validators: 4, height: 40 };
    let shape = |plan: PlanBuilder<World>, _| {
        plan.link(link(5)).crash(Crash::Random {
            frequency: Duration::from_secs(4),
            downtime: Duration::from_millis(2_500),
            count: 1,
        })
    };
    campaign("loss and crashes", seeds(), goal, shape, |_| {});
}

#[test]
fn one_of_four_down_keeps_finalizing() {
    let goal = Reached { validators: 3, height: 100 };
    let shape = |plan: PlanBuilder<World>, seed| {
        let crash = Action::Crash(picked(seed).0);
        plan.crash(Crash::Schedule(Schedule::new().at(Duration::from_secs(2), crash)))
    };
    campaign("one of four down", seeds().min(8), goal, shape, |_| {});
}

#[test]
fn two_of_four_down_halt_and_resume() {
    let goal = Reached { validators: 4, height: 80 };
    let shape = |plan: PlanBuilder<World>, seed| {
        let (first, others) = picked(seed);
        let second = others[usize::try_from(seed / 4 % 3).unwrap()].clone();
        let schedule = Schedule::new()
            .at(Duration::from_secs(8), Action::Crash(first.clone()))
            .at(Duration::from_secs(8), Action::Crash(second.clone()))
            .at(Duration::from_secs(40), Action::Restart(first))
            .at(Duration::from_secs(60), Action::Restart(second));
        plan.crash(Crash::Schedule(schedule))
    };
    let check = |entries: &Entries| assert_halted(entries, 10..=39);
    campaign("two of four down", seeds().min(12), goal, shape, check);
}

#[test]
fn a_late_validator_catches_up_by_blocks() {
    let goal = Reached { validators: 4, height: 40 };
    let shape = |plan: PlanBuilder<World>, seed| {
        let participants = vec![picked(seed).0];
        let round = commonware_consensus::types::Round::new(
            commonware_consensus::types::Epoch::zero(),
            commonware_consensus::types::View::new(20),
        );
        plan.crash(Crash::DelayRound { participants, round })
    };
    campaign("late validator", seeds().min(8), goal, shape, |_| {});
}
