//! RTP of another program becomes units of this member.
//!
//! Whoever is on this machine can send to a port. One sender has it until it has been silent for
//! a while, what is not what the port is for is dropped, and the rest is measured.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use rtp_types::RtpPacket;

use super::{splice::Splice, vp8};
use crate::{
    links::Bucket,
    rtc::{MAX_PAYLOAD, MediaKind, RtpUnit, extend, low_u32},
};

/// One port that is sent to.
#[derive(Debug)]
pub(super) struct Ingress {
    bucket: Bucket,
    captured: Option<Instant>,
    pub(super) kind: MediaKind,
    /// Timestamp of the newest packet of the sender.
    newest_ts: Option<u32>,
    /// Extended number of the newest packet of the sender.
    number: u64,
    sender: Option<Sender>,
    splice: Splice,
}

/// Who has a port.
#[derive(Clone, Copy, Debug)]
struct Sender {
    address: SocketAddr,
    heard: Instant,
    ssrc: u32,
}

/// Why a datagram was dropped.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Dropped {
    /// It holds no Opus, or no VP8.
    Codec,
    /// Another program has the port.
    Other,
    /// It is no RTP.
    Rtp,
    /// More than a camera or a microphone sends.
    TooFast,
}

impl Dropped {
    /// What to tell whoever opened the port.
    pub(super) const fn say(self) -> &'static str {
        match self {
            Self::Codec => {
                "what came is no Opus, or no VP8; packets of sound have 1 to 1,300 bytes"
            }
            Self::Other => "another program sends to the port at the same time",
            Self::Rtp => "what came is no RTP",
            Self::TooFast => "more came than a camera or a microphone sends; take a lower bitrate",
        }
    }
}

impl Ingress {
    pub(super) fn new(kind: MediaKind, now: Instant) -> Self {
        let rate = if kind.is_audio() { AUDIO_RATE } else { VIDEO_RATE };
        Self {
            bucket: Bucket::new(rate, rate, now),
            captured: None,
            kind,
            newest_ts: None,
            number: START,
            sender: None,
            splice: Splice::new(kind.clock_rate()),
        }
    }

    /// The units of one datagram. `clock` is the time since the ports opened, the same for all
    /// ports of one opening: what comes in is taken for captured when it came.
    pub(super) fn take(
        &mut self,
        now: Instant,
        clock: Duration,
        from: SocketAddr,
        datagram: &[u8],
    ) -> Result<Vec<RtpUnit>, Dropped> {
        if !self
            .bucket
            .try_take(f64::from(u32::try_from(datagram.len()).unwrap_or(u32::MAX)) + OVERHEAD, now)
        {
            return Err(Dropped::TooFast);
        }
        let packet = RtpPacket::parse(datagram).map_err(|_| Dropped::Rtp)?;
        if is_report(packet.payload_type(), packet.marker_bit()) {
            return Err(Dropped::Rtp);
        }
        let payloads = self.payloads(packet.payload())?;
        self.admit(now, from, packet.ssrc())?;
        let number = extend(self.number, packet.sequence_number());
        self.number = self.number.max(number);
        let Some((mut seq, rtp_ts)) = self.splice.place(now, number, packet.timestamp()) else {
            return Ok(Vec::new());
        };
        let begins = self.newest_ts.replace(packet.timestamp()) != Some(packet.timestamp());
        let mut captured_ms = self.captured_ms(now, clock, begins);
        let last = payloads.len().saturating_sub(1);
        let mut units = Vec::with_capacity(payloads.len());
        for (at, payload) in payloads.into_iter().enumerate() {
            if at > 0 {
                seq = self.splice.insert().unwrap_or(seq);
            }
            units.push(RtpUnit {
                audio_level: None,
                captured_ms: captured_ms.take(),
                marker: packet.marker_bit() && at == last,
                orientation: None,
                payload,
                rtp_ts,
                seq: low_u16(seq),
            });
        }
        Ok(units)
    }

    fn payloads(&self, payload: &[u8]) -> Result<Vec<Arc<[u8]>>, Dropped> {
        if !self.kind.is_audio() {
            return vp8::cut(payload).ok_or(Dropped::Codec);
        }
        if opus::packet::get_nb_samples(payload, 48_000).is_err() || payload.len() > MAX_PAYLOAD {
            return Err(Dropped::Codec);
        }
        Ok(vec![payload.into()])
    }

    /// Whether the port is this sender's, who has it from now on.
    fn admit(&mut self, now: Instant, address: SocketAddr, ssrc: u32) -> Result<(), Dropped> {
        let new = match self.sender {
            Some(sender) if sender.address == address && sender.ssrc == ssrc => false,
            // The same program began anew.
            Some(sender) if sender.address == address => true,
            Some(sender) if now.saturating_duration_since(sender.heard) < SILENCE => {
                return Err(Dropped::Other);
            }
            _ => true,
        };
        if new {
            self.splice.restart();
            (self.number, self.newest_ts) = (START, None);
        }
        self.sender = Some(Sender { address, heard: now, ssrc });
        Ok(())
    }

    fn captured_ms(&mut self, now: Instant, clock: Duration, begins: bool) -> Option<u32> {
        let due =
            self.captured.is_none_or(|at| now.saturating_duration_since(at) >= CAPTURED_EVERY);
        if !begins || !due {
            return None;
        }
        self.captured = Some(now);
        Some(low_u32(u64::try_from(clock.as_millis()).unwrap_or(u64::MAX)))
    }
}

/// Reports of RTCP that some program multiplexes with the media (RFC 5761, section 4).
const fn is_report(payload_type: u8, marker: bool) -> bool {
    marker && payload_type >= 64 && payload_type <= 95
}

pub(super) const fn low_u16(value: u64) -> u16 {
    let [low, high, ..] = value.to_le_bytes();
    u16::from_le_bytes([low, high])
}

/// Bytes of sound a second, with the overhead of 100 packets: Opus has at most 64,000.
const AUDIO_RATE: f64 = 84_000.0;
/// How often a unit carries its capture time.
const CAPTURED_EVERY: Duration = Duration::from_millis(500);
/// What each datagram costs beside its bytes, so that empty ones are not free.
const OVERHEAD: f64 = 200.0;
/// After so long a silence another sender may have the port.
const SILENCE: Duration = Duration::from_secs(2);
/// Numbers begin here, so that a packet older than the first one never underflows.
const START: u64 = 1 << 32;
/// Bytes of pictures a second: four times what a page's camera may spend.
const VIDEO_RATE: f64 = 600_000.0;
