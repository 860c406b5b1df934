//! The rules of what validators say.

use super::{
    AnchorEntry, AnchorRecord, AnchorsRecord, CastVote, KEYS_PART, ValidatorChange,
    ValidatorChangeRecord, ValidatorRecord, ValidatorSetRecord, ValidatorVote, epoch_of, in_force,
    is_quorum,
    set::{changed, parts},
};
use crate::{
    codec::List,
    id::Position,
    key::ValidatorKey,
    params::MAX_VALIDATORS,
    state::{ApplyError, Draft, Event, Key, Record, Refusal, Rules, View, require},
    tx::{Body, Tx},
};

/// Carries out what only validators may say; whether `tx` is of that kind.
pub(crate) fn apply<V: View>(
    rules: &Rules,
    at: Position,
    draft: &mut Draft<'_, V>,
    tx: &Tx,
) -> Result<bool, ApplyError> {
    let Some(signer) = tx.validator() else { return Ok(false) };
    let set = in_force(rules, draft, epoch_of(&rules.params, at.height))?;
    require(set.contains(&signer), Refusal::NotAValidator)?;
    let call = Call { rules, at, signer, set };
    call.spend(draft, tx.nonce)?;
    match &tx.body {
        Body::ValidatorVote(body) => call.vote(draft, body)?,
        Body::AnchorRecord(body) => call.anchor(draft, body)?,
        _ => return Ok(false),
    }
    Ok(true)
}

struct Call<'a> {
    rules: &'a Rules,
    at: Position,
    signer: ValidatorKey,
    /// The set in force.
    set: Vec<ValidatorKey>,
}

impl Call<'_> {
    /// Takes the nonce and a token of the validator.
    fn spend<V: View>(&self, draft: &mut Draft<'_, V>, nonce: u64) -> Result<(), ApplyError> {
        let params = &self.rules.params;
        let mut record = draft
            .validator(self.signer)?
            .unwrap_or_else(|| ValidatorRecord::new(params, self.at.time));
        require(nonce == record.next_nonce, Refusal::WrongNonce)?;
        let (tokens, refilled) = params.tokens_at(record.tokens, record.refilled, self.at.time);
        record.tokens = tokens.checked_sub(1).ok_or(Refusal::TooManyTransactions)?;
        record.refilled = refilled;
        record.next_nonce = nonce.checked_add(1).ok_or(Refusal::WrongNonce)?;
        draft.put(Key::Validator(self.signer), Record::Validator(record));
        Ok(())
    }

    /// 0x10: a vote, and the change if it was the vote that decides.
    fn vote<V: View>(
        &self,
        draft: &mut Draft<'_, V>,
        body: &ValidatorVote,
    ) -> Result<(), ApplyError> {
        let changes = draft.validator_set()?.map_or(0, |set| set.changes);
        require(!self.is_pending(draft, changes)?, Refusal::ChangePending)?;
        require(body.seq == changes, Refusal::StaleSeq)?;
        self.check(draft, &body.change)?;
        let vote = CastVote { seq: body.seq, change: body.change.digest() };
        let mut record = draft.validator(self.signer)?.ok_or(Refusal::NotAValidator)?;
        require(record.vote != Some(vote), Refusal::VotedAlready)?;
        record.vote = Some(vote);
        draft.put(Key::Validator(self.signer), Record::Validator(record));
        draft.tell(Event::ValidatorVoted { key: self.signer, seq: body.seq });
        if is_quorum(self.count(draft, vote)?, self.set.len()) {
            self.agree(draft, body)?;
        }
        Ok(())
    }

    /// Whether a change was agreed in this epoch.
    fn is_pending<V: View>(&self, draft: &Draft<'_, V>, changes: u32) -> Result<bool, ApplyError> {
        let Some(newest) = changes.checked_sub(1) else { return Ok(false) };
        let key = Key::ValidatorChange(newest);
        let record = draft.validator_change(newest)?.ok_or(ApplyError::Corrupt(key))?;
        let params = &self.rules.params;
        Ok(epoch_of(params, record.agreed.height) >= epoch_of(params, self.at.height))
    }

    /// Whether the change can be made to the set in force.
    fn check<V: View>(
        &self,
        draft: &Draft<'_, V>,
        change: &ValidatorChange,
    ) -> Result<(), ApplyError> {
        if let Some(out) = change.outgoing() {
            require(self.set.contains(&out), Refusal::UnknownValidator)?;
        }
        match change.incoming() {
            None => require(self.set.len() > 1, Refusal::LastValidator)?,
            Some(key) => {
                key.check().map_err(Refusal::Weak)?;
                // Every key that was ever in a set is of the genesis, or has had a record since.
                let used =
                    self.rules.validators.contains(&key) || draft.has(Key::Validator(key))?;
                require(!used, Refusal::ValidatorKeyUsed)?;
                let grows = change.outgoing().is_none();
                require(!grows || self.set.len() < MAX_VALIDATORS, Refusal::TooManyValidators)?;
            }
        }
        Ok(())
    }

    /// How many of the set in force have this very vote.
    fn count<V: View>(&self, draft: &Draft<'_, V>, vote: CastVote) -> Result<usize, ApplyError> {
        draft.need(self.set.iter().copied().map(Key::Validator))?;
        let mut votes = 0_usize;
        for key in &self.set {
            if draft.validator(*key)?.is_some_and(|record| record.vote == Some(vote)) {
                votes = votes.saturating_add(1);
            }
        }
        Ok(votes)
    }

    /// The change is agreed: written down, in force from the next epoch on.
    fn agree<V: View>(
        &self,
        draft: &mut Draft<'_, V>,
        body: &ValidatorVote,
    ) -> Result<(), ApplyError> {
        let keys = changed(self.set.clone(), &body.change);
        let set = ValidatorSetRecord {
            changes: body.seq.checked_add(1).ok_or(Refusal::StaleSeq)?,
            members: u8::try_from(keys.len()).map_err(|_| Refusal::TooManyValidators)?,
        };
        draft.put(Key::ValidatorSet, Record::ValidatorSet(set));
        for (part, keys) in (0_u8..).zip(keys.chunks(KEYS_PART)) {
            let keys = List::new(keys).map_err(|_| Refusal::TooManyValidators)?;
            draft.put(Key::ValidatorKeys(part), Record::ValidatorKeys(keys));
        }
        // The set of the genesis is kept in no record.
        let stored = if body.seq == 0 { 0 } else { parts(self.set.len()) };
        for part in parts(keys.len())..stored {
            draft.remove(Key::ValidatorKeys(part));
        }
        let record = ValidatorChangeRecord { change: body.change.clone(), agreed: self.at };
        draft.put(Key::ValidatorChange(body.seq), Record::ValidatorChange(record));
        if let Some(key) = body.change.incoming() {
            let record = ValidatorRecord::new(&self.rules.params, self.at.time);
            draft.put(Key::Validator(key), Record::Validator(record));
        }
        draft.tell(Event::ValidatorChangeAgreed { number: body.seq });
        Ok(())
    }

    /// 0x11: where a block of this network was written down elsewhere.
    fn anchor<V: View>(
        &self,
        draft: &mut Draft<'_, V>,
        body: &AnchorRecord,
    ) -> Result<(), ApplyError> {
        require(body.height < self.at.height, Refusal::AnchorAhead)?;
        let anchors = draft.anchors()?;
        let number = anchors.map_or(0, |anchors| anchors.count);
        let anchors = AnchorsRecord {
            count: number.checked_add(1).ok_or(Refusal::TooManyTransactions)?,
            newest: anchors.map_or(body.height, |anchors| anchors.newest.max(body.height)),
        };
        let entry = AnchorEntry {
            height: body.height,
            header: body.header,
            place: body.anchor,
            by: self.signer,
            at: self.at,
        };
        draft.put(Key::Anchors, Record::Anchors(anchors));
        draft.put(Key::Anchor(number), Record::Anchor(entry));
        draft.tell(Event::AnchorRecorded { number, height: body.height });
        Ok(())
    }
}
