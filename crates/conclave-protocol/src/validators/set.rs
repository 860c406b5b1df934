//! Which validators seal a block.

use super::{KEYS_PART, ValidatorChange};
use crate::{
    id::Height,
    key::ValidatorKey,
    params::Params,
    state::{ApplyError, Draft, Key, Rules, View},
};

/// The epoch of the validator set a block belongs to; the first blocks are of epoch 0.
pub fn epoch_of(params: &Params, height: Height) -> u64 {
    height.0.checked_div(length(params)).unwrap_or(0)
}

/// The last block of an epoch: the block after it may be sealed by another set.
pub fn last_height_of(params: &Params, epoch: u64) -> Height {
    Height(epoch.saturating_add(1).saturating_mul(length(params)).saturating_sub(1))
}

/// Whether `votes` of `members` decide: strictly more than two thirds.
pub fn is_quorum(votes: usize, members: usize) -> bool {
    votes.saturating_mul(3) > members.saturating_mul(2)
}

/// The validators that seal the block at `height`, in ascending order. `view` is any state of the
/// chain not older than the end of the epoch before.
///
/// # Errors
/// [`ApplyError::NotLoaded`] until the view has the named records.
pub fn validators_at(
    rules: &Rules,
    view: &impl View,
    height: Height,
) -> Result<Vec<ValidatorKey>, ApplyError> {
    in_force(rules, &Draft::new(view), epoch_of(&rules.params, height))
}

/// The validators that seal the blocks of the epoch after that of `height`, as far as it is agreed
/// in `view`.
///
/// # Errors
/// Those of [`validators_at`].
pub fn validators_after(
    rules: &Rules,
    view: &impl View,
    height: Height,
) -> Result<Vec<ValidatorKey>, ApplyError> {
    in_force(rules, &Draft::new(view), epoch_of(&rules.params, height).saturating_add(1))
}

/// The set of `epoch`: all agreed changes, without those that were not agreed before it began.
pub(crate) fn in_force<V: View>(
    rules: &Rules,
    draft: &Draft<'_, V>,
    epoch: u64,
) -> Result<Vec<ValidatorKey>, ApplyError> {
    let Some(set) = draft.validator_set()? else {
        return Ok(rules.validators.clone());
    };
    let parts = parts(set.members.into());
    let newest = set.changes.checked_sub(1).map(Key::ValidatorChange);
    draft.need((0..parts).map(Key::ValidatorKeys).chain(newest))?;
    let mut keys = Vec::with_capacity(set.members.into());
    for part in 0..parts {
        let key = Key::ValidatorKeys(part);
        keys.extend(draft.validator_keys(part)?.ok_or(ApplyError::Corrupt(key))?.into_vec());
    }
    for number in (0..set.changes).rev() {
        let key = Key::ValidatorChange(number);
        let record = draft.validator_change(number)?.ok_or(ApplyError::Corrupt(key))?;
        if epoch_of(&rules.params, record.agreed.height) < epoch {
            break;
        }
        replace(&mut keys, record.change.incoming(), record.change.outgoing());
    }
    Ok(keys)
}

/// The set after `change`, which must be possible.
pub(super) fn changed(mut keys: Vec<ValidatorKey>, change: &ValidatorChange) -> Vec<ValidatorKey> {
    replace(&mut keys, change.outgoing(), change.incoming());
    keys
}

/// How many records hold so many keys.
pub(super) fn parts(members: usize) -> u8 {
    u8::try_from(members.div_ceil(KEYS_PART)).unwrap_or(u8::MAX)
}

fn replace(keys: &mut Vec<ValidatorKey>, out: Option<ValidatorKey>, into: Option<ValidatorKey>) {
    keys.retain(|key| Some(*key) != out);
    keys.extend(into);
    keys.sort();
}

/// A genesis with shorter epochs than two blocks is refused; none is ever zero here.
fn length(params: &Params) -> u64 {
    params.epoch_blocks.max(1).into()
}
