//! The state of both ledgers, and the one function that changes it.
//!
//! Everything is reached by its key; nothing is ever listed. Ask [`apply`] with a [`View`] of the
//! state as it is, and write the [`Changes`] it answers with.

mod apply;
mod draft;
mod key;
mod record;
mod refusal;

use std::collections::BTreeMap;

pub use apply::{Rules, apply, footprint, next_nonce};
pub use key::{Key, Ledger};
pub use record::{MAX_RECORD, Record, RequestTimes, Seat};
pub use refusal::{ApplyError, Refusal};

pub(crate) use {draft::Draft, refusal::require};

use crate::{
    id::{DeviceId, Epoch, Height, MeetingId, MemberIdx, Term, UserId},
    key::ValidatorKey,
};

/// The state as it is.
pub trait View {
    /// The record under `key`, if there is one.
    ///
    /// # Errors
    /// The record is not at hand: load it and ask again.
    fn get(&self, key: &Key) -> Result<Option<Record>, NotLoaded>;
}

/// A record that is not at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("record is not at hand")]
pub struct NotLoaded;

/// A state held in memory, whole.
impl View for BTreeMap<Key, Record> {
    fn get(&self, key: &Key) -> Result<Option<Record>, NotLoaded> {
        Ok(Self::get(self, key).cloned())
    }
}

/// What one transaction does to the state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Records to write, or to delete where there is none, in order of their keys.
    pub writes: BTreeMap<Key, Option<Record>>,
    /// What happened, in order.
    pub events: Vec<Event>,
}

/// Something that happened on a ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A validator wrote down where a block is anchored.
    AnchorRecorded {
        /// `Anchor(number)` is the record.
        number: u32,
        /// The block.
        height: Height,
    },
    /// A user has a further device.
    DeviceAdded {
        /// The user.
        user: UserId,
        /// The device.
        dev: DeviceId,
    },
    /// A device asked for something that waits.
    ChangeAsked {
        /// The user.
        user: UserId,
        /// The device.
        dev: DeviceId,
    },
    /// What a device asked does not happen.
    ChangeCancelled {
        /// The user.
        user: UserId,
        /// The device.
        dev: DeviceId,
    },
    /// A user has a name.
    HandleClaimed {
        /// The user.
        user: UserId,
    },
    /// A new device took the place of all others.
    Recovered {
        /// The user.
        user: UserId,
        /// The device.
        dev: DeviceId,
    },
    /// A user has another recovery key, or none.
    RecoveryKeySet {
        /// The user.
        user: UserId,
    },
    /// A device is out for ever.
    DeviceRevoked {
        /// The user.
        user: UserId,
        /// The device.
        dev: DeviceId,
    },
    /// A user says something else about themselves.
    InfoUpdated {
        /// The user.
        user: UserId,
    },
    /// A device has another key.
    KeyRotated {
        /// The device.
        dev: DeviceId,
    },
    /// A meeting has a new key, and perhaps other members.
    EpochAdvanced {
        /// The meeting.
        mid: MeetingId,
        /// Its new epoch.
        epoch: Epoch,
    },
    /// A member has other exchange keys.
    KeysRefreshed {
        /// The meeting.
        mid: MeetingId,
        /// Who.
        idx: MemberIdx,
    },
    /// Somebody else leads.
    LeaderChanged {
        /// The meeting.
        mid: MeetingId,
        /// The new term.
        term: Term,
        /// Who.
        leader: MemberIdx,
    },
    /// The door is opened or locked.
    PolicyChanged {
        /// The meeting.
        mid: MeetingId,
    },
    /// A user would have somebody else lead.
    VoteCast {
        /// The meeting.
        mid: MeetingId,
        /// Whom.
        candidate: MemberIdx,
    },
    /// A meeting is over for ever.
    MeetingEnded {
        /// The meeting.
        mid: MeetingId,
    },
    /// A meeting that is long over left the state, wholly or in part.
    MeetingPruned {
        /// The meeting.
        mid: MeetingId,
        /// How many of its indexes are left.
        left: MemberIdx,
    },
    /// There is a new meeting.
    MeetingPublished {
        /// The meeting.
        mid: MeetingId,
    },
    /// A member went, or took its request back.
    MemberLeft {
        /// The meeting.
        mid: MeetingId,
        /// Who.
        idx: MemberIdx,
    },
    /// The leader is there.
    LeaseRenewed {
        /// The meeting.
        mid: MeetingId,
    },
    /// Somebody asks to join.
    RequestMade {
        /// The meeting.
        mid: MeetingId,
        /// The index the request got.
        idx: MemberIdx,
    },
    /// The validators agreed on a change of their set, in force from the next epoch on.
    ValidatorChangeAgreed {
        /// `ValidatorChange(number)` is the record.
        number: u32,
    },
    /// A validator would have the set changed.
    ValidatorVoted {
        /// Who.
        key: ValidatorKey,
        /// The number the change would have.
        seq: u32,
    },
    /// There is a new user.
    UserRegistered {
        /// The user.
        user: UserId,
        /// The first device.
        dev: DeviceId,
    },
}
