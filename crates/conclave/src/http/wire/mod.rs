//! The JSON of the local API: what the page and the command line read and write.
//!
//! Names are frozen by the page, the command line and other people's scripts: a field is added,
//! never renamed. Ids are lower-case hex of 32 bytes unless a field says otherwise; times are
//! milliseconds since the Unix epoch on this machine's clock unless a field says chain time.

mod anchors;
mod ask;
mod codes;
mod file;
mod identity;
mod meeting;
mod ports;
mod prune;
mod recovery;
mod signal;
mod state;

pub use anchors::{AnchorVerdict, AnchorView, Anchors};
pub use ask::{
    Admit, Appoint, Chat, Check, Deny, DismissNotice, Empty, Invitation, KeyAlgorithm, KeyStore,
    Kick, Lock, NewIdentity, NewMeeting, Opened, Preview, PreviewLeader, Published, Receive,
    Received, Refusal, Source, Vote, Want,
};
pub use codes::{Codes, Evidence, EvidenceKind, Picture};
pub use file::{File, FileBytes, FileRef, FileState};
pub use identity::{
    AcceptDevice, Change, Contact, Device, Disclosed, ForgetContact, Handed, Link, RevokeDevice,
    RotateKey,
};
pub use meeting::{
    Fact, FactName, Invite, KeyState, Level, Line, LinkState, Lobbyist, Meeting, Member, Notice,
    Phase, Qr, Role, Stream, StreamKind,
};
pub use ports::{OpenPorts, PortNews};
pub use prune::{Left, Prune, Pruned, PrunedMeeting};
pub use recovery::{
    CancelChange, ClaimHandle, KeepSheet, NewName, Recover, Sheet, Waiting, Wish, Words,
};
pub use signal::{
    Admission, Answered, Ask, Asked, Diagnosis, Examined, Favour, Hand, Health, Policy, Quality,
    React, Reacted, Record,
};
pub use state::{
    Event, Freshness, Identity, InfoForm, InfoView, Network, PastMeeting, State, ValidatorView,
};
