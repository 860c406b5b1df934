//! The rules around the chair with one of them missing.

use conclave_protocol::{
    meeting::{MemberStatus, Policy, Succession},
    *,
};

use super::{AS_IT_IS, Mutant};
use crate::{ledger::Scene, promises::*, world::NOW};

pub(super) const MUTANTS: [Mutant; 12] = [
    Mutant {
        name: "the end of a lease is never seen",
        breaks: ALIVE,
        show: |tx, record| lease(tx, record, Succession::Time, NOW.time.next()),
        ..IN_THE_CHAIR
    },
    Mutant {
        name: "every lease is over",
        breaks: HELD,
        show: |tx, record| lease(tx, record, Succession::Time, Seconds(0)),
        ..IN_THE_CHAIR
    },
    Mutant {
        name: "a leader hands over what it lost",
        breaks: HELD,
        show: |tx, record| lease(tx, record, Succession::Appoint, NOW.time.next()),
        ..IN_THE_CHAIR
    },
    Mutant {
        name: "every vote is for whoever claims",
        breaks: HELD,
        show: |tx, record| match (&tx.body, record) {
            (Body::LeaderReassign(claim), Record::Vote(mut vote)) => {
                vote.candidate = claim.idx;
                Some(Record::Vote(vote))
            }
            (_, record) => Some(record),
        },
        ..AT_THE_VOTE
    },
    Mutant {
        name: "who does not say that the leader is silent has no voice",
        breaks: HELD,
        show: |tx, record| match (&tx.body, record) {
            (Body::LeaderReassign(claim), Record::Member(mut member))
                if !claim.absent.is_empty() && member.dev != tx.signer =>
            {
                member.status = MemberStatus::Left;
                Some(Record::Member(member))
            }
            (_, record) => Some(record),
        },
        ..IN_THE_CHAIR
    },
    Mutant {
        name: "who was admitted earlier is not looked at",
        breaks: TURN,
        show: |tx, record| match (&tx.body, record) {
            (Body::LeaderReassign(_), Record::Member(mut member)) if member.dev == tx.signer => {
                member.admitted = Position::default();
                Some(Record::Member(member))
            }
            (_, record) => Some(record),
        },
        ..IN_THE_CHAIR
    },
    Mutant {
        name: "who left may take the chair",
        breaks: HEIR,
        show: |tx, record| match (&tx.body, record) {
            (Body::LeaderReassign(_), Record::Member(mut member)) => {
                member.status = MemberStatus::Admitted;
                Some(Record::Member(member))
            }
            (_, record) => Some(record),
        },
        ..IN_THE_CHAIR
    },
    Mutant {
        name: "the key of the leader before goes on",
        breaks: OWED,
        keep: |tx, before, record| match (&tx.body, before, record) {
            (Body::LeaderReassign(_), Some(Record::Meeting(old)), Record::Meeting(mut meeting)) => {
                meeting.rekey_due = old.rekey_due;
                Some(Record::Meeting(meeting))
            }
            (_, _, record) => Some(record),
        },
        ..IN_THE_CHAIR
    },
    Mutant {
        name: "an earlier vote is not looked at",
        breaks: ONE_VOICE,
        show: |tx, record| {
            let hidden = matches!((&tx.body, &record), (Body::VoteLeader(_), Record::Vote(_)));
            (!hidden).then_some(record)
        },
        ..AT_THE_VOTE
    },
    Mutant {
        name: "the owner of a seat is not looked at when its keys change",
        breaks: OWN_KEYS,
        show: |tx, record| match (&tx.body, record) {
            (Body::RefreshKeys(_), Record::Member(mut member)) => {
                member.dev = tx.signer;
                Some(Record::Member(member))
            }
            (_, record) => Some(record),
        },
        ..AT_THE_DOOR
    },
    Mutant {
        name: "a lock is not looked at",
        breaks: DOOR,
        show: |tx, record| match (&tx.body, record) {
            (Body::MeetingRequest(_), Record::Meeting(mut meeting)) => {
                meeting.policy.locked = false;
                Some(Record::Meeting(meeting))
            }
            (_, record) => Some(record),
        },
        ..AT_THE_DOOR
    },
    Mutant {
        name: "a leader takes the rules of succession away",
        breaks: DOOR,
        keep: |tx, _, record| match (&tx.body, record) {
            (Body::MeetingPolicy(_), Record::Meeting(mut meeting)) => {
                meeting.policy = Policy::new(0, meeting.policy.auto_admit);
                Some(Record::Meeting(meeting))
            }
            (_, record) => Some(record),
        },
        ..AT_THE_DOOR
    },
];

const IN_THE_CHAIR: Mutant = Mutant { scene: Scene::Chair, ..AS_IT_IS };
const AT_THE_VOTE: Mutant = Mutant { scene: Scene::Vote, ..AS_IT_IS };
const AT_THE_DOOR: Mutant = Mutant { scene: Scene::Lock, ..AS_IT_IS };

/// The meeting as a claim by `rule` is shown it: with another end of the lease.
fn lease(tx: &Tx, record: Record, rule: Succession, end: Seconds) -> Option<Record> {
    match (&tx.body, record) {
        (Body::LeaderReassign(claim), Record::Meeting(mut meeting))
            if claim.rule == rule && claim.absent.is_empty() =>
        {
            (meeting.lease_end, meeting.gone_at, meeting.rekey_due) = (end, None, None);
            Some(Record::Meeting(meeting))
        }
        (_, record) => Some(record),
    }
}
