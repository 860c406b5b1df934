//! The two ends of one exchange, as its transcript names them.

use conclave_protocol::{Digest, MemberIdx, MemberRecord, meeting::Suite};

use super::Session;
use crate::exchange::{Pair, Party};

impl Session {
    /// The leader and one member, as their exchange is bound to them.
    pub(super) fn pair(&self, idx: MemberIdx) -> Option<Pair> {
        let view = self.view()?;
        let meeting = view.meeting.as_ref()?;
        let leader = &view.members.get(&meeting.leader)?.member;
        let member = &view.members.get(&idx)?.member;
        Some(Pair {
            chain: self.config.chain_id,
            mid: self.mid,
            suite: suite(meeting.suite),
            term: meeting.term,
            leader: party(leader),
            member: party(member),
            idx,
            ek_hash: Digest(member.ek_hash),
        })
    }
}

const fn party(member: &MemberRecord) -> Party {
    Party { user: member.user, dev: member.dev, ivk: member.ivk, epk: member.epk }
}

/// The number of a suite in the transcript.
const fn suite(suite: Suite) -> u8 {
    match suite {
        Suite::Hybrid => 2,
        Suite::X25519 => 1,
    }
}
