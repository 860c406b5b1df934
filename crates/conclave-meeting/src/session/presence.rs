//! Who is heard: the leader lets all members hear from it, every member the leader.
//!
//! Anything a member sends counts; a [`PeerMessage::Alive`] is sent so that there is something.

use std::collections::BTreeMap;

use conclave_protocol::{MemberIdx, Npk, meeting::Reason};

use super::{LOST_AFTER, Session, leader::Leader};
use crate::{time::Millis, wire::PeerMessage};

/// A member is heard at least this often.
const BEAT: u64 = 1_000;
/// A leader that was not heard for so long is silent.
pub(super) const SILENT: u64 = 3_000;
/// A leader that lost the chair by its silence is out after so long: until then it counts as one who
/// could lead and vote, and would hold up the next change.
const OVERTAKEN: u64 = 10_000;
/// A leader that heard nobody for so long, and still leads, is the only one left.
const FORSAKEN: u64 = 90_000;
/// A device that was not run for so long slept, and cannot tell who was silent meanwhile.
const SLEPT: u64 = 2_500;

/// When each member of the newest roster was last heard.
#[derive(Debug, Default)]
pub(super) struct Presence {
    heard: BTreeMap<MemberIdx, Millis>,
    beat_at: Option<Millis>,
    ran: Option<Millis>,
}

impl Presence {
    /// The roster changed: whoever is new has just been heard.
    pub(super) fn follow(&mut self, roster: impl IntoIterator<Item = MemberIdx>, now: Millis) {
        let old = std::mem::take(&mut self.heard);
        let heard = |idx: &MemberIdx| old.get(idx).copied().unwrap_or(now);
        self.heard = roster.into_iter().map(|idx| (idx, heard(&idx))).collect();
        self.beat_at.get_or_insert(now);
    }

    /// A member said something.
    pub(super) fn hear(&mut self, idx: MemberIdx, now: Millis) {
        if let Some(heard) = self.heard.get_mut(&idx) {
            *heard = now.max(*heard);
        }
    }

    /// When a member was last heard.
    pub(super) fn heard(&self, idx: MemberIdx) -> Option<Millis> {
        self.heard.get(&idx).copied()
    }

    /// Whether a member was not heard for so long that a leader would lose the chair.
    pub(super) fn is_silent(&self, idx: MemberIdx, now: Millis) -> bool {
        now.since(self.heard(idx).unwrap_or_default()) >= SILENT
    }

    /// Time passed. Whoever slept accuses nobody.
    fn run(&mut self, now: Millis) {
        let slept = self.ran.replace(now).is_some_and(|ran| now.since(ran) > SLEPT);
        if slept {
            self.heard.values_mut().for_each(|heard| *heard = now);
        }
    }

    pub(super) const fn deadline(&self) -> Option<Millis> {
        self.beat_at
    }
}

impl Session {
    /// Lets others hear from this device, and listens who is silent.
    pub(super) fn attend(&mut self) {
        let now = self.now;
        self.presence.run(now);
        if self.presence.beat_at.is_some_and(|at| at <= now) {
            self.presence.beat_at = Some(now.plus(BEAT));
            let Some(epoch) = self.epochs.newest().map(|live| live.id.epoch) else { return };
            if self.leader.is_some() {
                self.broadcast(&PeerMessage::Alive(epoch));
            } else if let Some(npk) = self.leader_npk() {
                self.send(npk, &PeerMessage::Alive(epoch));
            }
        }
        self.drop_silent();
    }

    /// Somebody proved that it is there.
    pub(super) fn hear(&mut self, npk: Npk) {
        if let Some(idx) = self.member_of(npk) {
            self.presence.hear(idx, self.now);
            self.chair.is_back(idx);
        }
    }

    /// As leader: whoever was silent for too long is out (section 13 erases its keys as well).
    ///
    /// A leader that hears nobody at all is itself the one without a network, and removes nobody,
    /// unless nobody takes the chair from it for long.
    fn drop_silent(&mut self) {
        let (now, me) = (self.now, self.me);
        let Some(leader) = &mut self.leader else { return };
        let others = self.presence.heard.iter().filter(|(idx, _)| Some(**idx) != me);
        let others = others.map(|(idx, at)| (*idx, now.since(*at)));
        let (overtaken, others): (Vec<_>, Vec<_>) =
            others.partition(|(idx, _)| self.chair.is_overtaken(*idx));
        let least = others.iter().map(|(_, silence)| *silence).min().unwrap_or_default();
        if others.len() > 1 && (SILENT..FORSAKEN).contains(&least) {
            return;
        }
        for (idx, _) in overtaken.into_iter().filter(|(_, silence)| *silence >= OVERTAKEN) {
            leader.remove(idx, Reason::TimedOut, now);
        }
        for (idx, _) in others.into_iter().filter(|(_, silence)| *silence >= LOST_AFTER) {
            leader.remove(idx, Reason::TimedOut, now);
        }
    }

    /// The moment a member would be removed for its silence.
    pub(super) fn silence_deadline(&self) -> Option<Millis> {
        let leader: &Leader = self.leader.as_ref()?;
        let others = self.presence.heard.iter().filter(|(idx, _)| Some(**idx) != self.me);
        let late = others.filter(|(idx, _)| !leader.removes(**idx)).map(|(idx, at)| {
            at.plus(if self.chair.is_overtaken(*idx) { OVERTAKEN } else { LOST_AFTER })
        });
        late.filter(|at| *at > self.now).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_slept_accuses_nobody() {
        let (mut presence, idx) = (Presence::default(), MemberIdx(1));
        presence.follow([idx], Millis(0));
        presence.run(Millis(1_000));
        presence.run(Millis(2_000));
        assert_eq!(presence.heard(idx), Some(Millis(0)));
        presence.run(Millis(9_000));
        assert_eq!(presence.heard(idx), Some(Millis(9_000)));
    }

    #[test]
    fn a_new_member_counts_as_heard() {
        let mut presence = Presence::default();
        presence.follow([MemberIdx(1)], Millis(0));
        presence.follow([MemberIdx(1), MemberIdx(2)], Millis(50));
        assert_eq!(presence.heard(MemberIdx(1)), Some(Millis(0)));
        assert_eq!(presence.heard(MemberIdx(2)), Some(Millis(50)));
        presence.follow([MemberIdx(2)], Millis(60));
        assert_eq!(presence.heard(MemberIdx(1)), None);
    }
}
