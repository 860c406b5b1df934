//! The replicated application: proposes blocks, checks those of others, and notes what is final.

use std::{collections::HashSet, sync::Arc, time::Duration};

use commonware_consensus::simplex::scheme::ed25519::Scheme;
use commonware_consensus::{Heightable as _, marshal::ancestry::Ancestry};
use commonware_cryptography::{Digestible as _, sha256::Digest};
use commonware_glue::stateful::{
    Application, Finality as BlockFinality, Input, Proposed,
    db::{DatabaseSet, Merkleized as _, Unmerkleized as _},
};
use commonware_storage::merkle::Location;
use conclave_protocol::{Key, Kind, Ledger, Record};
use futures::StreamExt as _;

use super::{
    clock::now_ms, finality::Finality, network::Network, schemes::Schemes, wiring::Runtime,
};
use crate::{
    block::{Block, BlockContext, Header, RawTx, Round, Section, tx_tree},
    committee::Committee,
    evidence::Accusations,
    execution::{At, Overlay, Source, Writes, choose, next_validators, replay},
    mempool::Mempool,
    state::{Batches, Databases, Executed, SyncTarget, state_key, unpack},
};

/// Longest step of chain time from a block to its child: 60 s and the idle interval.
pub(crate) const STEP: Duration = Duration::from_secs(62);

/// The application of both ledgers. Clones share everything.
#[derive(Clone, Debug)]
pub(crate) struct App {
    network: Arc<Network>,
    mempool: Arc<Mempool>,
    finality: Arc<Finality>,
    accusations: Accusations,
    schemes: Schemes,
    /// How far the blocks of a simulated liar are dated ahead, in milliseconds.
    #[cfg(test)]
    pub(crate) hurry_ms: u64,
}

impl App {
    /// An application of this network.
    pub(crate) fn new(
        network: Arc<Network>,
        mempool: Arc<Mempool>,
        finality: Arc<Finality>,
        schemes: Schemes,
    ) -> Self {
        Self {
            network,
            mempool,
            finality,
            schemes,
            accusations: Accusations::default(),
            #[cfg(test)]
            hurry_ms: 0,
        }
    }

    /// What the network fixed at its start.
    pub(crate) const fn network(&self) -> &Arc<Network> {
        &self.network
    }

    /// Transactions that wait.
    pub(crate) const fn mempool(&self) -> &Arc<Mempool> {
        &self.mempool
    }

    /// What was found about others.
    pub(crate) const fn accusations(&self) -> &Accusations {
        &self.accusations
    }

    /// What is final here.
    pub(crate) const fn finality(&self) -> &Arc<Finality> {
        &self.finality
    }

    /// Who seals which epoch.
    pub(crate) const fn schemes(&self) -> &Schemes {
        &self.schemes
    }

    /// Hash of the set that seals the block after the one of this height: another one than `present`
    /// only after the last block of an epoch that agreed on a change.
    async fn next_hash<S: Source>(
        &self,
        overlay: &mut Overlay<'_, S>,
        height: u64,
        present: Digest,
    ) -> Option<Digest> {
        if !self.schemes.is_last(height) {
            return Some(present);
        }
        let rules = self.network.rules();
        let keys = next_validators(rules, overlay, height).await?;
        Some(Committee::new(&rules.chain_id, &keys).ok()?.hash())
    }

    /// The transactions of a block and of those before it that are not final yet: they still wait in
    /// the mempool, and a child of that block cannot carry them again.
    async fn carried(&self, block: &Block, mut before: impl Ancestry<Block>) -> HashSet<Digest> {
        let applied = self.finality.tip().map_or(0, |tip| tip.height);
        let mut ids: HashSet<_> = block.txs().map(RawTx::id).collect();
        let mut height = block.header.height;
        while height > applied.saturating_add(1) {
            let Some(block) = before.next().await else { break };
            ids.extend(block.inner().txs().map(RawTx::id));
            height = block.inner().header.height;
        }
        ids
    }

    /// Checks a block against its parent and executes it.
    async fn execute<E: Runtime>(
        &self,
        block: &Block,
        parent: &Header,
        batches: Batches<E>,
    ) -> Option<Executed<E>> {
        let header = &block.header;
        let step = u64::try_from(STEP.as_millis()).ok()?;
        let is_child = header.height.checked_sub(1) == Some(parent.height)
            && header.time_ms > parent.time_ms
            && header.time_ms <= parent.time_ms.saturating_add(step)
            && header.round.epoch == self.schemes.epoch_of(header.height)
            && header.valset_hash == parent.next_valset_hash
            && header.identity.prev == parent.identity_link()
            && header.meeting.prev == parent.meeting_link();
        if !is_child {
            return None;
        }
        let sections =
            (self.mempool.decode(&block.identity)?, self.mempool.decode(&block.meeting)?);
        let at = At { height: header.height, time_ms: header.time_ms };
        let source = Speculative::<E>(&batches);
        let mut overlay = Overlay::new(&source);
        replay(self.network.rules(), at, &mut overlay, sections).await?;
        let next = self.next_hash(&mut overlay, header.height, header.valset_hash).await?;
        if header.next_valset_hash != next {
            return None;
        }
        let writes = overlay.into_writes().await;
        let executed = merkleize::<E>(batches, writes).await?;
        let expected = (
            section::<E>(&executed.0, parent.identity_link(), &block.identity),
            section::<E>(&executed.1, parent.meeting_link(), &block.meeting),
        );
        (expected.0 == header.identity && expected.1 == header.meeting).then_some(executed)
    }
}

impl<E: Runtime> Application<E> for App {
    type SigningScheme = Scheme;
    type Context = BlockContext;
    type Block = Block;
    type Databases = Databases<E>;
    type Captured = ();
    type Provider = ();
    type Input = ();

    fn sync_targets(block: &Block) -> (SyncTarget, SyncTarget) {
        (target(&block.header.identity), target(&block.header.meeting))
    }

    async fn genesis(&mut self) -> Block {
        self.network.genesis_block().clone()
    }

    async fn propose(
        &mut self,
        (runtime, context): (E, BlockContext),
        mut ancestry: impl Ancestry<Block>,
        batches: Batches<E>,
        _: Input<(), ()>,
    ) -> Option<Proposed<Self, E>> {
        let parent = ancestry.next().await?;
        let digest = parent.digest();
        let carried = self.carried(parent.inner(), ancestry).await;
        let parent = &parent.inner().header;
        let step = u64::try_from(STEP.as_millis()).ok()?;
        let now = now_ms(&runtime);
        #[cfg(test)]
        let now = now.saturating_add(self.hurry_ms);
        let earliest = parent.time_ms.checked_add(1)?;
        let time_ms = now.clamp(earliest, parent.time_ms.saturating_add(step));
        let at = At { height: parent.height.checked_add(1)?, time_ms };

        let source = Speculative::<E>(&batches);
        let mut overlay = Overlay::new(&source);
        let candidates = self.mempool.candidates(&carried);
        let chosen = choose(self.network.rules(), at, &mut overlay, candidates).await;
        let valset_hash = parent.next_valset_hash;
        let next_valset_hash = self.next_hash(&mut overlay, at.height, valset_hash).await?;
        let writes = overlay.into_writes().await;
        let merkleized = merkleize::<E>(batches, writes).await?;
        let identity = section::<E>(&merkleized.0, parent.identity_link(), &chosen.identity);
        let meeting = section::<E>(&merkleized.1, parent.meeting_link(), &chosen.meeting);
        let header = Header {
            height: at.height,
            time_ms,
            parent: digest,
            round: Round::of(&context),
            identity,
            meeting,
            valset_hash,
            next_valset_hash,
        };
        let block = Block { header, identity: chosen.identity, meeting: chosen.meeting };
        self.mempool.in_flight(block.txs().map(RawTx::id), &chosen.refused, now);
        Some(Proposed { block, merkleized })
    }

    async fn process(
        &mut self,
        (runtime, _): (E, BlockContext),
        mut ancestry: impl Ancestry<Block>,
        batches: Batches<E>,
        _: BlockFinality,
    ) -> Option<Executed<E>> {
        let block = ancestry.next().await?;
        let parent = ancestry.next().await?;
        let block = block.inner();
        let executed = self.execute::<E>(block, &parent.inner().header, batches).await?;
        let now = now_ms(&runtime);
        self.mempool.in_flight(block.txs().map(RawTx::id), &Default::default(), now);
        Some(executed)
    }

    async fn capture(
        &mut self,
        _: (E, BlockContext),
        _: &Block,
        _: &Executed<E>,
        _: <Databases<E> as DatabaseSet<E>>::Readers,
    ) {
    }

    async fn finalized(
        &mut self,
        (runtime, _): (E, BlockContext),
        block: &Block,
        (): (),
        _: <Databases<E> as DatabaseSet<E>>::Readers,
    ) {
        let decode = |txs| self.mempool.decode(txs).unwrap_or_default();
        let (identity, meeting) = (decode(&block.identity), decode(&block.meeting));
        let votes = identity.iter().any(|candidate| candidate.tx.kind() == Kind::ValidatorVote);
        let kinds = identity.iter().chain(&meeting).map(|candidate| candidate.tx.kind());
        self.finality.meter().block(&block.header, kinds, now_ms(&runtime));
        self.mempool.finalized(identity.into_iter().chain(meeting), block.header.time_ms);
        self.finality.applied(block);
        if votes {
            self.schemes.note_votes();
        }
        tracing::debug!(height = block.height().get(), "final");
    }
}

/// The state a block is executed on.
pub(crate) struct Speculative<'a, E: Runtime>(pub(crate) &'a Batches<E>);

impl<E: Runtime> Source for Speculative<'_, E> {
    #[expect(clippy::expect_used, reason = "the engine panics on storage failure by design")]
    async fn load(&self, keys: &[Key]) -> Vec<Option<Record>> {
        let mut identity = Vec::new();
        let mut meeting = Vec::new();
        for key in keys {
            match state_key(key) {
                (Ledger::Identity, digest) => identity.push(digest),
                (Ledger::Meeting, digest) => meeting.push(digest),
            }
        }
        let identity: Vec<_> = identity.iter().collect();
        let meeting: Vec<_> = meeting.iter().collect();
        let mut identity =
            self.0.0.get_many(&identity).await.expect("identity state reads").into_iter();
        let mut meeting =
            self.0.1.get_many(&meeting).await.expect("meeting state reads").into_iter();
        keys.iter()
            .map(|key| {
                let slot = match key.ledger() {
                    Ledger::Identity => identity.next(),
                    Ledger::Meeting => meeting.next(),
                };
                slot.flatten().map(|slot| unpack(&slot).expect("state holds records"))
            })
            .collect()
    }
}

/// Applies the writes to both batches, in ascending order of keys.
pub(crate) async fn merkleize<E: Runtime>(
    batches: Batches<E>,
    writes: (Writes, Writes),
) -> Option<Executed<E>> {
    let (mut identity, mut meeting) = batches;
    for (key, slot) in writes.0 {
        identity = identity.write(key, slot);
    }
    for (key, slot) in writes.1 {
        meeting = meeting.write(key, slot);
    }
    Some((identity.merkleize().await.ok()?, meeting.merkleize().await.ok()?))
}

/// The section a header carries for this result.
pub(crate) fn section<E: Runtime>(
    executed: &<crate::state::Db<E> as commonware_glue::stateful::db::ManagedDb<E>>::Merkleized,
    prev: Digest,
    txs: &[RawTx],
) -> Section {
    Section {
        prev,
        count: u32::try_from(txs.len()).unwrap_or(u32::MAX),
        tx_root: tx_tree(txs).root(),
        state_root: executed.root(),
        ops_root: executed.ops_root(),
        ops: (*executed.sync_boundary(), *executed.bounds().tip.size),
    }
}

/// What a late validator synchronises one ledger to. The decoder has checked the range.
fn target(section: &Section) -> SyncTarget {
    let (start, end) = section.ops;
    let end = end.max(start.saturating_add(1));
    SyncTarget::new(
        section.ops_root,
        commonware_utils::non_empty_range!(Location::new(start), Location::new(end)),
    )
}

#[cfg(test)]
mod tests {
    use commonware_runtime::{Runner as _, Supervisor as _, deterministic};

    use super::*;
    use crate::{
        audit::Quill,
        cast::{BEGIN, EPOCH, genesis, private, raw, vote},
        validator::{Cuts, Seed, database_config, wiring::page_cache},
    };

    /// What a proposer could say instead, given the block before.
    type Lie = fn(&mut Header, &Header);

    const OTHER: Digest = Digest([7; 32]);

    const LIES: [(&str, Lie); 11] = [
        ("another height", |lie, _| lie.height += 1),
        ("the time of its parent", |lie, parent| lie.time_ms = parent.time_ms),
        ("a far time", |lie, parent| lie.time_ms = parent.time_ms + 62_001),
        ("another epoch", |lie, _| lie.round.epoch += 1),
        ("another set", |lie, _| lie.valset_hash = OTHER),
        ("another next set", |lie, _| lie.next_valset_hash = OTHER),
        ("no change, or one that nobody voted for", |lie, _| {
            let is_same = lie.next_valset_hash == lie.valset_hash;
            lie.next_valset_hash = if is_same { OTHER } else { lie.valset_hash };
        }),
        ("another identity link", |lie, _| lie.identity.prev = OTHER),
        ("another meeting link", |lie, _| lie.meeting.prev = OTHER),
        ("another identity state", |lie, _| lie.identity.state_root = OTHER),
        ("another meeting state", |lie, _| lie.meeting.state_root = OTHER),
    ];

    /// An epoch at whose end a fifth validator comes in, as it is and with every lie.
    #[test]
    fn a_block_that_names_another_epoch_or_set_than_the_state_does_gets_no_vote() {
        deterministic::Runner::default().start(|context| async move {
            let genesis = genesis("voters");
            let seeds: Vec<_> = (1..=4).map(|seed| Seed::new([seed; 32])).collect();
            let mut quill = Quill::open(&context, &genesis, &seeds).await.unwrap();
            let network = Arc::new(Network::of(&genesis).unwrap());
            let mut parent = network.genesis_block().header.clone();
            let (mempool, finality) = (Arc::new(Mempool::new()), Arc::new(Finality::new()));
            let schemes = Schemes::of(&genesis, private(1), 0).unwrap();
            let app = App::new(network, mempool, finality, schemes);
            let pages = page_cache();
            let config = |ledger| database_config("voter", ledger, Cuts::USUAL, &pages);
            let config = (config("identity"), config("meeting"));
            let databases =
                Databases::<deterministic::Context>::init(context.child("voter"), config, None)
                    .await;
            for height in 1..u64::from(EPOCH) {
                let time_ms = BEGIN + height * 1_000;
                let votes = (1..=3).map(|by| raw(&vote(&genesis, by, time_ms / 1_000)));
                let txs = if height == 2 { votes.collect() } else { Vec::new() };
                let block = quill.next(time_ms, txs).await.unwrap().block;
                for (name, lie) in LIES {
                    let mut other = block.clone();
                    lie(&mut other.header, &parent);
                    let batches = databases.new_batches().await;
                    let verdict = app.execute::<deterministic::Context>(&other, &parent, batches);
                    assert!(verdict.await.is_none(), "{name} at height {height}");
                }
                let batches = databases.new_batches().await;
                let executed = app.execute::<deterministic::Context>(&block, &parent, batches);
                databases.apply(executed.await.unwrap()).await;
                parent = block.header;
            }
            assert_ne!(parent.next_valset_hash, parent.valset_hash, "the fifth one is in");
        });
    }
}
