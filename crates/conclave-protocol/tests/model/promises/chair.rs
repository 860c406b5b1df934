//! What must hold around the chair.

use std::collections::BTreeSet;

use conclave_protocol::{
    meeting::{MeetingStatus, MemberStatus, Succession},
    *,
};

use super::{Holds, is_open, listed};
use crate::{
    ledger::Ledger,
    says::{self, Say},
    state::{Seen, State},
    world::{MID, NOW},
};

pub(crate) const ALIVE: &str = "every live member can lead in bounded time";
pub(crate) const HEIR: &str =
    "who takes the chair is an active member that is in, and not its owner";
pub(crate) const HELD: &str =
    "a leader that is there loses the chair by its own word or that of more than half";
pub(crate) const TURN: &str = "members take over in the order of their admission";
pub(crate) const OWED: &str = "who takes the chair owes a new key";
pub(crate) const ONE_VOICE: &str = "a user votes once while the vote counts";
pub(crate) const OWN_KEYS: &str = "only its own member changes the keys of a seat";
pub(crate) const DOOR: &str =
    "the leader alone locks the door, a locked one holds, the rules of succession stay";

/// From every state, if all others fall silent: a leader that is there is heard or writes a record;
/// everybody else who is in waits, claims the chair and gets it.
pub(super) fn each_can_lead(ledger: &Ledger, state: &State) -> bool {
    let seen = ledger.seen(state);
    let live = |(_, member): &(_, &MemberRecord)| {
        member.status == MemberStatus::Admitted && seen.is_active(member)
    };
    let meeting = seen.meeting();
    seen.status() != MeetingStatus::Open
        || listed(seen).filter(live).all(|(idx, member)| {
            let who = seen.world.devices.iter().position(|device| device.dev == member.dev);
            let who = who.unwrap();
            if idx == meeting.leader && meeting.gone_at.is_none() {
                goes_on(ledger, state, who)
            } else {
                takes_over(ledger, state, who, idx)
            }
        })
}

fn goes_on(ledger: &Ledger, state: &State, who: usize) -> bool {
    let taken = |state: &State, say| ledger.answer(state, &say).is_ok();
    taken(state, says::heartbeat(ledger.seen(state), who))
        || taken(state, says::renewal(ledger.seen(state), who))
        || taken(&ledger.tick(state), says::renewal(ledger.seen(state), who))
}

fn takes_over(ledger: &Ledger, state: &State, who: usize, idx: MemberIdx) -> bool {
    let mut later = state.clone();
    for _ in 0..=patience(ledger) {
        let claim = says::chair::claim(ledger.seen(&later), who, idx, Succession::Time);
        if ledger.answer(&later, &Say { who, body: claim.into() }).is_ok() {
            return true;
        }
        later = ledger.tick(&later);
    }
    false
}

/// The lease, and the turns of all who come before.
fn patience(ledger: &Ledger) -> u32 {
    let params = &ledger.world.rules.params;
    params.lease + 1 + params.stagger * u32::from(params.max_members)
}

/// The first promise around the chair that a transaction broke.
pub(super) fn broken(before: Seen<'_>, after: Seen<'_>, say: &Say) -> Option<&'static str> {
    let claim = match &say.body {
        Body::LeaderReassign(claim) => succession(before, after, say.who, claim),
        _ => None,
    };
    let found = [
        (ONE_VOICE, users(before).all(|user| votes_once(before, after, user))),
        (OWN_KEYS, before.seats().zip(after.seats()).all(|(old, new)| keeps_keys(old, new, say))),
        (DOOR, keeps_door(before, after, say)),
    ];
    claim.or_else(|| found.into_iter().find(|(_, holds)| !holds).map(|(name, _)| name))
}

fn succession(
    before: Seen<'_>,
    after: Seen<'_>,
    who: usize,
    claim: &LeaderReassign,
) -> Option<&'static str> {
    let (old, new) = (before.meeting(), after.meeting());
    let heir = before.member(new.leader).is_some_and(|heir| {
        heir.status == MemberStatus::Admitted
            && before.roster().contains(new.leader)
            && heir.dev == before.world.devices[who].dev
            && before.is_active(heir)
            && new.leader != old.leader
    });
    let found = [
        (HEIR, heir),
        (HELD, gives_up(before, claim)),
        (TURN, is_its_turn(before, claim)),
        (OWED, new.rekey_due == Some(NOW.time)),
    ];
    found.into_iter().find(|(_, holds)| !holds).map(|(name, _)| name)
}

/// Whether the leader handed over, is gone or silent, or has more than half against it.
fn gives_up(before: Seen<'_>, claim: &LeaderReassign) -> bool {
    let meeting = before.meeting();
    let led = meeting.is_led_at(&before.world.rules.params, NOW.time);
    let voices: BTreeSet<UserId> = admitted(before).map(|(_, member)| member.user).collect();
    let most = |count: usize| 2 * count > voices.len();
    match claim.rule {
        Succession::Appoint => led,
        Succession::Time if claim.absent.is_empty() => !led,
        Succession::Time => {
            let said = |idx| claim.absent.iter().any(|absence| absence.idx == idx);
            let users = admitted(before).filter(|(idx, _)| said(*idx));
            most(users.map(|(_, member)| member.user).collect::<BTreeSet<_>>().len())
        }
        Succession::Vote => {
            let voted = |user: &&UserId| {
                matches!(
                    before.record(&Key::Vote(MID, **user)),
                    Some(Record::Vote(vote)) if vote.candidate == claim.idx
                )
            };
            most(voices.iter().filter(voted).count())
        }
    }
}

/// Whether those who were admitted earlier had their time.
fn is_its_turn(before: Seen<'_>, claim: &LeaderReassign) -> bool {
    let (meeting, params) = (before.meeting(), &before.world.rules.params);
    if claim.rule != Succession::Time || !claim.absent.is_empty() {
        return true;
    }
    let Some(own) = before.member(claim.idx) else { return false };
    let earlier = admitted(before).filter(|(idx, member)| {
        *idx != meeting.leader
            && before.is_active(member)
            && (member.admitted, *idx) < (own.admitted, claim.idx)
    });
    let wait = u64::try_from(earlier.count()).unwrap() * u64::from(params.stagger);
    let first = meeting.gone_at.unwrap_or_else(|| meeting.effective_lease_end(params).next());
    NOW.time >= first.plus(wait)
}

/// All votes that do not count any more are out of the state, so what is there counts.
fn votes_once(before: Seen<'_>, after: Seen<'_>, user: UserId) -> bool {
    let vote = Key::Vote(MID, user);
    before.record(&vote).is_none() || before.record(&vote) == after.record(&vote)
}

fn keeps_keys(
    (idx, old): (MemberIdx, &MemberRecord),
    (_, new): (MemberIdx, &MemberRecord),
    say: &Say,
) -> bool {
    let own = match &say.body {
        Body::RefreshKeys(body) => body.idx == idx,
        Body::LeaderReassign(body) => body.idx == idx,
        _ => false,
    };
    let same = (old.epk, old.ek_hash) == (new.epk, new.ek_hash);
    same || own && new.dev == old.dev
}

fn keeps_door(before: Seen<'_>, after: Seen<'_>, say: &Say) -> bool {
    let (old, new) = (before.meeting(), after.meeting());
    let by_leader =
        matches!(say.body, Body::MeetingPolicy(_)) && says::leader(before) == Some(say.who);
    old.policy.rules() == new.policy.rules()
        && (old.policy == new.policy || by_leader)
        && (!old.policy.locked || old.next_idx == new.next_idx)
}

fn admitted(seen: Seen<'_>) -> impl Iterator<Item = (MemberIdx, &MemberRecord)> {
    listed(seen).filter(|(_, member)| member.status == MemberStatus::Admitted)
}

fn users(seen: Seen<'_>) -> impl Iterator<Item = UserId> {
    seen.world.devices.iter().map(|device| device.user)
}

/// What must happen for the promises around the chair to say anything.
pub(super) const SIGHTS: [(&str, Holds); 4] = [
    ("the last term is reached", |ledger, state| {
        ledger.seen(state).meeting().term.0 == ledger.bounds.terms
    }),
    ("the last epoch is reached under another leader", |ledger, state| {
        let meeting = ledger.seen(state).meeting();
        meeting.epoch.0 == ledger.bounds.epochs && meeting.leader != MemberIdx(0)
    }),
    ("the first leader is out and the meeting goes on", |ledger, state| {
        let out = !ledger.seen(state).roster().contains(MemberIdx(0));
        out && is_open(ledger, state)
    }),
    ("a leader whose device is revoked sits in the chair", |ledger, state| {
        let seen = ledger.seen(state);
        let leader = seen.member(seen.meeting().leader);
        is_open(ledger, state) && leader.is_some_and(|leader| !seen.is_active(leader))
    }),
];

/// And around the door.
pub(super) const LOCKED: [(&str, Holds); 2] = [
    ("the door is locked under another leader", |ledger, state| {
        let meeting = ledger.seen(state).meeting();
        meeting.policy.locked && meeting.leader != MemberIdx(0)
    }),
    ("the door is open under another leader", |ledger, state| {
        let meeting = ledger.seen(state).meeting();
        !meeting.policy.locked && meeting.leader != MemberIdx(0)
    }),
];

/// And around votes.
pub(super) const ELECTED: [(&str, Holds); 2] = [
    ("two votes count at once", |_, state| {
        let votes = state.records.values().filter(|record| matches!(record, Record::Vote(_)));
        votes.count() > 1
    }),
    ("the last epoch is reached under whom they elected", |ledger, state| {
        let meeting = ledger.seen(state).meeting();
        meeting.epoch.0 == ledger.bounds.epochs && meeting.leader != MemberIdx(0)
    }),
];
