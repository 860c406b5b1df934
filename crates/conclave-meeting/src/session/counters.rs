//! What a session counted: for the metrics page and for tests.

/// Packets and why some of them went nowhere. Never reset.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counters {
    /// Sealed by this device.
    pub sealed: u64,
    /// Opened and handed on.
    pub opened: u64,
    /// Opened after they were asked for again.
    pub repaired: u64,
    /// Sealed packets sent a second time because a member asked.
    pub repairs_sent: u64,
    /// Packets this device asked for.
    pub asked: u64,
    /// Own units not sealed: no key yet, or sending is stopped.
    pub unsent: u64,
    /// Refused: not from a member of the roster.
    pub foreign: u64,
    /// Refused: the key id names another member than the link does.
    pub wrong_sender: u64,
    /// Refused: no live epoch has that number.
    pub unknown_epoch: u64,
    /// Refused: the stream was not announced.
    pub undeclared: u64,
    /// Refused: seen before or too old.
    pub replayed: u64,
    /// Refused: the tag does not verify.
    pub not_authentic: u64,
    /// Refused: not a packet, not a message.
    pub malformed: u64,
    /// Refused: a bundle, acknowledgement or announcement that does not hold.
    pub bad_messages: u64,
}

impl Counters {
    /// Everything that came in and was refused.
    #[must_use]
    pub const fn refused(&self) -> u64 {
        let sum = self.foreign.saturating_add(self.wrong_sender);
        let sum = sum.saturating_add(self.unknown_epoch).saturating_add(self.undeclared);
        let sum = sum.saturating_add(self.replayed).saturating_add(self.not_authentic);
        sum.saturating_add(self.malformed).saturating_add(self.bad_messages)
    }

    pub(super) const fn count(counter: &mut u64) {
        *counter = counter.saturating_add(1);
    }
}
