//! Two votes of one validator that no honest one casts both.
//!
//! In each round a validator notarizes at most one block, finalizes at most one, and does not
//! finalize a round that it gave up. To notarize a round and then to give it up is allowed.

use std::{cmp::Ordering, fmt};

use bytes::BufMut;
use commonware_codec::{
    Buf, Copying, DecodeExt as _, Encode as _, EncodeSize, Error as CodecError, FixedSize as _,
    Read, ReadExt as _, Write,
};
use commonware_consensus::{
    simplex::types::Proposal,
    types::{Epoch, Round, View},
};
use commonware_cryptography::{Verifier as _, ed25519, sha256::Digest as EngineDigest};
use conclave_protocol::{Digest, ValidatorKey};

use super::NoEvidence;
use crate::{
    committee::{Committee, public_key},
    handover::Sets,
};

/// What a vote is for.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum VoteKind {
    /// The block may be built upon.
    Notarize,
    /// The round is given up.
    Nullify,
    /// The block is final.
    Finalize,
}

impl VoteKind {
    /// A short name for programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Notarize => "notarize",
            Self::Nullify => "nullify",
            Self::Finalize => "finalize",
        }
    }
}

/// A vote that was signed.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Vote {
    /// What it is for.
    pub kind: VoteKind,
    /// The view of the parent, and the block: none for a round that is given up.
    pub block: Option<(u64, Digest)>,
    signature: [u8; 64],
}

/// Two votes of one validator that contradict each other.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Votes {
    /// Who signed both.
    pub signer: ValidatorKey,
    /// Consensus epoch of the round.
    pub epoch: u64,
    /// View of the round.
    pub view: u64,
    /// The two votes, in ascending order.
    pub votes: [Vote; 2],
}

impl Votes {
    /// What a file with this proof is called: who, in which epoch and view.
    pub fn name(&self) -> String {
        format!("{}-{}-{}", digits(&self.signer), self.epoch, self.view)
    }
}

impl fmt::Display for Votes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { signer, epoch, view, votes } = self;
        writeln!(f, "The validator {}", digits(signer))?;
        write!(f, "signed two votes in round {view} of epoch {epoch} that exclude each other:")?;
        for vote in votes {
            match (vote.kind, vote.block) {
                (VoteKind::Notarize, Some((_, block))) => {
                    write!(f, "\n  to build on block {}", block.to_hex())?;
                }
                (VoteKind::Finalize, Some((_, block))) => {
                    write!(f, "\n  to make final block {}", block.to_hex())?;
                }
                _ => write!(f, "\n  to give the round up")?,
            }
        }
        Ok(())
    }
}

/// All hexadecimal digits of a validator's key.
pub(super) fn digits(key: &ValidatorKey) -> String {
    Digest(key.0).to_hex()
}

/// A signed vote, as consensus sends it.
pub(super) struct Cast<'a> {
    pub(super) kind: VoteKind,
    pub(super) round: Round,
    pub(super) proposal: Option<&'a Proposal<EngineDigest>>,
    pub(super) signature: &'a ed25519::Signature,
}

/// Two votes as they are written: one validator, one round.
#[derive(Debug)]
pub(super) struct VotesCase(Votes);

impl VotesCase {
    /// Puts two votes of one round into their order; nothing if they are of two rounds.
    pub(super) fn of(signer: ValidatorKey, casts: &[Cast<'_>; 2]) -> Option<Self> {
        let [one, other] = casts;
        if one.round != other.round {
            return None;
        }
        let (epoch, view) = (one.round.epoch().get(), one.round.view().get());
        let vote = |cast: &Cast<'_>| {
            let block = |proposal: &Proposal<EngineDigest>| {
                (proposal.parent.get(), Digest(proposal.payload.0))
            };
            let signature = <[u8; 64]>::try_from(cast.signature.as_ref()).ok()?;
            Some(Vote { kind: cast.kind, block: cast.proposal.map(block), signature })
        };
        let mut votes = [vote(one)?, vote(other)?];
        votes.sort();
        Some(Self(Votes { signer, epoch, view, votes }))
    }

    pub(super) const fn facts(&self) -> &Votes {
        &self.0
    }

    pub(super) fn verify(&self, sets: &Sets) -> Result<Votes, NoEvidence> {
        self.check(&sets.at_epoch(self.0.epoch).committee)
    }

    /// Verifies it against the set of its epoch.
    pub(super) fn check(&self, committee: &Committee) -> Result<Votes, NoEvidence> {
        let Votes { signer, epoch, view, votes: [first, second] } = &self.0;
        let key = public_key(&signer.0).map_err(|_| NoEvidence::NotAValidator)?;
        if committee.members().position(&key).is_none() {
            return Err(NoEvidence::NotAValidator);
        }
        contradict(first, second)?;
        let round = Round::new(Epoch::new(*epoch), View::new(*view));
        for vote in [first, second] {
            let signature = ed25519::Signature::decode(Copying(vote.signature.as_slice()))
                .map_err(|_| NoEvidence::Signature)?;
            let (namespace, message) = vote.signed(committee, round)?;
            if !key.verify(&namespace, &message, &signature) {
                return Err(NoEvidence::Signature);
            }
        }
        Ok(self.0.clone())
    }
}

/// Whether no honest validator casts both votes in one round.
fn contradict(first: &Vote, second: &Vote) -> Result<(), NoEvidence> {
    use VoteKind::{Finalize, Notarize, Nullify};
    // There is one way to write a proof down.
    if first.cmp(second) != Ordering::Less && first.block != second.block {
        return Err(NoEvidence::Malformed);
    }
    match (first.kind, second.kind) {
        (Notarize, Notarize) | (Finalize, Finalize) if first.block != second.block => Ok(()),
        (Notarize, Notarize) | (Finalize, Finalize) | (Nullify, Nullify) => {
            Err(NoEvidence::Harmless("both votes say the same"))
        }
        (Nullify, Finalize) => Ok(()),
        (Notarize, Nullify) => {
            Err(NoEvidence::Harmless("a round may be given up after a block was notarized in it"))
        }
        (Notarize, Finalize) => {
            Err(NoEvidence::Harmless("a block is notarized first and made final afterwards"))
        }
        (Nullify | Finalize, _) => Err(NoEvidence::Malformed),
    }
}

impl Vote {
    /// The namespace and the message of its signature.
    fn signed(
        &self,
        committee: &Committee,
        round: Round,
    ) -> Result<(Vec<u8>, Vec<u8>), NoEvidence> {
        let suffix: &[u8] = match self.kind {
            VoteKind::Notarize => b"_NOTARIZE",
            VoteKind::Nullify => b"_NULLIFY",
            VoteKind::Finalize => b"_FINALIZE",
        };
        let message = match (self.kind, self.block) {
            (VoteKind::Nullify, None) => round.encode(),
            (VoteKind::Notarize | VoteKind::Finalize, Some((parent, block))) => {
                Proposal::new(round, View::new(parent), EngineDigest(block.0)).encode()
            }
            _ => return Err(NoEvidence::Malformed),
        };
        Ok(([committee.namespace(), suffix].concat(), message.to_vec()))
    }
}

impl Write for VotesCase {
    fn write(&self, buf: &mut impl BufMut) {
        let Votes { signer, epoch, view, votes } = &self.0;
        signer.0.write(buf);
        epoch.write(buf);
        view.write(buf);
        for vote in votes {
            vote.write(buf);
        }
    }
}

impl EncodeSize for VotesCase {
    fn encode_size(&self) -> usize {
        32 + 8 + 8 + self.0.votes.iter().map(EncodeSize::encode_size).sum::<usize>()
    }
}

impl Read for VotesCase {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, CodecError> {
        Ok(Self(Votes {
            signer: ValidatorKey(<[u8; 32]>::read(buf)?),
            epoch: u64::read(buf)?,
            view: u64::read(buf)?,
            votes: [Vote::read(buf)?, Vote::read(buf)?],
        }))
    }
}

impl Write for Vote {
    fn write(&self, buf: &mut impl BufMut) {
        let tag: u8 = match self.kind {
            VoteKind::Notarize => 0,
            VoteKind::Nullify => 1,
            VoteKind::Finalize => 2,
        };
        tag.write(buf);
        if let Some((parent, block)) = &self.block {
            parent.write(buf);
            block.0.write(buf);
        }
        self.signature.write(buf);
    }
}

impl EncodeSize for Vote {
    fn encode_size(&self) -> usize {
        1 + self.block.map_or(0, |_| 8 + 32) + ed25519::Signature::SIZE
    }
}

impl Read for Vote {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, CodecError> {
        let kind = match u8::read(buf)? {
            0 => VoteKind::Notarize,
            1 => VoteKind::Nullify,
            2 => VoteKind::Finalize,
            tag => return Err(CodecError::InvalidEnum(tag)),
        };
        let block = match kind {
            VoteKind::Nullify => None,
            _ => Some((u64::read(buf)?, Digest(<[u8; 32]>::read(buf)?))),
        };
        Ok(Self { kind, block, signature: <[u8; 64]>::read(buf)? })
    }
}
