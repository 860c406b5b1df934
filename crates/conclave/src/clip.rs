//! The scripted picture and tone of a demo guest, played as if a browser sent them.

use std::io::Cursor;
use std::sync::Arc;
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::sync::mpsc;

use crate::rtc::{AudioLevel, MediaKind, RtpUnit};

/// A picture file and a sound file, made by `scripts/make-clips` and part of the program.
macro_rules! asset {
    ($name:literal) => {
        (
            include_bytes!(concat!("../assets/", $name, ".ivf")),
            include_bytes!(concat!("../assets/", $name, ".opus")),
        )
    };
}
/// Whose clip: each guest has a colour, a big number and a tone of his own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guest {
    /// Green, 440 Hz.
    One,
    /// Purple, 660 Hz.
    Two,
    /// Orange, 880 Hz.
    Three,
}

impl Guest {
    /// All guests there are.
    pub const ALL: [Self; 3] = [Self::One, Self::Two, Self::Three];

    /// The frequency of the guest's tone.
    pub const fn hertz(self) -> u16 {
        match self {
            Self::One => 440,
            Self::Two => 660,
            Self::Three => 880,
        }
    }

    const fn files(self) -> (&'static [u8], &'static [u8]) {
        match self {
            Self::One => asset!("guest-1"),
            Self::Two => asset!("guest-2"),
            Self::Three => asset!("guest-3"),
        }
    }
}

/// Why a clip cannot be played. Cannot happen with the clips in the program, which tests load.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ClipError {
    /// A file holds nothing to play.
    #[error("the clip has no pictures or no sound")]
    Empty,
    /// The picture file is not VP8 in IVF.
    #[error("the clip's picture file is unreadable: {0}")]
    Picture(String),
    /// The sound file is not Opus in Ogg.
    #[error("the clip's sound file is unreadable: {0}")]
    Sound(#[from] ogg::OggReadError),
}

/// A loaded clip: whole VP8 pictures and Opus packets. Clones share the data.
#[derive(Clone, Debug)]
pub struct Clip {
    pictures: Arc<[Box<[u8]>]>,
    sounds: Arc<[Arc<[u8]>]>,
}

impl Clip {
    /// Reads the clip of one guest.
    ///
    /// # Errors
    /// See [`ClipError`].
    pub fn load(guest: Guest) -> Result<Self, ClipError> {
        let (pictures, sounds) = guest.files();
        let (pictures, sounds) = (read_ivf(pictures)?, read_ogg(sounds)?);
        if pictures.is_empty() || sounds.is_empty() {
            return Err(ClipError::Empty);
        }
        Ok(Self { pictures: pictures.into(), sounds: sounds.into() })
    }

    /// Plays the clip for ever from `start`.
    pub fn play(&self, start: Instant) -> Player {
        Player {
            ahead: 0,
            clip: self.clone(),
            pictures: 0,
            queue: Vec::new(),
            sounds: 0,
            start,
            video_seq: 0,
        }
    }

    /// Plays the clip in real time until nobody listens any more.
    pub async fn run(self, units: mpsc::Sender<(MediaKind, RtpUnit)>) {
        let mut player = self.play(Instant::now());
        loop {
            tokio::time::sleep_until(player.next_at().into()).await;
            if units.send(player.next_unit()).await.is_err() {
                return;
            }
        }
    }
}

/// A clip being played. Owns no clock: take a [unit](Self::next_unit) when its
/// [time](Self::next_at) has come, for as long as you like.
#[derive(Debug)]
pub struct Player {
    /// How many pictures the clip is ahead, so that key pictures come when they are asked for.
    ahead: u32,
    clip: Clip,
    /// Pictures begun.
    pictures: u32,
    /// Packets of the current picture not yet taken, last first.
    queue: Vec<RtpUnit>,
    /// Sound packets taken.
    sounds: u32,
    start: Instant,
    video_seq: u16,
}

impl Player {
    /// When the next unit is due.
    pub fn next_at(&self) -> Instant {
        if self.queue.is_empty() {
            self.picture_at(self.pictures).min(self.sound_at())
        } else {
            self.picture_at(self.pictures.wrapping_sub(1))
        }
    }

    /// Makes the next picture a key picture, as a camera's encoder does when it is asked: the clip
    /// goes on at a near one.
    pub fn key_picture(&mut self) {
        self.ahead = (PICTURES_PER_KEY - self.pictures % PICTURES_PER_KEY) % PICTURES_PER_KEY;
    }

    /// The next unit: sound every 20 ms, and at 15 pictures a second all packets of a picture.
    /// Timestamps and sequence numbers go on across the loop; each second of the clip begins with a
    /// key picture.
    pub fn next_unit(&mut self) -> (MediaKind, RtpUnit) {
        if self.queue.is_empty() {
            if self.sound_at() < self.picture_at(self.pictures) {
                return (MediaKind::Audio, self.sound());
            }
            self.picture();
        }
        match self.queue.pop() {
            Some(unit) => (MediaKind::Video, unit),
            None => (MediaKind::Audio, self.sound()),
        }
    }

    fn picture_at(&self, number: u32) -> Instant {
        self.start + Duration::from_secs(number.into()) / PICTURES_PER_SECOND
    }

    fn sound_at(&self) -> Instant {
        self.start + SOUND * self.sounds
    }

    fn sound(&mut self) -> RtpUnit {
        let number = self.sounds;
        self.sounds += 1;
        let anchor = number.is_multiple_of(SOUNDS_PER_ANCHOR);
        RtpUnit {
            audio_level: Some(AudioLevel { below_max: 20, voice: true }),
            captured_ms: anchor.then(|| number.wrapping_mul(20)),
            marker: number == 0,
            orientation: None,
            payload: pick(&self.clip.sounds, number).clone(),
            rtp_ts: number.wrapping_mul(SOUND_TICKS),
            seq: low_u16(number),
        }
    }

    /// Cuts the next picture into packets (RFC 7741): a descriptor of four bytes with a 15-bit
    /// picture number, then the data.
    fn picture(&mut self) {
        let number = self.pictures;
        self.pictures += 1;
        let data = pick(&self.clip.pictures, number.wrapping_add(self.ahead));
        let [high, low] = (low_u16(number) & 0x7fff).to_be_bytes();
        let captured_ms = number
            .is_multiple_of(PICTURES_PER_SECOND)
            .then(|| (number / PICTURES_PER_SECOND).wrapping_mul(1_000));
        let last = data.len().div_ceil(MAX_DATA).saturating_sub(1);
        for (at, chunk) in data.chunks(MAX_DATA).enumerate() {
            let start = if at == 0 { 0x10 } else { 0 };
            let descriptor = [0x80 | start, 0x80, 0x80 | high, low];
            self.queue.push(RtpUnit {
                audio_level: None,
                captured_ms: captured_ms.filter(|_| at == 0),
                marker: at == last,
                orientation: None,
                payload: [&descriptor, chunk].concat().into(),
                rtp_ts: number.wrapping_mul(PICTURE_TICKS),
                seq: self.video_seq,
            });
            self.video_seq = self.video_seq.wrapping_add(1);
        }
        self.queue.reverse();
    }
}

fn read_ivf(file: &[u8]) -> Result<Vec<Box<[u8]>>, ClipError> {
    let unreadable = |error: std::io::Error| ClipError::Picture(error.to_string());
    let mut reader = Cursor::new(file);
    let header = ivf::read_header(&mut reader).map_err(unreadable)?;
    if &header.tag != b"VP80" {
        return Err(ClipError::Picture("not VP8".into()));
    }
    let mut pictures = Vec::new();
    while reader.position() < file.len().try_into().unwrap_or(u64::MAX) {
        pictures.push(ivf::read_packet(&mut reader).map_err(unreadable)?.data);
    }
    Ok(pictures)
}

/// The packets of an Ogg Opus file (RFC 7845) without its two headers.
fn read_ogg(file: &[u8]) -> Result<Vec<Arc<[u8]>>, ClipError> {
    let mut reader = ogg::PacketReader::new(Cursor::new(file));
    let mut packets = Vec::new();
    while let Some(packet) = reader.read_packet()? {
        packets.push(packet.data.into());
    }
    Ok(packets.split_off(packets.len().min(2)))
}

/// The item that a loop of `items`, never empty, plays at `number`.
fn pick<T>(items: &[T], number: u32) -> &T {
    let number = usize::try_from(number).unwrap_or_default();
    &items[number % items.len()]
}

const fn low_u16(value: u32) -> u16 {
    let [low, high, ..] = value.to_le_bytes();
    u16::from_le_bytes([low, high])
}

/// Most bytes of a picture in one packet: with the descriptor, 1,000.
const MAX_DATA: usize = 996;
/// Pictures of the clip from one key picture to the next.
const PICTURES_PER_KEY: u32 = 15;
const PICTURES_PER_SECOND: u32 = 15;
/// Ticks of the 90 kHz clock between pictures.
const PICTURE_TICKS: u32 = 6_000;
/// Length of one sound packet.
const SOUND: Duration = Duration::from_millis(20);
/// Sound packets between two capture times.
const SOUNDS_PER_ANCHOR: u32 = 25;
/// Ticks of the 48 kHz clock in one sound packet.
const SOUND_TICKS: u32 = 960;

#[cfg(test)]
mod tests {
    use super::*;

    /// The first `seconds` of a guest's clip, with the time each unit is due since the start.
    fn play(guest: Guest, seconds: u64) -> Vec<(Duration, MediaKind, RtpUnit)> {
        let start = Instant::now();
        let mut player = Clip::load(guest).unwrap().play(start);
        std::iter::from_fn(|| {
            let at = player.next_at() - start;
            let (kind, unit) = player.next_unit();
            (at < Duration::from_secs(seconds)).then_some((at, kind, unit))
        })
        .collect()
    }

    #[test]
    fn every_guest_sends_sound_and_pictures_at_their_rates_for_longer_than_the_clip() {
        for guest in Guest::ALL {
            let units = play(guest, 20);
            let sounds = units.iter().filter(|(_, kind, _)| *kind == MediaKind::Audio).count();
            let pictures =
                units.iter().filter(|(_, kind, unit)| *kind == MediaKind::Video && unit.marker);
            assert_eq!((sounds, pictures.count()), (1_000, 300));
            assert!(units.iter().all(|(_, _, unit)| unit.payload.len() <= 1_000));
        }
    }

    #[test]
    fn numbers_and_timestamps_go_on_across_the_loop() {
        let units = play(Guest::One, 20);
        for kind in [MediaKind::Audio, MediaKind::Video] {
            let units: Vec<_> = units.iter().filter(|(_, of, _)| *of == kind).collect();
            for pair in units.windows(2) {
                assert_eq!(pair[1].2.seq, pair[0].2.seq.wrapping_add(1));
                let step = pair[1].2.rtp_ts - pair[0].2.rtp_ts;
                let whole = if kind.is_audio() { 960 } else { 6_000 };
                assert!(step == whole || (step == 0 && !pair[0].2.marker), "{step}");
                assert!(pair[0].0 <= pair[1].0);
            }
        }
    }

    #[test]
    fn each_second_begins_with_a_key_picture() {
        for guest in Guest::ALL {
            let begins: Vec<_> = play(guest, 13)
                .into_iter()
                .filter(|(_, kind, unit)| *kind == MediaKind::Video && unit.payload[0] & 0x10 != 0)
                .collect();
            for second in begins.chunks(15) {
                // Bit 0 of the first byte of VP8 data is zero on key pictures (RFC 6386, 9.1).
                assert_eq!(second[0].2.payload[4] & 1, 0);
            }
        }
    }

    #[test]
    fn who_is_asked_for_a_key_picture_sends_one_next_and_only_one() {
        let mut player = Clip::load(Guest::One).unwrap().play(Instant::now());
        let asked = [0, 1, 8, 14, 15, 100];
        let mut last = 0;
        for number in 0..200 {
            if asked.contains(&number) {
                player.key_picture();
                player.key_picture();
                last = number;
            }
            let first = std::iter::from_fn(|| Some(player.next_unit()))
                .find(|(kind, unit)| *kind == MediaKind::Video && unit.payload[0] & 0x10 != 0);
            let (_, unit) = first.unwrap();
            assert_eq!(unit.rtp_ts, number * PICTURE_TICKS, "the clock goes on");
            let due = (number - last).is_multiple_of(PICTURES_PER_KEY);
            assert_eq!(unit.begins_keyframe(), due, "picture {number}");
        }
    }

    #[test]
    fn sound_and_picture_carry_the_same_capture_clock() {
        for (at, kind, unit) in play(Guest::Two, 10) {
            if let Some(ms) = unit.captured_ms {
                assert_eq!(at.as_millis(), u128::from(ms), "{kind:?}");
            }
        }
    }

    #[test]
    fn a_cut_file_is_an_error_and_not_a_panic() {
        let (pictures, sounds) = Guest::One.files();
        for cut in (0..pictures.len()).step_by(97) {
            let _any = read_ivf(&pictures[..cut]);
        }
        for cut in (0..sounds.len()).step_by(97) {
            let _any = read_ogg(&sounds[..cut]);
        }
    }
}
