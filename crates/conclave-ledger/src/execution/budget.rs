//! The caps of a block; urgent kinds keep an eighth of it to themselves.

use conclave_protocol::Kind;

use crate::block::{MAX_BODY, MAX_TXS};

/// Room that is left in a block under execution.
#[derive(Debug)]
pub(crate) struct Budget {
    bytes: usize,
    txs: usize,
    ordinary_bytes: usize,
    ordinary_txs: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            bytes: MAX_BODY,
            txs: MAX_TXS,
            ordinary_bytes: MAX_BODY / 8 * 7,
            ordinary_txs: MAX_TXS / 8 * 7,
        }
    }
}

impl Budget {
    /// Whether a transaction of this kind and size still fits.
    pub(crate) const fn has_room(&self, kind: Kind, size: usize) -> bool {
        self.txs > 0
            && self.bytes >= size
            && (kind.is_urgent() || (self.ordinary_txs > 0 && self.ordinary_bytes >= size))
    }

    /// Takes the room of a transaction that fits.
    pub(crate) const fn take(&mut self, kind: Kind, size: usize) {
        self.txs = self.txs.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(size);
        if !kind.is_urgent() {
            self.ordinary_txs = self.ordinary_txs.saturating_sub(1);
            self.ordinary_bytes = self.ordinary_bytes.saturating_sub(size);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_traffic_cannot_fill_a_block() {
        let mut budget = Budget::default();
        while budget.has_room(Kind::Heartbeat, 1) {
            budget.take(Kind::Heartbeat, 1);
        }
        assert!(budget.has_room(Kind::EpochRecord, 1));
        let mut urgent = 0;
        while budget.has_room(Kind::MeetingLeave, 1) {
            budget.take(Kind::MeetingLeave, 1);
            urgent += 1;
        }
        assert_eq!(urgent, MAX_TXS / 8);
    }

    #[test]
    fn bytes_are_counted_too() {
        let mut budget = Budget::default();
        budget.take(Kind::EpochRecord, MAX_BODY - 10);
        assert!(budget.has_room(Kind::EpochRecord, 10));
        assert!(!budget.has_room(Kind::EpochRecord, 11));
        assert!(budget.has_room(Kind::Heartbeat, 10));
    }
}
