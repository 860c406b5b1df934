//! Transactions that wait for a block: bounded, in order of arrival, one nonce sequence per device.
//!
//! It holds only what was checked against the state on arrival (`admission.rs`). What is final
//! leaves it, together with everything the same device can no longer send.

mod admission;
pub(crate) mod gossip;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque, hash_map::Entry as MapEntry},
    sync::{Mutex, MutexGuard, PoisonError, atomic::AtomicU64},
};

use commonware_cryptography::sha256::Digest;
use conclave_protocol::DeviceId;
use tokio::sync::{Notify, futures::Notified};

use crate::{
    block::RawTx,
    execution::{Candidate, Checked},
};

/// Most transactions that wait.
pub(crate) const MAX_WAITING: usize = 16_384;

/// Most bytes that wait.
pub(crate) const MAX_WAITING_BYTES: usize = 16 << 20;

/// The part of both that ordinary traffic cannot fill, as in a block.
const RESERVE: usize = 8;

/// Most transactions of one device that wait.
const MAX_PER_DEVICE: usize = 32;

/// Most candidates a proposer is offered.
const MAX_OFFER: usize = 4_608;

/// Times a transaction may be refused in a proposal before it is dropped.
const MAX_REFUSALS: u8 = 3;

/// How long a transaction of a proposed block does not ask for another block.
const IN_FLIGHT_MS: u64 = 1_000;

/// Ids whose signatures are known to hold, remembered for blocks that bring them.
const MAX_CHECKED: usize = 1 << 16;

/// The transactions that wait on this validator.
#[derive(Debug)]
pub(crate) struct Mempool {
    pool: Mutex<Pool>,
    /// Wakes its waiters in order; a channel that shuffles them would make runs differ.
    news: Notify,
    /// Arrivals whose signatures were checked: the dear part of taking one.
    checks: AtomicU64,
}

/// The maps that hash are never walked through: their order differs from run to run.
#[derive(Debug, Default)]
struct Pool {
    waiting: BTreeMap<u64, Entry>,
    by_id: HashMap<Digest, u64>,
    /// For each device the arrivals of its nonces.
    by_device: HashMap<DeviceId, BTreeMap<u64, u64>>,
    /// Arrivals of urgent kinds, which a proposer is offered first.
    urgent: BTreeSet<u64>,
    /// When each arrival asks for a block (again).
    due: BTreeSet<(u64, u64)>,
    /// When each arrival expires, in seconds of chain time.
    expiry: BTreeSet<(u64, u64)>,
    bytes: usize,
    next: u64,
    /// What was seen of the signatures of transactions, by their ids.
    checked: HashMap<Digest, Checked>,
    checked_order: VecDeque<Digest>,
}

#[derive(Debug)]
struct Entry {
    candidate: Candidate,
    in_flight_until: u64,
    refusals: u8,
}

/// Why a transaction may not wait here.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Full {
    /// The device has too many waiting already.
    #[error("this device has too many transactions waiting")]
    Device,
    /// Another transaction with this nonce waits.
    #[error("another transaction with this nonce is waiting")]
    Nonce,
    /// The mempool is at its bound.
    #[error("this validator has too many transactions waiting")]
    Pool,
}

impl Mempool {
    /// Nothing waits.
    pub(crate) fn new() -> Self {
        Self { pool: Mutex::default(), news: Notify::new(), checks: AtomicU64::new(0) }
    }

    /// Lets a checked transaction wait; `false` if it waits already.
    pub(crate) fn insert(&self, candidate: Candidate) -> Result<bool, Full> {
        let mut guard = self.lock();
        let pool = &mut *guard;
        let id = candidate.raw.id();
        if pool.by_id.contains_key(&id) {
            return Ok(false);
        }
        let size = candidate.raw.bytes().len();
        pool.room(&candidate)?;
        let nonces = pool.by_device.entry(candidate.tx.signer).or_default();
        let arrival = pool.next;
        pool.next += 1;
        nonces.insert(candidate.tx.nonce, arrival);
        pool.by_id.insert(id, arrival);
        pool.bytes += size;
        pool.remember_checked(&candidate);
        if candidate.tx.kind().is_urgent() {
            pool.urgent.insert(arrival);
        }
        pool.due.insert((0, arrival));
        pool.expiry.insert((candidate.tx.expiry.0, arrival));
        pool.waiting.insert(arrival, Entry { candidate, in_flight_until: 0, refusals: 0 });
        drop(guard);
        self.news.notify_waiters();
        Ok(true)
    }

    /// What a proposer may put into a block: in order of arrival, but devices first that have
    /// something urgent to say, each device by nonce, without what the blocks before it carry.
    pub(crate) fn candidates(&self, carried: &HashSet<Digest>) -> Vec<Candidate> {
        let pool = self.lock();
        let mut offered = HashSet::new();
        let mut candidates = Vec::new();
        let urgent = pool.urgent.iter().filter_map(|arrival| pool.waiting.get(arrival));
        for entry in urgent.chain(pool.waiting.values()) {
            let device = entry.candidate.tx.signer;
            if carried.contains(&entry.candidate.raw.id()) || !offered.insert(device) {
                continue;
            }
            let nonces = pool.by_device.get(&device).into_iter().flat_map(BTreeMap::values);
            candidates.extend(
                nonces
                    .filter_map(|arrival| pool.waiting.get(arrival))
                    .filter(|entry| !carried.contains(&entry.candidate.raw.id()))
                    .map(|entry| entry.candidate.clone()),
            );
            if candidates.len() >= MAX_OFFER {
                break;
            }
        }
        candidates
    }

    /// Notes that a block with these transactions is under way and which ones its proposer had to
    /// skip. They stay here until the block is final, but ask for no further block for a while.
    pub(crate) fn in_flight(
        &self,
        ids: impl Iterator<Item = Digest>,
        refused: &BTreeSet<Digest>,
        now_ms: u64,
    ) {
        let mut guard = self.lock();
        let pool = &mut *guard;
        for id in ids {
            pool.postpone(&id, now_ms);
        }
        for id in refused {
            let Some(entry) = pool.by_id.get(id).and_then(|arrival| pool.waiting.get_mut(arrival))
            else {
                continue;
            };
            if entry.in_flight_until > now_ms {
                continue;
            }
            entry.refusals = entry.refusals.saturating_add(1);
            if entry.refusals >= MAX_REFUSALS {
                pool.remove(id);
            } else {
                pool.postpone(id, now_ms);
            }
        }
    }

    /// Removes what is final, what its devices can no longer send, and what has expired.
    pub(crate) fn finalized(&self, txs: impl Iterator<Item = Candidate>, time_ms: u64) {
        let mut guard = self.lock();
        let pool = &mut *guard;
        for candidate in txs {
            pool.remove(&candidate.raw.id());
            let gone: Vec<_> = pool
                .by_device
                .get(&candidate.tx.signer)
                .into_iter()
                .flat_map(|nonces| nonces.range(..=candidate.tx.nonce))
                .filter_map(|(_, arrival)| pool.waiting.get(arrival))
                .map(|entry| entry.candidate.raw.id())
                .collect();
            for id in gone {
                pool.remove(&id);
            }
        }
        let now = time_ms / 1000;
        while let Some((expiry, arrival)) = pool.expiry.first().copied()
            && expiry < now
        {
            match pool.waiting.get(&arrival).map(|entry| entry.candidate.raw.id()) {
                Some(id) => pool.remove(&id),
                None => _ = pool.expiry.pop_first(),
            }
        }
    }

    /// Whether a transaction waits that is not in a block under way.
    pub(crate) fn is_waiting(&self, now_ms: u64) -> bool {
        self.lock().due.first().is_some_and(|(due, _)| *due <= now_ms)
    }

    /// Decodes the transactions of a block, with what is known of their signatures; `None` if one
    /// of them is none. What waits here has been decoded.
    pub(crate) fn decode(&self, txs: &[RawTx]) -> Option<Vec<Candidate>> {
        let known: Vec<_> = {
            let pool = self.lock();
            txs.iter().map(|raw| pool.recall(&raw.id())).collect()
        };
        let decode = |(raw, known): (&RawTx, Known)| match known {
            Known::Waiting(candidate) => Some(candidate),
            Known::Checked(checked) => {
                Some(Candidate { checked, ..Candidate::decode(raw.clone())? })
            }
        };
        txs.iter().zip(known).map(decode).collect()
    }

    /// Whether this transaction waits here.
    pub(crate) fn contains(&self, id: &Digest) -> bool {
        self.lock().by_id.contains_key(id)
    }

    /// Whether a transaction of this device with this nonce waits here.
    fn has_nonce(&self, device: &DeviceId, nonce: u64) -> bool {
        self.lock().by_device.get(device).is_some_and(|nonces| nonces.contains_key(&nonce))
    }

    /// How many transactions wait.
    pub(crate) fn len(&self) -> usize {
        self.lock().waiting.len()
    }

    /// Ends with the next transaction that arrives after this call.
    pub(crate) fn news(&self) -> Notified<'_> {
        self.news.notified()
    }

    /// The oldest transactions that wait, for a peer that may have missed them.
    pub(crate) fn oldest(&self, count: usize) -> Vec<RawTx> {
        self.lock().waiting.values().take(count).map(|entry| entry.candidate.raw.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a pool knows of a transaction.
enum Known {
    /// It waits here.
    Waiting(Candidate),
    /// It does not, but perhaps its signatures were checked here.
    Checked(Checked),
}

impl Pool {
    /// Whether this transaction may wait beside those that do.
    fn room(&self, candidate: &Candidate) -> Result<(), Full> {
        let size = candidate.raw.bytes().len();
        let kept = if candidate.tx.kind().is_urgent() { 0 } else { 1 };
        let most = MAX_WAITING - kept * (MAX_WAITING / RESERVE);
        let most_bytes = MAX_WAITING_BYTES - kept * (MAX_WAITING_BYTES / RESERVE);
        if self.waiting.len() >= most || self.bytes + size > most_bytes {
            return Err(Full::Pool);
        }
        let Some(nonces) = self.by_device.get(&candidate.tx.signer) else { return Ok(()) };
        if nonces.contains_key(&candidate.tx.nonce) {
            return Err(Full::Nonce);
        }
        if nonces.len() >= MAX_PER_DEVICE { Err(Full::Device) } else { Ok(()) }
    }

    fn recall(&self, id: &Digest) -> Known {
        match self.by_id.get(id).and_then(|arrival| self.waiting.get(arrival)) {
            Some(entry) => Known::Waiting(entry.candidate.clone()),
            None => Known::Checked(self.checked.get(id).copied().unwrap_or(Checked::No)),
        }
    }

    /// Lets a transaction ask for no block for a while.
    fn postpone(&mut self, id: &Digest, now_ms: u64) {
        let Some(arrival) = self.by_id.get(id) else { return };
        let Some(entry) = self.waiting.get_mut(arrival) else { return };
        self.due.remove(&(entry.in_flight_until, *arrival));
        entry.in_flight_until = now_ms.saturating_add(IN_FLIGHT_MS);
        self.due.insert((entry.in_flight_until, *arrival));
    }

    fn remove(&mut self, id: &Digest) {
        let Some(arrival) = self.by_id.remove(id) else { return };
        let Some(entry) = self.waiting.remove(&arrival) else { return };
        let tx = &entry.candidate.tx;
        self.urgent.remove(&arrival);
        self.due.remove(&(entry.in_flight_until, arrival));
        self.expiry.remove(&(tx.expiry.0, arrival));
        self.bytes = self.bytes.saturating_sub(entry.candidate.raw.bytes().len());
        if let MapEntry::Occupied(mut nonces) = self.by_device.entry(tx.signer) {
            nonces.get_mut().remove(&tx.nonce);
            if nonces.get().is_empty() {
                nonces.remove();
            }
        }
    }

    fn remember_checked(&mut self, candidate: &Candidate) {
        let id = candidate.raw.id();
        if candidate.checked != Checked::No && self.checked.insert(id, candidate.checked).is_none()
        {
            self.checked_order.push_back(id);
        }
        while self.checked_order.len() > MAX_CHECKED {
            if let Some(oldest) = self.checked_order.pop_front() {
                self.checked.remove(&oldest);
            }
        }
    }
}
