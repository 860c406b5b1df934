//! The ledger explorer: a page and JSON about blocks, transactions, users, meetings and validators,
//! served by every validator to whoever wants to look. It only reads.
//!
//! Flow: final blocks of this validator in (`keeper`), a bounded memory of the recent ones
//! (`index`), questions out (`routes`, `look`, `people`, `rooms`, `search`, `stream`) in the shapes
//! of [`wire`], transactions told in `words`. The page lies in `page`. What is shown is what this
//! validator says: the page says so, and `conclave ledger` checks it.

mod anchors;
mod index;
mod keeper;
mod look;
mod page;
mod people;
mod rooms;
mod routes;
mod search;
mod stream;
mod subject;
#[cfg(test)]
mod tests;
mod validators;
pub mod wire;
mod words;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use conclave_ledger::validator::Validator;
use conclave_protocol::{Genesis, Key, Record, Seconds};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use self::index::Index;

pub(crate) use routes::router;
pub(crate) use words::{said, words};

/// What the explorer of one validator shares. Clones are the same explorer.
#[derive(Clone, Debug)]
pub struct Explorer(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    validator: Validator,
    genesis: Genesis,
    index: Mutex<Index>,
    /// The newest height in the index.
    grown: watch::Sender<u64>,
    /// Places for those who watch live.
    seats: Arc<Semaphore>,
}

impl Explorer {
    /// Indexes the blocks of this validator until `closing` is cancelled. Needs a runtime.
    #[must_use]
    pub fn start(validator: Validator, genesis: Genesis, closing: CancellationToken) -> Self {
        let explorer = Self(Arc::new(Shared {
            validator,
            genesis,
            index: Mutex::default(),
            grown: watch::Sender::new(0),
            seats: Arc::new(Semaphore::new(WATCHERS)),
        }));
        let keeper = keeper::Keeper::new(explorer.clone());
        tokio::spawn(async move { closing.run_until_cancelled(keeper.run()).await });
        explorer
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.0.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Chain time of the newest block.
    fn now(&self) -> Seconds {
        Seconds(self.0.validator.status().time_ms / 1_000)
    }

    /// What a key holds here; nothing also when the validator cannot say.
    async fn record(&self, key: Key) -> Option<Record> {
        self.0.validator.local_record(&key).await.ok().flatten()
    }
}

/// Most people who watch live at once.
const WATCHERS: usize = 256;
