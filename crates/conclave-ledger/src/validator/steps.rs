//! The handovers between validator sets, kept on disk and passed between validators.
//!
//! Kept: every step from the genesis set to the present one, so that a restarted validator knows who
//! seals the next block before it looks at any state, and clients can be shown the way. Passed on: a
//! validator that would fetch a recent state asks its peers for the steps first, verifies each by
//! the set before it, and learns from enough of them which epoch it is.

use std::{collections::BTreeMap, sync::Arc};

use bytes::{BufMut, Bytes};
use commonware_codec::{
    Buf, DecodeExt as _, Encode as _, EncodeSize, Error as CodecError, Read, ReadExt as _,
    ReadRangeExt as _, Write,
};
use commonware_cryptography::ed25519::PublicKey;
use commonware_macros::select;
use commonware_p2p::{Receiver, Recipients, Sender};
use commonware_storage::metadata::{self, Metadata};
use commonware_utils::sequence::U64;
use conclave_protocol::ValidatorKey;
use tokio::sync::{Mutex, watch};

use super::{schemes::Schemes, wiring::Runtime};
use crate::{
    block::to_bytes,
    handover::{Handover, HandoversAnswer, MAX_HANDOVERS},
};

/// Longest text of where a validator is reached.
const MAX_CONTACT: usize = 56;

/// Most steps of one message between validators.
const MAX_STEPS: usize = 32;

/// One handover, and where the validator that came in by it is reached.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// The proof.
    pub(crate) handover: Handover,
    /// `host:port` of the new validator; nobody proves it, and whoever answers there proves the key.
    pub(crate) contact: Option<(ValidatorKey, String)>,
}

impl Write for Step {
    fn write(&self, buf: &mut impl BufMut) {
        self.handover.write(buf);
        let contact = self.contact.as_ref().map(|(key, at)| (key.0, at.as_bytes().to_vec()));
        contact.write(buf);
    }
}

impl EncodeSize for Step {
    fn encode_size(&self) -> usize {
        let contact = self.contact.as_ref().map(|(key, at)| (key.0, at.as_bytes().to_vec()));
        self.handover.encode_size() + contact.encode_size()
    }
}

impl Read for Step {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, CodecError> {
        let handover = Handover::read(buf)?;
        let contact = if bool::read(buf)? {
            let key = <[u8; 32]>::read(buf)?;
            let at = Vec::<u8>::read_range(buf, ..=MAX_CONTACT)?;
            let at = String::from_utf8(at)
                .map_err(|_| CodecError::Invalid("Step", "contact is not text"))?;
            Some((ValidatorKey(key), at))
        } else {
            None
        };
        Ok(Self { handover, contact })
    }
}

/// The steps on disk. Clones share them.
pub(crate) struct Steps<E: Runtime> {
    kept: Arc<Mutex<Option<Metadata<E, U64, Step>>>>,
}

/// The steps of a validator that may crash: whoever looks on does not keep its files open.
#[cfg(test)]
pub(crate) struct SeenSteps<E: Runtime>(std::sync::Weak<Mutex<Option<Metadata<E, U64, Step>>>>);

#[cfg(test)]
impl<E: Runtime> SeenSteps<E> {
    /// The steps, unless the validator crashed.
    pub(crate) fn now(&self) -> Option<Steps<E>> {
        self.0.upgrade().map(|kept| Steps { kept })
    }
}

#[cfg(test)]
impl<E: Runtime> Steps<E> {
    /// The same, without keeping them open.
    pub(crate) fn seen(&self) -> SeenSteps<E> {
        SeenSteps(Arc::downgrade(&self.kept))
    }
}

impl<E: Runtime> Clone for Steps<E> {
    fn clone(&self) -> Self {
        Self { kept: Arc::clone(&self.kept) }
    }
}

#[expect(clippy::expect_used, reason = "the engine panics on storage failure by design")]
impl<E: Runtime> Steps<E> {
    /// Opens the steps on disk and lets `schemes` follow them.
    pub(crate) async fn open(context: E, prefix: &str, schemes: &Schemes) -> Self {
        let config =
            metadata::Config { partition: format!("{prefix}-handovers-kept"), codec_config: () };
        let kept = Metadata::<E, U64, Step>::init(context, config).await.expect("handovers open");
        for number in 0u64.. {
            let Some(step) = kept.get(&U64::new(number)) else { break };
            schemes.follow(&step.handover).expect("kept handovers hold");
        }
        let (epoch, _) = schemes.newest();
        schemes.reach(epoch);
        Self { kept: Arc::new(Mutex::new(Some(kept))) }
    }

    /// Takes a step if it is the next one and proven, and keeps it. On disk when this returns.
    pub(crate) async fn take(
        &self,
        schemes: &Schemes,
        step: Step,
    ) -> Result<bool, crate::light::Refusal> {
        let mut slot = self.kept.lock().await;
        let number = u64::try_from(schemes.handovers()).unwrap_or(u64::MAX);
        let kept = slot.take().expect("handovers are open");
        // Kept first: an epoch begins only after its set is on disk.
        let mut ahead = schemes.sets();
        let is_new = match ahead.follow(&step.handover) {
            Ok(is_new) => is_new,
            Err(refusal) => {
                *slot = Some(kept);
                return Err(refusal);
            }
        };
        let kept = if is_new {
            let handover = step.handover.clone();
            let kept = kept.put_sync(U64::new(number), step).await.expect("a handover is kept");
            schemes.follow(&handover)?;
            kept
        } else {
            kept
        };
        *slot = Some(kept);
        Ok(is_new)
    }

    /// The steps from number `from` on.
    async fn list(&self, from: u64, most: usize) -> Vec<Step> {
        let slot = self.kept.lock().await;
        let kept = slot.as_ref().expect("handovers are open");
        (from..).map_while(|number| kept.get(&U64::new(number)).cloned()).take(most).collect()
    }

    /// What a client is shown that knows `from` of them.
    pub(crate) async fn answer(&self, from: u32) -> Bytes {
        let steps = self.list(from.into(), MAX_HANDOVERS).await;
        to_bytes(&HandoversAnswer(steps.into_iter().map(|step| step.handover).collect()))
    }

    /// Where validators that came by a change are reached, as far as is known; the last word counts.
    pub(crate) async fn contacts(&self) -> BTreeMap<ValidatorKey, String> {
        self.list(0, usize::MAX).await.into_iter().filter_map(|step| step.contact).collect()
    }
}

/// What validators tell each other of the steps.
enum Message {
    /// So many are known here: what comes next?
    Ask(u32),
    /// The epoch of the newest block, how many steps lead to it, and some of them.
    Tell { epoch: u64, total: u32, steps: Vec<Step> },
}

impl Write for Message {
    fn write(&self, buf: &mut impl BufMut) {
        match self {
            Self::Ask(known) => {
                0u8.write(buf);
                known.write(buf);
            }
            Self::Tell { epoch, total, steps } => {
                1u8.write(buf);
                epoch.write(buf);
                total.write(buf);
                steps.write(buf);
            }
        }
    }
}

impl EncodeSize for Message {
    fn encode_size(&self) -> usize {
        1 + match self {
            Self::Ask(_) => 4,
            Self::Tell { steps, .. } => 8 + 4 + steps.encode_size(),
        }
    }
}

impl Read for Message {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, CodecError> {
        match u8::read(buf)? {
            0 => Ok(Self::Ask(u32::read(buf)?)),
            1 => Ok(Self::Tell {
                epoch: u64::read(buf)?,
                total: u32::read(buf)?,
                steps: Vec::<Step>::read_range(buf, ..=MAX_STEPS)?,
            }),
            tag => Err(CodecError::InvalidEnum(tag)),
        }
    }
}

/// Answers peers that ask for steps and, while `asking`, asks them and takes what they prove.
pub(crate) struct Exchange<E: Runtime> {
    pub(crate) context: E,
    pub(crate) steps: Steps<E>,
    pub(crate) schemes: Schemes,
    /// Whether this validator looks for the present epoch.
    pub(crate) asking: watch::Sender<bool>,
    /// Set whenever more peers than may be faulty have said which epoch it is.
    pub(crate) known: watch::Sender<bool>,
}

impl<E: Runtime> Exchange<E> {
    /// Runs until the channel closes.
    pub(crate) async fn run<S, R>(self, mut sender: S, mut receiver: R)
    where
        S: Sender<PublicKey = PublicKey>,
        R: Receiver<PublicKey = PublicKey>,
    {
        let mut claims = BTreeMap::new();
        let mut asking = self.asking.subscribe();
        loop {
            let is_asking = *asking.borrow_and_update();
            let pause = if is_asking { ASK } else { LONG };
            if is_asking {
                self.ask(&mut sender, Recipients::All);
            }
            let turn = self.context.current() + pause;
            loop {
                select! {
                    message = receiver.recv() => {
                        let Ok((peer, bytes)) = message else { return };
                        let Ok(message) = Message::decode(bytes) else {
                            tracing::warn!(%peer, "malformed handovers");
                            continue;
                        };
                        match message {
                            Message::Ask(known) => {
                                let answer = self.tell(known).await;
                                sender.send(Recipients::One(peer), answer.encode(), false);
                            },
                            Message::Tell { epoch, total, steps } if is_asking => {
                                if self.learn(&peer, steps, total).await {
                                    claims.insert(peer, epoch);
                                    self.judge(&claims);
                                } else {
                                    self.ask(&mut sender, Recipients::One(peer));
                                }
                            },
                            Message::Tell { .. } => {},
                        }
                    },
                    // Never an error: this task holds a sender itself.
                    _ = asking.changed() => break,
                    () = self.context.sleep_until(turn) => break,
                }
            }
        }
    }

    fn ask<S: Sender<PublicKey = PublicKey>>(&self, sender: &mut S, peers: Recipients<PublicKey>) {
        let known = u32::try_from(self.schemes.handovers()).unwrap_or(u32::MAX);
        sender.send(peers, Message::Ask(known).encode(), false);
    }

    async fn tell(&self, known: u32) -> Message {
        Message::Tell {
            epoch: self.schemes.horizon(),
            total: u32::try_from(self.schemes.handovers()).unwrap_or(u32::MAX),
            steps: self.steps.list(known.into(), MAX_STEPS).await,
        }
    }

    /// Takes the steps a peer proves; whether all that it knows are known here now.
    async fn learn(&self, peer: &PublicKey, steps: Vec<Step>, total: u32) -> bool {
        for step in steps {
            if let Err(refusal) = self.steps.take(&self.schemes, step).await {
                tracing::warn!(%peer, %refusal, "handover refused");
                return false;
            }
        }
        self.schemes.handovers() >= usize::try_from(total).unwrap_or(usize::MAX)
    }

    /// Believes an epoch that more members of the newest set claim than may be faulty.
    fn judge(&self, claims: &BTreeMap<PublicKey, u64>) {
        let (_, committee) = self.schemes.newest();
        let members = committee.members();
        let mut epochs: Vec<u64> = claims
            .iter()
            .filter(|(peer, _)| members.position(peer).is_some())
            .map(|(_, epoch)| *epoch)
            .collect();
        epochs.sort_unstable_by(|a, b| b.cmp(a));
        if let Some(epoch) = epochs.get(committee.faults()) {
            self.schemes.reach(*epoch);
            self.known.send_replace(true);
        }
    }
}

/// How often peers are asked.
const ASK: std::time::Duration = std::time::Duration::from_millis(200);
const LONG: std::time::Duration = std::time::Duration::from_secs(3_600);
