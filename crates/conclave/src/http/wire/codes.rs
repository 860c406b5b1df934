//! What people read to each other to know that they are in the same meeting, and what went wrong.

use serde::{Deserialize, Serialize};

/// The codes of a meeting (docs/protocol.md, section 14). This page shows them; the daemon makes
/// them.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Codes {
    /// Security code: 8 groups of 5 digits; it changes only when the leader does.
    pub security: String,
    /// Epoch code: 6 groups of 5 digits; empty until the ledger confirmed the key in use.
    pub epoch: String,
    /// Short code: four pictures, or none until all members did their part.
    pub short: Vec<Picture>,
    /// Names of the members the short code waits for.
    pub waits_for: Vec<String>,
    /// What proves that somebody lied.
    pub evidence: Vec<Evidence>,
}

/// One picture of the short code.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Picture {
    /// One emoji.
    pub picture: String,
    /// What people call it.
    pub name: String,
}

/// Something that anyone can verify.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Evidence {
    /// What it proves.
    pub kind: EvidenceKind,
    /// The same in plain words.
    pub text: String,
    /// The parts in hex: two certificates, or the canonical bytes of both signed records.
    pub parts: Vec<String>,
    /// The file it is kept in, on the machine of the daemon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// What evidence proves.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EvidenceKind {
    /// The leader signed two records for one epoch.
    Equivocation,
    /// The validators signed two blocks of one height.
    Fork,
}
