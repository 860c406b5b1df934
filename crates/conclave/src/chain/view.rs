//! A whole meeting at one height: its head, every request, and who made them.
//!
//! Requests stand under `0..next_idx`, and the head says `next_idx`; a validator that withholds one
//! cannot prove the rest (docs/protocol.md, section 6, completeness of lists).

use std::collections::{BTreeMap, BTreeSet};

use conclave_ledger::MAX_KEYS;
use conclave_meeting::session::{BearerView, Freshness, MeetingView, MemberView};
use conclave_protocol::{
    DeviceId, Key, MeetingId, MeetingRecord, MemberIdx, MemberRecord, Record, UserId,
    identity::assemble,
    meeting::{MemberStatus, Policy, Roster},
};

use super::{Chain, ChainError, PoisonError, Snapshot, light};

/// The keys that the last view of a meeting held.
pub(super) type Known = BTreeSet<Key>;

impl Chain {
    /// The meeting as it is proven at one final height: everything or an error. `watched` are
    /// devices said to be behind the personas of a sealed meeting.
    ///
    /// # Errors
    /// [`ChainError::Incomplete`] or those of [`snapshot`](Self::snapshot).
    pub async fn meeting_view(
        &self,
        mid: MeetingId,
        watched: &BTreeSet<DeviceId>,
    ) -> Result<MeetingView, ChainError> {
        let mut keys = self.known(mid);
        keys.insert(Key::Meeting(mid));
        // Head, members, users, infos: each round can reveal keys that the next one needs.
        for _ in 0..ROUNDS {
            let Some(snapshot) = self.at_one_height(&keys).await? else { continue };
            let mut needed = needed(mid, &snapshot);
            needed.extend(behind(watched, &snapshot));
            if needed.iter().all(|key| snapshot.covers(key)) {
                let view = self.view(mid, watched, &snapshot)?;
                self.remember(mid, needed);
                return Ok(view);
            }
            keys = needed;
        }
        Err(ChainError::Incomplete)
    }

    /// More keys than one answer proves are asked for in parts, until all are of one height.
    async fn at_one_height(&self, keys: &BTreeSet<Key>) -> Result<Option<Snapshot>, ChainError> {
        let keys: Vec<Key> = keys.iter().cloned().collect();
        let mut whole: Option<light::Snapshot> = None;
        for part in keys.chunks(MAX_KEYS) {
            let Snapshot(part) = self.snapshot(part).await?;
            match &mut whole {
                None => whole = Some(part),
                Some(whole) if whole.header == part.header => whole.records.extend(part.records),
                Some(_) => return Ok(None),
            }
        }
        Ok(whole.map(Snapshot))
    }

    fn view(
        &self,
        mid: MeetingId,
        watched: &BTreeSet<DeviceId>,
        at: &Snapshot,
    ) -> Result<MeetingView, ChainError> {
        let meeting = head(mid, at).cloned();
        let next = meeting.as_ref().map_or(0, |meeting| meeting.next_idx.0);
        let mut members = BTreeMap::new();
        for idx in (0..next).map(MemberIdx) {
            let member = member(mid, idx, at).ok_or(ChainError::Incomplete)?;
            members.insert(idx, seen(mid, member, at));
        }
        let roster = match at.record(&Key::Roster(mid)) {
            Some(Record::Roster(record)) => record.roster.clone(),
            _ => Roster::default(),
        };
        let freshness = match self.freshness() {
            light::Freshness::Fresh => Freshness::Fresh,
            light::Freshness::Amber(_) => Freshness::Amber,
            light::Freshness::Stale(_) => Freshness::Stale,
        };
        let (height, header, time) = (at.height(), at.header(), at.time());
        let votes = members.values().filter_map(|seat: &MemberView| {
            let user = seat.member.user;
            match at.record(&Key::Vote(mid, user)) {
                Some(Record::Vote(vote)) => Some((user, *vote)),
                _ => None,
            }
        });
        let votes = votes.collect();
        let bearers = watched.iter().filter_map(|dev| Some((*dev, bearer(*dev, at)?))).collect();
        Ok(MeetingView {
            height,
            header,
            time,
            freshness,
            meeting,
            roster,
            members,
            votes,
            bearers,
        })
    }

    fn known(&self, mid: MeetingId) -> Known {
        let known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&mid).cloned().unwrap_or_default()
    }

    fn remember(&self, mid: MeetingId, keys: Known) {
        let mut known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED && !known.contains_key(&mid) {
            known.pop_first();
        }
        known.insert(mid, keys);
    }
}

/// The keys of a complete view, as far as `at` tells them.
fn needed(mid: MeetingId, at: &Snapshot) -> BTreeSet<Key> {
    let mut keys = BTreeSet::from([Key::Meeting(mid), Key::Roster(mid)]);
    let next = head(mid, at).map_or(0, |meeting| meeting.next_idx.0);
    let votes = head(mid, at).is_some_and(|meeting| meeting.policy.rules() & Policy::VOTE != 0);
    for idx in (0..next).map(MemberIdx) {
        keys.insert(Key::Member(mid, idx));
        let Some(member) = member(mid, idx, at).filter(|member| matters(member)) else { continue };
        let user = member.user;
        keys.extend([Key::Device(member.dev), Key::User(user), Key::Ban(mid, user)]);
        if votes && member.status == MemberStatus::Admitted {
            keys.insert(Key::Vote(mid, user));
        }
        keys.insert(Key::UserInfo(user, 0));
        if let Some(Record::User(record)) = at.record(&Key::User(user)) {
            keys.extend((0..record.info_chunks).map(|part| Key::UserInfo(user, part)));
        }
    }
    keys
}

/// The keys of devices behind personas, as far as `at` tells them.
fn behind(watched: &BTreeSet<DeviceId>, at: &Snapshot) -> BTreeSet<Key> {
    let mut keys = BTreeSet::new();
    for dev in watched {
        keys.insert(Key::Device(*dev));
        let Some(Record::Device(device)) = at.record(&Key::Device(*dev)) else { continue };
        keys.insert(Key::User(device.user));
        if let Some(Record::User(user)) = at.record(&Key::User(device.user)) {
            keys.extend((0..user.info_chunks).map(|part| Key::UserInfo(device.user, part)));
        }
    }
    keys
}

fn bearer(dev: DeviceId, at: &Snapshot) -> Option<BearerView> {
    let Some(Record::Device(device)) = at.record(&Key::Device(dev)) else { return None };
    let Some(Record::User(user)) = at.record(&Key::User(device.user)) else { return None };
    let info = info(device.user, user.info_chunks, at);
    Some(BearerView { device: device.clone(), user: user.clone(), info })
}

/// Who left or was removed is shown by what the meeting remembers of them.
const fn matters(member: &MemberRecord) -> bool {
    matches!(member.status, MemberStatus::Admitted | MemberStatus::Requested)
}

fn seen(mid: MeetingId, member: &MemberRecord, at: &Snapshot) -> MemberView {
    let device = match at.record(&Key::Device(member.dev)) {
        Some(Record::Device(device)) => Some(device.clone()),
        _ => None,
    };
    let user = match at.record(&Key::User(member.user)) {
        Some(Record::User(user)) => Some(user.clone()),
        _ => None,
    };
    let info = user.as_ref().and_then(|user| info(member.user, user.info_chunks, at));
    let banned = at.record(&Key::Ban(mid, member.user)).is_some();
    MemberView { member: member.clone(), device, user, info, banned }
}

fn info(user: UserId, chunks: u8, at: &Snapshot) -> Option<conclave_protocol::UserInfo> {
    let parts: Option<Vec<_>> = (0..chunks)
        .map(|part| match at.record(&Key::UserInfo(user, part)) {
            Some(Record::Info(part)) => Some(part),
            _ => None,
        })
        .collect();
    assemble(parts?).ok()
}

fn head(mid: MeetingId, at: &Snapshot) -> Option<&MeetingRecord> {
    match at.record(&Key::Meeting(mid))? {
        Record::Meeting(meeting) => Some(meeting),
        _ => None,
    }
}

fn member(mid: MeetingId, idx: MemberIdx, at: &Snapshot) -> Option<&MemberRecord> {
    match at.record(&Key::Member(mid, idx))? {
        Record::Member(member) => Some(member),
        _ => None,
    }
}

/// Four reveal everything; the others are for a meeting that changes meanwhile.
const ROUNDS: usize = 8;
/// Meetings whose keys are remembered.
const REMEMBERED: usize = 16;
