//! What a block and a certificate say, for whoever looks at a ledger: bytes in, plain facts out.
//!
//! A block that decodes is bound to its header: each transaction is under the header's roots. That
//! the header is final is another question, which [`LightClient`](crate::light::LightClient)
//! answers; whoever has verified the header of the same digest has verified everything here.

use commonware_codec::{Copying, DecodeExt as _};
use conclave_protocol::{Digest, Height, Ledger, Tx, TxId, ValidatorKey};

use crate::{
    answer::{HeaderAnswer, InclusionAnswer, MAX_ANSWER},
    block::{Block, RawTx},
    light::{HeaderFacts, protocol_digest},
};

/// What a block says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BlockFacts {
    /// Its header.
    pub header: HeaderFacts,
    /// The validator that proposed it.
    pub proposer: ValidatorKey,
    /// Consensus epoch of the proposal.
    pub epoch: u64,
    /// View inside the epoch.
    pub view: u64,
    /// SHA-256 over the validators that seal the next block.
    pub next_valset_hash: Digest,
    /// Size of the encoding in bytes.
    pub size: usize,
    /// Its transactions: the identity section, then the meeting section.
    pub txs: Vec<TxFacts>,
}

/// A transaction and its place in a block.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TxFacts {
    /// SHA-256 of its encoding.
    pub id: TxId,
    /// The ledger whose section holds it.
    pub ledger: Ledger,
    /// Place in that section.
    pub index: u32,
    /// Size of the encoding in bytes.
    pub size: usize,
    /// What it says.
    pub tx: Tx,
}

impl BlockFacts {
    /// Reads an encoded block, as [`Validator::block`](crate::validator::Validator::block) gives it.
    ///
    /// # Errors
    /// See [`BadFacts`].
    pub fn read(bytes: &[u8]) -> Result<Self, BadFacts> {
        if bytes.len() > MAX_ANSWER {
            return Err(BadFacts::Malformed);
        }
        let block = Block::decode(Copying(bytes)).map_err(|_| BadFacts::Malformed)?;
        let header = &block.header;
        let mut txs = section(Ledger::Identity, &block.identity)?;
        txs.extend(section(Ledger::Meeting, &block.meeting)?);
        Ok(Self {
            header: HeaderFacts::of(header),
            proposer: validator_key(&header.round.leader)?,
            epoch: header.round.epoch,
            view: header.round.view,
            next_valset_hash: protocol_digest(&header.next_valset_hash),
            size: bytes.len(),
            txs,
        })
    }
}

/// Who signed the certificate of an answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CertificateFacts {
    /// Height of the certified header: the one asked for, or a descendant.
    pub height: Height,
    /// Its digest.
    pub digest: Digest,
    /// How many validators the set has.
    pub validators: usize,
    /// Places of the signers in the set, whose keys ascend. A certificate holds a quorum and seldom
    /// more: who is missing may just have been slower than others.
    pub signers: Vec<usize>,
}

impl CertificateFacts {
    /// Reads a header answer, as [`Validator::header`](crate::validator::Validator::header) gives it.
    ///
    /// # Errors
    /// See [`BadFacts`].
    pub fn read(answer: &[u8]) -> Result<Self, BadFacts> {
        if answer.len() > MAX_ANSWER {
            return Err(BadFacts::Malformed);
        }
        let answer = HeaderAnswer::decode(Copying(answer)).map_err(|_| BadFacts::Malformed)?;
        let certified = answer.certified();
        let signers = &answer.certificate.certificate.signers;
        Ok(Self {
            height: Height(certified.height),
            digest: protocol_digest(&certified.digest()),
            validators: signers.len(),
            signers: signers.iter().map(usize::from).collect(),
        })
    }
}

/// The height of the block that an inclusion answer is about; nothing if the bytes are none.
pub fn height_of(inclusion: &[u8]) -> Option<Height> {
    if inclusion.len() > MAX_ANSWER {
        return None;
    }
    let answer = InclusionAnswer::decode(Copying(inclusion)).ok()?;
    Some(Height(answer.at.header.height))
}

/// The digest of the header that a header answer is about; nothing if the bytes are none.
pub fn digest_of(answer: &[u8]) -> Option<Digest> {
    if answer.len() > MAX_ANSWER {
        return None;
    }
    let answer = HeaderAnswer::decode(Copying(answer)).ok()?;
    Some(protocol_digest(&answer.header.digest()))
}

/// Why bytes are not a block or an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BadFacts {
    /// Not the encoding of a block or an answer.
    #[error("malformed block or answer")]
    Malformed,
    /// A transaction cannot be read.
    #[error("transaction {0} of the block cannot be read")]
    Transaction(u32),
}

fn section(ledger: Ledger, txs: &[RawTx]) -> Result<Vec<TxFacts>, BadFacts> {
    (0..)
        .zip(txs)
        .map(|(index, raw)| {
            let tx = Tx::decode(raw.bytes()).map_err(|_| BadFacts::Transaction(index))?;
            let (id, size) = (TxId(raw.id().0), raw.bytes().len());
            Ok(TxFacts { id, ledger, index, size, tx })
        })
        .collect()
}

fn validator_key(
    key: &commonware_cryptography::ed25519::PublicKey,
) -> Result<ValidatorKey, BadFacts> {
    key.as_ref().try_into().map(ValidatorKey).map_err(|_| BadFacts::Malformed)
}

#[cfg(test)]
mod tests {
    use conclave_protocol::{Ed25519Signer, Genesis, MeetingId, Params, Seconds, encode};
    use proptest::prelude::*;

    use super::*;
    use crate::{
        block::{to_bytes, tx_tree},
        committee::Committee,
        validator::Network,
    };

    fn genesis() -> Genesis {
        let key = |seed| Ed25519Signer::from_seed(&[seed; 32]).validator();
        Genesis::new("test", 0, (1..=7).map(key).collect::<Vec<_>>(), Params::default()).unwrap()
    }

    /// A block with one transaction.
    fn block() -> Block {
        let genesis = genesis();
        let mut block = Network::of(&genesis).unwrap().genesis_block().clone();
        let body = conclave_protocol::Heartbeat {
            mid: MeetingId([1; 32]),
            term: conclave_protocol::Term(1),
            epoch: conclave_protocol::Epoch(1),
        };
        let tx = Tx::new(genesis.chain_id(), [2; 32].into(), 3, Seconds(9), body);
        block.meeting = vec![RawTx::new(encode(&tx).into()).unwrap()];
        block.header.height = 4;
        block.header.meeting.count = 1;
        block.header.meeting.tx_root = tx_tree(&block.meeting).root();
        block
    }

    #[test]
    fn a_block_is_told_in_facts() {
        let block = block();
        let facts = BlockFacts::read(&to_bytes(&block)).unwrap();
        assert_eq!(facts.header.height, Height(4));
        assert_eq!(facts.header.digest.0, block.header.digest().0);
        let [tx] = facts.txs.as_slice() else { panic!("{facts:?}") };
        assert_eq!((tx.ledger, tx.index, tx.id), (Ledger::Meeting, 0, tx.tx.id()));
        assert!(genesis().validators.contains(&facts.proposer));
    }

    #[test]
    fn a_block_with_another_body_or_an_unreadable_transaction_is_none() {
        let mut block = block();
        block.header.meeting.tx_root = commonware_cryptography::sha256::Digest([7; 32]);
        assert_eq!(BlockFacts::read(&to_bytes(&block)), Err(BadFacts::Malformed));
        block.meeting = vec![RawTx::new(vec![1, 2, 3].into()).unwrap()];
        block.header.meeting.tx_root = tx_tree(&block.meeting).root();
        assert_eq!(BlockFacts::read(&to_bytes(&block)), Err(BadFacts::Transaction(0)));
    }

    #[test]
    fn places_in_a_certificate_are_places_in_the_genesis() {
        let genesis = genesis();
        let committee = Committee::of(&genesis).unwrap();
        let members: Vec<_> =
            committee.members().iter().map(|key| validator_key(key).unwrap()).collect();
        assert_eq!(members, genesis.validators.as_slice());
    }

    proptest! {
        #[test]
        fn hostile_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = BlockFacts::read(&bytes);
            let _ = CertificateFacts::read(&bytes);
        }
    }
}
