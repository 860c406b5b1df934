//! Validators that lie: the engine's own misbehaving actors in the place of a validator, and twins.
//!
//! A traitor holds a key of the committee and sits on its channels. Twins are the strongest: two
//! whole validators under one key, each heard by another half of the others, so that both halves
//! see a validator that keeps every rule.

use std::{collections::BTreeSet, sync::Arc};

use commonware_consensus::{
    simplex::{
        elector::RoundRobin,
        mocks::{
            conflicter::{self, Conflicter},
            equivocator::{self, Equivocator},
            impersonator::{self, Impersonator},
            nuller::{self, Nuller},
            nullify_only::{self, NullifyOnly},
            outdated::{self, Outdated},
            relay::Relay,
        },
        scheme::ed25519::Scheme,
    },
    types::{Epoch, ViewDelta},
};
use commonware_cryptography::{Sha256, Signer as _, ed25519::PublicKey};
use commonware_glue::simulate::engine::{ChannelPair, InitContext};
use commonware_p2p::{
    Recipients,
    simulated::{Oracle, SplitForwarder, SplitOrigin, SplitTarget},
    utils::mux::Muxer,
};
use commonware_runtime::{Handle, IoBuf, Spawner as _, Supervisor as _, deterministic::Context};

use super::{Channel, Seat, World};
use crate::validator::network::Network;

/// How a validator lies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Traitor {
    /// Votes for what it is asked to and for something else.
    Conflicter,
    /// Proposes different blocks to different validators.
    Equivocator,
    /// Votes in the name of others.
    Impersonator,
    /// Votes to skip a view and to finalize it.
    Nuller,
    /// Votes to skip every view.
    NullifyOnly,
    /// Votes again in views that are long over.
    Outdated,
    /// Is there twice.
    Twins,
    /// Dates its blocks as far ahead as a step may go.
    Hasty,
}

impl Traitor {
    /// All of them that break a rule of the engine.
    pub(super) const ALL: [Self; 7] = [
        Self::Conflicter,
        Self::Equivocator,
        Self::Impersonator,
        Self::Nuller,
        Self::NullifyOnly,
        Self::Outdated,
        Self::Twins,
    ];
}

/// Half of the others, and the other half.
type Halves = [Arc<BTreeSet<PublicKey>>; 2];

/// The channel of a validator that is there once and heard by everyone.
pub(super) fn whole(
    (sender, receiver): ChannelPair<PublicKey>,
    everyone: &[PublicKey],
) -> Channel<impl SplitForwarder<PublicKey> + use<>> {
    let everyone = Arc::new(everyone.iter().cloned().collect());
    (sender.split_with(heard_by([Arc::clone(&everyone), everyone])).0, receiver)
}

/// Starts a traitor in the place of a validator.
pub(super) fn start(
    world: &World,
    traitor: Traitor,
    ctx: InitContext<'_, PublicKey>,
) -> Handle<()> {
    let InitContext { context, index, oracle, channels, .. } = ctx;
    if traitor == Traitor::Twins {
        return twins(world, context, index, oracle.clone(), channels);
    }
    if traitor == Traitor::Hasty {
        return hasty(world, context, index, oracle.clone(), channels);
    }
    let network = Network::of(&world.genesis).unwrap();
    let scheme = network.committee().signer(world.keys[index].clone()).unwrap();
    let mut channels = channels.into_iter();
    let (votes, certificates) = (channels.next().unwrap(), channels.next().unwrap());
    // A dropped channel is closed; the others would notice a peer that hangs up.
    context.spawn(move |context| async move {
        let child = context.child("traitor");
        // It lies in the first epoch, which is long enough.
        let (mux, mut lines) = Muxer::new(context.child("votes"), votes.0, votes.1);
        mux.start();
        let votes = lines.register(0).await.unwrap();
        let (mux, mut lines) =
            Muxer::new(context.child("certificates"), certificates.0, certificates.1);
        mux.start();
        let certificates = lines.register(0).await.unwrap();
        let acting = match traitor {
            Traitor::Conflicter => {
                Conflicter::<_, Scheme, Sha256>::new(child, conflicter::Config { scheme })
                    .start(votes)
            }
            Traitor::Equivocator => {
                let config = equivocator::Config {
                    scheme,
                    elector: RoundRobin::<Sha256>::default(),
                    epoch: Epoch::zero(),
                    relay: Arc::new(Relay::new()),
                };
                Equivocator::<_, _, _, Sha256>::new(child, config).start(votes, certificates)
            }
            Traitor::Impersonator => {
                Impersonator::<_, Scheme, Sha256>::new(child, impersonator::Config { scheme })
                    .start(votes)
            }
            Traitor::Nuller => {
                Nuller::<_, Scheme, Sha256>::new(child, nuller::Config { scheme }).start(votes)
            }
            Traitor::NullifyOnly => {
                NullifyOnly::<_, Scheme, Sha256>::new(child, nullify_only::Config { scheme })
                    .start(votes)
            }
            Traitor::Outdated | Traitor::Twins | Traitor::Hasty => {
                let config = outdated::Config { scheme, view_delta: ViewDelta::new(5) };
                Outdated::<_, Scheme, Sha256>::new(child, config).start(votes)
            }
        };
        let _ = acting.await;
        drop(channels);
    })
}

/// A whole validator but for the dates of its blocks.
fn hasty(
    world: &World,
    context: Context,
    index: usize,
    oracle: Oracle<PublicKey, Context>,
    channels: Vec<ChannelPair<PublicKey>>,
) -> Handle<()> {
    let everyone: Vec<_> = world.keys.iter().map(|key| key.public_key()).collect();
    // What it reports is not what an honest validator reports.
    let (monitor, _) = commonware_utils::channel::mpsc::unbounded_channel();
    let seat = Seat {
        context,
        index,
        prefix: format!("hasty-{index}"),
        oracle,
        channels: channels.into_iter().map(|channel| whole(channel, &everyone)).collect(),
        monitor,
        is_honest: false,
    };
    world.sit(seat).0
}

/// Two whole validators with one key: every second one of the others hears the first, the rest
/// hear the second, and each twin hears only those who hear it.
fn twins(
    world: &World,
    context: Context,
    index: usize,
    oracle: Oracle<PublicKey, Context>,
    channels: Vec<ChannelPair<PublicKey>>,
) -> Handle<()> {
    let me = world.keys[index].public_key();
    let mut halves = [BTreeSet::new(), BTreeSet::new()];
    let others = world.keys.iter().map(|key| key.public_key()).filter(|key| *key != me);
    for (place, key) in others.enumerate() {
        halves[place % 2].insert(key);
    }
    let halves: Halves = halves.map(Arc::new);
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for (number, (sender, receiver)) in channels.into_iter().enumerate() {
        let senders = sender.split_with(heard_by(halves.clone()));
        let known = halves.clone();
        let context = context.child("split").with_attribute("channel", number);
        let receivers = receiver.split_with(context, move |(from, _)| {
            if known[0].contains(from) { SplitTarget::Primary } else { SplitTarget::Secondary }
        });
        first.push((senders.0, receivers.0));
        second.push((senders.1, receivers.1));
    }
    let world = world.clone();
    // What the twins report is not what an honest validator reports.
    let (monitor, _) = commonware_utils::channel::mpsc::unbounded_channel();
    context.spawn(move |context| async move {
        let sit = |name: &'static str, channels| {
            world.sit(Seat {
                context: context.child(name),
                index,
                prefix: format!("{name}-{index}"),
                oracle: oracle.clone(),
                channels,
                monitor: monitor.clone(),
                is_honest: false,
            })
        };
        let (first, _) = sit("first", first);
        let (second, _) = sit("second", second);
        let _ = futures::join!(first, second);
    })
}

/// Who hears what each of two twins says.
fn heard_by(halves: Halves) -> impl SplitForwarder<PublicKey> + use<> {
    move |origin: SplitOrigin, to: &Recipients<PublicKey>, _: &IoBuf| {
        let half = match origin {
            SplitOrigin::Primary => &halves[0],
            SplitOrigin::Secondary => &halves[1],
        };
        let hears = |key: &&PublicKey| half.contains(*key);
        let chosen: Vec<PublicKey> = match to {
            Recipients::All => half.iter().cloned().collect(),
            Recipients::Some(keys) => keys.iter().filter(hears).cloned().collect(),
            Recipients::One(key) => [key].into_iter().filter(hears).cloned().collect(),
        };
        (!chosen.is_empty()).then_some(Recipients::Some(chosen))
    }
}
