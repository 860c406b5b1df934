//! What must hold in every state and in every step, and what must happen somewhere.

mod chair;

use std::collections::BTreeMap;

use conclave_protocol::{
    meeting::{MeetingStatus, MemberStatus},
    *,
};
use stateright::Property;

use crate::{
    ledger::{Ledger, Scene},
    says::Say,
    state::{Seen, State},
    world::{MID, NOW, STRANGER},
};

pub(crate) use chair::{ALIVE, DOOR, HEIR, HELD, ONE_VOICE, OWED, OWN_KEYS, TURN};

type Holds = fn(&Ledger, &State) -> bool;

/// Everything that is asked of the model.
pub(crate) fn properties(scene: Scene) -> Vec<Property<Ledger>> {
    let states = STATES.iter().map(|(name, holds)| Property::always(name, *holds));
    let steps = STEPS.iter().map(|(name, holds)| Property::always(name, *holds));
    let sights = match scene {
        Scene::Attic => &CLEARED[..],
        Scene::Chair => &chair::SIGHTS[..],
        Scene::Door => &SIGHTS[..],
        Scene::Lock => &chair::LOCKED[..],
        Scene::Vote => &chair::ELECTED[..],
    };
    let sights = sights.iter().map(|(name, seen)| Property::sometimes(name, *seen));
    states.chain(steps).chain(sights).collect()
}

pub(crate) const LEADER_IN: &str =
    "the leader is an admitted member of the roster, or known to be gone";
pub(crate) const NO_BANNED: &str = "nobody who is banned is in the roster";
pub(crate) const NO_ORPHAN: &str = "the roster is the admitted members and those who left since";
pub(crate) const KEY_OWED: &str = "a new key is owed while somebody who left is in the roster";

const STATES: [(&str, Holds); 5] = [
    (ALIVE, chair::each_can_lead),
    (LEADER_IN, |ledger, state| {
        let seen = ledger.seen(state);
        let meeting = seen.meeting();
        let leader = seen.member(meeting.leader);
        let there = seen.roster().contains(meeting.leader);
        is_pruned(seen)
            || there
                && leader.is_some_and(|leader| match leader.status {
                    MemberStatus::Admitted => true,
                    MemberStatus::Left => meeting.gone_at.is_some(),
                    _ => false,
                })
    }),
    (NO_BANNED, |ledger, state| {
        let seen = ledger.seen(state);
        listed(seen).all(|(_, member)| !seen.is_banned(member.user))
    }),
    (NO_ORPHAN, |ledger, state| {
        let seen = ledger.seen(state);
        let known = seen.roster().iter().all(|idx| seen.member(idx).is_some());
        (known || is_pruned(seen))
            && seen.seats().all(|(idx, member)| match member.status {
                MemberStatus::Admitted => seen.roster().contains(idx),
                MemberStatus::Left => true,
                _ => !seen.roster().contains(idx),
            })
    }),
    (KEY_OWED, |ledger, state| {
        let seen = ledger.seen(state);
        let left = listed(seen).any(|(_, member)| member.status == MemberStatus::Left);
        !left || seen.meeting().rekey_due.is_some()
    }),
];

pub(crate) const ONE_LEADER: &str = "a term has one leader";
pub(crate) const UPWARD: &str = "terms and epochs go up by one";
pub(crate) const ONE_RECORD: &str = "an epoch has one record, a block at most one epoch";
pub(crate) const NO_REVOKED: &str = "no record keeps a revoked device";
pub(crate) const FINAL: &str = "what is over stays as it is";
pub(crate) const OUT_IS_OUT: &str = "who left or was removed has lost the seat";
pub(crate) const NO_STRANGER: &str = "a stranger moves nothing";
pub(crate) const KEPT: &str = "only what is long over leaves the state, and its name stays";

const STEPS: [(&str, Holds); 15] = [
    (ONE_LEADER, |_, state| state.broken != Some(ONE_LEADER)),
    (UPWARD, |_, state| state.broken != Some(UPWARD)),
    (ONE_RECORD, |_, state| state.broken != Some(ONE_RECORD)),
    (NO_REVOKED, |_, state| state.broken != Some(NO_REVOKED)),
    (FINAL, |_, state| state.broken != Some(FINAL)),
    (OUT_IS_OUT, |_, state| state.broken != Some(OUT_IS_OUT)),
    (NO_STRANGER, |_, state| state.broken != Some(NO_STRANGER)),
    (KEPT, |_, state| state.broken != Some(KEPT)),
    (HEIR, |_, state| state.broken != Some(HEIR)),
    (HELD, |_, state| state.broken != Some(HELD)),
    (TURN, |_, state| state.broken != Some(TURN)),
    (OWED, |_, state| state.broken != Some(OWED)),
    (ONE_VOICE, |_, state| state.broken != Some(ONE_VOICE)),
    (OWN_KEYS, |_, state| state.broken != Some(OWN_KEYS)),
    (DOOR, |_, state| state.broken != Some(DOOR)),
];

/// The first promise that a transaction broke on its way from one state to the next.
pub(crate) fn broken(before: Seen<'_>, after: Seen<'_>, say: &Say) -> Option<&'static str> {
    before.record(&Key::Meeting(MID))?;
    let (old, new) = (before.meeting(), after.meeting());
    let is_record = matches!(say.body, Body::EpochRecord(_));
    let is_pruning = matches!(say.body, Body::PruneMeeting(_));
    let same_meeting =
        old == new && before.roster() == after.roster() && before.seats().eq(after.seats());
    let found = [
        (
            ONE_LEADER,
            (old.leader != new.leader) == (old.term != new.term)
                && (old.term != new.term) == matches!(say.body, Body::LeaderReassign(_)),
        ),
        (
            UPWARD,
            [old.term, old.term.next()].contains(&new.term)
                && [old.epoch, old.epoch.next()].contains(&new.epoch),
        ),
        (
            ONE_RECORD,
            (old.epoch != new.epoch) == is_record
                && (old.last_rec != new.last_rec) == is_record
                && (is_record || is_pruning || before.roster() == after.roster())
                && (!is_record || old.epoch.0 == 0 || old.last_rec_height != NOW.height),
        ),
        (NO_REVOKED, !is_record || listed(after).all(|(_, member)| after.is_active(member))),
        (FINAL, before.status() == MeetingStatus::Open || same_meeting || is_pruning),
        (
            OUT_IS_OUT,
            before.seats().zip(after.seats()).all(|((_, old), (_, new))| match old.status {
                MemberStatus::Removed(_) => old == new,
                MemberStatus::Left => {
                    !matches!(new.status, MemberStatus::Requested | MemberStatus::Admitted)
                }
                _ => true,
            }),
        ),
        (NO_STRANGER, say.who != STRANGER || same_meeting || is_pruning),
        (KEPT, if is_pruning { clears(before, after) } else { new.next_idx >= old.next_idx }),
    ];
    let around = chair::broken(before, after, say);
    around.or_else(|| found.into_iter().find(|(_, holds)| !holds).map(|(name, _)| name))
}

/// Whether a meeting that left the state was long over, and nothing of it changed but what is gone.
fn clears(before: Seen<'_>, after: Seen<'_>) -> bool {
    let (old, new) = (before.meeting(), after.meeting());
    let params = &before.world.rules.params;
    let left =
        MeetingRecord { next_idx: new.next_idx, info_chunks: new.info_chunks, ..old.clone() };
    let burnt = |seen: Seen<'_>, npk| seen.record(&Key::NpkIndex(npk)).is_some();
    before.status() != MeetingStatus::Open
        && NOW.time > old.last_activity.plus(params.retention.into())
        && *new == left
        && new.next_idx <= old.next_idx
        && before.world.seats.iter().all(|(_, npk)| burnt(before, *npk) == burnt(after, *npk))
}

/// A model in which nothing happens keeps every promise, so all of this must happen.
const SIGHTS: [(&str, Holds); 10] = [
    ("a guest is in", |ledger, state| ledger.seen(state).roster().len() > 1),
    ("the last epoch is reached", |ledger, state| {
        ledger.seen(state).meeting().epoch.0 == ledger.bounds.epochs
    }),
    ("the leader is gone and the meeting goes on", |ledger, state| {
        let meeting = ledger.seen(state).meeting();
        is_open(ledger, state) && meeting.gone_at.is_some()
    }),
    ("the lease is over and the leader is there", |ledger, state| {
        let (meeting, params) = (ledger.seen(state).meeting(), &ledger.world.rules.params);
        let led = meeting.is_led_at(params, NOW.time);
        is_open(ledger, state) && meeting.gone_at.is_none() && !led
    }),
    ("a new key is overdue", |ledger, state| {
        let (meeting, params) = (ledger.seen(state).meeting(), &ledger.world.rules.params);
        let late = meeting.effective_lease_end(params) < NOW.time;
        is_open(ledger, state) && meeting.rekey_due.is_some() && late
    }),
    ("somebody is banned and somebody else is in", |ledger, state| {
        let seen = ledger.seen(state);
        seen.roster().len() > 1 && seen.seats().any(|(_, member)| seen.is_banned(member.user))
    }),
    ("a member's device is revoked", |ledger, state| {
        let seen = ledger.seen(state);
        listed(seen).any(|(_, member)| !seen.is_active(member))
    }),
    ("a request was never answered", |ledger, state| {
        let params = &ledger.world.rules.params;
        ledger.seen(state).seats().any(|(_, member)| member.status_at(params, NOW.time).is_none())
    }),
    ("a meeting is ended", |ledger, state| ledger.seen(state).meeting().ended),
    ("a meeting dies of silence", |ledger, state| {
        ledger.seen(state).status() == MeetingStatus::Expired
    }),
];

/// What must happen to a meeting that is over.
const CLEARED: [(&str, Holds); 3] = [
    ("a meeting is over and kept", |ledger, state| {
        let (meeting, params) = (ledger.seen(state).meeting(), &ledger.world.rules.params);
        !is_open(ledger, state) && !meeting.may_be_pruned_at(params, NOW.time)
    }),
    ("the members of a meeting left the state", |ledger, state| {
        is_pruned(ledger.seen(state)) && !ledger.seen(state).roster().is_empty()
    }),
    ("a whole meeting left the state", |ledger, state| {
        is_pruned(ledger.seen(state)) && ledger.seen(state).roster().is_empty()
    }),
];

/// Whether no member is left; before, there is always the founder.
fn is_pruned(seen: Seen<'_>) -> bool {
    seen.meeting().next_idx == MemberIdx(0)
}

fn listed<'a>(seen: Seen<'a>) -> impl Iterator<Item = (MemberIdx, &'a MemberRecord)> {
    seen.seats().filter(move |(idx, _)| seen.roster().contains(*idx))
}

fn is_open(ledger: &Ledger, state: &State) -> bool {
    ledger.seen(state).status() == MeetingStatus::Open
}

/// The answers of the rules, counted.
#[derive(Debug, Default)]
pub(crate) struct Heard(BTreeMap<Kind, BTreeMap<Option<Refusal>, u64>>);

impl Heard {
    pub(crate) fn hear<T>(&mut self, kind: Kind, answer: &Result<T, Refusal>) {
        let answers = self.0.entry(kind).or_default();
        *answers.entry(answer.as_ref().err().copied()).or_default() += 1;
    }

    /// One line per kind: how often it was taken, and how often each rule refused it.
    pub(crate) fn lines(&self) -> Vec<String> {
        let line = |(kind, answers): (&Kind, &BTreeMap<Option<Refusal>, u64>)| {
            let words = answers.iter().map(|(answer, count)| match answer {
                None => format!("taken {count}"),
                Some(refusal) => format!("{refusal:?} {count}"),
            });
            format!("{kind:?}: {}", words.collect::<Vec<_>>().join(", "))
        };
        self.0.iter().map(line).collect()
    }

    /// Every kind that was tried was taken at least once, and refused at least once.
    pub(crate) fn assert_complete(&self) {
        for (kind, answers) in &self.0 {
            assert!(answers.contains_key(&None), "no {kind:?} was ever taken");
            assert!(answers.len() > 1, "no {kind:?} was ever refused");
        }
    }
}
