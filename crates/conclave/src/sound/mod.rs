//! Sound in files and pipes, as bots have it: Ogg Opus, WAV, or bare samples; and in devices.
//!
//! [`Source`] gives packets of Opus, [`Sink`] takes them; `device` are microphones and loudspeakers. Both block: they belong on a thread of
//! their own. Files come from anywhere: whatever they hold is an error and never a panic.

mod device;
mod sink;
mod source;
#[cfg(test)]
mod tests;

use std::{io, path::Path};

use thiserror::Error;

pub(crate) use self::{
    device::{Listed, list},
    sink::Sink,
    source::{Source, Spoken},
};

/// How sound is written down.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Opus in Ogg (RFC 7845)
    Ogg,
    /// Bare samples: 16 bits, little-endian, 48,000 a second, one channel
    S16le,
    /// WAV with integers or floats
    Wav,
}

impl Format {
    /// The format that the ending of a name tells; a pipe has samples.
    fn of(path: &Path) -> Result<Self, SoundError> {
        if path.as_os_str() == "-" {
            return Ok(Self::S16le);
        }
        let end = path.extension().and_then(|end| end.to_str()).unwrap_or_default();
        match end.to_ascii_lowercase().as_str() {
            "oga" | "ogg" | "opus" => Ok(Self::Ogg),
            "pcm" | "raw" | "s16" | "s16le" => Ok(Self::S16le),
            "wav" => Ok(Self::Wav),
            _ => Err(SoundError::Unknown),
        }
    }

    /// The format of what begins with these bytes. Samples begin with anything, so there the name
    /// has to say it: a film played as samples would hurt.
    fn guess(bytes: &[u8], path: &Path) -> Result<Self, SoundError> {
        match bytes {
            b"OggS" => Ok(Self::Ogg),
            b"RIFF" => Ok(Self::Wav),
            _ if matches!(Self::of(path), Ok(Self::S16le)) => Ok(Self::S16le),
            _ => Err(SoundError::Unknown),
        }
    }
}

/// Why sound was not read or written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum SoundError {
    /// A codec gave up.
    #[error("the sound could not be coded: {0}")]
    Codec(#[from] opus::Error),
    /// A microphone or a loudspeaker cannot be used.
    #[error(transparent)]
    Device(#[from] device::DeviceError),
    /// The file ends early or cannot be had.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Something else than Opus in an Ogg file, or more than two channels.
    #[error("the Ogg file holds no Opus in one or two channels")]
    NotOpus,
    /// The file is no Ogg file.
    #[error("the Ogg file is damaged: {0}")]
    Ogg(#[from] ogg::OggReadError),
    /// Samples of a kind that Opus does not take.
    #[error(
        "{channels} channels at {rate} a second; Opus takes one or two at 8000, 12000, 16000, \
         24000 or 48000"
    )]
    Samples {
        /// How many.
        channels: u16,
        /// How often.
        rate: u32,
    },
    /// Neither what a file begins with nor its name tells what it is.
    #[error("it is none of Ogg, WAV and samples (.ogg, .opus, .wav, .s16)")]
    Unknown,
    /// The file is no WAV file.
    #[error("the WAV file is damaged: {0}")]
    Wav(#[from] hound::Error),
}

/// Samples a second of everything that is written, and of Opus timestamps.
const RATE: u32 = 48_000;
/// Longest packet of Opus (RFC 6716, section 3.4) in one frame.
const MAX_PACKET: usize = 1_275;
/// Samples of the longest packet, 120 ms.
const MAX_SAMPLES: usize = 5_760;
