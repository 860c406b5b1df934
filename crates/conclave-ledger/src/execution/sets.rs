//! Which validators seal the next epoch, read from the state blocks are executed on.

use conclave_protocol::{
    ApplyError, Height, Key, Record, Rules, ValidatorKey, View as _, validators_after,
    validators_at,
};

use super::{MAX_LOADS, Overlay, Source};

/// A set that was agreed on and is in force from the next epoch on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct NextSet {
    /// Its members, ascending.
    pub(crate) keys: Vec<ValidatorKey>,
    /// Where the member that comes in is reached, `host:port`.
    pub(crate) contact: Option<(ValidatorKey, String)>,
}

/// The validators of the epoch after that of `height`, as this state agrees on them.
pub(crate) async fn next_validators<S: Source>(
    rules: &Rules,
    overlay: &mut Overlay<'_, S>,
    height: u64,
) -> Option<Vec<ValidatorKey>> {
    for _ in 0..MAX_LOADS {
        match validators_after(rules, &*overlay, Height(height)) {
            Ok(keys) => return Some(keys),
            Err(ApplyError::NotLoaded(missing)) => overlay.load(&missing).await,
            Err(_) => return None,
        }
    }
    None
}

/// The set of the epoch after that of `height`, if it is another one.
pub(crate) async fn next_set<S: Source>(rules: &Rules, source: &S, height: u64) -> Option<NextSet> {
    let mut overlay = Overlay::new(source);
    let keys = next_validators(rules, &mut overlay, height).await?;
    let present = loop {
        match validators_at(rules, &overlay, Height(height)) {
            Ok(present) => break present,
            Err(ApplyError::NotLoaded(missing)) => overlay.load(&missing).await,
            Err(_) => return None,
        }
    };
    if keys == present {
        return None;
    }
    overlay.load(&[Key::ValidatorSet]).await;
    let Ok(Some(Record::ValidatorSet(set))) = overlay.get(&Key::ValidatorSet) else { return None };
    let newest = Key::ValidatorChange(set.changes.checked_sub(1)?);
    overlay.load(std::slice::from_ref(&newest)).await;
    let Ok(Some(Record::ValidatorChange(record))) = overlay.get(&newest) else { return None };
    let contact = record.change.incoming().zip(record.change.contact());
    let contact = contact.map(|(key, contact)| (key, contact.p2p.as_str().to_owned()));
    Some(NextSet { keys, contact })
}
