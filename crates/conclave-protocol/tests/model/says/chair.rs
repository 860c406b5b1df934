//! What anybody may try around the chair: claims, votes, other keys, another door.

use conclave_protocol::{
    codec::Set,
    meeting::{Absence, AutoAdmit, MeetingPolicy, Reason, RefreshKeys, Succession, VoteLeader},
    *,
};

use super::{Say, active, leader, renewal, say};
use crate::{
    state::Seen,
    world::{MID, NOW, STRANGER},
};

/// Everybody gives a new key; who leads also throws each of the others out.
pub(super) fn records(seen: Seen<'_>) -> Vec<Say> {
    let mut says: Vec<_> = active(seen).map(|who| renewal(seen, who)).collect();
    if let Some(who) = leader(seen) {
        let listed = seen.seats().filter(|(idx, _)| seen.roster().contains(*idx));
        let kick = |idx| super::removal(seen, who, idx, Reason::Kicked);
        says.extend(listed.map(|(idx, _)| kick(idx)));
    }
    says
}

/// Everybody claims the chair by every rule and from every seat. What a handover and a statement of
/// absence are signed with is checked before; here whoever is named said what is said of it.
pub(super) fn claims(seen: Seen<'_>) -> Vec<Say> {
    let seats: Vec<_> = seen.seats().collect();
    let mut says = Vec::new();
    for who in active(seen) {
        let own = seen.world.devices[who].dev;
        for (idx, _) in seats.iter().filter(|(_, member)| member.dev != own) {
            says.push(say(who, claim(seen, who, *idx, Succession::Vote)));
        }
        for (idx, _) in seats.iter().filter(|(_, member)| member.dev == own) {
            let claim = |rule| claim(seen, who, *idx, rule);
            says.extend(RULES.map(|rule| say(who, claim(rule))));
            let by = |absent| LeaderReassign { absent, ..claim(Succession::Time) };
            says.extend(words(seen).into_iter().map(|absent| say(who, by(absent))));
            let good = claim(Succession::Time);
            let (stale, wrong) = (good.term.next(), seen.world.devices[STRANGER].ivk);
            let absent = absences(seen.seats().map(|(idx, _)| (idx, NOW.time)));
            let bad = [
                LeaderReassign { term: stale, ..good.clone() },
                LeaderReassign { prev_ivk: wrong, ..good.clone() },
                LeaderReassign { ivk: wrong, ..good },
                LeaderReassign { absent, ..claim(Succession::Vote) },
            ];
            says.extend(bad.map(|body| say(who, body)));
        }
    }
    says
}

/// Everybody says that it was elected, or that its time has come; once also from another seat.
pub(super) fn elections(seen: Seen<'_>) -> Vec<Say> {
    let mut says = Vec::new();
    for who in active(seen) {
        let own = seen.world.devices[who].dev;
        let foreign = seen.seats().filter(|(_, member)| member.dev != own).take(1);
        says.extend(foreign.map(|(idx, _)| say(who, claim(seen, who, idx, Succession::Vote))));
        for (idx, _) in seen.seats().filter(|(_, member)| member.dev == own) {
            let rules = [Succession::Time, Succession::Vote];
            says.extend(rules.map(|rule| say(who, claim(seen, who, idx, rule))));
        }
    }
    says
}

const RULES: [Succession; 3] = [Succession::Appoint, Succession::Time, Succession::Vote];

/// A claim that is right in all but perhaps its time.
pub(crate) fn claim(
    seen: Seen<'_>,
    who: usize,
    idx: MemberIdx,
    rule: Succession,
) -> LeaderReassign {
    let meeting = seen.meeting();
    let leader = seen.member(meeting.leader).unwrap();
    LeaderReassign {
        mid: MID,
        term: meeting.term,
        rule,
        prev_ivk: leader.ivk,
        idx,
        ivk: seen.world.devices[who].ivk,
        epk: Epk([0x77; 32]),
        absent: Set::default(),
    }
}

/// Certificates of absence: by all, by all but one, by one, just now, a second old, from the future,
/// too old.
fn words(seen: Seen<'_>) -> Vec<Set<Absence, { meeting::MAX_ABSENCES }>> {
    let seats: Vec<_> = seen.seats().map(|(idx, _)| idx).collect();
    let all = |at| absences(seats.iter().map(|idx| (*idx, at)));
    let not = |out: MemberIdx| {
        absences(seats.iter().filter(|idx| **idx != out).map(|idx| (*idx, NOW.time)))
    };
    let before = |seconds| Seconds(NOW.time.0 - seconds);
    let mut words = vec![all(NOW.time), all(before(1)), all(NOW.time.next()), all(before(11))];
    words.extend(seats.iter().map(|out| not(*out)));
    words.extend(seats.iter().map(|only| absences([(*only, NOW.time)])));
    words
}

fn absences(
    of: impl IntoIterator<Item = (MemberIdx, Seconds)>,
) -> Set<Absence, { meeting::MAX_ABSENCES }> {
    let sig = Signature::Ed25519([0; 64]);
    let said = of.into_iter().map(|(idx, at)| Absence { idx, at, sig });
    Set::new(said.collect::<Vec<_>>()).unwrap()
}

/// Everybody votes for everybody, from the own seat and, once, from that of the leader.
pub(super) fn votes(seen: Seen<'_>) -> Vec<Say> {
    let MeetingRecord { term, leader: chair, .. } = *seen.meeting();
    let seats: Vec<_> = seen.seats().collect();
    let mut says = Vec::new();
    for who in active(seen) {
        let own = seen.world.devices[who].dev;
        let vote = |idx, candidate| VoteLeader { mid: MID, term, idx, candidate };
        for (idx, _) in seats.iter().filter(|(_, member)| member.dev == own) {
            says.extend(seats.iter().map(|(candidate, _)| say(who, vote(*idx, *candidate))));
            let late = VoteLeader { term: term.next(), ..vote(*idx, *idx) };
            says.push(say(who, late));
        }
        says.push(say(who, vote(chair, chair.next())));
    }
    says
}

/// Everybody puts other keys to every seat.
pub(super) fn refreshes(seen: Seen<'_>) -> Vec<Say> {
    let refresh = |who, idx| {
        let (epk, ek_hash) = (Epk([0x66; 32]), [0x66; 32]);
        say(who, RefreshKeys { mid: MID, idx, epk, ek_hash })
    };
    let seats: Vec<_> = seen.seats().map(|(idx, _)| idx).collect();
    let all = |who| seats.iter().map(move |idx| refresh(who, *idx)).collect::<Vec<_>>();
    active(seen).flat_map(all).collect()
}

/// Everybody locks the door and opens it again.
pub(super) fn policies(seen: Seen<'_>) -> Vec<Say> {
    let MeetingRecord { term, .. } = *seen.meeting();
    let auto_admit = AutoAdmit::Never;
    let policy = |who, term, locked| say(who, MeetingPolicy { mid: MID, term, auto_admit, locked });
    let both = |who| [policy(who, term, true), policy(who, term, false)];
    let late = leader(seen).map(|who| policy(who, term.next(), true));
    active(seen).flat_map(both).chain(late).collect()
}
