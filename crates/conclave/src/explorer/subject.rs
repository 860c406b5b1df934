//! Whom a transaction is about.

use std::collections::BTreeSet;

use conclave_protocol::{
    Body, DeviceId, MeetingId, MemberIdx, Tx, UserId, ValidatorKey, identity::Gate,
};

/// Somebody or something that a person looks for.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Subject {
    /// A user.
    User(UserId),
    /// A device.
    Device(DeviceId),
    /// A meeting.
    Meeting(MeetingId),
    /// A validator.
    Validator(ValidatorKey),
}

impl Subject {
    /// The ranges in which all subjects lie whose id is between two ids.
    pub(super) const fn ranges(low: [u8; 32], high: [u8; 32]) -> [(Self, Self); 4] {
        [
            (Self::User(UserId(low)), Self::User(UserId(high))),
            (Self::Device(DeviceId(low)), Self::Device(DeviceId(high))),
            (Self::Meeting(MeetingId(low)), Self::Meeting(MeetingId(high))),
            (Self::Validator(ValidatorKey(low)), Self::Validator(ValidatorKey(high))),
        ]
    }
}

/// Whom a transaction names itself. Who its signer belongs to, and who the numbered members of a
/// meeting are, the caller finds in the state.
pub(super) fn named(tx: &Tx) -> BTreeSet<Subject> {
    use Subject::{Device, Meeting, User, Validator};
    let signer = tx.validator().map_or(Device(tx.signer), Validator);
    let mut subjects = BTreeSet::from([signer]);
    match &tx.body {
        Body::ValidatorVote(body) => {
            let keys = body.change.incoming().into_iter().chain(body.change.outgoing());
            subjects.extend(keys.map(Validator));
        }
        Body::AnchorRecord(_) => {}
        Body::RegisterUser(body) => {
            subjects.extend([User(body.user), Device(body.dev)]);
            if let Gate::Sponsor(key) = body.gate {
                subjects.insert(Validator(key));
            }
        }
        Body::AddDevice(body) => subjects.extend([User(body.user), Device(body.dev)]),
        Body::RevokeDevice(body) => subjects.extend([User(body.user), Device(body.dev)]),
        Body::RotateKey(body) => subjects.extend([Device(body.dev)]),
        Body::UpdateInfo(body) => subjects.extend([User(body.user)]),
        Body::ClaimHandle(body) => subjects.extend([User(body.user)]),
        Body::Recover(body) => subjects.extend([User(body.user), Device(body.dev)]),
        Body::Cancel(body) => subjects.extend([User(body.user), Device(body.dev)]),
        Body::SetRecoveryKey(body) => subjects.extend([User(body.user)]),
        Body::PublishMeeting(body) => subjects.extend([Meeting(body.mid), User(body.user)]),
        Body::MeetingRequest(body) => subjects.extend([Meeting(body.mid), User(body.user)]),
        Body::MeetingLeave(body) => subjects.extend([Meeting(body.mid)]),
        Body::EpochRecord(body) => subjects.extend([Meeting(body.mid)]),
        Body::LeaderReassign(body) => subjects.extend([Meeting(body.mid)]),
        Body::VoteLeader(body) => subjects.extend([Meeting(body.mid)]),
        Body::Heartbeat(body) => subjects.extend([Meeting(body.mid)]),
        Body::MeetingDismiss(body) => subjects.extend([Meeting(body.mid)]),
        Body::PruneMeeting(body) => subjects.extend([Meeting(body.mid)]),
        Body::RefreshKeys(body) => subjects.extend([Meeting(body.mid)]),
        Body::MeetingPolicy(body) => subjects.extend([Meeting(body.mid)]),
    }
    subjects
}

/// Members of a meeting, by number, for whom something changes: who comes in, who goes.
pub(super) fn numbered(tx: &Tx) -> Option<(MeetingId, Vec<MemberIdx>)> {
    match &tx.body {
        Body::EpochRecord(body) => {
            let gone = body.removed.iter().map(|gone| gone.idx);
            Some((body.mid, body.added.iter().copied().chain(gone).take(MOST_MEMBERS).collect()))
        }
        Body::VoteLeader(body) => Some((body.mid, vec![body.candidate])),
        _ => None,
    }
}

/// Members of one transaction that are looked up.
const MOST_MEMBERS: usize = 64;
