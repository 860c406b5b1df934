//! The transactions of a meeting, all but the epoch record.

use crate::{
    codec::{Buf, BufMut, EncodeSize, Error, Read, ReadExt, Write, encode},
    id::{DeviceId, Digest, Epoch, MeetingId, MemberIdx, Term, UserId},
    identity::UserInfo,
    key::{Epk, Ivk, Npk},
};

/// Transaction 0x20: a new meeting, led by the device that signs (eqs. 6 and 7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishMeeting {
    /// Random, never used before on this network.
    pub mid: MeetingId,
    /// How its keys are exchanged; fixed for its life, so nobody can talk it down.
    pub suite: Suite,
    /// How it is run.
    pub policy: Policy,
    /// What it says about itself.
    pub info: UserInfo,
    /// The leader's user.
    pub user: UserId,
    /// The leader's device.
    pub dev: DeviceId,
    /// The device's key.
    pub ivk: Ivk,
    /// The leader's exchange key (eq. 5).
    pub epk: Epk,
    /// SHA-256 of the leader's ML-KEM-768 key.
    pub ek_hash: [u8; 32],
    /// The leader's transport key.
    pub npk: Npk,
}

crate::fields!(PublishMeeting { mid, suite, policy, info, user, dev, ivk, epk, ek_hash, npk });

impl PublishMeeting {
    /// The `prev` of the meeting's first epoch record: SHA-256 of this body.
    pub fn digest(&self) -> Digest {
        Digest::of(&[&encode(self)])
    }
}

/// Transaction 0x21: a device asks to join (eqs. 9 and 10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeetingRequest {
    /// The meeting.
    pub mid: MeetingId,
    /// The guest's user.
    pub user: UserId,
    /// The guest's device.
    pub dev: DeviceId,
    /// The device's key.
    pub ivk: Ivk,
    /// The guest's exchange key (eq. 8).
    pub epk: Epk,
    /// SHA-256 of the guest's ML-KEM-768 key, which travels peer to peer.
    pub ek_hash: [u8; 32],
    /// The guest's transport key.
    pub npk: Npk,
    /// The meeting's term as the guest knows it.
    pub term: Term,
}

crate::fields!(MeetingRequest { mid, user, dev, ivk, epk, ek_hash, npk, term });

/// Transaction 0x22: a member goes, or a request is taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeetingLeave {
    /// The meeting.
    pub mid: MeetingId,
    /// The signer's own index.
    pub idx: MemberIdx,
}

crate::fields!(MeetingLeave { mid, idx });

/// Transaction 0x26: the leader renews its lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// The meeting.
    pub mid: MeetingId,
    /// Its term.
    pub term: Term,
    /// Its epoch.
    pub epoch: Epoch,
}

crate::fields!(Heartbeat { mid, term, epoch });

/// Transaction 0x27: the leader ends the meeting for ever (eqs. 22 and 23).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeetingDismiss {
    /// The meeting.
    pub mid: MeetingId,
    /// Its term.
    pub term: Term,
    /// Its epoch.
    pub epoch: Epoch,
}

crate::fields!(MeetingDismiss { mid, term, epoch });

/// Transaction 0x28: a member puts other exchange keys in the place of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshKeys {
    /// The meeting.
    pub mid: MeetingId,
    /// The signer's own index.
    pub idx: MemberIdx,
    /// The new exchange key.
    pub epk: Epk,
    /// SHA-256 of the new ML-KEM-768 key.
    pub ek_hash: [u8; 32],
}

crate::fields!(RefreshKeys { mid, idx, epk, ek_hash });

/// Transaction 0x29: the leader opens or locks the door. The succession rules stay as published:
/// a leader must not be able to forbid its own replacement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeetingPolicy {
    /// The meeting.
    pub mid: MeetingId,
    /// Its term.
    pub term: Term,
    /// Whether a good invite is enough from here on.
    pub auto_admit: AutoAdmit,
    /// Whether nobody may ask from here on.
    pub locked: bool,
}

crate::fields!(MeetingPolicy { mid, term, auto_admit, locked });

/// Transaction 0x2a: the highest indexes of a meeting that is long over leave the state, and at
/// last, when none is left, what it said about itself. Any device may say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PruneMeeting {
    /// The meeting.
    pub mid: MeetingId,
    /// Its `next_idx`, so that of two devices that say the same the second changes nothing.
    pub next: MemberIdx,
}

crate::fields!(PruneMeeting { mid, next });

/// Indexes that one [`PruneMeeting`] takes.
pub const PRUNED_AT_ONCE: u16 = 64;

/// How the keys of a meeting are exchanged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Suite {
    /// Suite 1 with ML-KEM-768 beside X25519.
    #[default]
    Hybrid,
    /// X25519, HKDF-SHA-256, AES-256-GCM: the paper as written.
    X25519,
}

crate::tags!(Suite { 2 => Hybrid, 1 => X25519 });

/// How a meeting is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Rules by which a lost leader is replaced: [`TIME`](Self::TIME),
    /// [`APPOINT`](Self::APPOINT), [`VOTE`](Self::VOTE).
    rules: u8,
    /// Whether a good invite is enough.
    pub auto_admit: AutoAdmit,
    /// Whether nobody may ask to join.
    pub locked: bool,
    /// Whether guests ask under a persona made for this meeting. Members see to it; no rule of the
    /// ledger reads it.
    pub sealed: bool,
}

impl Policy {
    /// Members take over in the order in which they were admitted.
    pub const TIME: u8 = 1;
    /// The leader appoints the next one.
    pub const APPOINT: u8 = 2;
    /// Users elect the next one.
    pub const VOTE: u8 = 4;

    /// A policy with these succession rules; unknown bits are dropped.
    pub const fn new(rules: u8, auto_admit: AutoAdmit) -> Self {
        Self { rules: rules & Self::KNOWN, auto_admit, locked: false, sealed: false }
    }

    /// The succession rules.
    pub const fn rules(self) -> u8 {
        self.rules
    }

    const KNOWN: u8 = Self::TIME | Self::APPOINT | Self::VOTE;
}

impl Default for Policy {
    fn default() -> Self {
        Self::new(Self::KNOWN, AutoAdmit::Never)
    }
}

impl Write for Policy {
    fn write(&self, buf: &mut impl BufMut) {
        buf.put_u8(self.rules);
        self.auto_admit.write(buf);
        self.locked.write(buf);
        self.sealed.write(buf);
    }
}

impl EncodeSize for Policy {
    fn encode_size(&self) -> usize {
        4
    }
}

impl Read for Policy {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, Error> {
        let rules = u8::read(buf)?;
        if rules & !Self::KNOWN != 0 {
            return Err(Error::Invalid("policy", "unknown succession rule"));
        }
        let auto_admit = AutoAdmit::read(buf)?;
        Ok(Self { rules, auto_admit, locked: bool::read(buf)?, sealed: bool::read(buf)? })
    }
}

/// Whether a good invite is enough to be admitted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AutoAdmit {
    /// A human decides about everyone.
    #[default]
    Never,
    /// The leader's device admits whoever proves the invite.
    Invited,
}

crate::tags!(AutoAdmit { 0 => Never, 1 => Invited });
