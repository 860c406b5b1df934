//! Executes a ledger again, block by block, with the very function validators run, on databases of
//! its own.
//!
//! What comes out of a block are the checks that need no state: its certificate and its signatures.
//! They are made elsewhere, beside the execution of the next blocks; until they hold, nothing that
//! was executed is believed.

use commonware_consensus::simplex::scheme::ed25519::Scheme;
use commonware_cryptography::sha256::Digest;
use commonware_glue::stateful::db::DatabaseSet as _;
use commonware_runtime::buffer::paged::CacheRef;
use commonware_utils::{NZU16, NZUsize};
use conclave_protocol::{Genesis, Height, Ledger, signed::Item};

use super::{
    broken::{Broken, What, hex},
    seal::{Prepared, Sealed},
    totals::{Report, Totals},
};
use crate::{
    answer::Certificate,
    block::{Block, Header, RawTx, Section},
    committee::{BadCommittee, Committee},
    execution::{At, BadTx, Overlay, Ran, run},
    light::HeaderFacts,
    state::Databases,
    validator::{Network, Runtime, STEP, Speculative, database_config, merkleize, section},
};

/// Blocks whose state is held back before it is written down.
const FLUSHED: u64 = 128;

/// A ledger that is executed again.
pub(super) struct Replay<E: Runtime> {
    network: Network,
    committee: Committee,
    databases: Databases<E>,
    parent: Header,
    /// The first block after the last certificate, if any.
    uncertified: Option<Height>,
    totals: Totals,
}

/// What is left to check of a block that was executed.
pub(super) struct Checks {
    pub(super) height: Height,
    pub(super) certificate: Option<(Scheme, Certificate)>,
    /// Each with the number of its transaction.
    pub(super) signatures: Vec<(u32, Item)>,
    /// The transactions of the block, to name the one to blame.
    pub(super) txs: Vec<RawTx>,
}

impl<E: Runtime> Replay<E> {
    /// The ledger before its first block. The runtime's storage must be empty.
    pub(super) async fn open(context: &E, genesis: &Genesis) -> Result<Self, BadCommittee> {
        let network = Network::of(genesis)?;
        let pages = CacheRef::new(NZU16!(4096), NZUsize!(4096));
        let config = |ledger| database_config("audit", ledger, &pages);
        let config = (config("identity"), config("meeting"));
        let databases = Databases::<E>::init(context.child("state"), config, None).await;
        Ok(Self {
            committee: network.committee().clone(),
            parent: network.genesis_block().header.clone(),
            network,
            databases,
            uncertified: None,
            totals: Totals::default(),
        })
    }

    /// Executes the next block.
    pub(super) async fn next(&mut self, prepared: Prepared) -> Result<Checks, Broken> {
        let Prepared { sealed: Sealed { block, certificate }, identity, meeting } = prepared;
        self.check_header(&block.header)?;
        self.check_certificate(&block.header, certificate.as_ref())?;
        for candidate in identity.iter().chain(&meeting) {
            self.totals.count_tx(candidate.tx.kind());
        }
        let ran = self.execute(&block, (identity, meeting)).await?;
        for event in &ran.events {
            self.totals.count_event(event);
        }
        self.totals.blocks += 1;
        self.totals.signatures += ran.unchecked.len() as u64;
        let height = Height(block.header.height);
        if certificate.is_some() {
            self.totals.certificates += 1;
            self.uncertified = None;
        } else {
            self.uncertified.get_or_insert(height);
        }
        let certificate = certificate.map(|it| (self.committee.verifier(), it));
        let txs = block.txs().cloned().collect();
        self.parent = block.header;
        Ok(Checks { height, certificate, signatures: ran.unchecked, txs })
    }

    /// The end of the ledger: its last block must be final.
    pub(super) fn finish(self) -> Result<Report, Broken> {
        if let Some(first) = self.uncertified {
            let found = "the end of the ledger";
            return Err(Broken::new(first, What::Certificate, "that of a descendant", found));
        }
        let last = (self.totals.blocks > 0).then(|| HeaderFacts::of(&self.parent));
        Ok(Report { chain: self.network.rules().chain_id, last, totals: self.totals })
    }

    /// Height and transactions so far.
    pub(super) fn progress(&self) -> (u64, u64) {
        (self.parent.height, self.totals.transactions())
    }

    /// Checks what the header alone, and its parent, decide.
    fn check_header(&self, header: &Header) -> Result<(), Broken> {
        let parent = &self.parent;
        let next = parent.height.saturating_add(1);
        // An error is about the block that should stand here, whatever number this one carries.
        let at = Height(next);
        if header.height != next {
            let found = format!("height {}", header.height);
            return Err(Broken::new(at, What::Height, format!("height {next}"), found));
        }
        let digests = [
            (What::Parent, parent.digest(), header.parent),
            (What::Link(Ledger::Identity), parent.identity_link(), header.identity.prev),
            (What::Link(Ledger::Meeting), parent.meeting_link(), header.meeting.prev),
            (What::Validators, self.committee.hash(), header.valset_hash),
            (What::NextValidators, self.committee.hash(), header.next_valset_hash),
        ];
        for (what, expected, found) in digests {
            if expected != found {
                return Err(Broken::digests(at, what, &expected, &found));
            }
        }
        let step = u64::try_from(STEP.as_millis()).unwrap_or(u64::MAX);
        let (after, most) = (parent.time_ms, parent.time_ms.saturating_add(step));
        if header.time_ms <= after || header.time_ms > most {
            let expected = format!("later than {after} ms, at most {most} ms");
            let found = format!("{} ms", header.time_ms);
            return Err(Broken::new(at, What::Time, expected, found));
        }
        if header.round.epoch != 0 {
            let found = format!("epoch {}", header.round.epoch);
            return Err(Broken::new(at, What::Epoch, "epoch 0", found));
        }
        if self.committee.members().position(&header.round.leader).is_none() {
            let found = header.round.leader.to_string();
            return Err(Broken::new(at, What::Proposer, "a validator of the set", found));
        }
        Ok(())
    }

    /// Checks that the certificate names this block; its signatures are checked later.
    fn check_certificate(
        &self,
        header: &Header,
        certificate: Option<&Certificate>,
    ) -> Result<(), Broken> {
        let Some(certificate) = certificate else { return Ok(()) };
        let at = Height(header.height);
        let (expected, found) = (header.digest(), certificate.proposal.payload);
        if expected != found {
            return Err(Broken::digests(at, What::Certificate, &expected, &found));
        }
        let (expected, found) = (header.round.epoch, certificate.proposal.round.epoch().get());
        if expected != found {
            let words = |epoch| format!("a certificate of epoch {epoch}");
            return Err(Broken::new(at, What::Certificate, words(expected), words(found)));
        }
        Ok(())
    }

    /// Executes the transactions and compares what the header says of both ledgers.
    async fn execute(
        &self,
        block: &Block,
        sections: (Vec<crate::execution::Candidate>, Vec<crate::execution::Candidate>),
    ) -> Result<Ran, Broken> {
        let header = &block.header;
        let height = Height(header.height);
        let batches = self.databases.new_batches().await;
        let at = At { height: header.height, time_ms: header.time_ms };
        let source = Speculative::<E>(&batches);
        let mut overlay = Overlay::new(&source);
        let ran = run(self.network.rules(), at, &mut overlay, sections).await;
        let ran = ran.map_err(|bad| blame(block, &bad))?;
        let writes = overlay.into_writes().await;
        let executed = merkleize::<E>(batches, writes).await.ok_or_else(|| {
            Broken::new(height, What::Malformed, "a state that can be computed", "none")
        })?;
        let (identity, meeting) = (header.identity.prev, header.meeting.prev);
        compare(
            height,
            Ledger::Identity,
            &section::<E>(&executed.0, identity, &block.identity),
            &header.identity,
        )?;
        compare(
            height,
            Ledger::Meeting,
            &section::<E>(&executed.1, meeting, &block.meeting),
            &header.meeting,
        )?;
        self.databases.apply(executed).await;
        if header.height % FLUSHED == 0 {
            let _durable = self.databases.finalize().await.durable().await;
        }
        Ok(ran)
    }
}

/// Compares what was computed with what the header says.
fn compare(
    height: Height,
    ledger: Ledger,
    computed: &Section,
    said: &Section,
) -> Result<(), Broken> {
    let digests = |what, expected: &Digest, found: &Digest| {
        if expected == found { Ok(()) } else { Err(Broken::digests(height, what, expected, found)) }
    };
    digests(What::TxRoot(ledger), &computed.tx_root, &said.tx_root)?;
    digests(What::StateRoot(ledger), &computed.state_root, &said.state_root)?;
    digests(What::Operations(ledger), &computed.ops_root, &said.ops_root)?;
    if computed == said {
        return Ok(());
    }
    let words = |section: &Section| {
        format!("operations {} to {} of {}", section.ops.0, section.ops.1, hex(&section.ops_root))
    };
    Err(Broken::new(height, What::Operations(ledger), words(computed), words(said)))
}

/// Names the transaction that makes a block invalid.
fn blame(block: &Block, bad: &BadTx) -> Broken {
    let height = Height(block.header.height);
    let broken = Broken::new(height, What::Transaction, "one that is taken", bad.why.to_string());
    let raw = usize::try_from(bad.index).ok().and_then(|index| block.txs().nth(index));
    raw.map_or(broken.clone(), |raw| broken.in_tx(bad.index, raw))
}
