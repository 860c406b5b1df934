//! Measurements of the authenticated state with many users, without consensus.
//!
//! [`proofs`] fills the databases of a validator through the rules, registrations in blocks, and
//! asks them for proofs as the service does. Sizes in, [`Proofs`] out, one for each size while the
//! databases are open, so that the caller can look at the memory of the process. `fill.rs` makes
//! the users, `seal.rs` the header and the certificate that a client wants. Nothing here decides
//! anything; a validator never calls it.

mod fill;
mod seal;

use std::{
    num::NonZeroUsize,
    path::Path,
    slice,
    time::{Duration, Instant},
};

use commonware_codec::{Copying, DecodeExt as _, Encode as _};
use commonware_cryptography::sha256::Digest;
use commonware_glue::stateful::db::DatabaseSet as _;
use commonware_runtime::{Runner as _, Supervisor as _, tokio as runtime};
use conclave_protocol::{self as protocol, Key, TxId};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use self::{
    fill::Filler,
    seal::{NOW_MS, Sealer},
};
use crate::{
    answer::{Entry, HeaderAnswer, StateAnswer},
    block::{Block, to_bytes},
    light::{LightClient, protocol_digest},
    state::{Databases, SLOT, holds, state_key, unpack},
    validator::{Cuts, database_config, page_cache, prove},
};

/// Devices that are asked for again and again, as those of a few meetings are.
const HOT: usize = 64;

/// What proofs of one device cost in a state of so many users.
#[derive(Clone, Debug, Default)]
pub struct Proofs {
    /// Users, each with one device and five records.
    pub users: u64,
    /// Time it took to register those that were not there at the size before.
    pub filled: Duration,
    /// Making the proof of a device that was asked for before: lookup, proof, encoding.
    pub made: Vec<Duration>,
    /// The same for devices drawn from all users, most of them never asked for.
    pub made_cold: Vec<Duration>,
    /// Reading and verifying the proof alone, against a root that is known.
    pub verified: Vec<Duration>,
    /// Verifying a whole answer whose certificate the client has seen.
    pub verified_cached: Vec<Duration>,
    /// Verifying a whole answer as the first thing a client ever sees.
    pub verified_first: Vec<Duration>,
    /// Bytes of the longest proof, without the record it proves.
    pub proof_bytes: usize,
    /// Bytes of the longest entry: proof and record, padded to the width of a slot.
    pub entry_bytes: usize,
    /// Bytes of the longest answer: header, certificate and entry.
    pub answer_bytes: usize,
}

/// A measurement that was not made: something here does not say what it must.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BenchError {
    /// No network was founded.
    #[error("the network of the measurement was not founded")]
    Network,
    /// There is no proof of a device that was registered.
    #[error("there is no proof of a device that was registered")]
    NoProof,
    /// A proof does not hold.
    #[error("a proof does not hold")]
    NotProven,
    /// The rules refuse a registration, or the state does not take it.
    #[error("a registration was refused")]
    NotRegistered,
}

/// Fills databases in `dir` up to each of `sizes`, which ascend, and measures `samples` proofs at
/// each.
///
/// # Errors
/// See [`BenchError`]: then nothing was measured.
pub fn proofs(
    dir: &Path,
    sizes: &[u64],
    samples: NonZeroUsize,
    mut report: impl FnMut(Proofs),
) -> Result<(), BenchError> {
    let config = runtime::Config::new()
        .with_worker_threads(2)
        .with_max_blocking_threads(64)
        .with_storage_directory(dir);
    runtime::Runner::new(config).start(|context| async move {
        let sealer = Sealer::new().ok_or(BenchError::Network)?;
        let pages = page_cache();
        let config = |ledger| database_config("bench", ledger, Cuts::USUAL, &pages);
        let configs = (config("identity"), config("meeting"));
        let databases =
            Databases::<runtime::Context>::init(context.child("databases"), configs, None).await;
        let mut filler = Filler::new(sealer.genesis());
        for size in sizes {
            let began = Instant::now();
            filler.fill(&databases, *size).await?;
            let filled = began.elapsed();
            let figures = measure(&databases, &filler, &sealer, samples.get()).await?;
            report(Proofs { filled, ..figures });
        }
        Ok(())
    })
}

/// The digest of a block and the ids of its transactions, in order; `None` if the bytes are no block,
/// or its header does not commit to them. Whether it is final says a certificate over the digest.
pub fn transactions(block: &[u8]) -> Option<(protocol::Digest, Vec<TxId>)> {
    let block = Block::decode(Copying(block)).ok()?;
    let ids = block.txs().map(|tx| TxId(tx.id().0)).collect();
    Some((protocol_digest(&block.header.digest()), ids))
}

/// All proofs of one size.
async fn measure(
    databases: &Databases<runtime::Context>,
    filler: &Filler,
    sealer: &Sealer,
    samples: usize,
) -> Result<Proofs, BenchError> {
    let users = filler.users();
    let mut rng = StdRng::seed_from_u64(users);
    let mut draw = |count: usize| -> Vec<u64> {
        (0..count).map(|_| rng.random_range(0..users.max(1))).collect()
    };
    let (cold, hot) = (draw(samples), draw(HOT));
    let root = databases.0.read().await.root();
    let at = sealer.seal(root).ok_or(BenchError::Network)?;
    let mut figures = Proofs { users, ..Proofs::default() };
    for user in cold {
        figures.made_cold.push(make(databases, &root, &device(filler, user)?).await?.1);
    }
    for user in &hot {
        make(databases, &root, &device(filler, *user)?).await?;
    }
    let mut client = sealer.client()?;
    for user in hot.iter().cycle().take(samples) {
        let key = device(filler, *user)?;
        let (entry, made) = make(databases, &root, &key).await?;
        figures.made.push(made);
        figures.verify(&key, &entry, &root)?;
        figures.answer(&key, &entry, &at, (&mut client, &mut sealer.client()?))?;
    }
    Ok(figures)
}

impl Proofs {
    /// The proof alone.
    fn verify(&mut self, key: &Key, entry: &[u8], root: &Digest) -> Result<(), BenchError> {
        let (holds, took) = timed(|| match Entry::decode(Copying(entry)) {
            Ok(Entry::Present(slot, proof)) => {
                unpack(&slot).is_some() && holds(&proof, state_key(key).1, slot, root)
            }
            Ok(Entry::Absent(_)) | Err(_) => false,
        });
        self.verified.push(took);
        self.entry_bytes = self.entry_bytes.max(entry.len());
        // One byte says which kind of entry it is, the slot follows.
        self.proof_bytes = self.proof_bytes.max(entry.len().saturating_sub(1 + SLOT));
        if holds { Ok(()) } else { Err(BenchError::NotProven) }
    }

    /// The proof in an answer, for a client that has seen the certificate and for a new one.
    fn answer(
        &mut self,
        key: &Key,
        entry: &[u8],
        at: &HeaderAnswer,
        (known, new): (&mut LightClient, &mut LightClient),
    ) -> Result<(), BenchError> {
        let entry = Entry::decode(Copying(entry)).map_err(|_| BenchError::NotProven)?;
        let answer = to_bytes(&StateAnswer { at: at.clone(), entries: vec![entry] });
        self.answer_bytes = self.answer_bytes.max(answer.len());
        let check = |client: &mut LightClient| {
            let (said, took) = timed(|| client.verify_state(&answer, slice::from_ref(key), NOW_MS));
            match said.map(|snapshot| snapshot.records.get(key).cloned().flatten()) {
                Ok(Some(_)) => Ok(took),
                Ok(None) | Err(_) => Err(BenchError::NotProven),
            }
        };
        let is_first = known.newest().is_none();
        let took = check(known)?;
        if !is_first {
            self.verified_cached.push(took);
        }
        self.verified_first.push(check(new)?);
        Ok(())
    }
}

fn device(filler: &Filler, user: u64) -> Result<Key, BenchError> {
    filler.device(user).ok_or(BenchError::Network)
}

/// The encoded proof of one key, and how long it took to make it.
async fn make(
    databases: &Databases<runtime::Context>,
    root: &Digest,
    key: &Key,
) -> Result<(bytes::Bytes, Duration), BenchError> {
    let began = Instant::now();
    let entries = prove(&databases.0, root, slice::from_ref(&state_key(key).1)).await;
    let entry = entries.and_then(|mut entries| entries.pop()).ok_or(BenchError::NoProof)?;
    let bytes = entry.encode();
    Ok((bytes, began.elapsed()))
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    let done = work();
    (done, began.elapsed())
}
