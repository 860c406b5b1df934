//! Liars among the validators: as long as fewer than a third lie, nobody is lied to.

use std::collections::BTreeMap;

use commonware_cryptography::Signer as _;
use commonware_utils::NZUsize;

use super::{Entries, Reached, Traitor, World, campaign_of, link, seeds};
use crate::{evidence::Evidence, light::validator_key};

/// A world in which `lying` of `validators` lie, each in a way that the seed picks.
fn with_traitors(validators: u8, lying: usize, height: u64) -> impl Fn(u64) -> (World, Reached) {
    move |seed| {
        let mut world = World::of(validators);
        let mut number = usize::try_from(seed).unwrap();
        while world.traitors.len() < lying {
            let kind = Traitor::ALL[number % Traitor::ALL.len()];
            let place = number / Traitor::ALL.len() % usize::from(validators);
            world.traitors.entry(place).or_insert(kind);
            number += 3;
        }
        (world, Reached { validators: validators.into(), height })
    }
}

#[test]
fn one_liar_of_four_changes_nothing() {
    let world = with_traitors(4, 1, 24);
    campaign_of("one of four lies", seeds(42), world, |plan, _| plan.link(link(1)), |_| {});
}

#[test]
fn two_liars_of_seven_change_nothing() {
    let world = with_traitors(7, 2, 16);
    campaign_of("two of seven lie", seeds(10), world, |plan, _| plan.link(link(1)), |_| {});
}

#[test]
fn nobody_signs_a_block_before_its_time() {
    let world = |_| {
        let mut world = World::of(4);
        world.traitors.insert(1, Traitor::Hasty);
        // The logs of the states, whose cut waits for what is being executed, are cut after each block.
        world.cuts.every = NZUsize!(1);
        (world, Reached { validators: 4, height: 60 })
    };
    let check = |entries: &Entries| assert_eq!(entries.complaints, Vec::<String>::new());
    campaign_of("blocks dated ahead", seeds(4), world, |plan, _| plan, check);
}

#[test]
fn who_votes_twice_is_accused_by_a_proof_and_nobody_else_is() {
    for traitor in Traitor::ALL {
        let world = |_| {
            let mut world = World::of(4);
            world.traitors.insert(2, traitor);
            (world, Reached { validators: 4, height: 16 })
        };
        let check = |entries: &Entries| {
            let (World { genesis, keys, .. }, _) = world(0);
            let liar = validator_key(&keys[2].public_key());
            for proof in &entries.proofs {
                let verdict = Evidence::verify(proof, &genesis);
                let Ok(Evidence::Votes(votes)) = verdict else {
                    panic!("{traitor:?}: {verdict:?}")
                };
                assert_eq!(votes.signer, liar, "{traitor:?}: {votes}");
            }
            // The others lie without signing two votes that the same validator hears.
            let signs_twice = matches!(traitor, Traitor::Conflicter | Traitor::Nuller);
            assert!(!signs_twice || !entries.proofs.is_empty(), "{traitor:?} was not accused");
        };
        let name = format!("proofs against a {traitor:?}");
        campaign_of(&name, seeds(2), world, |plan, _| plan, check);
    }
}

#[test]
fn every_way_to_lie_is_played_by_every_validator() {
    let mut played = BTreeMap::new();
    for seed in 0..28 {
        let (world, _) = with_traitors(4, 1, 1)(seed);
        for (place, traitor) in &world.traitors {
            *played.entry((*place, format!("{traitor:?}"))).or_insert(0) += 1;
        }
    }
    assert_eq!(played.len(), 28, "{played:?}");
}
