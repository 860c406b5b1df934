//! Who asks to come in: every request is checked, and the person decides.

use conclave_protocol::{
    MemberIdx, Npk,
    meeting::{AutoAdmit, MemberStatus, Reason},
};

use super::{COALESCE, Leader};
use crate::{
    session::{
        Session,
        command::CommandError,
        counters::Counters,
        input::{Freshness, MeetingView},
        output::{Event, Output},
        verify::Checker,
    },
    wire::{Farewell, Knock, PeerMessage},
};

/// Guests before the door.
const MAX_KNOCKS: usize = 256;

impl Session {
    /// Checks every request and tells what changed.
    pub(super) fn check_guests(&mut self) {
        let (stuck, sealed) = (self.is_stuck(), self.is_sealed());
        let Some((_, view)) = &self.view else { return };
        let Some(leader) = &mut self.leader else { return };
        let checker = Checker {
            chain: &self.config.chain_id,
            mid: &self.mid,
            invite: &self.invite,
            bearers: Some(&self.bearers).filter(|_| sealed),
        };
        let invited = view
            .meeting
            .as_ref()
            .is_some_and(|meeting| meeting.policy.auto_admit == AutoAdmit::Invited);
        // What a person may not do, the policy does not do either.
        let auto = invited && !stuck && view.freshness != Freshness::Stale;
        let mut news = Vec::new();
        for (idx, asker) in &view.members {
            let waits = asker.member.status_at(&self.config.params, view.time)
                == Some(MemberStatus::Requested);
            let denied = leader.removals.contains_key(idx);
            if leader.pending.iter().any(|pending| pending.decides(*idx)) {
                continue;
            }
            if !waits || denied {
                leader.knocks.remove(idx);
                leader.admits.remove(idx);
                if leader.told.remove(idx).is_some() {
                    news.push(Event::RequestGone { idx: *idx });
                }
                continue;
            }
            let knocker = checker.knocker(view, *idx, asker, leader.knocks.get(idx));
            // A height is no news by itself.
            let same = leader.told.get(idx).is_some_and(|old| {
                (&old.facts, old.ready, &old.name) == (&knocker.facts, knocker.ready, &knocker.name)
            });
            if !same {
                news.push(Event::RequestVerified(knocker.clone()));
            }
            if auto && knocker.ready && knocker.facts.iter().all(|fact| fact.ok) {
                leader.admits.insert(*idx);
            }
            if leader.admits.contains(idx) && knocker.ready {
                leader.soon(self.now.plus(COALESCE));
            }
            leader.told.insert(*idx, knocker);
        }
        self.outputs.extend(news.into_iter().map(Output::Event));
    }

    /// Takes a guest's first words.
    pub(in crate::session) fn knocked(&mut self, npk: Npk, knock: Knock) {
        let known = self.view().and_then(|view| view.members.get(&knock.idx)).cloned();
        let Some(leader) = &mut self.leader else {
            self.refer(npk, &knock);
            return;
        };
        let idx = knock.idx;
        // Who waits says the same again now and then.
        if leader.knocks.get(&idx).is_some_and(|(link, held)| *link == npk && *held == knock) {
            return;
        }
        // Whoever calls from the wrong device does not push out the right one.
        let right = known.as_ref().is_some_and(|known| known.member.npk == npk);
        let taken = leader.knocks.contains_key(&idx) && !right;
        let view = self.view.as_ref().map(|(_, view)| view);
        if taken || !leader.makes_room(npk, right, view) {
            Counters::count(&mut self.counters.bad_messages);
            return;
        }
        leader.knocks.insert(idx, (npk, knock));
        if known.is_none() {
            self.push(Output::Refresh);
        }
        self.check_guests();
    }

    pub(in crate::session) fn admit(&mut self, idx: MemberIdx) -> Result<(), CommandError> {
        let at = self.now.plus(COALESCE);
        let stale = self.view().is_none_or(|view| view.freshness == Freshness::Stale);
        let stuck = self.is_stuck();
        let leader = self.leader.as_mut().ok_or(CommandError::NotLeader)?;
        let knocker = leader.told.get(&idx).ok_or(CommandError::NoSuchMember)?;
        if stuck {
            return Err(CommandError::LedgerStalled);
        }
        if stale {
            return Err(CommandError::LedgerStale);
        }
        if !knocker.ready {
            return Err(CommandError::NotVerified);
        }
        leader.admits.insert(idx);
        leader.soon(at);
        Ok(())
    }

    pub(in crate::session) fn deny(
        &mut self,
        idx: MemberIdx,
        ban: bool,
    ) -> Result<(), CommandError> {
        let now = self.now;
        let leader = self.leader.as_mut().ok_or(CommandError::NotLeader)?;
        leader.told.remove(&idx).ok_or(CommandError::NoSuchMember)?;
        if ban {
            self.ban_bearer(idx);
        }
        let Some(leader) = &mut self.leader else { return Err(CommandError::NotLeader) };
        leader.admits.remove(&idx);
        let knock = leader.knocks.remove(&idx);
        let reason = if ban { Reason::Banned } else { Reason::Kicked };
        leader.removals.insert(idx, reason);
        leader.soon(now);
        if let Some((npk, _)) = knock {
            self.send(npk, &PeerMessage::Bye(Farewell::Denied));
        }
        self.event(Event::RequestGone { idx });
        Ok(())
    }

    pub(in crate::session) fn kick(
        &mut self,
        idx: MemberIdx,
        ban: bool,
    ) -> Result<(), CommandError> {
        let (now, me) = (self.now, self.me);
        let member = self.roster().contains(&idx);
        let leader = self.leader.as_mut().ok_or(CommandError::NotLeader)?;
        if !member || Some(idx) == me {
            return Err(CommandError::NoSuchMember);
        }
        leader.removals.insert(idx, if ban { Reason::Banned } else { Reason::Kicked });
        leader.soon(now);
        if ban {
            self.ban_bearer(idx);
        }
        Ok(())
    }
}

impl Leader {
    /// Whether one more may knock. One link knocks for one seat; and where strangers took all
    /// places, whoever the ledger knows gets the place of one of them.
    fn makes_room(&mut self, npk: Npk, right: bool, view: Option<&MeetingView>) -> bool {
        self.knocks.retain(|_, (link, _)| *link != npk);
        if self.knocks.len() < MAX_KNOCKS {
            return true;
        }
        let npk_of = |idx| Some(view?.members.get(idx)?.member.npk);
        let stranger = self.knocks.iter().find(|(idx, (link, _))| npk_of(idx) != Some(*link));
        let stranger = stranger.map(|(idx, _)| *idx).filter(|_| right);
        stranger.is_some_and(|idx| self.knocks.remove(&idx).is_some())
    }
}
