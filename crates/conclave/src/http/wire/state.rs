//! Everything the page shows, in one value.

use serde::{Deserialize, Serialize};

use super::{Anchors, Change, Contact, Device, Evidence, Meeting, Notice, Waiting};

/// One message of `GET /api/events`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Event {
    /// The whole state after a change; changes closer than 50 ms arrive as one.
    State {
        /// The state itself.
        state: Box<State>,
    },
    /// Something to tell the person at once.
    Notice {
        /// What to say.
        notice: Notice,
    },
}

/// What this daemon knows and does: the answer of `GET /api/state`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct State {
    /// Version of the program, e.g. `0.0.0`.
    pub version: String,
    /// The ledger this daemon follows.
    pub network: Network,
    /// Who the person is; absent until an identity has been made.
    pub identity: Option<Identity>,
    /// The meeting of the moment; it stays, with its end, until the next one begins.
    pub meeting: Option<Meeting>,
    /// Meetings of this run that ended, newest first.
    pub recent: Vec<PastMeeting>,
    /// Everyone this device was in a meeting with.
    #[serde(default)]
    pub contacts: Vec<Contact>,
    /// Anchors of the ledger in Ethereum; absent when no endpoint is to be asked.
    #[serde(default)]
    pub anchors: Option<Anchors>,
    /// Whether the operating system has a store that can keep the key of a new identity.
    #[serde(default)]
    pub key_store: bool,
}

/// The ledger as the light client verified it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Network {
    /// Name of the consortium, from genesis.
    pub name: String,
    /// Hash of genesis.
    pub chain_id: String,
    /// True when the only validator lives in this process.
    pub dev: bool,
    /// Height of the newest verified header.
    pub height: u64,
    /// Age of that header.
    pub age_ms: u64,
    /// What that age allows.
    pub freshness: Freshness,
    /// Every validator that is asked.
    pub validators: Vec<ValidatorView>,
    /// Bits of work that let a new user in; 0 where only validators do.
    #[serde(default)]
    pub work: u8,
    /// Where a validator shows the page for people who have no Conclave yet (`https://.../join`);
    /// absent when none that answers is under TLS. An invite `conclave:j/1#X` follows as `#j/1/X`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub landing: Option<String>,
    /// Own transactions that no validator has brought to finality for 10 s: all may hold them back.
    #[serde(default)]
    pub overdue: usize,
    /// What proves that the validators signed two histories; nothing is believed any more then.
    #[serde(default)]
    pub fork: Option<Evidence>,
}

/// How far the newest verified header may be relied on (docs/protocol.md, section 6).
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Freshness {
    /// Older than FRESH: shown, still acted on.
    Amber,
    /// Not older than FRESH.
    Fresh,
    /// Older than STALE: joins and admissions are refused.
    #[default]
    Stale,
}

/// One validator as seen from here.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct ValidatorView {
    /// First 8 hex digits of its key.
    pub key: String,
    /// Where its RPC is.
    pub url: String,
    /// Height of the newest header it gave, if it gave one.
    pub height: Option<u64>,
    /// False while it does not answer, or after it answered with something that did not verify.
    pub ok: bool,
}

/// The person's identity on the ledger.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Identity {
    /// `UserID` of the paper.
    pub user: String,
    /// `DeviceID` of the paper.
    pub device: String,
    /// Four groups of four hex digits of the hash of the identity key.
    pub fingerprint: String,
    /// The name, and how the ledger holds it.
    pub info: InfoView,
    /// True once the registration is final.
    pub registered: bool,
    /// All devices of the user, the senior one first.
    #[serde(default)]
    pub devices: Vec<Device>,
    /// Every change of the user, newest first.
    #[serde(default)]
    pub changes: Vec<Change>,
    /// Changes that were not made from this device and that the person has not yet said to know
    /// about.
    #[serde(default)]
    pub unexplained: Vec<Change>,
    /// The handle the user claimed, without `@`.
    #[serde(default)]
    pub handle: Option<String>,
    /// Whether the ledger has a recovery key of the user.
    #[serde(default)]
    pub recovery: bool,
    /// What was asked for the user and happens later unless it is called off.
    #[serde(default)]
    pub waits: Vec<Waiting>,
    /// Algorithm of this device's identity key: `ed25519`, `secp256k1` or `ed448`.
    #[serde(default)]
    pub key: String,
    /// True when the ledger no longer continues the past that this device had verified.
    #[serde(default)]
    pub rewritten: bool,
}

/// The person's own user info in the clear, as only this daemon knows it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct InfoView {
    /// What the ledger holds instead of the text.
    pub form: InfoForm,
    /// The text itself.
    pub text: String,
}

/// The three forms of user info (paper, section IV.A).
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum InfoForm {
    /// Everyone can read it.
    #[default]
    Clear,
    /// An HMAC of it (eq. 4): those who are told it can check it.
    Commit,
    /// A ciphertext of it: those who are given the key can read it.
    Encrypted,
}

impl std::str::FromStr for InfoForm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "clear" => Ok(Self::Clear),
            "commit" => Ok(Self::Commit),
            "encrypted" => Ok(Self::Encrypted),
            _ => Err("expected clear, encrypted or commit".into()),
        }
    }
}

/// A meeting that is over.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct PastMeeting {
    /// `MeetingID` of the paper.
    pub mid: String,
    /// Its title.
    pub title: String,
    /// When it ended for this device.
    pub ended_at_ms: u64,
}
