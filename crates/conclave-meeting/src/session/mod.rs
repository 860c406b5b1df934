//! One device's part in one meeting.
//!
//! [`Session`] is the one type: give it [`Input`]s and [`Command`]s, carry out its [`Output`]s.
//! `leader` and `guest` hold what only one role does, `judge` what a member holds against a new
//! key, `install` what both do with it, `refresh` a member's own keys, `succession` who leads next,
//! `chair` a change of the leader, `presence` who is heard, `provisional` a ledger that stands
//! still, `settle` what follows from every input, `watch` what time brings, `submit` what goes to
//! the ledger, `referral` the way to the leader, `media` the packets, `peers` the links, `epochs`
//! the live keys, `secrets` the own ones, `ending` how all of them are erased, `verify` the checks
//! of people, `bearer` the people behind the personas of a sealed meeting, `code` and `fork` what
//! people and devices compare, `signal` the hands, reactions and notices
//! among people, `files` who may have which file.

mod bearer;
mod chair;
mod code;
mod command;
mod config;
mod counters;
mod ending;
mod epochs;
mod files;
mod fork;
mod guest;
mod input;
mod install;
mod judge;
mod leader;
mod media;
mod output;
mod pair;
mod peers;
mod presence;
mod provisional;
mod receive;
mod referral;
mod refresh;
mod secrets;
mod settle;
mod signal;
mod streams;
mod submit;
mod succession;
mod verify;
mod watch;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt,
};

use conclave_protocol::{
    Epoch, MeetingId, MemberIdx, Npk, invite::InviteSecret, meeting::MeetingStatus,
};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

pub use code::{Codes, ShortCode};
pub use command::{Command, CommandError};
pub use config::{Behind, Config, Invited, NewMeeting};
pub use counters::Counters;
pub use fork::HeaderVerdict;
pub use input::{BearerView, Freshness, Input, MeetingView, MemberView};
pub use output::{Alarm, Ending, Event, Fact, FactName, KeyProblem, Knocker, Output, SubmitId};

use self::{
    bearer::Bearers, chair::Chair, epochs::Epochs, files::Files, guest::Guest, leader::Leader,
    media::Media, peers::Peers, presence::Presence, provisional::Progress, refresh::Refresh,
    secrets::Secrets, signal::Signals, submit::Purpose, succession::Vacancy,
};
use crate::{
    exchange::{ExchangeError, MemberKeys},
    key::{EpochId, MeetingKey},
    time::Millis,
    wire::{Address, Name},
};

/// A guest or member that reaches nobody for so long forgets its keys (section 13).
const LOST_AFTER: u64 = 30_000;
/// Own header is told to the others this often (section 6).
const GOSSIP_EVERY: u64 = 10_000;

/// One device's part in one meeting, as leader or as guest.
///
/// Call one of [`handle`](Self::handle), [`command`](Self::command),
/// [`open_stream`](Self::open_stream) or [`send_media`](Self::send_media), then drain
/// [`poll_output`](Self::poll_output) until it returns [`Output::Wait`]; give it
/// [`Input::Tick`] when that moment comes. It owns no clock, socket, task or random source, so a
/// test runs a whole meeting in microseconds.
///
/// A session ends once, with [`Event::Ended`]; from then on it holds no key and does nothing.
pub struct Session {
    config: Config,
    mid: MeetingId,
    invite: InviteSecret,
    secrets: Option<Secrets>,
    npk: Npk,
    address: Address,
    /// Whether the address is another one than the one it came in with.
    relocated: bool,
    /// Own index, once the ledger gave one.
    me: Option<MemberIdx>,
    view: Option<(Millis, MeetingView)>,
    leader: Option<Leader>,
    guest: Option<Guest>,
    epochs: Epochs,
    media: Media,
    peers: Peers,
    presence: Presence,
    chair: Chair,
    bearers: Bearers,
    vacancy: Vacancy,
    progress: Progress,
    refresh: Refresh,
    signals: Signals,
    files: Files,
    /// Members of the newest roster by transport key, without this device.
    index: BTreeMap<Npk, MemberIdx>,
    names: BTreeMap<MemberIdx, Name>,
    /// Why this device does not send although it has a key.
    blocked: bool,
    /// Since when the newest key here is not one to send under by the ledger.
    behind: Option<Millis>,
    ended: bool,
    /// When a member was last linked.
    contact: Option<Millis>,
    gossip_at: Option<Millis>,
    submits: BTreeMap<SubmitId, Purpose>,
    last_submit: u64,
    farewell_tries: u8,
    rounds: code::Rounds,
    memory: fork::Memory,
    counters: Counters,
    now: Millis,
    outputs: VecDeque<Output>,
}

impl Session {
    /// A new meeting led by this device; it is published first.
    ///
    /// # Errors
    /// [`ExchangeError::Library`] if no key can be made.
    pub fn lead(
        config: Config,
        meeting: NewMeeting,
        address: Address,
        now: Millis,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, ExchangeError> {
        let NewMeeting { mid, info, policy, invite_secret } = meeting;
        let mut session = Self::new(config, mid, invite_secret, address, now, rng)?;
        session.leader = Some(Leader::default());
        session.publish(info, policy);
        Ok(session)
    }

    /// A guest that asks to join; it waits for the first [`Input::Ledger`].
    ///
    /// # Errors
    /// [`ExchangeError::Library`] if no key can be made.
    pub fn join(
        config: Config,
        invited: Invited,
        address: Address,
        now: Millis,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, ExchangeError> {
        let Invited { mid, invite_secret, nodes } = invited;
        let mut session = Self::new(config, mid, invite_secret, address, now, rng)?;
        session.guest = Some(Guest::new(nodes));
        session.push(Output::Refresh);
        Ok(session)
    }

    fn new(
        config: Config,
        mid: MeetingId,
        invite: InviteSecret,
        address: Address,
        now: Millis,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, ExchangeError> {
        let secrets = Secrets::generate(rng)?;
        Ok(Self {
            npk: secrets.nsk.npk(),
            secrets: Some(secrets),
            config,
            mid,
            invite,
            address,
            relocated: false,
            me: None,
            view: None,
            leader: None,
            guest: None,
            epochs: Epochs::default(),
            media: Media::default(),
            peers: Peers::new(),
            presence: Presence::default(),
            chair: Chair::default(),
            bearers: Bearers::default(),
            vacancy: Vacancy::default(),
            progress: Progress::default(),
            refresh: Refresh::default(),
            signals: Signals::default(),
            files: Files::default(),
            index: BTreeMap::new(),
            names: BTreeMap::new(),
            blocked: false,
            behind: None,
            ended: false,
            contact: None,
            gossip_at: None,
            submits: BTreeMap::new(),
            last_submit: 0,
            farewell_tries: 0,
            rounds: code::Rounds::default(),
            memory: fork::Memory::default(),
            counters: Counters::default(),
            now,
            outputs: VecDeque::new(),
        })
    }

    /// Takes one input. Afterwards drain [`poll_output`](Self::poll_output).
    pub fn handle(&mut self, input: Input, now: Millis, rng: &mut dyn CryptoRng) {
        self.now = self.now.max(now);
        if self.ended {
            self.handle_ended(input);
            return;
        }
        match input {
            Input::Connected { npk, lobby } => self.connected(npk, lobby),
            Input::Datagram { npk, bytes } => {
                self.hear(npk);
                self.datagram(npk, &bytes);
            }
            Input::DatagramLimit { npk, bytes } => {
                if let Some(peer) = self.peer(npk) {
                    peer.limit = bytes;
                }
            }
            Input::Disconnected { npk } => self.disconnected(npk),
            Input::HeaderAnswer { idx, height, answer } => self.show_header(idx, height, answer),
            Input::HeaderJudged { idx, height, verdict } => {
                self.header_judged(idx, height, verdict);
            }
            Input::Ledger(view) => self.ledger(*view),
            Input::Message { npk, bytes } => {
                self.hear(npk);
                self.message(npk, &bytes);
            }
            Input::OwnAddress(bytes) => {
                if let Ok(address) = Address::new(bytes) {
                    self.relocate(address);
                }
            }
            Input::SubmitFailed { id, reason } => self.submit_failed(id, reason),
            Input::Tick => {}
        }
        self.settle(rng);
    }

    /// Carries out what the user asked for.
    ///
    /// # Errors
    /// [`CommandError`]; then nothing changed.
    pub fn command(
        &mut self,
        command: Command,
        now: Millis,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), CommandError> {
        self.now = self.now.max(now);
        if self.ended {
            return Err(CommandError::Ended);
        }
        match command {
            Command::Admit { idx } => self.admit(idx)?,
            Command::Appoint { idx } => self.appoint(idx)?,
            Command::Ask { to, favour } => self.ask(to, favour)?,
            Command::AskPiece { of, id, piece } => self.ask_piece(of, id, piece)?,
            Command::AutoAdmit { invited } => self.auto_admit(invited)?,
            Command::Chat { text } => self.chat(&text)?,
            Command::CloseStream { stream } => self.close_stream(stream)?,
            Command::Deny { idx, ban } => self.deny(idx, ban)?,
            Command::Dismiss => self.dismiss()?,
            Command::Hand { up } => self.raise(up)?,
            Command::Kick { idx, ban } => self.kick(idx, ban)?,
            Command::Leave => self.leave(),
            Command::Lock { locked } => self.lock(locked)?,
            Command::OfferFile { offer } => self.offer_file(offer)?,
            Command::React { reaction } => self.react(reaction)?,
            Command::Record { on } => self.say_recording(on)?,
            Command::RequestKeyframe { idx, stream } => self.request_keyframe(idx, stream)?,
            Command::SendPiece { to, id, piece, sealed } => {
                self.send_piece(to, id, piece, sealed)?;
            }
            Command::Vote { candidate } => self.vote(candidate)?,
        }
        if !self.ended {
            self.settle(rng);
        }
        Ok(())
    }

    /// The next thing to do; [`Output::Wait`] when there is nothing more.
    pub fn poll_output(&mut self) -> Output {
        self.outputs.pop_front().unwrap_or_else(|| Output::Wait(self.deadline()))
    }

    /// The seed of the transport key NSK, for the link layer. Drop it with the link.
    #[must_use]
    pub fn transport_seed(&self) -> Option<Zeroizing<[u8; 32]>> {
        self.secrets.as_ref().map(|secrets| secrets.seed.clone())
    }

    /// Own transport key.
    #[must_use]
    pub const fn npk(&self) -> Npk {
        self.npk
    }

    /// Own index, once the ledger gave one.
    #[must_use]
    pub const fn me(&self) -> Option<MemberIdx> {
        self.me
    }

    /// The meeting.
    #[must_use]
    pub const fn mid(&self) -> MeetingId {
        self.mid
    }

    /// Whether the session is over.
    #[must_use]
    pub const fn is_ended(&self) -> bool {
        self.ended
    }

    /// The epoch packets are sealed under, if any.
    #[must_use]
    pub const fn sending_epoch(&self) -> Option<Epoch> {
        self.epochs.sending_epoch()
    }

    /// The members of the newest roster, this device among them.
    #[must_use]
    pub fn roster(&self) -> BTreeSet<MemberIdx> {
        self.epochs.newest().map(|live| live.roster.keys().copied().collect()).unwrap_or_default()
    }

    /// What was counted so far.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The meeting keys in memory, each with its epoch.
    ///
    /// Only for guests of a demonstration that show what a removed device can still open: whoever
    /// holds a key of an epoch reads all of that epoch.
    #[must_use]
    pub fn danger_export_keys(&self) -> Vec<(EpochId, MeetingKey)> {
        let live = self.epochs.iter();
        live.filter_map(|live| Some((live.id, MeetingKey::from_slice(live.mk.as_bytes())?)))
            .collect()
    }

    /// The exchange keys in memory, those that wait for the ledger among them.
    ///
    /// Only for tests that show what a seized device can still open, and for a demonstration that
    /// strangers compute anew.
    #[must_use]
    pub fn danger_member_keys(&self) -> Vec<&MemberKeys> {
        let secrets = self.secrets.iter();
        secrets.flat_map(|secrets| [Some(&secrets.keys), secrets.next.as_ref()]).flatten().collect()
    }

    /// The newest state of the ledger this session was told.
    fn view(&self) -> Option<&MeetingView> {
        self.view.as_ref().map(|(_, view)| view)
    }

    fn ledger(&mut self, view: MeetingView) {
        match self.view().map(|old| old.height) {
            Some(old) if old > view.height => return,
            Some(old) if old == view.height => {}
            _ => self.ledger_moved(),
        }
        let status =
            view.meeting.as_ref().map(|meeting| meeting.status_at(&self.config.params, view.time));
        let old = self.view.replace((self.now, view));
        self.follow_roster();
        self.follow_keys(old.as_ref().map(|(_, old)| old));
        self.follow_cards();
        self.follow_bearers();
        self.follow_term();
        match status {
            Some(MeetingStatus::Ended) => self.end(Ending::Dismissed),
            Some(MeetingStatus::Expired) => self.end(Ending::Expired),
            Some(MeetingStatus::Open) if self.is_revoked() => self.end(Ending::Revoked),
            Some(MeetingStatus::Open) if self.leader.is_some() => self.leader_ledger(),
            Some(MeetingStatus::Open) => self.guest_ledger(),
            None => {}
        }
        self.look_behind();
    }

    /// Whether this device, or the one behind its persona, may not act any more.
    fn is_revoked(&self) -> bool {
        let Some(view) = self.view() else { return false };
        let seat = self.me.and_then(|me| view.members.get(&me)?.device.as_ref());
        let behind = self.config.behind.as_ref().and_then(|real| view.bearers.get(&real.dev));
        seat.into_iter().chain(behind.map(|real| &real.device)).any(|device| !device.is_active())
    }

    fn push(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    fn event(&mut self, event: Event) {
        self.push(Output::Event(event));
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mid, me, ended, .. } = self;
        f.debug_struct("Session")
            .field("mid", mid)
            .field("me", me)
            .field("ended", ended)
            .finish_non_exhaustive()
    }
}
