//! Liars among the validators: as long as fewer than a third lie, nobody is lied to.

use std::collections::BTreeMap;

use super::{Reached, Traitor, World, campaign_of, link, seeds};

/// A world in which `lying` of `validators` lie, each in a way that the seed picks.
fn with_traitors(validators: u8, lying: usize, height: u64) -> impl Fn(u64) -> (World, Reached) {
    move |seed| {
        let mut world = World::of(validators);
        let mut number = usize::try_from(seed).unwrap();
        while world.traitors.len() < lying {
            let kind = Traitor::ALL[number % Traitor::ALL.len()];
            // Seven ways to lie and a number of places that is prime to seven, or spread by it.
            let place = (number + number / 7) % usize::from(validators);
            world.traitors.entry(place).or_insert(kind);
            number += 3;
        }
        (world, Reached { validators: validators.into(), height })
    }
}

#[test]
fn one_liar_of_four_changes_nothing() {
    let world = with_traitors(4, 1, 24);
    campaign_of("one of four lies", seeds(), world, |plan, _| plan.link(link(1)), |_| {});
}

#[test]
fn two_liars_of_seven_change_nothing() {
    let world = with_traitors(7, 2, 16);
    campaign_of(
        "two of seven lie",
        seeds().div_ceil(4),
        world,
        |plan, _| plan.link(link(1)),
        |_| {},
    );
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
