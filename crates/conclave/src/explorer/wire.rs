//! The JSON of the explorer. `ui/explorer/types.js` has the same names; ids are hexadecimal digits,
//! times are milliseconds since the Unix epoch, texts of others are marked as quoted.

use serde::{Deserialize, Serialize};

/// One piece of a sentence.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Part {
    /// What to read.
    pub text: String,
    /// What it leads to, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Target>,
    /// Whether somebody else wrote it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub quoted: bool,
}

/// Something with a page of its own.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Target {
    /// What it is.
    pub kind: TargetKind,
    /// Its id, or the height of a block.
    pub id: String,
}

/// What has a page.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TargetKind {
    /// A block.
    Block,
    /// A device.
    Device,
    /// A meeting.
    Meeting,
    /// A transaction.
    Tx,
    /// A user.
    User,
    /// A validator.
    Validator,
}

/// One block in a list.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct BlockLine {
    /// Height.
    pub height: u64,
    /// Chain time.
    pub time_ms: u64,
    /// Hash of its header.
    pub digest: String,
    /// Key of the validator that proposed it.
    pub proposer: String,
    /// Transactions in the identity section.
    pub identity: u32,
    /// Transactions in the meeting section.
    pub meeting: u32,
    /// Bytes.
    pub size: usize,
}

/// One transaction in a list.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct TxLine {
    /// Its id.
    pub id: String,
    /// Height of its block.
    pub height: u64,
    /// Chain time of that block.
    pub time_ms: u64,
    /// `identity` or `meeting`.
    pub ledger: String,
    /// Place in its section.
    pub index: u32,
    /// The kind as the protocol names it.
    pub kind: String,
    /// What it says.
    pub words: Vec<Part>,
}

/// How far back the lists of transactions go.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Reach {
    /// Every transaction from this block on is in the lists.
    pub from: u64,
    /// How many they are.
    pub txs: usize,
}

/// `GET /explorer/overview`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Overview {
    /// The network's name.
    pub name: String,
    /// Its id.
    pub chain_id: String,
    /// Key of the validator that answers.
    pub validator: String,
    /// How many validators there are.
    pub validators: usize,
    /// The newest final height.
    pub height: u64,
    /// Its chain time; 0 before the first block.
    pub time_ms: u64,
    /// The validator's clock.
    pub now_ms: u64,
    /// Transactions a second over the last minute of chain time.
    pub rate: f64,
    /// Transactions that wait here.
    pub waiting: usize,
    /// Identity transactions in reach.
    pub identity: usize,
    /// Meeting transactions in reach.
    pub meeting: usize,
    /// How far back that goes.
    pub reach: Reach,
    /// The newest blocks, newest first.
    pub blocks: Vec<BlockLine>,
    /// The newest transactions, newest first.
    pub txs: Vec<TxLine>,
}

/// One event of `GET /explorer/events`: what became final since the last one.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Tick {
    /// New blocks, newest first, at most 20 of them.
    pub blocks: Vec<BlockLine>,
    /// Their transactions, newest first, at most 20.
    pub txs: Vec<TxLine>,
    /// As in the overview.
    pub rate: f64,
    /// As in the overview.
    pub waiting: usize,
    /// As in the overview.
    pub identity: usize,
    /// As in the overview.
    pub meeting: usize,
    /// As in the overview.
    pub reach: Reach,
}

/// `GET /explorer/blocks/{height}?from=N`: one block, and a page of its transactions.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct BlockView {
    /// What a list says of it.
    pub block: BlockLine,
    /// Hash of the header before.
    pub parent: String,
    /// Consensus epoch.
    pub epoch: u64,
    /// View inside the epoch.
    pub view: u64,
    /// State root of the identity ledger after it.
    pub identity_root: String,
    /// State root of the meeting ledger after it.
    pub meeting_root: String,
    /// Hash of the validators that seal it.
    pub valset: String,
    /// Hash of the validators that seal the next one.
    pub next_valset: String,
    /// Who signed it final, if its certificate is here.
    pub certificate: Option<CertificateView>,
    /// The first transaction of this page, counted through both sections.
    pub from: usize,
    /// All transactions.
    pub count: usize,
    /// At most 100 of them.
    pub txs: Vec<TxLine>,
    /// Whether there is a block after it.
    pub has_next: bool,
}

/// Who signed a block final.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct CertificateView {
    /// The height that was signed: the block's own, or a descendant's.
    pub height: u64,
    /// How many could have signed.
    pub validators: usize,
    /// Who did.
    pub signers: Vec<String>,
}

/// `GET /explorer/tx/{id}`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct TxView {
    /// What a list says of it.
    pub tx: TxLine,
    /// Id of the signing device.
    pub signer: String,
    /// Its number.
    pub nonce: u64,
    /// Last chain time at which it could be included.
    pub expiry_ms: u64,
    /// Bytes.
    pub size: usize,
    /// In which capacity it is signed, and with what.
    pub signatures: Vec<SignatureView>,
    /// All bytes in hexadecimal digits; their SHA-256 is the id.
    pub bytes: String,
}

/// One signature.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct SignatureView {
    /// In which capacity.
    pub role: String,
    /// With which algorithm.
    pub algorithm: String,
}

/// What somebody says about themselves or about a meeting.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct InfoView {
    /// `clear`, `encrypted`, `commit` or `none`.
    pub form: String,
    /// The text, where it is in the clear.
    pub text: String,
}

/// `GET /explorer/users/{id}`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct UserView {
    /// Its id.
    pub id: String,
    /// Whether it may act.
    pub active: bool,
    /// A name it claimed.
    pub handle: Option<String>,
    /// What it says about itself.
    pub info: InfoView,
    /// Changes so far.
    pub seq: u32,
    /// Block of the registration.
    pub registered: u64,
    /// Chain time of it.
    pub registered_ms: u64,
    /// Whether a recovery key could bring it back.
    pub recovery: bool,
    /// Its devices.
    pub devices: Vec<DeviceLine>,
    /// The newest transactions about it, at most 100.
    pub txs: Vec<TxLine>,
    /// How far back they go.
    pub reach: Reach,
}

/// One device in a list.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct DeviceLine {
    /// Its id.
    pub id: String,
    /// Whether it may act.
    pub active: bool,
    /// Fingerprint of its key, as people compare it.
    pub fingerprint: String,
    /// Algorithm of its key.
    pub algorithm: String,
    /// Its place in the user's line of devices; lower is senior.
    pub seniority: u32,
    /// Block in which it came.
    pub added: u64,
    /// Chain time of that.
    pub added_ms: u64,
    /// Block in which it was put out.
    pub revoked: Option<u64>,
    /// Whether it came by the recovery key.
    pub recovery: bool,
    /// What it asked and waits for.
    pub waits: Option<WaitView>,
}

/// What waits for a day in which others can object.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct WaitView {
    /// What.
    pub words: Vec<Part>,
    /// From when on it may happen.
    pub due_ms: u64,
}

/// `GET /explorer/devices/{id}`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct DeviceView {
    /// What a list says of it.
    pub device: DeviceLine,
    /// Whose it is.
    pub user: String,
    /// The number its next transaction carries.
    pub next_nonce: u64,
    /// The newest transactions about it, at most 100.
    pub txs: Vec<TxLine>,
    /// How far back they go.
    pub reach: Reach,
}

/// `GET /explorer/meetings/{id}`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct MeetingView {
    /// Its id.
    pub id: String,
    /// `open`, `ended` or `expired`.
    pub state: String,
    /// What it says about itself.
    pub info: InfoView,
    /// Leader generation.
    pub term: u32,
    /// Key generation.
    pub epoch: u32,
    /// Index of the leader.
    pub leader: u16,
    /// Whether the leader is there and its lease runs.
    pub led: bool,
    /// Up to when it leads.
    pub lease_end_ms: u64,
    /// Whether a new key is owed.
    pub rekey_due: bool,
    /// Whether a good invite is enough.
    pub auto_admit: bool,
    /// Whether nobody may ask.
    pub locked: bool,
    /// Whether guests ask under personas.
    pub sealed: bool,
    /// By which rules a lost leader is replaced.
    pub succession: Vec<String>,
    /// How keys are exchanged.
    pub suite: String,
    /// Block in which it was published.
    pub published: u64,
    /// Chain time of that.
    pub published_ms: u64,
    /// Last sign of life.
    pub last_activity_ms: u64,
    /// How many asked, all in all.
    pub asked: u16,
    /// At most 256 of them: who is in first.
    pub members: Vec<MemberLine>,
    /// The newest transactions about it, at most 100.
    pub txs: Vec<TxLine>,
    /// How far back they go.
    pub reach: Reach,
}

/// One request to a meeting, and what became of it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct MemberLine {
    /// Its index.
    pub idx: u16,
    /// Who.
    pub user: String,
    /// With which device.
    pub device: String,
    /// `admitted`, `left`, `removed`, `requested` or `lapsed`.
    pub status: String,
    /// Why it is out.
    pub reason: Option<String>,
    /// Whether it shares the present key.
    pub in_roster: bool,
    /// When it asked.
    pub requested_ms: u64,
    /// Block in which it was admitted.
    pub admitted: Option<u64>,
}

/// `GET /explorer/validators`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct ValidatorsView {
    /// Blocks that were looked at.
    pub window: usize,
    /// Signatures that make a certificate.
    pub quorum: usize,
    /// The validators in force, ascending by key.
    pub validators: Vec<ValidatorLine>,
    /// The epoch of the newest block.
    pub epoch: u64,
    /// Its last block.
    pub epoch_ends: u64,
    /// What is being voted on, most votes first.
    pub votes: Vec<VoteView>,
    /// The newest agreed changes, newest first, at most 32.
    pub changes: Vec<ChangeView>,
}

/// A change of the set that some validators want.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct VoteView {
    /// What, if the transaction that asked for it is in reach.
    pub words: Vec<Part>,
    /// Who voted for it.
    pub by: Vec<String>,
    /// How many must.
    pub needed: usize,
}

/// A change of the set that was agreed.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct ChangeView {
    /// What.
    pub words: Vec<Part>,
    /// Block of the vote that decided it.
    pub agreed: u64,
    /// Chain time of that.
    pub agreed_ms: u64,
    /// First block in which it is in force.
    pub from: u64,
}

/// `GET /explorer/anchors`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct AnchorsView {
    /// How many were recorded, all in all.
    pub count: u32,
    /// The highest block among them; 0 if there is none.
    pub newest: u64,
    /// The newest ones, newest first, at most 32.
    pub anchors: Vec<AnchorLine>,
}

/// A hash that a validator says it wrote on another network.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct AnchorLine {
    /// The block.
    pub height: u64,
    /// The hash that was written.
    pub header: String,
    /// Whether that is the hash this validator has: `same`, `other` or `unknown`.
    pub matches: String,
    /// The other network.
    pub network: String,
    /// The transaction on it, as its tools write it.
    pub txid: String,
    /// Which validator says so.
    pub by: String,
    /// Block in which it says so.
    pub at: u64,
    /// Chain time of that.
    pub at_ms: u64,
}

/// How one validator is doing, as far as blocks and certificates show.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct ValidatorLine {
    /// Its key.
    pub key: String,
    /// What it calls itself, if it was named on the ledger.
    pub name: Option<String>,
    /// Whether it is the one that answers.
    pub me: bool,
    /// Whether it seals blocks now.
    pub in_force: bool,
    /// Blocks it proposed, of those that were looked at.
    pub proposed: usize,
    /// Certificates it signed, of those that were looked at.
    pub signed: usize,
    /// The newest block it proposed or signed, of all that are remembered.
    pub last_height: Option<u64>,
    /// Chain time of that.
    pub last_ms: Option<u64>,
}

/// `GET /explorer/validators/{key}`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct ValidatorView {
    /// How it is doing.
    pub validator: ValidatorLine,
    /// Blocks that were looked at.
    pub window: usize,
    /// The newest transactions about it, at most 100.
    pub txs: Vec<TxLine>,
    /// How far back they go.
    pub reach: Reach,
}

/// `GET /explorer/search?q=...`: what it could be.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Found {
    /// At most 20.
    pub hits: Vec<Target>,
    /// Whether only the recent past was looked at, as for a beginning of an id.
    pub recent_only: bool,
    /// How far back that goes.
    pub reach: Reach,
}
