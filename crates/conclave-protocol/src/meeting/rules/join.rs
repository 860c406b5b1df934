//! What a guest says: request, leave.

use super::Call;
use crate::{
    id::{MeetingId, Position, Seconds, UserId},
    meeting::{MAX_INDEXES, MeetingLeave, MeetingRequest, MemberRecord, MemberStatus},
    state::{ApplyError, Draft, Event, Key, Record, Refusal, RequestTimes, View, require},
};

impl Call<'_> {
    /// 0x21: a device asks to join and gets the next index.
    pub(super) fn request<V: View>(
        &self,
        draft: &mut Draft<'_, V>,
        body: &MeetingRequest,
    ) -> Result<(), ApplyError> {
        let mid = body.mid;
        let mut meeting = self.open(draft, mid)?;
        self.is_signer(body.user, body.dev, body.ivk)?;
        require(body.term == meeting.term, Refusal::StaleTerm)?;
        require(!meeting.policy.locked, Refusal::MeetingLocked)?;
        require(!draft.has(Key::Ban(mid, body.user))?, Refusal::Banned)?;
        let idx = meeting.next_idx;
        let most = usize::from(self.params.max_members).saturating_mul(4).min(MAX_INDEXES);
        require(usize::from(idx.0) < most, Refusal::MeetingFull)?;
        self.count_request(draft, mid, body.user)?;
        Self::seat(draft, mid, idx, body.epk, body.npk)?;
        let member = MemberRecord {
            user: body.user,
            dev: body.dev,
            ivk: body.ivk,
            epk: body.epk,
            ek_hash: body.ek_hash,
            npk: body.npk,
            status: MemberStatus::Requested,
            term: body.term,
            requested: self.at.time,
            admitted: Position::default(),
        };
        meeting.next_idx = idx.next();
        draft.put(Key::Member(mid, idx), Record::Member(member));
        draft.put(Key::Meeting(mid), Record::Meeting(meeting));
        draft.tell(Event::RequestMade { mid, idx });
        Ok(())
    }

    /// 0x22: a member goes, or takes its request back. A roster it was in owes a new key.
    pub(super) fn leave<V: View>(
        &self,
        draft: &mut Draft<'_, V>,
        body: &MeetingLeave,
    ) -> Result<(), ApplyError> {
        let mid = body.mid;
        let mut meeting = self.open(draft, mid)?;
        let mut member = self.own_seat(draft, mid, body.idx)?;
        member.status = MemberStatus::Left;
        let roster = draft.roster(mid)?.ok_or(Refusal::UnknownMeeting)?.roster;
        if roster.contains(body.idx) {
            meeting.rekey_due = meeting.rekey_due.or(Some(self.at.time));
            meeting.last_activity = self.at.time;
        }
        if body.idx == meeting.leader {
            meeting.gone_at = Some(self.at.time);
        }
        draft.put(Key::Member(mid, body.idx), Record::Member(member));
        draft.put(Key::Meeting(mid), Record::Meeting(meeting));
        draft.tell(Event::MemberLeft { mid, idx: body.idx });
        Ok(())
    }

    /// Refuses a user who asked too often lately, and remembers this time.
    fn count_request<V: View>(
        &self,
        draft: &mut Draft<'_, V>,
        mid: MeetingId,
        user: UserId,
    ) -> Result<(), ApplyError> {
        let now = self.at.time;
        let window = u64::from(self.params.request_window);
        let known = draft.request_times(mid, user)?.unwrap_or_default().into_vec();
        let mut recent: Vec<Seconds> =
            known.into_iter().filter(|time| now.since(*time) < window).collect();
        require(recent.len() < self.params.request_burst.into(), Refusal::TooManyRequests)?;
        recent.push(now);
        let times = RequestTimes::new(recent).map_err(|_| Refusal::TooManyRequests)?;
        draft.put(Key::RequestTimes(mid, user), Record::RequestTimes(times));
        Ok(())
    }
}
