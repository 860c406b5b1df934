//! Answers questions about final state and takes transactions, inside the validator's runtime.

use std::{sync::Arc, time::Duration};

use bytes::{BufMut as _, Bytes, BytesMut};
use commonware_codec::{DecodeExt as _, Encode as _};
use commonware_consensus::types::Height;
use commonware_cryptography::{ed25519::PublicKey, sha256::Digest};
use commonware_glue::stateful::db::Shared;
use commonware_macros::select;
use commonware_p2p::{Receiver, Recipients, Sender};
use conclave_protocol::{Key, Ledger, Record, TxId};
use tokio::sync::{mpsc, watch};

use super::{
    application::{App, STEP},
    clock::now_ms,
    request::{AskError, Rejected, Request},
    steps::Steps,
    wiring::{Marshal, Runtime},
};
use crate::{
    answer::{Certificate, Entry, HeaderAnswer, InclusionAnswer, MAX_KEYS, MAX_LINKS, StateAnswer},
    audit::{FULL_RECORDS, MAX_RECORDS, Sealed},
    block::{Block, Header, RawTx, to_bytes, tx_tree},
    execution::{At, Source},
    mempool::gossip::{Batch, FULL_BATCH, MAX_BATCH},
    state::{Databases, Db, state_key, unpack},
};

/// Attempts to read the state of one block while blocks are being applied.
const ATTEMPTS: usize = 200;

/// Pause between two of them.
const PAUSE: Duration = Duration::from_millis(2);

/// How long transactions are gathered before they are sent to the other validators.
const GATHER: Duration = Duration::from_millis(4);

/// How often transactions that still wait are sent again.
const RESEND: Duration = Duration::from_secs(2);

/// Blocks whose transactions are indexed again before a restarted validator serves anyone.
const REINDEXED: u64 = 64;

/// Blocks whose transactions are indexed again while it serves.
const REINDEXED_LATER: u64 = 1 << 17;

/// Everything the service reads. Clones share it.
pub(crate) struct Service<E: Runtime> {
    pub(crate) app: App,
    pub(crate) marshal: Marshal,
    pub(crate) databases: Databases<E>,
    pub(crate) steps: Steps<E>,
    pub(crate) runtime: Arc<E>,
}

impl<E: Runtime> Clone for Service<E> {
    fn clone(&self) -> Self {
        Self {
            app: self.app.clone(),
            marshal: self.marshal.clone(),
            databases: self.databases.clone(),
            steps: self.steps.clone(),
            runtime: Arc::clone(&self.runtime),
        }
    }
}

impl<E: Runtime> Service<E> {
    /// Finds out where this validator stands after a restart, and gives the lowest height whose
    /// transactions it has indexed: [`reindex`](Self::reindex) goes on from there.
    pub(crate) async fn recover(&self) -> u64 {
        let Some(processed) = self.marshal.get_processed().await else {
            self.app.finality().opened();
            return 0;
        };
        let height = processed.height().get();
        let lowest = height.saturating_sub(REINDEXED).max(1);
        for height in lowest..=height {
            if let Some(block) = self.block(height).await {
                self.app.finality().applied(&block);
            }
        }
        self.app.finality().opened();
        lowest
    }

    /// Indexes the transactions of older blocks, the newest first, as far as they are remembered
    /// and kept.
    pub(crate) async fn reindex(self, below: u64) {
        for height in (below.saturating_sub(REINDEXED_LATER).max(1)..below).rev() {
            let Some(block) = self.block(height).await else { return };
            if !self.app.finality().remember_older(&block) {
                return;
            }
        }
    }

    /// Publishes the answer for every new tip.
    pub(crate) async fn follow(self, tips: watch::Sender<Bytes>) {
        let mut heights = self.app.finality().watch();
        loop {
            if let Ok(answer) = self.latest().await {
                tips.send_replace(answer);
            }
            if heights.changed().await.is_err() {
                return;
            }
        }
    }

    /// Serves requests until nobody can send any.
    pub(crate) async fn serve(
        self,
        mut requests: mpsc::Receiver<Request>,
        gossip: mpsc::Sender<RawTx>,
    ) {
        while let Some(request) = requests.recv().await {
            let service = self.clone();
            let gossip = gossip.clone();
            self.runtime.child("request").spawn(|_| async move {
                service.handle(request, &gossip).await;
            });
        }
    }

    async fn handle(&self, request: Request, gossip: &mpsc::Sender<RawTx>) {
        // A caller that went away needs no answer.
        match request {
            Request::Submit { bytes, reply } => {
                let result = self.submit(vec![bytes], gossip).await.pop();
                let _ = reply.send(result.unwrap_or(Err(Rejected::Malformed)));
            }
            Request::SubmitAll { txs, reply } => {
                let _ = reply.send(self.submit(txs, gossip).await);
            }
            Request::Inclusion { id, reply } => {
                let _ = reply.send(self.inclusion(id).await);
            }
            Request::Transaction { id, reply } => {
                let _ = reply.send(self.transaction(id).await);
            }
            Request::Query { keys, reply } => {
                let _ = reply.send(self.query(&keys).await);
            }
            Request::Header { height, reply } => {
                let _ = reply.send(self.header(height).await);
            }
            Request::Block { height, reply } => {
                let block = self.block(height).await.ok_or_else(|| self.unknown(height));
                let _ = reply.send(block.map(|block| to_bytes(&block)));
            }
            Request::Records { from, most, reply } => {
                let _ = reply.send(self.records(from, most).await);
            }
            Request::Handovers { from, reply } => {
                let _ = reply.send(Ok(self.steps.answer(from).await));
            }
            Request::Local { key, reply } => {
                let record = Finalized(&self.databases).load(&[key]).await.pop().flatten();
                let _ = reply.send(Ok(record));
            }
            Request::Metrics { reply } => {
                let _ = reply.send(Ok(self.runtime.encode()));
            }
        }
    }

    /// Sends what was submitted here to the other validators, and again what waits for long.
    pub(crate) async fn send<S>(self, mut sender: S, mut outgoing: mpsc::Receiver<RawTx>)
    where
        S: Sender<PublicKey = PublicKey>,
    {
        let mut resend = self.runtime.current() + RESEND;
        loop {
            let mut batch = Vec::new();
            select! {
                tx = outgoing.recv() => {
                    let Some(tx) = tx else { return };
                    batch.push(tx);
                    self.runtime.sleep(GATHER).await;
                },
                () = self.runtime.sleep_until(resend) => {
                    resend = self.runtime.current() + RESEND;
                    batch = self.app.mempool().oldest(MAX_BATCH);
                },
            }
            let mut size: usize = batch.iter().map(|tx| tx.bytes().len()).sum();
            while batch.len() < MAX_BATCH && size < FULL_BATCH {
                let Ok(tx) = outgoing.try_recv() else { break };
                size += tx.bytes().len();
                batch.push(tx);
            }
            if !batch.is_empty() {
                sender.send(Recipients::All, Batch(batch).encode(), false);
            }
        }
    }

    /// Takes transactions from other validators.
    pub(crate) async fn receive<R>(self, mut receiver: R)
    where
        R: Receiver<PublicKey = PublicKey>,
    {
        while let Ok((peer, message)) = receiver.recv().await {
            let Ok(Batch(txs)) = Batch::decode(message) else {
                tracing::warn!(%peer, "malformed transactions");
                continue;
            };
            // A refused transaction may only be late or early; its sender is told elsewhere.
            let _ = self.admit(txs).await;
        }
    }

    pub(super) async fn submit(
        &self,
        txs: Vec<Bytes>,
        gossip: &mpsc::Sender<RawTx>,
    ) -> Vec<Result<TxId, Rejected>> {
        let raws: Vec<_> = txs.into_iter().map(RawTx::new).collect();
        let verdicts = self.admit(raws.iter().flatten().cloned().collect()).await;
        let mut verdicts = verdicts.into_iter();
        let mut pass = |raw: RawTx| {
            if verdicts.next().unwrap_or(Err(Rejected::Malformed))? {
                // When the channel is full the periodic sending takes over.
                let _ = gossip.try_send(raw.clone());
            }
            Ok(TxId(raw.id().0))
        };
        raws.into_iter().map(|raw| raw.map_or(Err(Rejected::Malformed), &mut pass)).collect()
    }

    /// Checks transactions against final state and lets those wait that hold; for each of them,
    /// in order, `false` if it waits or is final already.
    async fn admit(&self, raws: Vec<RawTx>) -> Vec<Result<bool, Rejected>> {
        let Ok(tip) = self.tip() else {
            return raws.iter().map(|_| Err(Rejected::NotReady)).collect();
        };
        let is_new = |raw: &RawTx| {
            let id = raw.id();
            !self.app.mempool().contains(&id) && self.app.finality().place(&id).is_none()
        };
        let news: Vec<bool> = raws.iter().map(is_new).collect();
        let fresh = raws.into_iter().zip(&news).filter(|(_, is_new)| **is_new);
        let fresh = fresh.map(|(raw, _)| raw).collect();
        let step = u64::try_from(STEP.as_millis()).unwrap_or(u64::MAX);
        let earliest = tip.time_ms.saturating_add(1);
        let time_ms = now_ms(&*self.runtime).clamp(earliest, tip.time_ms.saturating_add(step));
        let at = At { height: tip.height.saturating_add(1), time_ms };
        let rules = self.app.network().rules();
        let source = Finalized(&self.databases);
        let mut verdicts = self.app.mempool().admit(rules, at, &source, fresh).await.into_iter();
        let verdict = |is_new: bool| if is_new { verdicts.next() } else { Some(Ok(false)) };
        news.into_iter().map(verdict).map(|verdict| verdict.unwrap_or(Ok(false))).collect()
    }

    fn tip(&self) -> Result<Header, AskError> {
        self.app.finality().tip().ok_or(AskError::NotReady)
    }

    pub(super) async fn latest(&self) -> Result<Bytes, AskError> {
        Ok(to_bytes(&self.certify(self.tip()?).await?))
    }

    async fn header(&self, height: Option<u64>) -> Result<Bytes, AskError> {
        let Some(height) = height else { return self.latest().await };
        let block = self.block(height).await.ok_or_else(|| self.unknown(height))?;
        Ok(to_bytes(&self.certify(block.header).await?))
    }

    /// A final block that is kept. Block 0 is made of the genesis, so everybody has it.
    pub(super) async fn block(&self, height: u64) -> Option<Block> {
        if height == 0 {
            return Some(self.app.network().genesis_block().clone());
        }
        if height < self.app.finality().lowest() {
            return None;
        }
        Some(self.marshal.get_block(Height::new(height)).await?.inner().clone())
    }

    /// Blocks in order with the certificates they have of their own.
    pub(super) async fn records(&self, from: u64, most: u64) -> Result<Bytes, AskError> {
        let newest = self.tip()?.height;
        let mut answer = BytesMut::new();
        let until = from.saturating_add(most.clamp(1, MAX_RECORDS));
        for height in from.max(1)..until.min(newest.saturating_add(1)) {
            let Some(block) = self.block(height).await else { break };
            let certificate = self.certificate(&block.header).await;
            let record = to_bytes(&Sealed { block, certificate });
            answer.put_u32(u32::try_from(record.len()).unwrap_or(u32::MAX));
            answer.put(record);
            if answer.len() >= FULL_RECORDS {
                break;
            }
        }
        if answer.is_empty() { Err(self.unknown(from.max(1))) } else { Ok(answer.freeze()) }
    }

    /// The certificate of exactly this header, if there is one.
    async fn certificate(&self, header: &Header) -> Option<Certificate> {
        let certificate = self.marshal.get_finalization(Height::new(header.height)).await?;
        (certificate.proposal.payload == header.digest()).then_some(certificate)
    }

    /// Adds the certificate to a final header, and the headers between if only a descendant was
    /// certified.
    async fn certify(&self, header: Header) -> Result<HeaderAnswer, AskError> {
        let mut links = Vec::new();
        let mut last = header.clone();
        for _ in 0..=MAX_LINKS {
            if let Some(certificate) = self.certificate(&last).await {
                return self.shown(HeaderAnswer { header, links, certificate }).await;
            }
            let next = last.height.checked_add(1).ok_or(AskError::Unknown)?;
            let block = self.block(next).await.ok_or_else(|| match self.unknown(next) {
                dropped @ AskError::Dropped(_) => dropped,
                _ => AskError::NotReady,
            });
            last = block?.header;
            links.push(last.clone());
        }
        Err(AskError::NotReady)
    }

    /// Holds an answer back until the sets that its headers name can be proven. The last block of an
    /// epoch is final a moment before the next set is taken from its state, and whoever is shown it
    /// asks for the handover at once.
    async fn shown(&self, answer: HeaderAnswer) -> Result<HeaderAnswer, AskError> {
        for _ in 0..ATTEMPTS {
            if self.app.schemes().know(&answer) {
                return Ok(answer);
            }
            self.runtime.sleep(PAUSE).await;
        }
        Err(AskError::NotReady)
    }

    async fn inclusion(&self, id: Digest) -> Result<Bytes, AskError> {
        let place = self.app.finality().place(&id).ok_or(AskError::Unknown)?;
        let block = self.block(place.height).await.ok_or(AskError::Unknown)?;
        let txs = if place.in_meeting { &block.meeting } else { &block.identity };
        let path = tx_tree(txs).proof(place.index).map_err(|_| AskError::Unknown)?;
        let at = self.certify(block.header).await?;
        let answer = InclusionAnswer { at, in_meeting: place.in_meeting, index: place.index, path };
        Ok(to_bytes(&answer))
    }

    /// The bytes need no proof: their hash is the id they were asked by.
    async fn transaction(&self, id: Digest) -> Result<Bytes, AskError> {
        let place = self.app.finality().place(&id).ok_or(AskError::Unknown)?;
        let block = self.block(place.height).await.ok_or(AskError::Unknown)?;
        let txs = if place.in_meeting { &block.meeting } else { &block.identity };
        let index = usize::try_from(place.index).map_err(|_| AskError::Unknown)?;
        Ok(txs.get(index).ok_or(AskError::Unknown)?.bytes().clone())
    }

    /// Proves what every key holds, all at the newest final height.
    pub(super) async fn query(&self, keys: &[Key]) -> Result<Bytes, AskError> {
        if keys.len() > MAX_KEYS {
            return Err(AskError::TooManyKeys);
        }
        for _ in 0..ATTEMPTS {
            let header = self.tip()?;
            if header.height > 0
                && let Some(entries) = self.entries(&header, keys).await
            {
                let answer = StateAnswer { at: self.certify(header).await?, entries };
                return Ok(to_bytes(&answer));
            }
            self.runtime.sleep(PAUSE).await;
        }
        Err(AskError::NotReady)
    }

    /// One entry per key, or nothing if a block is being applied right now.
    async fn entries(&self, header: &Header, keys: &[Key]) -> Option<Vec<Entry>> {
        let keys: Vec<_> = keys.iter().map(state_key).collect();
        let of = |wanted| {
            keys.iter().filter(move |(ledger, _)| *ledger == wanted).map(|(_, key)| *key).collect()
        };
        let identity: Vec<Digest> = of(Ledger::Identity);
        let meeting: Vec<Digest> = of(Ledger::Meeting);
        // The two locks are never held together: whoever applies a block takes both.
        let identity = prove(&self.databases.0, &header.identity.state_root, &identity).await?;
        let meeting = prove(&self.databases.1, &header.meeting.state_root, &meeting).await?;
        let (mut identity, mut meeting) = (identity.into_iter(), meeting.into_iter());
        keys.iter()
            .map(|(ledger, _)| match ledger {
                Ledger::Identity => identity.next(),
                Ledger::Meeting => meeting.next(),
            })
            .collect()
    }
}

/// Proves keys of one ledger at the block with this state root, if it is the one on disk.
pub(crate) async fn prove<E: Runtime>(
    database: &Shared<Db<E>>,
    root: &Digest,
    keys: &[Digest],
) -> Option<Vec<Entry>> {
    if keys.is_empty() {
        return Some(Vec::new());
    }
    let database = database.read().await;
    if database.root() != *root {
        return None;
    }
    let mut entries = Vec::with_capacity(keys.len());
    for key in keys {
        let entry = match database.get(key).await.ok()? {
            Some(slot) => Entry::Present(slot, database.key_value_proof(*key).await.ok()?),
            None => Entry::Absent(database.exclusion_proof(key).await.ok()?),
        };
        entries.push(entry);
    }
    Some(entries)
}

/// The finalized state.
pub(super) struct Finalized<'a, E: Runtime>(pub(super) &'a Databases<E>);

impl<E: Runtime> Source for Finalized<'_, E> {
    #[expect(clippy::expect_used, reason = "the engine panics on storage failure by design")]
    async fn load(&self, keys: &[Key]) -> Vec<Option<Record>> {
        let keys: Vec<_> = keys.iter().map(state_key).collect();
        let of = |wanted| {
            let of = keys.iter().filter(move |(ledger, _)| *ledger == wanted);
            of.map(|(_, key)| key).collect::<Vec<_>>()
        };
        // The two locks are never held together: whoever applies a block takes both.
        let identity = self.0.0.read().await.get_many(&of(Ledger::Identity)).await;
        let meeting = self.0.1.read().await.get_many(&of(Ledger::Meeting)).await;
        let mut identity = identity.expect("identity state reads").into_iter();
        let mut meeting = meeting.expect("meeting state reads").into_iter();
        keys.iter()
            .map(|(ledger, _)| {
                let slot = match ledger {
                    Ledger::Identity => identity.next(),
                    Ledger::Meeting => meeting.next(),
                };
                slot.flatten().map(|slot| unpack(&slot).expect("state holds records"))
            })
            .collect()
    }
}
