//! Who seals which epoch, as this validator knows it, and what it signs with there.
//!
//! Shared between the engine that asks for the scheme of an epoch, the application that sees a
//! change agreed, and the loop in `epochs` that lets the next set begin. An epoch beyond the horizon
//! has no scheme: the old set must not vouch for what the next one may seal.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use commonware_consensus::{simplex::scheme::ed25519::Scheme, types::Epoch};
use commonware_cryptography::{
    Signer as _,
    certificate::{Provider, Scoped},
    ed25519::{PrivateKey, PublicKey},
};
use conclave_protocol::Genesis;
use tokio::sync::watch;

use crate::{
    answer::HeaderAnswer,
    block::Header,
    committee::{BadCommittee, Committee},
    execution::NextSet,
    handover::{Handover, Sets},
    light::{Refusal, validator_key},
};

/// The sets of all epochs that are known here. Clones share everything.
#[derive(Clone)]
pub(crate) struct Schemes {
    shared: Arc<Shared>,
}

struct Shared {
    key: PrivateKey,
    known: Mutex<Known>,
    next: watch::Sender<Option<NextSet>>,
    votes: watch::Sender<u64>,
    /// The first epoch in which this validator signs.
    signs_from: AtomicU64,
}

struct Known {
    sets: Sets,
    /// What this validator verifies and, as a member, signs with; one per set.
    schemes: Vec<Arc<Scheme>>,
    horizon: u64,
}

/// What this validator is in an epoch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// It signs.
    Member,
    /// It is in no set yet: it follows, and signs from the epoch on in which it is in.
    Waiting,
    /// It is in the set, and signs in a later epoch only: its key may have signed in this one
    /// elsewhere, and what it said there is lost.
    Silent,
    /// It was in a set that was followed by one without it: it follows, and never signs again.
    Removed,
}

impl Schemes {
    /// The set of the genesis, seen by the owner of this key.
    pub(crate) fn of(
        genesis: &Genesis,
        key: PrivateKey,
        signs_from: u64,
    ) -> Result<Self, BadCommittee> {
        let sets = Sets::of(genesis)?;
        let schemes = sets.all().iter().map(|set| scheme(&set.committee, &key)).collect();
        let known = Mutex::new(Known { sets, schemes, horizon: 0 });
        let (next, votes) = (watch::Sender::new(None), watch::Sender::new(0));
        Ok(Self {
            shared: Arc::new(Shared { key, known, next, votes, signs_from: signs_from.into() }),
        })
    }

    /// Takes a proven step to the next set; `false` if it is known already.
    pub(crate) fn follow(&self, handover: &Handover) -> Result<bool, Refusal> {
        let mut known = self.lock();
        let is_new = known.sets.follow(handover)?;
        if is_new {
            let scheme = scheme(&known.sets.newest().committee, &self.shared.key);
            known.schemes.push(scheme);
        }
        Ok(is_new)
    }

    /// What is known of the sets now.
    pub(crate) fn sets(&self) -> Sets {
        self.lock().sets.clone()
    }

    /// Whether the set that sealed this block is known.
    pub(crate) fn covers(&self, header: &Header) -> bool {
        let known = self.lock();
        known.sets.at_epoch(known.sets.epoch_of(header.height)).hash == header.valset_hash
    }

    /// Whether the sets that an answer names are known, so that a client can be led to them.
    pub(crate) fn know(&self, answer: &HeaderAnswer) -> bool {
        self.lock().sets.are_known(answer)
    }

    /// Lets every epoch up to this one have its scheme.
    pub(crate) fn reach(&self, epoch: u64) {
        let mut known = self.lock();
        known.horizon = known.horizon.max(epoch);
    }

    /// The newest epoch that has a scheme.
    pub(crate) fn horizon(&self) -> u64 {
        self.lock().horizon
    }

    /// The epoch of a height.
    pub(crate) fn epoch_of(&self, height: u64) -> u64 {
        self.lock().sets.epoch_of(height)
    }

    /// The first height of an epoch.
    pub(crate) fn first_of(&self, epoch: u64) -> u64 {
        self.lock().sets.first_of(epoch)
    }

    /// Whether a block is the last one of its epoch.
    pub(crate) fn is_last(&self, height: u64) -> bool {
        self.lock().sets.is_last(height)
    }

    /// How many handovers are known.
    pub(crate) fn handovers(&self) -> usize {
        self.lock().sets.handovers()
    }

    /// First epoch of the newest set that is known.
    pub(crate) fn newest(&self) -> (u64, Committee) {
        let known = self.lock();
        let newest = known.sets.newest();
        (newest.epoch, newest.committee.clone())
    }

    /// The set of an epoch.
    pub(crate) fn committee(&self, epoch: u64) -> Committee {
        self.lock().sets.at_epoch(epoch).committee.clone()
    }

    /// What this validator is in an epoch.
    pub(crate) fn role(&self, epoch: u64) -> Role {
        let me = self.me();
        let known = self.lock();
        let is_in = |committee: &Committee| committee.members().position(&me).is_some();
        let sets = known.sets.all().iter().filter(|set| set.epoch <= epoch);
        if is_in(&known.sets.at_epoch(epoch).committee) {
            if self.is_silent(epoch) { Role::Silent } else { Role::Member }
        } else if sets.into_iter().any(|set| is_in(&set.committee)) {
            Role::Removed
        } else {
            Role::Waiting
        }
    }

    /// The first epoch in which this validator signs; it counts for epochs that begin later.
    pub(crate) fn sign_from(&self, epoch: u64) {
        self.shared.signs_from.store(epoch, Ordering::SeqCst);
    }

    /// Whether this key may have signed in this epoch elsewhere.
    fn is_silent(&self, epoch: u64) -> bool {
        epoch < self.shared.signs_from.load(Ordering::SeqCst)
    }

    /// This validator's key.
    pub(crate) fn me(&self) -> PublicKey {
        self.shared.key.public_key()
    }

    /// Notes that validators voted, or that the state became readable: a change may be agreed.
    pub(crate) fn note_votes(&self) {
        self.shared.votes.send_modify(|votes| *votes = votes.wrapping_add(1));
    }

    /// Changes whenever validators have voted.
    pub(crate) fn voted(&self) -> watch::Receiver<u64> {
        self.shared.votes.subscribe()
    }

    /// Notes which set the next epoch brings, if it is another one.
    pub(crate) fn agreed(&self, next: Option<NextSet>) {
        self.shared.next.send_replace(next);
    }

    /// The set that the next epoch brings, if it is another one.
    pub(crate) fn next(&self) -> Option<NextSet> {
        self.shared.next.borrow().clone()
    }

    /// Whether a change waits for the end of the epoch.
    pub(crate) fn is_pending(&self) -> bool {
        self.shared.next.borrow().is_some()
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.shared.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Schemes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Schemes").field("me", &validator_key(&self.me())).finish_non_exhaustive()
    }
}

impl Provider for Schemes {
    type Scope = Epoch;
    type Scheme = Scheme;

    /// A scheme that cannot sign is one all the same: observers verify with it.
    fn scoped(&self, epoch: Epoch) -> Option<Scoped<Scheme>> {
        let known = self.lock();
        if epoch.get() > known.horizon {
            return None;
        }
        if self.is_silent(epoch.get()) {
            let verifier = known.sets.at_epoch(epoch.get()).committee.verifier();
            return Some(Scoped::scheme(Arc::new(verifier)));
        }
        let after = known.sets.all().partition_point(|set| set.epoch <= epoch.get());
        known.schemes.get(after.checked_sub(1)?).cloned().map(Scoped::scheme)
    }
}

/// Signs as a member, or verifies only.
fn scheme(committee: &Committee, key: &PrivateKey) -> Arc<Scheme> {
    Arc::new(committee.signer(key.clone()).unwrap_or_else(|| committee.verifier()))
}
