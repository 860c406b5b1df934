//! The records of both ledgers.

use crate::{
    codec::{Blob, List},
    id::{DeviceId, Height, MeetingId, MemberIdx, Seconds},
    identity::{DeviceRecord, HandleRecord, INFO_CHUNK, PendingRecord, UserRecord},
    meeting::{MeetingRecord, MemberRecord, RosterRecord, VoteRecord},
    validators::{
        AnchorEntry, AnchorsRecord, ValidatorChangeRecord, ValidatorKeysRecord, ValidatorRecord,
        ValidatorSetRecord,
    },
};

/// Most bytes of an encoded record.
pub const MAX_RECORD: usize = 256;

/// What stands under a [`Key`](super::Key).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// Under `User`.
    User(UserRecord),
    /// Under `UserInfo` and `MeetingInfo`.
    Info(Blob<INFO_CHUNK>),
    /// Under `UserDevice` and `IvkIndex`.
    DeviceId(DeviceId),
    /// Under `Device`.
    Device(DeviceRecord),
    /// Under `Handle`.
    Handle(HandleRecord),
    /// Under `Pending`.
    Pending(PendingRecord),
    /// Under `ValidatorSet`.
    ValidatorSet(ValidatorSetRecord),
    /// Under `ValidatorKeys`.
    ValidatorKeys(ValidatorKeysRecord),
    /// Under `ValidatorChange`.
    ValidatorChange(ValidatorChangeRecord),
    /// Under `Validator`.
    Validator(ValidatorRecord),
    /// Under `Anchors`.
    Anchors(AnchorsRecord),
    /// Under `Anchor`.
    Anchor(AnchorEntry),
    /// Under `Meeting`.
    Meeting(MeetingRecord),
    /// Under `Member`.
    Member(MemberRecord),
    /// Under `Roster`.
    Roster(RosterRecord),
    /// Under `Ban`: since when.
    Ban(Height),
    /// Under `RequestTimes`.
    RequestTimes(RequestTimes),
    /// Under `NpkIndex`.
    Seat(Seat),
    /// Under `Vote`.
    Vote(VoteRecord),
}

crate::variants!(Record {
    1 => User(record: UserRecord),
    2 => Info(part: Blob<INFO_CHUNK>),
    3 => DeviceId(dev: DeviceId),
    4 => Device(record: DeviceRecord),
    6 => Handle(record: HandleRecord),
    7 => Pending(record: PendingRecord),
    8 => ValidatorSet(record: ValidatorSetRecord),
    9 => ValidatorKeys(keys: ValidatorKeysRecord),
    10 => ValidatorChange(record: ValidatorChangeRecord),
    11 => Validator(record: ValidatorRecord),
    12 => Anchors(record: AnchorsRecord),
    13 => Anchor(entry: AnchorEntry),
    32 => Meeting(record: MeetingRecord),
    34 => Member(record: MemberRecord),
    35 => Roster(record: RosterRecord),
    36 => Ban(since: Height),
    37 => RequestTimes(times: RequestTimes),
    38 => Seat(seat: Seat),
    39 => Vote(vote: VoteRecord),
});

/// When a user last asked to join a meeting, oldest first.
pub type RequestTimes = List<Seconds, 16>;

/// A place in a meeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat {
    /// The meeting.
    pub mid: MeetingId,
    /// The index in it.
    pub idx: MemberIdx,
}

crate::fields!(Seat { mid, idx });
