//! However validators vote, the set is the one that a simple model of the rules has.

use std::collections::{BTreeMap, BTreeSet};

use conclave_protocol::{params::MAX_VALIDATORS, *};
use proptest::{collection::vec, prelude::*};

use crate::validators::{EPOCH, add, key, network, next_epoch, remove, replace, vote};

/// What somebody does.
#[derive(Clone, Debug)]
enum Step {
    Vote(u8, ValidatorChange),
    Block,
    Epoch,
}

const KEYS: std::ops::RangeInclusive<u8> = 1..=9;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let change = prop_oneof![
        KEYS.prop_map(add),
        KEYS.prop_map(remove),
        (KEYS, KEYS).prop_map(|(old, number)| replace(old, number)),
    ];
    // Few changes at a time, or nobody ever agrees with anybody.
    let round = (vec(change, 2), vec((KEYS, 0..6_usize), 1..14), 0..4_u8);
    let round = round.prop_map(|(changes, votes, end)| {
        let votes = votes
            .into_iter()
            .map(|(number, pick)| Step::Vote(number, changes[usize::from(pick == 0)].clone()));
        let end = match end {
            0 => vec![],
            1 => vec![Step::Block],
            _ => vec![Step::Epoch],
        };
        votes.chain(end).collect::<Vec<_>>()
    });
    vec(round, 1..12).prop_map(|rounds| rounds.concat())
}

/// The rules said again, as simply as they can be.
struct Model {
    set: BTreeSet<ValidatorKey>,
    next: Option<BTreeSet<ValidatorKey>>,
    used: BTreeSet<ValidatorKey>,
    votes: BTreeMap<ValidatorKey, ValidatorChange>,
}

impl Model {
    fn vote(&mut self, voter: ValidatorKey, change: &ValidatorChange) -> bool {
        let (out, into) = (change.outgoing(), change.incoming());
        let possible = out.is_none_or(|out| self.set.contains(&out))
            && into.is_none_or(|into| !self.used.contains(&into))
            && (into.is_some() || self.set.len() > 1);
        let taken = self.set.contains(&voter)
            && self.next.is_none()
            && possible
            && self.votes.get(&voter) != Some(change);
        if !taken {
            return false;
        }
        self.votes.insert(voter, change.clone());
        let votes = self.votes.values().filter(|vote| *vote == change).count();
        if votes * 3 > self.set.len() * 2 {
            let mut next = self.set.clone();
            out.map(|out| next.remove(&out));
            next.extend(into);
            self.used.extend(into);
            self.next = Some(next);
            self.votes.clear();
        }
        true
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn random_votes_give_the_set_of_the_model(members in 1..8_u8, steps in steps()) {
        let mut world = network(members);
        world.rules.params.burst = u16::MAX;
        let genesis: BTreeSet<_> = (1..=members).map(|number| key(number).validator()).collect();
        let mut model =
            Model { set: genesis.clone(), next: None, used: genesis, votes: BTreeMap::new() };
        for step in steps {
            match step {
                Step::Vote(number, change) => {
                    let taken = vote(&mut world, number, &change).is_ok();
                    prop_assert_eq!(taken, model.vote(key(number).validator(), &change));
                }
                Step::Block if world.at.height.0 % EPOCH < EPOCH - 1 => world.wait(1),
                Step::Block | Step::Epoch => {
                    next_epoch(&mut world);
                    model.set = model.next.take().unwrap_or(model.set);
                }
            }
            let height = world.at.height;
            let set = validators_at(&world.rules, &world.state, height).unwrap();
            let next = validators_after(&world.rules, &world.state, height).unwrap();
            prop_assert!(!set.is_empty() && set.len() <= MAX_VALIDATORS);
            prop_assert_eq!(&set, &Vec::from_iter(model.set.iter().copied()));
            prop_assert_eq!(next, Vec::from_iter(model.next.as_ref().unwrap_or(&model.set).iter().copied()));
        }
    }
}
