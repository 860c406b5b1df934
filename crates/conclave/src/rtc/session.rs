//! One connection of the browser: str0m and what it means here.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use str0m::change::SdpOffer;
use str0m::media::Mid;
use str0m::net::Transmit;
use str0m::rtp::RtpPacket;
use str0m::{Candidate, Event, IceConnectionState, Input, Output, Rtc};

use super::egress::Egress;
use super::ingress::Ingress;
use super::unit::{MediaKind, RtpUnit};
use super::{RtcError, SessionId, Source, StreamKey, Want, answer};

/// One connection. Change one thing, then [`drive`](Self::drive) it; drive it again at
/// [`deadline`](Self::deadline).
#[derive(Debug)]
pub(super) struct Session {
    deadline: Instant,
    id: SessionId,
    opened: Instant,
    role: Role,
    rtc: Rtc,
    up: bool,
}

#[derive(Debug)]
enum Role {
    Publish { bitrate: u64, clock_zero: u32, source: Source, tracks: BTreeMap<Mid, Ingress> },
    Receive { tracks: Vec<Egress> },
}

/// What a session wants done or known.
#[derive(Debug)]
pub(super) enum Effect {
    KeyframeWanted(StreamKey),
    Media(MediaKind, RtpUnit),
    Send(Transmit),
    Up,
}

impl Session {
    /// A connection on which the browser sends; the offer is answered next.
    pub(super) fn publisher(
        now: Instant,
        id: SessionId,
        source: Source,
        bitrate: u64,
        clock_zero: u32,
        addresses: &[SocketAddr],
    ) -> Result<Self, RtcError> {
        let role = Role::Publish { bitrate, clock_zero, source, tracks: BTreeMap::new() };
        Self::new(now, id, role, addresses)
    }

    /// A connection on which the browser receives; the offer is answered next.
    pub(super) fn receiver(
        now: Instant,
        id: SessionId,
        addresses: &[SocketAddr],
    ) -> Result<Self, RtcError> {
        Self::new(now, id, Role::Receive { tracks: Vec::new() }, addresses)
    }

    fn new(
        now: Instant,
        id: SessionId,
        role: Role,
        addresses: &[SocketAddr],
    ) -> Result<Self, RtcError> {
        let mut rtc = str0m::RtcConfig::new()
            .set_crypto_provider(str0m::crypto::from_feature_flags().into())
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true)
            .set_rtp_mode(true)
            .build(now);
        for address in addresses {
            let candidate = Candidate::host(*address, "udp");
            rtc.add_local_candidate(candidate.map_err(|error| RtcError::Bind(error.to_string()))?);
        }
        Ok(Self { deadline: now, id, opened: now, role, rtc, up: false })
    }

    pub(super) const fn id(&self) -> SessionId {
        self.id
    }

    pub(super) const fn is_receiver(&self) -> bool {
        matches!(self.role, Role::Receive { .. })
    }

    pub(super) const fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Whether a datagram is for this connection.
    pub(super) fn accepts(&self, input: &Input<'_>) -> bool {
        self.rtc.accepts(input)
    }

    /// Whether the connection is over: closed by either side, lost, or never made.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        !self.rtc.is_alive() || (!self.up && now.duration_since(self.opened) > CONNECT_WITHIN)
    }

    /// Answers the offer of a browser that sends. Its tracks appear as events of str0m.
    pub(super) fn answer_publisher(&mut self, offer: &str) -> Result<String, RtcError> {
        self.accept(offer)
    }

    /// Answers an offer, first or later, of a browser that receives. `now` serves the drain that
    /// str0m demands between two changes.
    pub(super) fn answer_receiver(
        &mut self,
        now: Instant,
        offer: &str,
        wants: &[Want],
        effects: &mut Vec<Effect>,
    ) -> Result<String, RtcError> {
        let mut wanted = BTreeMap::new();
        for want in wants {
            if want.mid.len() > MAX_MID || wanted.insert(want.mid.clone(), want.stream).is_some() {
                return Err(RtcError::Want(want.mid.clone()));
            }
        }
        let Role::Receive { tracks } = &mut self.role else {
            return Err(RtcError::NoSession(self.id));
        };
        let kept = |track: &Egress| wanted.get(&*track.mid) == Some(&track.stream);
        let (mut keep, ended): (Vec<_>, Vec<_>) = tracks.drain(..).partition(kept);
        for track in ended {
            self.renew_source(track.mid);
            self.drive(now, effects);
        }
        let answered = self.accept(offer);
        let mut missing = None;
        for (mid, stream) in &wanted {
            if answered.is_err() || keep.iter().any(|track| *track.mid == **mid) {
                continue;
            }
            match Egress::open(&self.rtc, mid.as_str().into(), *stream) {
                Some(track) => {
                    if self.up && !track.audio {
                        effects.push(Effect::KeyframeWanted(*stream));
                    }
                    keep.push(track);
                }
                None => missing = Some(mid.clone()),
            }
        }
        self.role = Role::Receive { tracks: keep };
        match (answered, missing) {
            (Ok(_), Some(mid)) => Err(RtcError::Want(mid)),
            (Ok(sdp), None) => Ok(answer::name_streams(&sdp, &wanted)),
            (Err(error), _) => Err(error),
        }
    }

    /// Gives a transceiver a new SSRC, so that whatever it shows next starts from nothing.
    fn renew_source(&mut self, mid: Mid) {
        let mut direct = self.rtc.direct_api();
        let (main, resend) = (direct.new_ssrc(), direct.new_ssrc());
        let Some(stream) = direct.stream_tx_by_mid(mid, None) else { return };
        let resend = stream.rtx().map(|_| resend);
        direct.reset_stream_tx(mid, None, main, resend);
    }

    fn accept(&mut self, offer: &str) -> Result<String, RtcError> {
        let unusable = |error: &dyn std::fmt::Display| RtcError::Offer(error.to_string());
        if offer.len() > MAX_OFFER {
            return Err(unusable(&"too long"));
        }
        let offer = SdpOffer::from_sdp_string(offer).map_err(|error| unusable(&error))?;
        let answer = self.rtc.sdp_api().accept_offer(offer).map_err(|error| unusable(&error))?;
        Ok(answer.to_sdp_string())
    }

    /// The streams that this connection wants, and whether each is sound.
    pub(super) fn wants(&self) -> impl Iterator<Item = (StreamKey, bool)> {
        let tracks = match &self.role {
            Role::Receive { tracks } => tracks.as_slice(),
            Role::Publish { .. } => &[],
        };
        tracks.iter().map(|track| (track.stream, track.audio))
    }

    /// Sends one unit on every track that shows its stream.
    pub(super) fn write(
        &mut self,
        now: Instant,
        stream: StreamKey,
        number: u64,
        unit: &RtpUnit,
        wallclock: Instant,
        effects: &mut Vec<Effect>,
    ) {
        let Role::Receive { tracks } = &mut self.role else { return };
        let mut written = false;
        if self.up {
            for track in tracks.iter_mut().filter(|track| track.stream == stream) {
                written |= track.write(&mut self.rtc, number, unit, wallclock);
            }
        }
        if written {
            self.drive(now, effects);
        }
    }

    /// Asks the browser for a key picture of what it publishes.
    pub(super) fn want_keyframe(
        &mut self,
        now: Instant,
        kind: MediaKind,
        effects: &mut Vec<Effect>,
    ) {
        if let Role::Publish { tracks, .. } = &mut self.role {
            tracks.values_mut().filter(|track| track.kind == kind).for_each(Ingress::want_keyframe);
            self.drive(now, effects);
        }
    }

    /// Takes in one datagram.
    pub(super) fn receive(&mut self, now: Instant, input: Input<'_>, effects: &mut Vec<Effect>) {
        self.input(input);
        self.drive(now, effects);
    }

    /// Says goodbye to the browser; the session is over when that is sent.
    pub(super) fn close(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        if self.rtc.close().is_ok() {
            self.drive(now, effects);
        }
        self.rtc.disconnect();
    }

    /// Brings the connection up to `now` and collects what it wants done.
    pub(super) fn drive(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        for _ in 0..MAX_ROUNDS {
            let deadline = self.drain(now, effects);
            if self.feed_back(now) {
                continue;
            }
            self.deadline = deadline.min(self.feedback_deadline().unwrap_or(deadline));
            if self.deadline > now || !self.rtc.is_alive() {
                return;
            }
            self.input(Input::Timeout(now));
        }
        self.deadline = now + ROUNDS_PAUSE;
    }

    fn input(&mut self, input: Input<'_>) {
        if let Err(error) = self.rtc.handle_input(input) {
            tracing::debug!(session = %self.id, %error, "browser connection failed");
            self.rtc.disconnect();
        }
    }

    /// Polls str0m until it only waits; returns until when.
    fn drain(&mut self, now: Instant, effects: &mut Vec<Effect>) -> Instant {
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Event(event)) => self.on_event(now, event, effects),
                Ok(Output::Timeout(at)) => return at,
                Ok(Output::Transmit(datagram)) => effects.push(Effect::Send(datagram)),
                Err(error) => {
                    tracing::debug!(session = %self.id, %error, "browser connection failed");
                    self.rtc.disconnect();
                    return now;
                }
            }
        }
    }

    fn on_event(&mut self, now: Instant, event: Event, effects: &mut Vec<Effect>) {
        match event {
            Event::Connected => {
                self.up = true;
                effects.push(Effect::Up);
                let video = self.wants().filter(|(_, audio)| !audio);
                effects.extend(video.map(|(stream, _)| Effect::KeyframeWanted(stream)));
            }
            Event::IceConnectionStateChange(IceConnectionState::Disconnected) | Event::Closed => {
                self.rtc.disconnect();
            }
            Event::KeyframeRequest(request) => {
                if let Role::Receive { tracks } = &self.role {
                    let asked = tracks.iter().filter(|track| track.mid == request.mid);
                    effects.extend(asked.map(|track| Effect::KeyframeWanted(track.stream)));
                }
            }
            Event::MediaAdded(added) => self.add_track(added.mid, added.kind.is_audio()),
            Event::RtpPacket(packet) => self.on_packet(now, &packet, effects),
            _ => {}
        }
    }

    fn add_track(&mut self, mid: Mid, audio: bool) {
        let Role::Publish { bitrate, source, tracks, .. } = &mut self.role else { return };
        let kind = match (source, audio) {
            (Source::Camera, true) => MediaKind::Audio,
            (Source::Camera, false) => MediaKind::Video,
            (Source::Screen, true) => MediaKind::ScreenAudio,
            (Source::Screen, false) => MediaKind::Screen,
        };
        if tracks.values().all(|track| track.kind != kind) {
            tracks.insert(mid, Ingress::new(mid, kind, *bitrate));
        }
    }

    fn on_packet(&mut self, now: Instant, packet: &RtpPacket, effects: &mut Vec<Effect>) {
        let Role::Publish { clock_zero, tracks, .. } = &mut self.role else { return };
        let mut direct = self.rtc.direct_api();
        let Some(stream) = direct.stream_rx(&packet.header.ssrc) else { return };
        let Some(track) = tracks.get_mut(&stream.mid()) else { return };
        if let Some(unit) = track.unit(now, stream.rid(), packet, *clock_zero) {
            effects.push(Effect::Media(track.kind, unit));
        }
    }

    fn feed_back(&mut self, now: Instant) -> bool {
        let Role::Publish { tracks, .. } = &mut self.role else { return false };
        if !self.up || !self.rtc.is_alive() {
            return false;
        }
        // One change, then a drain: str0m's rule. The next round takes the next track.
        tracks.values_mut().any(|track| track.feed_back(now, &mut self.rtc))
    }

    fn feedback_deadline(&self) -> Option<Instant> {
        match &self.role {
            Role::Publish { tracks, .. } => tracks.values().filter_map(Ingress::deadline).min(),
            Role::Receive { .. } => None,
        }
    }
}

/// A connection that is not made within this time is given up.
const CONNECT_WITHIN: Duration = Duration::from_secs(15);
/// Longest `mid` that str0m keeps whole, in bytes.
const MAX_MID: usize = 16;
/// Longest offer, in bytes; a page with 60 transceivers sends about 150 kB.
const MAX_OFFER: usize = 512 * 1024;
/// Rounds of one drive, after which other connections have their turn.
const MAX_ROUNDS: u32 = 64;
/// Then the rest has to wait this long.
const ROUNDS_PAUSE: Duration = Duration::from_millis(1);
