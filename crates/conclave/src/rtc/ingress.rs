//! Browser to meeting: RTP packets of one of the browser's tracks become units.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use str0m::Rtc;
use str0m::media::{KeyframeRequestKind, Mid, Rid};
use str0m::rtp::RtpPacket;
use str0m::rtp::rtcp::SenderInfo;

use super::unit::{AudioLevel, MAX_PAYLOAD, MediaKind, RtpUnit};

/// One track that the browser sends.
#[derive(Debug)]
pub(super) struct Ingress {
    bitrate: u64,
    captured_sent: Option<Instant>,
    keyframe_sent: Option<Instant>,
    keyframe_wanted: bool,
    pub(super) kind: MediaKind,
    mid: Mid,
    remb_sent: Option<Instant>,
    /// The layer that is passed on, when the browser sends several.
    rid: Option<Option<Rid>>,
}

impl Ingress {
    pub(super) const fn new(mid: Mid, kind: MediaKind, bitrate: u64) -> Self {
        Self {
            bitrate,
            captured_sent: None,
            keyframe_sent: None,
            keyframe_wanted: false,
            kind,
            mid,
            remb_sent: None,
            rid: None,
        }
    }

    /// The unit for one packet; `None` for padding, other layers and oversized payloads.
    /// `clock_zero` hides this computer's clock from the others.
    pub(super) fn unit(
        &mut self,
        now: Instant,
        rid: Option<Rid>,
        packet: &RtpPacket,
        clock_zero: u32,
    ) -> Option<RtpUnit> {
        let ours = *self.rid.get_or_insert(rid) == rid;
        if !ours || packet.payload.is_empty() || packet.payload.len() > MAX_PAYLOAD {
            return None;
        }
        let header = &packet.header;
        let level = header.ext_vals.audio_level.filter(|_| self.kind.is_audio());
        let captured_ms = if due(self.captured_sent, now, CAPTURED_EVERY) {
            let info = packet.last_sender_info;
            info.and_then(|info| captured(&info, header.timestamp, self.kind.clock_rate()))
        } else {
            None
        };
        if captured_ms.is_some() {
            self.captured_sent = Some(now);
        }
        Some(RtpUnit {
            audio_level: level.map(|level| AudioLevel {
                below_max: level.unsigned_abs().min(127),
                voice: header.ext_vals.voice_activity.unwrap_or(false),
            }),
            captured_ms: captured_ms.map(|ms| ms.wrapping_sub(clock_zero)),
            marker: header.marker,
            orientation: header.ext_vals.video_orientation.map(Into::into),
            payload: packet.payload.clone(),
            rtp_ts: header.timestamp,
            seq: header.sequence_number,
        })
    }

    pub(super) const fn want_keyframe(&mut self) {
        self.keyframe_wanted = !self.kind.is_audio();
    }

    /// Sends what is due to the browser: a key picture request, the bitrate. True if it did.
    pub(super) fn feed_back(&mut self, now: Instant, rtc: &mut Rtc) -> bool {
        if self.kind.is_audio() {
            return false;
        }
        let mut direct = rtc.direct_api();
        let Some(stream) = direct.stream_rx_by_mid(self.mid, self.rid.flatten()) else {
            return false;
        };
        let keyframe = self.keyframe_wanted && due(self.keyframe_sent, now, KEYFRAME_EVERY);
        if keyframe {
            stream.request_keyframe(KeyframeRequestKind::Pli);
            self.keyframe_sent = Some(now);
            self.keyframe_wanted = false;
        }
        let remb = due(self.remb_sent, now, REMB_EVERY);
        if remb {
            stream.request_remb(self.bitrate.into());
            self.remb_sent = Some(now);
        }
        keyframe || remb
    }

    /// When [`feed_back`](Self::feed_back) has to be called again.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let keyframe = self.keyframe_sent.filter(|_| self.keyframe_wanted);
        let remb = self.remb_sent.map(|at| at + REMB_EVERY);
        [keyframe.map(|at| at + KEYFRAME_EVERY), remb].into_iter().flatten().min()
    }
}

/// When the sample at `rtp_ts` was captured: milliseconds since 1970 by the browser's clock, mod
/// 2^32, from its last sender report (RFC 3550, section 6.4.1).
fn captured(info: &SenderInfo, rtp_ts: u32, clock_rate: u32) -> Option<u32> {
    let since_1970: Duration = SystemTime::duration_since(&info.ntp_time, UNIX_EPOCH).ok()?;
    let report_ts = low_u32(info.rtp_time.numer());
    let ticks = i64::from(rtp_ts.wrapping_sub(report_ts).cast_signed());
    let micros = i64::try_from(since_1970.as_micros()).ok()?;
    let captured = micros.checked_add(ticks * 1_000_000 / i64::from(clock_rate))?;
    Some(low_u32(u64::try_from(captured / 1_000).ok()?))
}

pub(crate) const fn low_u32(value: u64) -> u32 {
    let [a, b, c, d, ..] = value.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

fn due(last: Option<Instant>, now: Instant, every: Duration) -> bool {
    last.is_none_or(|at| now.saturating_duration_since(at) >= every)
}

/// How often a unit carries its capture time.
const CAPTURED_EVERY: Duration = Duration::from_millis(500);
/// Least time between two requests for a key picture.
pub(super) const KEYFRAME_EVERY: Duration = Duration::from_millis(500);
/// How often the bitrate is repeated, should a browser forget it.
const REMB_EVERY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use str0m::media::{Frequency, MediaTime};

    use super::*;

    #[test]
    fn capture_time_follows_the_sender_report_across_the_timestamp_wrap() {
        let info = SenderInfo {
            ntp_time: UNIX_EPOCH + Duration::from_secs(100),
            rtp_time: MediaTime::new(u64::from(u32::MAX), Frequency::NINETY_KHZ),
            sender_octet_count: 0,
            sender_packet_count: 0,
            ssrc: 1.into(),
        };
        assert_eq!(captured(&info, 89_999, 90_000), Some(101_000));
        assert_eq!(captured(&info, u32::MAX - 90_000, 90_000), Some(99_000));
    }
}
