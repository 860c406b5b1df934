//! `conclave meeting`: the running daemon, driven from a terminal or a script.

mod files;
mod show;
mod signals;

use anyhow::anyhow;
use clap::{Args, Subcommand};

use self::show::{show, show_codes, show_preview};
use super::{
    Common,
    advice::Advised as _,
    client::Local,
    media::{Media, show_devices},
    output::{Output, plain, short},
    watch,
    watched::Watched,
};
use crate::http::wire::{
    Admit, Appoint, Chat, Deny, Empty, Invitation, Kick, Line, Lock, NewMeeting, Opened, Preview,
    Vote,
};

/// Meetings, through the running daemon.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Open a meeting
    Create {
        /// What it is about
        title: String,
        /// Let in whoever shows the invite, without asking
        #[arg(long)]
        auto_admit: bool,
        /// Keep from the ledger who joins: guests ask as personas made for this meeting
        #[arg(long)]
        sealed: bool,
    },
    /// Ask to be let in
    Join {
        /// conclave:j/1#...
        link: String,
        /// Only show where the link leads, checked against the ledger; ask nobody
        #[arg(long)]
        preview: bool,
        #[command(flatten)]
        media: Media,
    },
    /// Sound and pictures of the meeting of the moment from and to files, pipes and other programs
    ///
    /// Stays until the meeting is over, it is interrupted, or all is sent that was to be sent and nothing
    /// is to be received. What it opened closes with it. See docs/bots.md.
    Media(Media),
    /// The microphones and loudspeakers of this machine, for --audio-in and --audio-out
    Devices,
    /// Tell who comes, goes, asks to come in and writes, one line each
    Watch,
    /// Where OBS, GStreamer and other programs that speak WHIP publish
    Whip,
    /// The meeting of the moment and those that ended
    List,
    /// Everything about the meeting of the moment
    Show,
    /// What to read to each other to know that it is the same meeting, and every alarm
    Codes,
    /// Let one in from the lobby, or all who were met before
    Admit {
        /// Index in the lobby
        #[arg(required_unless_present = "known")]
        idx: Option<u16>,
        /// Everyone who waits and was met before, with an unbroken key
        #[arg(long, conflicts_with = "idx")]
        known: bool,
    },
    /// Turn one in the lobby away
    Deny(Target),
    /// Remove a member
    Kick(Target),
    /// Hand the chair to a member
    Appoint {
        /// Index in the meeting
        idx: u16,
    },
    /// Vote for who should lead; with more than half of the users they do
    Vote {
        /// Index in the meeting
        idx: u16,
    },
    /// Let nobody ask to come in any more
    Lock,
    /// Let people ask again
    Unlock,
    /// Leave the meeting
    Leave,
    /// End the meeting for everyone
    End,
    /// Write to everyone, or read what was written
    Chat {
        /// What to write; nothing to read
        text: Option<String>,
    },
    /// Files: offered to everyone who is in, fetched by whoever wants them
    #[command(subcommand)]
    File(files::Command),
    #[command(flatten)]
    Signals(signals::Command),
}

/// Whom.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Target {
    /// Index in the lobby or in the meeting
    idx: u16,
    /// Refuse every later request of this user, too
    #[arg(long)]
    ban: bool,
}

pub(super) async fn run(command: Command, common: &Common) -> anyhow::Result<()> {
    let output = common.output();
    if matches!(command, Command::Devices) {
        return show_devices(output);
    }
    let local = Local::find(&common.home())?;
    let done = |_: &Empty| "done".to_owned();
    match command {
        Command::Create { title, auto_admit, sealed } => {
            let ask = NewMeeting { title, auto_admit, sealed };
            let opened: Opened = local.post("/api/meetings", &ask).await?;
            let mut meeting = Watched::start(&local, opened.mid.clone()).await?;
            let there = meeting.decided(output).await.suggest("conclave identity show")?;
            output.say(&opened, || match there.and_then(|meeting| meeting.invite) {
                Some(invite) => format!("meeting {} is open\n  invite {}", opened.mid, invite.link),
                None => format!("meeting {} is being published", opened.mid),
            })
        }
        Command::Join { link, preview: true, .. } => {
            let preview: Preview = local.post("/api/invite", &Invitation { link }).await?;
            output.say(&preview, || show_preview(&preview))
        }
        Command::Join { link, preview: false, media } => {
            let prepared = media.prepare()?;
            let opened: Opened = local.post("/api/join", &Invitation { link }).await?;
            let text = || format!("asking to be let into meeting {}", opened.mid);
            match prepared {
                None => {
                    let mut meeting = Watched::start(&local, opened.mid.clone()).await?;
                    let asked = meeting.decided(output).await;
                    asked.advise("ask who leads the meeting, then try again")?;
                    output.say(&opened, text)
                }
                Some(prepared) => {
                    prepared.output(output).say(&opened, text)?;
                    Box::pin(prepared.run(&local, output, opened.mid)).await
                }
            }
        }
        Command::Media(media) => {
            let nothing = || anyhow!("nothing is to be sent or received");
            let help = "conclave meeting media --help";
            let prepared = media.prepare()?.ok_or_else(nothing).advise(help)?;
            let mid = local.meeting().await?.mid;
            Box::pin(prepared.run(&local, output, mid)).await
        }
        Command::Devices => show_devices(output),
        Command::Watch => watch::run(&local, output).await,
        Command::Whip => {
            let studio = local.studio()?;
            output.say(&studio, || {
                format!("server        {}\nbearer token  {}", studio.url, studio.token)
            })
        }
        Command::List => {
            let state = local.state().await?;
            if let Some(meeting) = &state.meeting {
                output.say(meeting, || {
                    format!("{}  {}  {}", short(&meeting.mid), meeting.phase_text, meeting.title)
                })?;
            }
            let here = state.meeting.as_ref().map(|meeting| &meeting.mid);
            let past = || state.recent.iter().filter(|past| Some(&past.mid) != here);
            for past in past() {
                output.say(past, || format!("{}  over  {}", short(&past.mid), past.title))?;
            }
            if here.is_none() && past().next().is_none() {
                output.none("no meeting so far: conclave meeting create TITLE");
            }
            Ok(())
        }
        Command::Show => {
            let meeting = local.meeting().await?;
            output.say(&meeting, || show(&meeting))
        }
        Command::Codes => {
            let codes = local.meeting().await?.codes.unwrap_or_default();
            output.say(&codes, || show_codes(&codes))
        }
        Command::Admit { idx, .. } => {
            let answer = match idx {
                Some(idx) => local.post("/api/admit", &Admit { idx }).await?,
                None => local.post("/api/admit-known", &Empty {}).await?,
            };
            output.say(&answer, || done(&answer))
        }
        Command::Deny(Target { idx, ban }) => {
            let answer = local.post("/api/deny", &Deny { idx, ban }).await?;
            output.say(&answer, || done(&answer))
        }
        Command::Kick(Target { idx, ban }) => {
            let answer = local.post("/api/kick", &Kick { idx, ban }).await?;
            output.say(&answer, || done(&answer))
        }
        Command::Appoint { idx } => {
            let answer = local.post("/api/appoint", &Appoint { idx }).await?;
            output.say(&answer, || done(&answer))
        }
        Command::Vote { idx } => {
            let answer = local.post("/api/vote", &Vote { idx }).await?;
            output.say(&answer, || done(&answer))
        }
        Command::Lock => {
            let answer = local.post("/api/lock", &Lock { locked: true }).await?;
            output.say(&answer, || done(&answer))
        }
        Command::Unlock => {
            let answer = local.post("/api/lock", &Lock { locked: false }).await?;
            output.say(&answer, || done(&answer))
        }
        Command::Leave => leave(&local, "/api/leave", output).await,
        Command::End => leave(&local, "/api/end", output).await,
        Command::File(command) => files::run(command, &local, output).await,
        Command::Signals(command) => signals::run(command, &local, output).await,
        Command::Chat { text: Some(text) } => {
            let answer = local.post("/api/chat", &Chat { text }).await?;
            output.say(&answer, || done(&answer))
        }
        Command::Chat { text: None } => {
            for line in local.meeting().await?.chat {
                let Line { name, text, .. } = &line;
                output.say(&line, || format!("{}: {}", plain(name), plain(text)))?;
            }
            Ok(())
        }
    }
}

/// Goes, alone or with everybody, and waits until this person is out.
async fn leave(local: &Local, path: &str, output: Output) -> anyhow::Result<()> {
    let mid = local.meeting().await?.mid;
    let done: Empty = local.post(path, &Empty {}).await?;
    Watched::start(local, mid).await?.left(output).await?;
    output.say(&done, || "done".to_owned())
}
