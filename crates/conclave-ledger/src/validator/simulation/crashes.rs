//! Validators that crash, come back, or come late.

use std::time::Duration;

use commonware_glue::simulate::{
    action::{Action, Crash, Schedule},
    plan::PlanBuilder,
};

use super::{Entries, Reached, World, assert_halted, campaign, link, picked, seeds};

#[test]
fn loss_and_random_crashes_lose_nothing() {
    let goal = Reached { validators: 4, height: 40 };
    let shape = |plan: PlanBuilder<World>, _| {
        plan.link(link(5)).crash(Crash::Random {
            frequency: Duration::from_secs(4),
            downtime: Duration::from_millis(2_500),
            count: 1,
        })
    };
    campaign("loss and crashes", seeds(48), goal, shape, |_| {});
}

#[test]
fn one_of_four_down_keeps_finalizing() {
    let goal = Reached { validators: 3, height: 100 };
    let shape = |plan: PlanBuilder<World>, seed| {
        let crash = Action::Crash(picked(seed).0);
        plan.crash(Crash::Schedule(Schedule::new().at(Duration::from_secs(2), crash)))
    };
    campaign("one of four down", seeds(6), goal, shape, |_| {});
}

#[test]
fn two_of_four_down_halt_and_resume() {
    let goal = Reached { validators: 4, height: 80 };
    let shape = |plan: PlanBuilder<World>, seed| {
        let (first, others) = picked(seed);
        let second = others[usize::try_from(seed / 4 % 3).unwrap()].clone();
        let schedule = Schedule::new()
            .at(Duration::from_secs(8), Action::Crash(first.clone()))
            .at(Duration::from_secs(8), Action::Crash(second.clone()))
            .at(Duration::from_secs(40), Action::Restart(first))
            .at(Duration::from_secs(60), Action::Restart(second));
        plan.crash(Crash::Schedule(schedule))
    };
    let check = |entries: &Entries| assert_halted(entries, 10..=39);
    campaign("two of four down", seeds(12), goal, shape, check);
}

#[test]
fn a_late_validator_catches_up_by_blocks() {
    let goal = Reached { validators: 4, height: 40 };
    let shape = |plan: PlanBuilder<World>, seed| {
        let participants = vec![picked(seed).0];
        let round = commonware_consensus::types::Round::new(
            commonware_consensus::types::Epoch::new(1),
            commonware_consensus::types::View::new(5),
        );
        plan.crash(Crash::DelayRound { participants, round })
    };
    campaign("late validator", seeds(6), goal, shape, |_| {});
}
