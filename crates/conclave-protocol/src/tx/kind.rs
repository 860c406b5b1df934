//! The kinds of transactions and their numbers on the wire.

use crate::state::Ledger;

macro_rules! kinds {
    ($($(#[$doc:meta])* $tag:literal $name:ident $ledger:ident)*) => {
        /// A kind of transaction.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind { $($(#[$doc])* $name),* }

        impl Kind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The name as the paper writes it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),* }
            }

            /// The context of the signer's signature, `tx/<Kind>`.
            pub const fn context(self) -> &'static str {
                match self { $(Self::$name => concat!("tx/", stringify!($name))),* }
            }

            /// The section of a block it belongs to.
            pub const fn ledger(self) -> Ledger {
                match self { $(Self::$name => Ledger::$ledger),* }
            }
        }

        crate::tags!(Kind { $($tag => $name),* });
    };
}

kinds! {
    /// A further device of a user.
    0x02 AddDevice Identity
    /// The hash of a block stands on another network (section V.B(3)).
    0x11 AnchorRecord Identity
    /// What a device waits for does not happen.
    0x08 Cancel Identity
    /// A user takes a name.
    0x06 ClaimHandle Identity
    /// Admissions, removals and the commitment to a new key (eq. 16 made public as a hash).
    0x23 EpochRecord Meeting
    /// The leader renews its lease.
    0x26 Heartbeat Meeting
    /// A member takes the chair (eqs. 19-21).
    0x24 LeaderReassign Meeting
    /// The leader ends the meeting (eqs. 22, 23).
    0x27 MeetingDismiss Meeting
    /// A member goes.
    0x22 MeetingLeave Meeting
    /// The leader opens or locks the door.
    0x29 MeetingPolicy Meeting
    /// A device asks to join (eqs. 9, 10).
    0x21 MeetingRequest Meeting
    /// A meeting that is long over leaves the state, in parts.
    0x2a PruneMeeting Meeting
    /// A new meeting (eqs. 6, 7).
    0x20 PublishMeeting Meeting
    /// A member puts other exchange keys in the place of its own.
    0x28 RefreshKeys Meeting
    /// The recovery key brings a new device in the place of all others.
    0x07 Recover Identity
    /// A new user with its first device (eqs. 2, 3).
    0x01 RegisterUser Identity
    /// A device is out for ever.
    0x03 RevokeDevice Identity
    /// A device takes another key.
    0x04 RotateKey Identity
    /// Another recovery key.
    0x09 SetRecoveryKey Identity
    /// A user says something else about themselves.
    0x05 UpdateInfo Identity
    /// A validator would have its set changed (section V.B(4)).
    0x10 ValidatorVote Identity
    /// A user would have somebody else lead.
    0x25 VoteLeader Meeting
}

impl Kind {
    /// Whether it shares the part of a block that ordinary traffic cannot fill.
    pub const fn is_urgent(self) -> bool {
        matches!(
            self,
            Self::Cancel
                | Self::EpochRecord
                | Self::LeaderReassign
                | Self::MeetingDismiss
                | Self::MeetingLeave
                | Self::Recover
                | Self::RevokeDevice
                | Self::ValidatorVote
        )
    }

    /// Whether a validator signs it, under the key that the envelope names in the place of a
    /// device.
    pub const fn is_by_validator(self) -> bool {
        matches!(self, Self::AnchorRecord | Self::ValidatorVote)
    }
}
