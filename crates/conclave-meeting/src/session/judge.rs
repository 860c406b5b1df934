//! Record and key of an epoch as a member weighs them: is it the leader's, does it follow what is
//! known, is the key the committed one.

use std::collections::BTreeMap;

use conclave_protocol::{
    Digest, Epoch, EpochRecord, Height, MeetingRecord, MemberIdx, Npk, Position,
    meeting::{MemberStatus, roster_hash},
};

use super::{
    Session,
    epochs::{Live, Seat},
    input::{MeetingView, MemberView},
    output::Alarm,
    verify::is_sound,
};
use crate::{
    exchange::PairChain,
    key::{Commitment, MeetingKey},
    wire::Bundle,
};

/// What to do with a bundle.
pub(super) enum Verdict {
    /// Its key is the key of the epoch.
    Accept(MeetingKey, BTreeMap<MemberIdx, Seat>, Option<PairChain>),
    /// Old, or held already.
    Ignore,
    /// Something no honest leader does.
    Raise(Alarm),
    /// Not for this device, not signed, not authentic.
    Refuse,
    /// The ledger must be looked at first.
    Wait,
}

impl Session {
    pub(super) fn judge(&mut self, npk: Npk, bundle: &Bundle) -> Verdict {
        let (Some(me), Some((_, view))) = (self.me, &self.view) else { return Verdict::Refuse };
        let Some(meeting) = &view.meeting else { return Verdict::Refuse };
        let Some(leader) = view.members.get(&meeting.leader) else { return Verdict::Refuse };
        let (record, wrap) = (&bundle.record, &bundle.wrap);
        // A new leader's first record may be faster than the ledger's word that it leads.
        if record.term > meeting.term && self.member_of(npk).is_some() {
            return Verdict::Wait;
        }
        let right = leader.member.npk == npk
            && record.mid == self.mid
            && record.term == meeting.term
            && (wrap.mid, wrap.epoch, wrap.idx) == (self.mid, record.epoch, me)
            && record.roster.contains(me)
            && record.roster.contains(meeting.leader)
            && bundle.verify(&self.config.chain_id, leader.member.ivk).is_ok();
        if !right {
            return Verdict::Refuse;
        }
        match self.place(record, view) {
            Place::Next | Place::Again => {}
            Place::Old => return Verdict::Ignore,
            // It came late: the ledger could not take it and took its successor.
            Place::Rival if !self.is_takeable(record) || self.follows_another(record) => {
                return Verdict::Ignore;
            }
            // It was made before somebody's keys changed, and the ledger took its successor.
            Place::Rival if self.is_outdated(record) && self.refresh.is_recent(self.now) => {
                return Verdict::Ignore;
            }
            Place::Rival => return Verdict::Raise(Alarm::LeaderEquivocated(record.epoch)),
            Place::Unknown => return Verdict::Wait,
        }
        let mut seats = BTreeMap::new();
        for idx in record.roster.iter() {
            let Some(other) = view.members.get(&idx) else { return Verdict::Wait };
            if !is_gone(other) && !is_sound(other) {
                return Verdict::Raise(Alarm::UnverifiedMember(idx));
            }
            seats.insert(idx, Seat { dev: other.member.dev, npk: other.member.npk });
        }
        let height = view.height;
        if self.is_outdated(record)
            && let Some(verdict) = self.suspect(record, height)
        {
            return verdict;
        }
        self.open_wrap(bundle, seats)
    }

    /// Whether a record that is not final names other keys of its members than the ledger does.
    pub(super) fn is_outdated(&self, record: &EpochRecord) -> bool {
        let Some(view) = self.view() else { return false };
        let last = view.meeting.as_ref().map(|meeting| meeting.last_rec);
        last != Some(record.digest())
            && hash_of(view, record.roster.iter()) != Some(record.roster_hash)
    }

    /// What to do with such a record. Members replace their keys: then this device sees the change
    /// a moment before the leader, or after it. It is no accident if a newer state shows none.
    fn suspect(&mut self, record: &EpochRecord, height: Height) -> Option<Verdict> {
        if self.refresh.is_recent(self.now) {
            return None;
        }
        let digest = record.digest();
        let guest = self.guest.as_mut()?;
        match guest.odd {
            Some((odd, first)) if odd == digest && first < height => {
                guest.odd = None;
                Some(Verdict::Raise(Alarm::LeaderEquivocated(record.epoch)))
            }
            Some((odd, _)) if odd == digest => Some(Verdict::Wait),
            _ => {
                guest.odd = Some((digest, height));
                Some(Verdict::Wait)
            }
        }
    }

    /// Opens the wrap and holds the key against the commitment (section 8).
    fn open_wrap(&mut self, bundle: &Bundle, seats: BTreeMap<MemberIdx, Seat>) -> Verdict {
        let (record, wrap) = (&bundle.record, &bundle.wrap);
        let digest = record.digest();
        let fresh = match &wrap.kem_ct {
            None => None,
            Some(kem_ct) => {
                let chain = self
                    .me
                    .and_then(|me| self.pair(me))
                    .zip(self.secrets.as_ref())
                    .and_then(|(pair, own)| PairChain::accept(&pair, &own.keys, kem_ct).ok());
                if chain.is_none() {
                    return Verdict::Refuse;
                }
                chain
            }
        };
        let Some(guest) = &mut self.guest else { return Verdict::Refuse };
        // The leader makes a record only after the one before is final.
        if fresh.is_none() {
            guest.step(&record.prev);
        }
        let chain = fresh.as_ref().or(guest.chain.as_ref());
        let mk = chain.and_then(|chain| chain.unwrap(record.epoch, &digest, &wrap.enc_mk).ok());
        let Some(mk) = mk else {
            guest.ask_at.get_or_insert(self.now);
            return Verdict::Refuse;
        };
        let place = Commitment {
            mid: record.mid,
            term: record.term,
            epoch: record.epoch,
            roster_hash: record.roster_hash,
            prev: record.prev,
        };
        if mk.matches(&place, &record.mk_commit) {
            Verdict::Accept(mk, seats, fresh)
        } else {
            Verdict::Raise(Alarm::LeaderEquivocated(record.epoch))
        }
    }

    /// Where a record stands beside what is held and what the ledger says.
    fn place(&self, record: &EpochRecord, view: &MeetingView) -> Place {
        let Some(meeting) = &view.meeting else { return Place::Unknown };
        let digest = record.digest();
        if record.epoch < meeting.epoch {
            return Place::Old;
        }
        if record.epoch == meeting.epoch {
            let known = if digest == meeting.last_rec { Place::Next } else { Place::Rival };
            let held = self.epochs.newest().is_some_and(|live| live.id.record == digest);
            return if held { Place::Again } else { known };
        }
        let known = self.signed(record.term, record.epoch);
        let is_known = known.is_some_and(|known| known.record.digest() == digest);
        match self.held(meeting).map(|live| &live.id) {
            Some(held) if held.record == digest => Place::Again,
            // A second record for an epoch is honest only if the first cannot become final; then
            // nothing that follows the first can either.
            Some(held) if held.epoch >= record.epoch && self.is_void(record.epoch) => Place::Next,
            Some(held) if held.epoch > record.epoch && is_known => Place::Old,
            Some(held) if held.epoch >= record.epoch => Place::Unknown,
            Some(held) if held.epoch.next() == record.epoch && held.record == record.prev => {
                Place::Next
            }
            _ if meeting.epoch.next() == record.epoch && meeting.last_rec == record.prev => {
                Place::Next
            }
            _ => Place::Unknown,
        }
    }

    /// The newest epoch that is or can become final: what a leader made and could not confirm is
    /// void once another leads.
    pub(super) fn held(&self, meeting: &MeetingRecord) -> Option<&Live> {
        let stands = |live: &&Live| {
            live.is_final || live.term >= meeting.term || live.id.record == meeting.last_rec
        };
        self.epochs.iter().filter(stands).last()
    }

    /// Whether the ledger took a record of the present term, or could: everyone in it is still there,
    /// no request in it has lapsed, and whoever it denies still waits.
    pub(super) fn is_takeable(&self, record: &EpochRecord) -> bool {
        let Some(view) = self.view() else { return false };
        if view.meeting.as_ref().is_some_and(|meeting| meeting.last_rec == record.digest()) {
            return true;
        }
        let (params, now) = (&self.config.params, view.time);
        let waits = |other: &MemberView| {
            let status = other.member.status_at(params, now);
            other.member.admitted != Position::default() || status == Some(MemberStatus::Requested)
        };
        let stays =
            |other: &MemberView| is_sound(other) && other.member.status_at(params, now).is_some();
        record.roster.iter().all(|idx| view.members.get(&idx).is_some_and(stays))
            && record.removed.iter().all(|out| view.members.get(&out.idx).is_some_and(waits))
    }

    /// Whether a record follows another one than the final record of its epoch does.
    fn follows_another(&self, record: &EpochRecord) -> bool {
        let last = self.view().and_then(|view| view.meeting.as_ref()).map(|m| m.last_rec);
        self.signed(record.term, record.epoch).is_some_and(|known| {
            Some(known.record.digest()) == last && known.record.prev != record.prev
        })
    }

    /// Whether the record of this epoch that is here cannot become final: somebody in it, or in
    /// one that it follows, went or has other keys. The key of one that it follows may be erased.
    pub(super) fn is_void(&self, epoch: Epoch) -> bool {
        let Some((view, meeting)) = self.view().and_then(|v| Some((v, v.meeting.as_ref()?))) else {
            return false;
        };
        let stands = |live: &Live| {
            live.roster.keys().all(|idx| view.members.get(idx).is_some_and(is_sound))
                && hash_of(view, live.roster.keys().copied()) == Some(live.roster_hash)
                && self
                    .signed(live.term, live.id.epoch)
                    .is_none_or(|signed| self.is_takeable(&signed.record))
        };
        let mut open = self.epochs.iter().filter(|live| !live.is_final && live.id.epoch <= epoch);
        let first = meeting.epoch.next().min(epoch);
        open.any(|live| !stands(live))
            || self.signed_from(meeting.term, first, epoch).any(|signed| {
                let record = &signed.record;
                !self.is_takeable(record) || self.is_outdated(record)
            })
    }

    /// Whether what is held follows a record of the newest final epoch that is not the final one.
    pub(super) fn is_astray(&self, meeting: &MeetingRecord) -> bool {
        let here = self.epochs.iter().find(|live| live.id.epoch == meeting.epoch);
        let rival = here.is_some_and(|live| live.id.record != meeting.last_rec);
        let ahead = self.held(meeting).is_some_and(|live| live.id.epoch > meeting.epoch);
        let next = self.signed(meeting.term, meeting.epoch.next()).filter(|_| ahead);
        rival || next.is_some_and(|next| next.record.prev != meeting.last_rec)
    }
}

/// The hash of these members with the keys the ledger has of them.
pub(super) fn hash_of(
    view: &MeetingView,
    roster: impl Iterator<Item = MemberIdx>,
) -> Option<Digest> {
    let members: Option<Vec<_>> =
        roster.map(|idx| Some((idx, &view.members.get(&idx)?.member))).collect();
    members.map(roster_hash)
}

/// Where a record stands.
enum Place {
    /// It is the record whose key is here.
    Again,
    /// It follows what is known.
    Next,
    /// It is over.
    Old,
    /// The ledger has another one.
    Rival,
    /// A newer state of the ledger is needed.
    Unknown,
}

/// Whether the ledger shows that somebody is out: went, was removed, or has a device that is no more.
pub(super) fn is_out(view: &MeetingView, idx: MemberIdx) -> bool {
    view.members.get(&idx).is_some_and(|seat| {
        is_gone(seat) || seat.device.as_ref().is_some_and(|device| !device.is_active())
    })
}

/// Whether somebody was in and went.
pub(super) const fn is_gone(other: &MemberView) -> bool {
    matches!(other.member.status, MemberStatus::Left | MemberStatus::Removed(_))
}
