//! What a person can do about their own user on the ledger.

use std::future::Future;

use super::Refused;
use crate::http::wire::{
    AcceptDevice, Disclosed, ForgetContact, Handed, Identity, Link, RevokeDevice, RotateKey,
};

/// The part of [`Backend`](super::Backend) that is about the identity ledger.
///
/// # Errors
/// As there.
pub trait IdentityBackend {
    /// Offers another machine to become a device of this user.
    fn offer_device(&self) -> impl Future<Output = Result<Handed, Refused>> + Send;

    /// Makes a key for the user that offers; answers what the offering device needs to add it.
    fn accept_device(
        &self,
        ask: AcceptDevice,
    ) -> impl Future<Output = Result<Handed, Refused>> + Send;

    /// Adds the device that accepted. Returns when it is final.
    fn add_device(&self, ask: Link) -> impl Future<Output = Result<(), Refused>> + Send;

    /// Revokes a device. Returns when it is final.
    fn revoke_device(&self, ask: RevokeDevice) -> impl Future<Output = Result<(), Refused>> + Send;

    /// Replaces the key of this device. Returns when it is final.
    fn rotate_key(&self, ask: RotateKey) -> impl Future<Output = Result<Identity, Refused>> + Send;

    /// The person knows about the changes that others made to their user.
    fn acknowledge_changes(&self) -> impl Future<Output = Result<(), Refused>> + Send;

    /// What shows a chosen person the info that the ledger hides (eq. 4).
    fn disclose(&self) -> impl Future<Output = Result<Handed, Refused>> + Send;

    /// Checks what somebody disclosed against the ledger.
    fn check_disclosure(
        &self,
        ask: Link,
    ) -> impl Future<Output = Result<Disclosed, Refused>> + Send;

    /// Forgets somebody this device met.
    fn forget_contact(
        &self,
        ask: ForgetContact,
    ) -> impl Future<Output = Result<(), Refused>> + Send;
}
