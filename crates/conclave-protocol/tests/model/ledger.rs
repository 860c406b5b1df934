//! The ledger as a model: what anybody may send next, and the state the rules make of it.

use std::{
    hash::{Hash, Hasher},
    sync::{Arc, Mutex},
};

use conclave_protocol::*;
use stateright::{Model, Property};

use crate::{
    mutants::Mutant,
    promises::{self, Heard},
    says::{self, Say},
    state::{Seen, State},
    world::{NOW, World},
};

/// A small network with one meeting.
pub(crate) struct Ledger {
    pub(crate) world: World,
    pub(crate) bounds: Bounds,
    /// The rule that is missing, if one is.
    pub(crate) mutant: Option<Mutant>,
    /// Which answers were heard, to show that the model is not vacuous.
    pub(crate) heard: Arc<Mutex<Heard>>,
}

/// Where the model stops looking. Time has no bound.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    /// Devices that may ask to join.
    pub(crate) guests: usize,
    /// Seats handed out, the founder's among them.
    pub(crate) seats: u16,
    /// The last epoch.
    pub(crate) epochs: u32,
    /// Most members of a roster.
    pub(crate) max_members: u16,
    /// Most devices that are revoked.
    pub(crate) revoked: usize,
}

impl Bounds {
    pub(crate) const fn small() -> Self {
        Self { guests: 2, seats: 3, epochs: 2, max_members: 2, revoked: 1 }
    }

    pub(crate) const fn large() -> Self {
        Self { guests: 3, seats: 4, epochs: 4, max_members: 3, revoked: 2 }
    }
}

/// What may happen next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Somebody sends a transaction.
    Say(Box<Say>),
    /// A second goes by, and with it a block.
    Tick,
}

impl Ledger {
    pub(crate) fn new(bounds: Bounds) -> Self {
        let world = World::new(bounds.guests, bounds.max_members);
        Self { world, bounds, mutant: None, heard: Arc::default() }
    }

    pub(crate) const fn seen<'a>(&'a self, state: &'a State) -> Seen<'a> {
        Seen { world: &self.world, state }
    }

    /// The answer of the rules, or of the rules less one.
    pub(crate) fn answer(&self, state: &State, say: &Say) -> Result<Changes, Refusal> {
        let seen = self.seen(state);
        let signer = &self.world.devices[say.who];
        let nonce = seen.device(signer.dev).next_nonce;
        let chain = self.world.rules.chain_id;
        let tx = Tx::new(chain, signer.dev, nonce, NOW.time, say.body.clone());
        let answer = match self.mutant {
            None => apply(&self.world.rules, NOW, &seen, &tx),
            Some(mutant) => mutant.apply(&seen, &tx),
        };
        answer.map_err(|error| match error {
            ApplyError::Refused(refusal) => refusal,
            other => panic!("{other}"),
        })
    }

    fn say(&self, state: &State, say: &Say) -> Option<State> {
        let answer = self.answer(state, say);
        self.heard.lock().unwrap().hear(say.body.kind(), &answer);
        let changes = answer.ok()?;
        let mut next = state.clone();
        next.write(changes);
        let broken = promises::broken(self.seen(state), self.seen(&next), say);
        next.broken = state.broken.or(broken);
        next.forget_what_no_rule_asks(&self.world);
        (next != *state).then_some(next)
    }
}

impl Model for Ledger {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let empty = State::default();
        let publish = says::publish(self.seen(&empty));
        vec![self.say(&empty, &publish).unwrap()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let seen = self.seen(state);
        actions.push(Action::Tick);
        let says = says::KINDS.iter().flat_map(|kind| kind(seen));
        actions.extend(says.map(Box::new).map(Action::Say));
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        match action {
            Action::Say(say) => self.say(state, &say),
            Action::Tick => {
                let mut next = state.clone();
                next.age();
                next.forget_what_no_rule_asks(&self.world);
                (next != *state).then_some(next)
            }
        }
    }

    fn properties(&self) -> Vec<Property<Self>> {
        promises::properties()
    }

    fn within_boundary(&self, state: &State) -> bool {
        let seen = self.seen(state);
        let meeting = seen.meeting();
        let devices = self.world.devices.iter();
        let revoked = devices.filter(|device| !seen.device(device.dev).is_active()).count();
        meeting.epoch.0 <= self.bounds.epochs
            && meeting.next_idx.0 <= self.bounds.seats
            && revoked <= self.bounds.revoked
    }
}

impl Hash for State {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        for (key, record) in &self.records {
            hasher.write(&encode(key));
            hasher.write(&encode(record));
        }
        self.broken.hash(hasher);
    }
}
