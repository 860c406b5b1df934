//! Validators on the simulated network, people who submit to them, and what is written down of both.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use commonware_cryptography::{
    Signer as _,
    ed25519::{PrivateKey, PublicKey},
    sha256::Digest,
};
use commonware_glue::simulate::{
    engine::{EngineDefinition, InitContext},
    processed::ProcessedHeight,
    reporter::MonitorReporter,
    tracker::FinalizationUpdate,
};
use commonware_p2p::simulated::{Oracle, Receiver, SplitForwarder, SplitSender};
use commonware_runtime::{Clock as _, Handle, Quota, Spawner as _, Supervisor as _, deterministic};
use commonware_utils::{NZU32, NZU64, NZUsize, channel::mpsc::UnboundedSender};
use conclave_protocol::{Ed25519Signer, Genesis, Params, ValidatorKey};
use tokio::sync::{mpsc, oneshot};

use super::{
    EPOCH, VALIDATORS, pruning,
    sets::{self, Script},
    traitor::{self, Traitor},
};
use crate::{
    block::RawTx,
    cast::{enrol, private, raw},
    mempool::Mempool,
    validator::{
        application::App,
        clock::now_ms,
        finality::Finality,
        keep::Keep,
        links::{Links, Peer},
        network::Network,
        pacing::AHEAD,
        schemes::Schemes,
        service::Service,
        steps::SeenSteps,
        store::Cuts,
        wiring::{Channels, Marshal, Setup, message_size, wire},
    },
};

const QUOTA: Quota = Quota::per_second(NZU32!(1_024));

/// Logs of the states are cut all the time, so that every fault meets a log that was.
const CUTS: Cuts =
    Cuts { blocks: NZU64!(4_096), operations: NZU64!(64), history: 64, every: NZUsize!(16) };

/// What happened in one run.
#[derive(Clone, Debug, Default)]
pub(super) struct Diary(pub(super) Arc<Mutex<Entries>>);

#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Entries {
    /// The height at which each transaction was seen final by the validator it was submitted to.
    pub(super) acknowledged: BTreeMap<Digest, u64>,
    /// Virtual seconds, and the height some validator had then.
    pub(super) heights: Vec<(u64, u64)>,
    /// Proofs that honest validators found against others.
    pub(super) proofs: BTreeSet<Vec<u8>>,
    /// The lowest block of each validator that dropped some, and how often what is left was looked
    /// at.
    pub(super) lowest: BTreeMap<usize, (u64, u64)>,
    /// The first registrations that were seen final.
    pub(super) first: BTreeSet<Vec<u8>>,
    /// What was wrong with what is left.
    pub(super) complaints: Vec<String>,
    /// Of each validator, where the logs of both states begin and end.
    pub(super) logs: BTreeMap<usize, [(u64, u64); 2]>,
}

impl Diary {
    pub(super) fn read(&self) -> Entries {
        self.0.lock().unwrap().clone()
    }
}

#[derive(Clone)]
pub(super) struct World {
    pub(super) genesis: Genesis,
    pub(super) keys: Vec<PrivateKey>,
    pub(super) diary: Diary,
    /// Who lies, and how, by the place of its key.
    pub(super) traitors: BTreeMap<usize, Traitor>,
    /// How the set changes.
    pub(super) script: Script,
    /// How long everybody keeps blocks.
    pub(super) keep: Keep,
    /// How files are cut.
    pub(super) cuts: Cuts,
    /// Whether nobody says anything.
    pub(super) is_idle: bool,
}

impl World {
    pub(super) fn new() -> Self {
        Self::in_epochs_of(EPOCH, VALIDATORS)
    }

    /// A world of so many validators and one long epoch.
    pub(super) fn of(validators: u8) -> Self {
        Self::in_epochs_of(Params::default().epoch_blocks, validators)
    }

    fn in_epochs_of(epoch_blocks: u32, validators: u8) -> Self {
        let keys: Vec<ValidatorKey> = (1..=validators).map(sets::validator).collect();
        let params = Params { epoch_blocks, ..Params::default() };
        let genesis = Genesis::new("simulation", 0, keys, params).unwrap();
        let mut keys: Vec<_> = (1..=validators).map(private).collect();
        keys.sort_by_key(|key| key.public_key());
        let (diary, traitors) = (Diary::default(), BTreeMap::new());
        let (script, keep) = (Script::default(), Keep::All);
        Self { genesis, keys, diary, traitors, script, keep, cuts: CUTS, is_idle: false }
    }

    /// A new user, sponsored by the first validator.
    fn registration(&self, number: u64, now: u64) -> RawTx {
        let mut seed = [0xa0; 32];
        seed[..8].copy_from_slice(&number.to_be_bytes());
        raw(&enrol(&self.genesis, &Ed25519Signer::from_seed(&seed), now).1)
    }
}

/// What the properties look at: nothing of a traitor.
pub(super) struct State(pub(super) Option<Seen>);

/// A validator that keeps the rules, seen from outside.
pub(super) struct Seen {
    pub(super) marshal: Marshal,
    pub(super) finality: Arc<Finality>,
    pub(super) schemes: Schemes,
    pub(super) steps: SeenSteps<deterministic::Context>,
    /// Whether it has no older blocks: it fetched a state, or drops them.
    pub(super) forgets: bool,
}

/// The simulator connects everyone.
#[derive(Clone)]
struct NoLinks;

impl Links for NoLinks {
    fn track(&mut self, _: Vec<Peer>) {}
}

impl ProcessedHeight for State {
    async fn processed_height(&self) -> u64 {
        let Some(seen) = &self.0 else { return u64::MAX };
        seen.finality.tip().map_or(0, |tip| tip.height)
    }
}

/// One channel of a validator; `F` says who hears it.
pub(super) type Channel<F> =
    (SplitSender<PublicKey, deterministic::Context, F>, Receiver<PublicKey>);

/// One set of channels, and what runs on it.
pub(super) struct Seat<F: SplitForwarder<PublicKey>> {
    pub(super) context: deterministic::Context,
    pub(super) index: usize,
    /// Names its partitions on disk.
    pub(super) prefix: String,
    pub(super) oracle: Oracle<PublicKey, deterministic::Context>,
    pub(super) channels: Vec<Channel<F>>,
    pub(super) monitor: Monitor,
    /// Whether what it acknowledges counts.
    pub(super) is_honest: bool,
}

/// Where a validator reports what it finalized.
pub(super) type Monitor = UnboundedSender<FinalizationUpdate<PublicKey>>;

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
        let index = ctx.index;
        if let Some(traitor) = self.traitors.get(&index) {
            return (traitor::start(self, *traitor, ctx), State(None));
        }
        let InitContext { context, oracle, channels, monitor, .. } = ctx;
        let everyone = self.participants();
        let channels = channels.into_iter();
        let (running, seen) = self.sit(Seat {
            context,
            index,
            prefix: format!("validator-{index}"),
            oracle: oracle.clone(),
            channels: channels.map(|channel| traitor::whole(channel, &everyone)).collect(),
            monitor,
            is_honest: true,
        });
        (running, State(Some(seen.await.unwrap())))
    }

    fn start(engine: Handle<()>) -> Handle<()> {
        engine
    }
}

impl World {
    /// Runs a whole validator; what is seen of it comes when it has started.
    pub(super) fn sit<F: SplitForwarder<PublicKey>>(
        &self,
        seat: Seat<F>,
    ) -> (Handle<()>, oneshot::Receiver<Seen>) {
        let Seat { context, index, prefix, oracle, channels, monitor, is_honest } = seat;
        let network = Arc::new(Network::of(&self.genesis).unwrap());
        let me = self.keys[index].public_key();
        let key = self.keys[index].clone();
        let schemes = Schemes::of(&self.genesis, key.clone(), 0).unwrap();
        let syncs = self.script.syncing.as_ref() == Some(&me);
        let forgets = syncs || self.keep != Keep::All;
        let (mempool, finality) = (Arc::new(Mempool::new()), Arc::new(Finality::new()));
        let mut app = App::new(network, mempool, Arc::clone(&finality), schemes.clone());
        if self.traitors.get(&index) == Some(&Traitor::Hasty) {
            app.hurry_ms = 62_000;
        }
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
            prefix,
            peers: oracle.manager(),
            blocker: oracle.control(me.clone()),
            links: NoLinks,
            app: app.clone(),
            cuts: self.cuts,
            state_sync: syncs,
        };
        let world = self.clone();
        let (tell, started) = oneshot::channel();
        // Everything a validator runs descends from this one task: its end is the crash of all.
        let running = context.spawn(move |context| async move {
            let engine = Box::pin(wire(context.child("engine"), setup, wired, |stateful| {
                MonitorReporter::new(me, monitor, stateful)
            }))
            .await;
            let (marshal, steps) = (engine.marshal.clone(), engine.steps.seen());
            let _ = tell.send(Seen { marshal, finality, schemes, steps, forgets });
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
            let retiring = service.clone();
            let keep = world.keep;
            context.child("retire").spawn(move |_| retiring.retire(keep));
            let (gossip, outgoing) = mpsc::channel(64);
            let sending = service.clone();
            context.child("send").spawn(move |_| sending.send(sender, outgoing));
            let receiving = service.clone();
            context.child("receive").spawn(move |_| receiving.receive(receiver));
            let (voter, voting) = (world.clone(), service.clone());
            let votes = gossip.clone();
            context.child("vote").spawn(move |clock| async move {
                voter.vote(&clock, &key, &voting, &votes).await;
            });
            let (viewer, viewed) = (world.clone(), service.clone());
            let seen = if is_honest { world.diary.clone() } else { Diary::default() };
            context.child("look").spawn(move |clock| async move {
                viewer.look_on(&clock, &viewed, &seen).await;
            });
            context.child("load").spawn(move |clock| async move {
                let diary = if is_honest { world.diary.clone() } else { Diary::default() };
                world.submit(&clock, index, &service, &gossip, &diary).await;
            });
            let _ = engine.consensus.await;
        });
        (running, started)
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
        diary: &Diary,
    ) {
        let mut pending: Vec<RawTx> = Vec::new();
        for count in 0u64.. {
            clock.sleep(Duration::from_millis(700)).await;
            let now = now_ms(clock);
            let (height, time_ms) =
                service.app.finality().tip().map_or((0, 0), |tip| (tip.height, tip.time_ms));
            diary.0.lock().unwrap().heights.push((now / 1000, height));
            let early = Duration::from_millis(time_ms.saturating_sub(now));
            if early > AHEAD {
                let complaint = format!("block {height} is final {early:?} before its time");
                diary.0.lock().unwrap().complaints.push(complaint);
            }
            let found = service.app.accusations().watch().borrow().clone();
            let found = found.into_iter().map(|proof| proof.bytes.to_vec());
            diary.0.lock().unwrap().proofs.extend(found);
            if let Some(complaint) = pruning::look(self, index, service, diary, now).await {
                diary.0.lock().unwrap().complaints.push(complaint);
            }
            if self.is_idle {
                let logs = pruning::logs(service).await;
                diary.0.lock().unwrap().logs.insert(index, logs);
                continue;
            }
            let number = (now << 8) + u64::try_from(index).unwrap() + (count << 40);
            pending.push(self.registration(number, now / 1000));
            let mut still = Vec::new();
            for tx in pending {
                if let Some(place) = service.app.finality().place(&tx.id()) {
                    let mut entries = diary.0.lock().unwrap();
                    if entries.first.len() < 8 {
                        entries.first.insert(tx.bytes().to_vec());
                    }
                    entries.acknowledged.insert(tx.id(), place.height);
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
