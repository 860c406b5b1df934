//! Sound and pictures from and to files, pipes and other programs: what bots, recorders and studios
//! take part with. The daemon opens the ports; this command feeds them, and they close when it ends.

mod place;
mod voice;

use std::{fs, future::pending, path::PathBuf, pin::pin, str::FromStr, time::Duration};

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use tokio::time::timeout;

pub(super) use self::place::show_devices;
use self::{
    place::Place,
    voice::{Writing, speak},
};
use super::{
    advice::Advised as _, client::Local, output::Output, validator::Stop, watched::Watched,
};
use crate::{
    http::wire::{KeyState, LinkState, Meeting, OpenPorts, Phase, PortNews},
    ports::bind_pair,
    sound::{Format, Sink, Source},
};

/// What to send and where to put what others send. The command stays until the meeting is over, it
/// is interrupted, or all that was to be sent is sent and nothing is to be received.
#[derive(Debug, Args)]
pub(super) struct Media {
    /// Send this sound: Ogg Opus, WAV, or samples of 16 bits at 48,000 a second; - is standard input,
    /// device or device:NAME a microphone
    #[arg(long, value_name = "FILE")]
    audio_in: Option<Place>,
    /// Write what is said: .ogg, .opus, .wav or .s16 (samples); - is standard output, device or
    /// device:NAME a loudspeaker
    #[arg(long, value_name = "FILE")]
    audio_out: Option<Place>,
    /// What both are, whatever their names say
    #[arg(long, value_enum, value_name = "FORMAT")]
    audio_format: Option<Format>,
    /// Send what comes in at these ports of this machine as RTP: Opus, VP8; 0 is any free port
    #[arg(long, value_name = "audio=PORT,video=PORT")]
    rtp_in: Option<At>,
    /// Send on as RTP to these ports of this machine, and reports to the ports behind them
    #[arg(long, value_name = "audio=PORT,video=PORT")]
    rtp_out: Option<At>,
    /// Write a description of what goes out, for ffmpeg and GStreamer
    #[arg(long, value_name = "FILE", requires = "rtp_out")]
    sdp: Option<PathBuf>,
    /// Index of the member to receive; else whoever speaks
    #[arg(long, value_name = "IDX")]
    from: Option<u16>,
}

/// Ports for sound and pictures.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct At {
    audio: Option<u16>,
    video: Option<u16>,
}

impl FromStr for At {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut at = Self::default();
        for part in text.split(',') {
            let (what, port) = part.split_once('=').ok_or("write audio=PORT,video=PORT")?;
            // What leaves is no longer sealed: it must not leave this machine.
            let port = match port.rsplit_once(':') {
                Some(("127.0.0.1" | "localhost", port)) => port,
                Some((host, _)) => return Err(format!("{host} is not this machine (127.0.0.1)")),
                None => port,
            };
            let port = port.parse().map_err(|_| format!("{port} is no port"))?;
            let old = match what {
                "audio" => at.audio.replace(port),
                "video" => at.video.replace(port),
                _ => return Err(format!("{what} is neither audio nor video")),
            };
            if old.is_some() {
                return Err(format!("{what} is there twice"));
            }
        }
        Ok(at)
    }
}

/// What was asked for, with every file open.
pub(super) struct Prepared {
    ask: OpenPorts,
    sdp: Option<PathBuf>,
    sink: Option<Sink>,
    source: Option<Source>,
    /// Sound goes to standard output.
    aside: bool,
}

impl Media {
    /// Opens the files and finds the devices, so that nobody joins in vain; nothing if nothing was asked for.
    pub(super) fn prepare(self) -> anyhow::Result<Option<Prepared>> {
        let (rtp_in, rtp_out) = (self.rtp_in.unwrap_or_default(), self.rtp_out.unwrap_or_default());
        if self.audio_in.is_some() && rtp_in.audio.is_some()
            || self.audio_out.is_some() && rtp_out.audio.is_some()
        {
            let twice = anyhow!("sound comes from, or goes to, a file and a port at once");
            return Err(twice).advise("one of them, or two commands");
        }
        let source = self.audio_in.as_ref().map(|place| place.source(self.audio_format));
        let sink = self.audio_out.as_ref().map(|place| place.sink(self.audio_format));
        let (source, sink) = (source.transpose()?, sink.transpose()?);
        let passes_on = rtp_out != At::default();
        let played = matches!(self.audio_out, Some(Place::Device(_))) && !passes_on;
        let ask = OpenPorts {
            audio_in: source.as_ref().map(|_| 0).or(rtp_in.audio),
            video_in: rtp_in.video,
            audio_out: rtp_out.audio,
            video_out: rtp_out.video,
            from: self.from,
            played,
        };
        let nothing = OpenPorts { from: self.from, ..OpenPorts::default() };
        if ask == nothing && sink.is_none() {
            return Ok(None);
        }
        let aside = self.audio_out.is_some_and(|place| place.is_pipe());
        Ok(Some(Prepared { ask, sdp: self.sdp, sink, source, aside }))
    }
}

impl Prepared {
    /// Where to answer: not where the sound goes.
    pub(super) const fn output(&self, output: Output) -> Output {
        if self.aside { output.aside() } else { output }
    }

    /// Waits to be let in, opens the ports, and stays.
    pub(super) async fn run(
        mut self,
        local: &Local,
        output: Output,
        mid: String,
    ) -> anyhow::Result<()> {
        let output = self.output(output);
        let mut stop = Stop::new()?;
        let mut meeting = Watched::start(local, mid).await?;
        tokio::select! {
            () = stop.asked() => return Ok(()),
            live = meeting.reaches(|phase| phase == Phase::Live) => {
                live.context("not in the meeting").advise("conclave meeting show")?;
            }
        }
        if self.source.is_some() {
            linked(&mut meeting).await;
        }
        let mut writing = None;
        if let Some(sink) = self.sink.take() {
            let ports = bind_pair().await?;
            self.ask.audio_out = Some(ports.port);
            writing = Some(Writing::start(sink, ports));
        }
        let mut ports = local.follow("/api/ports", &self.ask).await?;
        let opened = ports.next().await?.context("the daemon has ended")?;
        let PortNews::Open { audio_in, ref sdp, .. } = opened else {
            bail!("the daemon did not say where the ports are");
        };
        if let (Some(path), Some(sdp)) = (&self.sdp, sdp) {
            fs::write(path, sdp).with_context(|| format!("writing {}", path.display()))?;
        }
        output.say(&opened, || say(&opened))?;
        let receives = self.ask.audio_out.or(self.ask.video_out).is_some();
        let stays = receives || self.ask.video_in.is_some();
        let source = self.source.take().zip(audio_in);
        let mut speaking = pin!(async move {
            match source {
                Some((source, port)) => speak(source, port).await,
                None => pending().await,
            }
        });
        let mut spoken = false;
        let ended = loop {
            tokio::select! {
                () = stop.asked() => break Ok(()),
                over = meeting.reaches(Phase::is_over) => break over.map(drop),
                done = &mut speaking, if !spoken => {
                    spoken = true;
                    if done.is_err() || !stays {
                        break done;
                    }
                }
                failed = failed(writing.as_mut()) => {
                    failed?;
                    bail!("nothing is written any more");
                }
                news = ports.next() => match news? {
                    Some(news) => output.say(&news, || say(&news))?,
                    None => break Ok(()),
                },
            }
        };
        drop(ports);
        if let Some(writing) = writing {
            writing.finish().await?;
        }
        ended
    }
}

async fn failed(writing: Option<&mut Writing>) -> anyhow::Result<()> {
    match writing {
        Some(writing) => writing.failed().await,
        None => pending().await,
    }
}

/// Waits until everybody who is in can hear this device, but not for ever.
async fn linked(meeting: &mut Watched) {
    let linked = |meeting: &Meeting| {
        let mut others = meeting.members.iter().filter(|member| !member.me);
        others.all(|one| one.link != LinkState::None && one.key == KeyState::Ok)
    };
    let all = async {
        while !meeting.shown.as_ref().is_some_and(linked) {
            if meeting.change().await.is_err() {
                return;
            }
        }
    };
    let _some_are_not = timeout(EVERYBODY, all).await;
}

fn say(news: &PortNews) -> String {
    let kind = |video| if video { "picture" } else { "sound" };
    match news {
        PortNews::Open { audio_in, video_in, audio_out, video_out, .. } => {
            let ports = [
                ("sound comes in at", audio_in),
                ("pictures come in at", video_in),
                ("sound goes out to", audio_out),
                ("pictures go out to", video_out),
            ];
            let lines: Vec<String> = ports
                .iter()
                .filter_map(|(what, port)| port.map(|port| format!("{what} 127.0.0.1:{port}")))
                .collect();
            lines.join("\n")
        }
        PortNews::From { video, idx } => format!("the {} is that of member {idx}", kind(*video)),
        PortNews::Dropped { video, text } => format!("dropped for the {}: {text}", kind(*video)),
    }
}

/// How long a sound waits for people who are slow to connect.
const EVERYBODY: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ports_of_this_machine_are_taken() {
        let at = |text: &str| text.parse::<At>();
        assert_eq!(at("audio=5004,video=0"), Ok(At { audio: Some(5_004), video: Some(0) }));
        assert_eq!(at("video=127.0.0.1:9"), Ok(At { audio: None, video: Some(9) }));
        for wrong in ["", "5004", "audio=", "audio=65536", "audio=1,audio=2", "screen=1"] {
            assert!(at(wrong).is_err(), "{wrong}");
        }
        assert!(at("audio=192.0.2.1:5004").unwrap_err().contains("not this machine"));
    }
}
