//! What leaves the state of a meeting that is long over: docs/protocol.md, section 25.

use super::Call;
use crate::{
    id::{MeetingId, MemberIdx},
    meeting::{MeetingRecord, PRUNED_AT_ONCE, PruneMeeting},
    state::{ApplyError, Draft, Event, Key, Record, Refusal, View, require},
};

impl Call<'_> {
    /// 0x2a: the highest indexes go, or, when none is left, what the meeting said about itself.
    ///
    /// The meeting itself stays, because its id is burnt, and so does every `NpkIndex`, because a
    /// transport key takes one seat once. `last_activity` is not touched: nothing of this is a sign
    /// of life.
    pub(super) fn prune<V: View>(
        &self,
        draft: &mut Draft<'_, V>,
        body: &PruneMeeting,
    ) -> Result<(), ApplyError> {
        let mid = body.mid;
        let mut meeting = draft.meeting(mid)?.ok_or(Refusal::UnknownMeeting)?;
        require(meeting.may_be_pruned_at(self.params, self.at.time), Refusal::NotYet)?;
        require(body.next == meeting.next_idx, Refusal::StaleSeq)?;
        if meeting.next_idx == MemberIdx(0) {
            require(draft.has(Key::Roster(mid))?, Refusal::NothingToPrune)?;
            forget(draft, mid, &mut meeting);
        } else {
            let left = meeting.next_idx.0.saturating_sub(PRUNED_AT_ONCE);
            vacate(draft, mid, left..meeting.next_idx.0)?;
            meeting.next_idx = MemberIdx(left);
        }
        let left = meeting.next_idx;
        draft.put(Key::Meeting(mid), Record::Meeting(meeting));
        draft.tell(Event::MeetingPruned { mid, left });
        Ok(())
    }
}

/// Deletes the members of these indexes and all that the meeting remembers of their users. Nobody is
/// banned, votes or asks without having an index, so nothing is left behind when the last one went.
fn vacate<V: View>(
    draft: &mut Draft<'_, V>,
    mid: MeetingId,
    indexes: std::ops::Range<u16>,
) -> Result<(), ApplyError> {
    draft.need(indexes.clone().map(|idx| Key::Member(mid, MemberIdx(idx))))?;
    for idx in indexes.map(MemberIdx) {
        let user = draft.member(mid, idx)?.ok_or(Refusal::UnknownMember)?.user;
        draft.remove(Key::Member(mid, idx));
        draft.remove(Key::Ban(mid, user));
        draft.remove(Key::RequestTimes(mid, user));
        draft.remove(Key::Vote(mid, user));
    }
    Ok(())
}

/// Deletes what is left when no index is: the roster and the info.
fn forget<V: View>(draft: &mut Draft<'_, V>, mid: MeetingId, meeting: &mut MeetingRecord) {
    draft.remove(Key::Roster(mid));
    for part in 0..meeting.info_chunks {
        draft.remove(Key::MeetingInfo(mid, part));
    }
    meeting.info_chunks = 0;
}
