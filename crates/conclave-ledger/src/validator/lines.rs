//! The channels of consensus, split by epoch.
//!
//! Messages of the next epoch are held back until it begins here: its first leader may be a moment
//! ahead, and its proposal must not be lost. What comes for any other epoch only says who is ahead.

use std::{collections::VecDeque, fmt, num::NonZeroUsize};

use commonware_cryptography::ed25519::PublicKey;
use commonware_p2p::{
    Channel, Message, Receiver, Sender,
    utils::mux::{Builder as _, MuxHandle, Muxer, SubReceiver, SubSender},
};
use tokio::sync::mpsc;

use super::wiring::Runtime;

/// Messages of the next epoch that are held back, per channel.
const EARLY: usize = 1_024;

/// The channels of all epochs, and what comes for those that are not open.
pub(super) struct Lines<S: Sender<PublicKey = PublicKey>> {
    votes: MuxHandle<S>,
    pub(super) beyond_votes: mpsc::Receiver<(Channel, Message<PublicKey>)>,
    certificates: MuxHandle<S>,
    pub(super) beyond_certificates: mpsc::Receiver<(Channel, Message<PublicKey>)>,
    resolver: MuxHandle<S>,
}

/// The channels of one epoch.
pub(super) struct EpochLines<S: Sender<PublicKey = PublicKey>> {
    pub(super) votes: Line<S>,
    pub(super) certificates: Line<S>,
    pub(super) resolver: (SubSender<S>, SubReceiver<PublicKey>),
}

impl<S: Sender<PublicKey = PublicKey>> Lines<S> {
    /// Splits three channels by epoch.
    pub(super) fn over<E, R>(
        context: &E,
        votes: (S, R),
        certificates: (S, R),
        resolver: (S, R),
    ) -> Self
    where
        E: Runtime,
        R: Receiver<PublicKey = PublicKey>,
    {
        let mux = Muxer::builder(context.child("votes_mux"), votes.0, votes.1).with_backup();
        let (mux, votes, beyond_votes) = mux.build();
        mux.start();
        let context_of = context.child("certificates_mux");
        let mux = Muxer::builder(context_of, certificates.0, certificates.1).with_backup();
        let (mux, certificates, beyond_certificates) = mux.build();
        mux.start();
        let (mux, resolver) = Muxer::new(context.child("resolver_mux"), resolver.0, resolver.1);
        mux.start();
        Self { votes, beyond_votes, certificates, beyond_certificates, resolver }
    }

    /// Opens the channels of an epoch; `None` when the network has stopped.
    pub(super) async fn open(&mut self, epoch: u64) -> Option<EpochLines<S>> {
        Some(EpochLines {
            votes: Line::new(self.votes.register(epoch).await.ok()?),
            certificates: Line::new(self.certificates.register(epoch).await.ok()?),
            resolver: self.resolver.register(epoch).await.ok()?,
        })
    }
}

/// One channel of an epoch that may not have begun.
pub(super) struct Line<S: Sender<PublicKey = PublicKey>> {
    sender: SubSender<S>,
    receiver: Held,
}

impl<S: Sender<PublicKey = PublicKey>> Line<S> {
    fn new((sender, inner): (SubSender<S>, SubReceiver<PublicKey>)) -> Self {
        Self { sender, receiver: Held { early: VecDeque::new(), inner } }
    }

    /// Holds the next message back and says whose it is; `None` when the network has stopped.
    pub(super) async fn hold(&mut self) -> Option<PublicKey> {
        let message = self.receiver.inner.recv().await.ok()?;
        let peer = message.0.clone();
        if self.receiver.early.len() < EARLY {
            self.receiver.early.push_back(message);
        }
        Some(peer)
    }
}

impl<S: Sender<PublicKey = PublicKey>> From<Line<S>> for (SubSender<S>, Held) {
    fn from(line: Line<S>) -> Self {
        (line.sender, line.receiver)
    }
}

/// A channel that first gives what was held back.
pub(super) struct Held {
    early: VecDeque<Message<PublicKey>>,
    inner: SubReceiver<PublicKey>,
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").field("early", &self.early.len()).finish_non_exhaustive()
    }
}

impl Receiver for Held {
    type Error = <SubReceiver<PublicKey> as Receiver>::Error;
    type PublicKey = PublicKey;

    async fn recv(&mut self) -> Result<Message<PublicKey>, Self::Error> {
        match self.early.pop_front() {
            Some(message) => Ok(message),
            None => self.inner.recv().await,
        }
    }

    fn capacity(&self) -> NonZeroUsize {
        self.inner.capacity()
    }
}
