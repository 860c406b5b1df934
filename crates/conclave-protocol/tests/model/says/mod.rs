//! What anybody may try: one function per kind of transaction, honest and dishonest alike.
//!
//! A further kind is one more function and one more entry in [`ATTIC`], [`DOOR`], [`CHAIR`], [`LOCK`]
//! or [`VOTE`].

pub(crate) mod chair;

use conclave_protocol::{
    identity::{RevokeDevice, UserInfo},
    meeting::{MemberStatus, Policy, Reason, Removal, Suite, roster_hash},
    *,
};

use crate::{
    state::{Seen, last_rec, mk_commit},
    world::{Device, FOUNDER, GUESTS, MID, STRANGER},
};

/// A transaction and the number of the device that signs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Say {
    pub(crate) who: usize,
    pub(crate) body: Body,
}

/// All that may be tried in a state, by kind.
type Kinds<const N: usize> = [fn(Seen<'_>) -> Vec<Say>; N];

pub(crate) const ATTIC: Kinds<6> =
    [publications, requests, leaves, heartbeats, dismissals, prunings];

pub(crate) const DOOR: Kinds<7> =
    [publications, requests, leaves, records, heartbeats, dismissals, revocations];

pub(crate) const CHAIR: Kinds<6> =
    [leaves, chair::records, heartbeats, dismissals, revocations, chair::claims];

pub(crate) const VOTE: Kinds<5> =
    [leaves, chair::records, heartbeats, chair::elections, chair::votes];

pub(crate) const LOCK: Kinds<6> =
    [requests, leaves, heartbeats, chair::claims, chair::refreshes, chair::policies];

/// The publication that founds the meeting.
pub(crate) fn publish(seen: Seen<'_>) -> Say {
    publication(seen, FOUNDER)
}

/// The id of the meeting, used again.
fn publications(seen: Seen<'_>) -> Vec<Say> {
    [FOUNDER, STRANGER].map(|who| publication(seen, who)).into()
}

fn publication(seen: Seen<'_>, who: usize) -> Say {
    let device = &seen.world.devices[who];
    let (epk, npk) = seen.world.seats[who];
    let body = PublishMeeting {
        mid: MID,
        suite: Suite::Hybrid,
        policy: Policy::default(),
        info: UserInfo::Commit([0; 32]),
        user: device.user,
        dev: device.dev,
        ivk: device.ivk,
        epk,
        ek_hash: [0; 32],
        npk,
    };
    say(who, body)
}

/// A guest asks for a seat; once with keys of its own, once with the transport key of the founder.
fn requests(seen: Seen<'_>) -> Vec<Say> {
    let stolen = seen.world.seats[FOUNDER].1;
    let asks = |who| {
        let own = request(seen, who);
        let Body::MeetingRequest(body) = own.body.clone() else { unreachable!() };
        [own, say(who, MeetingRequest { npk: stolen, ..body })]
    };
    guests(seen).filter(|who| is_active(seen, *who)).flat_map(asks).collect()
}

/// Device `who` asks for the next seat.
pub(crate) fn request(seen: Seen<'_>, who: usize) -> Say {
    let MeetingRecord { term, next_idx, .. } = *seen.meeting();
    let (epk, npk) = seen.world.seats[usize::from(next_idx.0)];
    let Device { user, dev, ivk } = seen.world.devices[who];
    say(who, MeetingRequest { mid: MID, user, dev, ivk, epk, ek_hash: [0; 32], npk, term })
}

/// The founder lets all of them in.
pub(crate) fn admission(seen: Seen<'_>, added: &[MemberIdx]) -> Say {
    say(FOUNDER, record(seen, added, &[]))
}

/// Everybody tries to leave from every seat, also from those of others.
fn leaves(seen: Seen<'_>) -> Vec<Say> {
    let seats: Vec<_> = seen.seats().map(|(idx, _)| idx).collect();
    let from = |who| seats.iter().map(move |idx| say(who, MeetingLeave { mid: MID, idx: *idx }));
    active(seen).flat_map(from).collect()
}

/// The leader writes everything it might; all others a plain new key.
fn records(seen: Seen<'_>) -> Vec<Say> {
    let leader = leader(seen);
    let plain = record(seen, &[], &[]);
    let others = everybody(seen).filter(|who| Some(*who) != leader);
    let mut says: Vec<_> = others.map(|who| say(who, plain.clone())).collect();
    let Some(who) = leader else { return says };
    if seen.meeting().gone_at.is_some() || !is_active(seen, who) {
        says.push(say(who, plain));
        return says;
    }
    let gone = gone(seen);
    let mut write = |added: &[MemberIdx], out: &[Removal]| {
        says.push(say(who, record(seen, added, out)));
    };
    write(&[], &[]);
    write(&[], &gone);
    let and_gone = |out: &[Removal]| -> Vec<Removal> {
        let named = |idx| out.iter().any(|removal| removal.idx == idx);
        gone.iter().filter(|gone| !named(gone.idx)).chain(out).copied().collect()
    };
    for (idx, member) in seen.seats() {
        if !seen.roster().contains(idx) {
            write(&[idx], &gone);
        }
        for reason in [Reason::Left, Reason::Kicked, Reason::Revoked, Reason::TimedOut] {
            write(&[], &and_gone(&[Removal { idx, reason }]));
        }
        // A ban is of a user, so the user's other devices go with it, or else it is refused.
        write(&[], &and_gone(&[Removal { idx, reason: Reason::Banned }]));
        let twins = seen.seats().filter(|(other, twin)| {
            *other != idx && twin.user == member.user && seen.roster().contains(*other)
        });
        let mut out: Vec<_> =
            twins.map(|(idx, _)| Removal { idx, reason: Reason::Kicked }).collect();
        if !out.is_empty() {
            out.push(Removal { idx, reason: Reason::Banned });
            write(&[], &and_gone(&out));
        }
    }
    let waiting = seen.seats().filter(|(_, member)| member.status == MemberStatus::Requested);
    let waiting: Vec<_> = waiting.map(|(idx, _)| idx).collect();
    if waiting.len() > 1 {
        write(&waiting, &gone);
    }
    let good = record(seen, &[], &gone);
    let bans = seen.world.devices.iter().map(|device| device.user);
    let bans: Vec<_> = bans.filter(|user| seen.is_banned(*user)).collect();
    if !bans.is_empty() {
        let unbanned = codec::Set::new(bans).unwrap();
        says.push(say(who, EpochRecord { unbanned, ..good.clone() }));
    }
    let MeetingRecord { epoch, term, .. } = *seen.meeting();
    let wrong = [
        EpochRecord { prev: last_rec(epoch.next()), ..good.clone() },
        EpochRecord { epoch: epoch.next().next(), ..good.clone() },
        EpochRecord { epoch, ..good.clone() },
        EpochRecord { term: term.next(), ..good.clone() },
        EpochRecord { mk_commit: mk_commit(epoch), ..good.clone() },
        EpochRecord { roster_hash: Digest::default(), ..good },
    ];
    says.extend(wrong.map(|record| say(who, record)));
    says
}

/// The next record, right in every field but perhaps in whom it names.
fn record(seen: Seen<'_>, added: &[MemberIdx], removed: &[Removal]) -> EpochRecord {
    let meeting = seen.meeting();
    let gone = removed.iter().map(|removal| removal.idx);
    let roster = seen.roster().step(added.iter().copied(), gone).unwrap();
    let members: Vec<_> = seen.seats().filter(|(idx, _)| roster.contains(*idx)).collect();
    EpochRecord {
        mid: MID,
        term: meeting.term,
        epoch: meeting.epoch.next(),
        prev: meeting.last_rec,
        roster_hash: roster_hash(members),
        roster,
        added: codec::Set::new(added).unwrap(),
        removed: codec::Set::new(removed).unwrap(),
        unbanned: codec::Set::default(),
        mk_commit: mk_commit(meeting.epoch.next()),
    }
}

/// Everybody of the roster who is out, with the reason that holds.
fn gone(seen: Seen<'_>) -> Vec<Removal> {
    let listed = seen.seats().filter(|(idx, _)| seen.roster().contains(*idx));
    let reason = |member: &MemberRecord| match member.status {
        MemberStatus::Left => Some(Reason::Left),
        _ => (!seen.is_active(member)).then_some(Reason::Revoked),
    };
    listed.filter_map(|(idx, member)| Some(Removal { idx, reason: reason(member)? })).collect()
}

/// The leader is there.
pub(crate) fn heartbeat(seen: Seen<'_>, who: usize) -> Say {
    let MeetingRecord { term, epoch, .. } = *seen.meeting();
    say(who, Heartbeat { mid: MID, term, epoch })
}

/// The leader gives a new key to everybody who is left.
pub(crate) fn renewal(seen: Seen<'_>, who: usize) -> Say {
    say(who, record(seen, &[], &gone(seen)))
}

/// The leader gives a new key to everybody who is left but one.
fn removal(seen: Seen<'_>, who: usize, idx: MemberIdx, reason: Reason) -> Say {
    let gone = gone(seen).into_iter().filter(|gone| gone.idx != idx);
    let out: Vec<_> = gone.chain([Removal { idx, reason }]).collect();
    say(who, record(seen, &[], &out))
}

fn heartbeats(seen: Seen<'_>) -> Vec<Say> {
    let MeetingRecord { term, epoch, .. } = *seen.meeting();
    let beat = |who| say(who, Heartbeat { mid: MID, term, epoch });
    let late = leader(seen).map(|who| say(who, Heartbeat { mid: MID, term, epoch: epoch.next() }));
    everybody(seen).map(beat).chain(late).collect()
}

fn dismissals(seen: Seen<'_>) -> Vec<Say> {
    let MeetingRecord { term, epoch, .. } = *seen.meeting();
    let end = |who| say(who, MeetingDismiss { mid: MID, term, epoch });
    active(seen).map(end).collect()
}

/// Everybody clears the meeting away, with the index that is next and with another one.
fn prunings(seen: Seen<'_>) -> Vec<Say> {
    let next = seen.meeting().next_idx;
    let nexts = [next, MemberIdx(next.0 ^ 1)];
    let of = |who| nexts.map(|next| say(who, PruneMeeting { mid: MID, next }));
    active(seen).flat_map(of).collect()
}

/// Every device of a guest or of the founder revokes itself, the other one of its user, and the
/// founder's.
fn revocations(seen: Seen<'_>) -> Vec<Say> {
    let devices = || active(seen).filter(|who| *who != STRANGER);
    let revoke = |who: usize, target: usize| {
        let (signer, target) = (&seen.world.devices[who], &seen.world.devices[target]);
        let user = seen.user(signer.user);
        let (seq, prev) = (user.seq + 1, user.last_tx);
        let body = RevokeDevice { user: target.user, dev: target.dev, reason: 0, seq, prev };
        let tried = signer.user == target.user || target.dev == seen.world.devices[FOUNDER].dev;
        tried.then(|| say(who, body))
    };
    devices().flat_map(|who| devices().filter_map(move |target| revoke(who, target))).collect()
}

fn say(who: usize, body: impl Into<Body>) -> Say {
    Say { who, body: body.into() }
}

fn everybody(seen: Seen<'_>) -> impl Iterator<Item = usize> + use<> {
    0..seen.world.devices.len()
}

/// Everybody whose device is not revoked. The others are refused before anything is looked at, so
/// it is enough that they try to write a record and to be heard as the leader.
fn active(seen: Seen<'_>) -> impl Iterator<Item = usize> + '_ {
    everybody(seen).filter(move |who| is_active(seen, *who))
}

fn is_active(seen: Seen<'_>, who: usize) -> bool {
    seen.device(seen.world.devices[who].dev).is_active()
}

fn guests(seen: Seen<'_>) -> impl Iterator<Item = usize> + use<> {
    GUESTS[0]..seen.world.devices.len()
}

/// The device of the leader.
pub(crate) fn leader(seen: Seen<'_>) -> Option<usize> {
    let leader = seen.member(seen.meeting().leader)?;
    seen.world.devices.iter().position(|device| device.dev == leader.dev)
}
