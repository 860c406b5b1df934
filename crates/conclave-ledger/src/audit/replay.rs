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
use conclave_protocol::{
    AnchorRecord, Body, Genesis, Height, Ledger, TxId, ValidatorKey, epoch_of, last_height_of,
    signed::Item,
};

use super::{
    broken::{AuditError, Broken, What, hex},
    headers::Headers,
    seal::{Prepared, Sealed},
    totals::{Report, Totals, WrongAnchor},
};
use crate::{
    answer::Certificate,
    block::{Block, Header, RawTx, Section},
    committee::Committee,
    execution::{At, BadTx, Candidate, Overlay, Ran, Source, next_validators, run},
    light::{HeaderFacts, protocol_digest},
    state::Databases,
    validator::{Cuts, Network, Runtime, STEP, Speculative, database_config, merkleize, section},
};

/// Blocks whose state is held back before it is written down.
const FLUSHED: u64 = 128;

/// A ledger that is executed again.
pub(super) struct Replay<E: Runtime> {
    network: Network,
    /// The set that seals the next block.
    committee: Committee,
    databases: Databases<E>,
    parent: Header,
    headers: Headers<E>,
    /// The first block after the last certificate, if any.
    uncertified: Option<Height>,
    totals: Totals,
    wrong_anchors: Vec<WrongAnchor>,
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
    pub(super) async fn open(context: &E, genesis: &Genesis) -> Result<Self, AuditError> {
        let network = Network::of(genesis).map_err(|error| {
            Broken::new(Height(0), What::Validators, "a set of keys", error.to_string())
        })?;
        let pages = CacheRef::new(NZU16!(4096), NZUsize!(4096));
        let config = |ledger| database_config("audit", ledger, Cuts::USUAL, &pages);
        let config = (config("identity"), config("meeting"));
        let databases = Databases::<E>::init(context.child("state"), config, None).await;
        let mut headers = Headers::open(context).await?;
        let parent = network.genesis_block().header.clone();
        headers.push(parent.digest()).await?;
        Ok(Self {
            committee: network.committee().clone(),
            network,
            databases,
            parent,
            headers,
            uncertified: None,
            totals: Totals::default(),
            wrong_anchors: Vec::new(),
        })
    }

    /// Executes the next block.
    pub(super) async fn next(&mut self, prepared: Prepared) -> Result<Checks, AuditError> {
        let Prepared { sealed: Sealed { block, certificate }, identity, meeting } = prepared;
        let height = Height(block.header.height);
        self.check_header(&block.header)?;
        self.check_certificate(&block.header, certificate.as_ref())?;
        for candidate in identity.iter().chain(&meeting) {
            self.totals.count_tx(candidate.tx.kind());
        }
        let anchors = anchors(&identity);
        let (ran, next) = self.execute(&block, (identity, meeting)).await?;
        for event in &ran.events {
            self.totals.count_event(event);
        }
        self.compare_anchors(height, anchors).await?;
        self.totals.blocks += 1;
        self.totals.signatures += ran.unchecked.len() as u64;
        if certificate.is_some() {
            self.totals.certificates += 1;
            self.uncertified = None;
        } else {
            self.uncertified.get_or_insert(height);
        }
        let certificate = certificate.map(|it| (self.committee.verifier(), it));
        if let Some(next) = next {
            self.committee = next;
            self.totals.set_changes += 1;
        }
        let txs = block.txs().cloned().collect();
        self.headers.push(block.header.digest()).await?;
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
        let Self { network, totals, wrong_anchors, .. } = self;
        Ok(Report { chain: network.rules().chain_id, last, totals, wrong_anchors })
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
        let epoch = epoch_of(&self.network.rules().params, at);
        if header.round.epoch != epoch {
            let words = |epoch| format!("epoch {epoch}");
            return Err(Broken::new(at, What::Epoch, words(epoch), words(header.round.epoch)));
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
        let at = Height(header.height);
        let Some(certificate) = certificate else {
            if header.valset_hash == header.next_valset_hash {
                return Ok(());
            }
            // The next set cannot speak for the block that puts it in.
            let expected = "one of its own, by the set that goes";
            return Err(Broken::new(at, What::Certificate, expected, "none"));
        };
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

    /// Executes the transactions and compares what the header says of both ledgers and of the next
    /// block's validators; gives those if they are others.
    async fn execute(
        &self,
        block: &Block,
        sections: (Vec<Candidate>, Vec<Candidate>),
    ) -> Result<(Ran, Option<Committee>), AuditError> {
        let header = &block.header;
        let height = Height(header.height);
        let batches = self.databases.new_batches().await;
        let at = At { height: header.height, time_ms: header.time_ms };
        let source = Speculative::<E>(&batches);
        let mut overlay = Overlay::new(&source);
        let ran = run(self.network.rules(), at, &mut overlay, sections).await;
        let ran = ran.map_err(|bad| blame(block, &bad))?;
        let next = self.next_committee(header, &mut overlay).await?;
        let writes = overlay.into_writes().await;
        let executed = merkleize::<E>(batches, writes).await.ok_or(AuditError::Stopped)?;
        let (identity, meeting) = (header.identity.prev, header.meeting.prev);
        let identity = section::<E>(&executed.0, identity, &block.identity);
        compare(height, Ledger::Identity, &identity, &header.identity)?;
        let meeting = section::<E>(&executed.1, meeting, &block.meeting);
        compare(height, Ledger::Meeting, &meeting, &header.meeting)?;
        self.databases.apply(executed).await;
        if header.height.is_multiple_of(FLUSHED) && !self.databases.finalize().await.durable().await
        {
            return Err(AuditError::Stopped);
        }
        Ok((ran, next))
    }

    /// The set that seals the next block, if it is another one; the header must name it.
    async fn next_committee<S: Source>(
        &self,
        header: &Header,
        overlay: &mut Overlay<'_, S>,
    ) -> Result<Option<Committee>, AuditError> {
        let rules = self.network.rules();
        let height = Height(header.height);
        let is_last = last_height_of(&rules.params, header.round.epoch) == height;
        let next = if is_last {
            let keys = next_validators(rules, overlay, header.height).await;
            let keys = keys.ok_or(AuditError::Stopped)?;
            Committee::new(&rules.chain_id, &keys).map_err(|_| AuditError::Stopped)?
        } else {
            self.committee.clone()
        };
        let (expected, found) = (next.hash(), header.next_valset_hash);
        if expected != found {
            return Err(Broken::digests(height, What::NextValidators, &expected, &found).into());
        }
        Ok((expected != self.committee.hash()).then_some(next))
    }

    /// Compares the anchors a block records with the headers they are about.
    async fn compare_anchors(
        &mut self,
        recorded: Height,
        anchors: Vec<(TxId, ValidatorKey, AnchorRecord)>,
    ) -> Result<(), AuditError> {
        for (tx, by, AnchorRecord { height, header: found, .. }) in anchors {
            // The rules took it, so it is about a block below this one.
            let expected = self.headers.get(height.0).await?.ok_or(AuditError::Stopped)?;
            let expected = protocol_digest(&expected);
            if expected != found && self.wrong_anchors.len() < Report::MOST_WRONG {
                let wrong = WrongAnchor { recorded, tx, by, height, expected, found };
                self.wrong_anchors.push(wrong);
            }
        }
        Ok(())
    }
}

/// The anchors among the transactions of an identity section.
fn anchors(identity: &[Candidate]) -> Vec<(TxId, ValidatorKey, AnchorRecord)> {
    identity
        .iter()
        .filter_map(|candidate| match &candidate.tx.body {
            Body::AnchorRecord(body) => {
                let id = TxId(candidate.raw.id().0);
                Some((id, candidate.tx.validator()?, body.clone()))
            }
            _ => None,
        })
        .collect()
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
    broken.in_tx(bad.index, raw)
}
