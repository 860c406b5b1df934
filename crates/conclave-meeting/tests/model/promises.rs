//! What must hold whatever happens, and what must happen somewhere.

use stateright::Property;

use crate::{
    events::{Bounds, Event, Exchange},
    meeting::{KEEPER, LATE, Meeting},
};

pub(crate) const ONLY_ROSTER: &str = "only the roster of a record holds its key";
pub(crate) const ONE_KEY: &str = "all who hold the key of a record hold the same one";
pub(crate) const BACKWARD: &str = "nobody goes back to an epoch before";
pub(crate) const WARNED: &str = "who has read the ledger holds its key of an epoch or none";
pub(crate) const GETS_IT: &str = "who is in gets the key once messages come through";

type Holds = fn(&Exchange, &Meeting) -> bool;

const PROMISES: [(&str, Holds); 5] = [
    (ONLY_ROSTER, |_, meeting| {
        let pending = meeting.pending.iter().map(|(record, _)| record);
        let sent = meeting.net.iter().map(|bundle| &bundle.record);
        meeting.ledger.iter().chain(pending).chain(sent).all(|record| {
            let mut holders = meeting.members.iter();
            holders.all(|(device, member)| {
                !member.keys.contains_key(&record.key) || record.roster.contains(device)
            })
        })
    }),
    (ONE_KEY, |_, meeting| {
        let mut keys = meeting.members.values().flat_map(|member| &member.keys);
        keys.all(|(record, key)| record == key)
    }),
    (BACKWARD, |_, meeting| {
        meeting.members.values().all(|member| {
            member.newest.as_ref().is_none_or(|newest| newest.epoch >= member.settled)
        })
    }),
    (WARNED, |_, meeting| {
        meeting.members.values().all(|member| {
            let read = meeting.ledger.iter().take(member.seen);
            member.newest.as_ref().is_none_or(|newest| {
                read.clone().all(|record| record.epoch != newest.epoch || record == newest)
            })
        })
    }),
    (GETS_IT, |exchange, meeting| {
        let settled = come_through(*exchange, meeting);
        let Some(last) = settled.ledger.last() else { return true };
        let mut alive = last.roster.iter().filter(|device| !settled.dead.contains(device));
        !settled.leads() || alive.all(|device| settled.members[device].keys.contains_key(&last.key))
    }),
];

/// The ledger refuses what is pending, the leader makes one more epoch, none of its wraps arrives,
/// everybody reads the ledger, and whoever lacks the key asks.
fn come_through(exchange: Exchange, meeting: &Meeting) -> Meeting {
    let bounds = Bounds { epochs: exchange.bounds.epochs + 1, ..exchange.bounds };
    let exchange = Exchange { bounds, ..exchange };
    let mut settled = meeting.clone();
    let devices: Vec<_> = meeting.members.keys().copied().collect();
    let rekey = Event::Rekey { added: None, removed: None, deceived: None };
    for event in [Event::Refuse, rekey, Event::Final] {
        let _ = exchange.happen(&mut settled, &event);
    }
    for device in &devices {
        while exchange.happen(&mut settled, &Event::Read(*device)).is_some() {}
    }
    for device in devices {
        let before = settled.net.clone();
        let _ = exchange.happen(&mut settled, &Event::Request(device));
        let new: Vec<_> = settled.net.difference(&before).cloned().collect();
        for bundle in new {
            let _ = exchange.happen(&mut settled, &Event::Arrive(bundle));
        }
    }
    settled
}

/// A model in which nothing happens keeps every promise, so all of this must happen.
const SIGHTS: [(&str, Holds); 6] = [
    ("who was thrown out holds the epoch before, and not the next", |_, meeting| {
        let keys = &meeting.members[&KEEPER].keys;
        let [before, after] = &meeting.ledger[..] else { return false };
        !after.roster.contains(&KEEPER)
            && keys.contains_key(&before.key)
            && meeting.members.values().filter(|one| one.keys.contains_key(&after.key)).count() > 1
    }),
    ("who came late holds its first epoch, and none before", |_, meeting| {
        meeting.members[&LATE].keys.len() == 1 && meeting.ledger.len() > 1
    }),
    ("a dead leader's record is held and never becomes final", |exchange, meeting| {
        exchange.bounds.deaths == 0
            || meeting.term > 1
                && meeting.members.values().any(|member| {
                    let newest = member.newest.as_ref();
                    newest
                        .is_some_and(|one| one.term < meeting.term && !meeting.ledger.contains(one))
                })
    }),
    ("the next leader's epoch is held by others", |exchange, meeting| {
        let next = meeting.ledger.iter().find(|record| record.term > 1);
        let held = |key| meeting.members.values().filter(|one| one.keys.contains_key(key)).count();
        exchange.bounds.deaths == 0 || next.is_some_and(|record| held(&record.key) > 1)
    }),
    ("a lie is noticed", |exchange, meeting| {
        exchange.bounds.lies == 0 || meeting.members.values().any(|member| member.alarmed)
    }),
    ("a refused record was replaced by another one of its epoch", |exchange, meeting| {
        let epochs = meeting.net.iter().map(|bundle| (bundle.record.epoch, bundle.record.key));
        let last = meeting.ledger.last();
        exchange.bounds.refusals == 0
            || last.is_some_and(|last| {
                epochs.clone().any(|(e, key)| e == last.epoch && key != last.key)
            })
    }),
];

/// Everything that is asked of the model.
pub(crate) fn properties() -> Vec<Property<Exchange>> {
    let promises = PROMISES.iter().map(|(name, holds)| Property::always(name, *holds));
    promises.chain(SIGHTS.iter().map(|(name, seen)| Property::sometimes(name, *seen))).collect()
}
