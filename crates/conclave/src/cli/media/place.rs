//! Where sound comes from or goes to: files, pipes and devices by name.

use std::{convert::Infallible, fmt, path::PathBuf, str::FromStr};

use anyhow::Context as _;

use super::super::{
    advice::{Advised as _, Next},
    output::{Output, plain},
};
use crate::sound::{Format, Listed, Sink, Source, list};

/// What follows `--audio-in` and `--audio-out`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Place {
    /// A device, or the one that the system begins with.
    Device(Option<String>),
    /// A file; `-` is a pipe.
    File(PathBuf),
}

impl FromStr for Place {
    type Err = Infallible;

    /// A file of that name is `./device`.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text.strip_prefix("device") {
            Some("") => Self::Device(None),
            Some(rest) => match rest.strip_prefix(':') {
                Some(name) => Self::Device(Some(name.to_owned())),
                None => Self::File(text.into()),
            },
            None => Self::File(text.into()),
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(_) => f.write_str("the sound of a device"),
            Self::File(path) => write!(f, "the sound in {}", path.display()),
        }
    }
}

impl Place {
    /// Whether it is standard input or output.
    pub(super) fn is_pipe(&self) -> bool {
        matches!(self, Self::File(path) if path.as_os_str() == "-")
    }

    /// What is heard there.
    pub(super) fn source(&self, format: Option<Format>) -> anyhow::Result<Source> {
        let (opened, next) = match self {
            Self::Device(name) => (Source::microphone(name.as_deref()), devices()),
            Self::File(path) => (Source::open(path, format), CONVERT.into()),
        };
        opened.with_context(|| self.to_string()).advise(next)
    }

    /// What is said is put there.
    pub(super) fn sink(&self, format: Option<Format>) -> anyhow::Result<Sink> {
        let (created, next) = match self {
            Self::Device(name) => (Sink::loudspeaker(name.as_deref()), devices()),
            Self::File(path) => (Sink::create(path, format), "--audio-out ANOTHER-FILE".into()),
        };
        created.with_context(|| self.to_string()).advise(next)
    }
}

/// `conclave meeting devices`.
pub(crate) fn show_devices(output: Output) -> anyhow::Result<()> {
    for device in list() {
        output.say(&device, || {
            let Listed { name, text, input, output } = &device;
            let way = match (input, output) {
                (true, true) => "in, out",
                (true, false) => "in",
                (false, true) => "out",
                (false, false) => "",
            };
            format!("{way:<8}{}  ({})", plain(name), plain(text))
        })?;
    }
    Ok(())
}

fn devices() -> Next {
    Next::run("conclave meeting devices")
}

const CONVERT: &str = "ffmpeg -i FILE -ar 48000 -ac 1 sound.wav";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_not_a_file() {
        let place = |text: &str| text.parse::<Place>().unwrap();
        assert_eq!(place("device"), Place::Device(None));
        assert_eq!(place("device:hw:0,0"), Place::Device(Some("hw:0,0".to_owned())));
        for file in ["device.wav", "./device", "-", ""] {
            assert_eq!(place(file), Place::File(file.into()));
        }
    }
}
