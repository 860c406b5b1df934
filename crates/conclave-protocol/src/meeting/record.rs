//! What the meeting ledger keeps of a meeting and of a member.

use super::{Roster, body::Policy, body::Suite, epoch::Reason};
use crate::{
    codec::{Buf, BufMut, EncodeSize, Error, Read, ReadExt, Write},
    id::{DeviceId, Digest, Epoch, Height, MemberIdx, Position, Seconds, Term, UserId},
    key::{Epk, Ivk, Npk},
    params::Params,
};

/// One meeting. Its members stand under `Member(mid, 0..next_idx)`, so a node that withholds one
/// is seen. Pruning counts `next_idx` down; the record itself stays for ever, and with it its id is
/// burnt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeetingRecord {
    /// Whether it was ended; see [`status_at`](Self::status_at) for whether it is over.
    pub ended: bool,
    /// How its keys are exchanged.
    pub suite: Suite,
    /// How it is run.
    pub policy: Policy,
    /// How many records hold its info: `MeetingInfo(mid, 0..info_chunks)`.
    pub info_chunks: u8,
    /// Leader generation, from 1.
    pub term: Term,
    /// Key generation, 0 before the first.
    pub epoch: Epoch,
    /// Who leads.
    pub leader: MemberIdx,
    /// Up to when the leader leads; see [`effective_lease_end`](Self::effective_lease_end).
    pub lease_end: Seconds,
    /// When the leader went.
    pub gone_at: Option<Seconds>,
    /// Since when a member of the roster is out and the key is not new.
    pub rekey_due: Option<Seconds>,
    /// The index the next request gets.
    pub next_idx: MemberIdx,
    /// Commitment to the present key, zero before the first.
    pub mk_commit: Digest,
    /// Digest of the last epoch record; of the PublishMeeting before the first.
    pub last_rec: Digest,
    /// Block of the last epoch record.
    pub last_rec_height: Height,
    /// Last sign of life.
    pub last_activity: Seconds,
    /// Where it was published.
    pub published: Position,
}

crate::fields!(MeetingRecord {
    ended,
    suite,
    policy,
    info_chunks,
    term,
    epoch,
    leader,
    lease_end,
    gone_at,
    rekey_due,
    next_idx,
    mk_commit,
    last_rec,
    last_rec_height,
    last_activity,
    published,
});

impl MeetingRecord {
    /// Whether the meeting goes on at `now`. Expiry is a matter of time and never written.
    pub fn status_at(&self, params: &Params, now: Seconds) -> MeetingStatus {
        if self.ended {
            MeetingStatus::Ended
        } else if now > self.last_activity.plus(params.idle_ttl.into()) {
            MeetingStatus::Expired
        } else {
            MeetingStatus::Open
        }
    }

    /// Whether its members may leave the state at `now`: it is over, and for longer than
    /// [`Params::retention`].
    pub fn may_be_pruned_at(&self, params: &Params, now: Seconds) -> bool {
        self.status_at(params, now) != MeetingStatus::Open
            && now > self.last_activity.plus(params.retention.into())
    }

    /// The last second of the lease: a leader that owes a new key has only the grace for it.
    pub fn effective_lease_end(&self, params: &Params) -> Seconds {
        match self.rekey_due {
            Some(due) => self.lease_end.min(due.plus(params.rekey_grace.into())),
            None => self.lease_end,
        }
    }

    /// Whether the leader is there and its lease runs at `now`.
    pub fn is_led_at(&self, params: &Params, now: Seconds) -> bool {
        self.gone_at.is_none() && now <= self.effective_lease_end(params)
    }
}

/// Whether a meeting goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeetingStatus {
    /// Ended by its leader.
    Ended,
    /// Nobody was heard for too long.
    Expired,
    /// Going on.
    Open,
}

/// One request and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberRecord {
    /// The user.
    pub user: UserId,
    /// The device.
    pub dev: DeviceId,
    /// The device's key when it asked.
    pub ivk: Ivk,
    /// Its exchange key.
    pub epk: Epk,
    /// SHA-256 of its ML-KEM-768 key.
    pub ek_hash: [u8; 32],
    /// Its transport key.
    pub npk: Npk,
    /// What became of it; see [`status_at`](Self::status_at).
    pub status: MemberStatus,
    /// Term in which it asked.
    pub term: Term,
    /// When it asked.
    pub requested: Seconds,
    /// Where it was admitted; zero before. Members are ordered by this and then by index.
    pub admitted: Position,
}

crate::fields!(MemberRecord {
    user,
    dev,
    ivk,
    epk,
    ek_hash,
    npk,
    status,
    term,
    requested,
    admitted,
});

impl MemberRecord {
    /// The status at `now`; none for a request that waited too long, which is never written.
    pub fn status_at(&self, params: &Params, now: Seconds) -> Option<MemberStatus> {
        let lapsed = self.status == MemberStatus::Requested
            && now > self.requested.plus(params.request_ttl.into());
        if lapsed { None } else { Some(self.status) }
    }
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberStatus {
    /// In the meeting.
    Admitted,
    /// Went by itself.
    Left,
    /// Removed or denied.
    Removed(Reason),
    /// Waits for admission.
    Requested,
}

impl Write for MemberStatus {
    fn write(&self, buf: &mut impl BufMut) {
        match self {
            Self::Requested => buf.put_u8(0),
            Self::Admitted => buf.put_u8(1),
            Self::Left => buf.put_u8(2),
            Self::Removed(reason) => {
                buf.put_u8(3);
                reason.write(buf);
            }
        }
    }
}

impl EncodeSize for MemberStatus {
    fn encode_size(&self) -> usize {
        if matches!(self, Self::Removed(_)) { 2 } else { 1 }
    }
}

impl Read for MemberStatus {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, Error> {
        match u8::read(buf)? {
            0 => Ok(Self::Requested),
            1 => Ok(Self::Admitted),
            2 => Ok(Self::Left),
            3 => Reason::read(buf).map(Self::Removed),
            tag => Err(Error::InvalidEnum(tag)),
        }
    }
}

/// Who shares the present key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RosterRecord {
    /// The members.
    pub roster: Roster,
    /// [`roster_hash`](super::roster_hash) of the last epoch record, zero before the first.
    pub hash: Digest,
}

crate::fields!(RosterRecord { roster, hash });
