//! The light client: bytes in, verdict out. It trusts a quorum of validators and nobody else.
//!
//! It owns no clock, socket or file. A header is believed when a quorum of the validators of its
//! epoch signed it or a descendant that links to it; who they are is known from the genesis and, from
//! there, by the handovers that each set signed for the next; a record is believed when a proof connects it to the
//! state root of such a header; a transaction is final when a proof connects its id to one.
//! There is no switch that turns any of this off. Read `facts.rs` for what comes out.

mod facts;
#[cfg(test)]
mod handover_tests;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc};

use commonware_codec::{Copying, DecodeExt as _, Read};
use commonware_cryptography::{Sha256, sha256::Digest as EngineDigest};
use conclave_protocol::{Digest, Genesis, Height, Key, Ledger, Record, TxId, ValidatorKey};

pub use facts::{ForkEvidence, Freshness, HeaderFacts, Included, Refusal, Snapshot};

use crate::{
    answer::{Entry, HeaderAnswer, InclusionAnswer, MAX_ANSWER, MAX_KEYS, StateAnswer},
    block::Header,
    committee::BadCommittee,
    handover::{HandoversAnswer, Sets, certificate_hash},
    state::{holds, lacks, state_key, unpack},
};

/// Heights whose final header is remembered, to notice a second one.
const REMEMBERED: usize = 256;

/// Verifies what validators answer, and keeps the newest final header.
#[derive(Debug)]
pub struct LightClient {
    sets: Sets,
    fresh_ms: u64,
    stale_ms: u64,
    newest: Option<HeaderFacts>,
    finals: BTreeMap<u64, (EngineDigest, Arc<[u8]>)>,
    /// For each height, the hash of the certificate that was verified last.
    verified: BTreeMap<u64, EngineDigest>,
    evidence: Option<ForkEvidence>,
}

impl LightClient {
    /// A client of the network this genesis starts.
    ///
    /// # Errors
    /// See [`BadCommittee`]: a validator key of the genesis is not a key.
    pub fn new(genesis: &Genesis) -> Result<Self, BadCommittee> {
        let millis = |seconds: u32| u64::from(seconds).saturating_mul(1000);
        Ok(Self {
            sets: Sets::of(genesis)?,
            fresh_ms: millis(genesis.params.fresh),
            stale_ms: millis(genesis.params.stale),
            newest: None,
            finals: BTreeMap::new(),
            verified: BTreeMap::new(),
            evidence: None,
        })
    }

    /// Verifies a header answer and keeps the highest header it proves final.
    ///
    /// # Errors
    /// See [`Refusal`]; on [`Refusal::Fork`] the two answers are kept as
    /// [`evidence`](Self::evidence).
    pub fn on_header(&mut self, bytes: &[u8], now_ms: u64) -> Result<HeaderFacts, Refusal> {
        let answer: HeaderAnswer = parse(bytes)?;
        self.accept(&answer, now_ms)?;
        Ok(HeaderFacts::of(&answer.header))
    }

    /// Follows the changes of the validator set that the answer proves, each by the set before it,
    /// and says how many were new. What is known already is passed over.
    ///
    /// # Errors
    /// See [`Refusal`]; what was proven before the refused one is kept. A set that signed a handover
    /// and blocks of its own after it is a [`Refusal::Fork`].
    pub fn on_handovers(&mut self, bytes: &[u8], now_ms: u64) -> Result<usize, Refusal> {
        let HandoversAnswer(handovers) = parse(bytes)?;
        let mut new = 0;
        for handover in &handovers {
            if self.evidence.is_some() {
                return Err(Refusal::Fork);
            }
            let boundary = &handover.boundary;
            if boundary.header.time_ms > now_ms.saturating_add(self.stale_ms) {
                return Err(Refusal::FromTheFuture);
            }
            let height = Height(boundary.header.height);
            let before = self.newest.as_ref().map_or(Height(0), |newest| newest.height);
            if !self.sets.follow(handover)? {
                continue;
            }
            // Until now the old set was believed beyond the boundary.
            if before > height {
                let first = self.proof(before).unwrap_or_default().to_vec();
                let second = crate::block::to_bytes(boundary).to_vec();
                self.evidence = Some(ForkEvidence { height, first, second });
                return Err(Refusal::Fork);
            }
            self.remember(boundary)?;
            new += 1;
        }
        Ok(new)
    }

    /// The sets that are known, and what led to them.
    pub(crate) const fn sets(&self) -> &Sets {
        &self.sets
    }

    /// How many changes of the validator set are known: the next one to ask for.
    pub fn handovers(&self) -> u32 {
        u32::try_from(self.sets.handovers()).unwrap_or(u32::MAX)
    }

    /// The validators that seal the block of this height, as far as is known, in ascending order.
    pub fn validators(&self, height: Height) -> Vec<ValidatorKey> {
        let set = self.sets.at_epoch(self.sets.epoch_of(height.0));
        set.committee.members().iter().map(validator_key).collect()
    }

    /// Verifies that the state answer holds exactly `keys`, in order, at one final height.
    ///
    /// # Errors
    /// See [`Refusal`]; a state older than STALE, or older than the newest header by more than
    /// FRESH, is refused.
    pub fn verify_state(
        &mut self,
        bytes: &[u8],
        keys: &[Key],
        now_ms: u64,
    ) -> Result<Snapshot, Refusal> {
        let answer: StateAnswer = parse(bytes)?;
        if answer.entries.len() != keys.len() || keys.len() > MAX_KEYS {
            return Err(Refusal::WrongKeys);
        }
        self.accept(&answer.at, now_ms)?;
        let header = &answer.at.header;
        self.check_age(header, now_ms)?;
        let mut records = BTreeMap::new();
        for (key, entry) in keys.iter().zip(&answer.entries) {
            records.insert(key.clone(), read(header, key, entry)?);
        }
        let facts = HeaderFacts::of(header);
        Ok(Snapshot { height: facts.height, time_ms: facts.time_ms, header: facts.digest, records })
    }

    /// Verifies that the transaction is in a final block. Its age does not matter.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn verify_inclusion(
        &mut self,
        bytes: &[u8],
        id: &TxId,
        now_ms: u64,
    ) -> Result<Included, Refusal> {
        let answer: InclusionAnswer = parse(bytes)?;
        self.accept(&answer.at, now_ms)?;
        let header = &answer.at.header;
        let (ledger, section) = if answer.in_meeting {
            (Ledger::Meeting, &header.meeting)
        } else {
            (Ledger::Identity, &header.identity)
        };
        if answer.path.leaf_count != section.count || answer.index >= section.count {
            return Err(Refusal::NotIncluded);
        }
        answer
            .path
            .verify_element_inclusion::<Sha256>(&EngineDigest(id.0), answer.index, &section.tx_root)
            .map_err(|_| Refusal::NotIncluded)?;
        let facts = HeaderFacts::of(header);
        Ok(Included {
            height: facts.height,
            time_ms: facts.time_ms,
            header: facts.digest,
            ledger,
            index: answer.index,
        })
    }

    /// The newest header known to be final.
    pub const fn newest(&self) -> Option<&HeaderFacts> {
        self.newest.as_ref()
    }

    /// How far what this client knows may be behind, judged by its newest header.
    pub fn freshness(&self, now_ms: u64) -> Freshness {
        let Some(newest) = &self.newest else { return Freshness::Stale(u64::MAX) };
        let age = now_ms.saturating_sub(newest.time_ms);
        if age <= self.fresh_ms {
            Freshness::Fresh
        } else if age <= self.stale_ms {
            Freshness::Amber(age)
        } else {
            Freshness::Stale(age)
        }
    }

    /// The answer that proved the header of this height final, while it is remembered.
    pub fn proof(&self, height: Height) -> Option<&[u8]> {
        self.finals.get(&height.0).map(|(_, bytes)| &**bytes)
    }

    /// Two final headers of one height, if the validators ever signed such: proof that more than a
    /// third of them lied. A client that holds it believes nothing any more.
    pub const fn evidence(&self) -> Option<&ForkEvidence> {
        self.evidence.as_ref()
    }

    /// Checks everything an answer rests on, then remembers its headers.
    fn accept(&mut self, answer: &HeaderAnswer, now_ms: u64) -> Result<(), Refusal> {
        if self.evidence.is_some() {
            return Err(Refusal::Fork);
        }
        self.check_links(answer)?;
        let certified = answer.certified();
        let digest = certified.digest();
        if answer.certificate.proposal.payload != digest {
            return Err(Refusal::BadCertificate);
        }
        let hash = certificate_hash(answer);
        let is_known = self.verified.get(&certified.height) == Some(&hash);
        if !is_known && !self.sets.is_signed(answer, hash) {
            return Err(Refusal::BadCertificate);
        }
        if certified.time_ms > now_ms.saturating_add(self.stale_ms) {
            return Err(Refusal::FromTheFuture);
        }
        self.remember(answer)?;
        self.verified.insert(certified.height, hash);
        while self.verified.len() > REMEMBERED {
            self.verified.pop_first();
        }
        Ok(())
    }

    /// Whether every header is of validators that are known and links to the one before.
    fn check_links(&self, answer: &HeaderAnswer) -> Result<(), Refusal> {
        if !self.sets.are_known(answer) {
            return Err(Refusal::UnknownValidators);
        }
        if answer.is_linked() { Ok(()) } else { Err(Refusal::BrokenLink) }
    }

    /// Remembers the final headers of an answer, or finds that one contradicts an earlier one.
    fn remember(&mut self, answer: &HeaderAnswer) -> Result<(), Refusal> {
        let bytes: Arc<[u8]> = crate::block::to_bytes(answer).as_ref().into();
        for header in std::iter::once(&answer.header).chain(&answer.links) {
            let digest = header.digest();
            match self.finals.get(&header.height) {
                Some((known, _)) if *known == digest => {}
                Some((_, first)) => {
                    self.evidence = Some(ForkEvidence {
                        height: Height(header.height),
                        first: first.to_vec(),
                        second: bytes.to_vec(),
                    });
                    return Err(Refusal::Fork);
                }
                None => {
                    self.finals.insert(header.height, (digest, Arc::clone(&bytes)));
                }
            }
        }
        while self.finals.len() > REMEMBERED {
            self.finals.pop_first();
        }
        let certified = answer.certified();
        if self.newest.as_ref().is_none_or(|newest| newest.height.0 < certified.height) {
            self.newest = Some(HeaderFacts::of(certified));
        }
        Ok(())
    }

    fn check_age(&self, header: &Header, now_ms: u64) -> Result<(), Refusal> {
        let age_ms = now_ms.saturating_sub(header.time_ms);
        if age_ms > self.stale_ms {
            return Err(Refusal::Stale { age_ms });
        }
        let newest = self.newest.as_ref().map_or(0, |newest| newest.time_ms);
        let behind_ms = newest.saturating_sub(header.time_ms);
        if behind_ms > self.fresh_ms {
            return Err(Refusal::Stale { age_ms: behind_ms });
        }
        Ok(())
    }
}

/// Decodes an answer of bounded size and nothing after it.
pub(crate) fn parse<T: Read<Cfg = ()>>(bytes: &[u8]) -> Result<T, Refusal> {
    if bytes.len() > MAX_ANSWER {
        return Err(Refusal::Malformed);
    }
    T::decode(Copying(bytes)).map_err(|_| Refusal::Malformed)
}

/// What a proven entry says about its key.
fn read(header: &Header, key: &Key, entry: &Entry) -> Result<Option<Record>, Refusal> {
    let (ledger, digest) = state_key(key);
    let root = match ledger {
        Ledger::Identity => &header.identity.state_root,
        Ledger::Meeting => &header.meeting.state_root,
    };
    match entry {
        Entry::Absent(proof) if lacks(proof, digest, root) => Ok(None),
        Entry::Present(slot, proof) if holds(proof, digest, slot.clone(), root) => {
            unpack(slot).map(Some).ok_or(Refusal::BadProof)
        }
        Entry::Absent(_) | Entry::Present(..) => Err(Refusal::BadProof),
    }
}

/// The engine's digest as the protocol's.
pub(crate) const fn protocol_digest(digest: &EngineDigest) -> Digest {
    Digest(digest.0)
}

/// The engine's key as the protocol's.
pub(crate) fn validator_key(key: &commonware_cryptography::ed25519::PublicKey) -> ValidatorKey {
    let mut bytes = [0; 32];
    for (to, from) in bytes.iter_mut().zip(AsRef::<[u8]>::as_ref(key)) {
        *to = *from;
    }
    ValidatorKey(bytes)
}
