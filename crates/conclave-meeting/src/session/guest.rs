//! What only a guest or member does: ask, knock, take keys from the leader.

use std::collections::BTreeMap;

use conclave_protocol::{
    Context, Digest, Epoch, Height, MeetingRequest, MemberIdx, Npk, Signature,
    meeting::{MemberStatus, Reason},
};

use super::{
    Purpose, Session,
    counters::Counters,
    epochs::Seat,
    judge::{Verdict, is_gone},
    output::{Alarm, Ending, Event, KeyProblem, Output},
};
use crate::{
    evidence::SignedRecord,
    exchange::PairChain,
    key::MeetingKey,
    time::Millis,
    wire::{Address, Bundle, Knock, PeerMessage},
};

/// A member that lacks the key of a final epoch asks after this time, and then again.
const FIRST_ASK: u64 = 300;
const ASK_AGAIN: u64 = 1_000;
/// A guest that waits before the door knocks again after this time.
const KNOCK_AGAIN: u64 = 2_000;

/// The state of a guest.
pub(super) struct Guest {
    /// Members that the invite names.
    pub(super) nodes: Vec<(Npk, Address)>,
    requested: bool,
    /// Key shared with the leader; stepped when its record is final.
    pub(super) chain: Option<PairChain>,
    /// The record the chain was last used for and not yet stepped past.
    pub(super) unstepped: Option<(Epoch, Digest)>,
    /// A bundle that needs a newer view of the ledger.
    waiting: Option<(Npk, Bundle)>,
    /// A record whose members' keys are not those of the ledger, and the height at which that was
    /// noticed.
    pub(super) odd: Option<(Digest, Height)>,
    pub(super) ask_at: Option<Millis>,
    /// When it knocked last.
    knocked: Option<Millis>,
}

impl Guest {
    pub(super) const fn new(nodes: Vec<(Npk, Address)>) -> Self {
        Self {
            nodes,
            requested: false,
            chain: None,
            unstepped: None,
            waiting: None,
            odd: None,
            ask_at: None,
            knocked: None,
        }
    }

    /// A member whose request was answered long ago.
    pub(super) fn asked() -> Self {
        let mut guest = Self::new(Vec::new());
        guest.requested = true;
        guest
    }

    /// The leader is another one: nothing is shared with it yet.
    pub(super) fn part(&mut self) {
        self.chain = None;
        self.unstepped = None;
    }

    pub(super) const fn deadline(&self) -> Option<Millis> {
        self.ask_at
    }

    pub(super) fn step(&mut self, record: &Digest) {
        if let Some((epoch, own)) = self.unstepped.filter(|(_, own)| own == record) {
            if let Some(chain) = &mut self.chain {
                chain.advance(epoch, &own);
            }
            self.unstepped = None;
        }
    }
}

impl Session {
    /// Whether somebody was told where this device is, that it may come in.
    pub(super) fn has_knocked(&self) -> bool {
        self.guest.as_ref().is_some_and(|guest| guest.knocked.is_some())
    }

    /// Takes a newer state of the ledger as guest or member.
    pub(super) fn guest_ledger(&mut self) {
        let Some(view) = self.view() else { return };
        let own = view
            .members
            .iter()
            .find(|(_, other)| other.member.npk == self.npk && other.member.dev == self.config.dev);
        let Some((idx, status)) =
            own.map(|(idx, own)| (*idx, own.member.status_at(&self.config.params, view.time)))
        else {
            self.request();
            return;
        };
        if self.me.is_none() {
            self.me = Some(idx);
            self.event(Event::Requested { idx });
            self.learn_leader();
        }
        match status {
            None => self.end(Ending::Failed("the request was not answered in time".to_owned())),
            Some(MemberStatus::Left) => self.end(Ending::Left),
            Some(MemberStatus::Removed(_)) if self.epochs.newest().is_none() => {
                self.end(Ending::Denied);
            }
            Some(MemberStatus::Removed(Reason::TimedOut)) => self.end(Ending::TimedOut),
            Some(MemberStatus::Removed(_)) => self.end(Ending::Removed),
            Some(MemberStatus::Admitted) => self.follow_ledger(),
            Some(MemberStatus::Requested) => self.knock_again(),
        }
        if let Some((npk, bundle)) = self.guest.as_mut().and_then(|guest| guest.waiting.take()) {
            self.weigh(npk, bundle, false);
        }
    }

    /// Puts the request of equation 9 on the ledger, once.
    fn request(&mut self) {
        let term = self.view().and_then(|view| Some(view.meeting.as_ref()?.term));
        let (Some(term), Some(secrets), Some(guest)) =
            (term, self.secrets.as_ref(), self.guest.as_mut())
        else {
            return;
        };
        if guest.requested {
            return;
        }
        guest.requested = true;
        let request = MeetingRequest {
            mid: self.mid,
            user: self.config.user,
            dev: self.config.dev,
            ivk: self.config.signer.ivk(),
            epk: secrets.keys.epk(),
            ek_hash: secrets.keys.ek().hash().0,
            npk: self.npk,
            term,
        };
        self.submit(Purpose::Request, request);
    }

    /// Says who this is to the leader, as soon as it is linked and no key is here yet; to another
    /// member that the invite names as well, for it knows where the leader is.
    pub(super) fn knock(&mut self, npk: Npk) {
        let leads = self.leader_npk() == Some(npk);
        let sent = (leads || self.is_named(npk)) && self.send_knock(npk);
        if sent && leads {
            self.event(Event::Waiting);
        }
    }

    /// Says it again now and then, to the leader or to those who know where it is: strangers may have
    /// held the place when it was said, or whoever heard it did not see the request yet.
    fn knock_again(&mut self) {
        let last = self.guest.as_ref().and_then(|guest| guest.knocked);
        let due = last.is_some_and(|at| self.now.since(at) >= KNOCK_AGAIN);
        if due {
            for npk in self.doors() {
                self.send_knock(npk);
            }
        }
    }

    fn send_knock(&mut self, leader: Npk) -> bool {
        let (None, Some(idx)) = (self.epochs.newest(), self.me) else { return false };
        let Some(knock) = self.guest.as_ref().and_then(|_| self.make_knock(idx)) else {
            return false;
        };
        self.show_bearer(leader);
        let sent = self.send(leader, &PeerMessage::Knock(knock));
        if let Some(guest) = self.guest.as_mut().filter(|_| sent) {
            guest.knocked = Some(self.now);
        }
        sent
    }

    fn make_knock(&self, idx: MemberIdx) -> Option<Knock> {
        let secrets = self.secrets.as_ref()?;
        let own = &self.view()?.members.get(&idx)?.member;
        let request = MeetingRequest {
            mid: self.mid,
            user: own.user,
            dev: own.dev,
            ivk: own.ivk,
            epk: own.epk,
            ek_hash: own.ek_hash,
            npk: own.npk,
            term: own.term,
        };
        let tag = self.invite.tag(&self.mid, &own.dev, &own.epk, &own.npk);
        let mut knock = Knock {
            idx,
            ek: secrets.keys.ek().clone(),
            invite: tag,
            name: self.config.name.clone(),
            opening: self.config.opening.clone(),
            address: self.address.clone(),
            sig: Signature::Ed25519([0; 64]),
        };
        let body = knock.body(&request);
        knock.sig = self.config.signer.sign(Context::Knock, &self.config.chain_id, &body);
        Some(knock)
    }

    /// Compares the newest final record with the one whose key is here.
    fn follow_ledger(&mut self) {
        let Some(meeting) = self.view().and_then(|view| view.meeting.clone()) else { return };
        let height = self.view().map(|view| view.height).unwrap_or_default();
        let held = self.held(&meeting).map(|live| live.id.epoch);
        let epoch = meeting.epoch;
        match held {
            Some(newest) if newest >= epoch && self.is_astray(&meeting) => {
                let void = self.is_void(epoch);
                self.epochs.forget_from(epoch, self.now);
                if !void {
                    self.event(Event::Alarm(Alarm::LeaderEquivocated(epoch)));
                }
                self.lack_key();
            }
            Some(newest) if newest >= epoch => {}
            _ => self.lack_key(),
        }
        if let Some(epoch) = self.epochs.confirm(&meeting.last_rec) {
            if let Some(guest) = &mut self.guest {
                guest.step(&meeting.last_rec);
            }
            self.event(Event::EpochFinal { epoch, height });
        }
    }

    /// Notes that the key of a final epoch is missing; the leader is asked in a moment.
    fn lack_key(&mut self) {
        let at = self.now.plus(FIRST_ASK);
        if let Some(guest) = self.guest.as_mut().filter(|guest| guest.ask_at.is_none()) {
            guest.ask_at = Some(at);
            let idx = self.me.unwrap_or_default();
            self.event(Event::KeyProblem { idx, problem: KeyProblem::NoKey });
        }
    }

    /// What a guest does when time passes: ask again for a key that did not come.
    pub(super) fn guest_on(&mut self) {
        let now = self.now;
        let Some(guest) = &mut self.guest else { return };
        if guest.ask_at.is_none_or(|at| at > now) {
            return;
        }
        guest.ask_at = Some(now.plus(ASK_AGAIN));
        let epoch = self.view().and_then(|view| view.meeting.as_ref()).map(|m| m.epoch);
        if let (Some(epoch), Some(npk)) = (epoch, self.leader_npk()) {
            // Who came to lead while this device had no key was never given what it needs to wrap one.
            if let Some(card) = self.own_card() {
                self.send(npk, &PeerMessage::Card(card));
            }
            self.send(npk, &PeerMessage::RecordRequest(epoch));
        }
        self.push(Output::Refresh);
    }

    /// Takes record and key of an epoch from the leader.
    pub(super) fn bundle(&mut self, npk: Npk, bundle: Bundle) {
        if self.guest.is_none() {
            // A leader that was overtaken learns it from the ledger.
            if self.member_of(npk).is_some() {
                self.push(Output::Refresh);
            }
            Counters::count(&mut self.counters.bad_messages);
            return;
        }
        self.weigh(npk, bundle, true);
    }

    fn weigh(&mut self, npk: Npk, bundle: Bundle, first: bool) {
        let verdict = self.judge(npk, &bundle);
        if !matches!(verdict, Verdict::Refuse | Verdict::Wait) {
            self.note_record(SignedRecord { record: bundle.record.clone(), sig: bundle.sig });
        }
        match verdict {
            Verdict::Accept(mk, seats, chain) => self.accept(&bundle, mk, seats, chain),
            Verdict::Ignore => {}
            Verdict::Raise(alarm) => self.event(Event::Alarm(alarm)),
            Verdict::Refuse => Counters::count(&mut self.counters.bad_messages),
            Verdict::Wait => {
                if let Some(guest) = &mut self.guest {
                    guest.waiting = Some((npk, bundle));
                    if first {
                        self.push(Output::Refresh);
                    }
                }
            }
        }
    }

    fn accept(
        &mut self,
        bundle: &Bundle,
        mk: MeetingKey,
        seats: BTreeMap<MemberIdx, Seat>,
        fresh: Option<PairChain>,
    ) {
        let record = &bundle.record;
        let digest = record.digest();
        let again = self.epochs.newest().is_some_and(|live| live.id.record == digest);
        let Some(guest) = &mut self.guest else { return };
        if again && fresh.is_none() {
            self.acknowledge();
            return;
        }
        if fresh.is_some() {
            guest.chain = fresh;
            self.refresh.used(self.now);
        }
        guest.unstepped = Some((record.epoch, digest));
        let asked = guest.ask_at.take().is_some();
        for entry in &bundle.book {
            if Some(entry.idx) == self.me {
                continue;
            }
            self.names.insert(entry.idx, entry.name.clone());
            if let Some(npk) = seats.get(&entry.idx).map(|seat| seat.npk)
                && let Some(peer) = self.peer(npk)
            {
                peer.address = Some(entry.address.clone());
            }
        }
        if !again {
            // The leader did not know yet that somebody went or has other keys: the ledger refuses
            // such a record. It is heard under, but nothing is encrypted to whoever went.
            let gone = self.view().is_some_and(|view| {
                seats.keys().any(|idx| view.members.get(idx).is_some_and(is_gone))
            });
            let mute = gone || self.is_outdated(record);
            self.install(record, mk, seats);
            if mute {
                self.epochs.mute(digest);
            }
            self.follow_ledger();
        }
        self.acknowledge();
        if let Some(idx) = self.me.filter(|_| asked) {
            self.event(Event::KeyOk { idx });
        }
    }
}
