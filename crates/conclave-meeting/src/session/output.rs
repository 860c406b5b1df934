//! What a session wants done, and what it tells the user.

use std::collections::BTreeSet;

use bytes::Bytes;
use conclave_protocol::{
    Body, DeviceId, Digest, Epoch, Height, MemberIdx, Npk, Signature, Term, meeting::Reason,
    tx::Role,
};
use thiserror::Error;

use crate::{
    key::StreamKind,
    media::{Kid, StreamNo},
    time::Millis,
    wire::{Address, Favour, FileId, FileOffer, Reaction},
};

/// Names one submitted body, to report its failure.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct SubmitId(pub u64);

/// One thing to do.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "a body is submitted about once a minute")]
pub enum Output {
    /// End the link to `npk`.
    Close {
        /// Who.
        npk: Npk,
    },
    /// Send one datagram.
    Datagram {
        /// To whom.
        npk: Npk,
        /// What; never more bytes than the limit told for that peer.
        bytes: Bytes,
    },
    /// Make a link; answer with `Connected` or `Disconnected`.
    Dial {
        /// To whom.
        npk: Npk,
        /// Whether to go through the lobby.
        lobby: bool,
        /// Where.
        address: Address,
    },
    /// Tell the user.
    Event(Event),
    /// Ask the browser for a keyframe of an own stream.
    KeyframeWanted {
        /// Which.
        stream: StreamNo,
    },
    /// Give one opened unit to the browser.
    Media {
        /// Who sent it; proven by the link and the key.
        idx: MemberIdx,
        /// The key it was sealed under; names the stream.
        kid: Kid,
        /// Its number in that stream and epoch.
        ctr: u64,
        /// What it carries.
        kind: StreamKind,
        /// What the sender gave to [`send_media`](super::Session::send_media).
        unit: Vec<u8>,
    },
    /// Send one reliable message.
    Message {
        /// To whom.
        npk: Npk,
        /// What.
        bytes: Vec<u8>,
    },
    /// From here on, exactly these may link as members; everyone else gets the lobby.
    Peers(BTreeSet<Npk>),
    /// Fetch the meeting from the ledger now.
    Refresh,
    /// Put this on the ledger, again and again until it is final or refused.
    Submit {
        /// Name for `SubmitFailed`.
        id: SubmitId,
        /// What to sign and send.
        body: Body,
        /// Signatures of others that go with it.
        others: Vec<(Role, Signature)>,
    },
    /// Nothing more to do until an input comes, or until this moment.
    Wait(Option<Millis>),
    /// From here on every view of the ledger shows exactly these devices as
    /// [`bearers`](super::MeetingView::bearers), where it knows them.
    Watch(BTreeSet<DeviceId>),
}

/// Something the user may want to know.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// Something is wrong that no honest device does.
    Alarm(Alarm),
    /// A member asks something of this person. Nothing follows of itself.
    Asked {
        /// Who asks.
        idx: MemberIdx,
        /// What for.
        favour: Favour,
    },
    /// A line of chat.
    Chat {
        /// Who wrote it.
        idx: MemberIdx,
        /// The line.
        text: String,
    },
    /// A member has not done its part of the short code for 5 seconds.
    CodeLate {
        /// Who.
        idx: MemberIdx,
        /// Of which epoch.
        epoch: Epoch,
    },
    /// The short code of an epoch is whole.
    CodeShown {
        /// Epoch.
        epoch: Epoch,
    },
    /// The session is over and holds no key any more.
    Ended(Ending),
    /// The key of an epoch is here; packets under it are opened.
    EpochInstalled {
        /// Epoch.
        epoch: Epoch,
    },
    /// Packets are sealed under this epoch from here on.
    EpochSending {
        /// Epoch.
        epoch: Epoch,
    },
    /// The ledger confirmed the record of an epoch.
    EpochFinal {
        /// Epoch.
        epoch: Epoch,
        /// Height of the view that showed it.
        height: Height,
    },
    /// A member has a file for this person.
    FileOffered {
        /// Who.
        idx: MemberIdx,
        /// Which.
        offer: FileOffer,
    },
    /// The newest header of another member, to compare with the own one.
    Gossip {
        /// Who.
        idx: MemberIdx,
        /// Height.
        height: Height,
        /// Hash of the header.
        header: Digest,
    },
    /// A member raised its hand, or took it down.
    Hand {
        /// Who.
        idx: MemberIdx,
        /// Whether it is up.
        up: bool,
    },
    /// A member shows what proves its header: give it to the light client and answer with
    /// `HeaderJudged`.
    HeaderShown {
        /// Who.
        idx: MemberIdx,
        /// Height.
        height: Height,
        /// Header answer; hostile until the light client accepted it.
        answer: Vec<u8>,
    },
    /// A member asks what proves a header; answer with `HeaderAnswer`.
    HeaderWanted {
        /// Who.
        idx: MemberIdx,
        /// Height.
        height: Height,
    },
    /// Somebody else leads; perhaps this device.
    LeaderChanged {
        /// Who.
        idx: MemberIdx,
        /// Since which term.
        term: Term,
    },
    /// The own exchange keys were replaced; the old ones are erased.
    KeysReplaced,
    /// The leader is not heard any more; whose turn it is takes the chair.
    LeaderSilent {
        /// Who leads and is silent.
        idx: MemberIdx,
    },
    /// The ledger goes on; what was made meanwhile is confirmed.
    LedgerBack,
    /// The ledger stands still: people may leave or be removed, nobody new comes in.
    LedgerStalled,
    /// A problem of [`KeyProblem`](Self::KeyProblem) is over.
    KeyOk {
        /// Whose.
        idx: MemberIdx,
    },
    /// A member lacks the newest key, or may not send.
    KeyProblem {
        /// Whose; the own index for the own device.
        idx: MemberIdx,
        /// What is wrong and what is done about it.
        problem: KeyProblem,
    },
    /// Somebody is in.
    MemberJoined {
        /// Who.
        idx: MemberIdx,
        /// The name they go by.
        name: String,
    },
    /// Somebody is out.
    MemberLeft {
        /// Who.
        idx: MemberIdx,
        /// Why.
        reason: Reason,
    },
    /// The ledger published the own meeting: invites may be handed out.
    Published,
    /// The ledger numbered the own request; the leader is called.
    Requested {
        /// Own index.
        idx: MemberIdx,
    },
    /// The leader has the own knock; a person decides.
    Waiting,
    /// A request was checked, or checked again after something changed.
    RequestVerified(Knocker),
    /// A piece came that was perhaps asked for; it is sealed, and hostile until it opens.
    PieceCame {
        /// Who gave it.
        idx: MemberIdx,
        /// The file.
        id: FileId,
        /// Number of the piece.
        piece: u32,
        /// Its bytes.
        sealed: Vec<u8>,
    },
    /// A member asks for a piece of an own file that was offered to it; answer with
    /// [`SendPiece`](super::Command::SendPiece).
    PieceWanted {
        /// Who.
        idx: MemberIdx,
        /// The file.
        id: FileId,
        /// Number of the piece; there may be none of it.
        piece: u32,
    },
    /// A member reacts to what it hears.
    Reaction {
        /// Who.
        idx: MemberIdx,
        /// How.
        reaction: Reaction,
    },
    /// A member says that its machine records, or does no more; its device signed that.
    Recording {
        /// Who.
        idx: MemberIdx,
        /// Whether it does.
        on: bool,
    },
    /// A request is no more: admitted, denied, taken back or lapsed.
    RequestGone {
        /// Whose.
        idx: MemberIdx,
    },
    /// A stream of a member is over.
    StreamClosed {
        /// Whose.
        idx: MemberIdx,
        /// Which.
        stream: StreamNo,
    },
    /// A stream of a member begins.
    StreamOpened {
        /// Whose.
        idx: MemberIdx,
        /// Which.
        stream: StreamNo,
        /// What it carries.
        kind: StreamKind,
    },
    /// A body this session needed was refused by the ledger.
    SubmitFailed {
        /// Why.
        reason: String,
    },
}

/// A guest before the door, with every check of section 7 and its result.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Knocker {
    /// Index of the request.
    pub idx: MemberIdx,
    /// The name the guest goes by; empty until that device knocked over its own link.
    pub name: String,
    /// Every check.
    pub facts: Vec<Fact>,
    /// Height of the ledger state the checks rest on.
    pub height: Height,
    /// Whether the leader may admit: every check but the invite holds.
    pub ready: bool,
}

/// One check.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fact {
    /// What was checked.
    pub name: FactName,
    /// Whether it holds.
    pub ok: bool,
    /// The result in plain words.
    pub text: String,
}

/// What a check is about.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum FactName {
    /// The user is not banned.
    Ban,
    /// In a sealed meeting: a registered and active device bears the persona.
    Bearer,
    /// Device and user are registered and active.
    Identity,
    /// The user info is what the ledger says.
    Info,
    /// The guest holds an invite.
    Invite,
    /// The exchange keys are sound and the announced ones.
    Keys,
    /// The request is signed by the device's identity key.
    Signature,
    /// The link is the announced one.
    Transport,
}

impl FactName {
    /// One lower-case word, as in the local API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ban => "ban",
            Self::Bearer => "bearer",
            Self::Identity => "identity",
            Self::Info => "info",
            Self::Invite => "invite",
            Self::Keys => "keys",
            Self::Signature => "signature",
            Self::Transport => "transport",
        }
    }
}

/// Why a member lacks a key, and what is done about it.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum KeyProblem {
    /// The leader sent the key again.
    #[error("has not confirmed the new key; it is sent again")]
    NoAck,
    /// The leader was asked for the key.
    #[error("the new key has not arrived; the leader is asked for it")]
    NoKey,
    /// Nothing is sent until the new leader makes a key.
    #[error("the leader changed and has made no new key; nothing is sent until it does")]
    LeaderWithoutKey,
    /// Nothing is sent until somebody else leads.
    #[error("the leader signed two records for one key; nothing is sent until somebody else leads")]
    LeaderEquivocated,
    /// Nothing is sent until a new key is here.
    #[error("somebody who has the key is out and no new one is here; nothing is sent until it is")]
    RekeyOverdue,
}

/// Something no honest device does.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum Alarm {
    /// A member committed twice to the short code, or showed another part than it committed to.
    #[error("member {0} broke its word about the short code of epoch {1}")]
    CodeBroken(MemberIdx, Epoch),
    /// A member says there is another header of a height, and cannot prove it.
    #[error("member {0} claims another ledger at height {1} and proves nothing")]
    FalseHeader(MemberIdx, Height),
    /// A member says there is another header of a height; it is asked for the proof.
    #[error("member {0} sees another ledger at height {1}")]
    HeadersDiffer(MemberIdx, Height),
    /// The leader signed two records for one epoch, or gave a key that is not the committed one.
    #[error("the leader gave different keys for epoch {0}")]
    LeaderEquivocated(Epoch),
    /// The validators signed two headers of one height; both certificates are kept.
    #[error("the ledger forked at height {0}: the validators signed two histories")]
    LedgerForked(Height),
    /// A member acknowledged another record than this device holds.
    #[error("member {0} holds another record of epoch {1}")]
    RecordsDiffer(MemberIdx, Epoch),
    /// A member of a sealed meeting does not show who it is, or is no longer that.
    #[error("member {0} does not show who it is")]
    Unknown(MemberIdx),
    /// The leader put somebody into the roster whose identity does not hold.
    #[error("member {0} of the roster has no valid identity")]
    UnverifiedMember(MemberIdx),
}

/// How a session ended.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum Ending {
    /// The leader did not admit this device.
    #[error("the leader did not admit you")]
    Denied,
    /// The leader ended the meeting.
    #[error("the leader ended the meeting")]
    Dismissed,
    /// Nobody was active in the meeting for too long.
    #[error("the meeting expired")]
    Expired,
    /// What the session cannot do without was refused or did not come; this says what.
    #[error("{0}")]
    Failed(String),
    /// This device left.
    #[error("you left the meeting")]
    Left,
    /// No member could be reached for 30 seconds.
    #[error("contact to the meeting was lost")]
    LostContact,
    /// The leader removed this device.
    #[error("the leader removed you")]
    Removed,
    /// This device was revoked on the identity ledger.
    #[error("this device was revoked, and takes part in nothing any more")]
    Revoked,
    /// The others did not hear this device for too long.
    #[error("you were not heard for too long, and the meeting went on without you")]
    TimedOut,
}
