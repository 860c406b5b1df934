//! Sound goes through files and comes back.

use std::{f64::consts::TAU, fs::File};

use proptest::prelude::*;

use super::*;

/// Two seconds of a tone.
fn tone(hertz: f64, rate: u32) -> Vec<i16> {
    let at = |n: u32| (f64::from(n) * hertz * TAU / f64::from(rate)).sin() * 8_000.0;
    (0..rate * 2).map(|n| at(n) as i16).collect()
}

/// How often it swings in a second.
fn pitch(samples: &[i16]) -> f64 {
    let crossings = samples.windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0).count();
    crossings as f64 * f64::from(RATE) / samples.len() as f64
}

fn wav(path: &Path, rate: u32, channels: u16) {
    let spec = hound::WavSpec {
        channels,
        sample_rate: rate,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut out = hound::WavWriter::create(path, spec).unwrap();
    for sample in tone(440.0, rate) {
        (0..channels).for_each(|_| out.write_sample(sample).unwrap());
    }
    out.finalize().unwrap();
}

fn packets(path: &Path, format: Option<Format>) -> Vec<Spoken> {
    let mut source = Source::open(path, format).unwrap();
    std::iter::from_fn(|| source.next().unwrap()).collect()
}

fn copy(packets: &[Spoken], to: &Path) {
    let (mut sink, mut at) = (Sink::create(to, None).unwrap(), 7);
    for Spoken { packet, ticks } in packets {
        sink.write(at, packet).unwrap();
        at = at.wrapping_add(*ticks);
    }
    sink.finish().unwrap();
}

#[test]
fn a_tone_keeps_its_pitch_through_every_format_and_rate() {
    let dir = tempfile::tempdir().unwrap();
    for (rate, channels) in [(48_000, 1), (16_000, 2), (8_000, 1)] {
        let file = |name: &str| dir.path().join(format!("{rate}-{name}"));
        wav(&file("in.wav"), rate, channels);
        copy(&packets(&file("in.wav"), None), &file("a.ogg"));
        let again = packets(&file("a.ogg"), None);
        assert_eq!(again.len(), 100, "20 ms each");
        copy(&again, &file("b.s16"));
        copy(&packets(&file("b.s16"), None), &file("c.wav"));
        let mut out = hound::WavReader::open(file("c.wav")).unwrap();
        let samples: Vec<i16> = out.samples().map(Result::unwrap).collect();
        assert_eq!(samples.len(), 96_000);
        let heard = pitch(&samples[4_800..91_200]);
        assert!((heard - 440.0).abs() < 5.0, "{heard} Hz at {rate}");
    }
}

#[test]
fn what_is_missing_is_silence_of_the_same_length() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("in.wav"), dir.path().join("out.s16"));
    wav(&from, 48_000, 1);
    let mut sink = Sink::create(&to, None).unwrap();
    for (at, Spoken { packet, ticks }) in (0_u32..).zip(packets(&from, None)) {
        if !(25..75).contains(&at) {
            sink.write(at * ticks, &packet).unwrap();
        }
    }
    // One that is late, and one that is no Opus, change nothing.
    sink.write(0, &[0xf8, 0xff, 0xfe]).unwrap();
    sink.write(96_000, &[]).unwrap();
    sink.finish().unwrap();
    let bytes = std::fs::read(&to).unwrap();
    assert_eq!(bytes.len(), 96_000 * 2);
    assert!(bytes[50_000..140_000].iter().all(|byte| *byte == 0));
}

#[test]
fn what_opus_does_not_take_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cd.wav");
    wav(&path, 44_100, 2);
    let Err(error) = Source::open(&path, None) else { panic!("44,100 a second was taken") };
    assert!(error.to_string().contains("2 channels at 44100"), "{error}");
}

#[test]
fn a_film_is_not_taken_for_samples() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("film.mkv");
    std::fs::write(&path, [0x1a, 0x45, 0xdf, 0xa3, 1, 2, 3, 4]).unwrap();
    assert!(matches!(Source::open(&path, None), Err(SoundError::Unknown)));
    assert!(matches!(Sink::create(&path, None), Err(SoundError::Unknown)));
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 8, "it is left as it is");
    assert_eq!(packets(&path, Some(Format::S16le)).len(), 1, "unless one insists");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_damaged_file_is_an_error_and_not_a_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..2_000),
        format in prop::sample::select(vec![None, Some(Format::S16le)]),
        magic in prop::sample::select(vec![&b""[..], b"OggS", b"RIFF\xff\0\0\0WAVEfmt "]),
    ) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), [magic, &bytes].concat()).unwrap();
        if let Ok(mut source) = Source::open(file.path(), format) {
            while let Ok(Some(_)) = source.next() {}
        }
    }

    /// Pages that hold, whatever is in them.
    #[test]
    fn whatever_lies_in_whole_pages_is_an_error_and_not_a_panic(
        packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 1..6),
    ) {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut pages = ogg::PacketWriter::new(File::create(file.path()).unwrap());
        for packet in packets {
            pages.write_packet(packet, 1, ogg::PacketWriteEndInfo::EndPage, 0).unwrap();
        }
        if let Ok(mut source) = Source::open(file.path(), None) {
            while let Ok(Some(_)) = source.next() {}
        }
    }

    /// A header that holds, and less behind it than it says.
    #[test]
    fn whatever_lies_behind_a_whole_header_is_an_error_and_not_a_panic(
        body in prop::collection::vec(any::<u8>(), 0..200),
        channels in 0..4_u16,
        rate in prop::sample::select(vec![8_000_u32, 44_100, 48_000]),
        (kind, bits) in prop::sample::select(vec![(1, 8), (1, 16), (1, 24), (1, 32), (3_u16, 32_u16)]),
    ) {
        let block = channels * bits / 8;
        let length = u32::from(block) * 100;
        let header = [
            &b"RIFF"[..],
            &(36 + length).to_le_bytes(),
            b"WAVEfmt \x10\0\0\0",
            &kind.to_le_bytes(),
            &channels.to_le_bytes(),
            &rate.to_le_bytes(),
            &(rate * u32::from(block)).to_le_bytes(),
            &block.to_le_bytes(),
            &bits.to_le_bytes(),
            b"data",
            &length.to_le_bytes(),
        ];
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), [&header.concat()[..], &body].concat()).unwrap();
        if let Ok(mut source) = Source::open(file.path(), None) {
            while let Ok(Some(_)) = source.next() {}
        }
    }
}
