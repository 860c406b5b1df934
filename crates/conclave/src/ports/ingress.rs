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
        if is_report(datagram) {
            return Ok(Vec::new());
        }
        let packet = RtpPacket::parse(datagram).map_err(|_| Dropped::Rtp)?;
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

/// Reports, which some programs send to the same port (RFC 5761, section 4). Nobody needs them:
/// what comes in is taken for captured when it came.
fn is_report(datagram: &[u8]) -> bool {
    datagram.get(1).is_some_and(|kind| (192..=223).contains(kind))
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rtp_types::{RtpPacketBuilder, RtpPacketWriterVec};

    use super::*;

    const OPUS: &[u8] = &[0xf8, 1, 2, 3];

    fn at(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    fn rtp(ssrc: u32, seq: u16, ts: u32, payload: &[u8]) -> Vec<u8> {
        RtpPacketBuilder::<&[u8], &[u8]>::new()
            .payload_type(97)
            .sequence_number(seq)
            .timestamp(ts)
            .ssrc(ssrc)
            .payload(payload)
            .write(&mut RtpPacketWriterVec::default())
            .unwrap()
    }

    /// What one packet becomes: number, timestamp, capture time; or why it was dropped.
    fn take(
        port: &mut Ingress,
        now: Instant,
        from: u16,
        packet: &[u8],
    ) -> Result<Vec<(u16, u32, bool)>, Dropped> {
        let units = port.take(now, Duration::from_secs(1), at(from), packet)?;
        Ok(units.iter().map(|one| (one.seq, one.rtp_ts, one.captured_ms.is_some())).collect())
    }

    #[test]
    fn a_port_is_one_senders_until_it_has_been_silent() {
        let now = Instant::now();
        let mut port = Ingress::new(MediaKind::Audio, now);
        assert_eq!(take(&mut port, now, 1, &rtp(7, 900, 5_000, OPUS)), Ok(vec![(0, 0, true)]));
        assert_eq!(take(&mut port, now, 1, &rtp(7, 901, 5_960, OPUS)), Ok(vec![(1, 960, false)]));
        let second = now + Duration::from_secs(1);
        assert_eq!(take(&mut port, second, 2, &rtp(8, 1, 1, OPUS)), Err(Dropped::Other));
        // The first one begins anew, with another source; then it is silent.
        let units = take(&mut port, second, 1, &rtp(9, 3, 3, OPUS));
        assert_eq!(units, Ok(vec![(2, 48_960, true)]));
        let later = second + SILENCE;
        let units = take(&mut port, later, 2, &rtp(8, 1, 1, OPUS));
        assert_eq!(units, Ok(vec![(3, 48_960 + 96_000, true)]));
    }

    #[test]
    fn what_is_not_for_the_port_is_dropped_and_says_so() {
        let now = Instant::now();
        let mut port = Ingress::new(MediaKind::Audio, now);
        assert_eq!(take(&mut port, now, 1, b"hello"), Err(Dropped::Rtp));
        assert_eq!(take(&mut port, now, 1, &rtp(7, 1, 1, &[])), Err(Dropped::Codec));
        assert_eq!(take(&mut port, now, 1, &rtp(7, 1, 1, &[0xf8; 1_301])), Err(Dropped::Codec));
        let mut report = rtp(7, 1, 1, OPUS);
        report[1] = 200;
        assert_eq!(take(&mut port, now, 1, &report), Ok(vec![]), "a report");
        let mut port = Ingress::new(MediaKind::Video, now);
        assert_eq!(take(&mut port, now, 1, &rtp(7, 1, 1, &[0x90, 0x80])), Err(Dropped::Codec));
    }

    #[test]
    fn a_flood_is_cut_to_what_a_microphone_and_a_camera_send() {
        let start = Instant::now();
        for (kind, payload, most) in [
            (MediaKind::Audio, OPUS.to_vec(), 9 * 400),
            (MediaKind::Video, [&[0x10][..], &[0; 1_100]].concat(), 9 * 480),
        ] {
            let mut port = Ingress::new(kind, start);
            let count = |number: u32| {
                let now = start + Duration::from_micros(100) * number;
                take(&mut port, now, 1, &rtp(7, low_u16(number.into()), number, &payload))
            };
            let passed = (0..80_000).map(count).filter(|one| *one != Err(Dropped::TooFast)).count();
            assert!(passed <= most, "{passed} of {kind:?} in eight seconds");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_is_short_and_never_a_panic(
            datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..2_100), 0..20),
            header: bool,
            audio: bool,
        ) {
            let kind = if audio { MediaKind::Audio } else { MediaKind::Video };
            let mut port = Ingress::new(kind, Instant::now());
            for bytes in datagrams {
                let bytes = if header { rtp(1, 2, 3, &bytes) } else { bytes };
                let taken = port.take(Instant::now(), Duration::ZERO, at(1), &bytes);
                for unit in taken.unwrap_or_default() {
                    prop_assert!(unit.payload.len() <= MAX_PAYLOAD && !unit.payload.is_empty());
                    prop_assert_eq!(RtpUnit::decode(&unit.encode()), Ok(unit));
                }
            }
        }
    }
}
