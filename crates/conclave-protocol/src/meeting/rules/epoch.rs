//! The epoch record: docs/protocol.md, section 5.3.

use std::collections::{BTreeMap, BTreeSet};

use super::{Call, is_active};
use crate::{
    id::{MeetingId, MemberIdx, UserId},
    meeting::{
        EpochRecord, MeetingRecord, MemberRecord, MemberStatus, Reason, Removal, Roster,
        RosterRecord, roster_hash,
    },
    state::{ApplyError, Draft, Event, Key, Record, Refusal, View, require},
};

impl Call<'_> {
    /// 0x23: who is in, and the commitment to the key they share from here on.
    pub(super) fn advance<V: View>(
        &self,
        draft: &mut Draft<'_, V>,
        body: &EpochRecord,
    ) -> Result<(), ApplyError> {
        let meeting = self.open(draft, body.mid)?;
        self.leads(draft, body.mid, &meeting, body.term)?;
        self.follows(&meeting, body)?;
        let old = draft.roster(body.mid)?.ok_or(Refusal::UnknownMeeting)?.roster;
        self.is_step(&meeting, &old, body)?;
        let members = load(draft, body)?;
        self.unban(draft, body)?;
        self.remove(draft, &old, &members, body)?;
        self.admit(draft, &old, &members, body)?;
        self.install(draft, meeting, body);
        Ok(())
    }

    /// The record is the next one of this meeting, and its author may write it.
    ///
    /// A leader whose lease ran out renews it first; only where a new key is owed the record itself
    /// is the cure, and is taken as long as nobody else took over.
    fn follows(&self, meeting: &MeetingRecord, body: &EpochRecord) -> Result<(), Refusal> {
        let led = meeting.is_led_at(self.params, self.at.time) || meeting.rekey_due.is_some();
        require(led, Refusal::LeaseOver)?;
        require(Some(body.epoch.0) == meeting.epoch.0.checked_add(1), Refusal::StaleEpoch)?;
        require(body.prev == meeting.last_rec, Refusal::StalePrev)?;
        let first_here = meeting.last_rec_height != self.at.height || meeting.epoch.0 == 0;
        require(first_here, Refusal::OneEpochPerBlock)?;
        require(body.mk_commit != meeting.mk_commit, Refusal::CommitmentReused)
    }

    /// `roster` is `old` less `removed` plus `added`, and nobody is named for nothing.
    fn is_step(
        &self,
        meeting: &MeetingRecord,
        old: &Roster,
        body: &EpochRecord,
    ) -> Result<(), Refusal> {
        require(body.roster.contains(meeting.leader), Refusal::LeaderNotInRoster)?;
        require(
            body.roster.len() <= usize::from(self.params.max_members),
            Refusal::RosterTooLarge,
        )?;
        let removed = body.removed.iter().map(|removal| removal.idx);
        let step = old.step(body.added.iter().copied(), removed.clone());
        require(step.as_ref() == Ok(&body.roster), Refusal::RosterMismatch)?;
        require(!body.added.iter().any(|idx| old.contains(*idx)), Refusal::RosterMismatch)?;
        let once = removed.clone().collect::<BTreeSet<_>>().len() == body.removed.len();
        require(once, Refusal::RosterMismatch)?;
        require(!removed.clone().any(|idx| body.roster.contains(idx)), Refusal::RosterMismatch)
    }

    fn unban<V: View>(
        &self,
        draft: &mut Draft<'_, V>,
        body: &EpochRecord,
    ) -> Result<(), ApplyError> {
        for user in &body.unbanned {
            let key = Key::Ban(body.mid, *user);
            require(draft.has(key.clone())?, Refusal::NotBanned)?;
            draft.remove(key);
        }
        Ok(())
    }

    /// Marks who is out. Somebody who was not in yet can only be denied.
    fn remove<V: View>(
        &self,
        draft: &mut Draft<'_, V>,
        old: &Roster,
        members: &BTreeMap<MemberIdx, MemberRecord>,
        body: &EpochRecord,
    ) -> Result<(), ApplyError> {
        for Removal { idx, reason } in &body.removed {
            let mut member = members.get(idx).cloned().ok_or(Refusal::UnknownMember)?;
            let waits =
                member.status_at(self.params, self.at.time) == Some(MemberStatus::Requested);
            let denied = waits && matches!(reason, Reason::Kicked | Reason::Banned);
            require(old.contains(*idx) || denied, Refusal::RosterMismatch)?;
            match reason {
                Reason::Left => {
                    require(member.status == MemberStatus::Left, Refusal::ReasonDoesNotHold)?;
                    continue;
                }
                Reason::Revoked => {
                    require(!is_active(draft, &member)?, Refusal::ReasonDoesNotHold)?;
                }
                Reason::Banned => {
                    let ban = Key::Ban(body.mid, member.user);
                    draft.put(ban, Record::Ban(self.at.height));
                }
                Reason::Kicked | Reason::TimedOut => {}
            }
            member.status = MemberStatus::Removed(*reason);
            draft.put(Key::Member(body.mid, *idx), Record::Member(member));
        }
        Ok(())
    }

    /// Everyone of the roster may be in it; who is new is marked as admitted here.
    fn admit<V: View>(
        &self,
        draft: &mut Draft<'_, V>,
        old: &Roster,
        members: &BTreeMap<MemberIdx, MemberRecord>,
        body: &EpochRecord,
    ) -> Result<(), ApplyError> {
        let banned: BTreeSet<UserId> = body
            .removed
            .iter()
            .filter(|removal| removal.reason == Reason::Banned)
            .filter_map(|removal| members.get(&removal.idx))
            .map(|member| member.user)
            .collect();
        let mut listed = Vec::with_capacity(body.roster.len());
        for idx in body.roster.iter() {
            let member = members.get(&idx).ok_or(Refusal::UnknownMember)?;
            let wanted = match old.contains(idx) {
                true => MemberStatus::Admitted,
                false => MemberStatus::Requested,
            };
            let stands = member.status_at(self.params, self.at.time) == Some(wanted)
                && !banned.contains(&member.user)
                && is_active(draft, member)?;
            require(stands, Refusal::RosterHoldsIneligible)?;
            listed.push((idx, member));
        }
        require(roster_hash(listed) == body.roster_hash, Refusal::RosterHashMismatch)?;
        for idx in &body.added {
            let mut member = members.get(idx).cloned().ok_or(Refusal::UnknownMember)?;
            let ban = Key::Ban(body.mid, member.user);
            require(!draft.has(ban)?, Refusal::Banned)?;
            member.status = MemberStatus::Admitted;
            member.admitted = self.at;
            draft.put(Key::Member(body.mid, *idx), Record::Member(member));
        }
        Ok(())
    }

    fn install<V: View>(
        &self,
        draft: &mut Draft<'_, V>,
        mut meeting: MeetingRecord,
        body: &EpochRecord,
    ) {
        let now = self.at.time;
        meeting.epoch = body.epoch;
        meeting.mk_commit = body.mk_commit;
        meeting.last_rec = body.digest();
        meeting.last_rec_height = self.at.height;
        meeting.last_activity = now;
        meeting.lease_end = now.plus(self.params.lease.into());
        meeting.rekey_due = None;
        let roster = RosterRecord { roster: body.roster.clone(), hash: body.roster_hash };
        draft.put(Key::Meeting(body.mid), Record::Meeting(meeting));
        draft.put(Key::Roster(body.mid), Record::Roster(roster));
        draft.tell(Event::EpochAdvanced { mid: body.mid, epoch: body.epoch });
    }
}

/// Every member the record names. All keys are asked for in two strokes, members and then their
/// devices and bans, so that a large roster costs two loads and not one per member.
fn load<V: View>(
    draft: &Draft<'_, V>,
    body: &EpochRecord,
) -> Result<BTreeMap<MemberIdx, MemberRecord>, ApplyError> {
    let mid: MeetingId = body.mid;
    let named: BTreeSet<MemberIdx> =
        body.roster.iter().chain(body.removed.iter().map(|removal| removal.idx)).collect();
    draft.need(named.iter().map(|idx| Key::Member(mid, *idx)))?;
    let mut members = BTreeMap::new();
    for idx in named {
        members.insert(idx, draft.member(mid, idx)?.ok_or(Refusal::UnknownMember)?);
    }
    let devices = members.values().map(|member| Key::Device(member.dev));
    let added = body.added.iter().filter_map(|idx| members.get(idx));
    let bans = added.map(|member| Key::Ban(mid, member.user));
    draft.need(devices.chain(bans))?;
    Ok(members)
}
