//! `conclave meeting`: the running daemon, driven from a terminal or a script.

use anyhow::anyhow;
use clap::{Args, Subcommand};

use super::{
    Common,
    advice::Advised as _,
    client::Local,
    media::Media,
    output::{mark, plain, short},
    watch,
};
use crate::http::wire::{
    Admit, Appoint, Chat, Codes, Deny, Empty, Evidence, Fact, Invitation, Kick, Line, Lock,
    Meeting, NewMeeting, Opened, Preview, Vote,
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
    /// Let one in from the lobby
    Admit {
        /// Index in the lobby
        idx: u16,
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
    let local = Local::find(&common.home())?;
    let output = common.output();
    let done = |_: &Empty| "done".to_owned();
    match command {
        Command::Create { title, auto_admit, sealed } => {
            let ask = NewMeeting { title, auto_admit, sealed };
            let opened: Opened = local.post("/api/meetings", &ask).await?;
            output.say(&opened, || format!("meeting {} is being published", opened.mid))
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
                None => output.say(&opened, text),
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
            for past in &state.recent {
                output.say(past, || format!("{}  over  {}", short(&past.mid), past.title))?;
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
        Command::Admit { idx } => {
            let answer = local.post("/api/admit", &Admit { idx }).await?;
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
        Command::Leave => {
            let answer = local.post("/api/leave", &Empty {}).await?;
            output.say(&answer, || done(&answer))
        }
        Command::End => {
            let answer = local.post("/api/end", &Empty {}).await?;
            output.say(&answer, || done(&answer))
        }
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

fn show_preview(preview: &Preview) -> String {
    let mut lines = vec![format!(
        "{}\n  led by {} ({})\n  proven at height {}",
        plain(&preview.title),
        plain(&preview.leader.name),
        preview.leader.fingerprint,
        preview.proof_height
    )];
    lines.extend(
        preview
            .checks
            .iter()
            .map(|check| format!("  {} {}: {}", mark(check.ok), check.name, check.text)),
    );
    lines.join("\n")
}

fn show_codes(codes: &Codes) -> String {
    let or = |text: &str, none: &str| if text.is_empty() { none } else { text }.to_owned();
    let short: Vec<String> =
        codes.short.iter().map(|one| format!("{} {}", one.picture, one.name)).collect();
    let waits: Vec<String> = codes.waits_for.iter().map(|name| plain(name)).collect();
    let none = match waits.is_empty() {
        true => "not yet".to_owned(),
        false => format!("waits for {}", waits.join(", ")),
    };
    let mut lines = vec![
        format!("short code     {}", or(&short.join(", "), &none)),
        format!("security code  {}", or(&codes.security, "not yet")),
        format!("epoch code     {}", or(&codes.epoch, "not yet")),
    ];
    for Evidence { text, file, .. } in &codes.evidence {
        lines.push(format!("ALARM          {text}"));
        lines.extend(file.iter().map(|file| format!("  kept in      {file}")));
    }
    lines.join("\n")
}

fn show(meeting: &Meeting) -> String {
    let mut lines = vec![
        format!("{}  ({})", plain(&meeting.title), meeting.mid),
        format!("  {}; term {}, epoch {}", meeting.phase_text, meeting.term, meeting.epoch),
    ];
    if let Some(invite) = &meeting.invite {
        lines.push(format!("  invite {}", invite.link));
    }
    for member in &meeting.members {
        let leader = if member.leader { ", leader" } else { "" };
        let me = if member.me { ", this device" } else { "" };
        let hidden = if member.hidden { ", hidden from the ledger" } else { "" };
        lines.push(format!(
            "  {:>4}  {}  {}{leader}{me}{hidden} {}",
            member.idx,
            member.fingerprint,
            plain(&member.name),
            member.key_text
        ));
    }
    for guest in &meeting.lobby {
        lines.push(format!(
            "  {:>4}  {}  {} asks to come in",
            guest.idx,
            guest.fingerprint,
            plain(&guest.name)
        ));
        for Fact { ok, text, .. } in &guest.facts {
            lines.push(format!("          {} {text}", mark(*ok)));
        }
    }
    for notice in &meeting.notices {
        lines.push(format!("  note: {}; {}", notice.text, notice.next));
    }
    lines.join("\n")
}
