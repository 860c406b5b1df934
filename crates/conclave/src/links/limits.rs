//! What one peer may cost: section 12 of the protocol.

use std::time::Duration;

/// The largest message in a meeting, in bytes.
pub const MAX_MESSAGE: usize = 256 * 1024;

/// The largest message of whoever called the lobby, in bytes: a knock. The answer may be as large as
/// any other message, for it brings a guest its first key and the way to all members.
pub const MAX_LOBBY_MESSAGE: usize = 16 * 1024;

/// The limits that are enforced on what peers send. Rates are per second.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    /// Bytes of media.
    pub(super) media_rate: f64,
    pub(super) datagram_rate: f64,
    /// Messages; more are read later, not refused.
    pub(super) message_rate: f64,
    pub(super) message_burst: f64,
    /// Bytes from a stranger, after a burst that holds the first message.
    pub(super) lobby_rate: f64,
    pub(super) lobby_burst: f64,
    /// How long a stranger may say nothing.
    pub(super) lobby_idle: Duration,
    /// How long a stranger may wait for an answer: the life of a request.
    pub(super) lobby_stay: Duration,
    pub(super) strangers_per_source: usize,
    pub(super) strangers: usize,
    pub(super) handshakes_per_source: usize,
    pub(super) handshakes: usize,
    /// How long a handshake may take, and then the first message of a link.
    pub(super) handshake: Duration,
    /// How long a key may be unknown, because the other end saw a block first.
    pub(super) roster_lag: Duration,
    /// How long an attempt to reach a peer may take.
    pub(super) dial: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            media_rate: 20e6 / 8.0,
            datagram_rate: 3_000.0,
            message_rate: 20.0,
            message_burst: 200.0,
            lobby_rate: 4_000.0,
            lobby_burst: 16_384.0,
            lobby_idle: Duration::from_secs(10),
            lobby_stay: Duration::from_secs(600),
            strangers_per_source: 8,
            strangers: 64,
            handshakes_per_source: 32,
            handshakes: 256,
            handshake: Duration::from_secs(5),
            roster_lag: Duration::from_secs(1),
            dial: Duration::from_secs(10),
        }
    }
}
