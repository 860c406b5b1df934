//! Meetings, as this validator's state has them.

use conclave_protocol::{
    Key, MeetingId, MemberIdx, MemberRecord, Record, Roster,
    meeting::{AutoAdmit, MeetingStatus, MemberStatus, Policy, Suite},
};

use super::{
    Explorer,
    subject::Subject,
    wire::{MeetingView, MemberLine},
    words::reason,
};

/// Members that are shown of one meeting.
const SHOWN: usize = 256;

impl Explorer {
    /// A meeting; nothing if there is none.
    pub(super) async fn meeting(&self, id: MeetingId) -> Option<MeetingView> {
        let Some(Record::Meeting(meeting)) = self.record(Key::Meeting(id)).await else {
            return None;
        };
        let roster = match self.record(Key::Roster(id)).await {
            Some(Record::Roster(record)) => record.roster,
            _ => Roster::default(),
        };
        let (params, now) = (self.0.genesis.params, self.now());
        let mut members = Vec::new();
        for idx in shown(&roster, meeting.next_idx.0) {
            if let Some(Record::Member(member)) = self.record(Key::Member(id, idx)).await {
                let status = member.status_at(&params, now);
                members.push(line(idx, &member, status, roster.contains(idx)));
            }
        }
        let parts = (0..meeting.info_chunks).map(|part| Key::MeetingInfo(id, part));
        let info = self.info(parts).await;
        let (txs, reach) = self.about(&Subject::Meeting(id));
        let state = match meeting.status_at(&params, now) {
            MeetingStatus::Ended => "ended",
            MeetingStatus::Expired => "expired",
            MeetingStatus::Open => "open",
        };
        let suite = match meeting.suite {
            Suite::Hybrid => "X25519 with ML-KEM-768",
            Suite::X25519 => "X25519",
        };
        Some(MeetingView {
            id: id.to_hex(),
            state: state.to_owned(),
            info,
            term: meeting.term.0,
            epoch: meeting.epoch.0,
            leader: meeting.leader.0,
            led: state == "open" && meeting.is_led_at(&params, now),
            lease_end_ms: meeting.effective_lease_end(&params).0.saturating_mul(1_000),
            rekey_due: meeting.rekey_due.is_some(),
            auto_admit: meeting.policy.auto_admit == AutoAdmit::Invited,
            locked: meeting.policy.locked,
            sealed: meeting.policy.sealed,
            succession: succession(meeting.policy.rules()),
            suite: suite.to_owned(),
            published: meeting.published.height.0,
            published_ms: meeting.published.time.0.saturating_mul(1_000),
            last_activity_ms: meeting.last_activity.0.saturating_mul(1_000),
            asked: meeting.next_idx.0,
            members,
            txs,
            reach,
        })
    }
}

/// Who is in first, then the newest of the others, so that a full list leaves out who matters least.
fn shown(roster: &Roster, asked: u16) -> Vec<MemberIdx> {
    let others = (0..asked).rev().map(MemberIdx).filter(|idx| !roster.contains(*idx));
    let mut shown: Vec<_> = roster.iter().chain(others).take(SHOWN).collect();
    shown.sort();
    shown
}

fn line(
    idx: MemberIdx,
    member: &MemberRecord,
    status: Option<MemberStatus>,
    in_roster: bool,
) -> MemberLine {
    let (text, why) = match status {
        Some(MemberStatus::Admitted) => ("admitted", None),
        Some(MemberStatus::Left) => ("left", None),
        Some(MemberStatus::Removed(why)) => ("removed", Some(reason(why).to_owned())),
        Some(MemberStatus::Requested) => ("requested", None),
        None => ("lapsed", None),
    };
    let admitted = member.admitted.height.0;
    MemberLine {
        idx: idx.0,
        user: member.user.to_hex(),
        device: member.dev.to_hex(),
        status: text.to_owned(),
        reason: why,
        in_roster,
        requested_ms: member.requested.0.saturating_mul(1_000),
        admitted: (admitted > 0).then_some(admitted),
    }
}

fn succession(rules: u8) -> Vec<String> {
    [(Policy::TIME, "time"), (Policy::APPOINT, "appointment"), (Policy::VOTE, "vote")]
        .into_iter()
        .filter(|(rule, _)| rules & rule != 0)
        .map(|(_, name)| name.to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_in_is_shown_whatever_else_there_is_no_room_for() {
        let roster = Roster::new([MemberIdx(0), MemberIdx(3)]).unwrap();
        let shown = shown(&roster, 1_000);
        assert_eq!(shown.len(), SHOWN);
        assert_eq!(shown[..3], [MemberIdx(0), MemberIdx(3), MemberIdx(746)]);
    }
}
