//! Transactions of both ledgers and the rules that accept them: pure and deterministic.
//!
//! Read in this order: [`codec`] and [`id`] (bytes), [`key`] and [`signed`] (who speaks),
//! [`params`] (what a network fixed at its start), [`tx`] (what may be said), [`identity`],
//! [`validators`] and [`meeting`] (what it means), [`state`] (how it changes the ledgers). [`invite`],
//! [`disclosure`] (both are [`link`]s) and [`code`] are what people hand to each other and read aloud,
//! [`card`] what organisations do before there is a network, [`anchor`] what other ledgers hold of this
//! one.
//!
//! Nothing here owns a clock, a socket, a file, a thread or a random source.

#![warn(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::indexing_slicing)]

pub mod anchor;
pub mod card;
pub mod code;
pub mod codec;
pub mod disclosure;
pub mod id;
pub mod identity;
pub mod invite;
pub mod key;
pub mod link;
pub mod meeting;
pub mod pairing;
pub mod params;
pub mod signed;
pub mod state;
pub mod tx;
pub mod validators;

pub use card::ValidatorCard;
pub use codec::{DecodeError, decode, encode};
pub use id::{
    ChainId, DeviceId, Digest, Epoch, Height, MeetingId, MemberIdx, Position, Seconds, Term, TxId,
    UserId,
};
pub use identity::{
    AddDevice, Cancel, ClaimHandle, DeviceRecord, Recover, RegisterUser, RevokeDevice, RotateKey,
    SetRecoveryKey, UpdateInfo, UserInfo, UserRecord,
};
pub use key::{
    Algorithm, Ed448Signer, Ed25519Signer, Epk, Ivk, Npk, Secp256k1Signer, Signature, Signer,
    ValidatorKey,
};
pub use meeting::{
    EpochRecord, Heartbeat, LeaderReassign, MeetingDismiss, MeetingLeave, MeetingPolicy,
    MeetingRecord, MeetingRequest, MemberRecord, PruneMeeting, PublishMeeting, RefreshKeys, Roster,
    VoteLeader,
};
pub use params::{Genesis, Params};
pub use signed::{Context, verify, verify_batch};
pub use state::{
    ApplyError, Changes, Event, Key, Ledger, NotLoaded, Record, Refusal, Rules, View, apply,
    footprint, next_nonce,
};
pub use tx::{Body, Kind, Tx};
pub use validators::{
    AnchorPlace, AnchorRecord, Contact, ValidatorChange, ValidatorVote, epoch_of, last_height_of,
    validators_after, validators_at,
};
