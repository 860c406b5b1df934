//! What only the leader does: publish, keep the lease, end the meeting; with `guests` (who asks to
//! come in), `rekey` (the next epoch) and `delivery` (its key on the way).

mod delivery;
mod guests;
mod rekey;

use std::collections::{BTreeMap, BTreeSet};

use conclave_protocol::{
    Digest, Epoch, Heartbeat, MeetingDismiss, MeetingRecord, MemberIdx, Npk, PublishMeeting,
    UserInfo,
    meeting::{MemberStatus, Policy, Reason, Suite},
};
use rand_core::CryptoRng;

use super::{
    Purpose, Session,
    input::{MeetingView, MemberView},
    output::{CommandError, Ending, Event, Knocker, SubmitId},
};
use crate::{
    exchange::{Ek, PairChain},
    time::Millis,
    wire::{Address, Farewell, Knock, Name, PeerMessage},
};

/// Admissions within this time share one epoch.
const COALESCE: u64 = 40;
/// The lease is renewed this often; three heartbeats fit into it.
const HEARTBEAT: u64 = 20_000;
/// A key that was not acknowledged is sent again after this time.
const RESEND: u64 = 1_000;
/// A member that asks for its key more often than this is not answered.
const HEAL_PAUSE: u64 = 400;

/// The state of a leader.
#[derive(Default)]
pub(in crate::session) struct Leader {
    published: bool,
    /// Who shared the key of the last final record; only the leader before the first.
    roster: BTreeSet<MemberIdx>,
    /// Guests before the door: who called, over which link.
    knocks: BTreeMap<MemberIdx, (Npk, Knock)>,
    /// What was last told about them.
    told: BTreeMap<MemberIdx, Knocker>,
    admits: BTreeSet<MemberIdx>,
    removals: BTreeMap<MemberIdx, Reason>,
    /// When the next epoch is made, if one is wanted.
    make_at: Option<Millis>,
    pending: Option<Pending>,
    members: BTreeMap<MemberIdx, Exchange>,
    heartbeat_at: Option<Millis>,
    resend_at: Option<Millis>,
    rekey_at: Option<Millis>,
    /// A stream ran out of counters.
    pub(in crate::session) rekey_now: bool,
}

/// A record that is not final yet.
struct Pending {
    id: SubmitId,
    epoch: Epoch,
    digest: Digest,
    roster: BTreeSet<MemberIdx>,
    /// Members whose chain began with this record.
    fresh: BTreeSet<MemberIdx>,
    added: BTreeSet<MemberIdx>,
    removals: BTreeMap<MemberIdx, Reason>,
    /// How those who come in knocked, in case the ledger refuses the record.
    knocks: BTreeMap<MemberIdx, (Npk, Knock)>,
}

/// What the leader shares with one member.
struct Exchange {
    ek: Ek,
    name: Name,
    address: Address,
    chain: Option<PairChain>,
    /// The newest bundle, to be repeated byte for byte.
    bundle: Vec<u8>,
    healed: Option<Millis>,
    /// Whether the user was told that an acknowledgement is missing.
    late: bool,
}

impl Leader {
    pub(in crate::session) fn deadline(&self) -> Option<Millis> {
        let make = self.make_at.filter(|_| self.pending.is_none());
        let rekey = self.rekey_at.filter(|_| self.pending.is_none());
        [make, self.heartbeat_at, self.resend_at, rekey].into_iter().flatten().min()
    }

    fn soon(&mut self, at: Millis) {
        self.make_at = Some(self.make_at.map_or(at, |set| set.min(at)));
    }
}

impl Session {
    /// Puts equation 6 on the ledger.
    pub(in crate::session) fn publish(&mut self, info: UserInfo, policy: Policy) {
        let Some(secrets) = &self.secrets else { return };
        let body = PublishMeeting {
            mid: self.mid,
            suite: Suite::Hybrid,
            policy,
            info,
            user: self.config.user,
            dev: self.config.dev,
            ivk: self.config.signer.ivk(),
            epk: secrets.keys.epk(),
            ek_hash: secrets.keys.ek().hash().0,
            npk: self.npk,
        };
        self.submit(Purpose::Publish, body);
    }

    /// Takes a newer state of the ledger as leader.
    pub(in crate::session) fn leader_ledger(&mut self) {
        let now = self.now;
        let Some((meeting, height)) =
            self.view().and_then(|view| view.meeting.clone().map(|meeting| (meeting, view.height)))
        else {
            return;
        };
        let Some(leader) = &mut self.leader else { return };
        if !leader.published {
            leader.published = true;
            leader.roster = BTreeSet::from([meeting.leader]);
            leader.heartbeat_at = Some(now.plus(HEARTBEAT));
            self.me = Some(meeting.leader);
            self.names.insert(meeting.leader, self.config.name.clone());
            self.event(Event::Published);
        }
        self.confirm(&meeting, height);
        self.check_guests();
        if self.is_rekey_due()
            && let Some(leader) = &mut self.leader
        {
            leader.soon(now);
        }
    }

    /// Whether somebody of the roster is out by the ledger.
    fn is_rekey_due(&self) -> bool {
        let (Some(leader), Some(view)) = (&self.leader, self.view()) else { return false };
        leader.roster.iter().any(|idx| gone(view, *idx).is_some())
    }

    /// The pending record is final: chains step, the roster is the new one.
    fn confirm(&mut self, meeting: &MeetingRecord, height: conclave_protocol::Height) {
        let now = self.now;
        let rekey = u64::from(self.config.params.rekey_max).saturating_mul(1_000);
        let Some(leader) = &mut self.leader else { return };
        let Some(pending) = leader.pending.take_if(|own| own.digest == meeting.last_rec) else {
            return;
        };
        for idx in pending.roster.iter().filter(|idx| **idx != meeting.leader) {
            if let Some(chain) = leader.members.get_mut(idx).and_then(|m| m.chain.as_mut()) {
                chain.advance(pending.epoch, &pending.digest);
            }
        }
        leader.members.retain(|idx, _| pending.roster.contains(idx));
        leader.roster = pending.roster;
        leader.heartbeat_at = Some(now.plus(HEARTBEAT));
        leader.rekey_at = Some(now.plus(rekey));
        let more = !leader.admits.is_empty() || !leader.removals.is_empty();
        if more {
            leader.soon(now);
        }
        self.submits.remove(&pending.id);
        self.epochs.confirm(&pending.digest);
        self.event(Event::EpochFinal { epoch: pending.epoch, height });
    }

    pub(in crate::session) fn dismiss(&mut self) -> Result<(), CommandError> {
        if self.leader.is_none() {
            return Err(CommandError::NotLeader);
        }
        self.submit_dismissal();
        self.broadcast(&PeerMessage::Bye(Farewell::Dismissed));
        self.end(Ending::Dismissed);
        Ok(())
    }

    /// Puts equation 22 on the ledger.
    pub(in crate::session) fn submit_dismissal(&mut self) {
        let Some(meeting) = self.view().and_then(|view| view.meeting.clone()) else { return };
        let body = MeetingDismiss { mid: self.mid, term: meeting.term, epoch: meeting.epoch };
        self.submit(Purpose::Dismiss, body);
    }

    /// What a leader does when time passes.
    pub(in crate::session) fn lead_on(&mut self, rng: &mut dyn CryptoRng) {
        let now = self.now;
        let Some(leader) = &mut self.leader else { return };
        let idle = leader.pending.is_none();
        let forced = leader.rekey_now || leader.rekey_at.is_some_and(|at| at <= now);
        let due = forced || leader.make_at.is_some_and(|at| at <= now);
        if idle && due {
            leader.make_at = None;
            if let Some(plan) = self.plan(forced) {
                self.make_epoch(plan, rng);
            }
        }
        self.heartbeat();
        self.resend_late();
    }

    fn heartbeat(&mut self) {
        let now = self.now;
        let Some(meeting) = self.view().and_then(|view| view.meeting.clone()) else { return };
        let Some(leader) = &mut self.leader else { return };
        if leader.heartbeat_at.is_some_and(|at| at <= now) {
            leader.heartbeat_at = Some(now.plus(HEARTBEAT));
            // A pending record renews the lease itself, and would make this one stale.
            if leader.pending.is_none() {
                let body = Heartbeat { mid: self.mid, term: meeting.term, epoch: meeting.epoch };
                self.submit(Purpose::Heartbeat, body);
            }
        }
    }
}

impl Pending {
    /// Whether this record admits or denies `idx`.
    fn decides(&self, idx: MemberIdx) -> bool {
        self.added.contains(&idx) || self.removals.contains_key(&idx)
    }
}

impl Exchange {
    fn new(knock: &Knock) -> Self {
        Self {
            ek: knock.ek.clone(),
            name: knock.name.clone(),
            address: knock.address.clone(),
            chain: None,
            bundle: Vec::new(),
            healed: None,
            late: false,
        }
    }
}

/// Why the ledger says that a member of the roster is out, if it does.
fn gone(view: &MeetingView, idx: MemberIdx) -> Option<Reason> {
    let member: &MemberView = view.members.get(&idx)?;
    match member.member.status {
        MemberStatus::Left => Some(Reason::Left),
        _ if member.device.as_ref().is_some_and(|device| !device.is_active()) => {
            Some(Reason::Revoked)
        }
        _ => None,
    }
}
