//! One state of the model: the records that differ from those of the world.

use std::{collections::BTreeMap, sync::LazyLock};

use conclave_protocol::{
    meeting::{MeetingStatus, MemberStatus, Reason, RosterRecord},
    state::RequestTimes,
    *,
};

use crate::world::{MID, NOW, World};

/// The records that differ from those of the world, and the first promise that a step broke.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) records: BTreeMap<Key, Record>,
    pub(crate) broken: Option<&'static str>,
}

/// Before this no rule of the small network can tell two times apart.
const LONG_AGO: Seconds = Seconds(NOW.time.0 - 5);

impl State {
    pub(crate) fn write(&mut self, changes: Changes) {
        for (key, record) in changes.writes {
            match record {
                Some(record) => self.records.insert(key, record),
                None => self.records.remove(&key),
            };
        }
    }

    /// A second goes by: everything that has a time is a second older, and a new block begins.
    pub(crate) fn age(&mut self) {
        for record in self.records.values_mut() {
            match record {
                Record::Meeting(meeting) => {
                    meeting.last_rec_height = Height(0);
                    meeting.gone_at = meeting.gone_at.map(older);
                    meeting.last_activity = older(meeting.last_activity);
                    meeting.lease_end = older(meeting.lease_end);
                    meeting.rekey_due = meeting.rekey_due.map(older);
                }
                Record::Member(member) => member.requested = older(member.requested),
                Record::Vote(vote) => vote.at = older(vote.at),
                Record::RequestTimes(times) => {
                    let old = times.iter().copied().map(older).collect::<Vec<_>>();
                    *times = RequestTimes::new(old).unwrap();
                }
                _ => {}
            }
        }
    }

    /// Puts one value in place of all that no rule can tell apart, so that the model is finite:
    /// nonces and tokens are never short, digests are only compared for being equal, admissions only
    /// for their order, times only with the present, exchange keys not at all, and why somebody is
    /// out, when it asked and what it voted long ago matters to nobody.
    pub(crate) fn forget_what_no_rule_asks(&mut self, world: &World) {
        let window = u64::from(world.rules.params.request_window);
        let ranks = self.ranks();
        let seen = Seen { world, state: self };
        let meeting = seen.meeting().clone();
        let votes = world.rules.params.vote_window;
        let over = seen.status() != MeetingStatus::Open;
        let kept = u64::from(world.rules.params.retention) < NOW.time.since(LONG_AGO);
        let roster = seen.roster().clone();
        for (key, record) in &mut self.records {
            match (record, world.records.get(key)) {
                (Record::User(user), Some(Record::User(first))) => {
                    (user.tokens, user.refilled) = (first.tokens, first.refilled);
                }
                (Record::Device(device), Some(Record::Device(first))) => {
                    device.next_nonce = first.next_nonce;
                    device.revoked = device.revoked.map(|_| Height(0));
                }
                (Record::Ban(since), _) => *since = Height(0),
                (Record::Meeting(meeting), _) => {
                    if over {
                        meeting.lease_end = LONG_AGO;
                        if !kept {
                            meeting.last_activity = LONG_AGO;
                        }
                        meeting.last_rec_height = Height(0);
                        meeting.gone_at = meeting.gone_at.map(|_| LONG_AGO);
                        meeting.rekey_due = meeting.rekey_due.map(|_| LONG_AGO);
                    }
                    meeting.last_rec = last_rec(meeting.epoch);
                    meeting.mk_commit = mk_commit(meeting.epoch);
                }
                (Record::Member(member), _) => {
                    let Key::Member(_, idx) = key else { unreachable!() };
                    (member.epk, member.ek_hash) = (world.seats[usize::from(idx.0)].0, [0; 32]);
                    member.term = Term(1);
                    let left = member.status == MemberStatus::Left && !roster.contains(*idx);
                    if left || matches!(member.status, MemberStatus::Removed(_)) {
                        member.status = MemberStatus::Removed(Reason::Kicked);
                    }
                    if over || member.status != MemberStatus::Requested {
                        member.requested = LONG_AGO;
                    }
                    member.admitted = match member.status {
                        MemberStatus::Admitted => ranks[&member.admitted],
                        _ => Position::default(),
                    };
                }
                (Record::RequestTimes(times), _) => {
                    let mut recent = times.as_slice().to_vec();
                    recent.retain(|time| !over && NOW.time.since(*time) < window);
                    *times = RequestTimes::new(recent).unwrap();
                }
                _ => {}
            }
        }
        self.records.retain(|key, record| {
            let empty = match record {
                Record::RequestTimes(times) => times.is_empty(),
                Record::Vote(vote) => over || !vote.counts(&meeting, votes, NOW.time),
                _ => false,
            };
            !empty && world.records.get(key) != Some(record)
        });
    }

    /// Admissions by their order alone.
    fn ranks(&self) -> BTreeMap<Position, Position> {
        let admitted = self.records.values().filter_map(|record| match record {
            Record::Member(member) if member.status == MemberStatus::Admitted => {
                Some((member.admitted, ()))
            }
            _ => None,
        });
        let order: BTreeMap<Position, ()> = admitted.collect();
        let rank = |height| Position { height: Height(height), index: 0, time: Seconds(0) };
        order.into_keys().zip((1..).map(rank)).collect()
    }
}

fn older(time: Seconds) -> Seconds {
    Seconds(time.0.saturating_sub(1)).max(LONG_AGO)
}

/// The name of the key of an epoch in this model.
pub(crate) fn mk_commit(epoch: Epoch) -> Digest {
    Digest::of(&[b"key", &encode(&epoch)])
}

/// The name of the record of an epoch in this model.
pub(crate) fn last_rec(epoch: Epoch) -> Digest {
    Digest::of(&[b"record", &encode(&epoch)])
}

/// A state on top of its world: what the rules are shown.
#[derive(Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) world: &'a World,
    pub(crate) state: &'a State,
}

impl View for Seen<'_> {
    fn get(&self, key: &Key) -> Result<Option<Record>, NotLoaded> {
        Ok(self.record(key).cloned())
    }
}

impl<'a> Seen<'a> {
    pub(crate) fn record(self, key: &Key) -> Option<&'a Record> {
        self.state.records.get(key).or_else(|| self.world.records.get(key))
    }

    pub(crate) fn meeting(self) -> &'a MeetingRecord {
        match self.record(&Key::Meeting(MID)) {
            Some(Record::Meeting(meeting)) => meeting,
            other => panic!("{other:?}"),
        }
    }

    /// Whether the meeting goes on.
    pub(crate) fn status(self) -> MeetingStatus {
        self.meeting().status_at(&self.world.rules.params, NOW.time)
    }

    /// The roster; an empty one if it left the state.
    pub(crate) fn roster(self) -> &'a Roster {
        static EMPTY: LazyLock<Roster> = LazyLock::new(Roster::default);
        match self.record(&Key::Roster(MID)) {
            Some(Record::Roster(RosterRecord { roster, .. })) => roster,
            None => &EMPTY,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn member(self, idx: MemberIdx) -> Option<&'a MemberRecord> {
        match self.record(&Key::Member(MID, idx)) {
            Some(Record::Member(member)) => Some(member),
            None => None,
            other => panic!("{other:?}"),
        }
    }

    /// All seats that were ever handed out.
    pub(crate) fn seats(self) -> impl Iterator<Item = (MemberIdx, &'a MemberRecord)> {
        let all = (0..self.meeting().next_idx.0).map(MemberIdx);
        all.filter_map(move |idx| Some((idx, self.member(idx)?)))
    }

    pub(crate) fn device(self, dev: DeviceId) -> &'a DeviceRecord {
        match self.record(&Key::Device(dev)) {
            Some(Record::Device(device)) => device,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn user(self, user: UserId) -> &'a UserRecord {
        match self.record(&Key::User(user)) {
            Some(Record::User(user)) => user,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn is_banned(self, user: UserId) -> bool {
        self.record(&Key::Ban(MID, user)).is_some()
    }

    /// Whether the device of a member may act.
    pub(crate) fn is_active(self, member: &MemberRecord) -> bool {
        self.device(member.dev).is_active()
    }
}
