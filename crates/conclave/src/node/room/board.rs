//! What the page sees of a meeting, kept up to date from the session's events and the ledger.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use conclave_meeting::{
    key::StreamKind,
    session::{Codes, Ending, Event, Fact, FactName, Knocker, MeetingView, MemberView},
};
use conclave_protocol::{MemberIdx, Npk, UserInfo, meeting::MemberStatus};

use super::{codes, personas};
use crate::{
    http::wire::{self, KeyState, Level, LinkState, Phase, Role},
    keystore::fingerprint,
};

/// A stream without a packet for this long is not live.
const SILENT: Duration = Duration::from_secs(2);
/// Lines of chat and notices that are kept.
const KEPT: usize = 500;
/// What is said while the ledger cannot confirm the key.
const PROVISIONAL: &str = "Everything is encrypted with a key that only the people listed here \
    have; the ledger will confirm it when it goes on.";

/// The page's view of one meeting.
#[derive(Debug)]
pub(crate) struct Board {
    meeting: wire::Meeting,
    ledger: Option<MeetingView>,
    names: BTreeMap<MemberIdx, String>,
    links: BTreeMap<Npk, bool>,
    streams: BTreeMap<(MemberIdx, u8), Stream>,
    problems: BTreeMap<MemberIdx, String>,
    knockers: BTreeMap<MemberIdx, (Knocker, u64)>,
    met: BTreeMap<MemberIdx, wire::Fact>,
    key_since: Option<Instant>,
    /// Whether the ledger stands still.
    stalled: bool,
    /// Who shares the newest key, whether the ledger confirmed it already or not.
    roster: BTreeSet<MemberIdx>,
    next_id: u64,
}

#[derive(Debug)]
struct Stream {
    kind: StreamKind,
    last: Option<Instant>,
}

impl Board {
    /// The view of a meeting that this device publishes or asks to join.
    pub(crate) fn new(mid: String, title: String, role: Role) -> Self {
        let phase = if role == Role::Leader { Phase::Publishing } else { Phase::Requesting };
        let mut board = Self {
            meeting: wire::Meeting { mid, title, role, ..wire::Meeting::default() },
            ledger: None,
            names: BTreeMap::new(),
            links: BTreeMap::new(),
            streams: BTreeMap::new(),
            problems: BTreeMap::new(),
            knockers: BTreeMap::new(),
            met: BTreeMap::new(),
            key_since: None,
            stalled: false,
            roster: BTreeSet::new(),
            next_id: 0,
        };
        board.enter(phase);
        board
    }

    /// The whole view at this moment.
    pub(crate) fn view(&self, now: Instant) -> wire::Meeting {
        let mut view = self.meeting.clone();
        view.key_age_ms =
            self.key_since.map_or(0, |since| millis(now.saturating_duration_since(since)));
        if let Some(meeting) = self.ledger.as_ref().and_then(|ledger| ledger.meeting.as_ref()) {
            view.term = meeting.term.0;
            view.leader = Some(meeting.leader.0);
            view.locked = meeting.policy.locked;
            view.sealed = meeting.policy.sealed;
            view.members = self.members(meeting.leader, now);
            view.provisional = view.epoch > meeting.epoch.0;
            if view.provisional && self.stalled {
                view.phase_text = PROVISIONAL.to_owned();
            }
        }
        view.lobby =
            self.knockers.values().map(|(knocker, at)| self.lobbyist(knocker, *at)).collect();
        view
    }

    /// The own index is known.
    pub(crate) const fn me(&mut self, idx: MemberIdx) {
        self.meeting.me = Some(idx.0);
    }

    /// The invite can be handed out.
    pub(crate) fn invite(&mut self, invite: wire::Invite) {
        self.meeting.invite = Some(invite).filter(|_| self.meeting.role == Role::Leader);
    }

    /// A newer verified state of the ledger.
    pub(crate) fn ledger(&mut self, view: MeetingView) {
        for (idx, member) in &view.members {
            if let Some(UserInfo::Clear(name)) = &member.info {
                self.names.insert(*idx, name.as_str().to_owned());
            }
        }
        self.ledger = Some(view);
    }

    /// Who shares the newest key; nobody while there is none.
    pub(crate) fn roster(&mut self, roster: BTreeSet<MemberIdx>) {
        self.roster = roster;
    }

    /// What is known of somebody from before.
    pub(crate) fn met(&mut self, idx: MemberIdx, fact: Option<wire::Fact>) {
        match fact {
            Some(fact) => self.met.insert(idx, fact),
            None => self.met.remove(&idx),
        };
    }

    /// Whether this device holds a key of the meeting.
    pub(crate) const fn is_live(&self) -> bool {
        matches!(self.meeting.phase, Phase::Live) && self.meeting.epoch > 0
    }

    /// A link came up, went down (`None`) or changed its path.
    pub(crate) fn link(&mut self, npk: Npk, direct: Option<bool>) {
        match direct {
            Some(direct) => self.links.insert(npk, direct),
            None => self.links.remove(&npk),
        };
    }

    /// A packet of this stream was opened, or sealed if it is an own one.
    pub(crate) fn heard(&mut self, idx: MemberIdx, stream: u8, now: Instant) {
        if let Some(stream) = self.streams.get_mut(&(idx, stream)) {
            stream.last = Some(now);
        }
    }

    /// The member that owns this transport key.
    pub(crate) fn member_of(&self, npk: &Npk) -> Option<MemberIdx> {
        let ledger = self.ledger.as_ref()?;
        ledger.members.iter().find(|(_, m)| m.member.npk == *npk).map(|(idx, _)| *idx)
    }

    /// The streams of all others, each with the link it comes over.
    pub(crate) fn remote_streams(&self) -> impl Iterator<Item = (Npk, MemberIdx, u8)> + '_ {
        self.streams.keys().filter_map(|(idx, stream)| {
            let member = self.ledger.as_ref()?.members.get(idx)?;
            Some((member.member.npk, *idx, *stream)).filter(|_| self.meeting.me != Some(idx.0))
        })
    }

    /// Device of each member of the roster, for the record of the demo.
    pub(crate) fn devices(&self) -> Vec<(u16, String)> {
        let members = self.ledger.iter().flat_map(|ledger| &ledger.members);
        members.map(|(idx, m)| (idx.0, m.member.dev.to_hex())).collect()
    }

    /// Something the person should know.
    pub(crate) fn notice(&mut self, level: Level, text: String, next: String) -> wire::Notice {
        let notice = wire::Notice { id: self.id(), level, text, next };
        // The same thing said twice is noise: the newer word stays.
        self.meeting.notices.retain(|old| old.text != notice.text);
        keep(&mut self.meeting.notices, notice.clone());
        notice
    }

    /// The codes of this moment.
    pub(crate) fn codes(&mut self, codes: Option<Codes>, evidence: Vec<wire::Evidence>) {
        let shown = codes.map(|codes| codes::shown(codes, |idx| self.name(idx)));
        // Evidence stays when the meeting is over.
        let shown = shown.or_else(|| (!evidence.is_empty()).then(wire::Codes::default));
        self.meeting.codes = shown.map(|shown| wire::Codes { evidence, ..shown });
    }

    /// The person has read it.
    pub(crate) fn dismiss_notice(&mut self, id: &str) {
        self.meeting.notices.retain(|notice| notice.id != id);
    }

    /// A line this person wrote.
    pub(crate) fn own_chat(&mut self, text: String) {
        if let Some(me) = self.meeting.me {
            self.chat(MemberIdx(me), text);
        }
    }

    /// Takes up what the session says. Returns a notice that should be shown at once.
    pub(crate) fn event(&mut self, event: &Event, now: Instant) -> Option<wire::Notice> {
        match event {
            Event::Published => self.enter(Phase::Live),
            Event::Requested { idx } => {
                self.me(*idx);
                self.enter(Phase::Knocking);
            }
            Event::Waiting => self.enter(Phase::Waiting),
            Event::EpochInstalled { epoch } => {
                self.meeting.epoch = epoch.0;
                self.key_since = Some(now);
                self.enter(Phase::Live);
            }
            Event::RequestVerified(knocker) => {
                if !knocker.name.is_empty() {
                    self.names.entry(knocker.idx).or_insert_with(|| knocker.name.clone());
                }
                let at = self.knockers.get(&knocker.idx).map_or_else(unix_millis, |(_, at)| *at);
                self.knockers.insert(knocker.idx, (knocker.clone(), at));
            }
            Event::RequestGone { idx } => {
                self.knockers.remove(idx);
            }
            Event::MemberJoined { idx, name } => {
                if !name.is_empty() {
                    self.names.entry(*idx).or_insert_with(|| name.clone());
                }
                self.knockers.remove(idx);
            }
            Event::MemberLeft { idx, .. } => {
                self.streams.retain(|(owner, _), _| owner != idx);
                self.problems.remove(idx);
            }
            Event::StreamOpened { idx, stream, kind } => {
                self.streams.insert((*idx, stream.value()), Stream { kind: *kind, last: None });
            }
            Event::StreamClosed { idx, stream } => {
                self.streams.remove(&(*idx, stream.value()));
            }
            Event::KeyProblem { idx, problem } => {
                self.problems.insert(*idx, problem.to_string());
            }
            Event::KeyOk { idx } => {
                self.problems.remove(idx);
            }
            Event::Chat { idx, text } => self.chat(*idx, text.clone()),
            Event::Alarm(alarm) => {
                let next = codes::advice(alarm).to_owned();
                return Some(self.notice(Level::Error, alarm.to_string(), next));
            }
            Event::CodeLate { idx, .. } => {
                let text = format!("{} has not done its part of the short code", self.name(*idx));
                let next = "it is shown as soon as it comes; until then compare the 40 digits";
                return Some(self.notice(Level::Warn, text, next.to_owned()));
            }
            Event::SubmitFailed { reason } => {
                let text = format!("the ledger did not take a step of this meeting: {reason}");
                return Some(self.notice(
                    Level::Error,
                    text,
                    "it is tried again where it can be".to_owned(),
                ));
            }
            Event::LeaderChanged { idx, .. } => {
                let mine = self.meeting.me == Some(idx.0);
                self.meeting.role = if mine { Role::Leader } else { Role::Guest };
                self.meeting.invite = None;
                let who =
                    if mine { "you lead".to_owned() } else { format!("{} leads", self.name(*idx)) };
                let next = "a new key is on its way".to_owned();
                return Some(self.notice(
                    Level::Info,
                    format!("{who} the meeting from now on"),
                    next,
                ));
            }
            Event::LeaderSilent { idx } => {
                let text =
                    format!("{} leads the meeting and is not heard any more", self.name(*idx));
                let next = "whoever was admitted next takes the chair; nothing has to be done";
                return Some(self.notice(Level::Warn, text, next.to_owned()));
            }
            Event::LedgerStalled => {
                self.stalled = true;
                let next =
                    "people may leave or be removed; nobody new can come in until it goes on";
                let text = "the ledger stands still".to_owned();
                return Some(self.notice(Level::Warn, text, next.to_owned()));
            }
            Event::LedgerBack => {
                self.stalled = false;
                let next = "what changed meanwhile is being confirmed".to_owned();
                return Some(self.notice(Level::Info, "the ledger goes on".to_owned(), next));
            }
            Event::Ended(ending) => self.over(ending),
            _ => {}
        }
        None
    }

    /// Own streams appear among the others.
    pub(crate) fn own_stream(&mut self, stream: u8, kind: Option<StreamKind>) {
        let Some(me) = self.meeting.me else { return };
        match kind {
            Some(kind) => self.streams.insert((MemberIdx(me), stream), Stream { kind, last: None }),
            None => self.streams.remove(&(MemberIdx(me), stream)),
        };
    }

    fn enter(&mut self, phase: Phase) {
        self.meeting.phase = phase;
        self.meeting.phase_text = match phase {
            Phase::Denied => "The leader did not let you in.",
            Phase::Ended => "The meeting is over.",
            Phase::Failed => "The meeting could not go on.",
            Phase::Joining => "You were admitted; the meeting key is on its way.",
            Phase::Knocking => "Your request is on the ledger; calling the leader's device.",
            Phase::Left => "You left the meeting.",
            Phase::Live if self.meeting.epoch == 0 => "The meeting is open; nobody else is in yet.",
            Phase::Live => {
                "Everything is encrypted with a key that only the people listed here have."
            }
            Phase::Publishing => "Publishing the meeting on the ledger.",
            Phase::Removed => "The leader removed you from the meeting.",
            Phase::Requesting => "Putting your signed request on the ledger.",
            Phase::Waiting => "The leader sees that you ask to come in and decides.",
        }
        .to_owned();
    }

    fn over(&mut self, ending: &Ending) {
        self.enter(match ending {
            Ending::Denied => Phase::Denied,
            Ending::Dismissed | Ending::Expired => Phase::Ended,
            Ending::Left => Phase::Left,
            Ending::Removed | Ending::TimedOut => Phase::Removed,
            _ => Phase::Failed,
        });
        self.meeting.ended_reason = Some(ending.to_string());
        self.meeting.invite = None;
        self.meeting.epoch = 0;
        self.key_since = None;
        self.knockers.clear();
        self.streams.clear();
        self.problems.clear();
        self.links.clear();
    }

    fn chat(&mut self, idx: MemberIdx, text: String) {
        let line = wire::Line {
            id: self.id(),
            idx: idx.0,
            name: self.name(idx),
            text,
            at_ms: unix_millis(),
            me: self.meeting.me == Some(idx.0),
        };
        keep(&mut self.meeting.chat, line);
    }

    fn members(&self, leader: MemberIdx, now: Instant) -> Vec<wire::Member> {
        let members = self.ledger.iter().flat_map(|ledger| &ledger.members);
        let inside = members.filter(|(idx, m)| match self.roster.is_empty() {
            true => m.member.status == MemberStatus::Admitted,
            false => self.roster.contains(idx),
        });
        inside.map(|(idx, member)| self.member(*idx, member, *idx == leader, now)).collect()
    }

    fn member(
        &self,
        idx: MemberIdx,
        member: &MemberView,
        leader: bool,
        now: Instant,
    ) -> wire::Member {
        let me = self.meeting.me == Some(idx.0);
        let link = match self.links.get(&member.member.npk) {
            _ if me => LinkState::Myself,
            Some(true) => LinkState::Direct,
            Some(false) => LinkState::Relayed,
            None => LinkState::None,
        };
        let problem = self.problems.get(&idx);
        let key = match link {
            _ if problem.is_some() => KeyState::Problem,
            LinkState::None => KeyState::Waiting,
            _ => KeyState::Ok,
        };
        let streams = self.streams.range((idx, 0)..=(idx, u8::MAX));
        let live = |stream: &Stream| {
            stream.last.is_some_and(|last| now.saturating_duration_since(last) < SILENT)
        };
        wire::Member {
            idx: idx.0,
            user: member.member.user.to_hex(),
            device: member.member.dev.to_hex(),
            name: self.name(idx),
            fingerprint: fingerprint(&member.member.ivk),
            leader,
            me,
            admitted_height: member.member.admitted.height.0,
            link,
            key,
            key_text: problem.cloned().unwrap_or_default(),
            met: self.met.get(&idx).cloned(),
            votes: self.votes(idx),
            hidden: self.ledger.as_ref().is_some_and(|view| personas::is_hidden(view, idx)),
            streams: streams
                .filter_map(|((_, number), stream)| {
                    let kind = wire_kind(stream.kind)?;
                    Some(wire::Stream { stream_no: *number, kind, live: live(stream) })
                })
                .collect(),
        }
    }

    /// Users of the roster that want `idx` to lead, as the ledger has it.
    fn votes(&self, idx: MemberIdx) -> u16 {
        let Some(ledger) = &self.ledger else { return 0 };
        let Some(meeting) = &ledger.meeting else { return 0 };
        let votes = ledger.votes.values().filter(|vote| {
            vote.candidate == idx && (vote.term, vote.epoch) == (meeting.term, meeting.epoch)
        });
        u16::try_from(votes.count()).unwrap_or(u16::MAX)
    }

    fn lobbyist(&self, knocker: &Knocker, asked_at_ms: u64) -> wire::Lobbyist {
        let record = self.ledger.as_ref().and_then(|l| l.members.get(&knocker.idx));
        let member = record.map(|view| &view.member);
        wire::Lobbyist {
            idx: knocker.idx.0,
            user: member.map(|m| m.user.to_hex()).unwrap_or_default(),
            device: member.map(|m| m.dev.to_hex()).unwrap_or_default(),
            name: self.name(knocker.idx),
            fingerprint: member.map(|m| fingerprint(&m.ivk)).unwrap_or_default(),
            asked_at_ms,
            facts: knocker
                .facts
                .iter()
                .filter_map(fact)
                .chain(self.met.get(&knocker.idx).cloned())
                .collect(),
            proof_height: knocker.height.0,
            ready: knocker.ready,
        }
    }

    /// What somebody is called here.
    pub(crate) fn name(&self, idx: MemberIdx) -> String {
        let known = self.names.get(&idx).cloned();
        known.unwrap_or_else(|| {
            let member = self.ledger.as_ref().and_then(|ledger| ledger.members.get(&idx));
            member
                .map_or_else(|| format!("member {}", idx.0), |m| format!("user {}", m.member.user))
        })
    }

    fn id(&mut self) -> String {
        self.next_id = self.next_id.saturating_add(1);
        self.next_id.to_string()
    }
}

/// How the local API names a kind; chat is not shown as a stream.
pub(crate) const fn wire_kind(kind: StreamKind) -> Option<wire::StreamKind> {
    match kind {
        StreamKind::Audio => Some(wire::StreamKind::Audio),
        StreamKind::Screen => Some(wire::StreamKind::Screen),
        StreamKind::ScreenAudio => Some(wire::StreamKind::ScreenAudio),
        StreamKind::Video => Some(wire::StreamKind::Video),
        StreamKind::Chat => None,
    }
}

fn fact(fact: &Fact) -> Option<wire::Fact> {
    let name = match fact.name {
        FactName::Ban => wire::FactName::Ban,
        FactName::Bearer => wire::FactName::Bearer,
        FactName::Identity => wire::FactName::Identity,
        FactName::Invite => wire::FactName::Invite,
        FactName::Keys => wire::FactName::Keys,
        FactName::Signature => wire::FactName::Signature,
        FactName::Transport => wire::FactName::Transport,
        FactName::Info => return None,
    };
    Some(wire::Fact { name, ok: fact.ok, text: fact.text.clone() })
}

fn keep<T>(items: &mut Vec<T>, item: T) {
    if items.len() >= KEPT {
        items.remove(0);
    }
    items.push(item);
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn unix_millis() -> u64 {
    millis(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default())
}
