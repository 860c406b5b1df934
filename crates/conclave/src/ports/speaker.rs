//! Who speaks: the member whose voice has been loudest for a while.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use crate::rtc::RtpUnit;

/// Follows the loudness of all members. It owns no clock.
#[derive(Debug, Default)]
pub(super) struct Speaker {
    current: Option<(u16, Instant)>,
    voices: BTreeMap<u16, Voice>,
}

#[derive(Clone, Copy, Debug)]
struct Voice {
    heard: Instant,
    /// Decibels above silence, averaged.
    level: f32,
}

impl Speaker {
    /// Takes one packet of sound, and says who speaks.
    pub(super) fn hear(&mut self, now: Instant, idx: u16, unit: &RtpUnit) -> Option<u16> {
        self.voices.retain(|_, voice| now.saturating_duration_since(voice.heard) < FORGET);
        let level = loudness(unit);
        let voice = self.voices.entry(idx).or_insert(Voice { heard: now, level });
        voice.heard = now;
        voice.level += (level - voice.level) * WEIGHT;
        let louder =
            |one: &(&u16, &Voice), other: &(&u16, &Voice)| one.1.level.total_cmp(&other.1.level);
        let (loudest, most) =
            self.voices.iter().max_by(louder).map(|(idx, one)| (*idx, one.level))?;
        let held = self.current.filter(|(idx, _)| self.voices.contains_key(idx));
        let change = match held {
            None => most >= AUDIBLE,
            Some((idx, since)) => {
                let level = self.voices.get(&idx).map_or(0.0, |voice| voice.level);
                let settled = now.saturating_duration_since(since) >= HOLD;
                loudest != idx && settled && most >= AUDIBLE && most >= level + MARGIN
            }
        };
        if change {
            self.current = Some((loudest, now));
        }
        self.current()
    }

    /// Who spoke last.
    pub(super) fn current(&self) -> Option<u16> {
        self.current.map(|(idx, _)| idx)
    }
}

/// Decibels above silence. A program that sends no level is taken for speaking unless its packets
/// are those of silence.
fn loudness(unit: &RtpUnit) -> f32 {
    match unit.audio_level {
        Some(level) => f32::from(127_u8.saturating_sub(level.below_max)),
        None if unit.payload.len() > SILENT_PACKET => UNSAID,
        None => 0.0,
    }
}

/// What is quieter than this is no voice.
const AUDIBLE: f32 = 57.0;
/// A member not heard for so long does not speak.
const FORGET: Duration = Duration::from_secs(1);
/// Whoever speaks keeps the floor for so long.
const HOLD: Duration = Duration::from_millis(1_500);
/// By so much another one has to be louder.
const MARGIN: f32 = 6.0;
/// Longest packet of Opus that holds no sound (RFC 6716, section 2.1.9).
const SILENT_PACKET: usize = 8;
/// Loudness of a packet that does not say it.
const UNSAID: f32 = 90.0;
/// Weight of one packet: a word of 200 ms counts.
const WEIGHT: f32 = 0.1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtc::AudioLevel;

    fn unit(below_max: u8) -> RtpUnit {
        RtpUnit {
            audio_level: Some(AudioLevel { below_max, voice: true }),
            captured_ms: None,
            marker: false,
            orientation: None,
            payload: vec![0; 80].into(),
            rtp_ts: 0,
            seq: 0,
        }
    }

    /// Lets members speak, each at a loudness, for so many packets.
    fn speak(
        speaker: &mut Speaker,
        now: &mut Instant,
        who: &[(u16, u8)],
        packets: u32,
    ) -> Option<u16> {
        let mut current = None;
        for _ in 0..packets {
            *now += Duration::from_millis(20);
            for (idx, below_max) in who {
                current = speaker.hear(*now, *idx, &unit(*below_max));
            }
        }
        current
    }

    #[test]
    fn the_floor_goes_to_who_is_louder_for_a_while_and_not_to_a_cough() {
        let (mut speaker, mut now) = (Speaker::default(), Instant::now());
        assert_eq!(speak(&mut speaker, &mut now, &[(1, 120), (2, 110)], 50), None, "silence");
        assert_eq!(speak(&mut speaker, &mut now, &[(1, 30), (2, 110)], 100), Some(1));
        assert_eq!(speak(&mut speaker, &mut now, &[(1, 30), (2, 20)], 3), Some(1), "a cough");
        assert_eq!(speak(&mut speaker, &mut now, &[(1, 110), (2, 30)], 100), Some(2));
        assert_eq!(speak(&mut speaker, &mut now, &[(1, 110), (2, 110)], 50), Some(2), "a pause");
    }

    #[test]
    fn who_is_not_heard_any_more_loses_the_floor() {
        let (mut speaker, mut now) = (Speaker::default(), Instant::now());
        assert_eq!(speak(&mut speaker, &mut now, &[(1, 30)], 20), Some(1));
        assert_eq!(speak(&mut speaker, &mut now, &[(2, 40)], 60), Some(2));
    }
}
