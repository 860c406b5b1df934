//! The envelope of a transaction: who says what, once, until when.

mod check;
mod kind;

pub use check::{CheckError, check_signatures, signature_items};
pub use kind::Kind;

use crate::{
    codec::{
        Buf, BufMut, DecodeError, EncodeSize, Error, Read, ReadExt, Set, Write, decode, encode,
    },
    id::{ChainId, DeviceId, Digest, Seconds, TxId},
    identity::{
        AddDevice, Cancel, ClaimHandle, Recover, RegisterUser, RevokeDevice, RotateKey,
        SetRecoveryKey, UpdateInfo,
    },
    key::{Signature, Signer, ValidatorKey},
    meeting::{
        EpochRecord, Heartbeat, LeaderReassign, MeetingDismiss, MeetingLeave, MeetingPolicy,
        MeetingRequest, PruneMeeting, PublishMeeting, RefreshKeys, VoteLeader,
    },
    signed::Context,
    validators::{AnchorRecord, ValidatorVote},
};

/// Most bytes a transaction may have on any network; [`Params::max_tx`](crate::Params) may say less.
pub const MAX_TX_BYTES: usize = 4_096;

/// One signed transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tx {
    /// The network it is for.
    pub chain_id: ChainId,
    /// The device that signs, or the 32 bytes of the validator's key.
    pub signer: DeviceId,
    /// The `next_nonce` of the device or validator; 0 for RegisterUser and Recover.
    pub nonce: u64,
    /// Last chain time at which it may be included.
    pub expiry: Seconds,
    /// What it says.
    pub body: Body,
    /// The signatures, one per role.
    pub sigs: Set<RoleSignature, 3>,
}

impl Tx {
    /// A transaction that nobody has signed yet.
    pub fn new(
        chain_id: ChainId,
        signer: DeviceId,
        nonce: u64,
        expiry: Seconds,
        body: impl Into<Body>,
    ) -> Self {
        Self { chain_id, signer, nonce, expiry, body: body.into(), sigs: Set::default() }
    }

    /// A transaction of a validator that nobody has signed yet.
    pub fn by_validator(
        chain_id: ChainId,
        ValidatorKey(key): ValidatorKey,
        nonce: u64,
        expiry: Seconds,
        body: impl Into<Body>,
    ) -> Self {
        Self::new(chain_id, DeviceId(key), nonce, expiry, body)
    }

    /// The validator that signs it, if it is of a kind that validators sign.
    pub const fn validator(&self) -> Option<ValidatorKey> {
        if self.kind().is_by_validator() { Some(ValidatorKey(self.signer.0)) } else { None }
    }

    /// Adds the signature of the device or validator.
    #[must_use]
    pub fn sign(self, signer: &dyn Signer) -> Self {
        let signature =
            signer.sign(Context::Tx(self.kind()), &self.chain_id, &self.unsigned_bytes());
        self.with(Role::Signer, signature)
    }

    /// Adds the signature of `role`, in place of an earlier one.
    #[must_use]
    pub fn with(mut self, role: Role, signature: Signature) -> Self {
        let mut sigs: Vec<_> = self.sigs.iter().copied().filter(|sig| sig.role != role).collect();
        sigs.push(RoleSignature { role, signature });
        // There are no more roles than places.
        self.sigs = Set::new(sigs).unwrap_or_default();
        self
    }

    /// The signature of `role`.
    pub fn signature(&self, role: Role) -> Option<Signature> {
        self.sigs.iter().find(|sig| sig.role == role).map(|sig| sig.signature)
    }

    /// Everything but the signatures: the bytes [`Role::Signer`] signs.
    pub fn unsigned_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.encode_size());
        self.write_unsigned(&mut bytes);
        bytes
    }

    /// SHA-256 of the full encoding.
    pub fn id(&self) -> TxId {
        TxId(Digest::of(&[&encode(self)]).0)
    }

    /// The kind of its body.
    pub const fn kind(&self) -> Kind {
        self.body.kind()
    }

    /// Reads a transaction of at most [`MAX_TX_BYTES`].
    ///
    /// # Errors
    /// Longer bytes, or not the canonical form of a transaction.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > MAX_TX_BYTES {
            return Err(DecodeError::TooLong(bytes.len()));
        }
        decode(bytes)
    }

    fn write_unsigned(&self, buf: &mut impl BufMut) {
        buf.put_u8(VERSION);
        self.chain_id.write(buf);
        self.kind().write(buf);
        self.signer.write(buf);
        self.nonce.write(buf);
        self.expiry.write(buf);
        self.body.write_fields(buf);
    }
}

impl Write for Tx {
    fn write(&self, buf: &mut impl BufMut) {
        self.write_unsigned(buf);
        // At most three, so the count is one byte here.
        buf.put_u8(u8::try_from(self.sigs.len()).unwrap_or(u8::MAX));
        for sig in &self.sigs {
            sig.write(buf);
        }
    }
}

impl EncodeSize for Tx {
    fn encode_size(&self) -> usize {
        self.sigs.iter().fold(ENVELOPE.saturating_add(self.body.fields_size()), |sum, sig| {
            sum.saturating_add(sig.encode_size())
        })
    }
}

impl Read for Tx {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, Error> {
        if u8::read(buf)? != VERSION {
            return Err(Error::Invalid("tx", "unknown version"));
        }
        let chain_id = ReadExt::read(buf)?;
        let kind = Kind::read(buf)?;
        let signer = ReadExt::read(buf)?;
        let nonce = ReadExt::read(buf)?;
        let expiry = ReadExt::read(buf)?;
        let body = Body::read_fields(kind, buf)?;
        let count = usize::from(u8::read(buf)?);
        if count > MAX_ROLES {
            return Err(Error::InvalidLength(count));
        }
        let mut sigs: Vec<RoleSignature> = Vec::with_capacity(count);
        for _ in 0..count {
            let sig = RoleSignature::read(buf)?;
            if sigs.last().is_some_and(|last| last.role >= sig.role) {
                return Err(Error::Invalid("tx", "roles not strictly ascending"));
            }
            sigs.push(sig);
        }
        let sigs = Set::new(sigs).map_err(|_| Error::InvalidLength(count))?;
        Ok(Self { chain_id, signer, nonce, expiry, body, sigs })
    }
}

/// What a transaction says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// 0x02: a further device.
    AddDevice(AddDevice),
    /// 0x11: the hash of a block stands on another network.
    AnchorRecord(AnchorRecord),
    /// 0x08: a waiting change is called off.
    Cancel(Cancel),
    /// 0x06: a name.
    ClaimHandle(ClaimHandle),
    /// 0x23: admissions, removals and the commitment to a new key.
    EpochRecord(EpochRecord),
    /// 0x26: the leader is there.
    Heartbeat(Heartbeat),
    /// 0x24: a member takes the chair.
    LeaderReassign(LeaderReassign),
    /// 0x27: the end of a meeting.
    MeetingDismiss(MeetingDismiss),
    /// 0x22: a member goes.
    MeetingLeave(MeetingLeave),
    /// 0x29: the door.
    MeetingPolicy(MeetingPolicy),
    /// 0x21: a device asks to join.
    MeetingRequest(MeetingRequest),
    /// 0x2a: a meeting that is long over leaves the state.
    PruneMeeting(PruneMeeting),
    /// 0x20: a new meeting.
    PublishMeeting(PublishMeeting),
    /// 0x28: other exchange keys.
    RefreshKeys(RefreshKeys),
    /// 0x07: a new device by the recovery key.
    Recover(Recover),
    /// 0x01: a new user with a first device.
    RegisterUser(RegisterUser),
    /// 0x03: a device is out.
    RevokeDevice(RevokeDevice),
    /// 0x04: a device takes another key.
    RotateKey(RotateKey),
    /// 0x09: another recovery key.
    SetRecoveryKey(SetRecoveryKey),
    /// 0x05: another info.
    UpdateInfo(UpdateInfo),
    /// 0x10: which change of their set a validator would have.
    ValidatorVote(ValidatorVote),
    /// 0x25: whom a user would have lead.
    VoteLeader(VoteLeader),
}

macro_rules! bodies {
    ($($kind:ident)*) => {
        impl Body {
            /// The kind this body is of.
            pub const fn kind(&self) -> Kind {
                match self { $(Self::$kind(_) => Kind::$kind),* }
            }

            fn write_fields(&self, buf: &mut impl BufMut) {
                match self { $(Self::$kind(body) => body.write(buf)),* }
            }

            fn fields_size(&self) -> usize {
                match self { $(Self::$kind(body) => body.encode_size()),* }
            }

            fn read_fields(kind: Kind, buf: &mut impl Buf) -> Result<Self, Error> {
                match kind { $(Kind::$kind => $kind::read(buf).map(Self::$kind)),* }
            }
        }

        $(impl From<$kind> for Body {
            fn from(body: $kind) -> Self {
                Self::$kind(body)
            }
        })*
    };
}

bodies!(
    AddDevice AnchorRecord Cancel ClaimHandle EpochRecord Heartbeat LeaderReassign MeetingDismiss
    MeetingLeave MeetingPolicy MeetingRequest PruneMeeting PublishMeeting Recover RefreshKeys
    RegisterUser RevokeDevice RotateKey SetRecoveryKey UpdateInfo ValidatorVote VoteLeader
);

/// In which capacity somebody signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The device or validator named in the envelope; signs the whole unsigned transaction.
    Signer,
    /// The validator named in a RegisterUser; signs its body.
    Sponsor,
    /// The key that the transaction introduces; signs its body under `device-pop`.
    Possession,
    /// The leader so far of a LeaderReassign by appointment; signs under `handover`.
    Handover,
}

crate::tags!(Role { 0 => Signer, 1 => Sponsor, 2 => Possession, 3 => Handover });

/// One signature and its role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RoleSignature {
    /// The capacity.
    pub role: Role,
    /// The signature.
    pub signature: Signature,
}

crate::fields!(RoleSignature { role, signature });

const VERSION: u8 = 1;
const MAX_ROLES: usize = 3;
/// version 1, chain 32, kind 1, signer 32, nonce 8, expiry 8, count of signatures 1.
const ENVELOPE: usize = 83;
