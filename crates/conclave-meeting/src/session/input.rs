//! What happens to a session.

use std::collections::BTreeMap;

use bytes::Bytes;
use conclave_protocol::{
    DeviceId, DeviceRecord, Digest, Height, MeetingRecord, MemberIdx, MemberRecord, Npk, Seconds,
    UserId, UserInfo, UserRecord,
    meeting::{Roster, VoteRecord},
};

use super::{fork::HeaderVerdict, output::SubmitId};

/// Something that happened outside. Verified where it says so, hostile everywhere else.
#[derive(Clone, Debug)]
pub enum Input {
    /// A link to `npk` stands, and the other end proved that key.
    Connected {
        /// Who.
        npk: Npk,
        /// Whether it came through the lobby, where anyone may knock.
        lobby: bool,
    },
    /// One datagram of a peer.
    Datagram {
        /// Who.
        npk: Npk,
        /// What.
        bytes: Bytes,
    },
    /// The most bytes one datagram to a peer may have has changed; 1,162 until told.
    DatagramLimit {
        /// Who.
        npk: Npk,
        /// Bytes.
        bytes: usize,
    },
    /// No link to `npk` stands any more, or a dial failed.
    Disconnected {
        /// Who.
        npk: Npk,
    },
    /// The header answer a member wants to see, as [`Event::HeaderWanted`](super::Event) said;
    /// empty if none is kept.
    HeaderAnswer {
        /// Who wants it.
        idx: MemberIdx,
        /// Of which height.
        height: Height,
        /// For a light client.
        answer: Vec<u8>,
    },
    /// What the light client says of [`Event::HeaderShown`](super::Event).
    HeaderJudged {
        /// Who showed it.
        idx: MemberIdx,
        /// Of which height.
        height: Height,
        /// The verdict.
        verdict: HeaderVerdict,
    },
    /// The state of the meeting at a newer height, verified by the light client.
    Ledger(Box<MeetingView>),
    /// One reliable message of a peer.
    Message {
        /// Who.
        npk: Npk,
        /// What.
        bytes: Vec<u8>,
    },
    /// Own address changed: the links learned a better one.
    OwnAddress(Vec<u8>),
    /// The ledger will not take a submitted body any more.
    SubmitFailed {
        /// Which.
        id: SubmitId,
        /// Why, in words for the user.
        reason: String,
    },
    /// Time passed; due whenever the moment of the last [`Output::Wait`](super::Output) has come.
    Tick,
}

/// What the ledger says about one meeting at one height.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MeetingView {
    /// Height.
    pub height: Height,
    /// Hash of the header at that height.
    pub header: Digest,
    /// Chain time at that height.
    pub time: Seconds,
    /// How old that is by the clock of this device.
    pub freshness: Freshness,
    /// The meeting, if it was published.
    pub meeting: Option<MeetingRecord>,
    /// Who shares the key of the last final record.
    pub roster: Roster,
    /// Every request under `0..next_idx`; completeness was checked.
    pub members: BTreeMap<MemberIdx, MemberView>,
    /// The newest vote of each user of the roster that cast one.
    pub votes: BTreeMap<UserId, VoteRecord>,
    /// The devices of [`Output::Watch`](super::Output), as they are at the same height.
    pub bearers: BTreeMap<DeviceId, BearerView>,
}

/// A device that is said to bear a persona, and its owner.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BearerView {
    /// The device.
    pub device: DeviceRecord,
    /// The user it belongs to.
    pub user: UserRecord,
    /// What that user says about themselves.
    pub info: Option<UserInfo>,
}

/// One request of a meeting, and who made it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MemberView {
    /// The request.
    pub member: MemberRecord,
    /// The device at the same height.
    pub device: Option<DeviceRecord>,
    /// The user at the same height.
    pub user: Option<UserRecord>,
    /// What the user says about themselves.
    pub info: Option<UserInfo>,
    /// Whether the user is banned from this meeting.
    pub banned: bool,
}

/// Age of a verified header (section 6 of the protocol).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Freshness {
    /// Older than FRESH: shown in amber.
    Amber,
    /// At most FRESH seconds old.
    Fresh,
    /// Older than STALE: no admission rests on it.
    Stale,
}
