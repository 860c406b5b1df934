//! How the chair changes hands: the claim, the votes, the word of members that the leader is silent
//! (paper, section IV.H; docs/protocol.md, section 5.4).

use std::collections::BTreeSet;

use super::{
    record::{MeetingRecord, MemberRecord, MemberStatus},
    roster::Roster,
};
use crate::{
    codec::{Set, encode},
    id::{Epoch, MeetingId, MemberIdx, Seconds, Term, UserId},
    key::{Epk, Ivk, Signature},
};

/// Most statements an absence certificate holds: more do not fit into a transaction.
pub const MAX_ABSENCES: usize = 48;

/// How old a statement of absence may be, in seconds of chain time.
pub const ABSENCE_TTL: u64 = 10;

/// Transaction 0x24: a member takes the chair (eqs. 19-21).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaderReassign {
    /// The meeting.
    pub mid: MeetingId,
    /// The term that ends.
    pub term: Term,
    /// By which rule.
    pub rule: Succession,
    /// Key of the leader so far, as it asked with.
    pub prev_ivk: Ivk,
    /// The signer's own index.
    pub idx: MemberIdx,
    /// The signer's key.
    pub ivk: Ivk,
    /// The exchange key it leads with.
    pub epk: Epk,
    /// Who says that the leader is silent; nobody where another rule carries the claim.
    pub absent: Set<Absence, MAX_ABSENCES>,
}

crate::fields!(LeaderReassign { mid, term, rule, prev_ivk, idx, ivk, epk, absent });

impl LeaderReassign {
    /// What the leader so far signs to hand over, under ctx `handover`: canonical
    /// {mid, term, prev_ivk, idx, ivk, epk} (eq. 21).
    pub fn handover_message(&self) -> Vec<u8> {
        [
            encode(&self.mid),
            encode(&self.term),
            encode(&self.prev_ivk),
            encode(&self.idx),
            encode(&self.ivk),
            encode(&self.epk),
        ]
        .concat()
    }
}

/// The rule by which a member takes the chair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Succession {
    /// The leader hands it over.
    Appoint,
    /// The leader is silent or gone, and it is this member's turn.
    Time,
    /// More than half of the users want it.
    Vote,
}

crate::tags!(Succession { 2 => Appoint, 1 => Time, 4 => Vote });

/// The word of one member that it does not hear the leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Absence {
    /// Who says so.
    pub idx: MemberIdx,
    /// Time of the newest block the member knows.
    pub at: Seconds,
    /// By its transport key (NSK), ctx `absent`, over [`absence_message`].
    pub sig: Signature,
}

crate::fields!(Absence { idx, at, sig });

/// What member `idx` signs at `at`: canonical {mid, term, epoch, lease_end, idx, at}. `lease_end` is
/// that of the meeting's record, so the leader's next sign of life on the ledger voids it.
pub fn absence_message(
    mid: &MeetingId,
    meeting: &MeetingRecord,
    idx: MemberIdx,
    at: Seconds,
) -> Vec<u8> {
    [
        encode(mid),
        encode(&meeting.term),
        encode(&meeting.epoch),
        encode(&meeting.lease_end),
        encode(&idx),
        encode(&at),
    ]
    .concat()
}

/// Transaction 0x25: the vote of one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoteLeader {
    /// The meeting.
    pub mid: MeetingId,
    /// Its term.
    pub term: Term,
    /// The signer's own index.
    pub idx: MemberIdx,
    /// Who should lead.
    pub candidate: MemberIdx,
}

crate::fields!(VoteLeader { mid, term, idx, candidate });

/// A vote as the ledger keeps it, under `Vote(mid, user)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VoteRecord {
    /// Term in which it was cast.
    pub term: Term,
    /// Epoch in which it was cast.
    pub epoch: Epoch,
    /// Who should lead.
    pub candidate: MemberIdx,
    /// When it was cast.
    pub at: Seconds,
}

crate::fields!(VoteRecord { term, epoch, candidate, at });

impl VoteRecord {
    /// Whether the vote counts at `now`: of this term and epoch, and no older than `window` seconds.
    pub fn counts(&self, meeting: &MeetingRecord, window: u32, now: Seconds) -> bool {
        let same = (self.term, self.epoch) == (meeting.term, meeting.epoch);
        same && now <= self.at.plus(window.into())
    }
}

/// Who may take the chair, the first in line first: members of `roster` that are admitted and whose
/// device is active, but not the leader, by (place of admission, index). The ledger fixes both, so
/// there are no ties.
pub fn line<'a>(
    leader: MemberIdx,
    roster: &Roster,
    members: impl IntoIterator<Item = (MemberIdx, &'a MemberRecord)>,
    is_active: impl Fn(&MemberRecord) -> bool,
) -> Vec<MemberIdx> {
    let mut line: Vec<_> = members
        .into_iter()
        .filter(|(idx, _)| *idx != leader && roster.contains(*idx))
        .filter(|(_, member)| member.status == MemberStatus::Admitted && is_active(member))
        .map(|(idx, member)| (member.admitted, idx))
        .collect();
    line.sort();
    line.into_iter().map(|(_, idx)| idx).collect()
}

/// The users who have a voice: those of `roster` who have not left, each once.
pub fn electorate<'a>(
    roster: &Roster,
    members: impl IntoIterator<Item = (MemberIdx, &'a MemberRecord)>,
) -> BTreeSet<UserId> {
    let present = members
        .into_iter()
        .filter(|(idx, member)| roster.contains(*idx) && member.status == MemberStatus::Admitted);
    present.map(|(_, member)| member.user).collect()
}

/// Whether `some` are strictly more than half of `all`.
pub const fn is_majority(some: usize, all: usize) -> bool {
    some > all / 2
}
