//! The codes people compare: security code, epoch code, and the short code by commit and reveal.
//!
//! Nobody can grind the short code: a member shows its nonce only when it holds the commitments of
//! all, and a nonce that does not open its commitment is refused and its owner named.

use std::collections::{BTreeMap, BTreeSet};

use conclave_protocol::{
    Digest, Epoch, MemberIdx, Npk,
    code::{self, Emoji, SecurityCode, nonce_commitment, short_code},
};
use rand_core::CryptoRng;

use super::{
    Session,
    counters::Counters,
    output::{Alarm, Event},
};
use crate::{
    time::Millis,
    wire::{CodeCommit, CodeReveal, PeerMessage},
};

/// Who has not committed or revealed after this time is named.
const PATIENCE: u64 = 5_000;

/// What people compare to know that they are in the same meeting.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Codes {
    /// 40 digits; the same for as long as one leader leads.
    pub security: String,
    /// 30 digits of the newest final epoch, if its key is here.
    pub epoch: Option<(Epoch, String)>,
    /// Four pictures of the newest final epoch.
    pub short: ShortCode,
}

/// How far the short code is.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum ShortCode {
    /// There is nobody to compare with, or the ledger has not confirmed the epoch.
    #[default]
    None,
    /// These have not done their part.
    Pending(Epoch, BTreeSet<MemberIdx>),
    /// All parts are here and hold.
    Shown(Epoch, Vec<Emoji>),
}

/// The round of the newest final epoch, and what came before it began.
#[derive(Default)]
pub(super) struct Rounds {
    round: Option<Round>,
    early: BTreeMap<MemberIdx, CodeCommit>,
}

struct Round {
    epoch: Epoch,
    record: Digest,
    roster: BTreeSet<MemberIdx>,
    own: CodeCommit,
    nonce: [u8; 32],
    commits: BTreeMap<MemberIdx, Digest>,
    /// Nonces that open their commitments; the own one once it was shown.
    nonces: BTreeMap<MemberIdx, [u8; 32]>,
    due: Option<Millis>,
    shown: Vec<Emoji>,
}

impl Rounds {
    pub(super) fn deadline(&self) -> Option<Millis> {
        self.round.as_ref().and_then(|round| round.due)
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

impl Round {
    fn waiting(&self) -> BTreeSet<MemberIdx> {
        let held = |idx: &&MemberIdx| {
            if self.is_committed() {
                self.nonces.contains_key(idx)
            } else {
                self.commits.contains_key(idx)
            }
        };
        self.roster.iter().filter(|idx| !held(idx)).copied().collect()
    }

    fn is_committed(&self) -> bool {
        self.roster.iter().all(|idx| self.commits.contains_key(idx))
    }

    const fn reveal(&self) -> CodeReveal {
        CodeReveal { epoch: self.epoch, record: self.record, nonce: self.nonce }
    }
}

impl Session {
    /// The codes of this meeting; `validators` is the hash of the validator set of the newest
    /// header. Nothing before the ledger has the meeting.
    #[must_use]
    pub fn codes(&self, validators: Digest) -> Option<Codes> {
        let view = self.view()?;
        let meeting = view.meeting.as_ref()?;
        let leader = &view.members.get(&meeting.leader)?.member;
        let security = SecurityCode {
            chain_id: self.config.chain_id,
            validators,
            mid: self.mid,
            term: meeting.term,
            leader: leader.user,
            ivk: leader.ivk,
            epk: leader.epk,
            block: code::place(&meeting.published),
        };
        let short = match &self.rounds.round {
            Some(round) if round.shown.is_empty() => {
                ShortCode::Pending(round.epoch, round.waiting())
            }
            Some(round) => ShortCode::Shown(round.epoch, round.shown.clone()),
            None => ShortCode::None,
        };
        Some(Codes { security: security.digits(), epoch: self.epoch_code(), short })
    }

    fn epoch_code(&self) -> Option<(Epoch, String)> {
        let view = self.view()?;
        let meeting = view.meeting.as_ref()?;
        let live = self.epochs.iter().find(|live| live.id.record == meeting.last_rec)?;
        let hash = &live.roster_hash;
        let digits = code::epoch_digits(hash, &meeting.mk_commit, &live.mk.code_part());
        Some((live.id.epoch, digits))
    }

    /// Begins the round of a new final epoch, and names who lets the others wait.
    pub(super) fn compare(&mut self, rng: &mut dyn CryptoRng) {
        let newest = self.epochs.newest().filter(|live| live.is_final);
        let held = self.rounds.round.as_ref().map(|round| round.record);
        if held != newest.map(|live| live.id.record) {
            self.rounds.round = None;
            self.begin_round(rng);
        }
        let now = self.now;
        let Some(round) = &mut self.rounds.round else { return };
        if round.due.take_if(|due| *due <= now).is_some() {
            let epoch = round.epoch;
            for idx in round.waiting() {
                self.event(Event::CodeLate { idx, epoch });
            }
        }
    }

    fn begin_round(&mut self, rng: &mut dyn CryptoRng) {
        let Some(live) = self.epochs.newest().filter(|live| live.is_final) else { return };
        let (Some(me), Some(secrets)) = (self.me, self.secrets.as_ref()) else { return };
        let (epoch, record) = (live.id.epoch, live.id.record);
        let roster: BTreeSet<MemberIdx> = live.roster.keys().copied().collect();
        if roster.len() < 2 || !roster.contains(&me) {
            return;
        }
        let mut nonce = [0; 32];
        rng.fill_bytes(&mut nonce);
        let hash = nonce_commitment(&self.mid, epoch, &record, me, &nonce);
        let chain = &self.config.chain_id;
        let own = CodeCommit::new(chain, &self.mid, me, (epoch, record), hash, &secrets.nsk);
        let early = std::mem::take(&mut self.rounds.early);
        self.rounds.round = Some(Round {
            epoch,
            record,
            commits: BTreeMap::from([(me, hash)]),
            roster,
            own,
            nonce,
            nonces: BTreeMap::new(),
            due: Some(self.now.plus(PATIENCE)),
            shown: Vec::new(),
        });
        self.broadcast(&PeerMessage::CodeCommit(own));
        for (idx, commit) in early {
            self.take_commit(idx, &commit);
        }
        self.reveal();
    }

    /// Takes the commitment of a member.
    pub(super) fn code_commit(&mut self, npk: Npk, idx: MemberIdx, commit: CodeCommit) {
        if commit.verify(&self.config.chain_id, &self.mid, idx, npk).is_err() {
            Counters::count(&mut self.counters.bad_messages);
            return;
        }
        if self.rounds.round.as_ref().is_none_or(|round| round.record != commit.record) {
            // One per member: the roster bounds it.
            let known = &self.index;
            self.rounds.early.retain(|idx, _| known.values().any(|member| member == idx));
            self.rounds.early.insert(idx, commit);
            return;
        }
        if self.take_commit(idx, &commit) {
            self.answer_commit(npk);
            self.reveal();
        }
    }

    /// Returns whether it is the first one of this member in this round.
    fn take_commit(&mut self, idx: MemberIdx, commit: &CodeCommit) -> bool {
        let Some(round) = &mut self.rounds.round else { return false };
        if round.record != commit.record || !round.roster.contains(&idx) {
            return false;
        }
        match round.commits.get(&idx) {
            None => {
                round.commits.insert(idx, commit.hash);
                true
            }
            Some(hash) if *hash == commit.hash => false,
            Some(_) => {
                self.event(Event::Alarm(Alarm::CodeBroken(idx, commit.epoch)));
                false
            }
        }
    }

    /// Says the own part again to one member: on a new link, and to whoever begins later.
    pub(super) fn answer_commit(&mut self, npk: Npk) {
        let Some(round) = &self.rounds.round else { return };
        let (own, reveal) = (round.own, round.reveal());
        let shown = round.is_committed();
        self.send(npk, &PeerMessage::CodeCommit(own));
        if shown {
            self.send(npk, &PeerMessage::CodeReveal(reveal));
        }
    }

    /// Shows the own nonce as soon as nobody can choose theirs any more.
    fn reveal(&mut self) {
        let (Some(me), Some(round)) = (self.me, &mut self.rounds.round) else { return };
        if !round.is_committed() || round.nonces.contains_key(&me) {
            return;
        }
        round.nonces.insert(me, round.nonce);
        round.due = Some(self.now.plus(PATIENCE));
        let reveal = round.reveal();
        self.broadcast(&PeerMessage::CodeReveal(reveal));
        self.show_code();
    }

    /// Takes the nonce of a member, if it opens what that member committed to.
    pub(super) fn code_reveal(&mut self, idx: MemberIdx, reveal: &CodeReveal) {
        let Some(round) = &mut self.rounds.round else { return };
        let Some(hash) = round.commits.get(&idx).filter(|_| round.record == reveal.record) else {
            return;
        };
        let opened = nonce_commitment(&self.mid, round.epoch, &round.record, idx, &reveal.nonce);
        if opened != *hash {
            let epoch = round.epoch;
            self.event(Event::Alarm(Alarm::CodeBroken(idx, epoch)));
            return;
        }
        round.nonces.insert(idx, reveal.nonce);
        self.show_code();
    }

    fn show_code(&mut self) {
        let Some(round) = &mut self.rounds.round else { return };
        let whole = round.roster.iter().all(|idx| round.nonces.contains_key(idx));
        if whole && round.shown.is_empty() {
            round.due = None;
            round.shown = short_code(&round.record, &round.nonces);
            let epoch = round.epoch;
            self.event(Event::CodeShown { epoch });
        }
    }
}
