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
    world::{GUESTS, NOW, RETENTION, World},
};

/// A small network with one meeting.
pub(crate) struct Ledger {
    pub(crate) world: World,
    pub(crate) bounds: Bounds,
    pub(crate) scene: Scene,
    /// The rule that is missing, if one is.
    pub(crate) mutant: Option<Mutant>,
    /// Which answers were heard, to show that the model is not vacuous.
    pub(crate) heard: Arc<Mutex<Heard>>,
}

/// Which part of the rules is looked at: all at once is more than a test can see to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scene {
    /// A meeting ends or dies of silence, and at last leaves the state.
    Attic,
    /// Everybody of the roster may take the chair, and everybody tries; nobody new comes in.
    Chair,
    /// From the publication on: people ask, come in, go and are thrown out under one leader.
    Door,
    /// Members give other keys to their seats, and whoever leads locks the door.
    Lock,
    /// Members vote, and whoever is elected takes the chair.
    Vote,
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
    /// The last term.
    pub(crate) terms: u32,
    /// Most members of a roster.
    pub(crate) max_members: u16,
    /// Most devices that are revoked.
    pub(crate) revoked: usize,
}

impl Bounds {
    pub(crate) const fn small() -> Self {
        Self { guests: 2, seats: 3, epochs: 2, terms: 1, max_members: 2, revoked: 1 }
    }

    /// Three are in; one more key and two more leaders.
    pub(crate) const fn chair() -> Self {
        Self { guests: 2, seats: 3, epochs: 2, terms: 3, max_members: 3, revoked: 1 }
    }

    /// Three are in and one of them leads after the founder.
    pub(crate) const fn vote() -> Self {
        Self { revoked: 0, terms: 2, ..Self::chair() }
    }

    /// The same under one key.
    pub(crate) const fn lock() -> Self {
        Self { epochs: 1, ..Self::vote() }
    }

    /// Two ask, and nobody comes in.
    pub(crate) const fn attic() -> Self {
        Self { epochs: 0, revoked: 0, ..Self::small() }
    }

    pub(crate) const fn large() -> Self {
        Self { guests: 3, seats: 4, epochs: 4, terms: 1, max_members: 3, revoked: 2 }
    }

    /// Two devices of one user are in, too.
    pub(crate) const fn large_chair() -> Self {
        Self { guests: 3, seats: 4, epochs: 3, terms: 3, max_members: 4, revoked: 1 }
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
    pub(crate) fn new(scene: Scene, bounds: Bounds) -> Self {
        let mut world = World::new(bounds.guests, bounds.max_members);
        if scene == Scene::Attic {
            world.rules.params.retention = RETENTION;
        }
        Self { world, bounds, scene, mutant: None, heard: Arc::default() }
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
        self.after(state, say, answer.ok()?)
    }

    /// The state that these changes make, if it is another one.
    fn after(&self, state: &State, say: &Say, changes: Changes) -> Option<State> {
        let mut next = state.clone();
        next.write(changes);
        let broken = promises::broken(self.seen(state), self.seen(&next), say);
        next.broken = state.broken.or(broken);
        next.forget_what_no_rule_asks(&self.world);
        (next != *state).then_some(next)
    }

    /// A second goes by.
    pub(crate) fn tick(&self, state: &State) -> State {
        let mut next = state.clone();
        next.age();
        next.forget_what_no_rule_asks(&self.world);
        next
    }

    /// The meeting with everybody in.
    fn gathered(&self) -> State {
        let taken = |state: &State, say: &Say| {
            let changes = self.answer(state, say).unwrap();
            self.after(state, say, changes).unwrap()
        };
        let empty = State::default();
        let published = taken(&empty, &says::publish(self.seen(&empty)));
        let guests = (0..self.bounds.guests).map(|guest| GUESTS[guest]);
        let asked = guests
            .fold(published, |state, who| taken(&state, &says::request(self.seen(&state), who)));
        let all = (1..self.bounds.seats).map(MemberIdx).collect::<Vec<_>>();
        self.tick(&taken(&asked, &says::admission(self.seen(&asked), &all)))
    }
}

impl Model for Ledger {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        match self.scene {
            Scene::Chair | Scene::Lock | Scene::Vote => vec![self.gathered()],
            Scene::Attic | Scene::Door => {
                let empty = State::default();
                vec![self.say(&empty, &says::publish(self.seen(&empty))).unwrap()]
            }
        }
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let seen = self.seen(state);
        actions.push(Action::Tick);
        let kinds: &[fn(Seen<'_>) -> Vec<Say>] = match self.scene {
            Scene::Attic => &says::ATTIC,
            Scene::Chair => &says::CHAIR,
            Scene::Door => &says::DOOR,
            Scene::Lock => &says::LOCK,
            Scene::Vote => &says::VOTE,
        };
        let says = kinds.iter().flat_map(|kind| kind(seen));
        actions.extend(says.map(Box::new).map(Action::Say));
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        match action {
            Action::Say(say) => self.say(state, &say),
            Action::Tick => Some(self.tick(state)).filter(|next| next != state),
        }
    }

    fn properties(&self) -> Vec<Property<Self>> {
        promises::properties(self.scene)
    }

    fn within_boundary(&self, state: &State) -> bool {
        let seen = self.seen(state);
        let meeting = seen.meeting();
        let devices = self.world.devices.iter();
        let revoked = devices.filter(|device| !seen.device(device.dev).is_active()).count();
        let inside = meeting.epoch.0 <= self.bounds.epochs
            && meeting.term.0 <= self.bounds.terms
            && meeting.next_idx.0 <= self.bounds.seats
            && revoked <= self.bounds.revoked;
        inside || state.broken.is_some()
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
