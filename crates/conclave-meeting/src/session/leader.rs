//! What only the leader does: publish, check guests, make epochs, keep the lease, end the meeting.

use std::collections::{BTreeMap, BTreeSet};

use conclave_protocol::{
    Context, Digest, Epoch, EpochRecord, Heartbeat, MeetingDismiss, MeetingRecord, MemberIdx, Npk,
    PublishMeeting, UserInfo,
    codec::{List, Set},
    encode,
    meeting::{AutoAdmit, MemberStatus, Policy, Reason, Removal, Roster, Suite, roster_hash},
};
use rand_core::CryptoRng;

use super::{
    Purpose, Session,
    counters::Counters,
    epochs::Seat,
    guest::{party, suite},
    input::{Freshness, MeetingView, MemberView},
    output::{CommandError, Ending, Event, KeyProblem, Knocker, Output, SubmitId},
    verify::Checker,
};
use crate::{
    exchange::{Ek, Pair, PairChain},
    key::{Commitment, MeetingKey},
    time::Millis,
    wire::{Address, Bundle, Entry, Farewell, Knock, Name, PeerMessage, Wrap},
};

/// Admissions within this time share one epoch.
const COALESCE: u64 = 40;
/// The lease is renewed this often; three heartbeats fit into it.
const HEARTBEAT: u64 = 20_000;
/// A key that was not acknowledged is sent again after this time.
const RESEND: u64 = 1_000;
/// A member that asks for its key more often than this is not answered.
const HEAL_PAUSE: u64 = 400;

/// The state of a leader.
#[derive(Default)]
pub(super) struct Leader {
    published: bool,
    /// Who shared the key of the last final record; only the leader before the first.
    roster: BTreeSet<MemberIdx>,
    /// Guests before the door: who called, over which link.
    knocks: BTreeMap<MemberIdx, (Npk, Knock)>,
    /// What was last told about them.
    told: BTreeMap<MemberIdx, Knocker>,
    admits: BTreeSet<MemberIdx>,
    removals: BTreeMap<MemberIdx, Reason>,
    /// When the next epoch is made, if one is wanted.
    make_at: Option<Millis>,
    pending: Option<Pending>,
    members: BTreeMap<MemberIdx, Exchange>,
    heartbeat_at: Option<Millis>,
    resend_at: Option<Millis>,
    rekey_at: Option<Millis>,
    /// A stream ran out of counters.
    pub(super) rekey_now: bool,
}

/// A record that is not final yet.
struct Pending {
    id: SubmitId,
    epoch: Epoch,
    digest: Digest,
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

/// Who is in after the next record, and why others are not.
struct Plan {
    roster: BTreeSet<MemberIdx>,
    added: BTreeSet<MemberIdx>,
    removals: BTreeMap<MemberIdx, Reason>,
    knocks: BTreeMap<MemberIdx, (Npk, Knock)>,
}

impl Leader {
    pub(super) fn deadline(&self) -> Option<Millis> {
        let make = self.make_at.filter(|_| self.pending.is_none());
        let rekey = self.rekey_at.filter(|_| self.pending.is_none());
        [make, self.heartbeat_at, self.resend_at, rekey].into_iter().flatten().min()
    }

    fn soon(&mut self, at: Millis) {
        self.make_at = Some(self.make_at.map_or(at, |set| set.min(at)));
    }
}

impl Session {
    /// Puts equation 6 on the ledger.
    pub(super) fn publish(&mut self, info: UserInfo, policy: Policy) {
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
    pub(super) fn leader_ledger(&mut self) {
        let now = self.now;
        let Some((meeting, height)) =
            self.view().and_then(|view| view.meeting.clone().map(|meeting| (meeting, view.height)))
        else {
            return;
        };
        let Some(leader) = &mut self.leader else { return };
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
        leader.roster.iter().any(|idx| gone(view, *idx).is_some())
    }

    /// The pending record is final: chains step, the roster is the new one.
    fn confirm(&mut self, meeting: &MeetingRecord, height: conclave_protocol::Height) {
        let now = self.now;
        let rekey = u64::from(self.config.params.rekey_max).saturating_mul(1_000);
        let Some(leader) = &mut self.leader else { return };
        let Some(pending) = leader.pending.take_if(|own| own.digest == meeting.last_rec) else {
            return;
        };
        for idx in pending.roster.iter().filter(|idx| **idx != meeting.leader) {
            if let Some(chain) = leader.members.get_mut(idx).and_then(|m| m.chain.as_mut()) {
                chain.advance(pending.epoch, &pending.digest);
            }
        }
        leader.members.retain(|idx, _| pending.roster.contains(idx));
        leader.roster = pending.roster;
        leader.heartbeat_at = Some(now.plus(HEARTBEAT));
        leader.rekey_at = Some(now.plus(rekey));
        let more = !leader.admits.is_empty() || !leader.removals.is_empty();
        if more {
            leader.soon(now);
        }
        self.submits.remove(&pending.id);
        self.epochs.confirm(&pending.digest);
        self.event(Event::EpochFinal { epoch: pending.epoch, height });
    }

    /// Checks every request and tells what changed.
    fn check_guests(&mut self) {
        let Some((_, view)) = &self.view else { return };
        let Some(leader) = &mut self.leader else { return };
        let checker =
            Checker { chain: &self.config.chain_id, mid: &self.mid, invite: &self.invite };
        let auto = view
            .meeting
            .as_ref()
            .is_some_and(|meeting| meeting.policy.auto_admit == AutoAdmit::Invited);
        let mut news = Vec::new();
        for (idx, asker) in &view.members {
            let waits = asker.member.status_at(&self.config.params, view.time)
                == Some(MemberStatus::Requested);
            let denied = leader.removals.contains_key(idx);
            if leader.pending.as_ref().is_some_and(|pending| pending.decides(*idx)) {
                continue;
            }
            if !waits || denied {
                leader.knocks.remove(idx);
                leader.admits.remove(idx);
                if leader.told.remove(idx).is_some() {
                    news.push(Event::RequestGone { idx: *idx });
                }
                continue;
            }
            let knocker = checker.knocker(view, *idx, asker, leader.knocks.get(idx));
            let old = leader.told.get(idx);
            let same =
                old.is_some_and(|old| (&old.facts, old.ready) == (&knocker.facts, knocker.ready));
            if !same {
                news.push(Event::RequestVerified(knocker.clone()));
            }
            if auto && knocker.ready && knocker.facts.iter().all(|fact| fact.ok) {
                leader.admits.insert(*idx);
            }
            if leader.admits.contains(idx) && knocker.ready {
                leader.soon(self.now.plus(COALESCE));
            }
            leader.told.insert(*idx, knocker);
        }
        self.outputs.extend(news.into_iter().map(Output::Event));
    }

    /// Takes a guest's first words.
    pub(super) fn knocked(&mut self, npk: Npk, knock: Knock) {
        const MAX_KNOCKS: usize = 256;
        let known = self.view().and_then(|view| view.members.get(&knock.idx)).cloned();
        let Some(leader) = &mut self.leader else {
            Counters::count(&mut self.counters.bad_messages);
            return;
        };
        let idx = knock.idx;
        // Whoever calls from the wrong device does not push out the right one.
        let right = known.as_ref().is_some_and(|known| known.member.npk == npk);
        let taken = leader.knocks.contains_key(&idx) && !right;
        if taken || leader.knocks.len() >= MAX_KNOCKS {
            Counters::count(&mut self.counters.bad_messages);
            return;
        }
        leader.knocks.insert(idx, (npk, knock));
        if known.is_none() {
            self.push(Output::Refresh);
        }
        self.check_guests();
    }

    pub(super) fn admit(&mut self, idx: MemberIdx) -> Result<(), CommandError> {
        let at = self.now.plus(COALESCE);
        let stale = self.view().is_none_or(|view| view.freshness == Freshness::Stale);
        let leader = self.leader.as_mut().ok_or(CommandError::NotLeader)?;
        let knocker = leader.told.get(&idx).ok_or(CommandError::NoSuchMember)?;
        if stale {
            return Err(CommandError::LedgerStale);
        }
        if !knocker.ready {
            return Err(CommandError::NotVerified);
        }
        leader.admits.insert(idx);
        leader.soon(at);
        Ok(())
    }

    pub(super) fn deny(&mut self, idx: MemberIdx, ban: bool) -> Result<(), CommandError> {
        let now = self.now;
        let leader = self.leader.as_mut().ok_or(CommandError::NotLeader)?;
        leader.told.remove(&idx).ok_or(CommandError::NoSuchMember)?;
        leader.admits.remove(&idx);
        let knock = leader.knocks.remove(&idx);
        let reason = if ban { Reason::Banned } else { Reason::Kicked };
        leader.removals.insert(idx, reason);
        leader.soon(now);
        if let Some((npk, _)) = knock {
            self.send(npk, &PeerMessage::Bye(Farewell::Denied));
        }
        self.event(Event::RequestGone { idx });
        Ok(())
    }

    pub(super) fn kick(&mut self, idx: MemberIdx, ban: bool) -> Result<(), CommandError> {
        let (now, me) = (self.now, self.me);
        let member = self.roster().contains(&idx);
        let leader = self.leader.as_mut().ok_or(CommandError::NotLeader)?;
        if !member || Some(idx) == me {
            return Err(CommandError::NoSuchMember);
        }
        leader.removals.insert(idx, if ban { Reason::Banned } else { Reason::Kicked });
        leader.soon(now);
        Ok(())
    }

    pub(super) fn dismiss(&mut self) -> Result<(), CommandError> {
        if self.leader.is_none() {
            return Err(CommandError::NotLeader);
        }
        self.submit_dismissal();
        self.broadcast(&PeerMessage::Bye(Farewell::Dismissed));
        self.end(Ending::Dismissed);
        Ok(())
    }

    /// Puts equation 22 on the ledger.
    pub(super) fn submit_dismissal(&mut self) {
        let Some(meeting) = self.view().and_then(|view| view.meeting.clone()) else { return };
        let body = MeetingDismiss { mid: self.mid, term: meeting.term, epoch: meeting.epoch };
        self.submit(Purpose::Dismiss, body);
    }

    /// What a leader does when time passes.
    pub(super) fn lead_on(&mut self, rng: &mut dyn CryptoRng) {
        let now = self.now;
        let Some(leader) = &mut self.leader else { return };
        let idle = leader.pending.is_none();
        let forced = leader.rekey_now || leader.rekey_at.is_some_and(|at| at <= now);
        let due = forced || leader.make_at.is_some_and(|at| at <= now);
        if idle && due {
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
        let Some(meeting) = self.view().and_then(|view| view.meeting.clone()) else { return };
        let Some(leader) = &mut self.leader else { return };
        if leader.heartbeat_at.is_some_and(|at| at <= now) {
            leader.heartbeat_at = Some(now.plus(HEARTBEAT));
            // A pending record renews the lease itself, and would make this one stale.
            if leader.pending.is_none() {
                let body = Heartbeat { mid: self.mid, term: meeting.term, epoch: meeting.epoch };
                self.submit(Purpose::Heartbeat, body);
            }
        }
    }

    /// Who is in next, or nothing if nothing changes.
    fn plan(&mut self, forced: bool) -> Option<Plan> {
        let (_, view) = self.view.as_ref()?;
        let leader = self.leader.as_mut()?;
        let is_member = |idx: &MemberIdx| leader.roster.contains(idx);
        let mut removals: BTreeMap<MemberIdx, Reason> = leader
            .roster
            .iter()
            .filter_map(|idx| gone(view, *idx).map(|reason| (*idx, reason)))
            .collect();
        for (idx, reason) in &leader.removals {
            let waits = view
                .members
                .get(idx)
                .and_then(|asker| asker.member.status_at(&self.config.params, view.time))
                == Some(MemberStatus::Requested);
            if is_member(idx) || waits {
                removals.entry(*idx).or_insert(*reason);
            }
        }
        let ready = |idx: &MemberIdx| leader.told.get(idx).is_some_and(|knocker| knocker.ready);
        let added: BTreeSet<MemberIdx> = leader
            .admits
            .iter()
            .copied()
            .filter(|idx| ready(idx) && !is_member(idx) && !removals.contains_key(idx))
            .collect();
        if added.is_empty() && removals.is_empty() && !forced {
            return None;
        }
        let stay = leader.roster.iter().copied().filter(|idx| !removals.contains_key(idx));
        let roster: BTreeSet<MemberIdx> = stay.chain(added.iter().copied()).collect();
        let mut knocks = BTreeMap::new();
        for idx in &added {
            leader.admits.remove(idx);
            if let Some((npk, knock)) = leader.knocks.remove(idx) {
                leader.members.insert(*idx, Exchange::new(&knock));
                self.names.insert(*idx, knock.name.clone());
                self.peers.entry(npk).or_default().address = Some(knock.address.clone());
                knocks.insert(*idx, (npk, knock));
            }
        }
        leader.removals.clear();
        leader.rekey_now = false;
        leader.rekey_at = None;
        Some(Plan { roster, added, removals, knocks })
    }

    /// Makes record, key and wraps of the next epoch; submits, sends and installs them.
    fn make_epoch(&mut self, plan: Plan, rng: &mut dyn CryptoRng) {
        let mk = MeetingKey::generate(rng);
        let Some((record, seats)) = self.record(&plan, &mk) else {
            self.give_back(plan);
            return;
        };
        let digest = record.digest();
        let signature =
            self.config.signer.sign(Context::Epoch, &self.config.chain_id, &encode(&record));
        let id = self.submit(Purpose::Epoch(record.epoch), record.clone());
        let others: Vec<MemberIdx> =
            plan.roster.iter().copied().filter(|idx| Some(*idx) != self.me).collect();
        let mut fresh = BTreeSet::new();
        for idx in others {
            let Some(wrap) = self.wrap(idx, record.epoch, &digest, &mk) else { continue };
            let is_fresh = wrap.kem_ct.is_some();
            if is_fresh {
                fresh.insert(idx);
            }
            let book = self.book(idx, (!is_fresh).then_some(&plan.added));
            let bundle = Bundle { record: record.clone(), sig: signature, wrap, book };
            self.keep_and_send(idx, &seats, bundle);
        }
        self.send_away(&plan.removals);
        let Plan { roster, added, removals, knocks } = plan;
        if let Some(leader) = &mut self.leader {
            let epoch = record.epoch;
            leader.resend_at = Some(self.now.plus(RESEND));
            let pending = Pending { id, epoch, digest, roster, fresh, added, removals, knocks };
            leader.pending = Some(pending);
        }
        self.install(&record, mk, seats);
        for idx in &record.added {
            if let Some(leader) = &mut self.leader {
                leader.told.remove(idx);
            }
            self.event(Event::RequestGone { idx: *idx });
        }
    }

    fn record(
        &self,
        plan: &Plan,
        mk: &MeetingKey,
    ) -> Option<(EpochRecord, BTreeMap<MemberIdx, Seat>)> {
        let view = self.view()?;
        let meeting = view.meeting.as_ref()?;
        let mut seats = BTreeMap::new();
        let mut members = Vec::new();
        for idx in &plan.roster {
            let member = &view.members.get(idx)?.member;
            seats.insert(*idx, Seat { dev: member.dev, npk: member.npk });
            members.push((*idx, member));
        }
        let place = Commitment {
            mid: self.mid,
            term: meeting.term,
            epoch: meeting.epoch.next(),
            roster_hash: roster_hash(members),
            prev: meeting.last_rec,
        };
        let removed =
            plan.removals.iter().map(|(idx, reason)| Removal { idx: *idx, reason: *reason });
        let record = EpochRecord {
            mid: place.mid,
            term: place.term,
            epoch: place.epoch,
            prev: place.prev,
            roster: Roster::new(plan.roster.iter().copied()).ok()?,
            added: Set::new(plan.added.iter().copied().collect::<Vec<_>>()).ok()?,
            removed: Set::new(removed.collect::<Vec<_>>()).ok()?,
            unbanned: Set::default(),
            mk_commit: mk.commit(&place),
            roster_hash: place.roster_hash,
        };
        Some((record, seats))
    }

    /// Wraps MK for one member, over a fresh exchange if there is no chain.
    fn wrap(
        &mut self,
        idx: MemberIdx,
        epoch: Epoch,
        record: &Digest,
        mk: &MeetingKey,
    ) -> Option<Wrap> {
        let pair = self.pair(idx)?;
        let own = &self.secrets.as_ref()?.keys;
        let exchange = self.leader.as_mut()?.members.get_mut(&idx)?;
        let mut kem_ct = None;
        if exchange.chain.is_none() {
            let (chain, ct) = PairChain::offer(&pair, own, &exchange.ek).ok()?;
            exchange.chain = Some(chain);
            kem_ct = Some(ct);
        }
        let enc_mk = exchange.chain.as_ref()?.wrap(epoch, record, mk).ok()?;
        Some(Wrap { mid: self.mid, epoch, idx, kem_ct, enc_mk })
    }

    fn pair(&self, idx: MemberIdx) -> Option<Pair> {
        let view = self.view()?;
        let meeting = view.meeting.as_ref()?;
        let leader = &view.members.get(&meeting.leader)?.member;
        let member = &view.members.get(&idx)?.member;
        Some(Pair {
            chain: self.config.chain_id,
            mid: self.mid,
            suite: suite(meeting.suite),
            term: meeting.term,
            leader: party(leader),
            member: party(member),
            idx,
            ek_hash: Digest(member.ek_hash),
        })
    }

    /// Where the others are: all of them, or only those who are new.
    fn book(&self, to: MemberIdx, only: Option<&BTreeSet<MemberIdx>>) -> List<Entry, 256> {
        let Some(leader) = &self.leader else { return List::default() };
        let others = leader.members.iter().map(|(idx, member)| Entry {
            idx: *idx,
            name: member.name.clone(),
            address: member.address.clone(),
        });
        let own = self.me.map(|idx| Entry {
            idx,
            name: self.config.name.clone(),
            address: self.address.clone(),
        });
        let wanted =
            |entry: &Entry| entry.idx != to && only.is_none_or(|only| only.contains(&entry.idx));
        List::new(others.chain(own).filter(wanted).collect::<Vec<_>>()).unwrap_or_default()
    }

    fn keep_and_send(&mut self, idx: MemberIdx, seats: &BTreeMap<MemberIdx, Seat>, bundle: Bundle) {
        let bytes = PeerMessage::Bundle(bundle).to_bytes();
        if let Some(member) = self.leader.as_mut().and_then(|l| l.members.get_mut(&idx)) {
            member.bundle.clone_from(&bytes);
        }
        if let Some(seat) = seats.get(&idx) {
            self.send_bytes(seat.npk, bytes);
        }
    }

    /// Tells those who were removed; their links end with the new roster.
    fn send_away(&mut self, removals: &BTreeMap<MemberIdx, Reason>) {
        for idx in removals.keys() {
            let npk =
                self.view().and_then(|view| view.members.get(idx)).map(|member| member.member.npk);
            if let Some(npk) = npk.filter(|npk| self.index.contains_key(npk)) {
                self.send(npk, &PeerMessage::Bye(Farewell::Removed));
            }
        }
    }

    /// The ledger will not take the pending record: its key is erased and another one made.
    pub(super) fn epoch_refused(&mut self, epoch: Epoch) {
        let Some(leader) = &mut self.leader else { return };
        let Some(pending) = leader.pending.take_if(|pending| pending.epoch == epoch) else {
            return;
        };
        for idx in &pending.fresh {
            if let Some(member) = leader.members.get_mut(idx) {
                member.chain = None;
            }
        }
        leader.soon(self.now.plus(COALESCE));
        // Whoever was to come in is still wanted; the next state of the ledger decides.
        for idx in &pending.added {
            leader.members.remove(idx);
        }
        leader.admits.extend(pending.added);
        leader.knocks.extend(pending.knocks);
        for (idx, reason) in pending.removals {
            leader.removals.entry(idx).or_insert(reason);
        }
        self.epochs.forget(epoch);
        self.push(Output::Refresh);
    }

    fn give_back(&mut self, plan: Plan) {
        if let Some(leader) = &mut self.leader {
            leader.removals.extend(plan.removals);
            leader.admits.extend(plan.added);
            leader.knocks.extend(plan.knocks);
        }
    }

    /// Repeats the newest bundle to a member that linked again and has not acknowledged it.
    pub(super) fn resend_bundle(&mut self, npk: Npk) {
        let Some(idx) = self.member_of(npk) else { return };
        let late = self.epochs.newest().is_some_and(|live| live.unacked.contains(&idx));
        let member = self.leader.as_ref().and_then(|leader| leader.members.get(&idx));
        if let Some(bundle) = member.filter(|_| late).map(|member| member.bundle.clone()) {
            self.send_bytes(npk, bundle);
        }
    }

    fn resend_late(&mut self) {
        let now = self.now;
        let Some(leader) = &mut self.leader else { return };
        if leader.resend_at.is_none_or(|at| at > now) {
            return;
        }
        let late: Vec<(MemberIdx, Npk)> = self.epochs.newest().map_or_else(Vec::new, |live| {
            let late = live.unacked.iter();
            late.filter_map(|idx| Some((*idx, live.roster.get(idx)?.npk))).collect()
        });
        leader.resend_at = (!late.is_empty()).then(|| now.plus(RESEND));
        for (idx, npk) in late {
            let member = self.leader.as_mut().and_then(|leader| leader.members.get_mut(&idx));
            let news = member.is_some_and(|member| !std::mem::replace(&mut member.late, true));
            if news {
                self.event(Event::KeyProblem { idx, problem: KeyProblem::NoAck });
            }
            self.resend_bundle(npk);
        }
    }

    /// A member acknowledged the newest key.
    pub(super) fn member_has_key(&mut self, idx: MemberIdx) {
        let member = self.leader.as_mut().and_then(|leader| leader.members.get_mut(&idx));
        if member.is_some_and(|member| std::mem::take(&mut member.late)) {
            self.event(Event::KeyOk { idx });
        }
    }

    /// Wraps the newest key for a member over a fresh exchange: it lost track of its chain.
    pub(super) fn heal(&mut self, idx: MemberIdx) {
        let now = self.now;
        let Some(leader) = &mut self.leader else { return };
        let Some(member) = leader.members.get_mut(&idx) else { return };
        if member.healed.is_some_and(|at| now.since(at) < HEAL_PAUSE) {
            return;
        }
        member.healed = Some(now);
        let Ok(PeerMessage::Bundle(last)) = PeerMessage::from_bytes(&member.bundle) else { return };
        let Some(live) = self.epochs.newest() else { return };
        let (epoch, digest, is_final) = (live.id.epoch, live.id.record, live.is_final);
        let Some(mk) = MeetingKey::from_slice(live.mk.as_bytes()) else { return };
        let seats = live.roster.clone();
        member.chain = None;
        let Some(wrap) = self.wrap(idx, epoch, &digest, &mk) else { return };
        if is_final
            && let Some(leader) = &mut self.leader
            && let Some(chain) = leader.members.get_mut(&idx).and_then(|m| m.chain.as_mut())
        {
            chain.advance(epoch, &digest);
        }
        let book = self.book(idx, None);
        self.keep_and_send(idx, &seats, Bundle { wrap, book, ..last });
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
        Self {
            ek: knock.ek.clone(),
            name: knock.name.clone(),
            address: knock.address.clone(),
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
