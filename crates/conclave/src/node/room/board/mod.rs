//! What the page sees of a meeting, kept up to date from the session's events and the ledger:
//! `people` is who is in or asks to come in, `signals` what they show each other.

mod people;
mod signals;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use conclave_meeting::{
    key::StreamKind,
    session::{Codes, Command, Ending, Event, Knocker, MeetingView},
};
use conclave_protocol::{MemberIdx, Npk, UserInfo, meeting::AutoAdmit};

use self::signals::Signals;
use super::codes;
use crate::http::wire::{self, Level, Phase, Role};

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
    signals: Signals,
    qualities: BTreeMap<Npk, wire::Quality>,
    /// Whom this device lets in without asking while it leads.
    admission: wire::Admission,
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
            signals: Signals::default(),
            qualities: BTreeMap::new(),
            admission: wire::Admission::Ask,
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
            view.policy = Some(wire::Policy { admit: self.admission() });
            view.provisional = view.epoch > meeting.epoch.0;
            if view.provisional && self.stalled {
                view.phase_text = PROVISIONAL.to_owned();
            }
        }
        (view.reactions, view.asked) = self.signals.shown(now);
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
        for idx in view.members.keys() {
            if let Some(name) = plain_name(&view, *idx) {
                self.names.insert(*idx, name.to_owned());
            }
        }
        self.ledger = Some(view);
    }

    /// What somebody calls themselves, as it was last checked; what the ledger shows to everyone is
    /// all of it.
    fn called(&mut self, idx: MemberIdx, name: &str) {
        let plain = self.ledger.as_ref().and_then(|view| plain_name(view, idx));
        if !name.is_empty() && plain.is_none() {
            self.names.insert(idx, name.to_owned());
        }
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

    /// Whom this device lets in without asking while it leads. That good invites are enough stands
    /// on the ledger, for every leader.
    pub(crate) fn admission(&self) -> wire::Admission {
        let meeting = self.ledger.as_ref().and_then(|ledger| ledger.meeting.as_ref());
        match meeting.map(|meeting| meeting.policy.auto_admit) {
            Some(AutoAdmit::Invited) => wire::Admission::Everyone,
            _ if self.admission == wire::Admission::Met => wire::Admission::Met,
            _ => wire::Admission::Ask,
        }
    }

    /// The person chose whom this device lets in.
    pub(crate) const fn admit(&mut self, admission: wire::Admission) {
        self.admission = admission;
    }

    /// Who waits at the door and may be let in, and whether every check holds.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = (MemberIdx, bool)> + '_ {
        let ready = self.knockers.values().map(|(knocker, _)| knocker).filter(|one| one.ready);
        ready.map(|one| (one.idx, one.facts.iter().all(|fact| fact.ok)))
    }

    /// The files there are.
    pub(crate) fn files(&mut self, files: Vec<wire::File>) {
        self.meeting.files = files;
    }

    /// How the links of the members do.
    pub(crate) fn qualities(&mut self, qualities: BTreeMap<Npk, wire::Quality>) {
        self.qualities = qualities;
    }

    /// The transport keys of those who are linked.
    pub(crate) fn linked(&self) -> impl Iterator<Item = &Npk> {
        self.links.keys()
    }

    /// Whether this member leads, as the ledger has it.
    pub(crate) fn leads(&self, idx: MemberIdx) -> bool {
        let meeting = self.ledger.as_ref().and_then(|ledger| ledger.meeting.as_ref());
        meeting.is_some_and(|meeting| meeting.leader == idx)
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

    /// What this person asked for was carried out: what the others see of it is shown here, too.
    pub(crate) fn own(&mut self, command: Command, now: Instant) {
        let Some(me) = self.meeting.me.map(MemberIdx) else { return };
        match command {
            Command::Chat { text } => self.chat(me, text),
            Command::Hand { up } => self.signals.hand(me, up),
            Command::React { reaction } => self.react(me, reaction, now),
            Command::Record { on } => self.signals.record(me, on),
            _ => {}
        }
    }

    /// A question was answered, or the person has seen it.
    pub(crate) fn answered(&mut self, id: &str) {
        self.signals.answered(id);
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
                self.called(knocker.idx, &knocker.name);
                let at = self.knockers.get(&knocker.idx).map_or_else(unix_millis, |(_, at)| *at);
                self.knockers.insert(knocker.idx, (knocker.clone(), at));
            }
            Event::RequestGone { idx } => {
                self.knockers.remove(idx);
            }
            Event::MemberJoined { idx, name } => {
                self.called(*idx, name);
                self.knockers.remove(idx);
            }
            Event::MemberLeft { idx, .. } => {
                self.streams.retain(|(owner, _), _| owner != idx);
                self.signals.forget(*idx);
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
            Event::Hand { idx, up } => self.signals.hand(*idx, *up),
            Event::Reaction { idx, reaction } => self.react(*idx, *reaction, now),
            Event::Asked { idx, favour } => self.ask(*idx, *favour, now),
            Event::Recording { idx, on } => {
                self.signals.record(*idx, *on);
                let what = if *on { "records this meeting" } else { "records no more" };
                let text = format!("{} {what}", self.name(*idx));
                let next = "their device signed that; what it keeps is out of your hands";
                return Some(self.notice(Level::Info, text, next.to_owned()));
            }
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
        self.signals = Signals::default();
        self.qualities.clear();
        self.meeting.files.clear();
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

/// The name that the ledger shows to everyone, if it does.
fn plain_name(view: &MeetingView, idx: MemberIdx) -> Option<&str> {
    match view.members.get(&idx)?.info.as_ref()? {
        UserInfo::Clear(name) => Some(name.as_str()).filter(|name| !name.is_empty()),
        _ => None,
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

fn keep<T>(items: &mut Vec<T>, item: T) {
    if items.len() >= KEPT {
        items.remove(0);
    }
    items.push(item);
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

pub(super) fn unix_millis() -> u64 {
    millis(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default())
}
