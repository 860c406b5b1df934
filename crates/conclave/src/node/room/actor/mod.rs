//! The one loop of a meeting: it owns the session, and with it the clock and the randomness that
//! the session is given.
//!
//! Whatever happens outside becomes one input; then the session's outputs are carried out until it
//! has none. Nothing here decides anything about the meeting. `media` is what the browser gives,
//! `invites` the links of a leader, `admission` whom it lets in without asking,
//! `files` what goes from disk to disk, `asks` what the person wants, `ledger` what the ledger says and
//! is told, `recording` that something here records, `secrets` what the demo writes down, `farewell`
//! what is left to do when the meeting is over.

mod admission;
mod asks;
mod farewell;
mod files;
mod held;
mod invites;
mod ledger;
mod media;
mod recording;
mod secrets;

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use conclave_meeting::{
    session::{Command, Event, Input, MeetingView, Output, Session, SubmitId},
    time::Millis,
    wire::Favour,
};
use conclave_protocol::{DeviceId, Digest, MeetingId, MemberIdx, Npk};
use tokio::{
    sync::{mpsc, watch},
    time::{MissedTickBehavior, sleep_until},
};

use self::{held::Held, ledger::Mouth, recording::Recording};
use super::{
    Ask, COMMANDS, Counts, Ground, Room,
    acquaintance::Acquaintances,
    board::Board,
    codes,
    files::Files,
    quality::Qualities,
    streams::{Streams, media_kind},
};
use crate::{
    clip::{Clip, Player},
    http::wire,
    links::{self, AddressBlob, Alpn, LinkEvent, Links, MAX_MESSAGE},
    node::record::{Recorder, What},
    ports::{PortEvent, Ports},
    random::{SystemRng, system},
    rtc::{RtpUnit, StreamKey},
};

/// How often the view is made anew though nothing happened, so that ages and silence show.
const REDRAW: Duration = Duration::from_millis(500);
/// Views of the page closer together than this become one.
const COALESCE: Duration = Duration::from_millis(20);

pub(crate) use invites::Inviter;

/// How a meeting begins for this device.
pub(crate) struct Opening {
    /// The session, started.
    pub(crate) session: Session,
    /// The meeting.
    pub(crate) mid: MeetingId,
    /// Its title.
    pub(crate) title: String,
    /// What this device is in it.
    pub(crate) role: wire::Role,
    /// Makes invites whenever this device leads.
    pub(crate) inviter: Inviter,
}

/// Starts the loop of one meeting.
///
/// # Errors
/// No socket can be bound for the links.
pub(crate) async fn open(ground: Ground, opening: Opening) -> Result<Room, links::StartError> {
    let (peers, roster) = watch::channel(BTreeSet::new());
    // A session that has just begun has its transport key.
    let seed = opening.session.transport_seed().unwrap_or_default();
    let config = links::Config::new(seed, roster);
    let (links, events) = Links::start(config.relays(ground.relays.clone())).await?;
    let board = Board::new(opening.mid.to_hex(), opening.title, opening.role);
    let (view, page) = watch::channel(Arc::new(board.view(Instant::now())));
    let (count, counts) = watch::channel(Counts::default());
    let (asks, inbox) = mpsc::channel(COMMANDS);
    let (inputs, late) = mpsc::channel(COMMANDS);
    let mouth = Mouth::new(ground.outbox.clone(), inputs.clone());
    let recorder = ground.record.as_ref().and_then(|(dir, keys)| Recorder::create(dir, *keys).ok());
    let player =
        ground.clip.and_then(|guest| Clip::load(guest).ok()).map(|clip| clip.play(Instant::now()));
    let (ports, said) = Ports::new();
    let actor = Actor {
        mid: opening.mid,
        session: opening.session,
        inviter: opening.inviter,
        start: Instant::now(),
        rng: system(),
        board,
        people: Acquaintances::new(ground.book.clone(), ground.me),
        links,
        peers,
        view,
        count,
        inputs,
        mouth,
        held: Held::default(),
        watched: BTreeSet::new(),
        fetching: false,
        again: false,
        streams: Streams::default(),
        qualities: Qualities::default(),
        files: Files::new(&ground.home),
        player,
        ports: ports.clone(),
        recorder,
        recording: Recording::default(),
        wake: None,
        dirty: true,
        over: false,
        ground,
    };
    tokio::spawn(actor.run(inbox, events, said, late));
    Ok(Room { asks, view: page, counts, ports })
}

struct Actor {
    ground: Ground,
    mid: MeetingId,
    session: Session,
    inviter: Inviter,
    start: Instant,
    rng: SystemRng,
    board: Board,
    people: Acquaintances,
    links: Links,
    peers: watch::Sender<BTreeSet<Npk>>,
    view: watch::Sender<Arc<wire::Meeting>>,
    count: watch::Sender<Counts>,
    /// Where tasks put what they bring back.
    inputs: mpsc::Sender<Late>,
    mouth: Mouth,
    held: Held,
    /// Devices behind personas that the session wants to see.
    watched: BTreeSet<DeviceId>,
    fetching: bool,
    /// Something changed while the ledger was being asked: ask once more.
    again: bool,
    streams: Streams,
    qualities: Qualities,
    files: Files,
    player: Option<Player>,
    ports: Ports,
    recorder: Option<Recorder>,
    recording: Recording,
    wake: Option<Instant>,
    dirty: bool,
    over: bool,
}

/// What a task of this meeting brings back.
pub(super) enum Late {
    /// The ledger was asked; nothing came if it did not answer.
    Ledger(Option<Box<MeetingView>>),
    /// Whether the changes of somebody since they were met lead to this last one without a gap.
    Explained(MemberIdx, Digest, wire::Fact),
    /// A transaction will not become final.
    Failed(SubmitId, String),
    /// A transaction is final and proven, so long after it was submitted.
    Final(Duration),
    /// The invite is made.
    Invite(wire::Invite),
}

impl Actor {
    async fn run(
        mut self,
        mut inbox: mpsc::Receiver<Ask>,
        mut events: mpsc::Receiver<LinkEvent>,
        mut ports: mpsc::Receiver<PortEvent>,
        mut late: mpsc::Receiver<Late>,
    ) {
        let mut headers = self.ground.chain.headers();
        let browser = Arc::clone(&self.ground.browser);
        let mut browser = browser.lock().await;
        let mut redraw = tokio::time::interval(REDRAW);
        redraw.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut drawn = Instant::now();
        let own = self.links.own_address();
        self.feed(Input::OwnAddress(own.encode()));
        self.fetch();
        while !self.over {
            self.drain();
            let draw_at = self.dirty.then(|| drawn + COALESCE);
            let clip_at = self.player.as_ref().map(Player::next_at);
            let wake = [self.wake, draw_at, clip_at, self.files.due()].into_iter().flatten().min();
            tokio::select! {
                biased;
                Some(event) = events.recv() => self.link(event),
                Some(event) = browser.recv() => self.browser(event),
                Some(event) = ports.recv() => self.port(event),
                Some(input) = late.recv() => self.late(input),
                ask = inbox.recv() => match ask {
                    Some(ask) => self.ask(ask),
                    None => self.leave(),
                },
                Ok(()) = headers.changed() => self.fetch(),
                _ = redraw.tick() => {
                    self.dirty = true;
                    self.set_patience();
                    self.keep_telling();
                    self.look_at_links();
                }
                () = until(wake) => {}
            }
            let now = Instant::now();
            if self.wake.is_some_and(|wake| wake <= now) {
                self.wake = None;
                self.feed(Input::Tick);
            }
            self.play(now);
            self.ask_for_pieces(now);
            if self.dirty && now >= drawn + COALESCE {
                drawn = now;
                self.draw(now);
            }
        }
        self.drain();
        self.draw(Instant::now());
        self.peers.send_replace(BTreeSet::new());
        // Whoever waits for an answer or for the browser waits no longer.
        drop((inbox, browser, ports));
        let (farewell, links) = self.farewell();
        tokio::join!(links.shutdown(links::Reason::Left), farewell.see_through(late));
    }

    /// Gives the session one input. Its outputs are carried out by [`drain`](Self::drain).
    fn feed(&mut self, input: Input) {
        let now = self.now();
        self.session.handle(input, now, &mut self.rng);
    }

    fn drain(&mut self) {
        loop {
            match self.session.poll_output() {
                Output::Wait(at) => {
                    self.wake = at.map(|at| self.start + Duration::from_millis(at.0));
                    return;
                }
                output => self.carry_out(output),
            }
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Close { npk } => self.links.close(&npk, links::Reason::Removed),
            Output::Datagram { npk, bytes } => self.datagram(npk, bytes),
            Output::Dial { npk, lobby, address } => self.dial(npk, lobby, address.as_slice()),
            Output::Event(event) => self.event(&event),
            Output::KeyframeWanted { stream } => self.make_keyframe(stream),
            Output::Media { idx, kid, ctr, kind, unit } => {
                let number = kid.stream.value();
                self.board.heard(idx, number, Instant::now());
                if let Ok(unit) = RtpUnit::decode(&unit) {
                    if let Some(recorder) = &mut self.recorder {
                        recorder.opened(idx.0, kid.value(), ctr, &unit);
                    }
                    let stream = StreamKey { idx: idx.0, stream_no: number };
                    if let Some(kind) = media_kind(kind) {
                        self.ports.hear(kind, stream, &unit);
                    }
                    self.ground.rtc.write(stream, unit);
                }
            }
            Output::Message { npk, bytes } => self.say(npk, bytes),
            Output::Peers(peers) => {
                self.peers.send_replace(peers);
            }
            Output::Refresh => self.fetch(),
            Output::Submit { id, body, others } => self.mouth.say(id, body, others),
            Output::Wait(_) => {}
            Output::Watch(devices) => self.watched = devices,
        }
    }

    fn say(&mut self, npk: Npk, message: Vec<u8>) {
        if !self.links.has(&npk) && self.links.is_dialling(&npk) && message.len() <= MAX_MESSAGE {
            if !self.held.keep(npk, message) {
                tracing::debug!(peer = %npk, "too much waits for the next link");
            }
        } else if let Err(error) = self.links.send(&npk, message) {
            tracing::debug!(peer = %npk, %error, "message not sent");
        }
    }

    fn datagram(&mut self, npk: Npk, bytes: Bytes) {
        if let Some(recorder) = &mut self.recorder
            && let Some(idx) = self.board.member_of(&npk)
        {
            recorder.packet(What::Out, idx.0, &bytes);
        }
        // What does not fit or has no link is lost, as on any network; repair asks again.
        let _lost = self.links.datagrams(&npk, &[bytes]);
    }

    fn dial(&mut self, npk: Npk, lobby: bool, address: &[u8]) {
        match AddressBlob::decode(address) {
            Ok(address) => {
                let alpn = if lobby { Alpn::Lobby } else { Alpn::Meeting };
                self.links.dial(npk, alpn, &address);
            }
            Err(error) => {
                tracing::debug!(peer = %npk, %error, "address refused");
                self.feed(Input::Disconnected { npk });
            }
        }
    }

    fn event(&mut self, event: &Event) {
        self.dirty = true;
        self.board.event(event, Instant::now());
        match event {
            Event::Published => {
                self.own(MemberIdx(0));
                self.make_invite();
            }
            Event::Requested { idx } => self.own(*idx),
            Event::RequestVerified(_) => self.admit_by_policy(),
            Event::FileOffered { idx, offer } => self.file_offered(*idx, false, offer),
            Event::PieceWanted { idx, id, piece } => self.give_piece(*idx, *id, *piece),
            Event::PieceCame { idx, id, piece, sealed } => {
                self.files.came((*idx, *id, *piece), sealed, Instant::now());
            }
            Event::MemberLeft { idx, .. } => self.files.left(*idx),
            // The leader moderates; taking a hand down switches nothing on.
            Event::Asked { idx, favour: Favour::HandDown } if self.board.leads(*idx) => {
                let _later = self.command(Command::Hand { up: false });
            }
            Event::LeaderChanged { idx, .. } if self.session.me() == Some(*idx) => {
                self.make_invite();
            }
            Event::HeaderWanted { idx, height } => {
                let answer = self.ground.chain.header_answer(*height);
                self.feed(Input::HeaderAnswer { idx: *idx, height: *height, answer });
            }
            Event::HeaderShown { idx, height, answer } => {
                let verdict = self.ground.chain.judge_header(answer);
                self.feed(Input::HeaderJudged { idx: *idx, height: *height, verdict });
            }
            Event::EpochInstalled { .. } => {
                self.record_keys();
            }
            Event::KeysReplaced => self.record_secrets(),
            Event::StreamOpened { idx, stream, .. } => {
                tracing::debug!(idx = idx.0, stream = stream.value(), "stream opened");
            }
            Event::Ended(_) => self.over = true,
            _ => {}
        }
    }

    fn link(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Address(address) => {
                self.feed(Input::OwnAddress(address.encode()));
                if self.session.me().is_some_and(|me| self.board.leads(me)) {
                    self.make_invite();
                }
            }
            LinkEvent::Datagrams { npk, batch } => {
                let from = self.board.member_of(&npk);
                for bytes in batch {
                    if let (Some(recorder), Some(idx)) = (&mut self.recorder, from) {
                        recorder.packet(What::In, idx.0, &bytes);
                    }
                    self.feed(Input::Datagram { npk, bytes });
                }
            }
            LinkEvent::Down { npk, alpn, reason } => {
                tracing::debug!(peer = %npk, ?alpn, ?reason, "link down");
                if self.links.lost(&npk, alpn, reason) {
                    self.held.take(&npk);
                    self.board.link(npk, None);
                    self.feed(Input::Disconnected { npk });
                }
                self.dirty = true;
            }
            LinkEvent::Message { npk, bytes, .. } => {
                if let Some(recorder) = &mut self.recorder {
                    let from = self.board.member_of(&npk).map(|idx| idx.0);
                    recorder.message(from, &bytes);
                }
                self.feed(Input::Message { npk, bytes: bytes.to_vec() });
            }
            LinkEvent::Path { npk, direct } => {
                self.board.link(npk, Some(direct));
                self.dirty = true;
            }
            LinkEvent::Up { npk, alpn, direct } => {
                self.board.link(npk, Some(direct));
                for message in self.held.take(&npk) {
                    self.say(npk, message);
                }
                self.feed(Input::Connected { npk, lobby: alpn == Alpn::Lobby });
                if let Some(idx) = self.board.member_of(&npk) {
                    self.files.linked(idx, Instant::now());
                }
                if let Some(bytes) = self.links.max_datagram(&npk) {
                    self.feed(Input::DatagramLimit { npk, bytes });
                }
                self.dirty = true;
            }
        }
    }

    fn draw(&mut self, now: Instant) {
        self.dirty = false;
        let chain = &self.ground.chain;
        let fork = self.session.fork().cloned().or_else(|| chain.fork());
        let evidence = codes::evidence(fork, self.session.equivocation());
        let shelf = &mut self.ground.shelf;
        let evidence = evidence.into_iter().map(|evidence| shelf.keep(evidence)).collect();
        self.board.codes(self.session.codes(chain.validators_hash()), evidence);
        self.board.roster(self.session.roster());
        if !self.over {
            self.board.files(self.files.shown(now));
        }
        self.view.send_replace(Arc::new(self.board.view(now)));
        let counters = self.session.counters();
        self.count.send_replace(Counts {
            opened: counters.opened,
            refused: counters.refused(),
            repaired: counters.repaired,
            sealed: counters.sealed,
        });
        if let Some(recorder) = &mut self.recorder {
            recorder.flush();
        }
    }

    fn now(&self) -> Millis {
        millis(self.start)
    }
}

/// The clock of a session that began then.
fn millis(start: Instant) -> Millis {
    Millis(u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX))
}

/// Ends at `wake`, or never.
async fn until(wake: Option<Instant>) {
    match wake {
        Some(at) => sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
