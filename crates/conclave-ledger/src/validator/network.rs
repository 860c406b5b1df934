//! What a network fixed at its start, ready for execution: rules, committee, genesis block.

use commonware_consensus::types::{Epoch, Round as ConsensusRound, View};
use commonware_cryptography::{Digest as _, sha256::Digest};
use commonware_glue::stateful::db::DatabaseSet;
use commonware_runtime::deterministic;
use conclave_protocol::{Genesis, Rules};

use crate::{
    block::{Block, BlockContext, Header, Round, Section, empty_tx_root},
    committee::{BadCommittee, Committee},
    state::{Databases, SyncTarget},
};

/// The fixed facts of one network.
#[derive(Debug)]
pub(crate) struct Network {
    rules: Rules,
    committee: Committee,
    genesis_block: Block,
}

impl Network {
    /// The network this genesis starts.
    pub(crate) fn of(genesis: &Genesis) -> Result<Self, BadCommittee> {
        let committee = Committee::of(genesis)?;
        let genesis_block = genesis_block(genesis, &committee)?;
        Ok(Self { rules: Rules::from(genesis), committee, genesis_block })
    }

    /// What decides over transactions.
    pub(crate) const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The validators.
    pub(crate) const fn committee(&self) -> &Committee {
        &self.committee
    }

    /// The block everything links to.
    pub(crate) const fn genesis_block(&self) -> &Block {
        &self.genesis_block
    }
}

/// The block of height 0. Its sections link to the chain id, so its digest names the network; it
/// carries no state root, because nothing can be asked about a state without a block.
fn genesis_block(genesis: &Genesis, committee: &Committee) -> Result<Block, BadCommittee> {
    let chain = Digest(genesis.chain_id().0);
    let (identity, meeting) =
        <Databases<deterministic::Context> as DatabaseSet<_>>::initial_sync_targets();
    let section = |target: SyncTarget| Section {
        prev: chain,
        count: 0,
        tx_root: empty_tx_root(),
        state_root: Digest::EMPTY,
        ops_root: target.root,
        ops: (*target.range.start(), *target.range.end()),
    };
    let leader = committee.members().iter().next().ok_or(BadCommittee::Empty)?.clone();
    let context = BlockContext {
        round: ConsensusRound::new(Epoch::zero(), View::zero()),
        leader,
        parent: (View::zero(), Digest::EMPTY),
    };
    let header = Header {
        height: 0,
        time_ms: genesis.time_ms,
        parent: Digest::EMPTY,
        round: Round::of(&context),
        identity: section(identity),
        meeting: section(meeting),
        valset_hash: committee.hash(),
        next_valset_hash: committee.hash(),
    };
    Ok(Block { header, identity: Vec::new(), meeting: Vec::new() })
}
