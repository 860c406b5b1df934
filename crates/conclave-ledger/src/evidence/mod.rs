//! Portable proofs that validators broke their word, which anyone can verify with the genesis alone.
//!
//! Two cases: a *fork*, which is two certificates for different blocks of one height; and two *votes*
//! of one validator that no honest one casts both. The bytes are laid out in docs/protocol.md,
//! section 24. Read `vote.rs` (what a validator signs), `fork.rs`, then this file; `accuser.rs` is
//! how a running validator notices.
//!
//! A proof accuses somebody, so what is not one is refused with its reason, and nothing in it is
//! believed because of where it came from.

mod accuser;
mod fork;
#[cfg(test)]
mod tests;
mod vote;

use bytes::BufMut;
use commonware_codec::{
    Buf, Copying, DecodeExt as _, EncodeSize, Error as CodecError, Read, ReadExt as _,
    ReadRangeExt as _, Write,
};
use conclave_protocol::{ChainId, Genesis};

pub(crate) use accuser::{Accusations, Accuser};
pub use accuser::{Findings, Proof};
pub use fork::Fork;
pub use vote::{Vote, VoteKind, Votes};

use self::{fork::ForkCase, vote::VotesCase};
use crate::{
    block::to_bytes,
    committee::BadCommittee,
    handover::{Handover, Sets},
    light::{self, LightClient},
};

/// Largest proof in bytes.
pub const MAX_EVIDENCE: usize = 1 << 20;

/// First bytes of every proof.
const MAGIC: [u8; 17] = *b"CONCLAVE-EVIDENCE";

const VERSION: u8 = 1;

/// Most handovers that a proof carries.
const MAX_HANDOVERS: usize = 1024;

/// What a proof shows.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Evidence {
    /// Two histories were made final.
    Fork(Fork),
    /// One validator cast two votes that contradict each other.
    Votes(Votes),
}

/// Why bytes prove nothing.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NoEvidence {
    /// The genesis has no usable validator set.
    #[error(transparent)]
    Committee(#[from] BadCommittee),
    /// A certificate or a link does not hold.
    #[error("one of the two histories is not proven: {0}")]
    History(light::Refusal),
    /// It holds and accuses nobody.
    #[error("it proves nothing wrong: {0}")]
    Harmless(&'static str),
    /// Not a proof in canonical form.
    #[error("this is not a proof, or it is damaged")]
    Malformed,
    /// Who is accused is no validator of the network.
    #[error("the key that is accused is not a validator of this network")]
    NotAValidator,
    /// It is about another network.
    #[error("this proof is about another network, {}", .0.to_hex())]
    OtherNetwork(ChainId),
    /// A vote was not signed by who is accused of it.
    #[error("a vote is not signed by the validator that is accused")]
    Signature,
}

impl Evidence {
    /// Verifies a proof against the genesis of its network.
    ///
    /// # Errors
    /// See [`NoEvidence`].
    pub fn verify(bytes: &[u8], genesis: &Genesis) -> Result<Self, NoEvidence> {
        let file = File::parse(bytes)?;
        let mut sets = Sets::of(genesis)?;
        if file.chain != genesis.chain_id() {
            return Err(NoEvidence::OtherNetwork(file.chain));
        }
        for handover in &file.handovers {
            let is_new = sets.follow(handover).map_err(NoEvidence::History)?;
            // There is one way to write a proof down.
            if !is_new {
                return Err(NoEvidence::Malformed);
            }
        }
        if sets.newest().epoch > file.case.reach() {
            return Err(NoEvidence::Malformed);
        }
        match &file.case {
            Case::Fork(case) => case.verify(&sets).map(Self::Fork),
            Case::Votes(case) => case.verify(&sets).map(Self::Votes),
        }
    }

    /// The network a proof says it is about, to look for its genesis.
    ///
    /// # Errors
    /// [`NoEvidence::Malformed`].
    pub fn chain(bytes: &[u8]) -> Result<ChainId, NoEvidence> {
        File::parse(bytes).map(|file| file.chain)
    }

    /// The portable form of the fork that a light client found, if it found one.
    ///
    /// # Errors
    /// See [`NoEvidence`]: a set that went on beyond its handover cannot be written down so.
    pub fn of_client(client: &LightClient, genesis: &Genesis) -> Result<Vec<u8>, NoEvidence> {
        let none = NoEvidence::Harmless("this client has seen no fork");
        let case = Case::Fork(ForkCase::of(client.evidence().ok_or(none)?)?.into());
        let handovers = client.sets().until(case.reach());
        let bytes = File { chain: genesis.chain_id(), handovers, case }.to_vec();
        Self::verify(&bytes, genesis).map(|_| bytes)
    }
}

/// A proof as it is written.
struct File {
    chain: ChainId,
    /// From the set of the genesis to the set of those who are accused.
    handovers: Vec<Handover>,
    case: Case,
}

/// What a proof consists of.
enum Case {
    Fork(Box<ForkCase>),
    Votes(Box<VotesCase>),
}

impl Case {
    /// The newest epoch whose set has to be known to verify it.
    fn reach(&self) -> u64 {
        match self {
            Self::Fork(case) => case.reach(),
            Self::Votes(case) => case.facts().epoch,
        }
    }
}

impl File {
    fn parse(bytes: &[u8]) -> Result<Self, NoEvidence> {
        if bytes.len() > MAX_EVIDENCE {
            return Err(NoEvidence::Malformed);
        }
        Self::decode(Copying(bytes)).map_err(|_| NoEvidence::Malformed)
    }

    fn to_vec(&self) -> Vec<u8> {
        to_bytes(self).to_vec()
    }
}

impl Write for File {
    fn write(&self, buf: &mut impl BufMut) {
        MAGIC.write(buf);
        VERSION.write(buf);
        self.chain.write(buf);
        self.handovers.write(buf);
        match &self.case {
            Case::Fork(case) => {
                1u8.write(buf);
                case.write(buf);
            }
            Case::Votes(case) => {
                2u8.write(buf);
                case.write(buf);
            }
        }
    }
}

impl EncodeSize for File {
    fn encode_size(&self) -> usize {
        MAGIC.len()
            + 2
            + self.chain.encode_size()
            + self.handovers.encode_size()
            + match &self.case {
                Case::Fork(case) => case.encode_size(),
                Case::Votes(case) => case.encode_size(),
            }
    }
}

impl Read for File {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, CodecError> {
        if <[u8; 17]>::read(buf)? != MAGIC {
            return Err(CodecError::Invalid("Evidence", "other first bytes"));
        }
        let version = u8::read(buf)?;
        if version != VERSION {
            return Err(CodecError::InvalidEnum(version));
        }
        let chain = ChainId::read(buf)?;
        let handovers = Vec::<Handover>::read_range(buf, ..=MAX_HANDOVERS)?;
        let case = match u8::read(buf)? {
            1 => Case::Fork(Box::new(ForkCase::read(buf)?)),
            2 => Case::Votes(Box::new(VotesCase::read(buf)?)),
            tag => return Err(CodecError::InvalidEnum(tag)),
        };
        Ok(Self { chain, handovers, case })
    }
}
