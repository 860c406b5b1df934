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
    ApplyError, DeviceId, Key, Record, Refusal, Rules, Tx, View as _, apply, footprint, next_nonce,
    signed::Item,
};

use super::{MAX_PER_DEVICE, Mempool};
use crate::{
    block::RawTx,
    execution::{
        At, Candidate, Checked, Overlay, Refused, Source, are_signed, attempt, items_hash,
        prefetch, signatures,
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
        prefetch(&mut overlay, welcome.iter().flatten().filter(|tx| reads_little(tx))).await;
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
        let reads_little = reads_little(&candidate);
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
        candidate.checked = Checked::Seen(items_hash(&items));
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
                // Whoever the rules asked for the nonce of is loaded.
                let next = next_nonce(&*overlay, &candidate.tx).ok().flatten();
                self.turn(next.ok_or(Refusal::WrongNonce)?, ahead, &candidate.tx)
            }
            Err(refused) => Err(refused.into()),
        }
    }

    /// Whether the signing device is there and this is its next word.
    async fn greet<S: Source>(
        &self,
        overlay: &mut Overlay<'_, S>,
        ahead: &Ahead,
        tx: &Tx,
    ) -> Result<Turn, Rejected> {
        let key = Key::Device(tx.signer);
        overlay.load(std::slice::from_ref(&key)).await;
        let Ok(Some(Record::Device(device))) = overlay.get(&key) else {
            return Err(Refusal::UnknownDevice.into());
        };
        if !device.is_active() {
            return Err(Refusal::DeviceInactive.into());
        }
        self.turn(device.next_nonce, ahead, tx)
    }

    fn turn(&self, next: u64, ahead: &Ahead, tx: &Tx) -> Result<Turn, Rejected> {
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

/// Whether the rules can judge it for less than its signatures cost.
fn reads_little(candidate: &Candidate) -> bool {
    footprint(&candidate.tx).len() <= FEW
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use conclave_protocol::{
        ClaimHandle, Context, DeviceId, Digest, Ed25519Signer, EpochRecord, Genesis, MeetingId,
        Params, RegisterUser, Roster, Seconds, Signer as _, Term, UserId, UserInfo,
        codec::{Set, Text},
        encode,
        identity::{Gate, Handle},
        tx::Role,
    };
    use proptest::{collection::vec, prelude::*, test_runner::TestRunner};

    use super::*;
    use crate::mempool::Full;

    const AT: At = At { height: 5, time_ms: 1_000_000 };
    const NOW: u64 = 1_000;

    /// A state in memory.
    #[derive(Default)]
    struct State(BTreeMap<Key, Record>);

    impl Source for State {
        async fn load(&self, keys: &[Key]) -> Vec<Option<Record>> {
            keys.iter().map(|key| self.0.get(key).cloned()).collect()
        }
    }

    /// A network with one registered user.
    struct World {
        rules: Rules,
        state: State,
        mempool: Mempool,
        device: Ed25519Signer,
        dev: DeviceId,
        user: UserId,
        last: Digest,
    }

    impl World {
        fn new() -> Self {
            let sponsor = Ed25519Signer::from_seed(&[1; 32]);
            let validators = vec![sponsor.validator()];
            let genesis = Genesis::new("test", 0, validators, Params::default()).unwrap();
            let rules = Rules::from(&genesis);
            let device = Ed25519Signer::from_seed(&[2; 32]);
            let tx = registration(&rules, &sponsor, &device);
            let mut state = State::default();
            let changes = apply(&rules, AT.position(0), &state.0, &tx).unwrap();
            state.0.extend(changes.writes.into_iter().map(|(key, new)| (key, new.unwrap())));
            let Some(Record::Device(record)) = state.0.get(&Key::Device(tx.signer)) else {
                panic!("the device is registered")
            };
            let (dev, user, last) = (tx.signer, record.user, Digest(tx.id().0));
            Self { rules, state, mempool: Mempool::new(), device, dev, user, last }
        }

        /// A claim of a handle: something the rules would take with nonce 1.
        fn claim(&self, nonce: u64) -> Tx {
            let name = Handle::new("ada").unwrap();
            let body = ClaimHandle { user: self.user, name, seq: 1, prev: self.last };
            Tx::new(self.rules.chain_id, self.dev, nonce, Seconds(NOW + 60), body)
        }

        async fn admit(&self, bytes: impl Into<bytes::Bytes>) -> Result<bool, Rejected> {
            let raw = RawTx::new(bytes.into()).ok_or(Rejected::Malformed)?;
            self.admit_all(vec![raw]).await.pop().unwrap()
        }

        async fn admit_all(&self, raws: Vec<RawTx>) -> Vec<Result<bool, Rejected>> {
            self.mempool.admit(&self.rules, AT, &self.state, raws).await
        }

        async fn refused(&self, tx: Tx) -> Rejected {
            self.admit(encode(&tx.sign(&self.device))).await.unwrap_err()
        }
    }

    fn registration(rules: &Rules, sponsor: &Ed25519Signer, device: &Ed25519Signer) -> Tx {
        let info = UserInfo::Clear(Text::new("Ada").unwrap());
        let gate = Gate::Sponsor(sponsor.validator());
        let body = RegisterUser::new(&rules.chain_id, device.ivk(), [3; 16], info, gate);
        let word = sponsor.sign(Context::Sponsor, &rules.chain_id, &body.sponsor_message());
        Tx::new(rules.chain_id, body.dev, 0, Seconds(NOW + 60), body)
            .sign(device)
            .with(Role::Sponsor, word)
    }

    #[tokio::test]
    async fn a_flood_of_garbage_costs_no_check_of_a_signature() {
        let world = World::new();
        let claim = |nonce| world.claim(nonce);
        let mut flood = Vec::new();
        flood.push(world.refused(Tx { chain_id: [9; 32].into(), ..claim(1) }).await);
        flood.push(world.refused(Tx { expiry: Seconds(NOW - 1), ..claim(1) }).await);
        flood.push(world.refused(Tx { expiry: Seconds(NOW + 100_000), ..claim(1) }).await);
        flood.push(world.refused(Tx { signer: DeviceId([7; 32]), ..claim(1) }).await);
        flood.push(world.refused(claim(0)).await);
        flood.push(world.refused(claim(3)).await);
        let stranger = Ed25519Signer::from_seed(&[8; 32]);
        let unsponsored = registration(&world.rules, &stranger, &stranger);
        flood.push(world.admit(encode(&unsponsored)).await.unwrap_err());
        let unsigned = world.admit(encode(&claim(1))).await.unwrap_err();
        use Refusal::{
            Expired, ExpiryTooFar, MissingSignature, UnknownDevice, UnknownSponsor, WrongChain,
            WrongNonce,
        };
        let expected = [
            WrongChain,
            Expired,
            ExpiryTooFar,
            UnknownDevice,
            WrongNonce,
            WrongNonce,
            UnknownSponsor,
        ];
        assert_eq!(flood, expected.map(Rejected::Refused));
        assert_eq!(unsigned, Rejected::Refused(MissingSignature(Role::Signer)));
        assert_eq!(world.admit(vec![0; 5_000]).await, Err(Rejected::Malformed));
        assert_eq!(world.mempool.signature_checks(), 0);
        assert_eq!(world.mempool.len(), 0);
    }

    #[test]
    fn random_bytes_cost_no_check_of_a_signature() {
        let world = World::new();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let good = encode(&world.claim(1).sign(&world.device));
        TestRunner::default()
            .run(&(vec(any::<u8>(), 0..400), 0..good.len()), |(bytes, cut)| {
                let _ = runtime.block_on(world.admit(bytes));
                let _ = runtime.block_on(world.admit(good[..cut].to_vec()));
                Ok(())
            })
            .unwrap();
        assert_eq!((world.mempool.signature_checks(), world.mempool.len()), (0, 0));
    }

    #[tokio::test]
    async fn what_would_be_taken_is_checked_once_and_a_forgery_does_not_wait() {
        let world = World::new();
        let forger = Ed25519Signer::from_seed(&[9; 32]);
        let forged = encode(&world.claim(1).sign(&forger));
        assert_eq!(world.admit(forged).await, Err(Rejected::BadSignature));
        assert_eq!((world.mempool.signature_checks(), world.mempool.len()), (1, 0));
        let tx = encode(&world.claim(1).sign(&world.device));
        assert_eq!(world.admit(tx).await, Ok(true));
        assert_eq!(world.mempool.signature_checks(), 2);
        // What would wait behind it is taken in its turn, and nobody takes the same turn twice.
        assert_eq!(world.admit(encode(&world.claim(2).sign(&world.device))).await, Ok(true));
        let again = Tx { expiry: Seconds(NOW + 61), ..world.claim(2) };
        assert_eq!(world.refused(again).await, Rejected::from(Full::Nonce));
        assert_eq!(world.mempool.signature_checks(), 3);
    }

    #[tokio::test]
    async fn a_full_pool_and_a_full_device_cost_no_check_of_a_signature() {
        let world = World::new();
        for nonce in 1..=32 {
            let tx = world.claim(nonce).sign(&world.device);
            assert_eq!(world.admit(encode(&tx)).await, Ok(true));
        }
        assert_eq!(world.refused(world.claim(33)).await, Rejected::from(Full::Device));
        assert_eq!(world.mempool.signature_checks(), 32);
    }

    #[tokio::test]
    async fn what_reads_much_shows_its_signature_before_it_is_read_for() {
        let world = World::new();
        let body = EpochRecord {
            mid: MeetingId([5; 32]),
            term: Term(1),
            epoch: conclave_protocol::Epoch(1),
            prev: Digest::default(),
            roster: Roster::new((0..200).map(conclave_protocol::MemberIdx)).unwrap(),
            added: Set::default(),
            removed: Set::default(),
            unbanned: Set::default(),
            mk_commit: Digest::default(),
            roster_hash: Digest::default(),
        };
        let record = |nonce| {
            Tx::new(world.rules.chain_id, world.dev, nonce, Seconds(NOW + 60), body.clone())
        };
        assert_eq!(world.refused(record(7)).await, Rejected::Refused(Refusal::WrongNonce));
        let stranger = Tx { signer: DeviceId([7; 32]), ..record(1) };
        assert_eq!(world.refused(stranger).await, Rejected::Refused(Refusal::UnknownDevice));
        assert_eq!(world.mempool.signature_checks(), 0);
        let forged = record(1).sign(&Ed25519Signer::from_seed(&[9; 32]));
        assert_eq!(world.admit(encode(&forged)).await, Err(Rejected::BadSignature));
        assert_eq!(world.refused(record(1)).await, Rejected::Refused(Refusal::UnknownMeeting));
        assert_eq!(world.mempool.signature_checks(), 2);
    }

    #[tokio::test]
    async fn one_forgery_does_not_spoil_what_came_with_it() {
        let world = World::new();
        let raw = |tx: Tx| RawTx::new(encode(&tx).into()).unwrap();
        let forger = Ed25519Signer::from_seed(&[9; 32]);
        let txs = vec![
            raw(world.claim(1).sign(&world.device)),
            raw(world.claim(2).sign(&world.device)),
            raw(world.claim(3).sign(&forger)),
            raw(world.claim(7).sign(&world.device)),
        ];
        let verdicts = world.admit_all(txs).await;
        let wrong_nonce = Err(Rejected::Refused(Refusal::WrongNonce));
        assert_eq!(verdicts, [Ok(true), Ok(true), Err(Rejected::BadSignature), wrong_nonce]);
        assert_eq!((world.mempool.signature_checks(), world.mempool.len()), (3, 2));
    }
}
