//! The validator set changes while everything else goes on: it grows, changes a key, shrinks, with
//! crashes exactly where one epoch ends and another begins, and with a validator that comes late.

use std::{future::Future, pin::Pin, time::Duration};

use commonware_consensus::types::{Epoch, Round, View};
use commonware_cryptography::{
    Signer as _,
    ed25519::{PrivateKey, PublicKey},
};
use commonware_glue::simulate::{
    action::Crash, plan::PlanBuilder, property::Property, tracker::ProgressTracker,
};
use commonware_runtime::{Clock as _, deterministic};
use conclave_protocol::{
    Contact, Height, Key, Record, Seconds, Tx, ValidatorChange, ValidatorKey, ValidatorVote,
    codec::Text, encode,
};
use tokio::sync::mpsc;

use super::{Diary, EPOCH, Reached, State, VALIDATORS, World, campaign_of, link, seeds};
use crate::{
    block::RawTx,
    cast::{private, signer},
    execution::Source as _,
    light::{LightClient, Refusal, validator_key},
    validator::{
        clock::now_ms,
        service::{Finalized, Service},
    },
};

/// How the set of a world changes.
#[derive(Clone, Default)]
pub(super) struct Script {
    /// What the validators vote for, one after the other.
    changes: Vec<ValidatorChange>,
    /// Whoever starts by fetching a recent state.
    pub(super) syncing: Option<PublicKey>,
}

/// The key of the validator with this number.
pub(super) fn validator(number: u8) -> ValidatorKey {
    signer(number).validator()
}

fn contact(number: u8) -> Contact {
    Contact {
        name: Text::new("somebody").unwrap(),
        p2p: Text::new(&format!("v{number}.example.org:4100")).unwrap(),
        rpc: Text::new("https://example.org").unwrap(),
    }
}

/// Four in the genesis, two more machines: 5 comes, 6 takes the place of 2, 1 goes.
pub(super) fn changing() -> World {
    let mut world = World::new();
    world.keys.extend([private(5), private(6)]);
    world.keys.sort_by_key(|key| key.public_key());
    world.script.changes = vec![
        ValidatorChange::Add(validator(5), contact(5)),
        ValidatorChange::Replace(validator(2), validator(6), contact(6)),
        ValidatorChange::Remove(validator(1)),
    ];
    world
}

/// All six are through the last change.
pub(super) const THROUGH: Reached =
    Reached { validators: VALIDATORS as usize + 2, height: 5 * EPOCH as u64 };

/// How often a client looks whether there is a new block.
const LOOK: Duration = Duration::from_millis(7);

impl World {
    /// The set after all changes.
    fn successors(&self) -> Vec<ValidatorKey> {
        let mut keys: Vec<_> = self.genesis.validators.iter().copied().collect();
        for change in &self.script.changes {
            keys.retain(|key| change.outgoing() != Some(*key));
            keys.extend(change.incoming());
        }
        keys.sort();
        keys
    }

    /// Votes for every change of the script when its turn has come.
    pub(super) async fn vote(
        &self,
        clock: &deterministic::Context,
        key: &PrivateKey,
        service: &Service<deterministic::Context>,
        gossip: &mpsc::Sender<RawTx>,
    ) {
        let me = validator_key(&key.public_key());
        let number = (1..=9).find(|number| validator(*number) == me).unwrap();
        while !self.script.changes.is_empty() {
            clock.sleep(Duration::from_millis(900)).await;
            let keys = [Key::ValidatorSet, Key::Validator(me)];
            let mut records = Finalized(&service.databases).load(&keys).await.into_iter();
            let seq = match records.next().unwrap() {
                Some(Record::ValidatorSet(set)) => set.changes,
                _ => 0,
            };
            let nonce = match records.next().unwrap() {
                Some(Record::Validator(own)) => own.next_nonce,
                _ => 0,
            };
            let place = usize::try_from(seq).unwrap();
            let Some(change) = self.script.changes.get(place).cloned() else { return };
            let expiry = Seconds(now_ms(clock) / 1000 + 60);
            let vote = ValidatorVote { seq, change };
            let tx = Tx::by_validator(self.genesis.chain_id(), me, nonce, expiry, vote)
                .sign(&signer(number));
            // Refused while the epoch has its change, and from whoever is not in the set.
            let _ = service.submit(vec![encode(&tx).into()], gossip).await;
        }
    }
}

impl World {
    /// A client that looks at every new block, and asks once for handovers when it does not know who
    /// sealed it: what a validator shows it can also lead to.
    pub(super) async fn look_on(
        &self,
        clock: &deterministic::Context,
        service: &Service<deterministic::Context>,
        diary: &Diary,
    ) {
        if self.script.changes.is_empty() {
            return;
        }
        let mut light = LightClient::new(&self.genesis).unwrap();
        // Whoever waits for a `watch` beside others is woken in an order that is drawn by chance.
        let mut height = None;
        loop {
            clock.sleep(LOOK).await;
            let tip = service.app.finality().tip().map(|tip| tip.height);
            if tip == height {
                continue;
            }
            height = tip;
            let Ok(answer) = service.latest().await else { continue };
            let now = now_ms(clock);
            let mut verdict = light.on_header(&answer, now);
            if matches!(verdict, Err(Refusal::UnknownValidators)) {
                let handovers = service.steps.answer(light.handovers()).await;
                let followed = light.on_handovers(&handovers, now);
                verdict = followed.and_then(|_| light.on_header(&answer, now));
            }
            match verdict {
                // A validator that is late shows old blocks.
                Ok(_) | Err(Refusal::Stale { .. }) => {}
                Err(refusal) => {
                    let complaint = format!("a client refuses the newest block: {refusal}");
                    diary.0.lock().unwrap().complaints.push(complaint);
                }
            }
        }
    }
}

/// Everyone knows one way from the genesis set to the last one, and a light client follows it.
#[derive(Clone)]
pub(super) struct Succession(pub(super) World);

impl Property<PublicKey, State> for Succession {
    fn name(&self) -> &'static str {
        "one succession"
    }

    fn check<'a>(
        &'a self,
        _: &'a ProgressTracker<PublicKey>,
        states: &'a [&'a State],
    ) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>> {
        Box::pin(async move {
            let changes = self.0.script.changes.len();
            let expected = self.0.successors();
            for seen in states.iter().filter_map(|state| state.0.as_ref()) {
                let answer =
                    seen.steps.now().ok_or("a crashed validator is looked at")?.answer(0).await;
                let mut light = LightClient::new(&self.0.genesis).map_err(|e| e.to_string())?;
                let followed = light.on_handovers(&answer, u64::MAX).map_err(|e| e.to_string())?;
                if followed != changes || seen.schemes.handovers() != changes {
                    return Err(format!("{followed} handovers of {changes}"));
                }
                let validators = light.validators(Height(u64::MAX));
                if validators != expected {
                    return Err(format!("validators {validators:?}, not {expected:?}"));
                }
            }
            Ok(())
        })
    }
}

fn through(
    name: &str,
    seeds: u64,
    syncing: Option<u8>,
    shape: impl Fn(PlanBuilder<World>, u64) -> PlanBuilder<World> + Sync,
) {
    let world = |_| {
        let mut world = changing();
        world.script.syncing = syncing.map(|number| private(number).public_key());
        (world, THROUGH)
    };
    campaign_of(name, seeds, world, shape, |entries| {
        assert_eq!(entries.complaints, Vec::<String>::new());
    });
}

#[test]
fn the_set_grows_changes_a_key_and_shrinks_under_load() {
    through("set changes", seeds(10), None, |plan, _| plan);
}

#[test]
fn a_crash_exactly_at_a_boundary_continues_in_the_right_epoch() {
    let shape = |plan: PlanBuilder<World>, seed: u64| {
        let last = u64::from(EPOCH) * (1 + seed % 3) - 1;
        let number = [3, 4, 5][usize::try_from(seed / 3 % 3).unwrap()];
        plan.crash(Crash::ProcessedHeight {
            participant: private(number).public_key(),
            // Block after block is looked at, so it is the last of its epoch that is met.
            heights: last..=last + 2,
            downtime: Duration::from_millis(300 + 700 * (seed % 4)),
        })
    };
    through("crash at a boundary", seeds(18), None, shape);
}

#[test]
fn loss_and_random_crashes_across_set_changes_lose_nothing() {
    through("set changes and crashes", seeds(10), None, |plan, _| {
        plan.link(link(3)).crash(Crash::Random {
            frequency: Duration::from_secs(5),
            downtime: Duration::from_millis(1_500),
            count: 1,
        })
    });
}

/// Validator 5, which the first change adds, starts after all changes.
pub(super) fn late(plan: PlanBuilder<World>) -> PlanBuilder<World> {
    let participants = vec![private(5).public_key()];
    let round = Round::new(Epoch::new(3), View::new(4));
    plan.crash(Crash::DelayRound { participants, round })
}

#[test]
fn a_late_validator_executes_its_way_across_epochs() {
    through("late across epochs", seeds(5), None, |plan, _| late(plan));
}

#[test]
fn a_late_validator_fetches_the_state_across_epochs() {
    through("state sync across epochs", seeds(5), Some(5), |plan, _| late(plan));
}
