//! Sound that was received: packets of Opus into a file or a pipe.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
};

use hound::{SampleFormat, WavSpec, WavWriter};
use ogg::{PacketWriteEndInfo, PacketWriter};
use opus::{Channels, Decoder};

use super::{
    Format, MAX_SAMPLES, RATE, SoundError,
    device::{Found, Loudspeaker, Way},
};

/// What is written, packet by packet. It is whole after [`finish`](Self::finish) only.
pub(crate) struct Sink {
    to: To,
    /// Timestamp at which what was written ends.
    end: Option<u32>,
}

enum To {
    /// A device, until it plays, and from then on.
    Device(Decoder, Option<Found>, Option<Loudspeaker>),
    Ogg(Box<Pages>),
    Samples(Decoder, Output),
    Wav(Decoder, WavWriter<BufWriter<File>>),
}

type Output = Box<dyn Write + Send>;

impl Sink {
    /// Creates a file, or takes standard output for `-`. A file that is there is replaced.
    ///
    /// # Errors
    /// See [`SoundError`].
    pub(crate) fn create(path: &Path, format: Option<Format>) -> Result<Self, SoundError> {
        let format = format.map_or_else(|| Format::of(path), Ok)?;
        let decoder = || Decoder::new(RATE, Channels::Mono);
        if path.as_os_str() == "-" {
            let mut out: Output = Box::new(io::stdout());
            if format == Format::Ogg {
                return Ok(Self { to: To::Ogg(Box::new(Pages::begin(out)?)), end: None });
            }
            if format == Format::Wav {
                // Down a pipe nothing is corrected later: the header says that there is no end.
                out.write_all(&SPEC.into_header_for_infinite_file())?;
            }
            return Ok(Self { to: To::Samples(decoder()?, out), end: None });
        }
        let out = BufWriter::new(File::create(path)?);
        let to = match format {
            Format::Ogg => To::Ogg(Box::new(Pages::begin(Box::new(out))?)),
            Format::S16le => To::Samples(decoder()?, Box::new(out)),
            Format::Wav => To::Wav(decoder()?, WavWriter::new(out, SPEC)?),
        };
        Ok(Self { to, end: None })
    }

    /// Plays on a device from the first packet on: the one of that name, or the one that the system
    /// begins with.
    ///
    /// # Errors
    /// See [`SoundError`].
    pub(crate) fn loudspeaker(name: Option<&str>) -> Result<Self, SoundError> {
        let found = Found::new(Way::Output, name)?;
        let decoder = Decoder::new(RATE, Channels::Mono)?;
        Ok(Self { to: To::Device(decoder, Some(found), None), end: None })
    }

    /// Takes the packet that sounds at `rtp_ts`; older ones than before are dropped, and what is
    /// missing in between is silence.
    ///
    /// # Errors
    /// See [`SoundError`]. A packet that is no Opus is no error, and silent.
    pub(crate) fn write(&mut self, rtp_ts: u32, packet: &[u8]) -> Result<(), SoundError> {
        let Ok(samples) = opus::packet::get_nb_samples(packet, RATE) else { return Ok(()) };
        let ticks = u32::try_from(samples).unwrap_or_default();
        let gap = self.end.map_or(0, |end| rtp_ts.wrapping_sub(end));
        if gap > MAX_GAP {
            return Ok(());
        }
        self.end = Some(rtp_ts.wrapping_add(ticks));
        match &mut self.to {
            To::Device(decoder, found, plays) => {
                // What is missing is silent by itself.
                let (_, sound) = decode(decoder, 0, packet);
                if let Some(found) = found.take() {
                    *plays = Some(found.play()?);
                }
                if let Some(loudspeaker) = plays {
                    loudspeaker.write(&sound)?;
                }
            }
            To::Ogg(pages) => pages.write(packet, gap, ticks)?,
            To::Samples(decoder, out) => {
                let (silence, sound) = decode(decoder, gap, packet);
                let samples = std::iter::repeat_n(0, silence).chain(sound);
                let bytes: Vec<u8> = samples.flat_map(i16::to_le_bytes).collect();
                out.write_all(&bytes)?;
                out.flush()?;
            }
            To::Wav(decoder, out) => {
                let (silence, sound) = decode(decoder, gap, packet);
                for sample in std::iter::repeat_n(0, silence).chain(sound) {
                    out.write_sample(sample)?;
                }
            }
        }
        Ok(())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// See [`SoundError`].
    pub(crate) fn finish(self) -> Result<(), SoundError> {
        match self.to {
            To::Device(..) => {}
            To::Ogg(pages) => pages.finish()?,
            To::Samples(_, mut out) => out.flush()?,
            To::Wav(_, out) => out.finalize()?,
        }
        Ok(())
    }
}

/// Samples of silence, and the samples of a packet. What does not decode sounds as the decoder
/// hides losses.
fn decode(decoder: &mut Decoder, gap: u32, packet: &[u8]) -> (usize, Vec<i16>) {
    let mut samples = vec![0; MAX_SAMPLES];
    let count = decoder.decode(packet, &mut samples, false);
    samples.truncate(count.unwrap_or_default());
    (usize::try_from(gap).unwrap_or_default(), samples)
}

/// An Ogg file of one stream of Opus (RFC 7845).
struct Pages {
    /// A packet that waits to know whether it is the last one, and where it ends.
    held: Option<(Vec<u8>, u64)>,
    in_page: u32,
    out: PacketWriter<'static, Output>,
    /// Samples written, the ones to skip included.
    position: u64,
    serial: u32,
}

impl Pages {
    fn begin(out: Output) -> io::Result<Self> {
        let (mut out, serial) = (PacketWriter::new(out), rand::random());
        let mut head = b"OpusHead\x01\x02".to_vec();
        head.extend(PRE_SKIP.to_le_bytes());
        head.extend(RATE.to_le_bytes());
        // No gain, and the channels as Opus has them.
        head.extend([0, 0, 0]);
        let mut tags = b"OpusTags".to_vec();
        tags.extend(u32::try_from(VENDOR.len()).unwrap_or_default().to_le_bytes());
        tags.extend(VENDOR.as_bytes());
        tags.extend(0_u32.to_le_bytes());
        out.write_packet(head, serial, PacketWriteEndInfo::EndPage, 0)?;
        out.write_packet(tags, serial, PacketWriteEndInfo::EndPage, 0)?;
        Ok(Self { held: None, in_page: 0, out, position: PRE_SKIP.into(), serial })
    }

    fn write(&mut self, packet: &[u8], gap: u32, ticks: u32) -> io::Result<()> {
        // A page whose position jumps says what is missing: it ends before the gap.
        self.write_held(gap > 0)?;
        self.position = self.position.saturating_add(u64::from(gap) + u64::from(ticks));
        self.held = Some((packet.to_vec(), self.position));
        Ok(())
    }

    fn write_held(&mut self, ends: bool) -> io::Result<()> {
        let Some((packet, position)) = self.held.take() else { return Ok(()) };
        self.in_page += 1;
        let info = if ends || self.in_page >= PER_PAGE {
            self.in_page = 0;
            PacketWriteEndInfo::EndPage
        } else {
            PacketWriteEndInfo::NormalPacket
        };
        self.out.write_packet(packet, self.serial, info, position)
    }

    fn finish(mut self) -> io::Result<()> {
        let (packet, position) =
            self.held.take().unwrap_or_else(|| (SILENCE.to_vec(), self.position));
        self.out.write_packet(packet, self.serial, PacketWriteEndInfo::EndStream, position)?;
        self.out.inner_mut().flush()
    }
}

/// A gap longer than this, an hour, is a packet from before.
const MAX_GAP: u32 = 3_600 * RATE;
/// Packets of a page: about a second.
const PER_PAGE: u32 = 50;
/// Samples that a decoder needs to settle (RFC 7845, section 4.2): 80 ms.
const PRE_SKIP: u16 = 3_840;
const VENDOR: &str = "conclave";
/// A packet of silence.
const SILENCE: [u8; 3] = [0xf8, 0xff, 0xfe];
const SPEC: WavSpec = WavSpec {
    channels: 1,
    sample_rate: RATE,
    bits_per_sample: 16,
    sample_format: SampleFormat::Int,
};
