//! Own media on its way from the browser, a port or a clip into the session.

use std::time::{Duration, Instant};

use conclave_meeting::{media::StreamNo, session::Command};
use conclave_protocol::MemberIdx;

use super::{
    super::streams::{Origin, stream_kind},
    Actor,
};
use crate::{
    ports::PortEvent,
    rtc::{MediaKind, RtcEvent, RtpUnit, StreamKey},
};

/// What a repair takes besides the round trip.
const REPAIR: Duration = Duration::from_millis(30);

impl Actor {
    pub(super) fn browser(&mut self, event: RtcEvent) {
        match event {
            RtcEvent::MediaIn { kind, session, unit } => {
                self.send(Origin::Browser(session), kind, &unit);
            }
            RtcEvent::KeyframeWanted(stream) => self.want_keyframe(stream),
            RtcEvent::SessionDown(session) => self.close(Origin::Browser(session)),
            RtcEvent::SessionUp(_) => {}
        }
    }

    pub(super) fn port(&mut self, event: PortEvent) {
        match event {
            PortEvent::Closed(port) => {
                self.close(Origin::Port(port));
                self.port_records(port, false);
            }
            PortEvent::Kept(port) => self.port_records(port, true),
            PortEvent::KeyframeWanted(stream) => self.want_keyframe(stream),
            PortEvent::MediaIn { port, kind, unit } => self.send(Origin::Port(port), kind, &unit),
        }
    }

    fn want_keyframe(&mut self, stream: StreamKey) {
        let Some(number) = StreamNo::new(stream.stream_no) else { return };
        let command = Command::RequestKeyframe { idx: MemberIdx(stream.idx), stream: number };
        // A stream that has just ended needs no keyframe.
        let _gone = self.command(command);
    }

    /// Sends one packet of own media under the number of its stream, which opens with it.
    fn send(&mut self, origin: Origin, kind: MediaKind, unit: &RtpUnit) {
        let number = match self.streams.number(origin, kind) {
            Some(number) => number,
            None => match self.session.open_stream(stream_kind(kind), self.now()) {
                Ok(number) => {
                    self.streams.insert(origin, kind, number);
                    self.board.own_stream(number.value(), Some(stream_kind(kind)));
                    self.dirty = true;
                    number
                }
                // Nobody is there to hear it yet.
                Err(_) => return,
            },
        };
        let now = self.now();
        // Without a key nothing is sealed, and nothing is kept for later: media is live.
        let _unsent = self.session.send_media(number, &unit.encode(), now);
        if let Some(me) = self.view.borrow().me {
            self.board.heard(MemberIdx(me), number.value(), Instant::now());
        }
    }

    pub(super) fn close(&mut self, origin: Origin) {
        for number in self.streams.remove(origin) {
            let _gone = self.command(Command::CloseStream { stream: number });
            self.board.own_stream(number.value(), None);
            self.dirty = true;
        }
    }

    /// A lost packet is repaired within a round trip and a little more; so long the browser is not
    /// told.
    pub(super) fn set_patience(&self) {
        for (npk, idx, stream_no) in self.board.remote_streams() {
            if let Some(rtt) = self.links.stats(&npk).and_then(|stats| stats.rtt) {
                let hold = rtt + REPAIR;
                self.ground.rtc.set_reorder(StreamKey { idx: idx.0, stream_no }, hold);
            }
        }
    }

    /// How the links of the members do at this moment.
    pub(super) fn look_at_links(&mut self) {
        let Self { board, links, qualities, .. } = self;
        let seen = board.linked().filter_map(|npk| Some((*npk, links.stats(npk)?)));
        let seen = qualities.look(seen, Instant::now());
        self.board.qualities(seen);
    }

    /// Somebody cannot begin with the next picture of an own stream. Programs at ports send RTP
    /// alone and cannot be asked.
    pub(super) fn make_keyframe(&mut self, stream: StreamNo) {
        match self.streams.origin(stream) {
            Some((Origin::Browser(session), kind)) => {
                self.ground.rtc.request_keyframe(session, kind);
            }
            Some((Origin::Clip, MediaKind::Video)) => {
                if let Some(player) = &mut self.player {
                    player.key_picture();
                }
            }
            _ => {}
        }
    }

    pub(super) fn play(&mut self, now: Instant) {
        let Some(mut player) = self.player.take() else { return };
        while player.next_at() <= now {
            let (kind, unit) = player.next_unit();
            self.send(Origin::Clip, kind, &unit);
        }
        self.player = Some(player);
    }
}
