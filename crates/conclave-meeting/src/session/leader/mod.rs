//! What only the leader does: publish, keep the lease, end the meeting; with `guests` (who asks to
//! come in), `rekey` (the next epoch), `delivery` (its key on the way) and `refused` (a record that
//! the ledger does not take).

mod delivery;
mod guests;
mod refused;
mod rekey;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use conclave_protocol::{
    Digest, EpochRecord, Heartbeat, MeetingDismiss, MeetingRecord, MemberIdx, Npk, PublishMeeting,
    Signature, UserInfo,
    meeting::{MemberStatus, Policy, Reason, Suite},
};
use rand_core::CryptoRng;

use super::{
    Purpose, Session,
    command::CommandError,
    input::{MeetingView, MemberView},
    output::{Ending, Event, Knocker, SubmitId},
};
use crate::{
    exchange::{Ek, PairChain},
    time::Millis,
    wire::{Address, Card, Farewell, Knock, Name, PeerMessage},
};

/// Admissions within this time share one epoch.
const COALESCE: u64 = 40;
/// The lease is renewed this often; three heartbeats fit into it.
const HEARTBEAT: u64 = 20_000;
/// A key that was not acknowledged is sent again after this time.
const RESEND: u64 = 1_000;
/// A member that asks for its key more often than this is not answered.
const HEAL_PAUSE: u64 = 400;
/// Records that may wait for a ledger that stands still.
const MAX_PENDING: usize = 32;

/// The state of a leader.
#[derive(Default)]
pub(in crate::session) struct Leader {
    published: bool,
    /// Who shared the key of the last final record; only the leader before the first.
    roster: BTreeSet<MemberIdx>,
    /// Guests before the door: who called, over which link.
    knocks: BTreeMap<MemberIdx, (Npk, Knock)>,
    /// What was last told about them.
    told: BTreeMap<MemberIdx, Knocker>,
    admits: BTreeSet<MemberIdx>,
    removals: BTreeMap<MemberIdx, Reason>,
    /// Whether a record was refused and the ledger not looked at since.
    blind: bool,
    /// Records that were refused since one was taken.
    refused: u8,
    /// When the one that was refused is said again.
    again_at: Option<Millis>,
    /// When the next epoch is made, if one is wanted.
    make_at: Option<Millis>,
    /// Records that are not final yet, each following the one before; the first is submitted.
    pending: VecDeque<Pending>,
    /// The newest record with the own signature.
    signed: Option<(EpochRecord, Signature)>,
    /// Who said goodbye while the ledger may stand still.
    goodbyes: BTreeSet<MemberIdx>,
    members: BTreeMap<MemberIdx, Exchange>,
    heartbeat_at: Option<Millis>,
    resend_at: Option<Millis>,
    rekey_at: Option<Millis>,
    /// A stream ran out of counters.
    pub(in crate::session) rekey_now: bool,
}

/// A record that is not final yet.
struct Pending {
    /// Set while it is submitted: the first one has none after it was refused.
    id: Option<SubmitId>,
    record: EpochRecord,
    digest: Digest,
    /// Whether the chains are past it: a provisional record follows.
    stepped: bool,
    roster: BTreeSet<MemberIdx>,
    /// Members whose chain began with this record.
    fresh: BTreeSet<MemberIdx>,
    added: BTreeSet<MemberIdx>,
    removals: BTreeMap<MemberIdx, Reason>,
    /// How those who come in knocked, in case the ledger refuses the record.
    knocks: BTreeMap<MemberIdx, (Npk, Knock)>,
}

/// What the leader shares with one member.
struct Exchange {
    ek: Ek,
    name: Name,
    address: Address,
    chain: Option<PairChain>,
    /// The newest bundle, to be repeated byte for byte.
    bundle: Vec<u8>,
    healed: Option<Millis>,
    /// Whether the user was told that an acknowledgement is missing.
    late: bool,
}

impl Leader {
    /// The leader of a running meeting: it makes a key of its own at once.
    pub(in crate::session) fn succeed<'a>(
        roster: BTreeSet<MemberIdx>,
        cards: impl Iterator<Item = (&'a MemberIdx, &'a Card)>,
        now: Millis,
    ) -> Self {
        let members = cards.filter(|(idx, _)| roster.contains(idx));
        Self {
            published: true,
            members: members.map(|(idx, card)| (*idx, Exchange::with(card))).collect(),
            roster,
            heartbeat_at: Some(now.plus(HEARTBEAT)),
            rekey_now: true,
            make_at: Some(now),
            ..Self::default()
        }
    }

    /// Begins an exchange with a member whose card came late; returns whether that was needed.
    pub(in crate::session) fn meet(&mut self, idx: MemberIdx, card: &Card) -> bool {
        if !self.newest_roster().contains(&idx) {
            return false;
        }
        if let Some(member) = self.members.get_mut(&idx) {
            member.ek.clone_from(&card.ek);
            member.address.clone_from(&card.address);
            return member.chain.is_none();
        }
        self.members.insert(idx, Exchange::with(card));
        true
    }

    /// Whoever is shown as waiting before the door.
    pub(in crate::session) fn lobby(&self) -> Vec<MemberIdx> {
        self.told.keys().copied().collect()
    }

    /// Steps every chain past a record.
    fn step(&mut self, record: &EpochRecord, digest: &Digest, own: MemberIdx) {
        for idx in record.roster.iter().filter(|idx| *idx != own) {
            if let Some(chain) = self.members.get_mut(&idx).and_then(|m| m.chain.as_mut()) {
                chain.advance(record.epoch, digest);
            }
        }
    }

    pub(in crate::session) fn deadline(&self, stalled: bool) -> Option<Millis> {
        let make = self.make_at.filter(|_| self.may_make(stalled));
        let rekey = self.rekey_at.filter(|_| self.may_make(stalled));
        let again = self.again_at();
        [make, self.heartbeat_at, self.resend_at, rekey, again].into_iter().flatten().min()
    }

    /// Whether another record may be made: one at a time, unless the ledger stands still or does not
    /// take that one. Whoever is thrown out then does not stay in for as long.
    fn may_make(&self, stalled: bool) -> bool {
        let waits = stalled || self.is_refused();
        let room = self.pending.is_empty() || (waits && self.pending.len() < MAX_PENDING);
        room && !self.blind
    }

    /// Who shares the newest key, final or not.
    fn newest_roster(&self) -> &BTreeSet<MemberIdx> {
        self.pending.back().map_or(&self.roster, |pending| &pending.roster)
    }

    /// Removes a member with the next record.
    pub(in crate::session) fn remove(&mut self, idx: MemberIdx, reason: Reason, at: Millis) {
        if self.newest_roster().contains(&idx) && !self.removes(idx) {
            self.removals.insert(idx, reason);
            self.soon(at);
        }
    }

    /// Whether a member is about to be removed.
    pub(in crate::session) fn removes(&self, idx: MemberIdx) -> bool {
        self.removals.contains_key(&idx)
    }

    /// A member said goodbye; if the ledger does not say so too, its word counts.
    pub(in crate::session) fn goes(&mut self, idx: MemberIdx) {
        self.goodbyes.insert(idx);
    }

    fn soon(&mut self, at: Millis) {
        self.make_at = Some(self.make_at.map_or(at, |set| set.min(at)));
    }
}

impl Session {
    /// Puts equation 6 on the ledger.
    pub(in crate::session) fn publish(&mut self, info: UserInfo, policy: Policy) {
        let Some(secrets) = &self.secrets else { return };
        let body = PublishMeeting {
            mid: self.mid,
            suite: Suite::Hybrid,
            policy,
            info,
            user: self.config.user,
            dev: self.config.dev,
            ivk: self.config.signer.ivk(),
            epk: secrets.keys.epk(),
            ek_hash: secrets.keys.ek().hash().0,
            npk: self.npk,
        };
        self.submit(Purpose::Publish, body);
    }

    /// Takes a newer state of the ledger as leader.
    pub(in crate::session) fn leader_ledger(&mut self) {
        let now = self.now;
        let Some((meeting, height)) =
            self.view().and_then(|view| view.meeting.clone().map(|meeting| (meeting, view.height)))
        else {
            return;
        };
        let Some(leader) = &mut self.leader else { return };
        leader.blind = false;
        if !leader.published {
            leader.published = true;
            leader.roster = BTreeSet::from([meeting.leader]);
            leader.heartbeat_at = Some(now.plus(HEARTBEAT));
            self.me = Some(meeting.leader);
            self.names.insert(meeting.leader, self.config.name.clone());
            self.event(Event::Published);
        }
        self.confirm(&meeting, height);
        self.check_guests();
        if self.is_rekey_due()
            && let Some(leader) = &mut self.leader
        {
            leader.soon(now);
        }
    }

    /// Whether somebody of the roster is out by the ledger.
    fn is_rekey_due(&self) -> bool {
        let (Some(leader), Some(view)) = (&self.leader, self.view()) else { return false };
        leader.newest_roster().iter().any(|idx| gone(view, *idx).is_some())
    }

    /// A pending record is final: chains step, the roster is the new one, the next one follows.
    fn confirm(&mut self, meeting: &MeetingRecord, height: conclave_protocol::Height) {
        let now = self.now;
        let Some(leader) = &mut self.leader else { return };
        let own = leader.pending.iter().position(|own| own.digest == meeting.last_rec);
        let Some(place) = own else { return };
        let done: Vec<Pending> = leader.pending.drain(..=place).collect();
        let Some(last) = done.last() else { return };
        if !last.stepped {
            leader.step(&last.record, &last.digest, meeting.leader);
        }
        leader.refused = 0;
        leader.roster.clone_from(&last.roster);
        let newest = leader.newest_roster().clone();
        leader.members.retain(|idx, _| newest.contains(idx));
        leader.goodbyes.retain(|idx| newest.contains(idx));
        leader.heartbeat_at = Some(now.plus(HEARTBEAT));
        let more = !leader.admits.is_empty() || !leader.removals.is_empty();
        if more {
            leader.soon(now);
        }
        let next = leader.pending.front().filter(|next| next.id.is_none());
        let next = next.map(|next| next.record.clone());
        if let Some(record) = next {
            let id = self.submit(Purpose::Epoch(record.epoch), record);
            if let Some(front) = self.leader.as_mut().and_then(|l| l.pending.front_mut()) {
                front.id = Some(id);
            }
        }
        for Pending { id, record, digest, .. } in done {
            if let Some(id) = id {
                self.submits.remove(&id);
            }
            self.epochs.confirm(&digest);
            self.event(Event::EpochFinal { epoch: record.epoch, height });
        }
    }

    pub(in crate::session) fn dismiss(&mut self) -> Result<(), CommandError> {
        if self.leader.is_none() {
            return Err(CommandError::NotLeader);
        }
        self.submit_dismissal();
        self.broadcast(&PeerMessage::Bye(Farewell::Dismissed));
        self.end(Ending::Dismissed);
        Ok(())
    }

    /// Puts equation 22 on the ledger.
    pub(in crate::session) fn submit_dismissal(&mut self) {
        let Some(meeting) = self.view().and_then(|view| view.meeting.clone()) else { return };
        let body = MeetingDismiss { mid: self.mid, term: meeting.term, epoch: meeting.epoch };
        self.submit(Purpose::Dismiss, body);
    }

    /// What a leader does when time passes.
    pub(in crate::session) fn lead_on(&mut self, rng: &mut dyn CryptoRng) {
        self.say_again();
        let (now, stalled) = (self.now, self.is_stalled());
        let Some(leader) = &mut self.leader else { return };
        if stalled {
            for idx in std::mem::take(&mut leader.goodbyes) {
                leader.remove(idx, Reason::TimedOut, now);
            }
        }
        let forced = leader.rekey_now || leader.rekey_at.is_some_and(|at| at <= now);
        let due = forced || leader.make_at.is_some_and(|at| at <= now);
        if leader.may_make(stalled) && due {
            leader.make_at = None;
            if let Some(plan) = self.plan(forced) {
                self.make_epoch(plan, rng);
            }
        }
        self.heartbeat();
        self.resend_late();
    }

    fn heartbeat(&mut self) {
        let now = self.now;
        let Some(leader) = &mut self.leader else { return };
        if leader.heartbeat_at.is_some_and(|at| at <= now) {
            leader.heartbeat_at = Some(now.plus(HEARTBEAT));
            // A pending record renews the lease itself, and would make this one stale.
            if leader.pending.is_empty() {
                self.beat();
            }
        }
    }

    /// Renews the lease.
    fn beat(&mut self) {
        let Some(meeting) = self.view().and_then(|view| view.meeting.clone()) else { return };
        let body = Heartbeat { mid: self.mid, term: meeting.term, epoch: meeting.epoch };
        self.submit(Purpose::Heartbeat, body);
    }
}

impl Pending {
    /// Whether this record admits or denies `idx`.
    fn decides(&self, idx: MemberIdx) -> bool {
        self.added.contains(&idx) || self.removals.contains_key(&idx)
    }
}

impl Exchange {
    fn new(knock: &Knock) -> Self {
        Self::begin(&knock.ek, &knock.name, &knock.address)
    }

    fn with(card: &Card) -> Self {
        Self::begin(&card.ek, &card.name, &card.address)
    }

    fn begin(ek: &Ek, name: &Name, address: &Address) -> Self {
        Self {
            ek: ek.clone(),
            name: name.clone(),
            address: address.clone(),
            chain: None,
            bundle: Vec::new(),
            healed: None,
            late: false,
        }
    }
}

/// Why the ledger says that a member of the roster is out, if it does.
fn gone(view: &MeetingView, idx: MemberIdx) -> Option<Reason> {
    let member: &MemberView = view.members.get(&idx)?;
    match member.member.status {
        MemberStatus::Left => Some(Reason::Left),
        _ if member.device.as_ref().is_some_and(|device| !device.is_active()) => {
            Some(Reason::Revoked)
        }
        _ => None,
    }
}
