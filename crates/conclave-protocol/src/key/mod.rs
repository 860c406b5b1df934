//! Public keys, signatures, and the one trait behind which secret keys stay.

mod ivk;
mod signature;
mod signer;
pub(crate) mod weak;

use std::fmt;

use crate::{codec::newtype, id::short_debug};

pub use ivk::{Algorithm, Ivk};
pub use signature::Signature;
pub use signer::{Ed448Signer, Ed25519Signer, Secp256k1Signer, Signer, signer};
pub use weak::WeakKey;

/// Exchange key of one device in one meeting (EPK, eqs. 5 and 8): X25519.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epk(pub [u8; 32]);

impl Epk {
    /// Refuses the points whose shared secret is zero whatever the other side's key.
    ///
    /// # Errors
    /// [`WeakKey::SmallOrder`].
    pub fn check(&self) -> Result<(), WeakKey> {
        let mut point = self.0;
        // X25519 ignores the top bit (RFC 7748, section 5).
        if let Some(last) = point.last_mut() {
            *last &= 0x7f;
        }
        if LOW_ORDER_X25519.contains(&point) { Err(WeakKey::SmallOrder) } else { Ok(()) }
    }
}

/// Transport and media key of one device in one meeting (NPK): Ed25519.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Npk(pub [u8; 32]);

impl Npk {
    /// Whether this key may enter a meeting.
    ///
    /// # Errors
    /// See [`WeakKey`].
    pub fn check(&self) -> Result<(), WeakKey> {
        weak::check_ed25519(&self.0)
    }
}

/// Key of a validator, fixed in the genesis: Ed25519.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValidatorKey(pub [u8; 32]);

impl ValidatorKey {
    /// Whether this key may stand in a genesis.
    ///
    /// # Errors
    /// See [`WeakKey`].
    pub fn check(&self) -> Result<(), WeakKey> {
        weak::check_ed25519(&self.0)
    }
}

short_debug!(Epk Npk ValidatorKey);
newtype!(Epk([u8; 32]));
newtype!(Npk([u8; 32]));
newtype!(ValidatorKey([u8; 32]));

/// Every encoding below 2^255 of a point of order 1, 2, 4 or 8 on the curve or its twist.
const LOW_ORDER_X25519: [[u8; 32]; 7] = [
    [0; 32],
    [
        1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0,
    ],
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4,
        0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49,
        0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef,
        0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f,
        0x11, 0x57,
    ],
    field_prime(0xec),
    field_prime(0xed),
    field_prime(0xee),
];

/// A number next to p = 2^255 - 19, little-endian; p itself ends in 0xed.
const fn field_prime(low: u8) -> [u8; 32] {
    let f = 0xff;
    [
        low, f, f, f, f, f, f, f, f, f, f, f, f, f, f, f, f, f, f, f, f, f, f, f, f, f, f, f, f, f,
        f, 0x7f,
    ]
}
