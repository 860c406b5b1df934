//! What somebody may have meant: a height, an id, the beginning of one, a handle, a key.

use conclave_protocol::{
    DeviceId, Key, MeetingId, Record, TxId, UserId, ValidatorKey,
    identity::{Handle, is_handle},
};

use super::{
    Explorer,
    subject::Subject,
    wire::{Found, Target, TargetKind},
};

/// Fewest digits of a beginning.
const FEWEST: usize = 8;

/// Longest question; a longer one means nothing.
const LONGEST: usize = 128;

/// Most answers.
const HITS: usize = 20;

impl Explorer {
    /// Everything the text may stand for, what is most likely first.
    pub(super) async fn search(&self, text: &str) -> Found {
        let mut found = Found { reach: self.reach(), ..Found::default() };
        let text = text.trim();
        if text.is_empty() || text.len() > LONGEST {
            return found;
        }
        if let Ok(height) = text.replace([' ', ','], "").parse::<u64>()
            && (1..=self.0.validator.status().height.0).contains(&height)
        {
            found.hits.push(target(TargetKind::Block, height.to_string()));
        }
        let digits: String = text.chars().filter(|c| !matches!(c, ' ' | ':')).collect();
        let digits = digits.to_ascii_lowercase();
        let digits = digits.trim_end_matches('\u{2026}').trim_start_matches("0x");
        if let Ok(id) = digits.parse::<TxId>() {
            self.by_id(id.0, &mut found.hits).await;
        } else if let Some((low, high)) = range(digits) {
            found.recent_only = true;
            self.by_beginning(low, high, &mut found.hits).await;
        }
        let name = text.trim_start_matches('@').to_ascii_lowercase();
        if let Ok(handle) = Handle::new(&name)
            && is_handle(&handle)
            && let Some(Record::Handle(record)) = self.record(Key::Handle(handle)).await
        {
            found.hits.push(target(TargetKind::User, record.user.to_hex()));
        }
        found.hits.truncate(HITS);
        found
    }

    /// A whole id: the state is asked, and the validator's memory of transactions.
    async fn by_id(&self, id: [u8; 32], hits: &mut Vec<Target>) {
        let hex = hex::encode(id);
        if self.record(Key::User(UserId(id))).await.is_some() {
            hits.push(target(TargetKind::User, hex.clone()));
        }
        if self.record(Key::Device(DeviceId(id))).await.is_some() {
            hits.push(target(TargetKind::Device, hex.clone()));
        }
        if self.record(Key::Meeting(MeetingId(id))).await.is_some() {
            hits.push(target(TargetKind::Meeting, hex.clone()));
        }
        if self.is_validator(ValidatorKey(id)).await {
            hits.push(target(TargetKind::Validator, hex.clone()));
        }
        if let Some(height) = self.index().by_digest(id, id) {
            hits.push(target(TargetKind::Block, height.to_string()));
        }
        if self.0.validator.transaction(&TxId(id)).await.is_ok() {
            hits.push(target(TargetKind::Tx, hex));
        }
    }

    /// The beginning of an id: only what is remembered can be found by it.
    async fn by_beginning(&self, low: [u8; 32], high: [u8; 32], hits: &mut Vec<Target>) {
        let set = self.set(self.0.validator.status().height).await;
        let index = self.index();
        let (subjects, txs) = index.between(low, high);
        for subject in subjects.into_iter().take(HITS) {
            hits.push(match subject {
                Subject::User(id) => target(TargetKind::User, id.to_hex()),
                Subject::Device(id) => target(TargetKind::Device, id.to_hex()),
                Subject::Meeting(id) => target(TargetKind::Meeting, id.to_hex()),
                Subject::Validator(key) => target(TargetKind::Validator, hex::encode(key.0)),
            });
        }
        let keys = set.iter().filter(|key| (low..=high).contains(&key.0));
        for key in keys {
            let hit = target(TargetKind::Validator, hex::encode(key.0));
            if !hits.contains(&hit) {
                hits.push(hit);
            }
        }
        if let Some(height) = index.by_digest(low, high) {
            hits.push(target(TargetKind::Block, height.to_string()));
        }
        hits.extend(txs.iter().take(HITS).map(|id| target(TargetKind::Tx, id.to_hex())));
    }
}

const fn target(kind: TargetKind, id: String) -> Target {
    Target { kind, id }
}

/// The lowest and the highest id that begin with these digits; nothing if they are too few, or none.
fn range(digits: &str) -> Option<([u8; 32], [u8; 32])> {
    if !(FEWEST..64).contains(&digits.len()) || !digits.bytes().all(|c| c.is_ascii_hexdigit()) {
        return None;
    }
    let filled = |with: char| -> Option<[u8; 32]> {
        let text: String = digits.chars().chain(std::iter::repeat(with)).take(64).collect();
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(bytes)
    };
    Some((filled('0')?, filled('f')?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_has_eight_digits_at_least_and_means_everything_that_begins_so() {
        let (low, high) = range("0123456789").unwrap();
        assert_eq!(low[..6], [0x01, 0x23, 0x45, 0x67, 0x89, 0x00]);
        assert_eq!(high[..6], [0x01, 0x23, 0x45, 0x67, 0x89, 0xff]);
        // An odd digit counts too.
        assert_eq!(range("012345678").unwrap().1[4], 0x8f);
        for none in ["", "0123456", "0123456g", &"0".repeat(64), &"0".repeat(65)] {
            assert_eq!(range(none), None, "{none}");
        }
    }
}
