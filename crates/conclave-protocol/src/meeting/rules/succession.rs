//! The chair changes hands: docs/protocol.md, section 5.4.

use std::collections::{BTreeMap, BTreeSet};

use super::{Call, is_active};
use crate::{
    id::{MeetingId, MemberIdx, Seconds},
    meeting::{
        ABSENCE_TTL, LeaderReassign, MeetingRecord, MemberRecord, MemberStatus, Policy, Roster,
        Succession, VoteLeader, VoteRecord, electorate, is_majority, line,
    },
    state::{ApplyError, Draft, Event, Key, Record, Refusal, View, require},
};

impl Call<'_> {
    /// 0x25: one user, one vote, while term and epoch last.
    pub(super) fn vote<V: View>(
        &self,
        draft: &mut Draft<'_, V>,
        body: &VoteLeader,
    ) -> Result<(), ApplyError> {
        let mid = body.mid;
        let meeting = self.open(draft, mid)?;
        require(body.term == meeting.term, Refusal::StaleTerm)?;
        require(meeting.policy.rules() & Policy::VOTE != 0, Refusal::RuleNotAllowed)?;
        let roster = draft.roster(mid)?.ok_or(Refusal::UnknownMeeting)?.roster;
        let voter = self.seated(draft, mid, &roster, body.idx)?;
        let candidate = draft.member(mid, body.candidate)?.ok_or(Refusal::UnknownMember)?;
        self.eligible(draft, &meeting, &roster, body.candidate, &candidate)?;
        let now = self.at.time;
        let earlier = draft.vote(mid, voter.user)?;
        let again = earlier.is_some_and(|vote| vote.counts(&meeting, self.params.vote_window, now));
        require(!again, Refusal::VotedAlready)?;
        let (term, epoch, candidate) = (meeting.term, meeting.epoch, body.candidate);
        let vote = VoteRecord { term, epoch, candidate, at: now };
        draft.put(Key::Vote(mid, voter.user), Record::Vote(vote));
        draft.tell(Event::VoteCast { mid, candidate });
        Ok(())
    }

    /// 0x24: the signer takes the chair, if one of the three rules gives it.
    pub(super) fn reassign<V: View>(
        &self,
        draft: &mut Draft<'_, V>,
        body: &LeaderReassign,
    ) -> Result<(), ApplyError> {
        let mid = body.mid;
        let mut meeting = self.open(draft, mid)?;
        require(body.term == meeting.term, Refusal::StaleTerm)?;
        let roster = draft.roster(mid)?.ok_or(Refusal::UnknownMeeting)?.roster;
        let mut successor = self.seated(draft, mid, &roster, body.idx)?;
        self.eligible(draft, &meeting, &roster, body.idx, &successor)?;
        let leader = draft.member(mid, meeting.leader)?.ok_or(Refusal::UnknownMember)?;
        require(body.prev_ivk == leader.ivk, Refusal::NotTheLeader)?;
        require(body.ivk == self.signer.ivk, Refusal::NotTheSigner)?;
        body.epk.check().map_err(Refusal::from)?;
        let members = members(draft, mid, &roster)?;
        let led = meeting.is_led_at(self.params, self.at.time) && is_active(draft, &leader)?;
        let (rule, wanted) = match body.rule {
            Succession::Appoint => (Policy::APPOINT, led),
            Succession::Time => (Policy::TIME, true),
            Succession::Vote => (Policy::VOTE, true),
        };
        require(meeting.policy.rules() & rule != 0, Refusal::RuleNotAllowed)?;
        require(wanted, Refusal::LeaseOver)?;
        let by_time = body.rule == Succession::Time;
        require(by_time || body.absent.is_empty(), Refusal::AbsenceDoesNotHold)?;
        match body.rule {
            // The signature of the leader so far carries it; checked with all signatures.
            Succession::Appoint => {}
            Succession::Time => self.turn(draft, &meeting, &roster, &members, body)?,
            Succession::Vote => self.elected(draft, &meeting, &roster, &members, body)?,
        }
        let now = self.at.time;
        meeting.term = meeting.term.next();
        meeting.leader = body.idx;
        meeting.lease_end = now.plus(self.params.lease.into());
        meeting.gone_at = None;
        // The new leader owes a key that the old one does not choose.
        meeting.rekey_due = Some(now);
        meeting.last_activity = now;
        successor.epk = body.epk;
        draft.put(Key::Member(mid, body.idx), Record::Member(successor));
        draft.tell(Event::LeaderChanged { mid, term: meeting.term, leader: body.idx });
        draft.put(Key::Meeting(mid), Record::Meeting(meeting));
        Ok(())
    }

    /// Rule a: the leader is gone or silent, and so are all who come before the signer.
    fn turn<V: View>(
        &self,
        draft: &Draft<'_, V>,
        meeting: &MeetingRecord,
        roster: &Roster,
        members: &BTreeMap<MemberIdx, MemberRecord>,
        body: &LeaderReassign,
    ) -> Result<(), ApplyError> {
        let mut idle = BTreeSet::new();
        for (idx, member) in members {
            if !is_active(draft, member)? {
                idle.insert(*idx);
            }
        }
        let listed = members.iter().filter(|(idx, _)| !idle.contains(idx));
        let line = line(meeting.leader, roster, listed.map(|(idx, one)| (*idx, one)), |_| true);
        let rank = line.iter().position(|idx| *idx == body.idx).ok_or(Refusal::NotEligible)?;
        let rank = u64::try_from(rank).unwrap_or(u64::MAX);
        let since = match body.absent.is_empty() {
            true => self.lapsed(meeting),
            false => self.witnessed(roster, members, body)?,
        };
        let patience = rank.saturating_mul(self.params.stagger.into());
        require(self.at.time >= since.plus(patience), Refusal::NotYourTurn)?;
        Ok(())
    }

    /// Since when the ledger itself shows that nobody leads.
    fn lapsed(&self, meeting: &MeetingRecord) -> Seconds {
        let end = meeting.effective_lease_end(self.params).next();
        meeting.gone_at.unwrap_or(end)
    }

    /// Since when more than half of the users say that they do not hear the leader.
    fn witnessed(
        &self,
        roster: &Roster,
        members: &BTreeMap<MemberIdx, MemberRecord>,
        body: &LeaderReassign,
    ) -> Result<Seconds, Refusal> {
        let now = self.at.time;
        let voices = electorate(roster, members.iter().map(|(idx, one)| (*idx, one)));
        let mut users = BTreeSet::new();
        for absence in &body.absent {
            let member = members.get(&absence.idx).ok_or(Refusal::UnknownMember)?;
            let fresh = absence.at <= now && now.since(absence.at) <= ABSENCE_TTL;
            // A device that left hears nobody, whoever else of its user is in.
            let is_in = member.status == MemberStatus::Admitted;
            require(fresh && is_in, Refusal::AbsenceDoesNotHold)?;
            users.insert(member.user);
        }
        require(is_majority(users.len(), voices.len()), Refusal::AbsenceDoesNotHold)?;
        let since = body.absent.iter().map(|absence| absence.at).min();
        since.ok_or(Refusal::AbsenceDoesNotHold)
    }

    /// Rule c: more than half of the users want the signer.
    fn elected<V: View>(
        &self,
        draft: &Draft<'_, V>,
        meeting: &MeetingRecord,
        roster: &Roster,
        members: &BTreeMap<MemberIdx, MemberRecord>,
        body: &LeaderReassign,
    ) -> Result<(), ApplyError> {
        let voices = electorate(roster, members.iter().map(|(idx, one)| (*idx, one)));
        draft.need(voices.iter().map(|user| Key::Vote(body.mid, *user)))?;
        let mut votes = 0_usize;
        for user in &voices {
            let vote = draft.vote(body.mid, *user)?;
            let counts = vote.is_some_and(|vote| {
                vote.candidate == body.idx
                    && vote.counts(meeting, self.params.vote_window, self.at.time)
            });
            votes = votes.saturating_add(counts.into());
        }
        require(is_majority(votes, voices.len()), Refusal::NotElected)?;
        Ok(())
    }

    /// The signer, as an admitted member of the roster under `idx`.
    fn seated<V: View>(
        &self,
        draft: &Draft<'_, V>,
        mid: MeetingId,
        roster: &Roster,
        idx: MemberIdx,
    ) -> Result<MemberRecord, ApplyError> {
        let member = draft.member(mid, idx)?.ok_or(Refusal::UnknownMember)?;
        require(member.dev == self.tx.signer, Refusal::NotThatMember)?;
        let here = roster.contains(idx) && member.status == MemberStatus::Admitted;
        require(here, Refusal::NotThatMember)?;
        Ok(member)
    }

    /// Whether a member may lead in place of the leader.
    fn eligible<V: View>(
        &self,
        draft: &Draft<'_, V>,
        meeting: &MeetingRecord,
        roster: &Roster,
        idx: MemberIdx,
        member: &MemberRecord,
    ) -> Result<(), ApplyError> {
        let sound = idx != meeting.leader
            && roster.contains(idx)
            && member.status == MemberStatus::Admitted
            && is_active(draft, member)?;
        require(sound, Refusal::NotEligible)?;
        Ok(())
    }
}

/// The members of `roster` with their devices, asked for in two strokes.
fn members<V: View>(
    draft: &Draft<'_, V>,
    mid: MeetingId,
    roster: &Roster,
) -> Result<BTreeMap<MemberIdx, MemberRecord>, ApplyError> {
    draft.need(roster.iter().map(|idx| Key::Member(mid, idx)))?;
    let mut members = BTreeMap::new();
    for idx in roster.iter() {
        members.insert(idx, draft.member(mid, idx)?.ok_or(Refusal::UnknownMember)?);
    }
    draft.need(members.values().map(|member| Key::Device(member.dev)))?;
    Ok(members)
}
