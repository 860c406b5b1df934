//! Whole validators in virtual time: loss, crashes, restarts, a late one, a halt, and a set that
//! grows, shrinks and changes a key.
//!
//! Epochs are short, so every run crosses several.
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
    Contact, Context, Ed25519Signer, Genesis, Key, Params, Record, RegisterUser, Seconds,
    Signer as _, Tx, UserInfo, ValidatorChange, ValidatorKey, ValidatorVote, codec::Text, encode,
    identity::Gate, tx::Role,
};
use tokio::sync::{mpsc, oneshot};

use super::{
    application::App,
    finality::Finality,
    links::{Links, Peer},
    network::Network,
    schemes::Schemes,
    service::{Finalized, Service},
    steps::Steps,
    wiring::{Channels, Marshal, Setup, message_size, wire},
};
use crate::{block::RawTx, execution::Source as _, light::LightClient, mempool::Mempool};

/// Validators of the genesis.
const VALIDATORS: u8 = 4;

/// Blocks of an epoch.
const EPOCH: u32 = 20;

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
    /// Everyone who runs, in or out of the genesis.
    keys: Vec<PrivateKey>,
    /// What the validators vote for, one after the other.
    changes: Vec<ValidatorChange>,
    /// Whoever starts by fetching a recent state.
    syncing: Option<PublicKey>,
    diary: Diary,
}

/// The key of the validator with this number, from 1; the genesis has the first four.
fn validator(number: u8) -> ValidatorKey {
    Ed25519Signer::from_seed(&[number; 32]).validator()
}

/// The same, for the engine.
fn private(number: u8) -> PrivateKey {
    PrivateKey::decode(Copying(&[number; 32])).unwrap()
}

fn contact(number: u8) -> Contact {
    Contact {
        name: Text::new("somebody").unwrap(),
        p2p: Text::new(&format!("v{number}.example.org:4100")).unwrap(),
        rpc: Text::new("https://example.org").unwrap(),
    }
}

impl World {
    fn new() -> Self {
        Self::changing(VALIDATORS, Vec::new())
    }

    /// So many run, and those who are in the set vote for these changes.
    fn changing(running: u8, changes: Vec<ValidatorChange>) -> Self {
        let validators: Vec<ValidatorKey> = (1..=VALIDATORS).map(validator).collect();
        let params = Params { epoch_blocks: EPOCH, ..Params::default() };
        let genesis = Genesis::new("simulation", 0, validators, params).unwrap();
        let mut keys: Vec<_> = (1..=running).map(private).collect();
        keys.sort_by_key(|key| key.public_key());
        Self { genesis, keys, changes, syncing: None, diary: Diary::default() }
    }

    /// The set after all changes.
    fn successors(&self) -> Vec<ValidatorKey> {
        let mut keys: Vec<_> = self.genesis.validators.iter().copied().collect();
        for change in &self.changes {
            keys.retain(|key| change.outgoing() != Some(*key));
            keys.extend(change.incoming());
        }
        keys.sort();
        keys
    }

    /// What this validator would say next about the set, if anything.
    async fn vote(
        &self,
        seed: &PrivateKey,
        now: u64,
        service: &Service<deterministic::Context>,
    ) -> Option<RawTx> {
        let me = crate::light::validator_key(&seed.public_key());
        let number = (1..=8).find(|number| validator(*number) == me)?;
        let keys = [Key::ValidatorSet, Key::Validator(me)];
        let records = Finalized(&service.databases).load(&keys).await;
        let [set, own] = <[_; 2]>::try_from(records).ok()?;
        let seq = match set {
            Some(Record::ValidatorSet(set)) => set.changes,
            _ => 0,
        };
        let nonce = match own {
            Some(Record::Validator(own)) => own.next_nonce,
            _ => 0,
        };
        let change = self.changes.get(usize::try_from(seq).ok()?)?.clone();
        let vote = ValidatorVote { seq, change };
        let chain = self.genesis.chain_id();
        let tx = Tx::by_validator(chain, me, nonce, Seconds(now + 60), vote)
            .sign(&Ed25519Signer::from_seed(&[number; 32]));
        RawTx::new(encode(&tx).into())
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

/// The simulator connects everyone.
#[derive(Clone)]
struct NoLinks;

impl Links for NoLinks {
    fn track(&mut self, _: Vec<Peer>) {}
}

/// What the properties look at.
struct State {
    marshal: Marshal,
    finality: Arc<Finality>,
    schemes: Schemes,
    steps: Steps<deterministic::Context>,
    syncing: bool,
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
        (0..9).map(|channel| (channel, QUOTA)).collect()
    }

    fn max_message_size(&self) -> u32 {
        message_size()
    }

    async fn init(&self, ctx: InitContext<'_, PublicKey>) -> (Handle<()>, State) {
        let InitContext { context, index, public_key, oracle, channels, monitor, .. } = ctx;
        let syncing = self.syncing.as_ref() == Some(public_key);
        let network = Arc::new(Network::of(&self.genesis).unwrap());
        let schemes = Schemes::of(&self.genesis, self.keys[index].clone()).unwrap();
        let (mempool, finality) = (Arc::new(Mempool::new()), Arc::new(Finality::new()));
        let app = App::new(network, mempool, Arc::clone(&finality), schemes.clone());
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
            handovers: next(),
        };
        let (sender, receiver) = next();
        let setup = Setup {
            prefix: format!("validator-{index}"),
            peers: oracle.manager(),
            blocker: oracle.control(public_key.clone()),
            links: NoLinks,
            app: app.clone(),
            state_sync: syncing,
        };
        let me = public_key.clone();
        let world = self.clone();
        let key = self.keys[index].clone();
        let (tell, started) = oneshot::channel();
        let seen = Arc::clone(&finality);
        // Everything a validator runs descends from this one task: its end is the crash of all.
        let running = context.spawn(move |context| async move {
            let engine = Box::pin(wire(context.child("engine"), setup, wired, |stateful| {
                MonitorReporter::new(me, monitor, stateful)
            }))
            .await;
            let _ = tell.send((engine.marshal.clone(), engine.steps.clone()));
            let service = Service {
                app,
                marshal: engine.marshal,
                databases: engine.stateful.subscribe_databases().await,
                steps: engine.steps,
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
                world.submit(&clock, (index, key), &service, &gossip).await;
            });
            let _ = engine.consensus.await;
        });
        let (marshal, steps) = started.await.unwrap();
        (running, State { marshal, finality: seen, schemes, steps, syncing })
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
        (index, key): (usize, PrivateKey),
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
            if let Some(vote) = self.vote(&key, now / 1000, service).await {
                let _ = service.submit(vote.bytes().clone(), gossip).await;
            }
            let mut still = Vec::new();
            for tx in pending {
                if let Some(place) = service.app.finality().place(&tx.id()) {
                    self.diary.0.lock().unwrap().acknowledged.insert(tx.id(), place.height);
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
                let (mut places, mut first) = (BTreeMap::new(), None);
                for height in 1..=tip {
                    let at = commonware_consensus::types::Height::new(height);
                    let Some(block) = state.marshal.get_block(at).await else {
                        // Whoever fetched a state has no older blocks.
                        if state.syncing && places.is_empty() {
                            continue;
                        }
                        return Err("a block is missing".to_owned());
                    };
                    first.get_or_insert(height);
                    let block = block.inner();
                    places.extend(block.txs().map(|tx| (tx.id(), height)));
                    let digest = block.header.digest();
                    if *digests.entry(height).or_insert(digest) != digest {
                        return Err(format!("two blocks of height {height}"));
                    }
                }
                let kept = first.unwrap_or(0)..=tip;
                for (id, height) in acknowledged.iter().filter(|(_, height)| kept.contains(*height))
                {
                    if places.get(id) != Some(height) {
                        return Err(format!("a transaction of height {height} is lost"));
                    }
                }
            }
            Ok(())
        })
    }
}

/// Everyone knows one way from the genesis set to the last one, and a light client follows it.
#[derive(Clone)]
struct Succession(World);

impl Property<PublicKey, State> for Succession {
    fn name(&self) -> &'static str {
        "one succession"
    }

    fn check<'a>(
        &'a self,
        _: &'a ProgressTracker<PublicKey>,
        states: &'a [&'a State],
    ) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>> {
        Box::pin(async move {
            let changes = self.0.changes.len();
            let expected = self.0.successors();
            for state in states {
                let answer = state.steps.answer(0).await;
                let mut light = LightClient::new(&self.0.genesis).map_err(|e| e.to_string())?;
                let seen = light.on_handovers(&answer, u64::MAX).map_err(|e| e.to_string())?;
                let newest = conclave_protocol::Height(u64::MAX);
                let validators = light.validators(newest);
                if seen != changes || state.schemes.handovers() != changes {
                    return Err(format!("{seen} handovers of {changes}"));
                }
                if validators != expected {
                    return Err(format!("validators {validators:?}, not {expected:?}"));
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
    world: impl Fn(u64) -> World + Sync,
    goal: Reached,
    shape: impl Fn(PlanBuilder<World>, u64) -> PlanBuilder<World> + Sync,
    check: impl Fn(&Entries) + Sync,
) {
    let run = |seed| -> (String, u64, Entries) {
        let world = world(seed);
        let diary = world.diary.clone();
        let succession = Succession(world.clone());
        let plan = PlanBuilder::new(world)
            .seed(seed)
            .link(link(0))
            .exit_condition(goal)
            .timeout(Duration::from_secs(300))
            .finalization_property(Agreement)
            .property(NothingLost(diary.clone()))
            .property(succession);
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
    campaign("loss and crashes", seeds(), |_| World::new(), goal, shape, |_| {});
}

#[test]
fn one_of_four_down_keeps_finalizing() {
    let goal = Reached { validators: 3, height: 100 };
    let shape = |plan: PlanBuilder<World>, seed| {
        let crash = Action::Crash(picked(seed).0);
        plan.crash(Crash::Schedule(Schedule::new().at(Duration::from_secs(2), crash)))
    };
    campaign("one of four down", seeds().min(8), |_| World::new(), goal, shape, |_| {});
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
    campaign("two of four down", seeds().min(12), |_| World::new(), goal, shape, check);
}

#[test]
fn a_late_validator_catches_up_by_blocks() {
    let goal = Reached { validators: 4, height: 40 };
    let shape = |plan: PlanBuilder<World>, seed| {
        let participants = vec![picked(seed).0];
        let round = commonware_consensus::types::Round::new(
            commonware_consensus::types::Epoch::new(1),
            commonware_consensus::types::View::new(5),
        );
        plan.crash(Crash::DelayRound { participants, round })
    };
    campaign("late validator", seeds().min(8), |_| World::new(), goal, shape, |_| {});
}

/// 4 -> 5 -> 5 with one key replaced -> 4: six machines, of whom those in the set sign.
fn grow_replace_shrink() -> World {
    let changes = vec![
        ValidatorChange::Add(validator(5), contact(5)),
        ValidatorChange::Replace(validator(2), validator(6), contact(6)),
        ValidatorChange::Remove(validator(1)),
    ];
    World::changing(6, changes)
}

#[test]
fn the_set_grows_changes_a_key_and_shrinks_under_load() {
    let goal = Reached { validators: 6, height: 90 };
    campaign(
        "set changes",
        seeds().min(12),
        |_| grow_replace_shrink(),
        goal,
        |plan, _| plan,
        |_| {},
    );
}

#[test]
fn a_crash_exactly_at_a_boundary_continues_in_the_right_epoch() {
    let goal = Reached { validators: 6, height: 90 };
    let shape = |plan: PlanBuilder<World>, seed: u64| {
        let boundary = u64::from(EPOCH) * (1 + seed % 3);
        let number = [3, 4, 5][usize::try_from(seed / 3 % 3).unwrap()];
        plan.crash(Crash::ProcessedHeight {
            participant: private(number).public_key(),
            // The last block of the epoch, or the first of the next one when both come at once.
            heights: boundary - 1..=boundary + 1,
            downtime: Duration::from_millis(500 + 700 * (seed % 4)),
        })
    };
    campaign(
        "crash at a boundary",
        seeds().min(18),
        |_| grow_replace_shrink(),
        goal,
        shape,
        |_| {},
    );
}

#[test]
fn loss_and_random_crashes_across_set_changes_lose_nothing() {
    let goal = Reached { validators: 6, height: 90 };
    let shape = |plan: PlanBuilder<World>, _| {
        plan.link(link(3)).crash(Crash::Random {
            frequency: Duration::from_secs(5),
            downtime: Duration::from_millis(1_500),
            count: 1,
        })
    };
    campaign(
        "set changes and crashes",
        seeds().min(12),
        |_| grow_replace_shrink(),
        goal,
        shape,
        |_| {},
    );
}

/// Starts validator 5, which the first change adds, long after that change.
fn late(plan: PlanBuilder<World>, number: u8) -> PlanBuilder<World> {
    let participants = vec![private(number).public_key()];
    let round = commonware_consensus::types::Round::new(
        commonware_consensus::types::Epoch::new(3),
        commonware_consensus::types::View::new(4),
    );
    plan.crash(Crash::DelayRound { participants, round })
}

#[test]
fn a_late_validator_executes_its_way_across_epochs() {
    let goal = Reached { validators: 6, height: 90 };
    let shape = |plan, _| late(plan, 5);
    campaign("late across epochs", seeds().min(6), |_| grow_replace_shrink(), goal, shape, |_| {});
}

#[test]
fn a_late_validator_fetches_the_state_across_epochs() {
    let goal = Reached { validators: 6, height: 100 };
    let world = |_| World { syncing: Some(private(5).public_key()), ..grow_replace_shrink() };
    campaign(
        "state sync across epochs",
        seeds().min(6),
        world,
        goal,
        |plan, _| late(plan, 5),
        |_| {},
    );
}
