//! Who bears the personas of a sealed meeting (section 13.1): the ledger sees one-time users, the
//! leader and the members see the real ones behind them.

use std::collections::{BTreeMap, BTreeSet};

use conclave_protocol::{
    DeviceId, Ivk, MemberIdx, Npk, UserId,
    meeting::{MemberStatus, Reason},
};

use super::{
    Session,
    counters::Counters,
    input::{BearerView, MeetingView},
    output::{Alarm, Event, Output},
};
use crate::{
    time::Millis,
    wire::{Bearer, PeerMessage},
};

/// A member shows who it is within this time.
const SHOWN_AFTER: u64 = 10_000;
/// The seat of who published the meeting, under a name the ledger knows.
const FOUNDER: MemberIdx = MemberIdx(0);

/// Who is said to bear which persona.
#[derive(Debug, Default)]
pub(super) struct Bearers {
    held: BTreeMap<MemberIdx, Held>,
    watched: BTreeSet<DeviceId>,
    /// Real users whom this device as leader does not let in again.
    pub(super) banned: BTreeSet<UserId>,
    /// Since when each member of the roster has been without a bearer that holds; none once the
    /// user was told.
    without: BTreeMap<MemberIdx, Option<Millis>>,
}

#[derive(Debug)]
struct Held {
    bearer: Bearer,
    /// The key under which the signature was verified.
    signed_by: Option<Ivk>,
}

impl Bearers {
    /// The real owner of a persona, if the device said to bear it does, at the height of `view`.
    pub(super) fn known<'a>(
        &self,
        view: &'a MeetingView,
        idx: MemberIdx,
    ) -> Option<(&Bearer, &'a BearerView)> {
        let Held { bearer, signed_by } = self.held.get(&idx)?;
        let seen = view.bearers.get(&bearer.dev)?;
        let holds = seen.device.is_active()
            && seen.user.is_active()
            && seen.device.user == bearer.user
            && *signed_by == Some(seen.device.ivk);
        holds.then_some((bearer, seen))
    }

    pub(super) fn deadline(&self) -> Option<Millis> {
        self.without.values().flatten().min().map(|at| at.plus(SHOWN_AFTER))
    }
}

impl Session {
    /// The real user and device behind a member of a sealed meeting, proven at the newest height.
    #[must_use]
    pub fn bearer(&self, idx: MemberIdx) -> Option<(UserId, DeviceId)> {
        let (bearer, _) = self.bearers.known(self.view()?, idx)?;
        Some((bearer.user, bearer.dev))
    }

    pub(super) fn is_sealed(&self) -> bool {
        let meeting = self.view().and_then(|view| view.meeting.as_ref());
        meeting.is_some_and(|meeting| meeting.policy.sealed)
    }

    /// Says who this device is, in a sealed meeting.
    pub(super) fn show_bearer(&mut self, npk: Npk) {
        if let Some(bearer) = self.own_bearer() {
            self.send(npk, &PeerMessage::Bearer(bearer));
        }
    }

    fn own_bearer(&self) -> Option<Bearer> {
        let behind = self.config.behind.as_ref().filter(|_| self.is_sealed())?;
        let seat = &self.view()?.members.get(&self.me?)?.member;
        let real = (behind.user, behind.dev);
        Some(Bearer::new(&self.config.chain_id, &self.mid, seat, real, behind.signer.as_ref()))
    }

    /// Somebody says who it is, over the link of its seat.
    pub(super) fn bearer_said(&mut self, npk: Npk, bearer: Bearer) {
        let Some(view) = self.view().filter(|_| self.is_sealed()) else {
            Counters::count(&mut self.counters.bad_messages);
            return;
        };
        let seat = view.members.iter().find(|(_, seat)| seat.member.npk == npk);
        let open = |status| matches!(status, MemberStatus::Admitted | MemberStatus::Requested);
        let idx = seat.filter(|(_, seat)| open(seat.member.status)).map(|(idx, _)| *idx);
        // A guest that the ledger does not show yet says it again with its next knock.
        let Some(idx) = idx else { return };
        let held = self.bearers.held.get(&idx);
        if held.is_some_and(|held| held.bearer == bearer) {
            return;
        }
        // What was shown and held is not talked away.
        if self.bearer(idx).is_some() {
            Counters::count(&mut self.counters.bad_messages);
            return;
        }
        self.bearers.held.insert(idx, Held { bearer, signed_by: None });
        self.watch_bearers();
    }

    /// Asks for the devices behind everyone who is in or asks.
    fn watch_bearers(&mut self) {
        let watched = self.bearers.held.values().map(|held| held.bearer.dev).collect();
        if watched != self.bearers.watched {
            self.bearers.watched = watched;
            self.push(Output::Watch(self.bearers.watched.clone()));
            self.push(Output::Refresh);
        }
    }

    /// A newer state of the ledger: signatures are held against the keys it has, and as leader
    /// whoever's device is no more is removed.
    pub(super) fn follow_bearers(&mut self) {
        if !self.is_sealed() {
            return;
        }
        // The own word is held like that of others, so that its end is seen like theirs.
        if let Some(me) = self.me.filter(|me| !self.bearers.held.contains_key(me))
            && let Some(bearer) = self.own_bearer()
        {
            self.bearers.held.insert(me, Held { bearer, signed_by: None });
        }
        let Some((_, view)) = &self.view else { return };
        self.bearers.held.retain(|idx, _| {
            view.members.get(idx).is_some_and(|seat| {
                matches!(seat.member.status, MemberStatus::Admitted | MemberStatus::Requested)
            })
        });
        for (idx, held) in &mut self.bearers.held {
            let ivk = view.bearers.get(&held.bearer.dev).map(|seen| seen.device.ivk);
            let (Some(ivk), Some(seat)) = (ivk, view.members.get(idx)) else { continue };
            if held.signed_by != Some(ivk) {
                let (chain, mid) = (&self.config.chain_id, &self.mid);
                let holds = held.bearer.verify(chain, mid, &seat.member, ivk).is_ok();
                held.signed_by = Some(ivk).filter(|_| holds);
            }
        }
        let gone: Vec<MemberIdx> = self
            .roster()
            .into_iter()
            .filter(|idx| Some(*idx) != self.me && *idx != FOUNDER)
            .filter(|idx| {
                let held = self.bearers.held.get(idx);
                held.is_some_and(|held| view.bearers.contains_key(&held.bearer.dev))
                    && self.bearers.known(view, *idx).is_none()
            })
            .collect();
        self.watch_bearers();
        let now = self.now;
        if let Some(leader) = &mut self.leader {
            for idx in gone {
                leader.remove(idx, Reason::Kicked, now);
            }
        }
    }

    /// Raises the alarm about members that do not show who they are.
    pub(super) fn watch_unknown(&mut self) {
        if !self.is_sealed() {
            return;
        }
        let (now, me) = (self.now, self.me);
        let mut without = BTreeMap::new();
        for idx in self.roster() {
            if idx == FOUNDER || Some(idx) == me || self.bearer(idx).is_some() {
                continue;
            }
            let since = self.bearers.without.get(&idx).copied().unwrap_or(Some(now));
            let late = since.is_some_and(|at| now.since(at) >= SHOWN_AFTER);
            if late {
                self.event(Event::Alarm(Alarm::Unknown(idx)));
            }
            without.insert(idx, since.filter(|_| !late));
        }
        self.bearers.without = without;
    }

    /// As leader: the person behind a persona does not come back under another one.
    pub(super) fn ban_bearer(&mut self, idx: MemberIdx) {
        if let Some(held) = self.bearers.held.get(&idx) {
            self.bearers.banned.insert(held.bearer.user);
        }
    }
}
