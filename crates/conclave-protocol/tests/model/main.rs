//! Every order of transactions in a small world, against the very rules the validators run.
//!
//! Read in this order: [`world`] (who is there), [`says`] (what anybody may try), [`ledger`] (what
//! becomes of it), [`promises`] (what must hold), [`mutants`] (rules with one of them missing, each
//! of which must be found). What the model shows and what it does not stands in `models/README.md`.

#![cfg(test)]

mod ledger;
mod mutants;
mod promises;
mod says;
mod state;
mod world;

use stateright::{Checker, HasDiscoveries, Model, report::WriteReporter};

use ledger::{Bounds, Ledger, Scene};

#[test]
fn the_ledger_keeps_its_promises_in_every_order_of_transactions() {
    see_to_the_end(Scene::Door, if is_large() { Bounds::large() } else { Bounds::small() });
}

#[test]
fn the_chair_changes_hands_by_the_rules_and_nobody_is_orphaned() {
    see_to_the_end(Scene::Chair, if is_large() { Bounds::large_chair() } else { Bounds::chair() });
}

#[test]
fn only_what_is_long_over_leaves_the_state() {
    see_to_the_end(Scene::Attic, Bounds::attic());
}

#[test]
fn keys_and_the_door_change_by_their_owners_alone() {
    see_to_the_end(Scene::Lock, Bounds::lock());
}

#[test]
fn whoever_more_than_half_elect_leads() {
    see_to_the_end(Scene::Vote, Bounds::vote());
}

/// Small by default; `CONCLAVE_MODEL=large` looks further.
#[expect(clippy::disallowed_methods, reason = "a longer run on request")]
fn is_large() -> bool {
    std::env::var("CONCLAVE_MODEL").is_ok_and(|bound| bound == "large")
}

fn see_to_the_end(scene: Scene, bounds: Bounds) {
    let ledger = Ledger::new(scene, bounds);
    let heard = ledger.heard.clone();
    let checker = ledger.checker().threads(2).finish_when(HasDiscoveries::AnyFailures).spawn_bfs();
    // A long run that is stopped has said how far it was, and that nothing was broken until then.
    let checker = checker.join_and_report(&mut WriteReporter::new(&mut std::io::stdout()));
    println!(
        "{scene:?}: {} states, {} steps tried, depth {}",
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth(),
    );
    for line in heard.lock().unwrap().lines() {
        println!("{line}");
    }
    assert!(checker.is_done(), "the world was not seen to its end");
    checker.assert_properties();
    heard.lock().unwrap().assert_complete();
}
