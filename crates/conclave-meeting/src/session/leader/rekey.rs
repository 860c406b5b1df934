//! The next epoch: who is in, a new key, and a record that says so.

use std::collections::{BTreeMap, BTreeSet};

use conclave_protocol::{
    Context, Digest, Epoch, EpochRecord, MemberIdx, Npk, UserId,
    codec::Set,
    encode,
    meeting::{MemberStatus, Reason, Removal, Roster, roster_hash},
};
use rand_core::CryptoRng;

use super::{Exchange, Leader, Pending, RESEND, gone};
use crate::{
    exchange::PairChain,
    key::{Commitment, MeetingKey},
    session::{Purpose, Session, epochs::Seat, input::MeetingView, output::Event},
    wire::{Bundle, Farewell, Knock, PeerMessage, Wrap},
};

/// Who is in after the next record, and why others are not.
pub(super) struct Plan {
    roster: BTreeSet<MemberIdx>,
    added: BTreeSet<MemberIdx>,
    removals: BTreeMap<MemberIdx, Reason>,
    knocks: BTreeMap<MemberIdx, (Npk, Knock)>,
}

impl Session {
    /// Who is in next, or nothing if nothing changes.
    ///
    /// While the ledger stands still nobody comes in, for an identity cannot be checked, and none
    /// while it does not take the record before. Whom the roster has no room for waits in line.
    pub(super) fn plan(&mut self, forced: bool) -> Option<Plan> {
        let waits = self.is_stalled() || self.leader.as_ref().is_some_and(Leader::is_refused);
        let (_, view) = self.view.as_ref()?;
        let leader = self.leader.as_mut()?;
        let roster = leader.newest_roster().clone();
        let is_member = |idx: &MemberIdx| roster.contains(idx);
        let mut removals: BTreeMap<MemberIdx, Reason> =
            roster.iter().filter_map(|idx| gone(view, *idx).map(|reason| (*idx, reason))).collect();
        for (idx, reason) in &leader.removals {
            let asks = view
                .members
                .get(idx)
                .and_then(|asker| asker.member.status_at(&self.config.params, view.time))
                == Some(MemberStatus::Requested);
            if is_member(idx) || asks {
                removals.entry(*idx).or_insert(*reason);
            }
        }
        let banned = ban_people(&mut removals, &roster, view, self.config.user);
        let stay = roster.iter().copied().filter(|idx| !removals.contains_key(idx));
        let stay: BTreeSet<MemberIdx> = stay.collect();
        let room = usize::from(self.config.params.max_members).saturating_sub(stay.len());
        let ready = |idx: &MemberIdx| leader.told.get(idx).is_some_and(|knocker| knocker.ready);
        let added: BTreeSet<MemberIdx> = leader
            .admits
            .iter()
            .copied()
            .filter(|idx| !waits && ready(idx))
            .filter(|idx| !is_member(idx) && !removals.contains_key(idx))
            .filter(|idx| user_of(view, *idx).is_none_or(|user| !banned.contains(&user)))
            .take(room)
            .collect();
        if added.is_empty() && removals.is_empty() && !forced {
            return None;
        }
        let roster: BTreeSet<MemberIdx> = stay.union(&added).copied().collect();
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
        let rekey = u64::from(self.config.params.rekey_max).saturating_mul(1_000);
        leader.rekey_at = Some(self.now.plus(rekey));
        Some(Plan { roster, added, removals, knocks })
    }

    /// Makes record, key and wraps of the next epoch; submits, sends and installs them.
    pub(super) fn make_epoch(&mut self, plan: Plan, rng: &mut dyn CryptoRng) {
        let mk = MeetingKey::generate(rng);
        self.step_past_last();
        let Some((record, seats)) = self.record(&plan, &mk) else {
            self.give_back(plan);
            return;
        };
        let digest = record.digest();
        let signature =
            self.config.signer.sign(Context::Epoch, &self.config.chain_id, &encode(&record));
        let first = self.leader.as_ref().is_some_and(|leader| leader.pending.is_empty());
        let id = first.then(|| self.submit(Purpose::Epoch(record.epoch), record.clone()));
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
            leader.signed = Some((record.clone(), signature));
            leader.resend_at = Some(self.now.plus(RESEND));
            let (stepped, record) = (false, record.clone());
            leader.pending.push_back(Pending {
                id,
                record,
                digest,
                stepped,
                roster,
                fresh,
                added,
                removals,
                knocks,
            });
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
        let last = self.leader.as_ref()?.pending.back();
        let (epoch, prev) = last.map_or((meeting.epoch, meeting.last_rec), |pending| {
            (pending.record.epoch, pending.digest)
        });
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
            epoch: epoch.next(),
            roster_hash: roster_hash(members),
            prev,
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
    pub(super) fn wrap(
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
            // Its new keys are final and its card is on the way: the exchange waits for it.
            if exchange.ek.hash() != pair.ek_hash {
                return None;
            }
            let (chain, ct) = PairChain::offer(&pair, own, &exchange.ek).ok()?;
            exchange.chain = Some(chain);
            kem_ct = Some(ct);
        }
        let enc_mk = exchange.chain.as_mut()?.wrap(epoch, record, mk).ok()?;
        Some(Wrap { mid: self.mid, epoch, idx, kem_ct, enc_mk })
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

    /// A provisional record follows one that is not final: both ends step past that one first.
    fn step_past_last(&mut self) {
        let (Some(me), Some(leader)) = (self.me, &mut self.leader) else { return };
        let Some(last) = leader.pending.back_mut().filter(|last| !last.stepped) else { return };
        last.stepped = true;
        let (record, digest) = (last.record.clone(), last.digest);
        leader.step(&record, &digest, me);
    }

    fn give_back(&mut self, plan: Plan) {
        if let Some(leader) = &mut self.leader {
            leader.removals.extend(plan.removals);
            leader.admits.extend(plan.added);
            leader.knocks.extend(plan.knocks);
        }
    }
}

/// A ban is of a person: with one device of theirs all go that are in, for the ledger takes no roster
/// with somebody whom its own record bans. Whoever leads bans nobody they are themselves; such a
/// device is only thrown out. Returns who is banned.
fn ban_people(
    removals: &mut BTreeMap<MemberIdx, Reason>,
    roster: &BTreeSet<MemberIdx>,
    view: &MeetingView,
    own: UserId,
) -> BTreeSet<UserId> {
    let mut banned = BTreeSet::new();
    for (idx, reason) in removals.iter_mut().filter(|(_, reason)| **reason == Reason::Banned) {
        match user_of(view, *idx) {
            Some(user) if user == own => *reason = Reason::Kicked,
            user => banned.extend(user),
        }
    }
    for idx in roster {
        if user_of(view, *idx).is_some_and(|user| banned.contains(&user)) {
            removals.entry(*idx).or_insert(Reason::Banned);
        }
    }
    banned
}

fn user_of(view: &MeetingView, idx: MemberIdx) -> Option<UserId> {
    view.members.get(&idx).map(|seat| seat.member.user)
}
