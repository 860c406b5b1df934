//! Who leads next (docs/protocol.md, section 5.4): a member that no longer hears the leader says so
//! to the others, and whose turn it is claims the chair on the ledger; so does whom the leader
//! names, and whom more than half of the users elect.
//!
//! The ledger judges every claim; this room only knows when one would hold. What follows from a
//! claim that is final is in `chair`.

use std::collections::{BTreeMap, BTreeSet};

use conclave_protocol::{
    Context, LeaderReassign, MeetingRecord, MemberIdx, Seconds, Signature, Signer, Term,
    VoteLeader,
    codec::Set,
    meeting::{
        ABSENCE_TTL, Absence, AutoAdmit, MAX_ABSENCES, MeetingPolicy, MemberStatus, Policy,
        Succession, absence_message, electorate, is_majority, line,
    },
    signed,
    tx::Role,
};

use super::{
    Purpose, Session,
    command::CommandError,
    counters::Counters,
    input::MeetingView,
    output::{Event, Output, SubmitId},
    presence::SILENT,
};
use crate::{
    time::Millis,
    wire::{Handover, PeerMessage},
};

/// The word that the leader is silent is given anew this often.
const SAY_EVERY: u64 = 1_000;
/// A claim that is neither final nor refused by then is made again.
const CLAIM_AGAIN: u64 = 5_000;
/// A leader that is heard has this time to renew a lease that ran out, in milliseconds.
const LENIENCE: u64 = 10_000;
/// Statements older than this, in seconds of chain time, might be void when the claim is final.
const USABLE: u64 = ABSENCE_TTL - 2;
/// Statements kept of one member.
const MAX_WORDS: usize = 12;

/// What this device knows about an empty chair.
#[derive(Debug, Default)]
pub(super) struct Vacancy {
    /// Term, epoch and lease that the statements are about.
    basis: Option<(Term, conclave_protocol::Epoch, Seconds)>,
    words: BTreeMap<MemberIdx, Vec<Absence>>,
    said: Option<Millis>,
    claimed: Option<Millis>,
    /// Since when the lease was seen to be over.
    lapsed: Option<Millis>,
    /// Whom the user was told to be silent.
    told: Option<MemberIdx>,
}

impl Vacancy {
    /// A claim of this device was refused: another one may be made.
    pub(super) fn refused(&mut self, now: Millis) {
        self.claimed = Some(now.plus(SAY_EVERY).max(now));
    }
}

impl Session {
    /// After every input: listens for the leader, and claims the chair when it is this device's.
    pub(super) fn watch_chair(&mut self) {
        let Some((meeting, time)) = self.chair_of_others() else { return };
        let basis = (meeting.term, meeting.epoch, meeting.lease_end);
        if self.vacancy.basis.replace(basis) != Some(basis) {
            self.vacancy.words.clear();
            self.vacancy.said = None;
        }
        self.forget_words(time);
        let silent = self.is_leader_silent(&meeting);
        self.tell_silence(silent.then_some(meeting.leader));
        if silent && self.vacancy.said.is_none_or(|at| at.plus(SAY_EVERY) <= self.now) {
            self.vacancy.said = Some(self.now);
            self.say_absent(&meeting, time);
        }
        let led = meeting.is_led_at(&self.config.params, time);
        let lapsed = if led { None } else { self.vacancy.lapsed.or(Some(self.now)) };
        self.vacancy.lapsed = lapsed;
        // Nothing is decided while the ledger stands still; the claim is made as soon as it goes on.
        if self.is_claiming() || self.is_refreshing() || self.is_stalled() {
            return;
        }
        if let Some((rule, absent)) = self.due_claim(&meeting, time, silent) {
            self.claim(&meeting, rule, absent, Vec::new());
        }
    }

    /// Whether a claim of this device is on its way to the ledger.
    pub(super) fn is_claiming(&self) -> bool {
        self.vacancy.claimed.is_some_and(|at| at > self.now)
    }

    /// The moment [`watch_chair`](Self::watch_chair) has something to do without an input.
    pub(super) fn chair_deadline(&self) -> Option<Millis> {
        let (meeting, _) = self.chair_of_others()?;
        let heard = self.presence.heard(meeting.leader)?;
        let silent = heard.plus(SILENT);
        let say = self.vacancy.said.map_or(silent, |said| silent.max(said.plus(SAY_EVERY)));
        let lenient = self.vacancy.lapsed.map(|at| at.plus(LENIENCE)).filter(|at| *at > self.now);
        Some(lenient.map_or(say, |at| at.min(say)))
    }

    /// Meeting and chain time, while this device is a member that another one leads.
    fn chair_of_others(&self) -> Option<(MeetingRecord, Seconds)> {
        let view = self.view()?;
        let me = self.me?;
        let seated = self.guest.is_some() && view.roster.contains(me);
        self.epochs.newest()?;
        seated.then(|| view.meeting.clone().map(|meeting| (meeting, view.time)))?
    }

    fn is_leader_silent(&self, meeting: &MeetingRecord) -> bool {
        let heard = self.presence.heard(meeting.leader);
        heard.is_some_and(|at| self.now.since(at) >= SILENT)
    }

    fn tell_silence(&mut self, silent: Option<MemberIdx>) {
        let told = std::mem::replace(&mut self.vacancy.told, silent);
        match silent {
            Some(idx) if told != Some(idx) => self.event(Event::LeaderSilent { idx }),
            _ => {}
        }
    }

    /// Tells all members that this device does not hear the leader.
    fn say_absent(&mut self, meeting: &MeetingRecord, at: Seconds) {
        let (Some(idx), Some(secrets)) = (self.me, &self.secrets) else { return };
        if meeting.policy.rules() & Policy::TIME == 0 {
            return;
        }
        let message = absence_message(&self.mid, meeting, idx, at);
        let sig = secrets.nsk.sign(Context::Absent, &self.config.chain_id, &message);
        let absence = Absence { idx, at, sig };
        self.keep(absence);
        self.broadcast(&PeerMessage::Absent(absence));
    }

    /// Takes the word of a member that it does not hear the leader.
    pub(super) fn absent(&mut self, npk: conclave_protocol::Npk, idx: MemberIdx, said: Absence) {
        let Some((meeting, time)) = self.chair_of_others() else { return };
        let message = absence_message(&self.mid, &meeting, idx, said.at);
        let chain = &self.config.chain_id;
        let holds = said.idx == idx
            && said.at.0 <= time.0.saturating_add(ABSENCE_TTL)
            && signed::verify(npk, Context::Absent, chain, &message, &said.sig).is_ok();
        // One about another block than this device knows is no lie; the next one comes in a second.
        if holds {
            self.keep(said);
        }
    }

    fn keep(&mut self, absence: Absence) {
        let words = self.vacancy.words.entry(absence.idx).or_default();
        if words.iter().all(|word| word.at != absence.at) {
            words.push(absence);
        }
        if words.len() > MAX_WORDS {
            words.remove(0);
        }
    }

    fn forget_words(&mut self, now: Seconds) {
        self.vacancy.words.retain(|_, words| {
            words.retain(|word| now.since(word.at) <= USABLE);
            !words.is_empty()
        });
    }

    /// By which rule this device may take the chair now, and with whose word.
    fn due_claim(
        &self,
        meeting: &MeetingRecord,
        time: Seconds,
        silent: bool,
    ) -> Option<(Succession, Vec<Absence>)> {
        let (view, me) = (self.view()?, self.me?);
        let rules = meeting.policy.rules();
        if rules & Policy::VOTE != 0 && is_elected(view, meeting, me, &self.config.params) {
            return Some((Succession::Vote, Vec::new()));
        }
        let rank = ranks(view, meeting).iter().position(|idx| *idx == me)?;
        let stagger = u64::from(self.config.params.stagger);
        let patience = u64::try_from(rank).ok()?.saturating_mul(stagger);
        if rules & Policy::TIME == 0 {
            return None;
        }
        if !meeting.is_led_at(&self.config.params, time) {
            let end = meeting.effective_lease_end(&self.config.params).next();
            let base = meeting.gone_at.unwrap_or(end);
            let lenient = self.vacancy.lapsed.is_some_and(|at| at.plus(LENIENCE) > self.now);
            let leaves = meeting.gone_at.is_some() || silent || !lenient;
            return (leaves && time >= base.plus(patience)).then(|| (Succession::Time, Vec::new()));
        }
        if !silent {
            return None;
        }
        let absent = self.certificate(view, time)?;
        let since = absent.iter().map(|word| word.at).min()?;
        (time >= since.plus(patience)).then_some((Succession::Time, absent))
    }

    /// Statements of more than half of the users, the oldest that still hold.
    fn certificate(&self, view: &MeetingView, now: Seconds) -> Option<Vec<Absence>> {
        let voices = electorate(&view.roster, members(view));
        let mut users = BTreeSet::new();
        let mut absent = Vec::new();
        for (idx, words) in &self.vacancy.words {
            let member = &view.members.get(idx)?.member;
            let is_in = view.roster.contains(*idx) && member.status == MemberStatus::Admitted;
            let oldest = words.iter().filter(|word| word.at <= now).min_by_key(|word| word.at);
            if let Some(word) = oldest.filter(|_| is_in)
                && absent.len() < MAX_ABSENCES
                && users.insert(member.user)
            {
                absent.push(*word);
            }
        }
        is_majority(users.len(), voices.len()).then_some(absent)
    }

    /// Puts equation 20 on the ledger.
    fn claim(
        &mut self,
        meeting: &MeetingRecord,
        rule: Succession,
        absent: Vec<Absence>,
        others: Vec<(Role, Signature)>,
    ) {
        let Some(body) = self.claim_body(meeting, rule, absent, self.me) else { return };
        self.vacancy.claimed = Some(self.now.plus(CLAIM_AGAIN));
        let id = SubmitId(self.last_submit.saturating_add(1));
        self.last_submit = id.0;
        self.submits.insert(id, Purpose::Reassign);
        self.push(Output::Submit { id, body: body.into(), others });
    }

    /// The claim of the member under `idx`, with the keys it has.
    fn claim_body(
        &self,
        meeting: &MeetingRecord,
        rule: Succession,
        absent: Vec<Absence>,
        idx: Option<MemberIdx>,
    ) -> Option<LeaderReassign> {
        let (view, idx) = (self.view()?, idx?);
        let seat = view.members.get(&idx)?;
        Some(LeaderReassign {
            mid: self.mid,
            term: meeting.term,
            rule,
            prev_ivk: view.members.get(&meeting.leader)?.member.ivk,
            idx,
            ivk: seat.device.as_ref()?.ivk,
            epk: seat.member.epk,
            absent: Set::new(absent).ok()?,
        })
    }

    /// As leader: hands the chair to a member (equation 21).
    pub(super) fn appoint(&mut self, idx: MemberIdx) -> Result<(), CommandError> {
        if self.leader.is_none() {
            return Err(CommandError::NotLeader);
        }
        let meeting = self.view().and_then(|view| view.meeting.clone());
        let meeting = meeting.ok_or(CommandError::NoKey)?;
        self.allows(&meeting, Policy::APPOINT)?;
        let others = self.me != Some(idx) && self.roster().contains(&idx);
        let view = self.view().filter(|_| others).ok_or(CommandError::NoSuchMember)?;
        let npk = view.members.get(&idx).map(|seat| seat.member.npk);
        let npk = npk.ok_or(CommandError::NoSuchMember)?;
        let body = self.claim_body(&meeting, Succession::Appoint, Vec::new(), Some(idx));
        let message = body.ok_or(CommandError::NoSuchMember)?.handover_message();
        let sig = self.config.signer.sign(Context::Handover, &self.config.chain_id, &message);
        let handover = Handover { term: meeting.term, sig };
        if !self.send(npk, &PeerMessage::Handover(handover)) {
            return Err(CommandError::NotLinked);
        }
        self.chair.appointed(idx, self.now);
        Ok(())
    }

    /// Takes the chair that the leader hands over.
    pub(super) fn handed(&mut self, from: MemberIdx, handover: &Handover) {
        let Some((meeting, _)) = self.chair_of_others() else { return };
        let body = self.claim_body(&meeting, Succession::Appoint, Vec::new(), self.me);
        let leader = self.view().and_then(|view| view.members.get(&meeting.leader));
        let ivk = leader.and_then(|leader| leader.device.as_ref()).map(|device| device.ivk);
        let chain = &self.config.chain_id;
        // The leader's word is about keys that are about to change; it says it again.
        if self.is_refreshing() {
            return;
        }
        let right = from == meeting.leader && handover.term == meeting.term;
        let holds = body.zip(ivk).filter(|_| right).is_some_and(|(body, ivk)| {
            let message = body.handover_message();
            signed::verify(ivk, Context::Handover, chain, &message, &handover.sig).is_ok()
        });
        if holds {
            let word = vec![(Role::Handover, handover.sig)];
            self.claim(&meeting, Succession::Appoint, Vec::new(), word);
        } else {
            Counters::count(&mut self.counters.bad_messages);
        }
    }

    /// Votes for whoever should lead.
    pub(super) fn vote(&mut self, candidate: MemberIdx) -> Result<(), CommandError> {
        let (Some(view), Some(idx)) = (self.view(), self.me) else {
            return Err(CommandError::NoKey);
        };
        let meeting = view.meeting.clone().ok_or(CommandError::NoKey)?;
        let seated = view.roster.contains(idx);
        self.allows(&meeting, Policy::VOTE)?;
        let known = self.view().is_some_and(|view| ranks(view, &meeting).contains(&candidate));
        if !seated || !known {
            return Err(CommandError::NoSuchMember);
        }
        let vote = VoteLeader { mid: self.mid, term: meeting.term, idx, candidate };
        self.submit(Purpose::Vote, vote);
        Ok(())
    }

    /// As leader: lets nobody ask any more, or lets them again.
    pub(super) fn lock(&mut self, locked: bool) -> Result<(), CommandError> {
        self.set_door(|door| door.locked = locked)
    }

    /// As leader: lets in whoever shows the invite, or nobody by itself.
    pub(super) fn auto_admit(&mut self, invited: bool) -> Result<(), CommandError> {
        let rule = if invited { AutoAdmit::Invited } else { AutoAdmit::Never };
        self.set_door(|door| door.auto_admit = rule)
    }

    fn set_door(&mut self, change: impl FnOnce(&mut MeetingPolicy)) -> Result<(), CommandError> {
        if self.leader.is_none() {
            return Err(CommandError::NotLeader);
        }
        let meeting = self.view().and_then(|view| view.meeting.as_ref());
        let meeting = meeting.ok_or(CommandError::NoKey)?;
        let Policy { auto_admit, locked, .. } = meeting.policy;
        let mut door = MeetingPolicy { mid: self.mid, term: meeting.term, auto_admit, locked };
        change(&mut door);
        self.submit(Purpose::Door, door);
        Ok(())
    }

    fn allows(&self, meeting: &MeetingRecord, rule: u8) -> Result<(), CommandError> {
        let allowed = meeting.policy.rules() & rule != 0;
        if allowed { Ok(()) } else { Err(CommandError::RuleNotAllowed) }
    }
}

/// Everyone who could lead in place of the leader, in the order of their turn.
pub(super) fn ranks(view: &MeetingView, meeting: &MeetingRecord) -> Vec<MemberIdx> {
    let active = view.members.iter().filter(|(_, seat)| {
        seat.device.as_ref().is_some_and(conclave_protocol::DeviceRecord::is_active)
    });
    let active = active.map(|(idx, seat)| (*idx, &seat.member));
    line(meeting.leader, &view.roster, active, |_| true)
}

/// Whether more than half of the users want `candidate`.
fn is_elected(
    view: &MeetingView,
    meeting: &MeetingRecord,
    candidate: MemberIdx,
    params: &conclave_protocol::Params,
) -> bool {
    let voices = electorate(&view.roster, members(view));
    let votes = view.votes.iter().filter(|(user, vote)| {
        voices.contains(user)
            && vote.candidate == candidate
            && vote.counts(meeting, params.vote_window, view.time)
    });
    is_majority(votes.count(), voices.len())
}

fn members(
    view: &MeetingView,
) -> impl Iterator<Item = (MemberIdx, &conclave_protocol::MemberRecord)> {
    view.members.iter().map(|(idx, seat)| (*idx, &seat.member))
}
