//! The names of records.

use crate::{
    codec::encode,
    id::{DeviceId, Digest, MeetingId, MemberIdx, UserId},
    identity::Handle,
    key::{Ivk, Npk, ValidatorKey},
};

/// The name of one record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// A user.
    User(UserId),
    /// One part of what a user says about themselves.
    UserInfo(UserId, u8),
    /// The user's nth device, by id.
    UserDevice(UserId, u8),
    /// A device.
    Device(DeviceId),
    /// The device a key was bound to, for ever.
    IvkIndex(Ivk),
    /// The user who claimed a name.
    Handle(Handle),
    /// What a device asked and waits for.
    Pending(DeviceId),
    /// How far the set of validators has come; absent as long as it is that of the genesis.
    ValidatorSet,
    /// One part of the set after all agreed changes.
    ValidatorKeys(u8),
    /// The nth agreed change of the set.
    ValidatorChange(u32),
    /// A validator that said something, or that came by a change.
    Validator(ValidatorKey),
    /// How many anchors were recorded.
    Anchors,
    /// The nth recorded anchor.
    Anchor(u32),
    /// A meeting.
    Meeting(MeetingId),
    /// One part of what a meeting says about itself.
    MeetingInfo(MeetingId, u8),
    /// One request and what became of it.
    Member(MeetingId, MemberIdx),
    /// Who shares the present key.
    Roster(MeetingId),
    /// Present while the user may not ask.
    Ban(MeetingId, UserId),
    /// When the user last asked.
    RequestTimes(MeetingId, UserId),
    /// The seat a transport key was used for, for ever.
    NpkIndex(Npk),
    /// Whom the user would have lead.
    Vote(MeetingId, UserId),
}

crate::variants!(Key {
    1 => User(user: UserId),
    2 => UserInfo(user: UserId, part: u8),
    3 => UserDevice(user: UserId, number: u8),
    4 => Device(dev: DeviceId),
    5 => IvkIndex(ivk: Ivk),
    6 => Handle(name: Handle),
    7 => Pending(dev: DeviceId),
    8 => ValidatorSet,
    9 => ValidatorKeys(part: u8),
    10 => ValidatorChange(number: u32),
    11 => Validator(key: ValidatorKey),
    12 => Anchors,
    13 => Anchor(number: u32),
    32 => Meeting(mid: MeetingId),
    33 => MeetingInfo(mid: MeetingId, part: u8),
    34 => Member(mid: MeetingId, idx: MemberIdx),
    35 => Roster(mid: MeetingId),
    36 => Ban(mid: MeetingId, user: UserId),
    37 => RequestTimes(mid: MeetingId, user: UserId),
    38 => NpkIndex(npk: Npk),
    39 => Vote(mid: MeetingId, user: UserId),
});

impl Key {
    /// The state key: SHA-256 of "CONCLAVE-V1/key" and the canonical name.
    pub fn digest(&self) -> Digest {
        Digest::of(&[b"CONCLAVE-V1/key", &encode(self)])
    }

    /// The ledger that holds the record.
    pub const fn ledger(&self) -> Ledger {
        match self {
            Self::User(_)
            | Self::UserInfo(..)
            | Self::UserDevice(..)
            | Self::Device(_)
            | Self::IvkIndex(_)
            | Self::Handle(_)
            | Self::Pending(_)
            | Self::ValidatorSet
            | Self::ValidatorKeys(_)
            | Self::ValidatorChange(_)
            | Self::Validator(_)
            | Self::Anchors
            | Self::Anchor(_) => Ledger::Identity,
            Self::Meeting(_)
            | Self::MeetingInfo(..)
            | Self::Member(..)
            | Self::Roster(_)
            | Self::Ban(..)
            | Self::RequestTimes(..)
            | Self::NpkIndex(_)
            | Self::Vote(..) => Ledger::Meeting,
        }
    }
}

/// One of the two ledgers of the paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ledger {
    /// Users, devices, keys. Comes first in a block.
    Identity,
    /// Meetings and members.
    Meeting,
}

crate::tags!(Ledger { 0 => Identity, 1 => Meeting });
