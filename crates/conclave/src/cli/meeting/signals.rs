//! `conclave meeting hand`, `react`, `ask`, `record`, `policy`: what people show each other, and whom
//! a leader lets in.

use clap::{Args, Subcommand};

use crate::{
    cli::{client::Local, output::Output},
    http::wire::{self, Admission, Empty, Favour, Policy, React, Record},
};

/// Commands that say something without a word.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Command {
    /// Raise your hand, or take it down
    Hand {
        /// Which
        way: Way,
    },
    /// Show everyone how you take it
    React {
        /// One of 👍 👎 👏 😂 😮 ❤️ 🎉 ✅
        emoji: String,
    },
    /// Ask somebody for something; nothing of theirs is ever switched on by it
    Ask(Ask),
    /// Tell everyone, signed by this device, that you record; this does not record
    Record {
        /// Whether you do
        state: Switch,
    },
    /// Whom your device lets in without asking while you lead
    Policy {
        /// Whom; nothing to see how it is
        admit: Option<Admission>,
    },
}

/// Up or down.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(in crate::cli) enum Way {
    /// Raise it
    Up,
    /// Take it down
    Down,
}

/// On or off.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(in crate::cli) enum Switch {
    /// From now on
    On,
    /// No more
    Off,
}

/// What to ask, and whom.
#[derive(Clone, Copy, Debug, Args)]
#[group(skip)]
pub(in crate::cli) struct Ask {
    /// What for
    what: Favour,
    /// Index in the meeting
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    idx: Option<u16>,
    /// Everyone; only the leader may
    #[arg(long)]
    all: bool,
}

pub(super) async fn run(command: Command, local: &Local, output: Output) -> anyhow::Result<()> {
    let answer: Empty = match command {
        Command::Hand { way } => {
            local.post("/api/hand", &wire::Hand { up: way == Way::Up }).await?
        }
        Command::React { emoji } => local.post("/api/react", &React { emoji }).await?,
        Command::Ask(Ask { what, idx, .. }) => {
            local.post("/api/ask", &wire::Ask { idx, what }).await?
        }
        Command::Record { state } => {
            local.post("/api/record", &Record { on: state == Switch::On }).await?
        }
        Command::Policy { admit: Some(admit) } => {
            local.post("/api/policy", &Policy { admit }).await?
        }
        Command::Policy { admit: None } => {
            let policy = local.meeting().await?.policy.unwrap_or_default();
            return output.say(&policy, || admission(policy.admit).to_owned());
        }
    };
    output.say(&answer, || "done".to_owned())
}

const fn admission(admit: Admission) -> &'static str {
    match admit {
        Admission::Ask => "nobody is let in without asking",
        Admission::Met => "who was met before, with an unbroken key, is let in without asking",
        Admission::Everyone => "whoever shows the invite is let in without asking",
    }
}

/// What somebody is asked to do.
pub(super) const fn words(what: Favour) -> &'static str {
    match what {
        Favour::Mute => "switch your microphone off",
        Favour::Unmute => "switch your microphone on",
        Favour::CameraOff => "switch your camera off",
        Favour::HandDown => "take your hand down",
    }
}
