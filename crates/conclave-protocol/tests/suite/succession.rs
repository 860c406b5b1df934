//! The chair changes hands: the three rules of docs/protocol.md, section 5.4, and who may not.

use conclave_protocol::{
    codec::Set,
    meeting::{
        Absence, AutoAdmit, MeetingPolicy, Policy, Reason, RefreshKeys, Succession, VoteLeader,
        absence_message,
    },
    tx::{CheckError, Role},
    *,
};

use crate::world::{Person, World, refusal, removal};

const IDX: [MemberIdx; 5] = [MemberIdx(0), MemberIdx(1), MemberIdx(2), MemberIdx(3), MemberIdx(4)];

/// A meeting of five users in epoch 1, led by the first, all admitted in the order of their index.
struct Five {
    world: World,
    mid: MeetingId,
    people: Vec<Person>,
}

impl Five {
    fn new() -> Self {
        Self::with(Policy::default())
    }

    fn with(policy: Policy) -> Self {
        let mut world = World::new();
        let people: Vec<_> = (1..=5).map(|seed| world.person(seed)).collect();
        let body = PublishMeeting { policy, ..world.publish_body(&people[0], 90) };
        let mid = body.mid;
        world.say(&people[0], body).unwrap();
        for person in &people[1..] {
            world.ask(person, mid).unwrap();
        }
        world.advance(&people[0], mid, &IDX[1..], &[]).unwrap();
        world.wait(1);
        Self { world, mid, people }
    }

    fn claim(&self, who: usize, rule: Succession) -> LeaderReassign {
        let meeting = self.world.meeting(self.mid);
        LeaderReassign {
            mid: self.mid,
            term: meeting.term,
            rule,
            prev_ivk: self.world.member(self.mid, meeting.leader).ivk,
            idx: IDX[who],
            ivk: self.people[who].signer.ivk(),
            epk: Epk([0x77; 32]),
            absent: Set::default(),
        }
    }

    fn say(&mut self, who: usize, body: impl Into<Body>) -> Result<(), Refusal> {
        self.world.say(&self.people[who], body).map(drop)
    }

    fn take(&mut self, who: usize, rule: Succession) -> Result<(), Refusal> {
        let claim = self.claim(who, rule);
        self.say(who, claim)
    }

    /// The claim with the word of `by` that the leader so far hands over.
    fn take_from(&mut self, by: &Ed25519Signer, who: usize) -> Result<(), Refusal> {
        let claim = self.claim(who, Succession::Appoint);
        let word =
            by.sign(Context::Handover, &self.world.rules.chain_id, &claim.handover_message());
        let tx = self.world.tx(&self.people[who], claim).with(Role::Handover, word);
        match self.world.run(&tx) {
            Err(CheckError::Signature(_)) => Err(Refusal::MissingSignature(Role::Handover)),
            other => other.map(drop).map_err(refusal),
        }
    }

    /// `who` said at `at` that the leader is silent.
    fn absence(&self, who: usize, at: Seconds) -> Absence {
        self.seat_absence(IDX[who], at)
    }

    fn seat_absence(&self, idx: MemberIdx, at: Seconds) -> Absence {
        let meeting = self.world.meeting(self.mid);
        let message = absence_message(&self.mid, &meeting, idx, at);
        let npk = self.world.member(self.mid, idx).npk;
        let signer = (0..=255).map(|seed| Ed25519Signer::from_seed(&[seed; 32]));
        let signer = signer.into_iter().find(|signer| signer.npk() == npk).unwrap();
        let sig = signer.sign(Context::Absent, &self.world.rules.chain_id, &message);
        Absence { idx, at, sig }
    }

    fn witnessed(&mut self, who: usize, by: &[usize], at: Seconds) -> Result<(), Refusal> {
        let absent: Vec<_> = by.iter().map(|who| self.absence(*who, at)).collect();
        let claim = self.claim(who, Succession::Time);
        self.say(who, LeaderReassign { absent: Set::new(absent).unwrap(), ..claim })
    }

    fn vote(&mut self, who: usize, candidate: usize) -> Result<(), Refusal> {
        let term = self.world.meeting(self.mid).term;
        let vote = VoteLeader { mid: self.mid, term, idx: IDX[who], candidate: IDX[candidate] };
        self.say(who, vote)
    }

    fn leader(&self) -> (Term, MemberIdx) {
        let meeting = self.world.meeting(self.mid);
        (meeting.term, meeting.leader)
    }

    /// The last second of the leader's lease.
    fn end(&self) -> Seconds {
        self.world.meeting(self.mid).effective_lease_end(&self.world.rules.params)
    }
}

#[test]
fn members_take_over_in_the_order_of_their_admission_after_the_lease() {
    let mut five = Five::new();
    let end = five.end();
    five.world.at.time = end;
    assert_eq!(five.take(1, Succession::Time), Err(Refusal::NotYourTurn));
    five.world.at.time = end.next();
    assert_eq!(five.take(2, Succession::Time), Err(Refusal::NotYourTurn));
    five.world.at.time = end.plus(5);
    assert_eq!(five.take(2, Succession::Time), Err(Refusal::NotYourTurn));
    five.world.at.time = end.plus(6);
    assert_eq!(five.take(2, Succession::Time), Ok(()));
    assert_eq!(five.leader(), (Term(2), IDX[2]));
}

#[test]
fn of_two_claims_the_first_one_counts() {
    let mut five = Five::new();
    five.world.at.time = five.end().plus(60);
    let second = five.claim(2, Succession::Time);
    assert_eq!(five.take(1, Succession::Time), Ok(()));
    assert_eq!(five.say(2, second), Err(Refusal::StaleTerm));
    assert_eq!(five.leader(), (Term(2), IDX[1]));
}

#[test]
fn a_heartbeat_before_the_claim_keeps_the_chair() {
    let mut five = Five::new();
    five.world.at.time = five.end().plus(1);
    let mid = five.mid;
    five.world.heartbeat(&five.people[0], mid).unwrap();
    assert_eq!(five.take(1, Succession::Time), Err(Refusal::NotYourTurn));
}

#[test]
fn a_leader_that_left_is_followed_at_once() {
    let mut five = Five::new();
    let mid = five.mid;
    five.world.leave(&five.people[0], mid, IDX[0]).unwrap();
    assert_eq!(five.take(2, Succession::Time), Err(Refusal::NotYourTurn));
    assert_eq!(five.take(1, Succession::Time), Ok(()));
    assert_eq!(five.leader(), (Term(2), IDX[1]));
}

#[test]
fn who_left_is_no_longer_in_line() {
    let mut five = Five::new();
    let mid = five.mid;
    five.world.leave(&five.people[1], mid, IDX[1]).unwrap();
    five.world.leave(&five.people[0], mid, IDX[0]).unwrap();
    assert_eq!(five.take(1, Succession::Time), Err(Refusal::NotThatMember));
    assert_eq!(five.take(2, Succession::Time), Ok(()));
}

#[test]
fn a_revoked_device_is_no_longer_in_line() {
    let mut five = Five::new();
    let spare = five.world.add_device(&five.people[1], 60);
    let revoke = five.world.revoke_body(&five.people[1], five.people[1].dev, 2);
    assert_eq!(
        five.world.say(&five.people[1], revoke),
        Ok(vec![Event::DeviceRevoked { user: five.people[1].user, dev: five.people[1].dev }])
    );
    assert_ne!(spare.dev, five.people[1].dev);
    five.world.at.time = five.end().next();
    assert_eq!(five.take(2, Succession::Time), Ok(()));
}

#[test]
fn more_than_half_of_the_users_need_not_wait_for_the_lease() {
    for by in [&[1, 2][..], &[1, 2, 3]] {
        let mut five = Five::new();
        let now = five.world.at.time;
        let wanted = if by.len() > 2 { Ok(()) } else { Err(Refusal::AbsenceDoesNotHold) };
        assert_eq!(five.witnessed(1, by, now), wanted, "{by:?}");
    }
}

#[test]
fn the_second_in_line_waits_for_the_first_after_the_oldest_word() {
    let mut five = Five::new();
    let said = five.world.at.time;
    five.world.wait(4);
    assert_eq!(five.witnessed(2, &[1, 2, 3], said), Err(Refusal::NotYourTurn));
    five.world.wait(1);
    assert_eq!(five.witnessed(2, &[1, 2, 3], said), Ok(()));
}

#[test]
fn a_word_of_absence_is_void_when_old_or_from_the_future() {
    let mut five = Five::new();
    let said = five.world.at.time;
    let ahead = five.witnessed(1, &[1, 2, 3], said.next());
    assert_eq!(ahead, Err(Refusal::AbsenceDoesNotHold));
    five.world.wait(11);
    assert_eq!(five.witnessed(1, &[1, 2, 3], said), Err(Refusal::AbsenceDoesNotHold));
}

#[test]
fn a_sign_of_life_voids_every_word_of_absence() {
    let mut five = Five::new();
    let now = five.world.at.time;
    let absent: Vec<_> = [1, 2, 3].map(|who| five.absence(who, now)).into();
    let claim = five.claim(1, Succession::Time);
    let claim = LeaderReassign { absent: Set::new(absent).unwrap(), ..claim };
    let mid = five.mid;
    five.world.wait(1);
    five.world.heartbeat(&five.people[0], mid).unwrap();
    let tx = five.world.tx(&five.people[1], claim);
    assert!(matches!(five.world.run(&tx), Err(CheckError::Signature(_))));
}

#[test]
fn one_user_with_many_devices_is_one_voice() {
    let mut five = Five::new();
    let second = five.world.add_device(&five.people[1], 60);
    let third = five.world.add_device(&five.people[1], 61);
    let mid = five.mid;
    let asked = [&second, &third].map(|device| five.world.ask(device, mid).unwrap());
    five.world.advance(&five.people[0], mid, &asked, &[]).unwrap();
    let now = five.world.at.time;
    let claim = five.claim(1, Succession::Time);
    let mut absent: Vec<_> = [1, 2].map(|who| five.absence(who, now)).into();
    absent.extend(asked.map(|idx| five.seat_absence(idx, now)));
    let claim = LeaderReassign { absent: Set::new(absent).unwrap(), ..claim };
    assert_eq!(five.say(1, claim), Err(Refusal::AbsenceDoesNotHold));
}

#[test]
fn a_device_that_left_bears_no_witness_for_another_one_of_its_user() {
    let mut five = Five::new();
    let second = five.world.add_device(&five.people[1], 60);
    let mid = five.mid;
    let idx = five.world.ask(&second, mid).unwrap();
    five.world.advance(&five.people[0], mid, &[idx], &[]).unwrap();
    five.world.leave(&second, mid, idx).unwrap();
    let now = five.world.at.time;
    let claim = five.claim(1, Succession::Time);
    let mut absent = vec![five.absence(2, now), five.absence(3, now), five.seat_absence(idx, now)];
    let gone = LeaderReassign { absent: Set::new(absent.clone()).unwrap(), ..claim };
    assert_eq!(five.say(1, gone), Err(Refusal::AbsenceDoesNotHold));
    absent[2] = five.absence(1, now);
    let there = LeaderReassign { absent: Set::new(absent).unwrap(), ..claim };
    assert_eq!(five.say(1, there), Ok(()));
}

#[test]
fn the_leader_hands_the_chair_to_whom_it_likes() {
    let mut five = Five::new();
    let leader = Ed25519Signer::from_seed(&[1; 32]);
    assert_eq!(five.take_from(&leader, 3), Ok(()));
    assert_eq!(five.leader(), (Term(2), IDX[3]));
    assert_eq!(five.world.member(five.mid, IDX[3]).epk, Epk([0x77; 32]));
}

#[test]
fn a_handover_needs_the_word_of_the_present_leader() {
    let mut five = Five::new();
    let missing = Err(Refusal::MissingSignature(Role::Handover));
    let stranger = Ed25519Signer::from_seed(&[2; 32]);
    assert_eq!(five.take_from(&stranger, 1), missing);
    assert_eq!(five.take(1, Succession::Appoint), missing);
    let leader = Ed25519Signer::from_seed(&[1; 32]);
    five.world.at.time = five.end().next();
    assert_eq!(five.take_from(&leader, 1), Err(Refusal::LeaseOver), "it was kept for later");
}

#[test]
fn a_strict_majority_elects() {
    let mut five = Five::new();
    five.vote(1, 4).unwrap();
    five.vote(2, 4).unwrap();
    assert_eq!(five.take(4, Succession::Vote), Err(Refusal::NotElected));
    five.vote(4, 4).unwrap();
    assert_eq!(five.take(3, Succession::Vote), Err(Refusal::NotElected));
    assert_eq!(five.take(4, Succession::Vote), Ok(()));
    assert_eq!(five.leader(), (Term(2), IDX[4]));
}

#[test]
fn half_of_the_users_do_not_elect() {
    let mut five = Five::new();
    let mid = five.mid;
    let gone = [removal(IDX[4], Reason::Kicked)];
    five.world.advance(&five.people[0], mid, &[], &gone).unwrap();
    five.vote(1, 2).unwrap();
    five.vote(2, 2).unwrap();
    assert_eq!(five.take(2, Succession::Vote), Err(Refusal::NotElected));
    five.vote(0, 2).unwrap();
    assert_eq!(five.take(2, Succession::Vote), Ok(()));
}

#[test]
fn a_user_votes_once_in_a_term_and_epoch() {
    let mut five = Five::new();
    five.vote(1, 2).unwrap();
    assert_eq!(five.vote(1, 3), Err(Refusal::VotedAlready));
    let mid = five.mid;
    five.world.advance(&five.people[0], mid, &[], &[]).unwrap();
    assert_eq!(five.vote(1, 3), Ok(()), "a new epoch clears the votes");
}

#[test]
fn votes_of_another_epoch_old_votes_and_those_of_who_left_do_not_count() {
    let elect = |spoil: fn(&mut Five)| {
        let mut five = Five::new();
        for who in [1, 2, 3] {
            five.vote(who, 2).unwrap();
        }
        spoil(&mut five);
        five.take(2, Succession::Vote)
    };
    assert_eq!(elect(|_| {}), Ok(()));
    let not = Err(Refusal::NotElected);
    assert_eq!(
        elect(|five| {
            let mid = five.mid;
            five.world.advance(&five.people[0], mid, &[], &[]).unwrap();
        }),
        not
    );
    assert_eq!(elect(|five| five.world.wait(61)), not);
    assert_eq!(elect(|five| five.world.leave(&five.people[3], five.mid, IDX[3]).unwrap()), not);
}

#[test]
fn only_who_sits_there_votes_and_only_for_who_can_lead() {
    let mut five = Five::new();
    let term = Term(1);
    let (mid, stranger) = (five.mid, five.world.person(30));
    let vote = VoteLeader { mid, term, idx: IDX[1], candidate: IDX[2] };
    assert_eq!(five.world.say(&stranger, vote.clone()).map(drop), Err(Refusal::NotThatMember));
    let waiting = five.world.ask(&stranger, mid).unwrap();
    let early = VoteLeader { idx: waiting, ..vote };
    assert_eq!(five.world.say(&stranger, early).map(drop), Err(Refusal::NotThatMember));
    assert_eq!(five.vote(1, 0), Err(Refusal::NotEligible), "the leader leads already");
    let candidate = waiting;
    assert_eq!(five.say(1, VoteLeader { candidate, ..vote }), Err(Refusal::NotEligible));
}

#[test]
fn nobody_votes_for_who_left_or_whose_device_is_revoked() {
    let mut five = Five::new();
    let mid = five.mid;
    five.world.leave(&five.people[2], mid, IDX[2]).unwrap();
    assert!(five.world.roster(mid).roster.contains(IDX[2]));
    assert_eq!(five.vote(1, 2), Err(Refusal::NotEligible));
    let revoke = five.world.revoke_body(&five.people[3], five.people[3].dev, 1);
    five.world.say(&five.people[3], revoke).unwrap();
    assert_eq!(five.world.member(mid, IDX[3]).status, meeting::MemberStatus::Admitted);
    assert_eq!(five.vote(1, 3), Err(Refusal::NotEligible));
    assert_eq!(five.vote(1, 4), Ok(()));
}

#[test]
fn words_of_absence_carry_a_claim_by_time_alone() {
    let mut five = Five::new();
    for who in [1, 2, 3] {
        five.vote(who, 1).unwrap();
    }
    let now = five.world.at.time;
    let absent: Vec<_> = [1, 2, 3].map(|who| five.absence(who, now)).into();
    let claim = five.claim(1, Succession::Vote);
    let idle = LeaderReassign { absent: Set::new(absent).unwrap(), ..claim };
    assert_eq!(five.say(1, idle), Err(Refusal::AbsenceDoesNotHold));
    assert_eq!(five.say(1, claim), Ok(()));
}

#[test]
fn a_rule_that_was_not_published_gives_nothing() {
    let closed = Err(Refusal::RuleNotAllowed);
    let mut five = Five::with(Policy::new(0, AutoAdmit::Never));
    assert_eq!(five.vote(1, 2), closed);
    assert_eq!(five.take_from(&Ed25519Signer::from_seed(&[1; 32]), 1), closed);
    assert_eq!(five.take(1, Succession::Vote), closed);
    five.world.at.time = five.end().next();
    assert_eq!(five.take(1, Succession::Time), closed);
}

#[test]
fn a_claim_names_the_present_leader_and_the_own_keys() {
    let mut five = Five::new();
    five.world.at.time = five.end().next();
    let claim = five.claim(1, Succession::Time);
    let (mut prev, mut own, mut weak, mut seat) =
        (claim.clone(), claim.clone(), claim.clone(), claim.clone());
    prev.prev_ivk = claim.ivk;
    own.ivk = claim.prev_ivk;
    weak.epk = Epk([0; 32]);
    seat.idx = IDX[2];
    assert_eq!(five.say(1, prev), Err(Refusal::NotTheLeader));
    assert_eq!(five.say(1, own), Err(Refusal::NotTheSigner));
    assert!(matches!(five.say(1, weak), Err(Refusal::Weak(_))));
    assert_eq!(five.say(1, seat), Err(Refusal::NotThatMember));
    assert_eq!(five.say(1, claim), Ok(()));
}

#[test]
fn a_new_leader_owes_a_key_and_loses_the_chair_without() {
    let mut five = Five::new();
    let mid = five.mid;
    five.world.leave(&five.people[0], mid, IDX[0]).unwrap();
    five.world.wait(1);
    five.take(1, Succession::Time).unwrap();
    let taken = five.world.at.time;
    assert_eq!(five.world.meeting(mid).rekey_due, Some(taken), "not only what its leave made due");
    assert_eq!(five.end(), taken.plus(10));
    five.world.at.time = taken.plus(11);
    assert_eq!(five.world.heartbeat(&five.people[1], mid), Err(Refusal::RekeyOverdue));
    let mut late = Five { world: five.world.clone(), mid, people: five.people };
    assert_eq!(late.take(2, Succession::Time), Ok(()));
    assert_eq!(late.leader(), (Term(3), IDX[2]));
}

#[test]
fn who_is_handed_the_chair_owes_a_key_that_the_last_leader_does_not_choose() {
    let mut five = Five::new();
    let (mid, now) = (five.mid, five.world.at.time);
    assert_eq!(five.take_from(&Ed25519Signer::from_seed(&[1; 32]), 1), Ok(()));
    assert_eq!(five.world.meeting(mid).rekey_due, Some(now));
    five.world.at.time = now.plus(11);
    assert_eq!(five.world.heartbeat(&five.people[1], mid), Err(Refusal::RekeyOverdue));
}

#[test]
fn a_new_leader_goes_on_where_the_old_one_stopped() {
    let mut five = Five::new();
    let mid = five.mid;
    five.world.leave(&five.people[0], mid, IDX[0]).unwrap();
    five.take(1, Succession::Time).unwrap();
    let gone = [removal(IDX[0], Reason::Left)];
    let stale = five.world.advance(&five.people[0], mid, &[], &gone);
    assert_eq!(stale, Err(Refusal::NotTheLeader));
    five.world.advance(&five.people[1], mid, &[], &gone).unwrap();
    let meeting = five.world.meeting(mid);
    assert_eq!((meeting.epoch, meeting.rekey_due), (Epoch(2), None));
    assert!(!five.world.roster(mid).roster.contains(IDX[0]));
    assert_eq!(five.world.dismiss(&five.people[1], mid), Ok(()));
}

#[test]
fn a_locked_door_lets_nobody_ask() {
    let mut five = Five::new();
    let mid = five.mid;
    let lock = MeetingPolicy { mid, term: Term(1), auto_admit: AutoAdmit::Invited, locked: true };
    assert_eq!(five.say(1, lock.clone()), Err(Refusal::NotTheLeader));
    five.say(0, lock.clone()).unwrap();
    let guest = five.world.person(40);
    assert_eq!(five.world.ask(&guest, mid), Err(Refusal::MeetingLocked));
    assert_eq!(five.world.meeting(mid).policy.rules(), Policy::default().rules());
    five.say(0, MeetingPolicy { locked: false, ..lock }).unwrap();
    assert!(five.world.ask(&guest, mid).is_ok());
    assert_eq!(five.world.meeting(mid).policy.auto_admit, AutoAdmit::Invited);
}

#[test]
fn a_member_replaces_its_own_exchange_keys_and_nobody_elses() {
    let mut five = Five::new();
    let mid = five.mid;
    let refresh = RefreshKeys { mid, idx: IDX[2], epk: Epk([9; 32]), ek_hash: [8; 32] };
    assert_eq!(five.say(1, refresh.clone()), Err(Refusal::NotThatMember));
    let weak = RefreshKeys { epk: Epk([0; 32]), ..refresh };
    assert!(matches!(five.say(2, weak), Err(Refusal::Weak(_))));
    five.say(2, refresh).unwrap();
    let member = five.world.member(mid, IDX[2]);
    assert_eq!((member.epk, member.ek_hash), (Epk([9; 32]), [8; 32]));
    five.world.leave(&five.people[3], mid, IDX[3]).unwrap();
    let late = RefreshKeys { mid, idx: IDX[3], epk: Epk([9; 32]), ek_hash: [8; 32] };
    assert_eq!(five.say(3, late), Err(Refusal::NotThatMember));
}
