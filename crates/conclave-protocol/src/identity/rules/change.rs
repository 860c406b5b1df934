//! Changes of a user that exists.

use super::chain::succeed;
use crate::{
    id::{Digest, Position, UserId},
    identity::{
        ClaimHandle, DeviceRecord, HandleRecord, UpdateInfo, UserRecord, chunks, is_handle,
    },
    params::Params,
    state::{ApplyError, Draft, Event, Key, Record, Refusal, View, require},
    tx::{Body, Tx},
};

/// One change, by a device whose nonce is taken already.
pub(crate) struct Change<'a> {
    pub(crate) params: &'a Params,
    pub(crate) at: Position,
    pub(crate) tx: &'a Tx,
    pub(crate) signer: &'a DeviceRecord,
}

impl Change<'_> {
    /// Carries the change out if it is one; whether it was.
    pub(crate) fn apply<V: View>(&self, draft: &mut Draft<'_, V>) -> Result<bool, ApplyError> {
        match &self.tx.body {
            Body::AddDevice(body) => self.add(draft, body)?,
            Body::RevokeDevice(body) => self.revoke(draft, body)?,
            Body::RotateKey(body) => self.rotate(draft, body)?,
            Body::UpdateInfo(body) => self.update(draft, body)?,
            Body::ClaimHandle(body) => self.claim_handle(draft, body)?,
            Body::Cancel(body) => self.cancel(draft, body)?,
            Body::SetRecoveryKey(body) => self.set_recovery_key(draft, body)?,
            Body::AnchorRecord(_)
            | Body::EpochRecord(_)
            | Body::Heartbeat(_)
            | Body::LeaderReassign(_)
            | Body::MeetingPolicy(_)
            | Body::PruneMeeting(_)
            | Body::RefreshKeys(_)
            | Body::VoteLeader(_)
            | Body::MeetingDismiss(_)
            | Body::MeetingLeave(_)
            | Body::MeetingRequest(_)
            | Body::PublishMeeting(_)
            | Body::Recover(_)
            | Body::RegisterUser(_)
            | Body::ValidatorVote(_) => return Ok(false),
        }
        Ok(true)
    }

    fn update<V: View>(
        &self,
        draft: &mut Draft<'_, V>,
        body: &UpdateInfo,
    ) -> Result<(), ApplyError> {
        let mut user = self.next(draft, body.user, body.seq, body.prev)?;
        let before = user.info_chunks;
        user.info_chunks = 0;
        for chunk in chunks(&body.info) {
            draft.put(Key::UserInfo(body.user, user.info_chunks), Record::Info(chunk));
            user.info_chunks = user.info_chunks.saturating_add(1);
        }
        for part in user.info_chunks..before {
            draft.remove(Key::UserInfo(body.user, part));
        }
        draft.put(Key::User(body.user), Record::User(user));
        draft.tell(Event::InfoUpdated { user: body.user });
        Ok(())
    }

    fn claim_handle<V: View>(
        &self,
        draft: &mut Draft<'_, V>,
        body: &ClaimHandle,
    ) -> Result<(), ApplyError> {
        let mut user = self.next(draft, body.user, body.seq, body.prev)?;
        require(is_handle(&body.name), Refusal::BadHandle)?;
        let held = draft.handle(body.name.clone())?;
        let free = held.is_none_or(|held| held.is_free_for(body.user, self.at.time));
        require(free, Refusal::HandleTaken)?;
        if user.handle.as_ref() != Some(&body.name) {
            self.release_handle(draft, &mut user)?;
            user.handle = Some(body.name.clone());
            let record = HandleRecord { user: body.user, claimed: self.at, released: None };
            draft.put(Key::Handle(body.name.clone()), Record::Handle(record));
        }
        draft.put(Key::User(body.user), Record::User(user));
        draft.tell(Event::HandleClaimed { user: body.user });
        Ok(())
    }

    /// The user's name rests from now on.
    pub(super) fn release_handle<V: View>(
        &self,
        draft: &mut Draft<'_, V>,
        user: &mut UserRecord,
    ) -> Result<(), ApplyError> {
        if let Some(name) = user.handle.take()
            && let Some(held) = draft.handle(name.clone())?
        {
            let record = HandleRecord { released: Some(self.at.time), ..held };
            draft.put(Key::Handle(name), Record::Handle(record));
        }
        Ok(())
    }

    /// The user with this transaction as the newest change, if it is the next one in its chain and
    /// the signer may make it.
    pub(super) fn next<V: View>(
        &self,
        draft: &Draft<'_, V>,
        user: UserId,
        seq: u32,
        prev: Digest,
    ) -> Result<UserRecord, ApplyError> {
        require(user == self.signer.user, Refusal::NotTheSigner)?;
        let record = draft.user(user)?.ok_or(Refusal::UnknownUser)?;
        succeed(self.tx, record, seq, prev)
    }
}
