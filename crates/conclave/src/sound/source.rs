//! Sound to send: packets of Opus from a file or a pipe.

use std::{
    fs::File,
    io::{self, Chain, Cursor, Read, Seek, SeekFrom, Stdin},
    path::Path,
};

use hound::{SampleFormat, WavReader, WavSpec};
use ogg::PacketReader;
use opus::{Application, Channels, Encoder};

use super::{
    Format, MAX_PACKET, RATE, SoundError,
    device::{Found, Way},
};

/// One packet of Opus and how long it sounds, in ticks of 48,000 a second.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Spoken {
    pub(crate) packet: Vec<u8>,
    pub(crate) ticks: u32,
}

/// What is read, packet by packet.
pub(crate) enum Source {
    /// Packets as they are.
    Ogg(PacketReader<Forward<Input>>),
    /// Samples, which are encoded.
    Samples {
        frames: Frames,
        encoder: Encoder,
        /// Whether they come at the pace at which they sound.
        live: bool,
    },
}

/// A file or a pipe, with the bytes that were looked at first.
pub(crate) type Input = Chain<Cursor<Vec<u8>>, Opened>;

/// Where bytes come from.
#[derive(Debug)]
pub(crate) enum Opened {
    File(io::BufReader<File>),
    Pipe(Stdin),
}

impl Source {
    /// Opens a file, or standard input for `-`. The format is seen from the first bytes unless it
    /// is given.
    ///
    /// # Errors
    /// See [`SoundError`].
    pub(crate) fn open(path: &Path, format: Option<Format>) -> Result<Self, SoundError> {
        let mut opened = match path.as_os_str() == "-" {
            true => Opened::Pipe(io::stdin()),
            false => Opened::File(io::BufReader::new(File::open(path)?)),
        };
        let mut first = Vec::with_capacity(MAGIC);
        opened.by_ref().take(MAGIC_BYTES).read_to_end(&mut first)?;
        let format = format.map_or_else(|| Format::guess(&first, path), Ok)?;
        let input = Cursor::new(first).chain(opened);
        match format {
            Format::Ogg => Ok(Self::Ogg(PacketReader::new(Forward(input)))),
            Format::S16le => Self::samples(Frames::bare(input), false),
            Format::Wav => Self::samples(Frames::wav(WavReader::new(input)?)?, false),
        }
    }

    /// What a microphone hears, from the first packet on that is asked for: the one of that name,
    /// or the one that the system begins with.
    ///
    /// # Errors
    /// See [`SoundError`].
    pub(crate) fn microphone(name: Option<&str>) -> Result<Self, SoundError> {
        Self::samples(Frames::heard(Found::new(Way::Input, name)?), true)
    }

    /// Whether packets come at the pace at which they sound.
    pub(crate) const fn is_live(&self) -> bool {
        matches!(self, Self::Samples { live: true, .. })
    }

    fn samples(frames: Frames, live: bool) -> Result<Self, SoundError> {
        let channels = if frames.channels == 1 { Channels::Mono } else { Channels::Stereo };
        let encoder = Encoder::new(frames.rate, channels, Application::Audio)?;
        Ok(Self::Samples { frames, encoder, live })
    }

    /// The next packet; nothing at the end.
    ///
    /// # Errors
    /// See [`SoundError`].
    pub(crate) fn next(&mut self) -> Result<Option<Spoken>, SoundError> {
        match self {
            Self::Ogg(reader) => loop {
                let Some(packet) = reader.read_packet()? else { return Ok(None) };
                let packet = packet.data;
                match packet.as_slice() {
                    // Channels one by one or a pair (RFC 7845, section 5.1).
                    [b'O', b'p', b'u', b's', b'H', b'e', b'a', b'd', _, 1 | 2, ..] => {}
                    [b'O', b'p', b'u', b's', b'T', b'a', b'g', b's', ..] => {}
                    data => {
                        let samples = opus::packet::get_nb_samples(data, RATE);
                        let samples = samples.map_err(|_| SoundError::NotOpus)?;
                        let ticks = u32::try_from(samples).map_err(|_| SoundError::NotOpus)?;
                        return Ok(Some(Spoken { packet, ticks }));
                    }
                }
            },
            Self::Samples { frames, encoder, .. } => {
                let Some(frame) = frames.next()? else { return Ok(None) };
                let mut packet = vec![0; MAX_PACKET];
                let length = encoder.encode(&frame, &mut packet)?;
                packet.truncate(length);
                Ok(Some(Spoken { packet, ticks: RATE / FRAMES_PER_SECOND }))
            }
        }
    }
}

/// Frames of 20 ms, channels in turn.
pub(crate) struct Frames {
    channels: u16,
    rate: u32,
    samples: Box<dyn Iterator<Item = Result<i16, SoundError>> + Send>,
}

impl Frames {
    /// One channel at 48,000 a second, without a header.
    fn bare(mut input: Input) -> Self {
        let samples = std::iter::from_fn(move || {
            let mut bytes = [0; 2];
            match input.read_exact(&mut bytes) {
                Ok(()) => Some(Ok(i16::from_le_bytes(bytes))),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => None,
                Err(error) => Some(Err(error.into())),
            }
        });
        Self { channels: 1, rate: RATE, samples: Box::new(samples) }
    }

    fn heard(device: Found) -> Self {
        let (mut device, mut microphone) = (Some(device), None);
        let samples = std::iter::from_fn(move || {
            if let Some(device) = device.take() {
                match device.hear() {
                    Ok(hears) => microphone = Some(hears),
                    Err(error) => return Some(Err(error.into())),
                }
            }
            Some(microphone.as_mut()?.next()?.map_err(SoundError::from))
        });
        Self { channels: 1, rate: RATE, samples: Box::new(samples) }
    }

    fn wav(reader: WavReader<Input>) -> Result<Self, SoundError> {
        let WavSpec { channels, sample_rate: rate, bits_per_sample, sample_format } = reader.spec();
        if !matches!(channels, 1 | 2) || !matches!(rate, 8_000 | 12_000 | 16_000 | 24_000 | 48_000)
        {
            return Err(SoundError::Samples { channels, rate });
        }
        let samples: Box<dyn Iterator<Item = _> + Send> = match sample_format {
            SampleFormat::Float => {
                let scale = |one: f32| (one.clamp(-1.0, 1.0) * f32::from(i16::MAX)).round();
                // The cast cuts nothing off, and makes zero of what is no number.
                let samples = reader.into_samples::<f32>().map(move |one| Ok(scale(one?) as i16));
                Box::new(samples)
            }
            SampleFormat::Int => {
                let samples = reader.into_samples::<i32>();
                Box::new(samples.map(move |one| Ok(to_16_bits(one?, bits_per_sample))))
            }
        };
        Ok(Self { channels, rate, samples })
    }

    /// The next frame, the last one filled up with silence.
    fn next(&mut self) -> Result<Option<Vec<i16>>, SoundError> {
        let per_channel = usize::try_from(self.rate / FRAMES_PER_SECOND).unwrap_or_default();
        let length = per_channel * usize::from(self.channels);
        let mut frame = self.samples.by_ref().take(length).collect::<Result<Vec<i16>, _>>()?;
        if frame.is_empty() {
            return Ok(None);
        }
        frame.resize(length, 0);
        Ok(Some(frame))
    }
}

fn to_16_bits(sample: i32, bits: u16) -> i16 {
    let sample = match bits.checked_sub(16) {
        Some(more) => sample >> more.min(16),
        None => sample << (16 - bits.min(16)),
    };
    i16::try_from(sample.clamp(i16::MIN.into(), i16::MAX.into())).unwrap_or_default()
}

impl Read for Opened {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read(buffer),
            Self::Pipe(pipe) => pipe.read(buffer),
        }
    }
}

/// What is only read forward, as a pipe is; the reader of Ogg files asks for more and does not use
/// it.
#[derive(Debug)]
pub(crate) struct Forward<R>(R);

impl<R: Read> Read for Forward<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<R> Seek for Forward<R> {
    fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

const FRAMES_PER_SECOND: u32 = 50;
const MAGIC: usize = 4;
const MAGIC_BYTES: u64 = 4;
