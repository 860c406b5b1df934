//! Counts the blocks this validator signed: its own votes to make a block final, once that block is.

use std::sync::Arc;

use commonware_actor::Feedback;
use commonware_consensus::{
    Reporter,
    simplex::{
        scheme::ed25519::Scheme,
        types::{Activity, Attributable as _},
    },
};
use commonware_cryptography::sha256::Digest;
use conclave_protocol::ValidatorKey;

use super::finality::Finality;
use crate::committee::Committee;

/// Listens to the consensus of one epoch.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    committee: Committee,
    me: ValidatorKey,
    finality: Arc<Finality>,
}

impl Tally {
    pub(super) const fn new(
        committee: Committee,
        me: ValidatorKey,
        finality: Arc<Finality>,
    ) -> Self {
        Self { committee, me, finality }
    }
}

impl Reporter for Tally {
    type Activity = Activity<Scheme, Digest>;

    fn report(&mut self, activity: Self::Activity) -> Feedback {
        if let Activity::Finalize(vote) = &activity
            && self.committee.key(vote.signer()) == Some(self.me)
        {
            let round = vote.proposal.round;
            self.finality.meter().voted((round.epoch().get(), round.view().get()));
        }
        Feedback::Ok
    }
}
