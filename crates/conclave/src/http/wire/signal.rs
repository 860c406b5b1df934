//! What people in a meeting show each other and ask of each other, and whom a leader lets in.

use serde::{Deserialize, Serialize};

/// How somebody took what they heard.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Reacted {
    /// Unique in this meeting, on this device.
    pub id: String,
    /// Who.
    pub idx: u16,
    /// Their name at that moment.
    pub name: String,
    /// One of eight emojis.
    pub emoji: String,
    /// When it arrived.
    pub at_ms: u64,
}

/// What somebody asks of this person. The page switches off what it is asked to and says who asked;
/// nothing is ever switched on by it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Asked {
    /// For `POST /api/asked`.
    pub id: String,
    /// Who.
    pub idx: u16,
    /// Their name at that moment.
    pub name: String,
    /// What for.
    pub what: Favour,
    /// When it arrived.
    pub at_ms: u64,
}

/// What can be asked of a person.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Favour {
    /// Switch the microphone off
    Mute,
    /// Switch the microphone on: a question
    Unmute,
    /// Switch the camera off
    CameraOff,
    /// Take the hand down
    HandDown,
}

/// How the link with a member does, as this device sees it.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Quality {
    /// Round trip of the path in use, in milliseconds.
    pub rtt_ms: u64,
    /// Share of the packets sent in the last 5 s or so that were lost, 0 to 1.
    pub loss: f64,
}

/// Whom the leader's device lets in without asking.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Admission {
    /// Nobody: a person decides
    #[default]
    Ask,
    /// Who was met before and has the same keys, or newer ones in an unbroken chain
    Met,
    /// Whoever shows the invite
    Everyone,
}

/// `POST /api/policy`, and how it is at the moment.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Whom the leader's device lets in without asking.
    pub admit: Admission,
}

/// `POST /api/hand`.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Hand {
    /// Whether it is up.
    pub up: bool,
}

/// `POST /api/react`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct React {
    /// One of 👍 👎 👏 😂 😮 ❤️ 🎉 ✅.
    pub emoji: String,
}

/// `POST /api/ask`.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// Whom; everybody without, which only the leader may.
    pub idx: Option<u16>,
    /// What for.
    pub what: Favour,
}

/// `POST /api/asked`: the question was answered or shown.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Answered {
    /// [`Asked::id`].
    pub id: String,
}

/// `POST /api/record`: tells everyone, signed by this device; it does not record.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Whether this machine records.
    pub on: bool,
}

/// How this machine and its way to the ledger do: the answer of `GET /api/doctor`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Diagnosis {
    /// Everything that was looked at.
    pub checks: Vec<Examined>,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Examined {
    /// What.
    pub name: String,
    /// How it is.
    pub level: Health,
    /// What was seen, in one line.
    pub text: String,
    /// What to do; empty if nothing.
    pub next: String,
}

/// How something is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// As it should be.
    Ok,
    /// It works, and will not for long or not with everyone.
    Warn,
    /// It does not work.
    Bad,
}
