//! The rules of a meeting, one sentence each.

use conclave_protocol::{
    codec::Set,
    key::WeakKey,
    meeting::{MeetingStatus, MemberStatus, Reason, Roster},
    *,
};

use crate::world::{Person, World, removal};

/// A meeting with a leader (idx 0) and two members (idx 1, 2) in epoch 1.
fn three() -> (World, MeetingId, [Person; 3]) {
    let mut world = World::new();
    let people = [world.person(1), world.person(2), world.person(3)];
    let mid = world.publish(&people[0]);
    let first = world.ask(&people[1], mid).unwrap();
    let second = world.ask(&people[2], mid).unwrap();
    world.advance(&people[0], mid, &[first, second], &[]).unwrap();
    (world, mid, people)
}

const IDX: [MemberIdx; 4] = [MemberIdx(0), MemberIdx(1), MemberIdx(2), MemberIdx(3)];

#[test]
fn a_new_meeting_has_term_one_no_key_and_its_leader_alone() {
    let mut world = World::new();
    let leader = world.person(1);
    let body = world.publish_body(&leader, 5);
    world.say(&leader, body.clone()).unwrap();
    let meeting = world.meeting(body.mid);
    assert_eq!((meeting.term, meeting.epoch, meeting.leader), (Term(1), Epoch(0), IDX[0]));
    assert_eq!(meeting.last_rec, body.digest());
    assert_eq!(meeting.lease_end, world.at.time.plus(60));
    assert_eq!(world.roster(body.mid).roster, Roster::new([IDX[0]]).unwrap());
    assert_eq!(world.member(body.mid, IDX[0]).status, MemberStatus::Admitted);
}

#[test]
fn requests_are_numbered_in_order_and_wait() {
    let (mut world, mid, _) = three();
    let guest = world.person(4);
    assert_eq!(world.ask(&guest, mid), Ok(IDX[3]));
    assert_eq!(world.meeting(mid).next_idx, MemberIdx(4));
    assert_eq!(world.member(mid, IDX[3]).status, MemberStatus::Requested);
    assert!(!world.roster(mid).roster.contains(IDX[3]));
}

#[test]
fn a_request_names_the_present_term() {
    let (mut world, mid, people) = three();
    let body = MeetingRequest { term: Term(2), ..world.request_body(&people[1], mid) };
    assert_eq!(world.say(&people[1], body), Err(Refusal::StaleTerm));
}

#[test]
fn a_user_may_ask_a_meeting_four_times_in_a_hundred_seconds() {
    let (mut world, mid, _) = three();
    let guest = world.person(4);
    for _ in 0..4 {
        world.ask(&guest, mid).unwrap();
    }
    assert_eq!(world.ask(&guest, mid), Err(Refusal::TooManyRequests));
    world.wait(99);
    assert_eq!(world.ask(&guest, mid), Err(Refusal::TooManyRequests));
    world.wait(1);
    assert_eq!(world.ask(&guest, mid), Ok(MemberIdx(7)));
}

#[test]
fn a_meeting_numbers_four_times_as_many_requests_as_members() {
    let (mut world, mid, _) = three();
    world.rules.params.max_members = 1;
    let guest = world.person(4);
    assert_eq!(world.ask(&guest, mid), Ok(IDX[3]));
    assert_eq!(world.ask(&guest, mid), Err(Refusal::MeetingFull));
}

#[test]
fn a_request_that_waited_ten_minutes_has_lapsed() {
    let (mut world, mid, people) = three();
    let guest = world.person(4);
    let idx = world.ask(&guest, mid).unwrap();
    let member = world.member(mid, idx);
    let params = world.rules.params;
    let last = world.at.time.plus(600);
    assert_eq!(member.status_at(&params, last), Some(MemberStatus::Requested));
    assert_eq!(member.status_at(&params, last.next()), None);
    world.wait(601);
    world.heartbeat(&people[0], mid).unwrap();
    assert_eq!(world.advance(&people[0], mid, &[idx], &[]), Err(Refusal::RosterHoldsIneligible));
    assert_eq!(world.leave(&guest, mid, idx), Err(Refusal::NotThatMember));
}

#[test]
fn an_admission_is_ordered_by_the_place_of_its_record() {
    let (mut world, mid, people) = three();
    let guest = world.person(4);
    let idx = world.ask(&guest, mid).unwrap();
    world.advance(&people[0], mid, &[idx], &[]).unwrap();
    let member = world.member(mid, idx);
    assert_eq!(member.status, MemberStatus::Admitted);
    assert_eq!(member.admitted.height, world.at.height);
    assert!(member.admitted > world.member(mid, IDX[1]).admitted);
    assert_eq!(world.meeting(mid).epoch, Epoch(2));
}

#[test]
fn every_record_names_the_one_before() {
    let (mut world, mid, people) = three();
    world.wait(1);
    let record = world.record(mid, &[], &[]);
    world.say(&people[0], record.clone()).unwrap();
    assert_eq!(world.meeting(mid).last_rec, record.digest());
    world.wait(1);
    let next = EpochRecord { prev: Digest([1; 32]), ..world.record(mid, &[], &[]) };
    assert_eq!(world.say(&people[0], next), Err(Refusal::StalePrev));
}

#[test]
fn an_epoch_is_the_last_one_plus_one() {
    let (mut world, mid, people) = three();
    world.wait(1);
    for epoch in [0, 1, 3] {
        let record = EpochRecord { epoch: Epoch(epoch), ..world.record(mid, &[], &[]) };
        assert_eq!(world.say(&people[0], record), Err(Refusal::StaleEpoch));
    }
    let record = EpochRecord { term: Term(2), ..world.record(mid, &[], &[]) };
    assert_eq!(world.say(&people[0], record), Err(Refusal::StaleTerm));
}

#[test]
fn a_meeting_has_one_epoch_per_block() {
    let (mut world, mid, people) = three();
    let record = world.record(mid, &[], &[]);
    assert_eq!(world.say(&people[0], record), Err(Refusal::OneEpochPerBlock));
    world.wait(0);
    let record = world.record(mid, &[], &[]);
    world.say(&people[0], record).unwrap();
}

#[test]
fn a_key_commitment_is_never_the_last_one_again() {
    let (mut world, mid, people) = three();
    world.wait(1);
    let mk_commit = world.meeting(mid).mk_commit;
    let record = EpochRecord { mk_commit, ..world.record(mid, &[], &[]) };
    assert_eq!(world.say(&people[0], record), Err(Refusal::CommitmentReused));
}

#[test]
fn the_leader_is_always_in_its_roster() {
    let (mut world, mid, people) = three();
    let out = removal(IDX[0], Reason::TimedOut);
    assert_eq!(world.advance(&people[0], mid, &[], &[out]), Err(Refusal::LeaderNotInRoster));
}

#[test]
fn added_and_removed_are_exact() {
    let (mut world, mid, people) = three();
    let guest = world.person(4);
    let idx = world.ask(&guest, mid).unwrap();
    world.wait(1);
    let right = world.record(mid, &[idx], &[removal(IDX[1], Reason::Kicked)]);
    let wrong = [
        EpochRecord { added: Set::default(), ..right.clone() },
        EpochRecord { removed: Set::default(), ..right.clone() },
        EpochRecord { added: Set::new([IDX[2], idx]).unwrap(), ..right.clone() },
        EpochRecord {
            removed: Set::new([removal(IDX[1], Reason::Kicked), removal(IDX[1], Reason::Banned)])
                .unwrap(),
            ..right.clone()
        },
        EpochRecord {
            added: Set::new([IDX[1], idx]).unwrap(),
            roster: Roster::new([IDX[0], IDX[1], IDX[2], idx]).unwrap(),
            ..right.clone()
        },
        EpochRecord { roster: Roster::new([IDX[0], IDX[2]]).unwrap(), ..right.clone() },
    ];
    for record in wrong {
        assert_eq!(world.say(&people[0], record), Err(Refusal::RosterMismatch));
    }
    world.say(&people[0], right).unwrap();
}

#[test]
fn a_roster_hash_is_that_of_the_new_roster() {
    let (mut world, mid, people) = three();
    world.wait(1);
    let record = EpochRecord { roster_hash: Digest([1; 32]), ..world.record(mid, &[], &[]) };
    assert_eq!(world.say(&people[0], record), Err(Refusal::RosterHashMismatch));
}

#[test]
fn a_roster_has_a_largest_size() {
    let (mut world, mid, people) = three();
    world.rules.params.max_members = 2;
    assert_eq!(world.advance(&people[0], mid, &[], &[]), Err(Refusal::RosterTooLarge));
}

#[test]
fn nobody_is_added_who_never_asked() {
    let (mut world, mid, people) = three();
    world.wait(1);
    let record = EpochRecord {
        added: Set::new([MemberIdx(9)]).unwrap(),
        roster: Roster::new([IDX[0], IDX[1], IDX[2], MemberIdx(9)]).unwrap(),
        ..world.record(mid, &[], &[])
    };
    assert_eq!(world.say(&people[0], record), Err(Refusal::UnknownMember));
}

#[test]
fn a_member_that_left_stays_out() {
    let (mut world, mid, people) = three();
    world.leave(&people[1], mid, IDX[1]).unwrap();
    // Keeping it in is refused; it is removed as what it is.
    assert_eq!(world.advance(&people[0], mid, &[], &[]), Err(Refusal::RosterHoldsIneligible));
    let out = removal(IDX[1], Reason::Left);
    world.advance(&people[0], mid, &[], &[out]).unwrap();
    assert_eq!(world.member(mid, IDX[1]).status, MemberStatus::Left);
    assert_eq!(world.advance(&people[0], mid, &[IDX[1]], &[]), Err(Refusal::RosterHoldsIneligible));
    assert_eq!(world.leave(&people[1], mid, IDX[1]), Err(Refusal::NotThatMember));
}

#[test]
fn nobody_is_called_gone_who_is_not() {
    let (mut world, mid, people) = three();
    for reason in [Reason::Left, Reason::Revoked] {
        assert_eq!(
            world.advance(&people[0], mid, &[], &[removal(IDX[1], reason)]),
            Err(Refusal::ReasonDoesNotHold)
        );
    }
}

#[test]
fn a_kicked_user_may_ask_again_and_a_banned_one_may_not() {
    let (mut world, mid, people) = three();
    let out = [removal(IDX[1], Reason::Kicked), removal(IDX[2], Reason::Banned)];
    world.advance(&people[0], mid, &[], &out).unwrap();
    assert_eq!(world.member(mid, IDX[1]).status, MemberStatus::Removed(Reason::Kicked));
    assert_eq!(world.ask(&people[1], mid), Ok(IDX[3]));
    assert_eq!(world.ask(&people[2], mid), Err(Refusal::Banned));
}

#[test]
fn a_ban_ends_when_the_leader_says_so() {
    let (mut world, mid, people) = three();
    world.advance(&people[0], mid, &[], &[removal(IDX[2], Reason::Banned)]).unwrap();
    world.wait(1);
    let mut record = world.record(mid, &[], &[]);
    record.unbanned = Set::new([people[2].user]).unwrap();
    world.say(&people[0], record).unwrap();
    assert_eq!(world.ask(&people[2], mid), Ok(IDX[3]));
    world.wait(1);
    let mut record = world.record(mid, &[], &[]);
    record.unbanned = Set::new([people[2].user]).unwrap();
    assert_eq!(world.say(&people[0], record), Err(Refusal::NotBanned));
}

#[test]
fn a_waiting_request_is_denied_with_or_without_a_ban() {
    let (mut world, mid, people) = three();
    let guest = world.person(4);
    let idx = world.ask(&guest, mid).unwrap();
    assert_eq!(
        world.advance(&people[0], mid, &[], &[removal(idx, Reason::TimedOut)]),
        Err(Refusal::RosterMismatch)
    );
    world.advance(&people[0], mid, &[], &[removal(idx, Reason::Banned)]).unwrap();
    assert_eq!(world.member(mid, idx).status, MemberStatus::Removed(Reason::Banned));
    assert_eq!(world.ask(&guest, mid), Err(Refusal::Banned));
}

#[test]
fn a_banned_user_has_no_second_seat_left() {
    let (mut world, mid, people) = three();
    let again = world.ask(&people[2], mid).unwrap();
    world.advance(&people[0], mid, &[again], &[]).unwrap();
    assert_eq!(
        world.advance(&people[0], mid, &[], &[removal(IDX[2], Reason::Banned)]),
        Err(Refusal::RosterHoldsIneligible)
    );
    let both = [removal(IDX[2], Reason::Banned), removal(again, Reason::Banned)];
    world.advance(&people[0], mid, &[], &both).unwrap();
}

#[test]
fn a_member_whose_device_was_revoked_must_go() {
    let (mut world, mid, people) = three();
    let mut device = world.device(people[1].dev);
    device.status = identity::DeviceStatus::Revoked;
    world.state.insert(Key::Device(people[1].dev), Record::Device(device));
    assert_eq!(world.advance(&people[0], mid, &[], &[]), Err(Refusal::RosterHoldsIneligible));
    world.advance(&people[0], mid, &[], &[removal(IDX[1], Reason::Revoked)]).unwrap();
}

#[test]
fn only_the_member_itself_leaves() {
    let (mut world, mid, people) = three();
    assert_eq!(world.leave(&people[2], mid, IDX[1]), Err(Refusal::NotThatMember));
    assert_eq!(world.leave(&people[2], mid, MemberIdx(50)), Err(Refusal::UnknownMember));
}

#[test]
fn a_request_taken_back_costs_no_new_key() {
    let (mut world, mid, _) = three();
    let guest = world.person(4);
    let idx = world.ask(&guest, mid).unwrap();
    world.leave(&guest, mid, idx).unwrap();
    assert_eq!(world.meeting(mid).rekey_due, None);
}

#[test]
fn a_leader_owes_a_new_key_ten_seconds_after_somebody_left() {
    let (mut world, mid, people) = three();
    world.leave(&people[1], mid, IDX[1]).unwrap();
    let due = world.at.time;
    let meeting = world.meeting(mid);
    assert_eq!(meeting.rekey_due, Some(due));
    assert_eq!(meeting.effective_lease_end(&world.rules.params), due.plus(10));
    // A second leave does not give more time.
    world.wait(5);
    world.leave(&people[2], mid, IDX[2]).unwrap();
    assert_eq!(world.meeting(mid).rekey_due, Some(due));
    world.heartbeat(&people[0], mid).unwrap();
    world.wait(6);
    assert_eq!(world.heartbeat(&people[0], mid), Err(Refusal::RekeyOverdue));
    assert_eq!(world.dismiss(&people[0], mid), Err(Refusal::LeaseOver));
    // The record is the cure.
    let out = [removal(IDX[1], Reason::Left), removal(IDX[2], Reason::Left)];
    world.advance(&people[0], mid, &[], &out).unwrap();
    assert_eq!(world.meeting(mid).rekey_due, None);
    world.heartbeat(&people[0], mid).unwrap();
}

#[test]
fn a_leader_that_leaves_is_gone_from_that_second() {
    let (mut world, mid, people) = three();
    world.leave(&people[0], mid, IDX[0]).unwrap();
    let meeting = world.meeting(mid);
    assert_eq!(meeting.gone_at, Some(world.at.time));
    assert!(!meeting.is_led_at(&world.rules.params, world.at.time));
}

#[test]
fn outsiders_do_not_keep_a_dead_meeting_alive() {
    let (mut world, mid, _) = three();
    let guest = world.person(4);
    for _ in 0..36 {
        world.wait(100);
        if world.meeting(mid).status_at(&world.rules.params, world.at.time) != MeetingStatus::Open {
            return;
        }
        world.ask(&guest, mid).unwrap();
    }
    world.wait(100);
    assert_eq!(world.ask(&guest, mid), Err(Refusal::MeetingOver));
}

#[test]
fn heartbeats_and_dismissals_name_the_present_term_and_epoch() {
    let (mut world, mid, people) = three();
    let leader = &people[0];
    let (term, epoch) = (Term(1), Epoch(1));
    let old = Epoch(0);
    let late = Term(2);
    assert_eq!(world.say(leader, Heartbeat { mid, term, epoch: old }), Err(Refusal::StaleEpoch));
    assert_eq!(world.say(leader, Heartbeat { mid, term: late, epoch }), Err(Refusal::StaleTerm));
    let stale = MeetingDismiss { mid, term, epoch: old };
    assert_eq!(world.say(leader, stale), Err(Refusal::StaleEpoch));
    let stale = MeetingDismiss { mid, term: late, epoch };
    assert_eq!(world.say(leader, stale), Err(Refusal::StaleTerm));
}

#[test]
fn only_the_leader_dismisses_and_is_heard() {
    let (mut world, mid, people) = three();
    assert_eq!(world.dismiss(&people[1], mid), Err(Refusal::NotTheLeader));
    assert_eq!(world.heartbeat(&people[1], mid), Err(Refusal::NotTheLeader));
    world.dismiss(&people[0], mid).unwrap();
    assert!(world.meeting(mid).ended);
}

#[test]
fn a_transport_key_takes_one_seat_for_ever() {
    let (mut world, mid, people) = three();
    let taken = world.member(mid, IDX[1]).npk;
    let body = MeetingRequest { npk: taken, ..world.request_body(&people[2], mid) };
    assert_eq!(world.say(&people[2], body), Err(Refusal::NpkTaken));
    let body = PublishMeeting { npk: taken, ..world.publish_body(&people[2], 9) };
    assert_eq!(world.say(&people[2], body), Err(Refusal::NpkTaken));
}

#[test]
fn weak_meeting_keys_are_refused() {
    let (mut world, mid, people) = three();
    let weak = Err(Refusal::Weak(WeakKey::SmallOrder));
    let body = MeetingRequest { epk: Epk([0; 32]), ..world.request_body(&people[2], mid) };
    assert_eq!(world.say(&people[2], body), weak);
    let mut identity = [0; 32];
    identity[0] = 1;
    let body = MeetingRequest { npk: Npk(identity), ..world.request_body(&people[2], mid) };
    assert_eq!(world.say(&people[2], body), weak);
    let body = PublishMeeting { epk: Epk([0; 32]), ..world.publish_body(&people[2], 9) };
    assert_eq!(world.say(&people[2], body), weak);
}

#[test]
fn a_large_roster_is_loaded_in_two_strokes() {
    let (mut world, mid, people) = three();
    world.wait(1);
    let tx = world.tx(&people[0], world.record(mid, &[], &[removal(IDX[2], Reason::Kicked)]));
    let mut loaded: std::collections::BTreeSet<Key> = footprint(&tx).into_iter().collect();
    struct Partial<'a>(&'a World, &'a std::collections::BTreeSet<Key>);
    impl View for Partial<'_> {
        fn get(&self, key: &Key) -> Result<Option<Record>, NotLoaded> {
            if self.1.contains(key) { Ok(self.0.state.get(key).cloned()) } else { Err(NotLoaded) }
        }
    }
    let mut rounds = 0;
    loop {
        match apply(&world.rules, world.at, &Partial(&world, &loaded), &tx) {
            Err(ApplyError::NotLoaded(keys)) => loaded.extend(keys),
            answer => {
                answer.unwrap();
                break;
            }
        }
        rounds += 1;
    }
    // The leader's user, and then all devices at once.
    assert_eq!(rounds, 2);
}
