//! The rules of the meeting ledger: docs/protocol.md, section 5.2, one function per transaction.

mod epoch;
mod join;
mod keys;
mod lead;
mod prune;
mod succession;

use super::{MeetingRecord, MeetingStatus, MemberRecord, MemberStatus};
use crate::{
    id::{DeviceId, MeetingId, MemberIdx, Position, Term, UserId},
    identity::DeviceRecord,
    key::{Epk, Ivk, Npk},
    params::Params,
    state::{ApplyError, Draft, Key, Record, Refusal, Seat, View, require},
    tx::{Body, Tx},
};

/// One transaction whose envelope held, and the device that signed it.
pub(crate) struct Call<'a> {
    pub(crate) params: &'a Params,
    pub(crate) at: Position,
    pub(crate) tx: &'a Tx,
    pub(crate) signer: &'a DeviceRecord,
}

impl Call<'_> {
    pub(crate) fn apply<V: View>(&self, draft: &mut Draft<'_, V>) -> Result<(), ApplyError> {
        match &self.tx.body {
            Body::EpochRecord(body) => self.advance(draft, body),
            Body::Heartbeat(body) => self.heartbeat(draft, body),
            Body::LeaderReassign(body) => self.reassign(draft, body),
            Body::MeetingDismiss(body) => self.dismiss(draft, body),
            Body::MeetingLeave(body) => self.leave(draft, body),
            Body::MeetingPolicy(body) => self.set_policy(draft, body),
            Body::MeetingRequest(body) => self.request(draft, body),
            Body::PruneMeeting(body) => self.prune(draft, body),
            Body::PublishMeeting(body) => self.publish(draft, body),
            Body::RefreshKeys(body) => self.refresh(draft, body),
            Body::VoteLeader(body) => self.vote(draft, body),
            Body::AddDevice(_)
            | Body::AnchorRecord(_)
            | Body::Cancel(_)
            | Body::ClaimHandle(_)
            | Body::Recover(_)
            | Body::SetRecoveryKey(_)
            | Body::RegisterUser(_)
            | Body::RevokeDevice(_)
            | Body::RotateKey(_)
            | Body::UpdateInfo(_)
            | Body::ValidatorVote(_) => Ok(()),
        }
    }

    /// The meeting, if it goes on.
    fn open<V: View>(
        &self,
        draft: &Draft<'_, V>,
        mid: MeetingId,
    ) -> Result<MeetingRecord, ApplyError> {
        let meeting = draft.meeting(mid)?.ok_or(Refusal::UnknownMeeting)?;
        let status = meeting.status_at(self.params, self.at.time);
        require(status == MeetingStatus::Open, Refusal::MeetingOver)?;
        Ok(meeting)
    }

    /// The signer leads this meeting in this term and has not left it.
    fn leads<V: View>(
        &self,
        draft: &Draft<'_, V>,
        mid: MeetingId,
        meeting: &MeetingRecord,
        term: Term,
    ) -> Result<(), ApplyError> {
        let leader = draft.member(mid, meeting.leader)?.ok_or(Refusal::UnknownMember)?;
        require(leader.dev == self.tx.signer, Refusal::NotTheLeader)?;
        require(term == meeting.term, Refusal::StaleTerm)?;
        require(meeting.gone_at.is_none(), Refusal::LeaderGone)?;
        Ok(())
    }

    /// The seat of the signer, as long as it waits there or is in.
    fn own_seat<V: View>(
        &self,
        draft: &Draft<'_, V>,
        mid: MeetingId,
        idx: MemberIdx,
    ) -> Result<MemberRecord, ApplyError> {
        let member = draft.member(mid, idx)?.ok_or(Refusal::UnknownMember)?;
        require(member.dev == self.tx.signer, Refusal::NotThatMember)?;
        let status = member.status_at(self.params, self.at.time);
        let here = matches!(status, Some(MemberStatus::Requested | MemberStatus::Admitted));
        require(here, Refusal::NotThatMember)?;
        Ok(member)
    }

    /// The body speaks of the device that signed it (eqs. 7 and 10).
    fn is_signer(&self, user: UserId, dev: DeviceId, ivk: Ivk) -> Result<(), Refusal> {
        let own = (self.signer.user, self.tx.signer, self.signer.ivk);
        require((user, dev, ivk) == own, Refusal::NotTheSigner)
    }

    /// Takes the keys of a seat: sound, and the transport key never used before.
    fn seat<V: View>(
        draft: &mut Draft<'_, V>,
        mid: MeetingId,
        idx: MemberIdx,
        epk: Epk,
        npk: Npk,
    ) -> Result<(), ApplyError> {
        epk.check().map_err(Refusal::from)?;
        npk.check().map_err(Refusal::from)?;
        require(!draft.has(Key::NpkIndex(npk))?, Refusal::NpkTaken)?;
        draft.put(Key::NpkIndex(npk), Record::Seat(Seat { mid, idx }));
        Ok(())
    }
}

/// Whether the member's device may act, and is still its user's.
fn is_active<V: View>(draft: &Draft<'_, V>, member: &MemberRecord) -> Result<bool, ApplyError> {
    Ok(draft
        .device(member.dev)?
        .is_some_and(|device| device.is_active() && device.user == member.user))
}
