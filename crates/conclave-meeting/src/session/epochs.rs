//! The epochs whose keys are alive, and which of them this device sends under.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use conclave_protocol::{DeviceId, Digest, Epoch, EpochRecord, MemberIdx, Npk, Term};

use crate::{
    key::{EpochId, MeetingKey},
    media::{GapTracker, Opener, Sealer, StreamNo},
    time::Millis,
};

/// Receive-only life of an old key after a join epoch, in milliseconds.
const GRACE_JOIN: u64 = 10_000;
/// The same after a removal epoch.
const GRACE_REMOVAL: u64 = 3_000;
/// A join epoch is sent under after this time even if some member has not acknowledged it.
const SWITCH: u64 = 2_000;
/// Live epochs at most; as many fit into a grace window at one record per block, and far fewer
/// than 256, so that the low 8 bits of an epoch name one key.
const MAX_LIVE: usize = 13;
/// Receive-only life of a key whose record the ledger refused, and how many are kept.
const GRACE_VOID: u64 = 2_000;
const MAX_VOID: usize = 4;

/// Who sits on an index of a roster.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seat {
    pub(super) dev: DeviceId,
    pub(super) npk: Npk,
}

/// One epoch: its key, its roster and everything made of them.
pub(super) struct Live {
    pub(super) id: EpochId,
    /// Term of the leader that made it.
    pub(super) term: Term,
    /// What its record says of the members and their keys.
    pub(super) roster_hash: Digest,
    pub(super) mk: MeetingKey,
    pub(super) roster: BTreeMap<MemberIdx, Seat>,
    /// Whether somebody was removed: then it is sent under at once.
    pub(super) removal: bool,
    pub(super) installed: Millis,
    pub(super) is_final: bool,
    /// Whether nothing is sealed under it before it is final.
    mute: bool,
    /// Members who still have to say that they hold the key.
    pub(super) unacked: BTreeSet<MemberIdx>,
    /// Members who hold another record, and when that is an alarm.
    pub(super) differing: BTreeMap<MemberIdx, Millis>,
    pub(super) sealers: BTreeMap<StreamNo, Sealer>,
    pub(super) incoming: BTreeMap<(MemberIdx, StreamNo), Incoming>,
    expires: Option<Millis>,
}

/// One stream of another member.
pub(super) struct Incoming {
    pub(super) opener: Opener,
    pub(super) gaps: GapTracker,
}

impl Live {
    pub(super) fn new(
        id: EpochId,
        record: &EpochRecord,
        mk: MeetingKey,
        roster: BTreeMap<MemberIdx, Seat>,
        now: Millis,
    ) -> Self {
        let unacked = roster.keys().copied().collect();
        Self {
            id,
            term: record.term,
            roster_hash: record.roster_hash,
            mk,
            roster,
            removal: !record.removed.is_empty(),
            installed: now,
            is_final: false,
            mute: false,
            unacked,
            differing: BTreeMap::new(),
            sealers: BTreeMap::new(),
            incoming: BTreeMap::new(),
            expires: None,
        }
    }

    /// When this epoch is sent under, whatever members say.
    fn switch_at(&self, now: Millis) -> Millis {
        if self.removal || self.is_final || self.unacked.is_empty() {
            now
        } else {
            self.installed.plus(SWITCH)
        }
    }
}

/// The live epochs in ascending order.
#[derive(Default)]
pub(super) struct Epochs {
    live: VecDeque<Live>,
    /// Keys whose record another one replaced; some packets under them are still on their way.
    void: VecDeque<Live>,
    /// Records that were given up after something was sealed under them: their counters are gone.
    burnt: BTreeSet<Digest>,
    sending: Option<Epoch>,
}

impl Epochs {
    pub(super) fn newest(&self) -> Option<&Live> {
        self.live.back()
    }

    pub(super) fn get_mut(&mut self, epoch: Epoch) -> Option<&mut Live> {
        self.live.iter_mut().find(|live| live.id.epoch == epoch)
    }

    /// The live epoch whose number ends in these 8 bits, and after it those that it replaced.
    pub(super) fn by_low_bits(&mut self, bits: u8) -> impl Iterator<Item = &mut Live> {
        let all = self.live.iter_mut().chain(&mut self.void);
        all.filter(move |live| live.id.epoch.0.to_be_bytes()[3] == bits)
    }

    /// Whether a packet of this epoch may be under another key than the one that stands for it:
    /// its record was replaced, or can be.
    pub(super) fn is_open(&self, bits: u8) -> bool {
        let all = self.live.iter().chain(&self.void);
        let mut named = all.filter(|live| live.id.epoch.0.to_be_bytes()[3] == bits);
        named.any(|live| !live.is_final)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Live> {
        self.live.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Live> {
        self.live.iter_mut()
    }

    /// The epoch this device seals under.
    pub(super) fn sending(&mut self) -> Option<&mut Live> {
        let epoch = self.sending?;
        self.get_mut(epoch)
    }

    pub(super) const fn sending_epoch(&self) -> Option<Epoch> {
        self.sending
    }

    /// Adds the newest epoch and gives the older ones their last moment.
    pub(super) fn install(&mut self, mut live: Live, now: Millis) {
        // What takes the place of the epoch that is sent under cannot wait for anyone.
        live.removal |= self.sending.is_some_and(|sending| sending >= live.id.epoch);
        self.forget_from(live.id.epoch, now);
        let grace = if live.removal { GRACE_REMOVAL } else { GRACE_JOIN };
        let end = now.plus(grace);
        for old in &mut self.live {
            old.expires = Some(old.expires.map_or(end, |set| set.min(end)));
        }
        self.live.push_back(live);
        while self.live.len() > MAX_LIVE {
            self.live.pop_front();
        }
    }

    /// Gives up an epoch and all later ones, which will not become final: another record took its
    /// place. They are only received under for a moment.
    pub(super) fn forget_from(&mut self, epoch: Epoch, now: Millis) {
        self.give_up(|live| live.id.epoch >= epoch, now);
        if self.sending.is_some_and(|sending| sending >= epoch) {
            self.sending = None;
        }
    }

    fn give_up(&mut self, which: impl Fn(&Live) -> bool, now: Millis) {
        let all = std::mem::take(&mut self.live).into_iter();
        let (void, live): (Vec<Live>, Vec<Live>) = all.partition(which);
        self.live = live.into();
        let burnt = void.iter().filter(|live| !live.sealers.is_empty());
        self.burnt.extend(burnt.map(|live| live.id.record));
        self.void.extend(void.into_iter().map(|mut live| {
            live.expires = Some(now.plus(GRACE_VOID));
            live.sealers.clear();
            live
        }));
        while self.void.len() > MAX_VOID {
            self.void.pop_front();
        }
    }

    /// Marks the epoch of this record as final; returns whether that is news.
    pub(super) fn confirm(&mut self, record: &Digest) -> Option<Epoch> {
        let live = self.live.iter_mut().find(|live| live.id.record == *record && !live.is_final)?;
        live.is_final = true;
        Some(live.id.epoch)
    }

    /// Whether to send under the newest epoch from here on; returns the old and the new one.
    pub(super) fn switch(&mut self, now: Millis) -> Option<(Option<Epoch>, Epoch)> {
        let newest = self.live.back()?;
        let (new, old) = (newest.id.epoch, self.sending);
        let mute = newest.mute && !newest.is_final || self.burnt.contains(&newest.id.record);
        if old == Some(new) || mute || newest.switch_at(now) > now {
            return None;
        }
        self.sending = Some(new);
        Some((old, new))
    }

    /// Seals nothing under the epoch of this record before it is final.
    pub(super) fn mute(&mut self, record: Digest) {
        let named = self.live.iter_mut().filter(|live| live.id.record == record);
        named.for_each(|live| live.mute = true);
    }

    /// Erases epochs whose grace is over.
    pub(super) fn expire(&mut self, now: Millis) {
        self.live.retain(|live| live.expires.is_none_or(|end| end > now));
        self.void.retain(|live| live.expires.is_none_or(|end| end > now));
        if self.sending.is_some_and(|epoch| self.live.iter().all(|live| live.id.epoch != epoch)) {
            self.sending = None;
        }
    }

    /// The next moment something here falls due.
    pub(super) fn deadline(&self) -> Option<Millis> {
        let expiry = self.live.iter().chain(&self.void).filter_map(|live| live.expires).min();
        let newest = self.live.back().filter(|live| !live.mute);
        let newest = newest.filter(|live| !self.burnt.contains(&live.id.record));
        let newest = newest.filter(|live| self.sending != Some(live.id.epoch));
        let switch = newest.map(|live| live.switch_at(live.installed));
        let gaps = self.live.iter().flat_map(|live| live.incoming.values());
        let gaps = gaps.filter_map(|incoming| incoming.gaps.deadline()).min();
        [expiry, switch, gaps].into_iter().flatten().min()
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
