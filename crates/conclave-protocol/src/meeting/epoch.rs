//! Transaction 0x23: admissions, removals and the commitment to the next key, in one record.

use super::roster::{MAX_INDEXES, Roster};
use crate::{
    codec::{Set, encode},
    id::{Digest, Epoch, MeetingId, MemberIdx, Term, UserId},
};

/// One step of a meeting: who is in it, and the key they share from here on.
///
/// The new roster is the old one, less `removed`, plus `added`; the ledger refuses any other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochRecord {
    /// The meeting.
    pub mid: MeetingId,
    /// Its term.
    pub term: Term,
    /// Its epoch so far, plus one.
    pub epoch: Epoch,
    /// [`MeetingRecord::last_rec`](super::MeetingRecord) so far.
    pub prev: Digest,
    /// Everyone who is in from here on.
    pub roster: Roster,
    /// Who came in.
    pub added: Set<MemberIdx, MAX_INDEXES>,
    /// Who went out, or was denied, and why.
    pub removed: Set<Removal, MAX_INDEXES>,
    /// Users whose ban ends here.
    pub unbanned: Set<UserId, 16>,
    /// Commitment to the new key (docs/protocol.md, section 8).
    pub mk_commit: Digest,
    /// [`roster_hash`](super::roster_hash) of the new roster.
    pub roster_hash: Digest,
}

crate::fields!(EpochRecord {
    mid,
    term,
    epoch,
    prev,
    roster,
    added,
    removed,
    unbanned,
    mk_commit,
    roster_hash,
});

impl EpochRecord {
    /// SHA-256 of the canonical body: the meeting's `last_rec` once it is final.
    pub fn digest(&self) -> Digest {
        Digest::of(&[&encode(self)])
    }
}

/// Somebody who is out, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Removal {
    /// Who.
    pub idx: MemberIdx,
    /// Why.
    pub reason: Reason,
}

crate::fields!(Removal { idx, reason });

/// Why a member is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Went by itself; the ledger holds its MeetingLeave.
    Left,
    /// Removed, or denied, by the leader.
    Kicked,
    /// The same, and the user may not ask again.
    Banned,
    /// Its device was revoked.
    Revoked,
    /// Does not answer.
    TimedOut,
}

crate::tags!(Reason { 1 => Left, 2 => Kicked, 3 => Banned, 4 => Revoked, 5 => TimedOut });
