//! The rules with one of them missing: each must be found, or the promise it breaks is empty.
//!
//! The rules themselves are never copied. A rule goes missing by what it is shown (a record that says
//! what the rule wants to hear) or by what is kept of its answer (a write that is dropped or altered).

mod chair;

use conclave_protocol::{identity::DeviceStatus, meeting::MemberStatus, *};
use stateright::{Checker, Model};

use crate::{
    ledger::{Bounds, Ledger, Scene},
    promises::*,
    state::Seen,
    world::NOW,
};

/// A rule that is missing.
#[derive(Clone, Copy)]
pub(crate) struct Mutant {
    /// Where it is looked for.
    scene: Scene,
    /// What is missing.
    name: &'static str,
    /// The promise that it breaks.
    breaks: &'static str,
    /// A record as the rules are shown it.
    show: fn(&Tx, Record) -> Option<Record>,
    /// A write as it is kept; the record before it comes along.
    keep: fn(&Tx, Option<Record>, Record) -> Option<Record>,
}

struct Shown<'a> {
    seen: &'a Seen<'a>,
    tx: &'a Tx,
    mutant: Mutant,
}

impl View for Shown<'_> {
    fn get(&self, key: &Key) -> Result<Option<Record>, NotLoaded> {
        Ok(self.seen.get(key)?.and_then(|record| (self.mutant.show)(self.tx, record)))
    }
}

impl Mutant {
    pub(crate) fn apply(self, seen: &Seen<'_>, tx: &Tx) -> Result<Changes, ApplyError> {
        let shown = Shown { seen, tx, mutant: self };
        let mut changes = apply(&seen.world.rules, NOW, &shown, tx)?;
        for (key, write) in &mut changes.writes {
            let before = seen.record(key).cloned();
            *write = write.take().and_then(|record| (self.keep)(tx, before, record));
        }
        Ok(changes)
    }
}

const AS_IT_IS: Mutant = Mutant {
    scene: Scene::Door,
    name: "",
    breaks: "",
    show: |_, record| Some(record),
    keep: |_, _, record| Some(record),
};

const MUTANTS: [Mutant; 12] = [
    Mutant {
        name: "a heartbeat makes its signer the leader",
        breaks: ONE_LEADER,
        show: |tx, record| match (record, &tx.body) {
            (Record::Meeting(mut meeting), Body::Heartbeat(_)) => {
                meeting.leader = MemberIdx(meeting.next_idx.0 - 1);
                Some(Record::Meeting(meeting))
            }
            (record, _) => Some(record),
        },
        ..AS_IT_IS
    },
    Mutant {
        name: "a leader that leaves is not marked as gone",
        breaks: LEADER_IN,
        keep: |_, _, record| match record {
            Record::Meeting(mut meeting) => {
                meeting.gone_at = None;
                Some(Record::Meeting(meeting))
            }
            record => Some(record),
        },
        ..AS_IT_IS
    },
    Mutant {
        name: "bans are not looked at",
        breaks: NO_BANNED,
        show: |_, record| (!matches!(record, Record::Ban(_))).then_some(record),
        ..AS_IT_IS
    },
    Mutant {
        name: "revocations are not looked at",
        breaks: NO_REVOKED,
        show: |_, record| match record {
            Record::Device(mut device) => {
                device.status = DeviceStatus::Active;
                Some(Record::Device(device))
            }
            record => Some(record),
        },
        ..AS_IT_IS
    },
    Mutant {
        name: "an admitted member is not marked as admitted",
        breaks: NO_ORPHAN,
        keep: |tx, before, record| match (&tx.body, record) {
            (Body::EpochRecord(_), Record::Member(_)) => before,
            (_, record) => Some(record),
        },
        ..AS_IT_IS
    },
    Mutant {
        name: "nobody owes a key when a member leaves",
        breaks: KEY_OWED,
        keep: |_, _, record| match record {
            Record::Meeting(mut meeting) => {
                meeting.rekey_due = None;
                Some(Record::Meeting(meeting))
            }
            record => Some(record),
        },
        ..AS_IT_IS
    },
    Mutant {
        name: "the block of the last record is not looked at",
        breaks: ONE_RECORD,
        show: |_, record| match record {
            Record::Meeting(mut meeting) => {
                meeting.last_rec_height = Height(0);
                Some(Record::Meeting(meeting))
            }
            record => Some(record),
        },
        ..AS_IT_IS
    },
    Mutant {
        name: "a request starts the epochs again",
        breaks: UPWARD,
        keep: |tx, _, record| match (&tx.body, record) {
            (Body::MeetingRequest(_), Record::Meeting(mut meeting)) => {
                meeting.epoch = Epoch(0);
                Some(Record::Meeting(meeting))
            }
            (_, record) => Some(record),
        },
        ..AS_IT_IS
    },
    Mutant {
        name: "neither the end of a meeting nor its silence is looked at",
        breaks: FINAL,
        show: |_, record| match record {
            Record::Meeting(mut meeting) => {
                (meeting.ended, meeting.last_activity) = (false, NOW.time);
                Some(Record::Meeting(meeting))
            }
            record => Some(record),
        },
        ..AS_IT_IS
    },
    Mutant {
        name: "what became of a seat is not looked at",
        breaks: OUT_IS_OUT,
        show: |_, record| match record {
            Record::Member(mut member) if member.status != MemberStatus::Admitted => {
                (member.status, member.requested) = (MemberStatus::Requested, NOW.time);
                Some(Record::Member(member))
            }
            record => Some(record),
        },
        ..AS_IT_IS
    },
    Mutant {
        scene: Scene::Attic,
        name: "how long a meeting is over is not looked at",
        breaks: KEPT,
        show: |tx, record| match (record, &tx.body) {
            (Record::Meeting(mut meeting), Body::PruneMeeting(_)) if meeting.ended => {
                meeting.last_activity = Seconds(0);
                Some(Record::Meeting(meeting))
            }
            (record, _) => Some(record),
        },
        keep: |_, before, record| match (before, record) {
            (Some(Record::Meeting(before)), Record::Meeting(mut meeting)) => {
                meeting.last_activity = meeting.last_activity.max(before.last_activity);
                Some(Record::Meeting(meeting))
            }
            (_, record) => Some(record),
        },
    },
    Mutant {
        name: "the owner of a seat is not looked at",
        breaks: NO_STRANGER,
        show: |tx, record| match record {
            Record::Member(mut member) => {
                member.dev = tx.signer;
                Some(Record::Member(member))
            }
            record => Some(record),
        },
        ..AS_IT_IS
    },
];

#[test]
fn a_missing_rule_is_found() {
    for mutant in MUTANTS.into_iter().chain(chair::MUTANTS) {
        let bounds = match mutant.scene {
            Scene::Attic => Bounds::attic(),
            Scene::Chair => Bounds::chair(),
            Scene::Door => Bounds::small(),
            Scene::Lock => Bounds::lock(),
            Scene::Vote => Bounds::vote(),
        };
        let ledger = Ledger { mutant: Some(mutant), ..Ledger::new(mutant.scene, bounds) };
        let found = stateright::HasDiscoveries::AllOf([mutant.breaks].into());
        let checker = ledger.checker().threads(2).finish_when(found).spawn_bfs().join();
        let path = checker.discovery(mutant.breaks);
        let path = path.unwrap_or_else(|| panic!("nobody noticed: {}", mutant.name));
        println!("{}: {} ({} steps)", mutant.name, mutant.breaks, path.into_actions().len());
    }
}

#[test]
fn every_promise_has_a_mutant() {
    for promise in
        properties(Scene::Chair).iter().filter(|one| one.expectation.discovery_is_failure())
    {
        let broken =
            MUTANTS.iter().chain(&chair::MUTANTS).any(|mutant| mutant.breaks == promise.name);
        assert!(broken, "no mutant breaks: {}", promise.name);
    }
}
