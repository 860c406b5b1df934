//! Microphones and loudspeakers of this machine, by name.
//!
//! The system calls back on a thread of its own, which must never wait: what does not fit is lost,
//! and what is missing is silence. Samples are those of a pipe: 16 bits, 48,000 a second, one
//! channel; a device with more channels gives its first one, and plays the same on all.

use std::{
    collections::VecDeque,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
};

use cpal::{
    BufferSize, Device, ErrorKind, FromSample, SampleFormat, SizedSample, Stream, StreamConfig,
    SupportedBufferSize, SupportedStreamConfigRange,
    traits::{DeviceTrait as _, HostTrait as _, StreamTrait as _},
};
use serde::Serialize;
use thiserror::Error;

use super::RATE;

/// One device, as it is listed.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Listed {
    /// What it is chosen by.
    pub(crate) name: String,
    /// What the system says of it.
    pub(crate) text: String,
    /// Whether it can be heard with.
    pub(crate) input: bool,
    /// Whether it can be played on.
    pub(crate) output: bool,
}

/// What a device is wanted for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Way {
    /// To hear with.
    Input,
    /// To play on.
    Output,
}

/// Why a device cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum DeviceError {
    /// The system refuses it, or it went away.
    #[error("the device {name} cannot be used: {source}")]
    Lost {
        /// Which.
        name: String,
        /// What the system says.
        source: cpal::Error,
    },
    /// The system has none to begin with.
    #[error("this machine has no {0}")]
    None(Way),
    /// It does neither 16 bits nor floats at 48,000 a second.
    #[error("the device {0} takes no sound at 48,000 samples a second")]
    Rate(String),
    /// There is none of that name.
    #[error("there is no {way} called {name}; there is {known}")]
    Unknown {
        /// What it is wanted for.
        way: Way,
        /// What was asked for.
        name: String,
        /// All names, or that there are none.
        known: String,
    },
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Input => "microphone",
            Self::Output => "loudspeaker",
        })
    }
}

/// Every device that the system names; nothing is opened.
pub(crate) fn list() -> Vec<Listed> {
    let devices = cpal::default_host().devices().into_iter().flatten();
    devices.filter_map(|device| listed(&device)).collect()
}

fn listed(device: &Device) -> Option<Listed> {
    let (id, text) = (device.id().ok()?, device.description().ok()?);
    let (input, output) = (text.supports_input(), text.supports_output());
    Some(Listed { name: id.id().to_owned(), text: text.name().to_owned(), input, output })
}

/// A device that was found, with what it takes.
pub(crate) struct Found {
    config: StreamConfig,
    device: Device,
    format: SampleFormat,
    name: String,
}

impl Found {
    /// The device of that name, or the one that the system begins with.
    ///
    /// # Errors
    /// See [`DeviceError`].
    pub(crate) fn new(way: Way, name: Option<&str>) -> Result<Self, DeviceError> {
        let device = match name {
            None => default(way).ok_or(DeviceError::None(way))?,
            Some(name) => named(way, name)?,
        };
        let name = name.unwrap_or("that the system begins with").to_owned();
        let lost = |source| DeviceError::Lost { name: name.clone(), source };
        let takes: Vec<_> = match way {
            Way::Input => device.supported_input_configs().map_err(lost)?.collect(),
            Way::Output => device.supported_output_configs().map_err(lost)?.collect(),
        };
        let best = takes.iter().filter_map(|one| Some((rank(one)?, one))).min_by_key(|one| one.0);
        let Some((_, best)) = best else { return Err(DeviceError::Rate(name)) };
        let config = StreamConfig {
            channels: best.channels(),
            sample_rate: RATE,
            buffer_size: match best.buffer_size() {
                SupportedBufferSize::Range { min, max } if (*min..=*max).contains(&PERIOD) => {
                    BufferSize::Fixed(PERIOD)
                }
                _ => BufferSize::Default,
            },
        };
        let format = best.sample_format();
        Ok(Self { config, device, format, name })
    }

    /// What it hears from now on.
    ///
    /// # Errors
    /// See [`DeviceError`].
    pub(crate) fn hear(self) -> Result<Microphone, DeviceError> {
        let (send, heard) = sync_channel(WAITING);
        let stream = match self.format {
            SampleFormat::F32 => self.input::<f32>(send),
            _ => self.input::<i16>(send),
        };
        let lost = |source| DeviceError::Lost { name: self.name.clone(), source };
        let stream = stream.map_err(lost)?;
        stream.play().map_err(lost)?;
        Ok(Microphone { chunk: Vec::new().into_iter(), heard, name: self.name, _stream: stream })
    }

    fn input<T>(&self, send: SyncSender<Heard>) -> Result<Stream, cpal::Error>
    where
        T: SizedSample,
        i16: FromSample<T>,
    {
        let (channels, failed) = (usize::from(self.config.channels), send.clone());
        self.device.build_input_stream(
            self.config,
            move |samples: &[T], _| {
                let first = samples.iter().step_by(channels.max(1));
                // Whoever reads is behind: a part of the sound is lost.
                let _full = send.try_send(Ok(first.map(|one| i16::from_sample_(*one)).collect()));
            },
            move |error| {
                if ends(&error) {
                    let _full = failed.try_send(Err(error));
                }
            },
            None,
        )
    }

    /// Where sound is played from now on.
    ///
    /// # Errors
    /// See [`DeviceError`].
    pub(crate) fn play(self) -> Result<Loudspeaker, DeviceError> {
        let waiting = Arc::new(Mutex::new(Waiting::default()));
        let stream = match self.format {
            SampleFormat::F32 => self.output::<f32>(&waiting),
            _ => self.output::<i16>(&waiting),
        };
        let lost = |source| DeviceError::Lost { name: self.name.clone(), source };
        let stream = stream.map_err(lost)?;
        stream.play().map_err(lost)?;
        Ok(Loudspeaker { name: self.name, _stream: stream, waiting })
    }

    fn output<T>(&self, waiting: &Arc<Mutex<Waiting>>) -> Result<Stream, cpal::Error>
    where
        T: SizedSample + FromSample<i16>,
    {
        let channels = usize::from(self.config.channels).max(1);
        let (waiting, failed) = (Arc::clone(waiting), Arc::clone(waiting));
        self.device.build_output_stream(
            self.config,
            move |samples: &mut [T], _| {
                let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
                // It was filled with silence before.
                for (frame, sample) in samples.chunks_mut(channels).zip(waiting.by_ref()) {
                    frame.fill(T::from_sample_(sample));
                }
            },
            move |error| {
                if ends(&error) {
                    let mut waiting = failed.lock().unwrap_or_else(PoisonError::into_inner);
                    waiting.lost = Some(error);
                }
            },
            None,
        )
    }
}

type Heard = Result<Vec<i16>, cpal::Error>;

/// What a microphone hears, sample by sample; it waits for the next one.
pub(crate) struct Microphone {
    chunk: std::vec::IntoIter<i16>,
    heard: Receiver<Heard>,
    name: String,
    _stream: Stream,
}

impl Iterator for Microphone {
    type Item = Result<i16, DeviceError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(sample) = self.chunk.next() {
                return Some(Ok(sample));
            }
            match self.heard.recv().ok()? {
                Ok(chunk) => self.chunk = chunk.into_iter(),
                Err(source) => {
                    return Some(Err(DeviceError::Lost { name: self.name.clone(), source }));
                }
            }
        }
    }
}

/// A device that plays what it is given, and silence while there is nothing.
pub(crate) struct Loudspeaker {
    name: String,
    _stream: Stream,
    waiting: Arc<Mutex<Waiting>>,
}

impl Loudspeaker {
    /// Plays these samples after those that wait. Never waits itself.
    ///
    /// # Errors
    /// The device went away.
    pub(crate) fn write(&self, samples: &[i16]) -> Result<(), DeviceError> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(source) = waiting.lost.take() {
            return Err(DeviceError::Lost { name: self.name.clone(), source });
        }
        waiting.push(samples);
        Ok(())
    }
}

/// Samples on their way to a loudspeaker.
#[derive(Debug, Default)]
struct Waiting {
    lost: Option<cpal::Error>,
    /// Whether there was enough to begin with, and something is left.
    plays: bool,
    samples: VecDeque<i16>,
}

impl Waiting {
    /// What is late makes room: nobody wants to hear a meeting half a second behind.
    fn push(&mut self, samples: &[i16]) {
        self.samples.extend(samples);
        let late = self.samples.len().saturating_sub(LATEST);
        self.samples.drain(..late);
        self.plays |= self.samples.len() >= HEADSTART;
    }
}

impl Iterator for Waiting {
    type Item = i16;

    fn next(&mut self) -> Option<i16> {
        if !self.plays {
            return None;
        }
        let sample = self.samples.pop_front();
        self.plays = sample.is_some();
        sample
    }
}

fn default(way: Way) -> Option<Device> {
    let host = cpal::default_host();
    match way {
        Way::Input => host.default_input_device(),
        Way::Output => host.default_output_device(),
    }
}

fn named(way: Way, name: &str) -> Result<Device, DeviceError> {
    let mut known = Vec::new();
    for device in cpal::default_host().devices().into_iter().flatten() {
        let Some(one) = listed(&device) else { continue };
        if !(if way == Way::Input { one.input } else { one.output }) {
            continue;
        }
        if one.name == name || one.text == name {
            return Ok(device);
        }
        known.push(one.name);
    }
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    Err(DeviceError::Unknown { way, name: name.to_owned(), known })
}

/// How well that fits, less is better; not at all if there is nothing.
fn rank(range: &SupportedStreamConfigRange) -> Option<(bool, u16)> {
    let rates = range.min_sample_rate()..=range.max_sample_rate();
    let format = range.sample_format();
    let fits = rates.contains(&RATE) && matches!(format, SampleFormat::I16 | SampleFormat::F32);
    fits.then_some((format == SampleFormat::F32, range.channels()))
}

/// Whether nothing comes after this error.
fn ends(error: &cpal::Error) -> bool {
    !matches!(error.kind(), ErrorKind::DeviceChanged | ErrorKind::RealtimeDenied | ErrorKind::Xrun)
}

/// Samples with which playing begins, also after silence: 60 ms.
const HEADSTART: usize = 2_880;
/// Samples that may wait for a loudspeaker: 300 ms.
const LATEST: usize = 14_400;
/// Samples of one callback, if the device takes that: 20 ms, as packets have.
const PERIOD: u32 = 960;
/// Callbacks of a microphone that may wait.
const WAITING: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn playing_begins_with_a_head_start_and_never_falls_far_behind() {
        let mut waiting = Waiting::default();
        waiting.push(&[1; 2_000]);
        assert_eq!(waiting.next(), None, "too little to begin with");
        waiting.push(&[2; 2_000]);
        assert_eq!(waiting.by_ref().count(), 4_000);
        waiting.push(&[3; 100]);
        assert_eq!(waiting.next(), None, "it begins anew");
        waiting.push(&[4; 48_000]);
        assert_eq!(waiting.by_ref().count(), LATEST);
    }

    #[test]
    fn a_device_that_is_not_there_is_named_with_those_that_are() {
        let refused = Found::new(Way::Output, Some("no such thing")).err();
        let Some(DeviceError::Unknown { known, .. }) = refused else { panic!("{refused:?}") };
        let names: Vec<_> =
            list().into_iter().filter(|one| one.output).map(|one| one.name).collect();
        assert_eq!(known, if names.is_empty() { "none".to_owned() } else { names.join(", ") });
    }
}
