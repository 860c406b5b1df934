//! Meetings that leave the state of the ledger.

use serde::{Deserialize, Serialize};

/// `POST /api/ledger/prune`: clear away what a meeting that is long over left in the state of the
/// ledger. Answer: [`Pruned`].
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Prune {
    /// The meeting; without one, those that this device was in and that are over for long enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mid: Option<String>,
}

/// What became of the meetings that were looked at.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Pruned {
    /// One after the other.
    pub meetings: Vec<PrunedMeeting>,
}

/// What became of one meeting.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct PrunedMeeting {
    /// `MeetingID`.
    pub mid: String,
    /// How much of it the state still has.
    pub left: Left,
    /// Transactions that this took.
    pub steps: u16,
    /// Chain time after which it may go, for one that is kept, as far as one can say today.
    pub due_ms: u64,
}

/// How much of a meeting the state of the ledger still has.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Left {
    /// All: it goes on, or is not over for long enough.
    #[default]
    All,
    /// Its name, which stays for ever.
    Name,
    /// Some: this device says no more at once.
    Some,
    /// Nothing: the ledger never had a meeting of this name.
    Nothing,
}
