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
                .map(fact)
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

fn fact(fact: &Fact) -> wire::Fact {
    let name = match fact.name {
        FactName::Ban => wire::FactName::Ban,
        FactName::Bearer => wire::FactName::Bearer,
        FactName::Identity => wire::FactName::Identity,
        FactName::Info => wire::FactName::Info,
        FactName::Invite => wire::FactName::Invite,
        FactName::Keys => wire::FactName::Keys,
        FactName::Signature => wire::FactName::Signature,
        FactName::Transport => wire::FactName::Transport,
    };
    wire::Fact { name, ok: fact.ok, text: fact.text.clone(), known: false }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use conclave_meeting::session::{Event, Freshness, MeetingView};
    use conclave_protocol::{
        Digest, Ed25519Signer, Epk, Height, MemberRecord, Npk, Position, Seconds, Signer as _,
        Term, UserId, UserInfo, codec::Text, identity::device_id,
    };

    use super::*;

    const ASKS: MemberIdx = MemberIdx(1);

    fn knocks(board: &mut Board, name: &str, ok: bool) {
        let facts = vec![Fact { name: FactName::Info, ok, text: "the name is checked".into() }];
        let (name, height) = (name.to_owned(), Height(7));
        let knocker = Knocker { idx: ASKS, name, facts, height, ready: ok };
        board.event(&Event::RequestVerified(knocker), Instant::now());
    }

    fn name(board: &Board) -> String {
        board.view(Instant::now()).lobby[0].name.clone()
    }

    fn ledger(info: UserInfo) -> MeetingView {
        let ivk = Ed25519Signer::from_seed(&[9; 32]).ivk();
        let user = UserId([8; 32]);
        let member = MemberRecord {
            user,
            dev: device_id(&user, &ivk),
            ivk,
            epk: Epk([9; 32]),
            ek_hash: [9; 32],
            npk: Npk([9; 32]),
            status: MemberStatus::Requested,
            term: Term(1),
            requested: Seconds(0),
            admitted: Position::default(),
        };
        let asker =
            MemberView { member, device: None, user: None, info: Some(info), banned: false };
        MeetingView {
            height: Height(7),
            header: Digest([0; 32]),
            time: Seconds(0),
            freshness: Freshness::Fresh,
            meeting: None,
            roster: Default::default(),
            members: BTreeMap::from([(ASKS, asker)]),
            votes: BTreeMap::new(),
            bearers: BTreeMap::new(),
        }
    }

    #[test]
    fn whoever_asks_goes_by_the_name_that_was_checked_last_and_the_check_is_shown() {
        let mut board = Board::new("11".into(), "Budget".into(), wire::Role::Leader);
        board.ledger(ledger(UserInfo::Commit([0; 32])));
        // A stranger knocked for that seat: the session gives its name to nobody.
        knocks(&mut board, "", false);
        assert!(name(&board).starts_with("user "), "{}", name(&board));
        knocks(&mut board, "Grace", true);
        assert_eq!(name(&board), "Grace");
        knocks(&mut board, "Grace Hopper", true);
        assert_eq!(name(&board), "Grace Hopper");
        let joined = Event::MemberJoined { idx: ASKS, name: "Grace B. Hopper".into() };
        board.event(&joined, Instant::now());
        assert_eq!(board.name(ASKS), "Grace B. Hopper");

        knocks(&mut board, "Grace", false);
        let shown = board.view(Instant::now()).lobby[0].facts[0].clone();
        assert_eq!((shown.name, shown.ok), (wire::FactName::Info, false));
    }

    #[test]
    fn a_name_that_the_ledger_shows_is_not_cut_short_at_the_door() {
        let mut board = Board::new("11".into(), "Budget".into(), wire::Role::Leader);
        knocks(&mut board, "Ada", true);
        board.ledger(ledger(UserInfo::Clear(Text::new("Ada Lovelace").unwrap())));
        assert_eq!(name(&board), "Ada Lovelace");
        knocks(&mut board, "Ada", true);
        assert_eq!(name(&board), "Ada Lovelace");
    }
}
