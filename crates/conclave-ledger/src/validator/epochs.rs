//! One consensus engine per epoch: when the last block of an epoch is final, the next engine starts
//! from it with the set the state names, and the old one stops.
//!
//! In: final blocks from marshal, votes and certificates of epochs that have not begun here. Out:
//! engines, the handover between two sets (on disk before the boundary block is acknowledged, so a
//! crash anywhere continues in the right epoch), the peers to keep connections with.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use commonware_actor::Feedback;
use commonware_consensus::{
    CertifiableAutomaton, Relay, Reporter, Reporters,
    marshal::{Update, core::Processed},
    simplex::{
        self, Floor, Plan,
        config::{ForwardPolicy, SkipPolicy},
        elector::RoundRobin,
        scheme::ed25519::Scheme,
        types::{Activity, Finalization},
    },
    types::{Epoch, Height, ViewDelta},
};
use commonware_cryptography::{
    Digested, Digestible as _, Sha256, certificate::Provider as _, ed25519::PublicKey,
    sha256::Digest,
};
use commonware_glue::stateful::Mailbox as StatefulMailbox;
use commonware_macros::select;
use commonware_p2p::{Blocker, Receiver, Sender};
use commonware_parallel::Sequential;
use commonware_runtime::{Handle, buffer::paged::CacheRef};
use commonware_utils::{
    Acknowledgement as _, NZDuration, acknowledgement::Exact, vec::NonEmptyVec,
};
use conclave_protocol::ValidatorKey;
use tokio::sync::mpsc;

use super::{
    application::App,
    lines::{EpochLines, Lines},
    links::{Links, Peer},
    pacing::IDLE,
    schemes::{Role, Schemes},
    service::Finalized,
    steps::{Step, Steps},
    tally::Tally,
    wiring::{BUFFER, FETCH_RETRY, FETCH_TIMEOUT, MAILBOX, Marshal, REPLAY, Runtime},
};
use crate::{
    answer::HeaderAnswer,
    block::{Block, BlockContext, Header},
    committee::public_key,
    evidence::Accuser,
    execution::{NextSet, next_set},
    handover::Handover,
    light::validator_key,
};

/// Pause between two looks at something that is about to be there.
const PAUSE: Duration = Duration::from_millis(2);

/// The final blocks, in order.
#[derive(Clone)]
pub(crate) struct Blocks(mpsc::UnboundedSender<Delivery>);

/// One final block and the acknowledgement that it was acted on.
pub(crate) type Delivery = (Digested<Block>, Exact);

impl Blocks {
    /// A reporter of final blocks and the end they come out of. Marshal bounds how many wait.
    pub(crate) fn channel() -> (Self, mpsc::UnboundedReceiver<Delivery>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }
}

impl Reporter for Blocks {
    type Activity = Update<Block>;

    fn report(&mut self, update: Update<Block>) -> Feedback {
        match update {
            Update::Tip(..) => Feedback::Ok,
            Update::Block(block, done) => match self.0.send((block, done)) {
                Ok(()) => Feedback::Ok,
                Err(_) => Feedback::Closed,
            },
        }
    }
}

/// Everything the engines of all epochs share.
pub(crate) struct Epochs<E: Runtime, A, B, L> {
    pub(crate) context: E,
    pub(crate) app: App,
    pub(crate) schemes: Schemes,
    pub(crate) steps: Steps<E>,
    pub(crate) marshal: Marshal,
    pub(crate) stateful: StatefulMailbox<E, App>,
    pub(crate) automaton: A,
    pub(crate) blocker: B,
    pub(crate) links: L,
    pub(crate) prefix: String,
    pub(crate) pages: CacheRef,
}

/// Where a validator stands when it starts.
pub(crate) struct Start {
    /// The newest block it has acted on.
    pub(crate) processed: Option<Processed>,
    /// The block it fetches the state of.
    pub(crate) synced: Option<Finalization<Scheme, Digest>>,
}

/// An engine that stops when it is dropped.
struct Running(Handle<()>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl<E, A, B, L> Epochs<E, A, B, L>
where
    E: Runtime,
    A: CertifiableAutomaton<Context = BlockContext, Digest = Digest>
        + Relay<Digest = Digest, PublicKey = PublicKey, Plan = Plan<PublicKey>>
        + Reporter<Activity = Activity<Scheme, Digest>>,
    B: Blocker<PublicKey = PublicKey> + Sync,
    L: Links,
{
    /// Runs one engine after the other until one of them ends by itself.
    pub(crate) async fn run<S, R>(
        mut self,
        start: Start,
        mut blocks: mpsc::UnboundedReceiver<Delivery>,
        votes: (S, R),
        certificates: (S, R),
        resolver: (S, R),
    ) where
        S: Sender<PublicKey = PublicKey>,
        R: Receiver<PublicKey = PublicKey>,
    {
        let mut lines = Lines::over(&self.context, votes, certificates, resolver);
        let (mut epoch, floor) = self.begin(start).await;
        self.schemes.reach(epoch);
        self.track(epoch).await;
        let Some(first) = lines.open(epoch).await else { return };
        let Some(mut early) = lines.open(epoch.saturating_add(1)).await else { return };
        let mut engine = self.start(epoch, floor, first);
        self.forget(epoch).await;

        // What waits for the end of the epoch is found out as soon as the state can be read.
        let mut voted = self.schemes.voted();
        let (stateful, schemes) = (self.stateful.clone(), self.schemes.clone());
        self.context.child("readable").spawn(|_| async move {
            let _databases = stateful.subscribe_databases().await;
            schemes.note_votes();
        });
        let mut ahead: Ahead = Ahead::default();
        loop {
            select! {
                delivered = blocks.recv() => {
                    let Some((block, done)) = delivered else { return };
                    let last = self.schemes.first_of(epoch.saturating_add(1)).saturating_sub(1);
                    // Blocks may come again; an epoch ends once.
                    if block.inner().header.height == last {
                        self.turn(&block.inner().header).await;
                        let Some(after) = epoch.checked_add(2) else { return };
                        let Some(later) = lines.open(after).await else { return };
                        epoch = epoch.saturating_add(1);
                        let lines = std::mem::replace(&mut early, later);
                        engine = self.start(epoch, Floor::Genesis(block.digest()), lines);
                        self.forget(epoch).await;
                        ahead.hint(&self, epoch);
                    }
                    done.acknowledge();
                },
                held = early.votes.hold() => {
                    let Some(peer) = held else { return };
                    ahead.saw(&self, epoch, epoch.saturating_add(1), peer);
                },
                held = early.certificates.hold() => {
                    let Some(peer) = held else { return };
                    ahead.saw(&self, epoch, epoch.saturating_add(1), peer);
                },
                beyond = lines.beyond_votes.recv() => {
                    let Some((theirs, (peer, _))) = beyond else { return };
                    ahead.saw(&self, epoch, theirs, peer);
                },
                beyond = lines.beyond_certificates.recv() => {
                    let Some((theirs, (peer, _))) = beyond else { return };
                    ahead.saw(&self, epoch, theirs, peer);
                },
                changed = voted.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    self.look(epoch).await;
                },
                ended = &mut engine.0 => {
                    tracing::debug!(epoch, ?ended, "consensus ended");
                    return;
                },
            }
        }
    }

    /// The epoch of the next block to act on, and what its engine starts from.
    async fn begin(&self, start: Start) -> (u64, Floor<Scheme, Digest>) {
        let next = start.processed.map_or(0, |at| at.height().get().saturating_add(1));
        let epoch = self.schemes.epoch_of(next);
        if let Some(floor) = start.synced
            && floor.proposal.round.epoch().get() >= epoch
        {
            return (floor.proposal.round.epoch().get(), Floor::Finalized(floor));
        }
        let first = self.schemes.first_of(epoch);
        let Some(boundary) = first.checked_sub(1) else {
            return (epoch, Floor::Genesis(self.app.network().genesis_block().digest()));
        };
        if let Some(block) = self.marshal.get_block(Height::new(boundary)).await {
            return (epoch, Floor::Genesis(block.digest()));
        }
        // Whoever fetched a state has no older blocks; then any later one that is final will do.
        let anchor = start.processed.map_or(first, |at| at.anchor().get());
        for height in (first..=anchor).rev() {
            if let Some(floor) = self.marshal.get_finalization(Height::new(height)).await
                && floor.proposal.round.epoch().get() == epoch
            {
                return (epoch, Floor::Finalized(floor));
            }
        }
        tracing::error!(epoch, "the block this epoch begins with is lost; fetch the state again");
        std::future::pending().await
    }

    /// Listens for validators of an epoch that contradict themselves.
    fn accuser(&self, epoch: u64) -> Accuser {
        let chain = self.app.network().rules().chain_id;
        let accusations = self.app.accusations().clone();
        Accuser::new(chain, &self.schemes.sets(), epoch, accusations)
    }

    /// Counts what this validator signs in an epoch.
    fn tally(&self, epoch: u64) -> Tally {
        let me = validator_key(&self.schemes.me());
        Tally::new(self.schemes.committee(epoch), me, Arc::clone(self.app.finality()))
    }

    /// Starts the engine of an epoch.
    #[expect(clippy::expect_used, reason = "the horizon reached this epoch before")]
    fn start<S: Sender<PublicKey = PublicKey>>(
        &self,
        epoch: u64,
        floor: Floor<Scheme, Digest>,
        lines: EpochLines<S>,
    ) -> Running {
        let scheme = self.schemes.scheme(Epoch::new(epoch)).expect("an epoch has a set");
        match self.schemes.role(epoch) {
            Role::Member => tracing::info!(epoch, "this validator signs"),
            Role::Silent => {
                tracing::warn!(epoch, "this validator follows; it signs in a later epoch")
            }
            Role::Waiting => tracing::warn!(epoch, "this validator waits to be added to the set"),
            Role::Removed => tracing::warn!(epoch, "this validator was removed from the set"),
        }
        let engine = simplex::Engine::new(
            self.context.child("consensus").with_attribute("epoch", epoch),
            simplex::Config {
                scheme: scheme.as_ref().clone(),
                elector: RoundRobin::<Sha256>::default(),
                blocker: self.blocker.clone(),
                automaton: self.automaton.clone(),
                relay: self.automaton.clone(),
                reporter: Reporters::from((
                    self.automaton.clone(),
                    Reporters::from((self.accuser(epoch), self.tally(epoch))),
                )),
                strategy: Sequential,
                partition: self.partition(epoch),
                mailbox_size: MAILBOX,
                epoch: Epoch::new(epoch),
                floor,
                replay_buffer: REPLAY,
                write_buffer: BUFFER,
                page_cache: self.pages.clone(),
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
        );
        Running(engine.start(lines.votes.into(), lines.certificates.into(), lines.resolver))
    }

    /// The last block of an epoch is final: the next set is taken from the state behind it, proven
    /// to whoever knows the present one, and on disk when this returns.
    #[expect(clippy::expect_used, reason = "a boundary block that a quorum sealed is as executed")]
    async fn turn(&mut self, header: &Header) {
        let databases = self.stateful.subscribe_databases().await;
        let mut heights = self.app.finality().watch();
        loop {
            let is_tip = self.app.finality().tip().is_some_and(|tip| tip.height >= header.height);
            if is_tip || databases.0.read().await.root() == header.identity.state_root {
                break;
            }
            select! {
                changed = heights.changed() => if changed.is_err() { return },
                () = self.context.sleep(PAUSE) => {},
            }
        }
        if header.next_valset_hash != header.valset_hash {
            let rules = self.app.network().rules();
            let next = next_set(rules, &Finalized(&databases), header.height).await;
            let NextSet { keys, contact } = next.expect("the state names the next set");
            let boundary = HeaderAnswer {
                header: header.clone(),
                links: Vec::new(),
                certificate: self.certificate(header).await,
            };
            let keys: Result<Vec<_>, _> = keys.iter().map(|key| public_key(&key.0)).collect();
            let keys = keys.expect("validators have keys");
            let step = Step { handover: Handover { boundary, keys }, contact };
            self.steps.take(&self.schemes, step).await.expect("the old set sealed the next one");
        }
        let next = self.schemes.epoch_of(header.height).saturating_add(1);
        self.schemes.agreed(None);
        self.schemes.reach(next);
        self.track(next).await;
    }

    /// The certificate of a boundary block. No block after it can stand for it, so there is one.
    async fn certificate(&self, header: &Header) -> Finalization<Scheme, Digest> {
        loop {
            if let Some(certificate) =
                self.marshal.get_finalization(Height::new(header.height)).await
            {
                return certificate;
            }
            self.context.sleep(PAUSE).await;
        }
    }

    /// Looks whether the state holds a change that waits for the end of the epoch.
    async fn look(&mut self, epoch: u64) {
        let databases = self.stateful.subscribe_databases().await;
        let first = self.schemes.first_of(epoch);
        let height = self.app.finality().tip().map_or(first, |tip| tip.height.max(first));
        if self.schemes.epoch_of(height) != epoch {
            return;
        }
        let rules = self.app.network().rules();
        self.schemes.agreed(next_set(rules, &Finalized(&databases), height).await);
        self.track(epoch).await;
    }

    /// Keeps connections with the members of this epoch and those of the next one.
    async fn track(&mut self, epoch: u64) {
        self.links.track(peers(&self.schemes, &self.steps, epoch).await);
    }

    /// Removes the journal of the epoch before the last one: a crash cannot lead back there.
    async fn forget(&self, epoch: u64) {
        if let Some(old) = epoch.checked_sub(2) {
            // Gone already, or never there for a validator that came later.
            let _ = self.context.remove(&self.partition(old), None).await;
        }
    }

    fn partition(&self, epoch: u64) -> String {
        format!("{}-consensus-{epoch}-votes", self.prefix)
    }
}

/// The members of an epoch and those of the next one, and where the ledger says they are.
pub(super) async fn peers<E: Runtime>(
    schemes: &Schemes,
    steps: &Steps<E>,
    epoch: u64,
) -> Vec<Peer> {
    let mut contacts = steps.contacts().await;
    let mut keys: Vec<ValidatorKey> =
        schemes.committee(epoch).members().iter().map(validator_key).collect();
    if let Some(NextSet { keys: next, contact }) = schemes.next() {
        keys.extend(next);
        contacts.extend(contact);
    }
    keys.sort();
    keys.dedup();
    let peer = |key: &ValidatorKey| {
        let contact = contacts.get(key).cloned();
        Some(Peer { key: public_key(&key.0).ok()?, contact })
    };
    keys.iter().filter_map(peer).collect()
}

/// Who was seen in a later epoch: they can prove the last block of this one.
#[derive(Default)]
struct Ahead {
    epoch: u64,
    peers: VecDeque<PublicKey>,
}

impl Ahead {
    /// Notes a message of a later epoch than the present one, and asks its sender.
    fn saw<E, A, B, L>(&mut self, at: &Epochs<E, A, B, L>, now: u64, theirs: u64, peer: PublicKey)
    where
        E: Runtime,
    {
        if theirs <= now {
            return;
        }
        self.epoch = self.epoch.max(theirs);
        if !self.peers.contains(&peer) {
            self.peers.push_back(peer.clone());
            if self.peers.len() > MAX_AHEAD {
                self.peers.pop_front();
            }
        }
        let last = at.schemes.first_of(now.saturating_add(1)).saturating_sub(1);
        at.marshal.hint_finalized(Height::new(last), NonEmptyVec::new(peer));
    }

    /// Asks all of them when a further epoch lies between.
    fn hint<E: Runtime, A, B, L>(&self, at: &Epochs<E, A, B, L>, now: u64) {
        if self.epoch <= now {
            return;
        }
        let last = at.schemes.first_of(now.saturating_add(1)).saturating_sub(1);
        for peer in &self.peers {
            at.marshal.hint_finalized(Height::new(last), NonEmptyVec::new(peer.clone()));
        }
    }
}

/// Peers that are asked at most.
const MAX_AHEAD: usize = 8;
