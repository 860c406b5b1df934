//! What can be asked of the daemon, and its answers.

use conclave_protocol::Algorithm;
use serde::{Deserialize, Serialize};

use super::InfoForm;
use crate::keystore::{Custody, Passphrase};

/// `POST /api/identity`. Answer: [`Identity`](super::Identity).
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NewIdentity {
    /// The user info of the paper: a name, 1 to 1,024 bytes.
    pub name: String,
    /// What the ledger is to hold of it.
    pub form: InfoForm,
    /// Protects the key file; without one a random key beside it does, against much less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passphrase: Option<Passphrase>,
    /// Where that random key is kept; with a passphrase there is none.
    #[serde(default, skip_serializing_if = "KeyStore::is_file")]
    pub key_store: KeyStore,
    /// Algorithm of the identity key.
    #[serde(default)]
    pub key: KeyAlgorithm,
    /// Whether this machine is to work for its entry, so that no validator is asked for a word.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub work: bool,
}

/// Where the key that opens the identity file is kept.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum KeyStore {
    /// In a file beside it
    #[default]
    File,
    /// In the key store of the operating system
    Os,
}

impl KeyStore {
    pub(super) fn is_file(&self) -> bool {
        *self == Self::File
    }

    /// Where the key of a file is kept: with a passphrase nowhere, else where was asked for.
    pub(crate) const fn custody(self, passphrase: Option<&Passphrase>) -> Custody<'_> {
        match (passphrase, self) {
            (Some(passphrase), _) => Custody::Head(passphrase),
            (None, Self::File) => Custody::File,
            (None, Self::Os) => Custody::System,
        }
    }
}

/// What an identity key can be.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum KeyAlgorithm {
    /// Ed25519
    #[default]
    Ed25519,
    /// ECDSA on secp256k1
    Secp256k1,
    /// Ed448
    Ed448,
}

impl From<KeyAlgorithm> for Algorithm {
    fn from(key: KeyAlgorithm) -> Self {
        match key {
            KeyAlgorithm::Ed25519 => Self::Ed25519,
            KeyAlgorithm::Secp256k1 => Self::Secp256k1,
            KeyAlgorithm::Ed448 => Self::Ed448,
        }
    }
}

/// `POST /api/meetings`. Answer: [`Opened`].
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NewMeeting {
    /// What the meeting is about; told to guests only, 1 to 200 bytes.
    pub title: String,
    /// Whether the leader's device lets in whoever shows the invite; else a person decides.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub auto_admit: bool,
    /// Whether guests ask as personas made for this meeting, so that the ledger does not see who
    /// they are.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sealed: bool,
}

/// `POST /api/invite` (answer: [`Preview`]) and `POST /api/join` (answer: [`Opened`]).
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Invitation {
    /// `conclave:j/1#...`, at most 2,048 bytes.
    pub link: String,
}

/// Which meeting a command opened.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Opened {
    /// `MeetingID` of the paper.
    pub mid: String,
}

/// What an invite leads to, checked against the ledger; nothing has been asked of anyone yet.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Preview {
    /// `MeetingID` of the paper.
    pub mid: String,
    /// Title, when the ledger shows one.
    pub title: String,
    /// Who leads it.
    pub leader: PreviewLeader,
    /// Height of the header under which this was proven.
    pub proof_height: u64,
    /// What was checked.
    pub checks: Vec<Check>,
}

/// The leader of a previewed meeting.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct PreviewLeader {
    /// `UserID` of the paper.
    pub user: String,
    /// Name, as in [`Member::name`](super::Member::name).
    pub name: String,
    /// Fingerprint, as in [`Member::fingerprint`](super::Member::fingerprint).
    pub fingerprint: String,
}

/// One check of an invite.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Check {
    /// Short name, e.g. `chain`, `meeting`, `leader`, `expiry`.
    pub name: String,
    /// Whether it held.
    pub ok: bool,
    /// What that means, in plain words.
    pub text: String,
}

/// `POST /api/admit`.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Admit {
    /// Index of the request.
    pub idx: u16,
}

/// `POST /api/deny`.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Deny {
    /// Index of the request.
    pub idx: u16,
    /// Also refuse every later request of this user.
    #[serde(default)]
    pub ban: bool,
}

/// `POST /api/kick`.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Kick {
    /// Index of the member.
    pub idx: u16,
    /// Also refuse every later request of this user.
    #[serde(default)]
    pub ban: bool,
}

/// `POST /api/appoint`: the leader hands the chair to a member.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Appoint {
    /// Index of the member.
    pub idx: u16,
}

/// `POST /api/vote`: whom this user would have lead.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Vote {
    /// Index of the member.
    pub idx: u16,
}

/// `POST /api/lock`: the leader closes or opens the door.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// Whether nobody may ask to come in.
    pub locked: bool,
}

/// `POST /api/chat`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Chat {
    /// 1 to 4,000 bytes.
    pub text: String,
}

/// `POST /api/dismiss-notice`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DismissNotice {
    /// [`Notice::id`](super::Notice::id).
    pub id: String,
}

/// A body or an answer with nothing in it: `{}`.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Empty {}

/// Query of `POST /whip`: what the browser publishes.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Camera and microphone.
    Camera,
    /// A shared screen, with its sound if there is any.
    Screen,
}

/// What a publication became: the answer of `POST /whip` is [`sdp`](Self::sdp), its `Location`
/// is `/whip/` and [`id`](Self::id).
#[derive(Clone, Debug, PartialEq)]
pub struct Published {
    /// Names the publication; path-safe.
    pub id: String,
    /// The SDP answer.
    pub sdp: String,
}

/// `POST /api/receive`: one connection, a track per remote stream. Answer: [`Received`].
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Receive {
    /// The connection to renegotiate; absent to open one.
    pub id: Option<String>,
    /// The SDP offer.
    pub sdp: String,
    /// Which stream each media section is to carry; at most 256.
    pub want: Vec<Want>,
}

/// One wanted stream.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Want {
    /// Media section of the offer (`a=mid`).
    pub mid: String,
    /// Member that sends it.
    pub idx: u16,
    /// [`Stream::stream_no`](super::Stream::stream_no).
    pub stream_no: u8,
}

/// The answer to [`Receive`].
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Received {
    /// Names the connection.
    pub id: String,
    /// The SDP answer.
    pub sdp: String,
}

/// The body of every answer with a status of 400 or more.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Refusal {
    /// What happened.
    pub error: String,
    /// What to do.
    pub next: String,
}
