//! What a user asks a session for, and why it says no.

use conclave_protocol::MemberIdx;
use thiserror::Error;

use crate::{
    media::StreamNo,
    wire::{Favour, FileId, FileOffer, Reaction},
};

/// What a user asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Command {
    /// Leader: let a guest in.
    Admit {
        /// Who.
        idx: MemberIdx,
    },
    /// Leader: hand the chair to a member.
    Appoint {
        /// To whom.
        idx: MemberIdx,
    },
    /// Ask a member for something or, as the leader, everybody.
    Ask {
        /// Whom; everybody without.
        to: Option<MemberIdx>,
        /// What for.
        favour: Favour,
    },
    /// Ask for a piece of a file.
    AskPiece {
        /// Whom: who offered it.
        of: MemberIdx,
        /// The file.
        id: FileId,
        /// Number of the piece.
        piece: u32,
    },
    /// Leader: let in whoever shows the invite, or nobody by itself.
    AutoAdmit {
        /// Whether a good invite is enough.
        invited: bool,
    },
    /// Send a line of chat to all.
    Chat {
        /// The line, at most 1,200 bytes.
        text: String,
    },
    /// Stop an own stream.
    CloseStream {
        /// Which.
        stream: StreamNo,
    },
    /// Leader: turn a guest away.
    Deny {
        /// Who.
        idx: MemberIdx,
        /// Whether the user may not ask again.
        ban: bool,
    },
    /// Leader: end the meeting for all.
    Dismiss,
    /// Raise the own hand, or take it down.
    Hand {
        /// Whether it is up.
        up: bool,
    },
    /// Leader: remove a member.
    Kick {
        /// Who.
        idx: MemberIdx,
        /// Whether the user may not come back.
        ban: bool,
    },
    /// Go.
    Leave,
    /// Leader: let nobody ask to join, or let them again.
    Lock {
        /// Whether nobody may.
        locked: bool,
    },
    /// Offer a file to everyone who is in. Its pieces lie with the caller.
    OfferFile {
        /// The file; its id and key are fresh.
        offer: FileOffer,
    },
    /// Show all how this person takes it.
    React {
        /// How.
        reaction: Reaction,
    },
    /// Tell all, signed, that this machine records, or does no more. Nothing is recorded by it.
    Record {
        /// Whether it does.
        on: bool,
    },
    /// Ask a member for a keyframe.
    RequestKeyframe {
        /// Whom.
        idx: MemberIdx,
        /// Of which stream.
        stream: StreamNo,
    },
    /// Give a piece of an own file to a member that asked for it.
    SendPiece {
        /// Whom.
        to: MemberIdx,
        /// The file.
        id: FileId,
        /// Number of the piece.
        piece: u32,
        /// The piece as it was sealed when the file was offered.
        sealed: Vec<u8>,
    },
    /// Vote for who should lead; with more than half of the users they do.
    Vote {
        /// Whom.
        candidate: MemberIdx,
    },
}

/// Why a command was not carried out; nothing changed.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum CommandError {
    /// The session is over.
    #[error("the meeting is over")]
    Ended,
    /// The file cannot be offered, or no more of them.
    #[error("the file is empty, too long, or too many are on offer already")]
    File,
    /// The ledger state is too old to decide on.
    #[error("the ledger was not heard for too long")]
    LedgerStale,
    /// The ledger stands still.
    #[error(
        "the ledger stands still, so nobody's identity can be checked; try again when it goes on"
    )]
    LedgerStalled,
    /// No key yet.
    #[error("there is no meeting key yet")]
    NoKey,
    /// Nobody offered that file to whom it is for.
    #[error("there is no such file")]
    NoSuchFile,
    /// Nobody has that index, or not in that state.
    #[error("there is no such member or request")]
    NoSuchMember,
    /// No such stream, or none is free.
    #[error("there is no such stream")]
    NoSuchStream,
    /// No link to that member stands.
    #[error("that member is not connected at the moment; try again")]
    NotLinked,
    /// Only the leader may.
    #[error("only the leader may do that")]
    NotLeader,
    /// A check of the request does not hold.
    #[error("a check of this request does not hold")]
    NotVerified,
    /// The meeting was published without this rule.
    #[error("this meeting was opened without that way to change its leader")]
    RuleNotAllowed,
    /// More than a person does in such a time.
    #[error("that was done too often just now; wait a moment")]
    TooFast,
    /// The text cannot be sent.
    #[error("text is empty, too long, or holds control characters")]
    Text,
}
