//! Names that users claim.

use crate::{
    codec::Text,
    id::{Position, Seconds, UserId},
};

/// A name a user claimed: `[a-z0-9][a-z0-9._-]{2,31}`.
pub type Handle = Text<32>;

/// How long a name rests between two users: a year of chain time.
pub const HANDLE_REST: u64 = 365 * 86_400;

/// Whether the text has the form of a handle. Small ASCII letters only: no two look alike by
/// script or case.
pub fn is_handle(name: &Handle) -> bool {
    let sound = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9');
    let bytes = name.as_str().as_bytes();
    bytes.len() >= 3
        && bytes.first().is_some_and(sound)
        && bytes.iter().all(|byte| sound(byte) || matches!(byte, b'.' | b'_' | b'-'))
}

/// Whose a name is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandleRecord {
    /// The user who claimed it last.
    pub user: UserId,
    /// Where it was claimed.
    pub claimed: Position,
    /// Since when the user has another name, or none.
    pub released: Option<Seconds>,
}

crate::fields!(HandleRecord { user, claimed, released });

impl HandleRecord {
    /// Whether `user` may claim the name at `now`.
    pub fn is_free_for(&self, user: UserId, now: Seconds) -> bool {
        self.user == user || self.released.is_some_and(|since| now.since(since) > HANDLE_REST)
    }
}
