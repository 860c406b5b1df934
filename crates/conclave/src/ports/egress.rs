//! Units of other members become RTP for one receiver on this machine, with reports beside it.

use std::{
    io::ErrorKind,
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use rtcp_types::{Bye, Compound, ReceiverReport, RtcpPacketWriterExt as _, SenderReport};
use rtp_types::{RtpPacketBuilder, RtpPacketWriterVec};
use tokio::net::UdpSocket;

use super::{Heard, PortError, bind, bind_pair, ingress::low_u16, splice::Splice};
use crate::rtc::{Anchor, MediaKind, Reorder, RtpUnit, SenderClock, StreamKey, low_u32};

/// What a packet carries, by the number that the description gives it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Payload {
    /// RFC 7587.
    Opus,
    /// RFC 7741.
    Vp8,
}

impl Payload {
    pub(super) const fn number(self) -> u8 {
        match self {
            Self::Opus => 97,
            Self::Vp8 => 96,
        }
    }
}

/// One receiver of one kind of media.
#[derive(Debug)]
pub(super) struct Egress {
    anchor: Option<Anchor>,
    asked: Option<Instant>,
    heard: Instant,
    kind: MediaKind,
    /// Number of the newest unit of the source.
    last: Option<u64>,
    line: Line,
    news: bool,
    reorder: Reorder,
    source: Option<StreamKey>,
    splice: Splice,
    /// Nothing goes out before the next key picture.
    waits: bool,
    wants_key: bool,
}

impl Egress {
    /// Sends to `port` of this machine, any free one for 0, and reports to the one behind it.
    pub(super) async fn open(kind: MediaKind, port: u16, ssrc: u32) -> Result<Self, PortError> {
        let payload = if kind.is_audio() { Payload::Opus } else { Payload::Vp8 };
        Ok(Self {
            anchor: None,
            asked: None,
            heard: Instant::now(),
            kind,
            last: None,
            line: Line::open(payload, port, ssrc).await?,
            news: false,
            reorder: Reorder::new(PATIENCE),
            source: None,
            splice: Splice::new(kind.clock_rate()),
            waits: false,
            wants_key: false,
        })
    }

    /// Where it is sent to.
    pub(super) const fn port(&self) -> u16 {
        self.line.port
    }

    /// Takes one packet. `speaker` is the member to send, as far as known; a member that sends no
    /// such media does not end what is sent of another.
    pub(super) fn take(&mut self, now: Instant, speaker: Option<u16>, heard: &Heard) {
        if heard.kind != self.kind {
            return;
        }
        if self.source != Some(heard.stream) {
            let silent = now.saturating_duration_since(self.heard) >= SILENCE;
            let better = match (self.source, speaker) {
                (None, None) => true,
                (None, Some(speaker)) => speaker == heard.stream.idx,
                (Some(source), Some(speaker)) if speaker == heard.stream.idx => {
                    source.idx != speaker || silent
                }
                (Some(source), None) => source.idx == heard.stream.idx && silent,
                _ => false,
            };
            if !better {
                return;
            }
            self.news |= self.source.map(|source| source.idx) != Some(heard.stream.idx);
            self.begin(heard.stream);
        }
        self.heard = now;
        self.reorder.push(now, heard.unit.clone());
    }

    fn begin(&mut self, stream: StreamKey) {
        self.source = Some(stream);
        self.reorder = Reorder::new(PATIENCE);
        self.splice.restart();
        (self.anchor, self.last) = (None, None);
        self.waits = !self.kind.is_audio();
        self.wants_key = self.waits;
    }

    /// Sends what may go out; `clock` is that of the member.
    pub(super) fn release(&mut self, now: Instant, clock: &mut SenderClock) {
        while let Some((number, unit)) = self.reorder.poll(now) {
            if let Some(captured_ms) = unit.captured_ms {
                let clock_rate = self.kind.clock_rate();
                self.anchor = Some(Anchor { captured_ms, clock_rate, rtp_ts: unit.rtp_ts });
            }
            let follows = self.last.is_none_or(|last| number <= last + 1);
            self.last = self.last.max(Some(number));
            self.wants_key |= !follows && !self.kind.is_audio();
            if self.waits && !unit.begins_keyframe() {
                continue;
            }
            self.waits = false;
            let Some((seq, ts)) = self.splice.place(now, number, unit.rtp_ts) else { continue };
            let captured = self.anchor.map(|anchor| clock.wallclock(now, anchor, unit.rtp_ts));
            if self.line.send(now, low_u16(seq), ts, captured, &unit) {
                // Somebody has begun to listen, and saw no key picture yet.
                self.wants_key |= !self.kind.is_audio();
            }
        }
    }

    /// Says that nothing follows, so that a recorder closes its file.
    pub(super) fn goodbye(&self) {
        let ssrc = self.line.ssrc;
        // A report begins every message (RFC 3550, section 6.1), here one about nobody.
        let goodbye = Compound::builder()
            .add_packet(ReceiverReport::builder(ssrc))
            .add_packet(Bye::builder().add_source(ssrc));
        let mut bytes = [0; 64];
        if let Some(goodbye) =
            goodbye.write_into(&mut bytes).ok().and_then(|length| bytes.get(..length))
        {
            let _nobody = self.line.reports.try_send(goodbye);
        }
    }

    /// When [`release`](Self::release) has to be called again.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.reorder.deadline()
    }

    /// Whether it sends pictures.
    pub(super) const fn is_video(&self) -> bool {
        !self.kind.is_audio()
    }

    /// The member that is sent.
    pub(super) fn member(&self) -> Option<u16> {
        self.source.map(|source| source.idx)
    }

    /// Who is sent from now on, once after each change.
    pub(super) fn news(&mut self) -> Option<u16> {
        std::mem::take(&mut self.news).then(|| self.member()).flatten()
    }

    /// The stream that is to be asked for a key picture now.
    pub(super) fn keyframe(&mut self, now: Instant) -> Option<StreamKey> {
        let due = self.asked.is_none_or(|at| now.saturating_duration_since(at) >= KEYFRAME_EVERY);
        if !self.wants_key || !due {
            return None;
        }
        self.asked = Some(now);
        // Without a key picture it is asked for again with the packets that come.
        self.wants_key = self.waits;
        self.source
    }
}

/// The way to the receiver: media, and reports beside it (RFC 3550, section 11).
#[derive(Debug)]
struct Line {
    /// When the receiver was last found not to listen.
    deaf: Option<Instant>,
    octets: u32,
    packets: u32,
    payload: Payload,
    port: u16,
    reported: Option<Instant>,
    reports: UdpSocket,
    socket: UdpSocket,
    ssrc: u32,
}

impl Line {
    async fn open(payload: Payload, port: u16, ssrc: u32) -> Result<Self, PortError> {
        // The receiver takes both, so they are free again when this is answered.
        let port = if port == 0 { bind_pair().await?.port } else { port };
        let next = port.checked_add(1).ok_or(PortError::Reports(port))?;
        let (socket, reports) = (connected(port).await?, connected(next).await?);
        let (deaf, reported) = (None, None);
        Ok(Self { deaf, octets: 0, packets: 0, payload, port, reported, reports, socket, ssrc })
    }

    /// Sends one packet. True if somebody has begun to listen.
    fn send(
        &mut self,
        now: Instant,
        seq: u16,
        ts: u32,
        captured: Option<Instant>,
        unit: &RtpUnit,
    ) -> bool {
        let packet = RtpPacketBuilder::<&[u8], &[u8]>::new()
            .payload_type(self.payload.number())
            .marker_bit(unit.marker)
            .sequence_number(seq)
            .timestamp(ts)
            .ssrc(self.ssrc)
            .payload(&unit.payload)
            .write(&mut RtpPacketWriterVec::default());
        let Ok(packet) = packet else { return false };
        let begins = match self.socket.try_send(&packet) {
            // The system says of an earlier packet that nobody has the port.
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                self.deaf = Some(now);
                false
            }
            // A full socket loses the packet, as a network does.
            Err(_) => false,
            Ok(_) => {
                let hears = |at: &mut Instant| now.saturating_duration_since(*at) >= HEARS_AFTER;
                self.deaf.take_if(hears).is_some()
            }
        };
        self.packets = self.packets.wrapping_add(1);
        let length = u32::try_from(unit.payload.len()).unwrap_or_default();
        self.octets = self.octets.wrapping_add(length);
        let due = self.reported.is_none_or(|at| now.saturating_duration_since(at) >= REPORT_EVERY);
        if let Some(captured) = captured.filter(|_| due) {
            self.reported = Some(now);
            self.report(now, ts, captured);
        }
        begins
    }

    /// Says when the sample at `ts` was captured, so that sound and picture stay together.
    fn report(&self, now: Instant, ts: u32, captured: Instant) {
        let ago = now.saturating_duration_since(captured);
        let at = SystemTime::now().checked_sub(ago);
        let Some(at) = at.and_then(|at| at.duration_since(UNIX_EPOCH).ok()) else { return };
        let report = SenderReport::builder(self.ssrc)
            .ntp_timestamp(ntp(at))
            .rtp_timestamp(ts)
            .packet_count(self.packets)
            .octet_count(self.octets);
        let mut bytes = [0; 64];
        if let Some(report) =
            report.write_into(&mut bytes).ok().and_then(|length| bytes.get(..length))
        {
            // Most receivers do not listen there.
            let _nobody = self.reports.try_send(report);
        }
    }
}

/// A time since 1970 as NTP has it: seconds since 1900, and their fractions.
fn ntp(since_1970: Duration) -> u64 {
    let seconds = since_1970.as_secs().wrapping_add(2_208_988_800);
    let fraction = (u64::from(since_1970.subsec_nanos()) << 32) / 1_000_000_000;
    u64::from(low_u32(seconds)) << 32 | fraction
}

/// A socket that sends to one port of this machine and hears whether somebody is there.
async fn connected(port: u16) -> Result<UdpSocket, PortError> {
    let socket = bind(0).await?;
    let at = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let failed = |source| PortError::Bind { port, source };
    socket.connect(at).await.map_err(failed)?;
    // The first packet must not find a socket of which nothing is known yet.
    socket.writable().await.map_err(failed)?;
    Ok(socket)
}

/// Without refusal for so long, somebody listens again.
const HEARS_AFTER: Duration = Duration::from_millis(500);
/// Least time between two wishes for a key picture.
const KEYFRAME_EVERY: Duration = Duration::from_millis(500);
/// How long a missing packet is waited for: a round trip and its repair.
const PATIENCE: Duration = Duration::from_millis(100);
/// Time between two reports.
const REPORT_EVERY: Duration = Duration::from_secs(1);
/// After so long a silence another stream of the same member takes its place.
const SILENCE: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_report_is_that_of_ntp() {
        assert_eq!(ntp(Duration::ZERO), 2_208_988_800 << 32);
        assert_eq!(ntp(Duration::from_millis(1_500)), 2_208_988_801 << 32 | 1 << 31);
    }

    #[tokio::test]
    async fn nothing_is_sent_to_another_machine() {
        let line = Line::open(Payload::Opus, 0, 1).await.unwrap();
        for socket in [line.socket, line.reports] {
            assert_eq!(socket.peer_addr().unwrap().ip(), Ipv4Addr::LOCALHOST);
        }
    }
}
