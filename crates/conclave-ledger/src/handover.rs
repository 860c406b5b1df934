//! The step from one validator set to the next: proven by the old set, bytes for anyone.
//!
//! The last block of an epoch that agreed on a change names the hash of the next set, and the old
//! set signs that block. With the keys beside it, whoever knew the old set knows the new one.

use std::sync::Arc;

use bytes::BufMut;
use commonware_codec::{
    Buf, Encode as _, EncodeSize, Error as CodecError, Read, ReadExt as _, ReadRangeExt as _, Write,
};
use commonware_consensus::simplex::scheme::ed25519::Scheme;
use commonware_cryptography::{Hasher as _, Sha256, ed25519::PublicKey, sha256::Digest};
use commonware_parallel::Sequential;
use conclave_protocol::{ChainId, Genesis};
use rand::{SeedableRng as _, rngs::StdRng};

use crate::{
    answer::HeaderAnswer,
    committee::{BadCommittee, Committee},
    light::Refusal,
};

/// Most validators of one set.
pub(crate) const MAX_MEMBERS: usize = 128;

/// Most handovers of one answer.
pub(crate) const MAX_HANDOVERS: usize = 64;

/// One step.
#[derive(Clone, Debug)]
pub(crate) struct Handover {
    /// The last block of the epoch that agreed on the change, sealed by the old set.
    pub(crate) boundary: HeaderAnswer,
    /// The next set.
    pub(crate) keys: Vec<PublicKey>,
}

impl Write for Handover {
    fn write(&self, buf: &mut impl BufMut) {
        self.boundary.write(buf);
        self.keys.write(buf);
    }
}

impl EncodeSize for Handover {
    fn encode_size(&self) -> usize {
        self.boundary.encode_size() + self.keys.encode_size()
    }
}

impl Read for Handover {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, CodecError> {
        Ok(Self {
            boundary: HeaderAnswer::read(buf)?,
            keys: Vec::<PublicKey>::read_range(buf, 1..=MAX_MEMBERS)?,
        })
    }
}

/// Several steps, one after the other.
#[derive(Clone, Debug)]
pub(crate) struct HandoversAnswer(pub(crate) Vec<Handover>);

impl Write for HandoversAnswer {
    fn write(&self, buf: &mut impl BufMut) {
        self.0.write(buf);
    }
}

impl EncodeSize for HandoversAnswer {
    fn encode_size(&self) -> usize {
        self.0.encode_size()
    }
}

impl Read for HandoversAnswer {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, CodecError> {
        Ok(Self(Vec::<Handover>::read_range(buf, ..=MAX_HANDOVERS)?))
    }
}

/// The sets of one network, from its genesis to the newest handover that is known.
#[derive(Clone, Debug)]
pub(crate) struct Sets {
    chain: ChainId,
    epoch_blocks: u64,
    /// Ascending; never empty.
    known: Vec<KnownSet>,
}

/// One set and the epochs it seals: up to the next set's first.
#[derive(Clone, Debug)]
pub(crate) struct KnownSet {
    /// Its first epoch.
    pub(crate) epoch: u64,
    /// [`Committee::hash`].
    pub(crate) hash: Digest,
    /// The members.
    pub(crate) committee: Committee,
    /// Verifies what they signed.
    pub(crate) scheme: Arc<Scheme>,
    /// What led here from the set before; nothing for the set of the genesis.
    pub(crate) by: Option<Handover>,
}

impl KnownSet {
    fn new(epoch: u64, committee: Committee, by: Option<Handover>) -> Self {
        let scheme = Arc::new(committee.verifier());
        Self { epoch, hash: committee.hash(), committee, scheme, by }
    }
}

impl Sets {
    /// The set of the genesis.
    pub(crate) fn of(genesis: &Genesis) -> Result<Self, BadCommittee> {
        Ok(Self {
            chain: genesis.chain_id(),
            epoch_blocks: genesis.params.epoch_blocks.max(1).into(),
            known: vec![KnownSet::new(0, Committee::of(genesis)?, None)],
        })
    }

    /// The epoch of a height.
    pub(crate) fn epoch_of(&self, height: u64) -> u64 {
        height.checked_div(self.epoch_blocks).unwrap_or(0)
    }

    /// The first height of an epoch.
    pub(crate) const fn first_of(&self, epoch: u64) -> u64 {
        epoch.saturating_mul(self.epoch_blocks)
    }

    /// Whether a block is the last one of its epoch.
    pub(crate) fn is_last(&self, height: u64) -> bool {
        self.epoch_of(height.saturating_add(1)) > self.epoch_of(height)
    }

    /// The set that seals an epoch, as far as is known.
    pub(crate) fn at_epoch(&self, epoch: u64) -> &KnownSet {
        let after = self.known.partition_point(|set| set.epoch <= epoch);
        self.known.get(after.saturating_sub(1)).unwrap_or_else(|| self.newest())
    }

    /// The newest set.
    #[expect(clippy::expect_used, reason = "the set of the genesis is always there")]
    pub(crate) fn newest(&self) -> &KnownSet {
        self.known.last().expect("never empty")
    }

    /// All of them, the oldest first.
    pub(crate) fn all(&self) -> &[KnownSet] {
        &self.known
    }

    /// The handovers that lead from the genesis to the set of an epoch.
    pub(crate) fn until(&self, epoch: u64) -> Vec<Handover> {
        let sets = self.known.iter().take_while(|set| set.epoch <= epoch);
        sets.filter_map(|set| set.by.clone()).collect()
    }

    /// How many handovers are known.
    pub(crate) fn handovers(&self) -> usize {
        self.known.len().saturating_sub(1)
    }

    /// Whether an answer is of a set that is known: all its headers are of one epoch, and each names
    /// that epoch, its set, and the set of the next height.
    pub(crate) fn are_known(&self, answer: &HeaderAnswer) -> bool {
        let epoch = self.epoch_of(answer.header.height);
        std::iter::once(&answer.header).chain(&answer.links).all(|header| {
            self.epoch_of(header.height) == epoch
                && header.round.epoch == epoch
                && header.valset_hash == self.at_epoch(epoch).hash
                && header.next_valset_hash
                    == self.at_epoch(self.epoch_of(header.height.saturating_add(1))).hash
        })
    }

    /// Whether an answer proves its header final, as far as the sets are known.
    pub(crate) fn check(&self, answer: &HeaderAnswer) -> Result<(), Refusal> {
        if !self.are_known(answer) {
            return Err(Refusal::UnknownValidators);
        }
        if !answer.is_linked() {
            return Err(Refusal::BrokenLink);
        }
        let is_signed = self.is_signed(answer, certificate_hash(answer));
        if is_signed { Ok(()) } else { Err(Refusal::BadCertificate) }
    }

    /// Whether the set of the certified header's epoch signed it. `hash` seeds the coefficients of
    /// the batch, so the same bytes always get the same verdict.
    pub(crate) fn is_signed(&self, answer: &HeaderAnswer, hash: Digest) -> bool {
        let certified = answer.certified();
        let proposal = &answer.certificate.proposal;
        let set = self.at_epoch(certified.round.epoch);
        proposal.payload == certified.digest()
            && proposal.round.epoch().get() == certified.round.epoch
            && answer.certificate.verify(&mut StdRng::from_seed(hash.0), &*set.scheme, &Sequential)
    }

    /// Takes the next step if the newest set proves it; `false` if it is known already.
    pub(crate) fn follow(&mut self, handover: &Handover) -> Result<bool, Refusal> {
        let header = &handover.boundary.header;
        let newest = self.newest();
        let epoch = self.epoch_of(header.height);
        if epoch < newest.epoch {
            return Ok(false);
        }
        if header.valset_hash != newest.hash {
            return Err(Refusal::UnknownValidators);
        }
        let next = Committee::over(&self.chain, handover.keys.clone())
            .map_err(|_| Refusal::BadHandover)?;
        let is_step = handover.boundary.links.is_empty()
            && self.is_last(header.height)
            && header.round.epoch == epoch
            && header.next_valset_hash != header.valset_hash
            && header.next_valset_hash == next.hash()
            && next.members().len() == handover.keys.len();
        if !is_step {
            return Err(Refusal::BadHandover);
        }
        if !self.is_signed(&handover.boundary, certificate_hash(&handover.boundary)) {
            return Err(Refusal::BadCertificate);
        }
        let first = epoch.checked_add(1).ok_or(Refusal::BadHandover)?;
        self.known.push(KnownSet::new(first, next, Some(handover.clone())));
        Ok(true)
    }
}

/// What a certificate is remembered by, and what seeds its verification.
pub(crate) fn certificate_hash(answer: &HeaderAnswer) -> Digest {
    Sha256::hash(&[b"CONCLAVE-V1/batch", &answer.certificate.encode()])
}
