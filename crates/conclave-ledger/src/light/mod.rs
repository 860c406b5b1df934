//! The light client: bytes in, verdict out. It trusts a quorum of validators and nobody else.
//!
//! It owns no clock, socket or file. A header is believed when a quorum of the genesis validators
//! signed it or a descendant that links to it; a record is believed when a proof connects it to the
//! state root of such a header; a transaction is final when a proof connects its id to one.
//! There is no switch that turns any of this off. Read `facts.rs` for what comes out.

mod facts;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc};

use commonware_codec::{Copying, DecodeExt as _, Encode as _, Read};
use commonware_consensus::simplex::scheme::ed25519::Scheme;
use commonware_cryptography::{Hasher as _, Sha256, sha256::Digest as EngineDigest};
use commonware_parallel::Sequential;
use conclave_protocol::{Digest, Genesis, Height, Key, Ledger, Record, TxId};
use rand::{SeedableRng as _, rngs::StdRng};

pub use facts::{ForkEvidence, Freshness, HeaderFacts, Included, Refusal, Snapshot};

use crate::{
    answer::{Entry, HeaderAnswer, InclusionAnswer, MAX_ANSWER, MAX_KEYS, StateAnswer},
    block::Header,
    committee::{BadCommittee, Committee},
    state::{holds, lacks, state_key, unpack},
};

/// Heights whose final header is remembered, to notice a second one.
const REMEMBERED: usize = 256;

/// Verifies what validators answer, and keeps the newest final header.
#[derive(Debug)]
pub struct LightClient {
    scheme: Scheme,
    valset_hash: EngineDigest,
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
        let committee = Committee::of(genesis)?;
        let millis = |seconds: u32| u64::from(seconds).saturating_mul(1000);
        Ok(Self {
            valset_hash: committee.hash(),
            scheme: committee.verifier(),
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
        let hash = Sha256::hash(&[b"CONCLAVE-V1/batch", &answer.certificate.encode()]);
        let is_known = self.verified.get(&certified.height) == Some(&hash);
        if !is_known && !self.is_signed(answer, hash) {
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

    /// Whether every header is of this committee and each links to the one before.
    fn check_links(&self, answer: &HeaderAnswer) -> Result<(), Refusal> {
        let mut last: Option<&Header> = None;
        for header in std::iter::once(&answer.header).chain(&answer.links) {
            if header.valset_hash != self.valset_hash
                || header.next_valset_hash != self.valset_hash
                || header.round.epoch != 0
            {
                return Err(Refusal::UnknownValidators);
            }
            let is_linked = last.is_none_or(|last| {
                header.parent == last.digest()
                    && last.height.checked_add(1) == Some(header.height)
                    && header.time_ms > last.time_ms
            });
            if !is_linked {
                return Err(Refusal::BrokenLink);
            }
            last = Some(header);
        }
        Ok(())
    }

    /// Verifies the certificate. The coefficients of the batch come from a hash of what is
    /// verified, so the same bytes always get the same verdict.
    fn is_signed(&self, answer: &HeaderAnswer, hash: EngineDigest) -> bool {
        answer.certificate.verify(&mut StdRng::from_seed(hash.0), &self.scheme, &Sequential)
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
