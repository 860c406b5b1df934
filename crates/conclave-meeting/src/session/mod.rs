//! One device's part in one meeting.

mod config;
mod input;
mod output;

pub use config::{Config, InviteSecret, Invited, NewMeeting, invite_tag};
pub use input::{Freshness, Input, MeetingView, MemberView};
pub use output::{
    Alarm, Command, CommandError, Ending, Event, Fact, FactName, KeyProblem, Knocker, Output,
    SubmitId,
};
