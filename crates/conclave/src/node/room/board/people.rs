//! The people of a meeting as the page sees them: inside, and at the door.

use std::time::Instant;

use conclave_meeting::session::{Fact, FactName, Knocker, MemberView};
use conclave_protocol::{MemberIdx, UserRecord, meeting::MemberStatus};

use super::{Board, SILENT, Stream, wire_kind};
use crate::{
    http::wire::{self, KeyState, LinkState},
    keystore::fingerprint,
    node::room::personas,
};

impl Board {
    pub(super) fn members(&self, leader: MemberIdx, now: Instant) -> Vec<wire::Member> {
        let members = self.ledger.iter().flat_map(|ledger| &ledger.members);
        let inside = members.filter(|(idx, m)| match self.roster.is_empty() {
            true => m.member.status == MemberStatus::Admitted,
            false => self.roster.contains(idx),
        });
        inside.map(|(idx, member)| self.member(*idx, member, *idx == leader, now)).collect()
    }

    fn member(
        &self,
        idx: MemberIdx,
        member: &MemberView,
        leader: bool,
        now: Instant,
    ) -> wire::Member {
        let me = self.meeting.me == Some(idx.0);
        let link = match self.links.get(&member.member.npk) {
            _ if me => LinkState::Myself,
            Some(true) => LinkState::Direct,
            Some(false) => LinkState::Relayed,
            None => LinkState::None,
        };
        let problem = self.problems.get(&idx);
        let key = match link {
            _ if problem.is_some() => KeyState::Problem,
            LinkState::None => KeyState::Waiting,
            _ => KeyState::Ok,
        };
        let streams = self.streams.range((idx, 0)..=(idx, u8::MAX));
        let live = |stream: &Stream| {
            stream.last.is_some_and(|last| now.saturating_duration_since(last) < SILENT)
        };
        wire::Member {
            idx: idx.0,
            user: member.member.user.to_hex(),
            device: member.member.dev.to_hex(),
            name: self.name(idx),
            handle: member.user.as_ref().and_then(handle),
            fingerprint: fingerprint(&member.member.ivk),
            leader,
            me,
            admitted_height: member.member.admitted.height.0,
            link,
            quality: self.qualities.get(&member.member.npk).copied().filter(|_| !me),
            hand_ms: self.signals.hand_ms(idx),
            recording: self.signals.records(idx),
            key,
            key_text: problem.cloned().unwrap_or_default(),
            met: self.met.get(&idx).cloned(),
            votes: self.votes(idx),
            hidden: self.ledger.as_ref().is_some_and(|view| personas::is_hidden(view, idx)),
            streams: streams
                .filter_map(|((_, number), stream)| {
                    let kind = wire_kind(stream.kind)?;
                    Some(wire::Stream { stream_no: *number, kind, live: live(stream) })
                })
                .collect(),
        }
    }

    /// Users of the roster that want `idx` to lead, as the ledger has it.
    fn votes(&self, idx: MemberIdx) -> u16 {
        let Some(ledger) = &self.ledger else { return 0 };
        let Some(meeting) = &ledger.meeting else { return 0 };
        let votes = ledger.votes.values().filter(|vote| {
            vote.candidate == idx && (vote.term, vote.epoch) == (meeting.term, meeting.epoch)
        });
        u16::try_from(votes.count()).unwrap_or(u16::MAX)
    }

    pub(super) fn lobbyist(&self, knocker: &Knocker, asked_at_ms: u64) -> wire::Lobbyist {
        let record = self.ledger.as_ref().and_then(|l| l.members.get(&knocker.idx));
        let member = record.map(|view| &view.member);
        wire::Lobbyist {
            idx: knocker.idx.0,
            user: member.map(|m| m.user.to_hex()).unwrap_or_default(),
            device: member.map(|m| m.dev.to_hex()).unwrap_or_default(),
            name: self.name(knocker.idx),
            handle: record.and_then(|view| view.user.as_ref()).and_then(handle),
            fingerprint: member.map(|m| fingerprint(&m.ivk)).unwrap_or_default(),
            asked_at_ms,
            facts: knocker
                .facts
                .iter()
                .filter_map(fact)
                .chain(self.met.get(&knocker.idx).cloned())
                .collect(),
            proof_height: knocker.height.0,
            ready: knocker.ready,
        }
    }
}

/// What a user claimed to be called, as the ledger has it.
fn handle(user: &UserRecord) -> Option<String> {
    user.handle.as_ref().map(|handle| handle.as_str().to_owned())
}

fn fact(fact: &Fact) -> Option<wire::Fact> {
    let name = match fact.name {
        FactName::Ban => wire::FactName::Ban,
        FactName::Bearer => wire::FactName::Bearer,
        FactName::Identity => wire::FactName::Identity,
        FactName::Invite => wire::FactName::Invite,
        FactName::Keys => wire::FactName::Keys,
        FactName::Signature => wire::FactName::Signature,
        FactName::Transport => wire::FactName::Transport,
        FactName::Info => return None,
    };
    Some(wire::Fact { name, ok: fact.ok, text: fact.text.clone(), known: false })
}
