//! One media packet as it travels between participants: the plaintext of one sealed unit.

use std::sync::Arc;

use thiserror::Error;

/// Longest payload of a unit, in bytes; Chromium's own packets reach about 1,178.
pub const MAX_PAYLOAD: usize = 1_300;

/// What a unit carries. The kind also fixes codec and clock: Opus at 48 kHz, VP8 at 90 kHz.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MediaKind {
    /// The microphone.
    Audio,
    /// A screen, a window or a tab.
    Screen,
    /// The sound of what is shared.
    ScreenAudio,
    /// The camera.
    Video,
}

impl MediaKind {
    /// Whether this is sound.
    pub const fn is_audio(self) -> bool {
        matches!(self, Self::Audio | Self::ScreenAudio)
    }

    /// Ticks of the RTP clock in one second.
    pub const fn clock_rate(self) -> u32 {
        if self.is_audio() { 48_000 } else { 90_000 }
    }
}

/// How loud an audio packet is (RFC 6464).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioLevel {
    /// Decibels below the loudest: 0 is loudest, 127 is silence.
    pub below_max: u8,
    /// Whether the sender takes it for a voice.
    pub voice: bool,
}

/// How a receiver has to turn the picture (3GPP TS 26.114, coordination of video orientation).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Orientation {
    /// As it is.
    #[default]
    Upright,
    /// 270 degrees clockwise.
    Turn270,
    /// Upside down.
    Turn180,
    /// 90 degrees clockwise.
    Turn90,
}

/// One RTP packet without its header: what one participant seals and another opens.
///
/// # Encoding
/// `rtp_ts u32, seq u16, flags u8, [level u8], [orientation u8], [captured_ms u32], payload`,
/// integers big-endian. Flags: 1 marker, 2 level present (bit 7 voice, bits 0-6 level), 4
/// orientation present (0-3), 8 capture time present; the others are zero and refused otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RtpUnit {
    /// Loudness, for packets of sound.
    pub audio_level: Option<AudioLevel>,
    /// When the sample at `rtp_ts` was captured, in milliseconds on a clock that all streams of
    /// one sender share and whose zero means nothing. On about two packets a second; that is
    /// enough to keep lips and voice together.
    pub captured_ms: Option<u32>,
    /// Last packet of a picture, or first of a talk spurt.
    pub marker: bool,
    /// How to turn the picture, when that is not obvious.
    pub orientation: Option<Orientation>,
    /// VP8 payload descriptor and data (RFC 7741), or one Opus packet (RFC 7587).
    pub payload: Arc<[u8]>,
    /// Timestamp in ticks of the kind's clock.
    pub rtp_ts: u32,
    /// Packet number of the stream; wraps.
    pub seq: u16,
}

/// Why bytes are not a unit.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnitError {
    /// A flag or field has a value outside its range.
    #[error("a field of the media unit is out of range")]
    Field,
    /// The payload is longer than [`MAX_PAYLOAD`].
    #[error("the media unit is too long")]
    TooLong,
    /// The bytes end inside a field.
    #[error("the media unit is cut short")]
    Truncated,
}

impl RtpUnit {
    /// The bytes that are sealed, without padding.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(13 + self.payload.len());
        bytes.extend(self.rtp_ts.to_be_bytes());
        bytes.extend(self.seq.to_be_bytes());
        bytes.push(self.flags());
        if let Some(level) = self.audio_level {
            bytes.push(u8::from(level.voice) << 7 | level.below_max.min(127));
        }
        if let Some(orientation) = self.orientation {
            bytes.push(orientation.code());
        }
        if let Some(ms) = self.captured_ms {
            bytes.extend(ms.to_be_bytes());
        }
        bytes.extend(self.payload.iter());
        bytes
    }

    /// Reads a unit back; everything after the fields is payload.
    ///
    /// # Errors
    /// See [`UnitError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, UnitError> {
        let mut rest = bytes;
        let rtp_ts = u32::from_be_bytes(take(&mut rest)?);
        let seq = u16::from_be_bytes(take(&mut rest)?);
        let [flags] = take(&mut rest)?;
        if flags & !(MARKER | LEVEL | ORIENTATION | CAPTURED) != 0 {
            return Err(UnitError::Field);
        }
        let audio_level = if flags & LEVEL == 0 {
            None
        } else {
            let [byte] = take(&mut rest)?;
            Some(AudioLevel { below_max: byte & 0x7f, voice: byte & 0x80 != 0 })
        };
        let orientation = if flags & ORIENTATION == 0 {
            None
        } else {
            let [code] = take(&mut rest)?;
            Some(Orientation::from_code(code).ok_or(UnitError::Field)?)
        };
        let captured_ms =
            if flags & CAPTURED == 0 { None } else { Some(u32::from_be_bytes(take(&mut rest)?)) };
        if rest.len() > MAX_PAYLOAD {
            return Err(UnitError::TooLong);
        }
        Ok(Self {
            audio_level,
            captured_ms,
            marker: flags & MARKER != 0,
            orientation,
            payload: rest.into(),
            rtp_ts,
            seq,
        })
    }

    /// Whether this is the first packet of a VP8 picture that needs no other: start of partition 0
    /// in the payload descriptor (RFC 7741, section 4.2), inverse key frame flag clear in the
    /// payload header (section 4.3). Meaningless for sound.
    pub fn begins_keyframe(&self) -> bool {
        let byte = |at: usize| self.payload.get(at).copied().unwrap_or_default();
        let first = byte(0);
        if first & 0x17 != 0x10 {
            return false;
        }
        let mut header = 1;
        if first & 0x80 != 0 {
            let extension = byte(1);
            header += 1;
            if extension & 0x80 != 0 {
                header += if byte(header) & 0x80 == 0 { 1 } else { 2 };
            }
            header += usize::from(extension & 0x40 != 0) + usize::from(extension & 0x30 != 0);
        }
        self.payload.get(header).is_some_and(|byte| byte & 1 == 0)
    }

    fn flags(&self) -> u8 {
        let bit = |set: bool, flag: u8| if set { flag } else { 0 };
        bit(self.marker, MARKER)
            | bit(self.audio_level.is_some(), LEVEL)
            | bit(self.orientation.is_some(), ORIENTATION)
            | bit(self.captured_ms.is_some(), CAPTURED)
    }
}

impl Orientation {
    /// The two rotation bits of the header extension.
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Upright => 0,
            Self::Turn270 => 1,
            Self::Turn180 => 2,
            Self::Turn90 => 3,
        }
    }

    const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Upright),
            1 => Some(Self::Turn270),
            2 => Some(Self::Turn180),
            3 => Some(Self::Turn90),
            _ => None,
        }
    }
}

impl From<str0m::rtp::VideoOrientation> for Orientation {
    fn from(value: str0m::rtp::VideoOrientation) -> Self {
        use str0m::rtp::VideoOrientation::{Deg0, Deg90, Deg180, Deg270};
        match value {
            Deg0 => Self::Upright,
            Deg90 => Self::Turn90,
            Deg180 => Self::Turn180,
            Deg270 => Self::Turn270,
        }
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], UnitError> {
    let (head, tail) = rest.split_first_chunk::<N>().ok_or(UnitError::Truncated)?;
    *rest = tail;
    Ok(*head)
}

const MARKER: u8 = 1;
const LEVEL: u8 = 2;
const ORIENTATION: u8 = 4;
const CAPTURED: u8 = 8;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_unit_with_every_field_survives_the_round_trip() {
        let unit = RtpUnit {
            audio_level: Some(AudioLevel { below_max: 30, voice: true }),
            captured_ms: Some(77),
            marker: true,
            orientation: Some(Orientation::Turn90),
            payload: vec![1, 2, 3].into(),
            rtp_ts: 0xdead_beef,
            seq: 0xfffe,
        };
        assert_eq!(RtpUnit::decode(&unit.encode()), Ok(unit));
    }

    #[test]
    fn a_keyframe_begins_where_its_descriptor_says() {
        let unit = |payload: &[u8]| RtpUnit {
            audio_level: None,
            captured_ms: None,
            marker: false,
            orientation: None,
            payload: payload.into(),
            rtp_ts: 0,
            seq: 0,
        };
        // Without extensions; with a picture number of one and of two bytes; with all of them.
        for descriptor in
            [&[0x10][..], &[0x90, 0x80, 0x11], &[0x90, 0x80, 0x81, 1], &[0x90, 0xf0, 0x81, 1, 9, 9]]
        {
            assert!(unit(&[descriptor, &[0]].concat()).begins_keyframe(), "{descriptor:?}");
            assert!(!unit(&[descriptor, &[1]].concat()).begins_keyframe(), "{descriptor:?}");
            assert!(!unit(descriptor).begins_keyframe(), "{descriptor:?} and nothing");
        }
        assert!(!unit(&[0x00, 0]).begins_keyframe(), "the middle of a picture");
        assert!(!unit(&[0x11, 0]).begins_keyframe(), "another partition");
    }

    proptest! {
        #[test]
        fn whatever_is_accepted_encodes_to_the_same_bytes(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(unit) = RtpUnit::decode(&bytes) {
                prop_assert_eq!(unit.encode(), bytes);
            }
        }
    }
}
