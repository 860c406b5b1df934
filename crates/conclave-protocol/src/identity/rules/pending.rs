//! What waits until others had the time to object.

use super::{Change, chain::bind};
use crate::{
    identity::{Cancel, PendingRecord, SetRecoveryKey, Wish},
    state::{ApplyError, Draft, Event, Key, Record, Refusal, View, require},
};

impl Change<'_> {
    /// Whether the signer asked for this before, long enough ago; if not, it has asked for it now.
    pub(super) fn may_happen<V: View>(
        &self,
        draft: &mut Draft<'_, V>,
        wish: Wish,
    ) -> Result<bool, ApplyError> {
        let dev = self.tx.signer;
        if let Some(pending) = draft.pending(dev)?.filter(|pending| pending.wish == wish) {
            require(self.at.time >= pending.due, Refusal::NotYet)?;
            draft.remove(Key::Pending(dev));
            return Ok(true);
        }
        let user = self.signer.user;
        let due = self.at.time.plus(self.params.junior_delay.into());
        draft.put(Key::Pending(dev), Record::Pending(PendingRecord { user, wish, due }));
        draft.tell(Event::ChangeAsked { user, dev });
        Ok(false)
    }

    pub(super) fn set_recovery_key<V: View>(
        &self,
        draft: &mut Draft<'_, V>,
        body: &SetRecoveryKey,
    ) -> Result<(), ApplyError> {
        let mut user = self.next(draft, body.user, body.seq, body.prev)?;
        if let Some(ivk) = body.recovery_ivk {
            ivk.check().map_err(Refusal::from)?;
            require(!draft.has(Key::IvkIndex(ivk))?, Refusal::IvkTaken)?;
        }
        let wish = Wish::RecoveryKey(body.recovery_ivk);
        // Who found a device unlocked must not shut out the owner's recovery sheet at once.
        if user.recovery_ivk.is_none() || self.may_happen(draft, wish)? {
            if let Some(ivk) = body.recovery_ivk {
                bind(draft, ivk, self.tx.signer)?;
            }
            user.recovery_ivk = body.recovery_ivk;
            draft.tell(Event::RecoveryKeySet { user: body.user });
        }
        draft.put(Key::User(body.user), Record::User(user));
        Ok(())
    }

    pub(super) fn cancel<V: View>(
        &self,
        draft: &mut Draft<'_, V>,
        body: &Cancel,
    ) -> Result<(), ApplyError> {
        let user = self.next(draft, body.user, body.seq, body.prev)?;
        let pending = draft.pending(body.dev)?.ok_or(Refusal::NothingPending)?;
        require(pending.user == body.user, Refusal::NotTheSigner)?;
        if !matches!(pending.wish, Wish::Recovery(_)) {
            let asked = draft.device(body.dev)?.ok_or(Refusal::UnknownDevice)?;
            require(self.signer.seniority <= asked.seniority, Refusal::JuniorDevice)?;
        }
        draft.remove(Key::Pending(body.dev));
        draft.put(Key::User(body.user), Record::User(user));
        draft.tell(Event::ChangeCancelled { user: body.user, dev: body.dev });
        Ok(())
    }
}
