//! Meeting to browser: units of one stream become RTP packets of one of the browser's tracks.

use std::time::Instant;

use str0m::Rtc;
use str0m::format::Codec;
use str0m::media::{Mid, Pt};
use str0m::rtp::{ExtensionValues, RtpWrite};

use super::StreamKey;
use super::unit::RtpUnit;

/// One track that the browser receives.
#[derive(Debug)]
pub(super) struct Egress {
    pub(super) audio: bool,
    /// Number of the first unit, which leaves as sequence number 1.
    first: Option<u64>,
    /// The newest sequence number sent.
    last: u64,
    pub(super) mid: Mid,
    pt: Pt,
    pub(super) stream: StreamKey,
}

impl Egress {
    /// A track for a transceiver that the browser offered to receive with; `None` if it did not,
    /// or does not know the codec.
    pub(super) fn open(rtc: &Rtc, mid: Mid, stream: StreamKey) -> Option<Self> {
        let media = rtc.media(mid)?;
        let audio = media.kind().is_audio();
        let codec = if audio { Codec::Opus } else { Codec::Vp8 };
        let speaks = |pt: &Pt| {
            rtc.codec_config()
                .find(|known| known.pt() == *pt && known.spec().codec == codec)
                .is_some()
        };
        let pt = *media.remote_pts().iter().find(|pt| speaks(pt))?;
        let open = media.direction().is_sending() && !media.stopped();
        open.then_some(Self { audio, first: None, last: 0, mid, pt, stream })
    }

    /// Sends one unit, whose `number` [`Reorder`](super::reorder::Reorder) gave it; `wallclock` is
    /// what sender reports shall say about its timestamp. False if it cannot be sent.
    ///
    /// A receiver that has heard nothing yet assumes a rollover counter of 0 (RFC 3711, section
    /// 3.3.1), so numbers begin at 1, and a gap that could hide a rollover is shortened.
    pub(super) fn write(
        &mut self,
        rtc: &mut Rtc,
        number: u64,
        unit: &RtpUnit,
        wallclock: Instant,
    ) -> bool {
        let first = *self.first.get_or_insert_with(|| number.saturating_sub(1));
        let Some(mut seq) = number.checked_sub(first).filter(|seq| *seq > 0) else {
            return false;
        };
        if seq > self.last + MAX_GAP {
            seq = self.last + SHORT_GAP;
            self.first = Some(number.saturating_sub(seq));
        }
        self.last = self.last.max(seq);
        let ext_vals = ExtensionValues {
            audio_level: unit.audio_level.map(|level| -level.below_max.min(127).cast_signed()),
            voice_activity: unit.audio_level.map(|level| level.voice),
            video_orientation: unit.orientation.map(|turn| turn.code().into()),
            ..ExtensionValues::default()
        };
        let packet =
            RtpWrite::new(self.pt, seq.into(), unit.rtp_ts, wallclock, unit.payload.clone())
                .marker(unit.marker)
                .ext_vals(ext_vals)
                .nackable(!self.audio);
        let mut direct = rtc.direct_api();
        let Some(track) = direct.stream_tx_by_mid(self.mid, None) else {
            return false;
        };
        track.write_rtp(packet);
        true
    }
}

/// A gap in numbers longer than this becomes [`SHORT_GAP`].
const MAX_GAP: u64 = 4_096;
/// Long enough for the browser to see that much is missing.
const SHORT_GAP: u64 = 64;
