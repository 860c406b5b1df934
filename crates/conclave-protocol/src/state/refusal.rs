//! Why the ledgers refuse a transaction.

use super::Key;
use crate::{key::WeakKey, tx::Role};

/// Why a transaction was not applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// The state holds something else under this key than the rules ever write there.
    #[error("state holds a foreign record")]
    Corrupt(Key),
    /// These records are needed and not at hand.
    #[error("{} records are not at hand", .0.len())]
    NotLoaded(Vec<Key>),
    /// A rule forbids it, on every node alike.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// The rule that forbids a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The statements do not show that the leader is silent.
    #[error("absence of the leader is not shown")]
    AbsenceDoesNotHold,
    /// The block that was anchored is not before the one that says so.
    #[error("anchored block is not there yet")]
    AnchorAhead,
    /// A name that no user can have.
    #[error("handle must be 3 to 32 of a-z, 0-9, '.', '_', '-', and begin with a letter or digit")]
    BadHandle,
    /// The user is banned from this meeting.
    #[error("user is banned from this meeting")]
    Banned,
    /// The validators agreed on a change in this epoch already.
    #[error("a change of the validators waits for the end of the epoch")]
    ChangePending,
    /// The commitment is that of the last key.
    #[error("key commitment is not new")]
    CommitmentReused,
    /// The device is not active.
    #[error("device is not active")]
    DeviceInactive,
    /// The device exists already.
    #[error("device exists")]
    DeviceTaken,
    /// Past its expiry.
    #[error("transaction has expired")]
    Expired,
    /// Expires too far in the future.
    #[error("transaction expires too late")]
    ExpiryTooFar,
    /// A signature nobody asked for.
    #[error("unexpected signature")]
    ExtraSignature,
    /// Somebody else has the name, or had it less than a year ago.
    #[error("handle is taken")]
    HandleTaken,
    /// The device was added later than the one that asked.
    #[error("only the device that asked, or one added before it, can cancel")]
    JuniorDevice,
    /// The key was bound to a device before.
    #[error("identity key was bound before")]
    IvkTaken,
    /// Nobody would be left to make blocks.
    #[error("the last validator cannot go")]
    LastValidator,
    /// The roster would hold no leader.
    #[error("roster lacks the leader")]
    LeaderNotInRoster,
    /// The leader is gone.
    #[error("leader is gone")]
    LeaderGone,
    /// The lease is over; the leader must renew it first.
    #[error("lease is over")]
    LeaseOver,
    /// The meeting id was used before.
    #[error("meeting id was used before")]
    MeetingTaken,
    /// The meeting was ended, or nobody was heard for too long.
    #[error("meeting is over")]
    MeetingOver,
    /// The leader locked the door.
    #[error("meeting is locked")]
    MeetingLocked,
    /// The meeting has no index left.
    #[error("meeting has no place for another request")]
    MeetingFull,
    /// A signature is missing.
    #[error("signature of role {0:?} is missing")]
    MissingSignature(Role),
    /// The signer is not in the set of validators in force.
    #[error("signer is not a validator")]
    NotAValidator,
    /// Somebody who cannot lead.
    #[error("that member cannot lead")]
    NotEligible,
    /// Nothing waits for that device.
    #[error("nothing waits for that device")]
    NothingPending,
    /// All that may leave the state of this meeting has left it.
    #[error("nothing of the meeting is left to prune")]
    NothingToPrune,
    /// The user has no recovery key.
    #[error("user has no recovery key")]
    NoRecoveryKey,
    /// The time for others to object is not over, or a meeting is not over for long enough.
    #[error("too early: others may still object, or the meeting is not over for long enough")]
    NotYet,
    /// Not more than half of the users voted for the signer.
    #[error("signer was not elected")]
    NotElected,
    /// The signer is not that member.
    #[error("signer is not that member")]
    NotThatMember,
    /// Only the leader may.
    #[error("signer is not the leader")]
    NotTheLeader,
    /// The user's own data say something else.
    #[error("user, device or key does not match the signer")]
    NotTheSigner,
    /// Others come first, or the leader is still there.
    #[error("it is not the signer's turn to lead")]
    NotYourTurn,
    /// The transport key was used before.
    #[error("transport key was used before")]
    NpkTaken,
    /// One epoch record per meeting and block.
    #[error("meeting has an epoch record in this block")]
    OneEpochPerBlock,
    /// The record does not name the members it adds and removes.
    #[error("added and removed do not make the roster")]
    RosterMismatch,
    /// The roster hash is not that of the roster.
    #[error("roster hash does not match")]
    RosterHashMismatch,
    /// A member that cannot be in, is in.
    #[error("roster holds somebody who cannot be in")]
    RosterHoldsIneligible,
    /// More members than the network allows.
    #[error("roster is too large")]
    RosterTooLarge,
    /// The last change of the user is another one.
    #[error("previous change does not match")]
    StaleChange,
    /// The number is not the next one.
    #[error("number of the change is not the next one")]
    StaleSeq,
    /// The user has had as many devices as there may be.
    #[error("user has no place for another device")]
    TooManyDevices,
    /// The set of validators is as large as it may be.
    #[error("there is no place for another validator")]
    TooManyValidators,
    /// The last record is another one.
    #[error("previous record does not match")]
    StalePrev,
    /// The epoch is another one.
    #[error("epoch does not match")]
    StaleEpoch,
    /// The term is another one.
    #[error("term does not match")]
    StaleTerm,
    /// The reason given for a removal is not true.
    #[error("reason of a removal does not hold")]
    ReasonDoesNotHold,
    /// A new key is owed for too long.
    #[error("a new key is overdue")]
    RekeyOverdue,
    /// The meeting was published without this rule.
    #[error("meeting does not know this rule of succession")]
    RuleNotAllowed,
    /// Too many bytes.
    #[error("transaction is too large")]
    TooLarge,
    /// The user sends too much.
    #[error("user sends too many transactions")]
    TooManyTransactions,
    /// The user asks too often.
    #[error("user asks too often")]
    TooManyRequests,
    /// The user is not banned.
    #[error("user is not banned")]
    NotBanned,
    /// No such device.
    #[error("unknown device")]
    UnknownDevice,
    /// No such meeting.
    #[error("unknown meeting")]
    UnknownMeeting,
    /// No such member.
    #[error("unknown member")]
    UnknownMember,
    /// No such user.
    #[error("unknown user")]
    UnknownUser,
    /// The sponsor is not in the set of validators in force.
    #[error("sponsor is not a validator")]
    UnknownSponsor,
    /// No such validator in the set.
    #[error("unknown validator")]
    UnknownValidator,
    /// The user is not active.
    #[error("user is not active")]
    UserInactive,
    /// The user exists already.
    #[error("user exists")]
    UserTaken,
    /// The key is or was in a set of validators.
    #[error("validator key was used before")]
    ValidatorKeyUsed,
    /// One vote per user, term and epoch; and no vote of a validator twice.
    #[error("has voted already")]
    VotedAlready,
    /// A key that must not be used.
    #[error(transparent)]
    Weak(#[from] WeakKey),
    /// The network takes no stamps of work.
    #[error("network takes no work stamps")]
    WorkNotTaken,
    /// The stamp is too weak.
    #[error("work stamp is too weak")]
    WorkTooWeak,
    /// Another network.
    #[error("transaction is for another network")]
    WrongChain,
    /// Not derived from the key.
    #[error("id is not derived from the key")]
    WrongId,
    /// Not the next one.
    #[error("nonce is not the next one")]
    WrongNonce,
}

/// Refuses with `refusal` unless `held`.
pub(crate) fn require(held: bool, refusal: Refusal) -> Result<(), Refusal> {
    if held { Ok(()) } else { Err(refusal) }
}
