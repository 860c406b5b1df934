//! Identifiers and counters, each its own type.

use std::{fmt, str::FromStr};

use sha2::{Digest as _, Sha256};

use crate::codec::newtype;

/// A SHA-256 hash of canonical bytes.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// SHA-256 over the concatenation of `parts`.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part);
        }
        Self(hash.finalize().into())
    }
}

/// The network: SHA-256 of its genesis.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChainId(pub [u8; 32]);

/// A device: SHA-256 of its user and its first key; survives key rotation.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId(pub [u8; 32]);

/// A meeting: 32 random bytes, used once per network.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MeetingId(pub [u8; 32]);

/// A transaction: SHA-256 of its full encoding.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TxId(pub [u8; 32]);

/// A user: SHA-256 of network, first key and salt, so nobody can squat one.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(pub [u8; 32]);

/// Not 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not 64 hexadecimal digits")]
pub struct NotHex;

macro_rules! bytes32 {
    ($($name:ident)*) => { $(
        impl $name {
            /// The bytes.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }

            /// All 64 hexadecimal digits.
            pub fn to_hex(&self) -> String {
                hex::encode(self.0)
            }
        }

        impl From<[u8; 32]> for $name {
            fn from(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        short_debug!($name);

        impl FromStr for $name {
            type Err = NotHex;

            fn from_str(text: &str) -> Result<Self, NotHex> {
                let mut bytes = [0; 32];
                hex::decode_to_slice(text, &mut bytes).map_err(|_| NotHex)?;
                Ok(Self(bytes))
            }
        }

        newtype!($name([u8; 32]));
    )* };
}

macro_rules! short_debug {
    ($($name:ident)*) => { $(
        /// The first 8 hexadecimal digits.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let [a, b, c, d, ..] = self.0;
                write!(f, "{a:02x}{b:02x}{c:02x}{d:02x}")
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    )* };
}

macro_rules! counter {
    ($($(#[$doc:meta])* $name:ident($inner:ty))*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl $name {
            /// The one after, or the last one there is.
            pub const fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }
        }

        newtype!($name($inner));
    )* };
}

pub(crate) use short_debug;

bytes32!(Digest ChainId DeviceId MeetingId TxId UserId);

counter! {
    /// A key generation of a meeting: 0 before the first key, then one more per EpochRecord.
    Epoch(u32)
    /// A block number.
    Height(u64)
    /// The number a meeting gave to one request; never used again in that meeting.
    MemberIdx(u16)
    /// Chain time: the whole seconds of a block's `time_ms`.
    Seconds(u64)
    /// A leader generation of a meeting, from 1.
    Term(u32)
}

impl Seconds {
    /// This time and `seconds` more.
    pub const fn plus(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// The seconds from `earlier` to this time, 0 if it is not earlier.
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Where a transaction stands: orders use (height, index), durations use time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Number of the block.
    pub height: Height,
    /// Place of the transaction in its block.
    pub index: u32,
    /// Chain time of the block.
    pub time: Seconds,
}

crate::fields!(Position { height, index, time });
