//! What the ledger's anchors in Ethereum are worth, as this daemon checked them.

use serde::{Deserialize, Serialize};

/// The newest anchors, checked against the endpoints of the person's choice.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Anchors {
    /// Host and port of every endpoint that is asked.
    pub endpoints: Vec<String>,
    /// How many anchors the ledger has a record of.
    pub count: u32,
    /// When they were checked last; 0 before the first time.
    pub checked_ms: u64,
    /// The highest height that is anchored.
    pub anchored: Option<u64>,
    /// Blocks since then.
    pub behind: u64,
    /// Those that were looked at, the newest first.
    pub list: Vec<AnchorView>,
}

/// One anchor.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct AnchorView {
    /// Its number on the ledger; absent for one that was brought from elsewhere.
    pub number: Option<u32>,
    /// The height it is about.
    pub height: u64,
    /// Hash of the header of that height, as verified here.
    pub header: String,
    /// First 8 hex digits of the key of the validator that recorded it.
    pub by: Option<String>,
    /// Number of Ethereum's chain; absent for Bitcoin.
    pub chain: Option<u64>,
    /// Hash of the transaction that carries it.
    pub tx: String,
    /// Number of the block that has it.
    pub block: Option<u64>,
    /// Time of that block.
    pub block_ms: Option<u64>,
    /// Blocks from it to the newest one.
    pub depth: Option<u64>,
    /// What is believed of it.
    pub verdict: AnchorVerdict,
    /// Why, for people.
    pub words: String,
    /// What endpoints did wrong.
    #[serde(default)]
    pub problems: Vec<String>,
}

/// What is believed of an anchor (docs/protocol.md, section 15).
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AnchorVerdict {
    /// The verified header is on the other ledger, too deep to vanish.
    Anchored,
    /// The other ledger or the claim holds another hash.
    Conflict,
    /// The other ledger does not hold it.
    Missing,
    /// Not yet, or not everyone could be asked.
    #[default]
    Pending,
}
