//! How a running validator notices that another one contradicts itself.
//!
//! The engine reports pairs of votes before it has checked them. What does not verify is dropped;
//! what does is kept here, for the program to write down.

use bytes::Bytes;
use commonware_actor::Feedback;
use commonware_codec::{DecodeExt as _, Encode, Read, ReadExt as _};
use commonware_consensus::{
    Reporter,
    simplex::{
        scheme::ed25519::Scheme,
        types::{Activity, Attributable as _, Finalize, Notarize, Nullify},
    },
};
use commonware_cryptography::sha256::Digest;
use commonware_utils::Participant;
use conclave_protocol::{ChainId, ValidatorKey};
use tokio::sync::watch;

use super::{
    Case, File,
    vote::{Cast, VoteKind, VotesCase},
};
use crate::{
    committee::Committee,
    handover::{Handover, Sets},
};

/// Proofs kept of one run of a validator: one more than a few tells nothing new.
const MOST: usize = 256;

/// The proofs that were found since this validator started.
#[derive(Clone, Debug)]
pub(crate) struct Accusations(watch::Sender<Vec<Proof>>);

/// A proof against a validator.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Proof {
    /// What a file with it is called: [`Votes::name`](super::Votes::name).
    pub name: String,
    /// Its bytes, for [`Evidence::verify`](super::Evidence::verify).
    pub bytes: Bytes,
}

/// The proofs that a running validator finds.
#[derive(Debug)]
pub struct Findings {
    proofs: watch::Receiver<Vec<Proof>>,
    seen: usize,
}

impl Findings {
    /// The next proof; never while everybody is honest, nothing once the validator has stopped.
    pub async fn next(&mut self) -> Option<Proof> {
        let seen = self.seen;
        let proofs = self.proofs.wait_for(|proofs| proofs.len() > seen).await.ok()?;
        let next = proofs.get(seen).cloned();
        self.seen = seen.saturating_add(1);
        next
    }
}

impl Default for Accusations {
    fn default() -> Self {
        Self(watch::Sender::new(Vec::new()))
    }
}

impl Accusations {
    /// All of them, one after the other.
    pub(crate) fn findings(&self) -> Findings {
        Findings { proofs: self.0.subscribe(), seen: 0 }
    }

    /// All of them at once.
    #[cfg(test)]
    pub(crate) fn watch(&self) -> watch::Receiver<Vec<Proof>> {
        self.0.subscribe()
    }

    /// Keeps a proof, unless one of the same name is there.
    fn keep(&self, proof: Proof) {
        self.0.send_if_modified(|proofs| {
            let is_new = proofs.iter().all(|known| known.name != proof.name);
            let keeps = is_new && proofs.len() < MOST;
            if keeps {
                proofs.push(proof);
            }
            keeps
        });
    }
}

/// Listens to one instance of consensus.
#[derive(Clone, Debug)]
pub(crate) struct Accuser {
    chain: ChainId,
    committee: Committee,
    handovers: Vec<Handover>,
    accusations: Accusations,
}

impl Accuser {
    /// Listens to the consensus of an epoch.
    pub(crate) fn new(chain: ChainId, sets: &Sets, epoch: u64, accusations: Accusations) -> Self {
        let committee = sets.at_epoch(epoch).committee.clone();
        Self { chain, committee, handovers: sets.until(epoch), accusations }
    }

    /// Listens to a committee whoever let it in.
    #[cfg(test)]
    pub(super) const fn over(
        chain: ChainId,
        committee: Committee,
        accusations: Accusations,
    ) -> Self {
        Self { chain, committee, handovers: Vec::new(), accusations }
    }

    /// The pair of votes of an activity that accuses somebody, written down; the engine keeps the
    /// two votes to itself, and writes them one after the other.
    fn case(&self, activity: &Activity<Scheme, Digest>) -> Option<VotesCase> {
        match activity {
            Activity::ConflictingNotarize(pair) => {
                let (one, other): (Notarize<Scheme, Digest>, Notarize<Scheme, Digest>) =
                    split(pair)?;
                VotesCase::of(self.key(pair.signer())?, &[notarize(&one)?, notarize(&other)?])
            }
            Activity::ConflictingFinalize(pair) => {
                let (one, other): (Finalize<Scheme, Digest>, Finalize<Scheme, Digest>) =
                    split(pair)?;
                VotesCase::of(self.key(pair.signer())?, &[finalize(&one)?, finalize(&other)?])
            }
            Activity::NullifyFinalize(pair) => {
                let (one, other): (Nullify<Scheme>, Finalize<Scheme, Digest>) = split(pair)?;
                let casts = [nullify(&one)?, finalize(&other)?];
                VotesCase::of(self.key(pair.signer())?, &casts)
            }
            _ => None,
        }
    }

    fn key(&self, signer: Participant) -> Option<ValidatorKey> {
        self.committee.key(signer)
    }
}

impl Reporter for Accuser {
    type Activity = Activity<Scheme, Digest>;

    fn report(&mut self, activity: Self::Activity) -> Feedback {
        let Some(case) = self.case(&activity) else { return Feedback::Ok };
        if let Err(refusal) = case.check(&self.committee) {
            tracing::debug!(%refusal, "a contradiction that does not hold");
            return Feedback::Ok;
        }
        let facts = case.facts();
        let name = facts.name();
        tracing::error!(validator = %facts.signer, view = facts.view, "it signed two votes");
        let (chain, handovers) = (self.chain, self.handovers.clone());
        let bytes = File { chain, handovers, case: Case::Votes(case.into()) }.to_vec().into();
        self.accusations.keep(Proof { name, bytes });
        Feedback::Ok
    }
}

/// Reads the two halves of a pair.
fn split<A, B>(pair: &impl Encode) -> Option<(A, B)>
where
    A: Read<Cfg = ()>,
    B: Read<Cfg = ()>,
{
    let mut bytes = pair.encode();
    let first = A::read(&mut bytes).ok()?;
    Some((first, B::decode(bytes).ok()?))
}

fn notarize(vote: &Notarize<Scheme, Digest>) -> Option<Cast<'_>> {
    let (kind, proposal) = (VoteKind::Notarize, &vote.proposal);
    let signature = vote.attestation.signature.get()?;
    Some(Cast { kind, round: proposal.round, proposal: Some(proposal), signature })
}

fn finalize(vote: &Finalize<Scheme, Digest>) -> Option<Cast<'_>> {
    let (kind, proposal) = (VoteKind::Finalize, &vote.proposal);
    let signature = vote.attestation.signature.get()?;
    Some(Cast { kind, round: proposal.round, proposal: Some(proposal), signature })
}

fn nullify(vote: &Nullify<Scheme>) -> Option<Cast<'_>> {
    let signature = vote.attestation.signature.get()?;
    Some(Cast { kind: VoteKind::Nullify, round: vote.round, proposal: None, signature })
}
