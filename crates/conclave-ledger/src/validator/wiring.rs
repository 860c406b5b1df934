//! Wires one validator out of the engine's parts, for any runtime and any network.
//!
//! This is one huge generic instantiation (minutes of compile time), so it changes rarely: what it
//! executes is in `application`, what it serves in `service`, how fast it proposes in `pacing`.
//!
//! Order: backfill resolver, block broadcast, archives, handovers, sync plan, probe, marshal, state
//! resolvers, stateful application, deferred verification, the epochs' engines.

use std::{
    num::{NonZeroU16, NonZeroU64, NonZeroUsize},
    sync::Arc,
    time::Duration,
};

use commonware_broadcast::buffered;
use commonware_codec::FixedSize as _;
use commonware_consensus::{
    Reporter, Reporters,
    marshal::{
        self, Update,
        core::Actor as MarshalActor,
        resolver::p2p as marshal_resolver,
        standard::{Deferred, Standard},
    },
    simplex::{self, scheme::ed25519::Scheme},
    types::{Epoch, FixedEpocher, ViewDelta},
};
use commonware_cryptography::{
    Digested, Digestible as _, certificate::Verifier as _, ed25519::PublicKey, sha256::Digest,
};
use commonware_glue::stateful::{
    Config as StatefulConfig, Mailbox as StatefulMailbox, Stateful, SyncPlan,
    db::{SyncEngineConfig, p2p as state_resolver},
    probe::{self, Config as ProbeConfig, Probe},
};
use commonware_macros::select;
use commonware_p2p::{
    Blocker, Provider, Receiver, Sender, max_message_size,
    utils::mux::{Muxer, prefixed},
};
use commonware_parallel::Sequential;
use commonware_runtime::{Clock, Handle, Metrics, Spawner, Storage, buffer::paged::CacheRef};
use commonware_storage::{
    archive::{Archive as _, Identifier, prunable},
    journal::contiguous::fixed::Config as LogConfig,
    merkle::full::Config as MerkleConfig,
    qmdb::current::FixedConfig,
    translator::EightCap,
};
use commonware_utils::{NZDuration, NZU16, NZU64, NZUsize};
use rand_core::CryptoRng;
use tokio::sync::watch;

use super::{
    application::App,
    epochs::{Blocks, Epochs, Start, peers as present_peers},
    links::Links,
    pacing::Paced,
    steps::{Exchange, Steps},
    store::{Cuts, Shelf},
};
use crate::{
    block::Block,
    handover::MAX_MEMBERS,
    state::{Db, Family, Operation},
};

/// Operations served per state sync request.
const SYNC_BATCH: NonZeroU64 = NZU64!(256);

pub(super) const MAILBOX: NonZeroUsize = NZUsize!(1024);
const PAGE: NonZeroU16 = NZU16!(4096);
const CACHED_PAGES: NonZeroUsize = NZUsize!(1024);
pub(super) const BUFFER: NonZeroUsize = NZUsize!(64 * 1024);
pub(super) const REPLAY: NonZeroUsize = NZUsize!(1024 * 1024);
pub(super) const FETCH_TIMEOUT: Duration = Duration::from_secs(2);
pub(super) const FETCH_RETRY: Duration = Duration::from_millis(100);

/// What the engine needs of a runtime: clock, randomness, tasks, disk, metrics.
pub(crate) trait Runtime: Spawner + Clock + Metrics + Storage + CryptoRng {}

impl<T: Spawner + Clock + Metrics + Storage + CryptoRng> Runtime for T {}

/// The channels between validators, without the mempool's own.
pub(crate) struct Channels<S, R> {
    /// Consensus votes.
    pub(crate) votes: (S, R),
    /// Consensus certificates.
    pub(crate) certificates: (S, R),
    /// Missing certificates.
    pub(crate) resolver: (S, R),
    /// Missing finalized blocks.
    pub(crate) backfill: (S, R),
    /// Proposed blocks.
    pub(crate) broadcast: (S, R),
    /// State synchronisation of both ledgers.
    pub(crate) sync: (S, R),
    /// Discovery of a recent finalized block.
    pub(crate) probe: (S, R),
    /// Handovers between validator sets.
    pub(crate) handovers: (S, R),
}

/// Who this validator is and whom it talks to.
pub(crate) struct Setup<P, B, L> {
    /// Prefix of every partition on disk.
    pub(crate) prefix: String,
    /// The peers of the network.
    pub(crate) peers: P,
    /// Blocks peers that misbehave.
    pub(crate) blocker: B,
    /// Keeps connections with the validators.
    pub(crate) links: L,
    /// The application: rules, mempool and what is final.
    pub(crate) app: App,
    /// How its files are cut.
    pub(crate) cuts: Cuts,
    /// Whether an empty validator fetches the state instead of executing every block.
    pub(crate) state_sync: bool,
}

/// Mailbox of the component that orders finalized blocks.
pub(crate) type Marshal = marshal::core::Mailbox<Scheme, Standard<Block>>;

/// A running validator.
pub(crate) struct Engine<E: Runtime> {
    /// Reads finalized blocks and certificates.
    pub(crate) marshal: Marshal,
    /// Gives the databases once startup completes.
    pub(crate) stateful: StatefulMailbox<E, App>,
    /// The way from the genesis set to the present one.
    pub(crate) steps: Steps<E>,
    /// Ends when consensus ends.
    pub(crate) consensus: Handle<()>,
}

/// Starts a validator. `observe` may wrap the reporter that receives finalized blocks.
#[expect(clippy::expect_used, reason = "the engine panics on storage failure by design")]
#[expect(clippy::too_many_lines, reason = "one wiring, read from top to bottom")]
pub(crate) async fn wire<E, S, R, P, B, L, M>(
    context: E,
    setup: Setup<P, B, L>,
    channels: Channels<S, R>,
    observe: impl FnOnce(StatefulMailbox<E, App>) -> M,
) -> Engine<E>
where
    E: Runtime,
    S: Sender<PublicKey = PublicKey>,
    R: Receiver<PublicKey = PublicKey>,
    P: Provider<PublicKey = PublicKey>,
    B: Blocker<PublicKey = PublicKey> + Sync,
    L: Links,
    M: Reporter<Activity = Update<Block>>,
{
    let Setup { prefix, peers, blocker, mut links, app, cuts, state_sync } = setup;
    let schemes = app.schemes().clone();
    let me = schemes.me();
    let epoch_blocks = NonZeroU64::new(schemes.first_of(1)).expect("an epoch has blocks");
    let pages = page_cache();
    let genesis = app.network().genesis_block().clone();
    let genesis_digest = genesis.digest();

    let (mux, mut sync) = Muxer::new(context.child("sync_mux"), channels.sync.0, channels.sync.1);
    mux.start();
    let identity_sync = sync.register(0).await.expect("first registration of the sub-channel");
    let meeting_sync = sync.register(1).await.expect("first registration of the sub-channel");

    let resolver = marshal_resolver::init(
        context.child("marshal_resolver"),
        marshal_resolver::Config {
            public_key: me.clone(),
            peer_provider: peers.clone(),
            blocker: blocker.clone(),
            mailbox_size: MAILBOX,
            fetch_timeout: NZDuration!(FETCH_TIMEOUT),
            fetch_retry_delay: FETCH_RETRY,
            priority_requests: false,
            priority_responses: false,
        },
        channels.backfill,
    );

    let (broadcast, buffer) = buffered::Engine::new(
        context.child("broadcast"),
        buffered::Config {
            public_key: me.clone(),
            mailbox_size: MAILBOX,
            deque_size: 16,
            priority: false,
            codec_config: (),
            peer_provider: peers.clone(),
            strategy: Sequential,
        },
    );
    broadcast.start(channels.broadcast);

    let certificates = prunable::Archive::init(
        context.child("certificates"),
        archive(
            &prefix,
            "certificates",
            cuts.blocks,
            &pages,
            Scheme::certificate_codec_config_unbounded(),
        ),
    )
    .await
    .expect("certificate archive opens");
    let blocks: prunable::Archive<_, _, Digest, Arc<Block>> = prunable::Archive::init(
        context.child("blocks"),
        archive(&prefix, "blocks", cuts.blocks, &pages, ()),
    )
    .await
    .expect("block archive opens");

    let newest = match blocks.last_index() {
        Some(height) => blocks.get(Identifier::Index(height)).await.expect("block archive reads"),
        None => None,
    };
    let steps = Steps::open(context.child("steps"), &prefix, &schemes).await;
    let mut plan = SyncPlan::init(context.child("plan"), prefix.clone()).await;
    let should_sync = plan.should_sync(state_sync);

    links.track(present_peers(&schemes, &steps, schemes.horizon()).await);
    // A state is fetched only in an epoch whose validators are known.
    let (asking, known) = (watch::Sender::new(false), watch::Sender::new(false));
    let exchange = Exchange {
        context: context.child("exchange"),
        steps: steps.clone(),
        schemes: schemes.clone(),
        asking: asking.clone(),
        known: known.clone(),
    };
    let (sender, receiver) = channels.handovers;
    context.child("handovers").spawn(|_| exchange.run(sender, receiver));
    if should_sync && plan.floor().is_none() {
        tracing::info!("asking the other validators which epoch it is");
        asking.send_replace(true);
        let (mut learned, mut met) = (known.subscribe(), schemes.newest().0);
        while !*learned.borrow_and_update() {
            select! {
                heard = learned.changed() => heard.expect("the exchange runs"),
                () = context.sleep(FETCH_TIMEOUT) => {},
            }
            // Who sealed the genesis may be gone: the later ones are asked as they become known.
            let (newest, _) = schemes.newest();
            if newest != met {
                met = newest;
                links.track(present_peers(&schemes, &steps, newest).await);
            }
        }
    }
    // A disk that lost handovers gets them back before anything is verified by the wrong set.
    if let Some(newest) = newest.map(|block| block.header.clone()) {
        let mut learned = known.subscribe();
        while !schemes.covers(&newest) {
            tracing::warn!(height = newest.height, "handovers were lost; asking for them");
            asking.send_replace(true);
            learned.changed().await.expect("the exchange runs");
        }
    }

    let (probe, probe_mailbox) = Probe::new(ProbeConfig {
        context: context.child("probe"),
        provider: schemes.clone(),
        strategy: Sequential,
        mailbox_size: MAILBOX,
        blocker: blocker.clone(),
        minimum_epoch: Epoch::new(schemes.newest().0),
        retry_timeout: NZDuration!(FETCH_RETRY),
    });
    probe.start(channels.probe);
    if should_sync && plan.floor().is_none() {
        let newest = probe_mailbox.subscribe().await.expect("the probe runs");
        plan = plan.set_floor(newest).await;
    }
    asking.send_replace(false);
    let synced = plan.floor().cloned();
    if let Some(floor) = &synced {
        schemes.reach(floor.proposal.round.epoch().get());
    }

    let shelf = app.finality();
    let (marshal_actor, marshal, floor) = MarshalActor::<_, Standard<Block>, _, _, _, _, _>::init(
        context.child("marshal"),
        Shelf::new(certificates, Arc::clone(shelf)),
        Shelf::new(blocks, Arc::clone(shelf)),
        marshal::Config {
            provider: schemes.clone(),
            epocher: FixedEpocher::new(epoch_blocks),
            start: plan.marshal_start(Digested::precomputed(genesis, genesis_digest)),
            partition_prefix: prefix.clone(),
            mailbox_size: MAILBOX,
            view_retention: ViewDelta::new(256),
            prunable_items_per_section: NZU64!(1024),
            page_cache: pages.clone(),
            replay_buffer: REPLAY,
            key_write_buffer: BUFFER,
            value_write_buffer: BUFFER,
            block_codec_config: (),
            max_repair: NZUsize!(64),
            max_pending_acks: NZUsize!(16),
            strategy: Sequential,
        },
    )
    .await;

    let processed = floor.processed();
    if let Some(at) = processed {
        schemes.reach(schemes.epoch_of(at.height().get().saturating_add(1)));
    }

    let state_config = |database: Option<_>| state_resolver::Config {
        peer_provider: peers.clone(),
        blocker: blocker.clone(),
        database,
        mailbox_size: MAILBOX,
        me: Some(me.clone()),
        fetch_timeout: NZDuration!(FETCH_TIMEOUT),
        fetch_retry_delay: FETCH_RETRY,
        max_serve_ops: SYNC_BATCH,
        priority_requests: false,
        priority_responses: false,
    };
    let (identity_actor, identity_resolver) =
        state_resolver::Actor::<_, PublicKey, _, _, Family, Db<E>>::new(
            context.child("identity_resolver"),
            state_config(None),
        );
    identity_actor.start(identity_sync);
    let (meeting_actor, meeting_resolver) =
        state_resolver::Actor::<_, PublicKey, _, _, Family, Db<E>>::new(
            context.child("meeting_resolver"),
            state_config(None),
        );
    meeting_actor.start(meeting_sync);

    let mempool = Arc::clone(app.mempool());
    let (stateful_actor, stateful) = Stateful::new(
        context.child("stateful"),
        StatefulConfig {
            application: app.clone(),
            db_config: (
                database(&prefix, "identity", cuts, &pages),
                database(&prefix, "meeting", cuts, &pages),
            ),
            provider: (),
            marshal: (marshal.clone(), floor),
            mailbox_size: MAILBOX,
            plan,
            resolvers: (identity_resolver, meeting_resolver),
            sync_config: SyncEngineConfig {
                fetch_batch_size: SYNC_BATCH,
                apply_batch_size: NZU64!(1024),
                max_outstanding_requests: NZUsize!(8),
            },
            prune_config: Some(cuts.pruning()),
            strategy: Sequential,
        },
    );

    let deferred = Deferred::new(
        context.child("deferred"),
        Paced::new(stateful.clone(), mempool, schemes.clone()),
        marshal.clone(),
        FixedEpocher::new(epoch_blocks),
    );
    let (blocks, delivered) = Blocks::channel();
    let reporter = Reporters::from((observe(stateful.clone()), blocks));
    marshal_actor.start(reporter, buffer, resolver);
    probe_mailbox.attach(marshal.clone());
    stateful_actor.start();

    let epochs = Epochs {
        context: context.child("epochs"),
        app,
        schemes,
        steps: steps.clone(),
        marshal: marshal.clone(),
        stateful: stateful.clone(),
        automaton: deferred,
        blocker,
        links,
        prefix,
        pages,
    };
    let start = Start { processed, synced };
    let (votes, certificates, resolver) =
        (channels.votes, channels.certificates, channels.resolver);
    let consensus = context
        .child("consensus")
        .spawn(move |_| epochs.run(start, delivered, votes, certificates, resolver));

    Engine { marshal, stateful, steps, consensus }
}

/// The largest message any channel carries, however large the set becomes.
pub(crate) fn message_size() -> u32 {
    let participants = u32::try_from(MAX_MEMBERS).unwrap_or(u32::MAX);
    max_message_size(&[
        prefixed(simplex::max_payload_size::<Scheme, Digest>(participants)),
        marshal::max_payload_size::<Standard<Block>, Scheme>(participants, &()),
        probe::max_payload_size::<Standard<Block>, Scheme>(participants),
        prefixed(state_resolver::max_payload_size::<Family, Digest>(SYNC_BATCH, Operation::SIZE)),
    ])
}

/// The pages of all files of one validator that are kept in memory.
pub(crate) fn page_cache() -> CacheRef {
    CacheRef::new(PAGE, CACHED_PAGES)
}

/// Configuration of one ledger's database. Journals append suffixes to their partition's name, so
/// names must not be prefixes of each other.
pub(crate) fn database(
    prefix: &str,
    ledger: &str,
    cuts: Cuts,
    pages: &CacheRef,
) -> FixedConfig<EightCap, Sequential> {
    FixedConfig {
        merkle_config: MerkleConfig {
            journal_partition: format!("{prefix}-{ledger}-tree-nodes"),
            metadata_partition: format!("{prefix}-{ledger}-tree-meta"),
            items_per_blob: cuts.operations,
            write_buffer: BUFFER,
            replay_buffer: REPLAY,
            strategy: Sequential,
            page_cache: pages.clone(),
        },
        journal_config: LogConfig {
            partition: format!("{prefix}-{ledger}-operations"),
            items_per_blob: cuts.operations,
            page_cache: pages.clone(),
            write_buffer: BUFFER,
            replay_buffer: REPLAY,
        },
        grafted_metadata_partition: format!("{prefix}-{ledger}-grafted-meta"),
        translator: EightCap,
        init_cache: Some(NZUsize!(65_536)),
        init_buffer: REPLAY,
        init_concurrency: (),
    }
}

fn archive<C>(
    prefix: &str,
    name: &str,
    section: NonZeroU64,
    pages: &CacheRef,
    codec_config: C,
) -> prunable::Config<EightCap, C> {
    prunable::Config {
        translator: EightCap,
        metadata_partition: format!("{prefix}-{name}-meta"),
        key_partition: format!("{prefix}-{name}-keys"),
        key_page_cache: pages.clone(),
        value_partition: format!("{prefix}-{name}-values"),
        compression: None,
        codec_config,
        items_per_section: section,
        key_write_buffer: BUFFER,
        value_write_buffer: BUFFER,
        replay_buffer: REPLAY,
    }
}
