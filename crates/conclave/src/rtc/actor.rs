//! The task that owns the sockets, the browser's connections and the streams they show.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::RngExt;
use str0m::Input;
use str0m::net::{Protocol, Receive};
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, oneshot};

use super::ingress::KEYFRAME_EVERY;
use super::lipsync::{Anchor, SenderClock};
use super::reorder::Reorder;
use super::session::{Effect, Session};
use super::unit::{MediaKind, RtpUnit};
use super::{
    Answer, MAX_SESSIONS, Reply, RtcConfig, RtcError, RtcEvent, SessionId, Source, StreamKey, Want,
};
use crate::udp::receive;

/// What a handle asks of the task.
#[derive(Debug)]
pub(super) enum Command {
    Close { reply: oneshot::Sender<Result<(), RtcError>>, session: SessionId },
    Keyframe { kind: MediaKind, session: SessionId },
    Publish { offer: String, reply: Reply, source: Source },
    Receive { offer: String, reply: Reply, session: Option<SessionId>, wants: Vec<Want> },
    Reorder { hold: Duration, stream: StreamKey },
    Write { stream: StreamKey, unit: RtpUnit },
}

/// State of the task. One thread of control: no locks.
#[derive(Debug)]
pub(super) struct Actor {
    addresses: Vec<SocketAddr>,
    /// Subtracted from all capture times, so that nobody learns this computer's clock.
    clock_zero: u32,
    clocks: BTreeMap<u16, SenderClock>,
    config: RtcConfig,
    effects: Vec<Effect>,
    events: mpsc::Sender<RtcEvent>,
    sessions: Vec<Session>,
    sockets: Vec<UdpSocket>,
    streams: BTreeMap<StreamKey, Stream>,
}

/// One stream that at least one connection wants.
#[derive(Debug)]
struct Stream {
    anchor: Option<Anchor>,
    audio: bool,
    keyframe_asked: Option<Instant>,
    reorder: Reorder,
}

impl Actor {
    pub(super) fn new(
        config: RtcConfig,
        sockets: Vec<UdpSocket>,
        events: mpsc::Sender<RtcEvent>,
    ) -> Result<Self, RtcError> {
        let addresses = sockets.iter().map(UdpSocket::local_addr).collect::<Result<_, _>>();
        Ok(Self {
            addresses: addresses.map_err(|error| RtcError::Bind(error.to_string()))?,
            clock_zero: rand::rng().random(),
            clocks: BTreeMap::new(),
            config,
            effects: Vec::new(),
            events,
            sessions: Vec::new(),
            sockets,
            streams: BTreeMap::new(),
        })
    }

    /// Runs until the last handle is dropped.
    pub(super) async fn run(mut self, mut inbox: mpsc::Receiver<Command>) {
        let (mut buffer, mut turn) = (vec![0; MAX_DATAGRAM], 0);
        loop {
            let deadline = self.deadline().unwrap_or_else(|| Instant::now() + IDLE);
            tokio::select! {
                command = inbox.recv() => {
                    let Some(command) = command else { break };
                    self.on_command(command);
                    for _ in 0..BATCH {
                        let Ok(command) = inbox.try_recv() else { break };
                        self.on_command(command);
                    }
                }
                (at, length, source) = receive(&self.sockets, turn, &mut buffer) => {
                    turn = at + 1;
                    self.on_datagram(at, source, &buffer[..length]);
                }
                () = tokio::time::sleep_until(deadline.into()) => {}
            }
            self.on_time(Instant::now());
        }
        let now = Instant::now();
        for index in 0..self.sessions.len() {
            self.with_session(index, |session, effects| session.close(now, effects));
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let sessions = self.sessions.iter().map(Session::deadline);
        sessions.chain(self.streams.values().filter_map(|stream| stream.reorder.deadline())).min()
    }

    fn on_command(&mut self, command: Command) {
        let now = Instant::now();
        match command {
            Command::Close { reply, session } => {
                let _gone = reply.send(self.unpublish(now, session));
            }
            Command::Keyframe { kind, session } => {
                self.with_id(session, |session, effects| session.want_keyframe(now, kind, effects));
            }
            Command::Publish { offer, reply, source } => {
                let answer = self.publish(now, &offer, source);
                // A page that no longer waits closes the connection by not connecting.
                let _gone = reply.send(answer);
            }
            Command::Receive { offer, reply, session, wants } => {
                let answer = self.receive(now, session, &offer, &wants);
                let _gone = reply.send(answer);
                self.update_streams();
            }
            Command::Reorder { hold, stream } => {
                if let Some(stream) = self.streams.get_mut(&stream).filter(|stream| !stream.audio) {
                    stream.reorder.set_hold(hold.min(MAX_HOLD));
                }
            }
            Command::Write { stream, unit } => {
                if let Some(wanted) = self.streams.get_mut(&stream) {
                    wanted.reorder.push(now, unit);
                    self.release(now, stream);
                }
            }
        }
    }

    fn publish(&mut self, now: Instant, offer: &str, source: Source) -> Result<Answer, RtcError> {
        let bitrate = match source {
            Source::Camera => self.config.camera_bitrate,
            Source::Screen => self.config.screen_bitrate,
        };
        let id = self.new_id()?;
        let mut session =
            Session::publisher(now, id, source, bitrate, self.clock_zero, &self.addresses)?;
        let sdp = session.answer_publisher(offer)?;
        self.add(now, session);
        Ok(Answer { sdp, session: id })
    }

    fn receive(
        &mut self,
        now: Instant,
        id: Option<SessionId>,
        offer: &str,
        wants: &[Want],
    ) -> Result<Answer, RtcError> {
        let Some(id) = id else {
            let id = self.new_id()?;
            let mut session = Session::receiver(now, id, &self.addresses)?;
            let sdp = session.answer_receiver(now, offer, wants, &mut self.effects)?;
            self.add(now, session);
            return Ok(Answer { sdp, session: id });
        };
        let known = |session: &Session| session.id() == id && session.is_receiver();
        let index = self.sessions.iter().position(known).ok_or(RtcError::NoSession(id))?;
        let sdp = self.with_session(index, |session, effects| {
            let sdp = session.answer_receiver(now, offer, wants, effects);
            session.drive(now, effects);
            sdp
        });
        Ok(Answer { sdp: sdp?, session: id })
    }

    /// Whoever may publish knows nothing of what the page receives, and does not end it.
    fn unpublish(&mut self, now: Instant, id: SessionId) -> Result<(), RtcError> {
        if self.sessions.iter().any(|session| session.id() == id && session.is_receiver()) {
            return Err(RtcError::NoPublication(id));
        }
        self.with_id(id, |session, effects| session.close(now, effects));
        Ok(())
    }

    /// A name that nobody guesses: whoever may publish must not end what others publish.
    fn new_id(&self) -> Result<SessionId, RtcError> {
        if self.sessions.len() >= MAX_SESSIONS {
            return Err(RtcError::TooMany);
        }
        Ok(SessionId(rand::rng().random()))
    }

    fn add(&mut self, now: Instant, session: Session) {
        self.sessions.push(session);
        let index = self.sessions.len() - 1;
        self.with_session(index, |session, effects| session.drive(now, effects));
    }

    fn on_datagram(&mut self, at: usize, source: SocketAddr, bytes: &[u8]) {
        let now = Instant::now();
        let (Some(destination), Ok(contents)) = (self.addresses.get(at), bytes.try_into()) else {
            return;
        };
        let receive = Receive { proto: Protocol::Udp, source, destination: *destination, contents };
        let input = Input::Receive(now, receive);
        if let Some(index) = self.sessions.iter().position(|session| session.accepts(&input)) {
            self.with_session(index, |session, effects| session.receive(now, input, effects));
        }
    }

    fn on_time(&mut self, now: Instant) {
        for index in 0..self.sessions.len() {
            if self.sessions[index].deadline() <= now {
                self.with_session(index, |session, effects| session.drive(now, effects));
            }
        }
        let due = |stream: &Stream| stream.reorder.deadline().is_some_and(|at| at <= now);
        let due: Vec<_> =
            self.streams.iter().filter(|(_, stream)| due(stream)).map(|(key, _)| *key).collect();
        due.into_iter().for_each(|key| self.release(now, key));
        self.bury(now);
    }

    /// Sends what may leave a stream's reorder buffer.
    fn release(&mut self, now: Instant, key: StreamKey) {
        while let Some(stream) = self.streams.get_mut(&key) {
            let Some((number, unit)) = stream.reorder.poll(now) else { break };
            let clock_rate =
                if stream.audio { MediaKind::Audio } else { MediaKind::Video }.clock_rate();
            if let Some(captured_ms) = unit.captured_ms {
                stream.anchor = Some(Anchor { captured_ms, clock_rate, rtp_ts: unit.rtp_ts });
            }
            let clock = self.clocks.entry(key.idx).or_default();
            let wallclock =
                stream.anchor.map_or(now, |anchor| clock.wallclock(now, anchor, unit.rtp_ts));
            for index in 0..self.sessions.len() {
                self.with_session(index, |session, effects| {
                    session.write(now, key, number, &unit, wallclock, effects);
                });
            }
        }
    }

    /// Forgets connections that are over.
    fn bury(&mut self, now: Instant) {
        let (over, alive): (Vec<_>, Vec<_>) =
            self.sessions.drain(..).partition(|session| session.is_over(now));
        self.sessions = alive;
        if !over.is_empty() {
            over.iter().for_each(|session| self.report(RtcEvent::SessionDown(session.id())));
            self.update_streams();
        }
    }

    /// Keeps state for exactly the streams that somebody wants.
    fn update_streams(&mut self) {
        let wanted: BTreeMap<_, _> = self.sessions.iter().flat_map(Session::wants).collect();
        self.streams.retain(|key, stream| wanted.get(key) == Some(&stream.audio));
        for (key, audio) in wanted {
            let hold = if audio { Duration::ZERO } else { self.config.reorder };
            self.streams.entry(key).or_insert_with(|| Stream {
                anchor: None,
                audio,
                keyframe_asked: None,
                reorder: Reorder::new(hold),
            });
        }
        let streams = &self.streams;
        self.clocks.retain(|idx, _| streams.keys().any(|key| key.idx == *idx));
    }

    fn with_id(&mut self, id: SessionId, change: impl FnOnce(&mut Session, &mut Vec<Effect>)) {
        if let Some(index) = self.sessions.iter().position(|session| session.id() == id) {
            self.with_session(index, change);
        }
    }

    /// Changes one session and does what it wants done.
    fn with_session<T>(
        &mut self,
        index: usize,
        change: impl FnOnce(&mut Session, &mut Vec<Effect>) -> T,
    ) -> T {
        let session = &mut self.sessions[index];
        let id = session.id();
        let result = change(session, &mut self.effects);
        for effect in std::mem::take(&mut self.effects) {
            match effect {
                Effect::KeyframeWanted(key) => self.want_keyframe(key),
                Effect::Media(kind, unit) => {
                    self.report(RtcEvent::MediaIn { kind, session: id, unit });
                }
                Effect::Send(datagram) => {
                    let from = self.addresses.iter().position(|at| *at == datagram.source);
                    let socket = from.and_then(|at| self.sockets.get(at));
                    // A full socket loses the datagram; RTP, DTLS and ICE all repair that.
                    let _sent = socket
                        .map(|socket| socket.try_send_to(&datagram.contents, datagram.destination));
                }
                Effect::Up => self.report(RtcEvent::SessionUp(id)),
            }
        }
        result
    }

    fn want_keyframe(&mut self, key: StreamKey) {
        let now = Instant::now();
        self.update_streams();
        let Some(stream) = self.streams.get_mut(&key) else { return };
        if stream.keyframe_asked.is_none_or(|at| now.duration_since(at) >= KEYFRAME_EVERY) {
            stream.keyframe_asked = Some(now);
            self.report(RtcEvent::KeyframeWanted(key));
        }
    }

    fn report(&self, event: RtcEvent) {
        if self.events.try_send(event).is_err() {
            tracing::trace!("event of the browser's media dropped");
        }
    }
}

/// Commands taken in a row before the sockets have their turn.
const BATCH: usize = 64;
/// The longest sleep.
const IDLE: Duration = Duration::from_secs(3_600);
/// Room for the largest datagram a browser sends.
const MAX_DATAGRAM: usize = 2_048;
/// The longest wait for a missing packet.
const MAX_HOLD: Duration = Duration::from_secs(1);
