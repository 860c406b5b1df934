//! Wires one validator out of the engine's parts, for any runtime and any network.
//!
//! This is one huge generic instantiation (minutes of compile time), so it changes rarely: what it
//! executes is in `application`, what it serves in `service`, how fast it proposes in `pacing`.
//!
//! Order: backfill resolver, block broadcast, archives, sync plan, probe, marshal, state resolvers,
//! stateful application, deferred verification, consensus.

use std::{
    num::{NonZeroU16, NonZeroU64, NonZeroUsize},
    sync::Arc,
    time::Duration,
};

use commonware_broadcast::buffered;
use commonware_codec::FixedSize as _;
use commonware_consensus::{
    Reporter,
    marshal::{
        self, Update,
        core::Actor as MarshalActor,
        resolver::p2p as marshal_resolver,
        standard::{Deferred, Standard},
    },
    simplex::{
        self,
        config::{ForwardPolicy, SkipPolicy},
        elector::RoundRobin,
        scheme::ed25519::Scheme,
    },
    types::{Epoch, FixedEpocher, ViewDelta},
};
use commonware_cryptography::{
    Digested, Digestible as _, Sha256,
    certificate::{ConstantProvider, Verifier as _},
    ed25519::PublicKey,
    sha256::Digest,
};
use commonware_glue::stateful::{
    Config as StatefulConfig, Mailbox as StatefulMailbox, Stateful, SyncPlan,
    db::{SyncEngineConfig, p2p as state_resolver},
    probe::{self, Config as ProbeConfig, Probe},
};
use commonware_p2p::{
    Blocker, Provider, Receiver, Sender, max_message_size,
    utils::mux::{Muxer, prefixed},
};
use commonware_parallel::Sequential;
use commonware_runtime::{Clock, Handle, Metrics, Spawner, Storage, buffer::paged::CacheRef};
use commonware_storage::{
    archive::prunable, journal::contiguous::fixed::Config as LogConfig,
    merkle::full::Config as MerkleConfig, qmdb::current::FixedConfig, translator::EightCap,
};
use commonware_utils::{NZDuration, NZU16, NZU64, NZUsize};
use rand_core::CryptoRng;

use super::{
    application::App,
    pacing::{IDLE, Paced},
};
use crate::{
    block::Block,
    state::{Db, Family, Operation},
};

/// Operations served per state sync request.
const SYNC_BATCH: NonZeroU64 = NZU64!(256);

const EPOCH_LENGTH: NonZeroU64 = NZU64!(u64::MAX);
const MAILBOX: NonZeroUsize = NZUsize!(1024);
const PAGE: NonZeroU16 = NZU16!(4096);
const CACHED_PAGES: NonZeroUsize = NZUsize!(1024);
const BUFFER: NonZeroUsize = NZUsize!(64 * 1024);
const REPLAY: NonZeroUsize = NZUsize!(1024 * 1024);
const FETCH_TIMEOUT: Duration = Duration::from_secs(2);
const FETCH_RETRY: Duration = Duration::from_millis(100);

/// What the engine needs of a runtime: clock, randomness, tasks, disk, metrics.
pub(crate) trait Runtime: Spawner + Clock + Metrics + Storage + CryptoRng {}

impl<T: Spawner + Clock + Metrics + Storage + CryptoRng> Runtime for T {}

/// The eight channels between validators, without the mempool's own.
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
}

/// Who this validator is and whom it talks to.
pub(crate) struct Setup<P, B> {
    /// Prefix of every partition on disk.
    pub(crate) prefix: String,
    /// The validator set, with this validator's signing key.
    pub(crate) scheme: Scheme,
    /// This validator's key.
    pub(crate) me: PublicKey,
    /// The peers of the network.
    pub(crate) peers: P,
    /// Blocks peers that misbehave.
    pub(crate) blocker: B,
    /// The application: rules, mempool and what is final.
    pub(crate) app: App,
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
    /// Ends when consensus ends.
    pub(crate) consensus: Handle<()>,
}

/// Starts a validator. `observe` may wrap the reporter that receives finalized blocks.
#[expect(clippy::expect_used, reason = "the engine panics on storage failure by design")]
#[expect(clippy::too_many_lines, reason = "one wiring, read from top to bottom")]
pub(crate) async fn wire<E, S, R, P, B, M>(
    context: E,
    setup: Setup<P, B>,
    channels: Channels<S, R>,
    observe: impl FnOnce(StatefulMailbox<E, App>) -> M,
) -> Engine<E>
where
    E: Runtime,
    S: Sender<PublicKey = PublicKey>,
    R: Receiver<PublicKey = PublicKey>,
    P: Provider<PublicKey = PublicKey>,
    B: Blocker<PublicKey = PublicKey>,
    M: Reporter<Activity = Update<Block>>,
{
    let Setup { prefix, scheme, me, peers, blocker, app, state_sync } = setup;
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
        archive(&prefix, "certificates", &pages, Scheme::certificate_codec_config_unbounded()),
    )
    .await
    .expect("certificate archive opens");
    let blocks =
        prunable::Archive::init(context.child("blocks"), archive(&prefix, "blocks", &pages, ()))
            .await
            .expect("block archive opens");

    let mut plan = SyncPlan::init(context.child("plan"), prefix.clone()).await;
    let should_sync = plan.should_sync(state_sync);

    let provider = ConstantProvider::new(scheme.clone());
    let (probe, probe_mailbox) = Probe::new(ProbeConfig {
        context: context.child("probe"),
        provider: provider.clone(),
        strategy: Sequential,
        mailbox_size: MAILBOX,
        blocker: blocker.clone(),
        minimum_epoch: Epoch::zero(),
        retry_timeout: NZDuration!(FETCH_RETRY),
    });
    probe.start(channels.probe);
    if should_sync {
        let newest = probe_mailbox.subscribe().await.expect("the probe runs");
        plan = plan.set_floor(newest).await;
    }

    let (marshal_actor, marshal, floor) = MarshalActor::<_, Standard<Block>, _, _, _, _, _>::init(
        context.child("marshal"),
        certificates,
        blocks,
        marshal::Config {
            provider,
            epocher: FixedEpocher::new(EPOCH_LENGTH),
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
            application: app,
            db_config: (
                database(&prefix, "identity", &pages),
                database(&prefix, "meeting", &pages),
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
            prune_config: None,
            strategy: Sequential,
        },
    );

    let deferred = Deferred::new(
        context.child("deferred"),
        Paced::new(stateful.clone(), mempool),
        marshal.clone(),
        FixedEpocher::new(EPOCH_LENGTH),
    );
    marshal_actor.start(observe(stateful.clone()), buffer, resolver);
    probe_mailbox.attach(marshal.clone());
    stateful_actor.start();

    let consensus = simplex::Engine::new(
        context.child("consensus"),
        simplex::Config {
            scheme,
            elector: RoundRobin::<Sha256>::default(),
            blocker,
            automaton: deferred.clone(),
            relay: deferred.clone(),
            reporter: deferred,
            strategy: Sequential,
            partition: format!("{prefix}-consensus"),
            mailbox_size: MAILBOX,
            epoch: Epoch::zero(),
            floor: simplex::config::Floor::Genesis(genesis_digest),
            replay_buffer: REPLAY,
            write_buffer: BUFFER,
            page_cache: pages,
            leader_timeout: IDLE + Duration::from_millis(500),
            certification_timeout: IDLE + Duration::from_millis(1500),
            timeout_retry: Duration::from_millis(1000),
            view_retention: ViewDelta::new(256),
            skip: SkipPolicy::Enabled {
                timeout: Duration::from_secs(5),
                budget: simplex::SkipBudget::Participants,
            },
            fetch_timeout: NZDuration!(FETCH_TIMEOUT),
            fetch_retry_delay: FETCH_RETRY,
            forward: ForwardPolicy::Disabled,
            track_historical_votes: false,
        },
    )
    .start(channels.votes, channels.certificates, channels.resolver);

    Engine { marshal, stateful, consensus }
}

/// The largest message any channel carries.
pub(crate) fn message_size(validators: usize) -> u32 {
    let participants = u32::try_from(validators).unwrap_or(u32::MAX);
    max_message_size(&[
        simplex::max_payload_size::<Scheme, Digest>(participants),
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
    pages: &CacheRef,
) -> FixedConfig<EightCap, Sequential> {
    FixedConfig {
        merkle_config: MerkleConfig {
            journal_partition: format!("{prefix}-{ledger}-tree-nodes"),
            metadata_partition: format!("{prefix}-{ledger}-tree-meta"),
            items_per_blob: NZU64!(65_536),
            write_buffer: BUFFER,
            replay_buffer: REPLAY,
            strategy: Sequential,
            page_cache: pages.clone(),
        },
        journal_config: LogConfig {
            partition: format!("{prefix}-{ledger}-operations"),
            items_per_blob: NZU64!(65_536),
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
        items_per_section: NZU64!(4096),
        key_write_buffer: BUFFER,
        value_write_buffer: BUFFER,
        replay_buffer: REPLAY,
    }
}
