//! Networks that split, disks that fail, and more crashes at once than the rules allow for.

use std::time::Duration;

use commonware_glue::simulate::{
    action::{Action, Crash, Schedule},
    engine::EngineDefinition as _,
    plan::PlanBuilder,
};
use commonware_runtime::deterministic::{FaultConfig, PartialWriteMode, WriteConfig};
use commonware_utils::Probability;

use super::{Reached, World, assert_halted, campaign, link, seeds};

const ALL: Reached = Reached { validators: 4, height: 40 };

#[test]
fn a_network_in_two_halves_halts_and_resumes() {
    let shape = |plan: PlanBuilder<World>, seed: u64| {
        let keys = World::new().participants();
        let mate = 1 + usize::try_from(seed % 3).unwrap();
        let side = |place: usize| place == 0 || place == mate;
        let mut schedule = Schedule::new();
        for from in 0..keys.len() {
            for to in (0..keys.len()).filter(|to| side(*to) != side(from)) {
                let cut = Action::UpdateLink {
                    from: keys[from].clone(),
                    to: keys[to].clone(),
                    link: link(100),
                };
                schedule = schedule.at(Duration::from_secs(8), cut);
            }
        }
        plan.crash(Crash::Schedule(schedule.at(Duration::from_secs(40), Action::Heal(link(0)))))
    };
    let goal = Reached { height: 80, ..ALL };
    let check = |entries: &_| assert_halted(entries, 10..=39);
    campaign("two halves", seeds(8), goal, shape, check);
}

#[test]
fn what_a_crash_leaves_half_written_is_found_out() {
    let torn = FaultConfig::default().write(WriteConfig {
        failure_rate: Probability::new(0, 100).unwrap(),
        retention_rate: Probability::new(50, 100).unwrap(),
        mode: PartialWriteMode::Subset,
    });
    let shape = |plan: PlanBuilder<World>, _| {
        plan.with_storage_fault(torn.clone()).crash(Crash::Random {
            frequency: Duration::from_secs(4),
            downtime: Duration::from_millis(2_500),
            count: 1,
        })
    };
    campaign("torn writes", seeds(8), ALL, shape, |_| {});
}

#[test]
fn three_of_four_that_crash_again_and_again_lose_nothing() {
    let shape = |plan: PlanBuilder<World>, _| {
        plan.crash(Crash::Random {
            frequency: Duration::from_secs(5),
            downtime: Duration::from_millis(1_000),
            count: 3,
        })
    };
    campaign("three of four crash", seeds(8), ALL, shape, |_| {});
}
