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

use stateright::{Checker, Model};

use ledger::{Bounds, Ledger};

/// Small by default; `CONCLAVE_MODEL=large` looks further.
#[test]
fn the_ledger_keeps_its_promises_in_every_order_of_transactions() {
    #[expect(clippy::disallowed_methods, reason = "a longer run on request")]
    let large = std::env::var("CONCLAVE_MODEL").is_ok_and(|bound| bound == "large");
    let bounds = if large { Bounds::large() } else { Bounds::small() };
    let ledger = Ledger::new(bounds);
    let heard = ledger.heard.clone();
    let checker = ledger.checker().threads(2).spawn_bfs().join();
    println!(
        "{} states, {} steps tried, depth {}",
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
