//! What was posted and what is under way, in one small file that survives every crash.
//!
//! The file is replaced as a whole, and on disk before a transaction leaves this machine. So after a
//! restart the same bytes are sent again, which can be mined once, and never others for one height.

use std::{
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use alloy::primitives::{B256, Bytes};
use conclave_protocol::{ChainId, Digest, Height};
use serde::{Deserialize, Serialize};

use crate::files;

/// The journal of one validator's posts, which this process alone writes.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    pages: Pages,
    /// Another process that wants the journal fails while this is held.
    _lock: File,
}

/// What the file holds.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
struct Pages {
    version: u8,
    /// The network whose headers are posted.
    chain_id: String,
    /// The chain they are posted to, and the account that pays.
    ethereum: u64,
    account: String,
    /// What is under way.
    post: Option<Post>,
    /// What is deep enough, the newest last.
    done: Vec<Done>,
}

/// A post under way: all of its transactions have one nonce, so that one of them at most is mined.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Post {
    pub(super) height: u64,
    pub(super) header: B256,
    pub(super) nonce: u64,
    /// The transactions that were signed for it, the newest last.
    pub(super) attempts: Vec<Attempt>,
}

/// One signed transaction.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Attempt {
    pub(super) hash: B256,
    pub(super) raw: Bytes,
    pub(super) gas: u64,
    pub(super) max_fee: u128,
    pub(super) tip: u128,
    /// Number of Ethereum's newest block when it was signed.
    pub(super) block: u64,
}

/// A post that is deep enough.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Done {
    pub(super) height: u64,
    pub(super) header: B256,
    pub(super) nonce: u64,
    pub(super) tx: B256,
    pub(super) raw: Bytes,
    pub(super) block: B256,
    /// Whether the ledger has its record.
    pub(super) recorded: bool,
}

/// Whose journal it is.
#[derive(Clone, Debug)]
pub(super) struct Owner {
    /// The network.
    pub(super) chain_id: ChainId,
    /// Number of the chain that is posted to.
    pub(super) ethereum: u64,
    /// Address of the account that pays.
    pub(super) account: String,
}

impl Journal {
    /// The journal in a validator's directory, begun if there is none.
    ///
    /// # Errors
    /// [`JournalError`]; [`JournalError::Busy`] while another process has it.
    pub(super) fn open(dir: &Path, owner: &Owner) -> Result<Self, JournalError> {
        let path = dir.join("anchors.json");
        let lock = File::create(dir.join("anchors.lock")).map_err(JournalError::Lock)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(JournalError::Busy),
            Err(TryLockError::Error(error)) => return Err(JournalError::Lock(error)),
        }
        let pages = match files::read_private(&path, MOST) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| JournalError::Damaged(path.clone(), error.to_string()))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Pages {
                version: VERSION,
                chain_id: owner.chain_id.to_hex(),
                ethereum: owner.ethereum,
                account: owner.account.clone(),
                post: None,
                done: Vec::new(),
            },
            Err(error) => return Err(JournalError::Damaged(path, error.to_string())),
        };
        let journal = Self { path, pages, _lock: lock };
        journal.check(owner)?;
        Ok(journal)
    }

    fn check(&self, owner: &Owner) -> Result<(), JournalError> {
        let Pages { version, chain_id, ethereum, account, .. } = &self.pages;
        let damaged = |text: &str| Err(JournalError::Damaged(self.path.clone(), text.to_owned()));
        if *version != VERSION {
            return damaged("another version wrote it");
        }
        if *chain_id != owner.chain_id.to_hex() {
            return damaged("it belongs to another network");
        }
        if *ethereum != owner.ethereum {
            return Err(JournalError::OtherChain { is: *ethereum, wanted: owner.ethereum });
        }
        if *account != owner.account {
            return Err(JournalError::OtherAccount(account.clone()));
        }
        Ok(())
    }

    /// What is under way.
    pub(super) const fn post(&self) -> Option<&Post> {
        self.pages.post.as_ref()
    }

    /// The newest post that is deep enough.
    pub(super) fn last(&self) -> Option<&Done> {
        self.pages.done.last()
    }

    /// The posts that the ledger has no record of yet.
    pub(super) fn unrecorded(&self) -> Option<&Done> {
        self.pages.done.iter().find(|done| !done.recorded)
    }

    /// Every height and hash that was posted, the newest last.
    pub(super) fn posted(&self) -> impl Iterator<Item = (Height, Digest)> {
        let done = self.pages.done.iter().map(|done| (done.height, done.header));
        let post = self.pages.post.iter().map(|post| (post.height, post.header));
        done.chain(post).map(|(height, header)| (Height(height), Digest(header.0)))
    }

    /// Begins a post, or goes on with further transactions or another nonce.
    pub(super) fn begin(&mut self, post: Post) -> Result<(), JournalError> {
        self.write(|pages| pages.post = Some(post))
    }

    /// The post under way is deep enough, and this is where.
    pub(super) fn finish(&mut self, done: Done) -> Result<(), JournalError> {
        self.write(|pages| {
            pages.post = None;
            pages.done.push(done);
            let old = pages.done.len().saturating_sub(KEPT);
            pages.done.drain(..old);
        })
    }

    /// The ledger has the record of this height.
    pub(super) fn recorded(&mut self, height: u64) -> Result<(), JournalError> {
        self.write(|pages| {
            for done in pages.done.iter_mut().filter(|done| done.height == height) {
                done.recorded = true;
            }
        })
    }

    /// Changes the pages and the file, or neither.
    fn write(&mut self, change: impl FnOnce(&mut Pages)) -> Result<(), JournalError> {
        let mut pages = self.pages.clone();
        change(&mut pages);
        let bytes = serde_json::to_vec_pretty(&pages).map_err(io::Error::from);
        let written = bytes.and_then(|bytes| files::replace(&self.path, &bytes));
        written.map_err(|error| JournalError::Write(self.path.clone(), error))?;
        self.pages = pages;
        Ok(())
    }
}

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// Another process posts for this validator.
    #[error("another process anchors for this validator already")]
    Busy,
    /// It holds something else.
    #[error("{} is not a journal that can be gone on with: {}", .0.display(), .1)]
    Damaged(PathBuf, String),
    /// The lock file cannot be made.
    #[error("cannot write in the validator's directory: {0}")]
    Lock(io::Error),
    /// Another account paid so far.
    #[error("the journal here belongs to account {0}")]
    OtherAccount(String),
    /// It was another chain so far.
    #[error("the journal here belongs to chain {is}, and the endpoint follows chain {wanted}")]
    OtherChain {
        /// Of the journal.
        is: u64,
        /// Of the endpoint.
        wanted: u64,
    },
    /// The disk does not take it.
    #[error("cannot write {}: {}", .0.display(), .1)]
    Write(PathBuf, io::Error),
}

const VERSION: u8 = 1;
/// Posts that are remembered: at one every twenty minutes, two weeks of them.
const KEPT: usize = 1_000;
const MOST: u64 = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn owner() -> Owner {
        Owner { chain_id: ChainId([1; 32]), ethereum: 1, account: "0xab".to_owned() }
    }

    fn post(height: u64, header: u8) -> Post {
        let attempt = Attempt {
            hash: B256::repeat_byte(1),
            raw: Bytes::from_static(&[2, 3]),
            gas: 24_080,
            max_fee: u128::MAX,
            tip: 1,
            block: 7,
        };
        Post { height, header: B256::repeat_byte(header), nonce: 5, attempts: vec![attempt] }
    }

    fn done(height: u64, header: u8) -> Done {
        let (tx, block) = (B256::repeat_byte(8), B256::repeat_byte(9));
        let header = B256::repeat_byte(header);
        Done { height, header, nonce: 5, tx, raw: Bytes::new(), block, recorded: false }
    }

    #[test]
    fn what_was_written_is_there_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(dir.path(), &owner()).unwrap();
        assert!(journal.post().is_none() && journal.last().is_none());
        journal.begin(post(600, 1)).unwrap();
        drop(journal);
        let mut journal = Journal::open(dir.path(), &owner()).unwrap();
        assert_eq!(journal.post(), Some(&post(600, 1)));
        journal.finish(done(600, 1)).unwrap();
        assert_eq!(journal.unrecorded(), Some(&done(600, 1)));
        journal.recorded(600).unwrap();
        drop(journal);
        let journal = Journal::open(dir.path(), &owner()).unwrap();
        assert!(journal.post().is_none() && journal.unrecorded().is_none());
        assert_eq!(journal.last(), Some(&Done { recorded: true, ..done(600, 1) }));
    }

    #[test]
    fn what_was_posted_is_remembered_with_its_hash() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(dir.path(), &owner()).unwrap();
        journal.begin(post(600, 1)).unwrap();
        journal.finish(done(600, 1)).unwrap();
        journal.begin(post(1_200, 2)).unwrap();
        let posted = [(Height(600), Digest([1; 32])), (Height(1_200), Digest([2; 32]))];
        assert_eq!(journal.posted().collect::<Vec<_>>(), posted);
    }

    #[test]
    fn two_processes_never_have_one_journal() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(dir.path(), &owner()).unwrap();
        let second = Journal::open(dir.path(), &owner());
        assert!(matches!(second, Err(JournalError::Busy)));
        drop(journal);
        assert!(Journal::open(dir.path(), &owner()).is_ok());
    }

    #[test]
    fn a_journal_of_somebody_else_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        Journal::open(dir.path(), &owner()).unwrap().begin(post(600, 1)).unwrap();
        let open = |owner: &Owner| Journal::open(dir.path(), owner).unwrap_err();
        let other = open(&Owner { ethereum: 5, ..owner() });
        assert!(matches!(other, JournalError::OtherChain { is: 1, wanted: 5 }));
        let other = open(&Owner { account: "0xcd".to_owned(), ..owner() });
        assert!(matches!(other, JournalError::OtherAccount(_)));
        let other = open(&Owner { chain_id: ChainId([2; 32]), ..owner() });
        assert!(matches!(other, JournalError::Damaged(..)));
        std::fs::write(dir.path().join("anchors.json"), b"{}").unwrap();
        assert!(matches!(open(&owner()), JournalError::Damaged(..)));
    }
}
