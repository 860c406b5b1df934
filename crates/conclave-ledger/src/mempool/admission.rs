//! Takes the bytes of strangers: whatever is cheap to check is checked before a signature is, and
//! all signatures that arrive together are checked together.
//!
//! In this order: the form, what can be said without the state (network, expiry), room, the signer
//! and its nonce, the rules where they read little, the signatures, the rules where they read much.
//! So garbage costs a hash and a decoding, a transaction that the state refuses a few reads, and
//! only one that would be taken but for its signatures costs their check. What passed is never
//! checked again by this validator, unless a key that signed it changes.

use std::{collections::BTreeSet, sync::atomic::Ordering};

use conclave_protocol::{
    ApplyError, DeviceId, DeviceRecord, Key, Record, Refusal, Rules, Tx, View as _, apply,
    footprint, signed::Item,
};

use super::{MAX_PER_DEVICE, Mempool};
use crate::{
    block::RawTx,
    execution::{
        At, Candidate, Overlay, Refused, Source, are_signed, attempt, items_hash, prefetch,
        signatures,
    },
    validator::Rejected,
};

/// Records whose reading costs less than the check of a signature. What names more (rosters,
/// certificates of absence) shows first that its signer stands behind it.
const FEW: usize = 12;

/// Whether a transaction is the next one of its signer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Turn {
    /// It waits behind others of the same device that wait here: the rules cannot judge it yet.
    Later,
    /// It is judged by the rules as they are.
    Now,
}

/// A transaction that would be taken if its signatures hold.
struct Ready {
    candidate: Candidate,
    items: Vec<Item>,
    /// Whether the rules have yet to judge it.
    is_open: bool,
}

/// Nonces of the same arrival that come before others.
type Ahead = BTreeSet<(DeviceId, u64)>;

impl Mempool {
    /// Lets those transactions wait that could be in the block `at`; for each of them, in order,
    /// `false` if it waits already.
    ///
    /// # Errors
    /// See [`Rejected`], for each of them. A refused transaction leaves nothing here.
    pub(crate) async fn admit<S: Source>(
        &self,
        rules: &Rules,
        at: At,
        source: &S,
        raws: Vec<RawTx>,
    ) -> Vec<Result<bool, Rejected>> {
        let mut overlay = Overlay::new(source);
        let welcome: Vec<_> =
            raws.into_iter().map(|raw| self.welcome(rules, at, &overlay, raw)).collect();
        prefetch(&mut overlay, welcome.iter().flatten()).await;
        let mut ahead = Ahead::new();
        let mut all = Vec::with_capacity(welcome.len());
        for candidate in welcome {
            all.push(match candidate {
                Ok(candidate) => self.prepare(rules, at, &mut overlay, &mut ahead, candidate).await,
                Err(rejected) => Err(rejected),
            });
        }
        self.checks.fetch_add(all.iter().flatten().map(|_| 1).sum(), Ordering::Relaxed);
        let are_all_signed = are_signed(all.iter().flatten().flat_map(|ready| &ready.items));
        let mut verdicts = Vec::with_capacity(all.len());
        for ready in all {
            verdicts.push(match ready {
                Ok(ready) if are_all_signed || are_signed(&ready.items) => {
                    self.finish(rules, at, &mut overlay, ready).await
                }
                Ok(_) => Err(Rejected::BadSignature),
                Err(rejected) => Err(rejected),
            });
        }
        verdicts
    }

    /// What can be said without the state.
    fn welcome<S: Source>(
        &self,
        rules: &Rules,
        at: At,
        nothing: &Overlay<'_, S>,
        raw: RawTx,
    ) -> Result<Candidate, Rejected> {
        let candidate = Candidate::decode(raw).ok_or(Rejected::Malformed)?;
        // With nothing loaded the rules say what they can say without the state.
        if let Err(ApplyError::Refused(refusal)) =
            apply(rules, at.position(0), nothing, &candidate.tx)
        {
            return Err(refusal.into());
        }
        self.lock().room(&candidate)?;
        Ok(candidate)
    }

    /// Everything before the signatures.
    async fn prepare<S: Source>(
        &self,
        rules: &Rules,
        at: At,
        overlay: &mut Overlay<'_, S>,
        ahead: &mut Ahead,
        candidate: Candidate,
    ) -> Result<Ready, Rejected> {
        let reads_little = footprint(&candidate.tx).len() <= FEW;
        let turn = if reads_little {
            self.judge(rules, at, overlay, ahead, &candidate).await?
        } else {
            self.greet(overlay, ahead, &candidate.tx).await?
        };
        let items = signatures(rules, overlay, &candidate.tx).await?;
        ahead.insert((candidate.tx.signer, candidate.tx.nonce));
        Ok(Ready { candidate, items, is_open: !reads_little && turn == Turn::Now })
    }

    /// Everything after the signatures, which hold.
    async fn finish<S: Source>(
        &self,
        rules: &Rules,
        at: At,
        overlay: &mut Overlay<'_, S>,
        ready: Ready,
    ) -> Result<bool, Rejected> {
        let Ready { mut candidate, items, is_open } = ready;
        candidate.checked = Some(items_hash(&items));
        if is_open {
            attempt(rules, at.position(0), overlay, &candidate, false).await?;
        }
        Ok(self.insert(candidate)?)
    }

    /// How many arrivals had their signatures checked.
    #[cfg(test)]
    pub(super) fn signature_checks(&self) -> u64 {
        self.checks.load(Ordering::Relaxed)
    }

    /// What the rules say, but for the signatures.
    async fn judge<S: Source>(
        &self,
        rules: &Rules,
        at: At,
        overlay: &mut Overlay<'_, S>,
        ahead: &Ahead,
        candidate: &Candidate,
    ) -> Result<Turn, Rejected> {
        match attempt(rules, at.position(0), overlay, candidate, false).await {
            Ok(_) => Ok(Turn::Now),
            Err(Refused::Rules(Refusal::WrongNonce)) => {
                self.turn(&device(overlay, &candidate.tx)?, ahead, &candidate.tx)
            }
            Err(refused) => Err(refused.into()),
        }
    }

    /// Whether the signer is there and this is its next word.
    async fn greet<S: Source>(
        &self,
        overlay: &mut Overlay<'_, S>,
        ahead: &Ahead,
        tx: &Tx,
    ) -> Result<Turn, Rejected> {
        overlay.load(&[Key::Device(tx.signer)]).await;
        let device = device(overlay, tx)?;
        if !device.is_active() {
            return Err(Refusal::DeviceInactive.into());
        }
        self.turn(&device, ahead, tx)
    }

    fn turn(&self, device: &DeviceRecord, ahead: &Ahead, tx: &Tx) -> Result<Turn, Rejected> {
        let next = device.next_nonce;
        if tx.nonce == next {
            return Ok(Turn::Now);
        }
        let most = u64::try_from(MAX_PER_DEVICE).unwrap_or(0);
        let is_near = tx.nonce > next && tx.nonce < next.saturating_add(most);
        let before = tx.nonce.saturating_sub(1);
        let is_behind_others =
            is_near && (ahead.contains(&(tx.signer, before)) || self.has_nonce(&tx.signer, before));
        if is_behind_others { Ok(Turn::Later) } else { Err(Refusal::WrongNonce.into()) }
    }
}

/// The record of the signing device, once it is loaded.
fn device<S: Source>(overlay: &Overlay<'_, S>, tx: &Tx) -> Result<DeviceRecord, Rejected> {
    match overlay.get(&Key::Device(tx.signer)) {
        Ok(Some(Record::Device(device))) => Ok(device),
        // Who is no device has a nonce of its own, and never one that waits behind others.
        Ok(Some(_)) | Err(_) => Err(Refusal::WrongNonce.into()),
        Ok(None) => Err(Refusal::UnknownDevice.into()),
    }
}
