//! What a leader says: publish, heartbeat, policy, dismiss.

use super::Call;
use crate::{
    id::{Digest, Epoch, Height, MemberIdx, Term},
    identity::chunks,
    meeting::{
        Heartbeat, MeetingDismiss, MeetingPolicy, MeetingRecord, MemberRecord, MemberStatus,
        PublishMeeting, Roster, RosterRecord,
    },
    state::{ApplyError, Draft, Event, Key, Record, Refusal, View, require},
};

impl Call<'_> {
    /// 0x20: a new meeting, its leader the only member.
    pub(super) fn publish<V: View>(
        &self,
        draft: &mut Draft<'_, V>,
        body: &PublishMeeting,
    ) -> Result<(), ApplyError> {
        let mid = body.mid;
        self.is_signer(body.user, body.dev, body.ivk)?;
        require(!draft.has(Key::Meeting(mid))?, Refusal::MeetingTaken)?;
        Self::seat(draft, mid, LEADER, body.epk, body.npk)?;
        let mut info_chunks = 0_u8;
        for chunk in chunks(&body.info) {
            draft.put(Key::MeetingInfo(mid, info_chunks), Record::Info(chunk));
            info_chunks = info_chunks.saturating_add(1);
        }
        let leader = MemberRecord {
            user: body.user,
            dev: body.dev,
            ivk: body.ivk,
            epk: body.epk,
            ek_hash: body.ek_hash,
            npk: body.npk,
            status: MemberStatus::Admitted,
            term: FIRST_TERM,
            requested: self.at.time,
            admitted: self.at,
        };
        let roster = Roster::new([LEADER]).unwrap_or_default();
        draft.put(
            Key::Roster(mid),
            Record::Roster(RosterRecord { roster, hash: Digest::default() }),
        );
        draft.put(Key::Member(mid, LEADER), Record::Member(leader));
        draft.put(Key::Meeting(mid), Record::Meeting(self.founded(body, info_chunks)));
        draft.tell(Event::MeetingPublished { mid });
        Ok(())
    }

    fn founded(&self, body: &PublishMeeting, info_chunks: u8) -> MeetingRecord {
        MeetingRecord {
            ended: false,
            suite: body.suite,
            policy: body.policy,
            info_chunks,
            term: FIRST_TERM,
            epoch: Epoch(0),
            leader: LEADER,
            lease_end: self.at.time.plus(self.params.lease.into()),
            gone_at: None,
            rekey_due: None,
            next_idx: LEADER.next(),
            mk_commit: Digest::default(),
            last_rec: body.digest(),
            last_rec_height: Height(0),
            last_activity: self.at.time,
            published: self.at,
        }
    }

    /// 0x26: the leader is there. It may come after the lease, as long as nobody took over.
    pub(super) fn heartbeat<V: View>(
        &self,
        draft: &mut Draft<'_, V>,
        body: &Heartbeat,
    ) -> Result<(), ApplyError> {
        let mut meeting = self.open(draft, body.mid)?;
        self.leads(draft, body.mid, &meeting, body.term)?;
        require(body.epoch == meeting.epoch, Refusal::StaleEpoch)?;
        meeting.lease_end = self.at.time.plus(self.params.lease.into());
        require(meeting.is_led_at(self.params, self.at.time), Refusal::RekeyOverdue)?;
        meeting.last_activity = self.at.time;
        draft.put(Key::Meeting(body.mid), Record::Meeting(meeting));
        draft.tell(Event::LeaseRenewed { mid: body.mid });
        Ok(())
    }

    /// 0x29: who may come in from here on.
    pub(super) fn set_policy<V: View>(
        &self,
        draft: &mut Draft<'_, V>,
        body: &MeetingPolicy,
    ) -> Result<(), ApplyError> {
        let mut meeting = self.open(draft, body.mid)?;
        self.leads(draft, body.mid, &meeting, body.term)?;
        require(meeting.is_led_at(self.params, self.at.time), Refusal::LeaseOver)?;
        meeting.policy.auto_admit = body.auto_admit;
        meeting.policy.locked = body.locked;
        draft.put(Key::Meeting(body.mid), Record::Meeting(meeting));
        draft.tell(Event::PolicyChanged { mid: body.mid });
        Ok(())
    }

    /// 0x27: the meeting is over, for ever.
    pub(super) fn dismiss<V: View>(
        &self,
        draft: &mut Draft<'_, V>,
        body: &MeetingDismiss,
    ) -> Result<(), ApplyError> {
        let mut meeting = self.open(draft, body.mid)?;
        self.leads(draft, body.mid, &meeting, body.term)?;
        require(body.epoch == meeting.epoch, Refusal::StaleEpoch)?;
        require(meeting.is_led_at(self.params, self.at.time), Refusal::LeaseOver)?;
        meeting.ended = true;
        meeting.last_activity = self.at.time;
        draft.put(Key::Meeting(body.mid), Record::Meeting(meeting));
        draft.tell(Event::MeetingEnded { mid: body.mid });
        Ok(())
    }
}

/// The founding leader's index.
const LEADER: MemberIdx = MemberIdx(0);
const FIRST_TERM: Term = Term(1);
