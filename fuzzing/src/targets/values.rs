//! Any bytes as one of the values inside transactions, states, links and files; the first byte says
//! which.

use conclave_protocol::{
    AddDevice, AnchorPlace, AnchorRecord, Cancel, ClaimHandle, Contact, DeviceRecord, EpochRecord,
    Genesis, Heartbeat, Ivk, Key, LeaderReassign, MeetingDismiss, MeetingLeave, MeetingPolicy,
    MeetingRecord, MeetingRequest, MemberRecord, Params, Position, PruneMeeting, PublishMeeting,
    Record, Recover, RefreshKeys, RegisterUser, RevokeDevice, Roster, RotateKey, SetRecoveryKey,
    Signature, UpdateInfo, UserInfo, UserRecord, ValidatorChange, ValidatorVote, VoteLeader,
    code::SecurityCode,
    codec::{Blob, List, Set, Text},
    decode, encode,
    identity::{
        Gate, Handle, HandleRecord, PendingRecord, Recovery, Wish, assemble, chunks, is_handle,
    },
    meeting::{Absence, AutoAdmit, MemberStatus, Policy, RosterRecord, Succession, VoteRecord},
    tx::{Kind, Role, RoleSignature},
};

use super::{Target, canonical};

macro_rules! values {
    ($($type:ty),* $(,)?) => {
        /// Names and decoders; the place in the list is the first byte.
        pub(crate) const VALUES: &[(&str, Target)] = &[$((stringify!($type), |bytes| {
            canonical::<$type>(bytes);
        })),*];
    };
}

values!(
    Absence,
    AddDevice,
    AnchorPlace,
    AnchorRecord,
    AutoAdmit,
    Blob<64>,
    Cancel,
    ClaimHandle,
    Contact,
    DeviceRecord,
    EpochRecord,
    Gate,
    Genesis,
    Handle,
    HandleRecord,
    Heartbeat,
    Ivk,
    Key,
    Kind,
    LeaderReassign,
    List<Option<u32>, 64>,
    MeetingDismiss,
    MeetingLeave,
    MeetingPolicy,
    MeetingRecord,
    MeetingRequest,
    MemberRecord,
    MemberStatus,
    Params,
    PendingRecord,
    Policy,
    Position,
    PruneMeeting,
    PublishMeeting,
    Record,
    Recover,
    Recovery,
    RefreshKeys,
    RegisterUser,
    RevokeDevice,
    Role,
    RoleSignature,
    Roster,
    RosterRecord,
    RotateKey,
    SecurityCode,
    Set<u16, 64>,
    SetRecoveryKey,
    Signature,
    Succession,
    Text<64>,
    UpdateInfo,
    UserInfo,
    UserRecord,
    ValidatorChange,
    ValidatorVote,
    VoteLeader,
    VoteRecord,
    Wish,
);

/// Reads the rest as the type that the first byte names, and asks it what it can be asked.
pub(super) fn run(bytes: &[u8]) {
    let Some((which, bytes)) = bytes.split_first() else { return };
    if let Some((_, read)) = VALUES.get(usize::from(*which)) {
        read(bytes);
    }
    if let Ok(record) = decode::<EpochRecord>(bytes) {
        let _ = record.digest();
        assert_eq!(record.roster.iter().count(), record.roster.len());
    }
    if let Ok(key) = decode::<Key>(bytes) {
        let _ = (key.digest(), key.ledger());
    }
    if let Ok(info) = decode::<UserInfo>(bytes) {
        assert_eq!(assemble(&chunks(&info)).as_ref(), Ok(&info));
    }
    if let Ok(genesis) = decode::<Genesis>(bytes) {
        let _ = (genesis.check(), genesis.chain_id());
    }
    if let Ok(roster) = decode::<Roster>(bytes) {
        assert_eq!(Roster::new(roster.iter()).as_ref(), Ok(&roster));
    }
    if let Ok(name) = decode::<Handle>(bytes) {
        assert!(!is_handle(&name) || (3..=32).contains(&name.as_str().len()));
    }
    if let Ok(ivk) = decode::<Ivk>(bytes) {
        let _ = (ivk.check(), ivk.fingerprint());
        assert_eq!(encode(&ivk).len() - 1, ivk.as_bytes().len());
    }
}
