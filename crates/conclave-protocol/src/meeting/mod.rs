//! The meeting ledger: meetings, requests, members and the order of their keys (paper, IV.C-I).

mod body;
mod epoch;
mod record;
mod roster;
pub(crate) mod rules;
mod succession;

pub use body::{
    AutoAdmit, Heartbeat, MeetingDismiss, MeetingLeave, MeetingPolicy, MeetingRequest,
    PRUNED_AT_ONCE, Policy, PruneMeeting, PublishMeeting, RefreshKeys, Suite,
};
pub use epoch::{EpochRecord, Reason, Removal};
pub use record::{MeetingRecord, MeetingStatus, MemberRecord, MemberStatus, RosterRecord};
pub use roster::{MAX_INDEXES, Roster, roster_hash};
pub use succession::{
    ABSENCE_TTL, Absence, LeaderReassign, MAX_ABSENCES, Succession, VoteLeader, VoteRecord,
    absence_message, electorate, is_majority, line,
};
