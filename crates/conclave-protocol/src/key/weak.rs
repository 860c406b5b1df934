//! Public keys that must never be registered.
//!
//! A key is judged once, when it enters a ledger. ZIP-215 accepts every encoding and every point,
//! the identity among them, under which the signature (identity, 0) holds for any message.

use curve25519_dalek::edwards::CompressedEdwardsY;
use ed448_goldilocks::{
    AffinePoint, CompressedEdwardsY as CompressedEd448, EdwardsPoint, elliptic_curve::Group,
};

/// Why a public key is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[non_exhaustive]
pub enum WeakKey {
    /// The bytes are not the one canonical form of a point.
    #[error("key is not in canonical form")]
    NotCanonical,
    /// The bytes are no point of the curve.
    #[error("key is not a point of the curve")]
    NotAPoint,
    /// The point has small order: anyone could sign as it, or know its shared secrets.
    #[error("key has small order")]
    SmallOrder,
    /// The point has a part of small order: verifiers would not agree on its signatures.
    #[error("key is not of prime order")]
    MixedOrder,
}

/// On the curve, canonical, not of small order.
pub(crate) fn check_ed25519(bytes: &[u8; 32]) -> Result<(), WeakKey> {
    let point = CompressedEdwardsY(*bytes).decompress().ok_or(WeakKey::NotAPoint)?;
    if point.compress().as_bytes() != bytes {
        return Err(WeakKey::NotCanonical);
    }
    if point.is_small_order() { Err(WeakKey::SmallOrder) } else { Ok(()) }
}

/// A compressed point of the curve. The group has prime order, and its neutral point no such form.
pub(crate) fn check_secp256k1(bytes: &[u8; 33]) -> Result<(), WeakKey> {
    if !matches!(bytes.first(), Some(2 | 3)) {
        return Err(WeakKey::NotCanonical);
    }
    k256::PublicKey::from_sec1_bytes(bytes).map(drop).map_err(|_| WeakKey::NotAPoint)
}

/// On the curve, canonical, of prime order.
pub(crate) fn check_ed448(bytes: &[u8; 57]) -> Result<(), WeakKey> {
    let point: Option<AffinePoint> = CompressedEd448(*bytes).decompress_unchecked().into();
    let point = point.filter(|point| point.is_on_curve().into()).ok_or(WeakKey::NotAPoint)?;
    if point.compress().as_bytes() != bytes {
        return Err(WeakKey::NotCanonical);
    }
    let point: EdwardsPoint = point.to_edwards();
    if point.double().double().is_identity().into() {
        return Err(WeakKey::SmallOrder);
    }
    if point.is_torsion_free().into() { Ok(()) } else { Err(WeakKey::MixedOrder) }
}
