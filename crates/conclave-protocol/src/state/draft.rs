//! A view with the changes of one transaction on top: dropped whole if a rule refuses.

use std::collections::BTreeMap;

use super::{ApplyError, Changes, Event, Key, Record, RequestTimes, View};
use crate::{
    id::{DeviceId, MeetingId, MemberIdx, UserId},
    identity::{DeviceRecord, Handle, HandleRecord, PendingRecord, UserRecord},
    key::ValidatorKey,
    meeting::{MeetingRecord, MemberRecord, RosterRecord, VoteRecord},
    validators::{
        AnchorsRecord, ValidatorChangeRecord, ValidatorKeysRecord, ValidatorRecord,
        ValidatorSetRecord,
    },
};

/// The state as it is and as it shall be.
pub(crate) struct Draft<'v, V> {
    view: &'v V,
    changes: Changes,
}

impl<'v, V: View> Draft<'v, V> {
    pub(crate) fn new(view: &'v V) -> Self {
        Self { view, changes: Changes::default() }
    }

    pub(crate) fn finish(self) -> Changes {
        self.changes
    }

    pub(crate) fn put(&mut self, key: Key, record: Record) {
        self.changes.writes.insert(key, Some(record));
    }

    pub(crate) fn remove(&mut self, key: Key) {
        self.changes.writes.insert(key, None);
    }

    pub(crate) fn tell(&mut self, event: Event) {
        self.changes.events.push(event);
    }

    pub(crate) fn has(&self, key: Key) -> Result<bool, ApplyError> {
        self.record(key).map(|record| record.is_some())
    }

    pub(crate) fn user(&self, user: UserId) -> Result<Option<UserRecord>, ApplyError> {
        self.typed(Key::User(user), |record| match record {
            Record::User(user) => Some(user),
            _ => None,
        })
    }

    pub(crate) fn device(&self, dev: DeviceId) -> Result<Option<DeviceRecord>, ApplyError> {
        self.typed(Key::Device(dev), |record| match record {
            Record::Device(device) => Some(device),
            _ => None,
        })
    }

    pub(crate) fn user_device(
        &self,
        user: UserId,
        number: u8,
    ) -> Result<Option<DeviceId>, ApplyError> {
        self.typed(Key::UserDevice(user, number), |record| match record {
            Record::DeviceId(dev) => Some(dev),
            _ => None,
        })
    }

    pub(crate) fn handle(&self, name: Handle) -> Result<Option<HandleRecord>, ApplyError> {
        self.typed(Key::Handle(name), |record| match record {
            Record::Handle(handle) => Some(handle),
            _ => None,
        })
    }

    pub(crate) fn pending(&self, dev: DeviceId) -> Result<Option<PendingRecord>, ApplyError> {
        self.typed(Key::Pending(dev), |record| match record {
            Record::Pending(pending) => Some(pending),
            _ => None,
        })
    }

    pub(crate) fn validator_set(&self) -> Result<Option<ValidatorSetRecord>, ApplyError> {
        self.typed(Key::ValidatorSet, |record| match record {
            Record::ValidatorSet(set) => Some(set),
            _ => None,
        })
    }

    pub(crate) fn validator_keys(
        &self,
        part: u8,
    ) -> Result<Option<ValidatorKeysRecord>, ApplyError> {
        self.typed(Key::ValidatorKeys(part), |record| match record {
            Record::ValidatorKeys(keys) => Some(keys),
            _ => None,
        })
    }

    pub(crate) fn validator_change(
        &self,
        number: u32,
    ) -> Result<Option<ValidatorChangeRecord>, ApplyError> {
        self.typed(Key::ValidatorChange(number), |record| match record {
            Record::ValidatorChange(change) => Some(change),
            _ => None,
        })
    }

    pub(crate) fn validator(
        &self,
        key: ValidatorKey,
    ) -> Result<Option<ValidatorRecord>, ApplyError> {
        self.typed(Key::Validator(key), |record| match record {
            Record::Validator(validator) => Some(validator),
            _ => None,
        })
    }

    pub(crate) fn anchors(&self) -> Result<Option<AnchorsRecord>, ApplyError> {
        self.typed(Key::Anchors, |record| match record {
            Record::Anchors(anchors) => Some(anchors),
            _ => None,
        })
    }

    pub(crate) fn meeting(&self, mid: MeetingId) -> Result<Option<MeetingRecord>, ApplyError> {
        self.typed(Key::Meeting(mid), |record| match record {
            Record::Meeting(meeting) => Some(meeting),
            _ => None,
        })
    }

    pub(crate) fn member(
        &self,
        mid: MeetingId,
        idx: MemberIdx,
    ) -> Result<Option<MemberRecord>, ApplyError> {
        self.typed(Key::Member(mid, idx), |record| match record {
            Record::Member(member) => Some(member),
            _ => None,
        })
    }

    pub(crate) fn roster(&self, mid: MeetingId) -> Result<Option<RosterRecord>, ApplyError> {
        self.typed(Key::Roster(mid), |record| match record {
            Record::Roster(roster) => Some(roster),
            _ => None,
        })
    }

    pub(crate) fn request_times(
        &self,
        mid: MeetingId,
        user: UserId,
    ) -> Result<Option<RequestTimes>, ApplyError> {
        self.typed(Key::RequestTimes(mid, user), |record| match record {
            Record::RequestTimes(times) => Some(times),
            _ => None,
        })
    }

    pub(crate) fn vote(
        &self,
        mid: MeetingId,
        user: UserId,
    ) -> Result<Option<VoteRecord>, ApplyError> {
        self.typed(Key::Vote(mid, user), |record| match record {
            Record::Vote(vote) => Some(vote),
            _ => None,
        })
    }

    /// Asks for all of `keys` at once, so that an executor loads them in one go.
    pub(crate) fn need(&self, keys: impl IntoIterator<Item = Key>) -> Result<(), ApplyError> {
        let missing: Vec<Key> =
            keys.into_iter().filter(|key| self.record(key.clone()).is_err()).collect();
        if missing.is_empty() { Ok(()) } else { Err(ApplyError::NotLoaded(missing)) }
    }

    fn typed<T>(
        &self,
        key: Key,
        pick: impl Fn(Record) -> Option<T>,
    ) -> Result<Option<T>, ApplyError> {
        match self.record(key.clone())? {
            None => Ok(None),
            Some(record) => pick(record).map(Some).ok_or(ApplyError::Corrupt(key)),
        }
    }

    fn record(&self, key: Key) -> Result<Option<Record>, ApplyError> {
        let writes: &BTreeMap<Key, Option<Record>> = &self.changes.writes;
        match writes.get(&key) {
            Some(record) => Ok(record.clone()),
            None => self.view.get(&key).map_err(|_| ApplyError::NotLoaded(vec![key])),
        }
    }
}
