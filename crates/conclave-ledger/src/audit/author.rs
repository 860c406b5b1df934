//! Writes a ledger as a whole committee would, in one place: to measure with, and to test with.
//!
//! The blocks are real, with the state they lead to and a certificate of a quorum. Signatures of
//! transactions are not looked at: whoever makes the transactions knows what they signed.

use commonware_codec::{Copying, DecodeExt as _};
use commonware_consensus::{
    simplex::{
        scheme::ed25519::Scheme,
        types::{Finalize, Proposal},
    },
    types::{Epoch, Round as ConsensusRound, View},
};
use commonware_cryptography::ed25519::PrivateKey;
use commonware_glue::stateful::db::DatabaseSet as _;
use commonware_parallel::Sequential;
use commonware_runtime::buffer::paged::CacheRef;
use commonware_utils::{NZU16, NZUsize, iter::NonEmpty};
use conclave_protocol::{Genesis, Height, epoch_of, last_height_of};

use super::Sealed;
use crate::{
    answer::Certificate,
    block::{Block, Header, RawTx, Round},
    committee::{BadCommittee, Committee},
    execution::{At, Candidate, Checked, Overlay, choose, next_validators},
    state::Databases,
    validator::{Cuts, Network, Runtime, Seed, Speculative, database_config, merkleize, section},
};

/// Why a ledger cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorError {
    /// The genesis has no usable validator set.
    #[error(transparent)]
    Committee(#[from] BadCommittee),
    /// The seeds are not those of a quorum of the validators.
    #[error("the keys are not those of a quorum of the validators")]
    NoQuorum,
    /// Bytes that are no transaction, or one that the rules refuse there.
    #[error("a transaction is refused")]
    Refused,
    /// The directory of the states failed.
    #[error("the ledger cannot be written here")]
    Stopped,
}

/// A ledger that is being written.
pub(crate) struct Quill<E: Runtime> {
    network: Network,
    keys: Vec<PrivateKey>,
    /// The set that seals the next block.
    committee: Committee,
    databases: Databases<E>,
    parent: Header,
}

impl<E: Runtime> Quill<E> {
    /// The ledger before its first block. The runtime's storage must be empty.
    pub(crate) async fn open(
        context: &E,
        genesis: &Genesis,
        seeds: &[Seed],
    ) -> Result<Self, AuthorError> {
        let network = Network::of(genesis)?;
        let key = |seed: &Seed| PrivateKey::decode(Copying(seed.bytes().as_slice()));
        let keys = seeds.iter().map(key).collect::<Result<_, _>>();
        let keys = keys.map_err(|_| AuthorError::NoQuorum)?;
        let pages = CacheRef::new(NZU16!(4096), NZUsize!(4096));
        let config = |ledger| database_config("author", ledger, Cuts::USUAL, &pages);
        let config = (config("identity"), config("meeting"));
        let databases = Databases::<E>::init(context.child("state"), config, None).await;
        let parent = network.genesis_block().header.clone();
        let committee = network.committee().clone();
        Ok(Self { network, keys, committee, databases, parent })
    }

    /// The next block, with these transactions and this chain time.
    pub(crate) async fn next(
        &mut self,
        time_ms: u64,
        txs: Vec<RawTx>,
    ) -> Result<Sealed, AuthorError> {
        let count = txs.len();
        let candidate =
            |raw| Some(Candidate { checked: Checked::Waived, ..Candidate::decode(raw)? });
        let candidates = txs.into_iter().map(candidate).collect::<Option<_>>();
        let candidates = candidates.ok_or(AuthorError::Refused)?;
        let parent = &self.parent;
        let at = At { height: parent.height.saturating_add(1), time_ms };
        let batches = self.databases.new_batches().await;
        let source = Speculative::<E>(&batches);
        let mut overlay = Overlay::new(&source);
        let chosen = choose(self.network.rules(), at, &mut overlay, candidates).await;
        if chosen.identity.len() + chosen.meeting.len() != count {
            return Err(AuthorError::Refused);
        }
        let rules = self.network.rules();
        let epoch = epoch_of(&rules.params, Height(at.height));
        let next = if last_height_of(&rules.params, epoch) == Height(at.height) {
            let keys = next_validators(rules, &mut overlay, at.height).await;
            Committee::new(&rules.chain_id, &keys.ok_or(AuthorError::Stopped)?)?
        } else {
            self.committee.clone()
        };
        let writes = overlay.into_writes().await;
        let executed = merkleize::<E>(batches, writes).await.ok_or(AuthorError::Stopped)?;
        let leader = self.committee.members().iter().next().cloned();
        let header = Header {
            height: at.height,
            time_ms,
            parent: parent.digest(),
            round: Round {
                epoch,
                view: at.height,
                parent_view: parent.round.view,
                leader: leader.ok_or(AuthorError::NoQuorum)?,
            },
            identity: section::<E>(&executed.0, parent.identity_link(), &chosen.identity),
            meeting: section::<E>(&executed.1, parent.meeting_link(), &chosen.meeting),
            valset_hash: self.committee.hash(),
            next_valset_hash: next.hash(),
        };
        self.databases.apply(executed).await;
        let certificate = self.certify(&header).ok_or(AuthorError::NoQuorum)?;
        self.committee = next;
        self.parent = header.clone();
        let block = Block { header, identity: chosen.identity, meeting: chosen.meeting };
        Ok(Sealed { block, certificate: Some(certificate) })
    }

    /// The states after the newest block.
    #[cfg(test)]
    pub(crate) const fn databases(&self) -> &Databases<E> {
        &self.databases
    }

    /// The certificate of a header by the members of the set whose keys are here.
    pub(super) fn certify(&self, header: &Header) -> Option<Certificate> {
        let signers = self.keys.iter().filter_map(|key| self.committee.signer(key.clone()));
        certify(&signers.collect::<Vec<_>>(), header)
    }
}

/// The certificate of a header by these validators; nothing if they are no quorum.
pub(crate) fn certify(schemes: &[Scheme], header: &Header) -> Option<Certificate> {
    let round = ConsensusRound::new(Epoch::new(header.round.epoch), View::new(header.round.view));
    let proposal = Proposal::new(round, View::new(header.round.parent_view), header.digest());
    let votes = schemes.iter().map(|scheme| Finalize::sign(scheme, proposal.clone()));
    let mut votes = votes.collect::<Option<Vec<_>>>()?.into_iter();
    let votes = NonEmpty::new(votes.next()?, votes);
    Certificate::from_owned_finalizes(schemes.first()?, votes, &Sequential).ok()
}

#[cfg(not(test))]
mod handle {
    use std::{
        path::Path,
        sync::mpsc::{Receiver, SyncSender, sync_channel},
        thread::{self, JoinHandle},
    };

    use bytes::Bytes;
    use commonware_runtime::{Runner as _, tokio as runtime};
    use conclave_protocol::Genesis;

    use super::{AuthorError, Quill};
    use crate::{
        block::{RawTx, to_bytes},
        validator::Seed,
    };

    /// Writes a ledger, block by block. Its calls block.
    #[derive(Debug)]
    pub struct Author {
        orders: SyncSender<Order>,
        sealed: Receiver<Result<Bytes, AuthorError>>,
        _thread: JoinHandle<()>,
    }

    type Order = (u64, Vec<RawTx>);

    impl Author {
        /// Begins with the genesis; `seeds` are those of a quorum of its validators. The states are
        /// kept in `dir`, which must be empty.
        ///
        /// # Errors
        /// See [`AuthorError`].
        pub fn start(dir: &Path, genesis: &Genesis, seeds: Vec<Seed>) -> Result<Self, AuthorError> {
            let (orders, inbox) = sync_channel::<Order>(1);
            let (outbox, sealed) = sync_channel(1);
            std::fs::create_dir_all(dir).map_err(|_| AuthorError::Stopped)?;
            let config = runtime::Config::new().with_worker_threads(1).with_storage_directory(dir);
            let genesis = genesis.clone();
            let write = move || {
                runtime::Runner::new(config).start(|context| async move {
                    let mut quill = match Quill::open(&context, &genesis, &seeds).await {
                        Ok(quill) => quill,
                        Err(error) => return drop(outbox.send(Err(error))),
                    };
                    while let Ok((time_ms, txs)) = inbox.recv() {
                        let sealed = quill.next(time_ms, txs).await;
                        if outbox.send(sealed.map(|sealed| to_bytes(&sealed))).is_err() {
                            return;
                        }
                    }
                });
            };
            let thread = thread::Builder::new().name("author".into()).spawn(write);
            Ok(Self { orders, sealed, _thread: thread.map_err(|_| AuthorError::Stopped)? })
        }

        /// The record of the next block, which holds these transactions, those of the identity
        /// ledger first.
        ///
        /// # Errors
        /// See [`AuthorError`]; the ledger can then not be continued.
        pub fn block(&self, time_ms: u64, txs: Vec<Bytes>) -> Result<Bytes, AuthorError> {
            let txs = txs.into_iter().map(RawTx::new).collect::<Option<_>>();
            let order = (time_ms, txs.ok_or(AuthorError::Refused)?);
            // An author that did not begin has left its reason behind.
            let _ended = self.orders.send(order);
            self.sealed.recv().unwrap_or(Err(AuthorError::Stopped))
        }
    }
}

#[cfg(not(test))]
pub use handle::Author;
