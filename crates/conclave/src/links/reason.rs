//! Why a link ended, and the number that says so on the wire.

use iroh::endpoint::{ConnectionError, VarInt};

/// Why a link ended or could not be made.
///
/// What a peer says here is a claim: whether a meeting has ended or a member was removed is known
/// from the ledger only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The lobby has no place left, in all or for that network address.
    Busy,
    /// The meeting has ended.
    Ended,
    /// Nothing was said in the lobby for too long.
    Idle,
    /// The peer left the meeting, or the program was closed.
    Left,
    /// The network or the other program went silent.
    Lost,
    /// The key is not in the roster that the other end has.
    NotMember,
    /// The member was removed, or the guest was denied.
    Removed,
    /// Another link with the same peer took its place.
    Replaced,
    /// No address of the peer answered.
    Unreachable,
    /// The peer broke a rule of the transport.
    Violation,
}

impl Reason {
    /// The application error code of QUIC. Zero is what a dropped connection sends by itself.
    fn code(self) -> u32 {
        match self {
            Self::Lost | Self::Unreachable => 0,
            Self::Left => 1,
            Self::Ended => 2,
            Self::Removed => 3,
            Self::NotMember => 4,
            Self::Busy => 5,
            Self::Idle => 6,
            Self::Replaced => 7,
            Self::Violation => 8,
        }
    }

    pub(super) fn to_wire(self) -> VarInt {
        VarInt::from_u32(self.code())
    }

    fn from_wire(code: VarInt) -> Self {
        match code.into_inner() {
            1 => Self::Left,
            2 => Self::Ended,
            3 => Self::Removed,
            4 => Self::NotMember,
            5 => Self::Busy,
            6 => Self::Idle,
            7 => Self::Replaced,
            8 => Self::Violation,
            _ => Self::Lost,
        }
    }

    /// The reason in the error of a closed connection.
    pub(super) fn of(error: &ConnectionError) -> Self {
        match error {
            ConnectionError::ApplicationClosed(close) => Self::from_wire(close.error_code),
            _ => Self::Lost,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_of_the_wire_survives_it() {
        use Reason::*;
        for reason in [Busy, Ended, Idle, Left, NotMember, Removed, Replaced, Violation] {
            assert_eq!(Reason::from_wire(reason.to_wire()), reason);
        }
        assert_eq!(Reason::from_wire(VarInt::MAX), Lost);
    }
}
