//! Files of a meeting.

use serde::{Deserialize, Serialize};

/// One file that somebody offered.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct File {
    /// 32 hex digits.
    pub id: String,
    /// Who offers it.
    pub idx: u16,
    /// Their name at that moment.
    pub name: String,
    /// True when it is offered from here.
    pub me: bool,
    /// What it is called, made harmless: no path, no control characters, at most 120 bytes.
    pub file: String,
    /// Bytes.
    pub size: u64,
    /// When it was offered.
    pub at_ms: u64,
    /// How far it is.
    pub state: FileState,
    /// Bytes that are here or, of an own file, that left for whoever has most of it.
    pub done: u64,
    /// The same in plain words.
    pub text: String,
}

/// How far a file is.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FileState {
    /// It can be fetched.
    #[default]
    Offered,
    /// It is on its way here.
    Receiving,
    /// Somebody fetches it from here.
    Sending,
    /// All of it is on this machine until the meeting ends.
    Here,
    /// It did not come; it can be fetched again.
    Failed,
    /// Who offered it left.
    Gone,
}

/// The answer of `POST /api/file`, and the body of `POST /api/file/take`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FileRef {
    /// [`File::id`].
    pub id: String,
}

/// A whole file, opened.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FileBytes {
    /// [`File::file`].
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}
