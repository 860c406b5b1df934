//! Whatever people send, in whatever order, the ledgers keep their promises.

use conclave_protocol::{
    meeting::{MeetingStatus, MemberStatus, Reason, RefreshKeys, Succession, VoteLeader},
    *,
};
use proptest::{collection::vec, prelude::*};

use crate::world::{Person, World, removal};

/// Something somebody tries. Numbers are taken modulo what there is.
#[derive(Clone, Debug)]
pub(crate) enum Try {
    Publish { who: usize },
    Ask { who: usize },
    Leave { who: usize, idx: u16 },
    Advance { who: usize, added: Vec<u16>, removed: Vec<(u16, Reason)>, unban: bool },
    Heartbeat { who: usize },
    Dismiss { who: usize },
    Claim { who: usize, rule: Succession },
    Vote { who: usize, candidate: u16 },
    Refresh { who: usize },
    Revoke { who: usize },
    Wait { seconds: u64 },
}

pub(crate) fn tries() -> impl Strategy<Value = Try> {
    let reasons = vec![
        Reason::Left,
        Reason::Kicked,
        Reason::Kicked,
        Reason::Banned,
        Reason::Revoked,
        Reason::TimedOut,
    ];
    let removed = vec((0..12_u16, prop::sample::select(reasons)), 0..3);
    let advance = (0..5_usize, vec(0..12_u16, 0..3), removed, any::<bool>()).prop_map(
        |(who, added, removed, unban)| Try::Advance {
            // The leader acts more often than others try to.
            who: who.saturating_sub(2),
            added,
            removed,
            unban,
        },
    );
    prop_oneof![
        1 => (0..3_usize).prop_map(|who| Try::Publish { who }),
        6 => (0..4_usize).prop_map(|who| Try::Ask { who }),
        3 => (0..4_usize, 0..12_u16).prop_map(|(who, idx)| Try::Leave { who, idx }),
        12 => advance,
        3 => (0..3_usize).prop_map(|who| Try::Heartbeat { who }),
        1 => (0..8_usize).prop_map(|who| Try::Dismiss { who }),
        1 => (1..12_usize).prop_map(|who| Try::Revoke { who }),
        4 => (0..4_usize, prop_oneof![Just(Succession::Time), Just(Succession::Vote)])
            .prop_map(|(who, rule)| Try::Claim { who, rule }),
        4 => (0..4_usize, 0..12_u16).prop_map(|(who, candidate)| Try::Vote { who, candidate }),
        1 => (0..4_usize).prop_map(|who| Try::Refresh { who }),
        8 => prop_oneof![0..5_u64, 0..5_u64, 0..80_u64, 0..700_u64]
            .prop_map(|seconds| Try::Wait { seconds }),
    ]
}

pub(crate) const MID: MeetingId = MeetingId([100; 32]);

/// Sends it, honestly signed. Records take who asked and who is in from the state half of the
/// time by themselves, since the numbers are small.
pub(crate) fn attempt(
    world: &mut World,
    people: &[Person],
    attempt: Try,
) -> Result<Vec<Event>, Refusal> {
    let person = |who: usize| &people[who % people.len()];
    match attempt {
        Try::Publish { who } => {
            let body = PublishMeeting { mid: MID, ..world.publish_body(person(who), 100) };
            world.say(person(who), body)
        }
        Try::Ask { who } => {
            let body = world.request_body(person(who), MID);
            world.say(person(who), body)
        }
        Try::Leave { who, idx } => {
            world.say(person(who), MeetingLeave { mid: MID, idx: MemberIdx(idx) })
        }
        Try::Advance { who, added, removed, unban } => {
            let next = world.meeting(MID).next_idx.0;
            let old = world.roster(MID).roster;
            let known = |idx: u16| MemberIdx(idx % next);
            let added: Vec<_> =
                added.into_iter().map(known).filter(|idx| !old.contains(*idx)).collect();
            let mut removed: Vec<_> =
                removed.into_iter().map(|(idx, reason)| removal(known(idx), reason)).collect();
            removed.retain(|removal| !added.contains(&removal.idx));
            let mut record = world.record(MID, &added, &removed);
            if unban {
                let banned = people.iter().map(|person| person.user);
                let banned = banned.filter(|user| world.state.contains_key(&Key::Ban(MID, *user)));
                record.unbanned = codec::Set::new(banned.collect::<Vec<_>>()).unwrap();
            }
            world.say(person(who), record)
        }
        Try::Heartbeat { who } => {
            let MeetingRecord { term, epoch, .. } = world.meeting(MID);
            world.say(person(who), Heartbeat { mid: MID, term, epoch })
        }
        Try::Dismiss { who } => {
            let MeetingRecord { term, epoch, .. } = world.meeting(MID);
            world.say(person(who), MeetingDismiss { mid: MID, term, epoch })
        }
        Try::Claim { who, rule } => {
            let meeting = world.meeting(MID);
            let claim = LeaderReassign {
                mid: MID,
                term: meeting.term,
                rule,
                prev_ivk: world.member(MID, meeting.leader).ivk,
                idx: seat(world, person(who)),
                ivk: person(who).signer.ivk(),
                epk: Epk([70; 32]),
                absent: codec::Set::default(),
            };
            world.say(person(who), claim)
        }
        Try::Vote { who, candidate } => {
            let meeting = world.meeting(MID);
            let candidate = MemberIdx(candidate % meeting.next_idx.0);
            let idx = seat(world, person(who));
            world.say(person(who), VoteLeader { mid: MID, term: meeting.term, idx, candidate })
        }
        Try::Refresh { who } => {
            let idx = seat(world, person(who));
            let keys = RefreshKeys { mid: MID, idx, epk: Epk([71; 32]), ek_hash: [3; 32] };
            world.say(person(who), keys)
        }
        Try::Revoke { who } => {
            // Later versions write this by a transaction.
            if let Some(person) = people.get(who) {
                let mut device = world.device(person.dev);
                device.status = identity::DeviceStatus::Revoked;
                world.state.insert(Key::Device(person.dev), Record::Device(device));
            }
            Ok(Vec::new())
        }
        Try::Wait { seconds } => {
            world.wait(seconds);
            Ok(Vec::new())
        }
    }
}

/// The newest seat somebody has, or the leader's.
fn seat(world: &World, who: &Person) -> MemberIdx {
    let mut seats = (0..world.meeting(MID).next_idx.0).rev().map(MemberIdx);
    seats.find(|idx| world.member(MID, *idx).dev == who.dev).unwrap_or_default()
}

/// What holds in every state.
fn check_state(world: &World) {
    let meeting = world.meeting(MID);
    let roster = world.roster(MID).roster;
    assert!(roster.contains(meeting.leader), "the leader is in the roster");
    assert!(roster.len() <= usize::from(world.rules.params.max_members));
    for idx in roster.iter() {
        let member = world.member(MID, idx);
        assert!(idx < meeting.next_idx);
        assert!(
            matches!(member.status, MemberStatus::Admitted | MemberStatus::Left),
            "{idx} is in the roster and {:?}",
            member.status
        );
        assert!(
            !world.state.contains_key(&Key::Ban(MID, member.user)),
            "{idx} is banned and in the roster"
        );
    }
    for idx in (0..meeting.next_idx.0).map(MemberIdx) {
        let member = world.member(MID, idx);
        let admitted = member.status == MemberStatus::Admitted;
        assert!(!admitted || roster.contains(idx), "{idx} is admitted and in no roster");
        assert_eq!(
            world.state.get(&Key::NpkIndex(member.npk)),
            Some(&Record::Seat(state::Seat { mid: MID, idx }))
        );
    }
    for (key, record) in &world.state {
        assert!(encode(record).len() <= state::MAX_RECORD, "{key:?}");
    }
}

/// What holds from one state to the next.
fn check_step(before: &World, after: &World, answer: &Result<Vec<Event>, Refusal>) {
    let (old, new) = (before.meeting(MID), after.meeting(MID));
    if answer.is_err() {
        assert_eq!(before.state, after.state, "a refused transaction changed something");
        return;
    }
    assert!(new.term == old.term || new.term == old.term.next());
    assert_eq!(new.term == old.term, new.leader == old.leader, "one leader per term");
    assert!(new.epoch == old.epoch || new.epoch == old.epoch.next());
    assert!(new.next_idx >= old.next_idx);
    assert!(!old.ended || old == new, "an ended meeting changed");
    let params = &before.rules.params;
    if old.status_at(params, before.at.time) == MeetingStatus::Expired {
        assert_eq!(old, new, "an expired meeting changed");
    }
    if new.epoch == old.epoch {
        assert_eq!((old.last_rec, old.mk_commit), (new.last_rec, new.mk_commit));
        assert_eq!(before.roster(MID), after.roster(MID));
    } else {
        assert_ne!(old.mk_commit, new.mk_commit);
        assert_eq!(new.last_rec_height, after.at.height);
        assert!(old.epoch == Epoch(0) || old.last_rec_height < new.last_rec_height);
        assert_eq!(new.rekey_due, None);
        for idx in after.roster(MID).roster.iter() {
            let member = after.member(MID, idx);
            assert_eq!(member.status, MemberStatus::Admitted);
            assert!(after.device(member.dev).is_active());
        }
    }
    for idx in (0..old.next_idx.0).map(MemberIdx) {
        let (old, new) = (before.member(MID, idx), after.member(MID, idx));
        let gone = matches!(old.status, MemberStatus::Removed(_));
        assert!(!gone || old == new, "a removed member changed");
        assert_eq!((old.user, old.dev, old.npk), (new.user, new.dev, new.npk));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_order_of_transactions_breaks_a_meeting(tries in vec(tries(), 1..60)) {
        let mut world = World::new();
        world.rules.params.max_members = 3;
        world.rules.params.burst = 1_000;
        let people: Vec<_> = (1..5).map(|seed| world.person(seed)).collect();
        let body = PublishMeeting { mid: MID, ..world.publish_body(&people[0], 100) };
        world.say(&people[0], body).unwrap();
        for step in tries {
            let before = world.clone();
            let answer = attempt(&mut world, &people, step);
            check_step(&before, &world, &answer);
            check_state(&world);
        }
    }
}

#[test]
fn the_same_transactions_make_the_same_state() {
    let play = || {
        let mut world = World::new();
        let (leader, guest) = (world.person(1), world.person(2));
        let mid = world.publish(&leader);
        let idx = world.ask(&guest, mid).unwrap();
        world.advance(&leader, mid, &[idx], &[]).unwrap();
        world.leave(&guest, mid, idx).unwrap();
        world.advance(&leader, mid, &[], &[removal(idx, Reason::Left)]).unwrap();
        world.dismiss(&leader, mid).unwrap();
        world.state
    };
    assert_eq!(play(), play());
}
