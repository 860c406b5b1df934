//! What a device asked for and may be given later, if nobody senior objects.

use crate::{
    id::{DeviceId, Seconds, UserId},
    key::Ivk,
};

/// One wish, under the id of the device that asked; a device has one at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingRecord {
    /// Whose device.
    pub user: UserId,
    /// What it asked.
    pub wish: Wish,
    /// When it may be asked again and happens.
    pub due: Seconds,
}

crate::fields!(PendingRecord { user, wish, due });

/// What waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// A senior device is to be out.
    Revocation(DeviceId),
    /// The device this stands under is to take the place of all others.
    Recovery(Recovery),
    /// The recovery key is to be this one, or none.
    RecoveryKey(Option<Ivk>),
}

crate::variants!(Wish {
    0 => Revocation(dev: DeviceId),
    1 => Recovery(recovery: Recovery),
    2 => RecoveryKey(ivk: Option<Ivk>),
});

/// A recovery that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// The key of the device to come.
    pub ivk: Ivk,
    /// The recovery key from then on.
    pub recovery_ivk: Option<Ivk>,
    /// The recovery key that asked: it may finish what it began, whatever key is set meanwhile.
    pub by: Ivk,
}

crate::fields!(Recovery { ivk, recovery_ivk, by });
