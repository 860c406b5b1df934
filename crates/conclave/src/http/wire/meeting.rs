//! One meeting as the page shows it.

use serde::{Deserialize, Serialize};

use super::{Asked, Codes, File, Policy, Quality, Reacted};

/// The meeting of the moment.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Meeting {
    /// `MeetingID` of the paper.
    pub mid: String,
    /// Title as the invite or the leader told it.
    pub title: String,
    /// What this device is in it.
    pub role: Role,
    /// How far it has come.
    pub phase: Phase,
    /// The same in plain words.
    pub phase_text: String,
    /// Leader generation, from 1.
    pub term: u32,
    /// Key generation; 0 while there is no key.
    pub epoch: u32,
    /// Whether the ledger has yet to confirm the key in use, and that these people share it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub provisional: bool,
    /// Age of the key in use.
    pub key_age_ms: u64,
    /// Member index of the leader, once known.
    pub leader: Option<u16>,
    /// Own member index, once the ledger has given one.
    pub me: Option<u16>,
    /// Whether nobody may ask to come in.
    #[serde(default)]
    pub locked: bool,
    /// Whether guests ask as personas, so that the ledger does not see who they are.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sealed: bool,
    /// The way in for others; leaders only.
    pub invite: Option<Invite>,
    /// Everyone in the roster.
    pub members: Vec<Member>,
    /// Everyone who asks to come in; leaders only.
    pub lobby: Vec<Lobbyist>,
    /// What people compare; nothing before the ledger has the meeting.
    pub codes: Option<Codes>,
    /// The newest reactions of the last 10 s, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<Reacted>,
    /// What others ask of this person, oldest first; gone when it is answered, or after 60 s.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<Asked>,
    /// Files that were offered, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<File>,
    /// Whom this device lets in without asking while it leads; absent until the ledger is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Policy>,
    /// What was written, oldest first.
    pub chat: Vec<Line>,
    /// What the person should know, oldest first.
    pub notices: Vec<Notice>,
    /// Why it is over, once it is.
    pub ended_reason: Option<String>,
}

/// Leader or guest.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Asked to come in.
    #[default]
    Guest,
    /// Admits, removes and makes keys.
    Leader,
}

/// How far a meeting has come for this device.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// The leader said no.
    Denied,
    /// The meeting is over for everyone.
    Ended,
    /// It could not begin or go on; a notice says why.
    Failed,
    /// Admitted; the first key is on its way.
    Joining,
    /// Telling the leader's device that a request is there.
    Knocking,
    /// This person left.
    Left,
    /// A key is installed.
    Live,
    /// The leader's publication is on its way to the ledger.
    #[default]
    Publishing,
    /// Removed by the leader.
    Removed,
    /// The request is on its way to the ledger.
    Requesting,
    /// The leader has the request; a person decides.
    Waiting,
}

impl Phase {
    /// Whether nothing more happens in a meeting of this phase.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Denied | Self::Ended | Self::Failed | Self::Left | Self::Removed)
    }
}

/// The way in for others.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Invite {
    /// `conclave:j/1#...`.
    pub link: String,
    /// The same as a picture.
    pub qr: Qr,
}

/// A QR code as one SVG path.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Qr {
    /// Modules per side, the quiet zone of four on each side included.
    pub size: u32,
    /// `d` of a path that fills the dark modules, one unit per module.
    pub path: String,
}

/// One member of the roster.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Member {
    /// Index that the ledger gave.
    pub idx: u16,
    /// `UserID` of the paper.
    pub user: String,
    /// `DeviceID` of the paper.
    pub device: String,
    /// Name, or `user ` and 8 hex digits when the ledger does not show one.
    pub name: String,
    /// The handle that the user claimed, without `@`; absent without one, and while a sealed meeting
    /// hides who it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle: Option<String>,
    /// Four groups of four hex digits of the hash of the identity key.
    pub fingerprint: String,
    /// True for the leader.
    pub leader: bool,
    /// True for this device.
    pub me: bool,
    /// Height of the block that admitted them.
    pub admitted_height: u64,
    /// How packets travel between them and this device.
    pub link: LinkState,
    /// How the link does; absent for this device and without a link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<Quality>,
    /// Since when their hand is up; absent while it is down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hand_ms: Option<u64>,
    /// Whether their device says, signed, that it records.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recording: bool,
    /// Whether they hold the key in use.
    pub key: KeyState,
    /// What is wrong with their key and what is being done; empty when nothing is.
    pub key_text: String,
    /// What is known of them from before; absent for this device and until it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub met: Option<Fact>,
    /// How many users voted that they should lead.
    #[serde(default)]
    pub votes: u16,
    /// Whether the ledger does not see who they are: it has a persona made for this meeting.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
    /// What they send.
    pub streams: Vec<Stream>,
}

/// How packets travel between two members.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LinkState {
    /// Straight from machine to machine.
    Direct,
    /// No connection.
    #[default]
    None,
    /// Through a relay, which sees sealed packets only.
    Relayed,
    /// It is this device.
    #[serde(rename = "self")]
    Myself,
}

/// Whether a member holds the key in use.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// Yes.
    Ok,
    /// No, and something is being done about it.
    Problem,
    /// Not yet.
    #[default]
    Waiting,
}

/// One stream of one member.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Stream {
    /// Number of the stream in this epoch, 0 to 63.
    pub stream_no: u8,
    /// What it carries.
    pub kind: StreamKind,
    /// True while packets arrive (own streams: while packets leave).
    pub live: bool,
}

/// What a stream carries.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StreamKind {
    /// A microphone.
    Audio,
    /// A shared screen.
    Screen,
    /// The sound of a shared screen.
    ScreenAudio,
    /// A camera.
    Video,
}

/// One who asks to come in, and what was verified about it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Lobbyist {
    /// Index that the ledger gave to the request.
    pub idx: u16,
    /// `UserID` of the paper.
    pub user: String,
    /// `DeviceID` of the paper.
    pub device: String,
    /// Name, as in [`Member::name`].
    pub name: String,
    /// Handle, as in [`Member::handle`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle: Option<String>,
    /// Fingerprint, as in [`Member::fingerprint`].
    pub fingerprint: String,
    /// When the request became final.
    pub asked_at_ms: u64,
    /// What was checked (docs/protocol.md, section 7).
    pub facts: Vec<Fact>,
    /// Height of the header under which the facts were proven.
    pub proof_height: u64,
    /// True when admitting is possible.
    pub ready: bool,
}

/// One checked fact.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Fact {
    /// Which check.
    pub name: FactName,
    /// Whether it held.
    pub ok: bool,
    /// What that means, in plain words.
    pub text: String,
    /// In [`FactName::Met`]: this device met them before. Absent says no, so that whoever does not
    /// know this field takes nobody for an acquaintance.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub known: bool,
}

/// The checks of section 7 of docs/protocol.md.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FactName {
    /// The user is not banned here.
    Ban,
    /// In a sealed meeting: a registered person is behind the persona.
    Bearer,
    /// User and device are active under that key, at the same height (eq. 13).
    Identity,
    /// What they call themselves is what the ledger says of them, as far as it says anything.
    Info,
    /// The invite secret was known.
    Invite,
    /// The meeting keys are well formed and match their hashes.
    Keys,
    /// Whether this device met them before, and what changed since.
    Met,
    /// The request is signed by that identity key (eq. 12).
    Signature,
    /// The connection is held by the transport key of the request.
    Transport,
}

/// One line of chat.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Line {
    /// Unique in this meeting, on this device.
    pub id: String,
    /// Who wrote it.
    pub idx: u16,
    /// Their name at that moment.
    pub name: String,
    /// What they wrote.
    pub text: String,
    /// When it arrived.
    pub at_ms: u64,
    /// True when it was written here.
    pub me: bool,
}

/// Something the person should know.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Notice {
    /// For `POST /api/dismiss-notice`.
    pub id: String,
    /// How serious it is.
    pub level: Level,
    /// What happened.
    pub text: String,
    /// What is being done, or what to do.
    pub next: String,
}

/// How serious a notice is.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// A person must act.
    Error,
    /// Good to know.
    #[default]
    Info,
    /// Something is wrong and being repaired.
    Warn,
}
