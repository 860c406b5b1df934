//! Who gets which key: the exchange between leader and members with abstract messages.
//!
//! Messages are lost, repeated and reordered at will, the leader dies or lies, a member that was
//! thrown out keeps everything. The sessions themselves are played by `tests/simulation`; here every
//! order of events is tried, with no bytes and no clock. Read in this order: [`meeting`] (who knows
//! what), [`events`] (what may happen), [`promises`] (what must hold). What the model shows and what
//! it does not stands in `models/README.md`.

#![cfg(test)]

mod events;
mod meeting;
mod promises;

use stateright::{Checker, HasDiscoveries, Model, report::WriteReporter};

use events::{Bounds, Exchange, Rules};
use promises::{BACKWARD, GETS_IT, ONE_KEY, ONLY_ROSTER, WARNED};

#[test]
fn only_the_roster_opens_an_epoch_and_all_of_it_holds_one_key() {
    let large = std::env::var("CONCLAVE_MODEL").is_ok_and(|bound| bound == "large");
    let worlds = if large {
        vec![Bounds::LARGE]
    } else {
        vec![Bounds::LIAR, Bounds::REFUSED, Bounds::DYING]
    };
    for bounds in worlds {
        let exchange = Exchange { bounds, rules: Rules::ALL };
        let checker = exchange.checker().threads(2).finish_when(HasDiscoveries::AnyFailures);
        let checker = checker.spawn_bfs();
        let checker = checker.join_and_report(&mut WriteReporter::new(&mut std::io::stdout()));
        println!(
            "{} states, {} steps, depth {}",
            checker.unique_state_count(),
            checker.state_count(),
            checker.max_depth(),
        );
        assert!(checker.is_done(), "the meeting was not seen to its end");
        checker.assert_properties();
    }
}

#[test]
fn a_missing_rule_is_found() {
    let mutants = [
        (
            "members do not compare MK with the commitment",
            ONE_KEY,
            Rules { commitment: false, ..Rules::ALL },
        ),
        ("members take any record", BACKWARD, Rules { order: false, ledger: false, ..Rules::ALL }),
        ("all members share one chain", ONLY_ROSTER, Rules { pairwise: false, ..Rules::ALL }),
        (
            "the leader wraps for the roster before",
            ONLY_ROSTER,
            Rules { new_roster: false, ..Rules::ALL },
        ),
        (
            "who missed a record gets the next step of its chain",
            GETS_IT,
            Rules { restart: false, ..Rules::ALL },
        ),
        (
            "a record is taken that the ledger decided against",
            WARNED,
            Rules { ledger: false, ..Rules::ALL },
        ),
        ("a record that another one replaced is kept", WARNED, Rules { void: false, ..Rules::ALL }),
    ];
    for (name, breaks, rules) in mutants {
        let bounds = if breaks == ONE_KEY { Bounds::LIAR } else { Bounds::REFUSED };
        let exchange = Exchange { bounds, rules };
        let found = HasDiscoveries::AllOf([breaks].into());
        let checker = exchange.checker().threads(2).finish_when(found).spawn_bfs().join();
        let path = checker.discovery(breaks).unwrap_or_else(|| panic!("nobody noticed: {name}"));
        println!("{name}: {breaks} ({} steps)", path.into_actions().len());
    }
}
