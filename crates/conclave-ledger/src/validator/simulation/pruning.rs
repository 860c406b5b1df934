//! Old blocks are dropped while everything else goes on: what is left is enough for whoever comes
//! late and for whoever was away, every state stays provable, and what is gone is said to be gone.

use std::time::Duration;

use commonware_cryptography::Signer as _;
use commonware_glue::simulate::{action::Crash, plan::PlanBuilder};
use commonware_runtime::deterministic;
use commonware_utils::NZU64;
use conclave_protocol::{Body, Key, Record, Tx};

use super::{
    Reached, VALIDATORS, campaign_of, link, seeds,
    sets::{THROUGH, changing, late},
    world::{Diary, Entries, World},
};
use crate::{
    cast::private,
    light::LightClient,
    validator::{keep::Keep, request::AskError, service::Service},
};

/// Shorter than an epoch of this world takes, longer than any downtime below.
const RETENTION: u32 = 6;

/// A world whose set changes and whose validators keep as little as they may.
fn forgetful() -> World {
    let mut world = changing();
    world.genesis.params.retention = RETENTION;
    world.keep = Keep::Seconds(0);
    world.cuts.blocks = NZU64!(4);
    world
}

/// What a validator that dropped blocks gives: says what is wrong with it.
pub(super) async fn look(
    world: &World,
    index: usize,
    service: &Service<deterministic::Context>,
    diary: &Diary,
    now: u64,
) -> Option<String> {
    let lowest = service.app.finality().lowest();
    if world.keep == Keep::All || lowest == 1 {
        return None;
    }
    let complain = |what: &str| Some(format!("{what}, with blocks from {lowest} on"));
    for below in [1, lowest - 1] {
        let here = service.block(below).await.is_some();
        let said = matches!(service.records(below, 1).await, Err(AskError::Dropped(_)));
        if here || !said {
            return complain(&format!("block {below} is not said to be gone"));
        }
    }
    let whole = service.block(0).await.is_some() && service.block(lowest).await.is_some();
    if !whole && service.app.finality().lowest() == lowest {
        return complain("what is kept is not there");
    }
    // The first users that anybody registered, in a block that is gone, and an unknown one.
    let mut keys = vec![Key::User([9; 32].into())];
    for bytes in diary.0.lock().unwrap().first.iter() {
        let tx = Tx::decode(bytes).unwrap();
        if let Body::RegisterUser(body) = tx.body {
            keys.extend([Key::User(body.user), Key::Device(body.dev), Key::IvkIndex(body.ivk)]);
        }
    }
    let now_ms = now.saturating_add(1_000);
    // It has not caught up after a crash.
    let Ok(answer) = service.query(&keys).await else { return None };
    // Asked last: the answer may be of an epoch that has just begun.
    let mut light = LightClient::new(&world.genesis).unwrap();
    if let Err(refusal) = light.on_handovers(&service.steps.answer(0).await, now_ms) {
        return complain(&format!("handovers: {refusal}"));
    }
    let seen = match light.verify_state(&answer, &keys, now_ms) {
        Ok(seen) => seen,
        Err(refusal) => return complain(&format!("states: {refusal}")),
    };
    let missing = keys.iter().skip(1).any(|key| seen.records[key].is_none());
    if missing || seen.records[&keys[0]].is_some() {
        return complain("a user of long ago is not proven");
    }
    let users = seen.records.values().flatten();
    let registered = users.filter_map(|record| match record {
        Record::User(user) => Some(user.registered.height.0),
        _ => None,
    });
    let before = registered.filter(|height| *height < lowest).count();
    let mut entries = diary.0.lock().unwrap();
    let (known, looks) = entries.lowest.entry(index).or_default();
    (*known, *looks) = (lowest.max(*known), *looks + u64::from(before > 0));
    None
}

/// Where the logs of both states begin and end.
pub(super) async fn logs(service: &Service<deterministic::Context>) -> [(u64, u64); 2] {
    let (identity, meeting) = (service.databases.0.read().await, service.databases.1.read().await);
    [identity.bounds(), meeting.bounds()].map(|log| (*log.start, *log.end))
}

/// All six dropped blocks; nobody found anything wrong with what was left.
fn assert_forgotten(entries: &Entries) {
    assert_eq!(entries.complaints, Vec::<String>::new());
    // Whoever left the set early may not have been looked at for long.
    let dropped = entries.lowest.values().filter(|(lowest, looks)| *lowest > 20 && *looks > 0);
    assert!(dropped.count() >= 4, "{:?}", entries.lowest);
}

#[test]
fn a_late_validator_joins_those_that_dropped_their_old_blocks() {
    let world = |_| {
        let mut world = forgetful();
        world.script.syncing = Some(private(5).public_key());
        (world, THROUGH)
    };
    let shape = |plan: PlanBuilder<World>, _| late(plan);
    campaign_of("old blocks dropped", seeds(5), world, shape, assert_forgotten);
}

#[test]
fn whoever_crashes_after_dropping_old_blocks_goes_on() {
    let shape = |plan: PlanBuilder<World>, _| {
        plan.link(link(2)).crash(Crash::Random {
            frequency: Duration::from_secs(7),
            downtime: Duration::from_millis(1_500),
            count: 1,
        })
    };
    let world = |_| (forgetful(), THROUGH);
    campaign_of("old blocks dropped and crashes", seeds(5), world, shape, assert_forgotten);
}

#[test]
fn a_ledger_on_which_nothing_happens_does_not_grow_but_for_its_blocks() {
    let mut world = World::new();
    world.is_idle = true;
    let diary = world.diary.clone();
    let plan = PlanBuilder::new(world)
        .link(link(0))
        .exit_condition(Reached { validators: VALIDATORS.into(), height: 900 })
        .timeout(Duration::from_secs(4_000));
    plan.run().unwrap();
    let logs = diary.read().logs;
    assert_eq!(logs.len(), usize::from(VALIDATORS));
    for (start, end) in logs.into_values().flatten() {
        // One operation of every block at least; what is kept is 97 blocks, and a part of the bitmap
        // and a file that are dropped as a whole.
        assert!(end >= 850 && end - start < 600, "{start} to {end}");
    }
}
