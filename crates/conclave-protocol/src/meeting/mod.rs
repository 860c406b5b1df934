//! The meeting ledger: meetings, requests, members and the order of their keys (paper, IV.C-I).

mod body;
mod epoch;
mod record;
mod roster;
pub(crate) mod rules;

pub use body::{
    AutoAdmit, Heartbeat, MeetingDismiss, MeetingLeave, MeetingRequest, Policy, PublishMeeting,
    Suite,
};
pub use epoch::{EpochRecord, Reason, Removal};
pub use record::{MeetingRecord, MeetingStatus, MemberRecord, MemberStatus, RosterRecord};
pub use roster::{MAX_INDEXES, Roster, roster_hash};
