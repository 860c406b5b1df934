//! The whole table of docs/protocol.md, section 5.2: every state of a meeting, every transaction.

use conclave_protocol::{
    meeting::{AutoAdmit, MeetingPolicy, RefreshKeys, Succession, VoteLeader},
    *,
};

use crate::world::{Person, World};

/// A meeting in some state, its leader (idx 0), a member (idx 1) and a stranger.
struct Scene {
    world: World,
    mid: MeetingId,
    leader: Person,
    member: Person,
    stranger: Person,
}

fn live() -> Scene {
    let mut world = World::new();
    let (leader, member, stranger) = (world.person(1), world.person(2), world.person(3));
    let mid = world.publish(&leader);
    let idx = world.ask(&member, mid).unwrap();
    world.advance(&leader, mid, &[idx], &[]).unwrap();
    world.wait(1);
    Scene { world, mid, leader, member, stranger }
}

/// What each transaction is answered.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    publish: Result<(), Refusal>,
    request: Result<(), Refusal>,
    leave: Result<(), Refusal>,
    epoch: Result<(), Refusal>,
    reassign: Result<(), Refusal>,
    vote: Result<(), Refusal>,
    heartbeat: Result<(), Refusal>,
    refresh: Result<(), Refusal>,
    policy: Result<(), Refusal>,
    dismiss: Result<(), Refusal>,
    prune: Result<(), Refusal>,
}

/// The next record of the scene while it was live: a pruned meeting has none to be made of.
fn record(mid: MeetingId) -> EpochRecord {
    EpochRecord { mid, ..live().world.record(live().mid, &[], &[]) }
}

/// Every transaction on a copy of the same scene.
fn row(scene: &Scene) -> Row {
    let Scene { world, mid, leader, member, stranger } = scene;
    let mid = *mid;
    Row {
        publish: {
            let mut world = world.clone();
            let body = PublishMeeting { mid, ..world.publish_body(stranger, 9) };
            world.say(stranger, body).map(drop)
        },
        request: world.clone().ask(stranger, mid).map(drop),
        leave: world.clone().leave(member, mid, MemberIdx(1)),
        epoch: world.clone().say(leader, record(mid)).map(drop),
        reassign: {
            let meeting = world.meeting(mid);
            let claim = LeaderReassign {
                mid,
                term: meeting.term,
                rule: Succession::Time,
                prev_ivk: leader.signer.ivk(),
                idx: MemberIdx(1),
                ivk: member.signer.ivk(),
                epk: Epk([9; 32]),
                absent: codec::Set::default(),
            };
            world.clone().say(member, claim).map(drop)
        },
        vote: {
            let vote =
                VoteLeader { mid, term: Term(1), idx: MemberIdx(1), candidate: MemberIdx(1) };
            world.clone().say(member, vote).map(drop)
        },
        heartbeat: world.clone().heartbeat(leader, mid),
        refresh: {
            let keys = RefreshKeys { mid, idx: MemberIdx(1), epk: Epk([9; 32]), ek_hash: [9; 32] };
            world.clone().say(member, keys).map(drop)
        },
        policy: {
            let auto_admit = AutoAdmit::Never;
            let door = MeetingPolicy { mid, term: Term(1), auto_admit, locked: true };
            world.clone().say(leader, door).map(drop)
        },
        dismiss: world.clone().dismiss(leader, mid),
        prune: {
            let next = world.meeting(mid).next_idx;
            world.clone().say(stranger, PruneMeeting { mid, next }).map(drop)
        },
    }
}

#[test]
fn a_meeting_that_does_not_exist_can_only_be_published() {
    let Scene { mut world, leader, stranger, .. } = live();
    let mid = MeetingId([77; 32]);
    let (term, epoch) = (Term(1), Epoch(0));
    let unknown = Err(Refusal::UnknownMeeting);
    let request = world.request_body(&stranger, mid);
    assert_eq!(world.say(&stranger, request), unknown);
    assert_eq!(world.say(&stranger, MeetingLeave { mid, idx: MemberIdx(0) }), unknown);
    assert_eq!(world.say(&leader, Heartbeat { mid, term, epoch }), unknown);
    assert_eq!(world.say(&leader, MeetingDismiss { mid, term, epoch }), unknown);
    let (next, record) = (MemberIdx(0), record(mid));
    assert_eq!(world.say(&leader, PruneMeeting { mid, next }), unknown);
    assert_eq!(world.say(&leader, record), unknown);
    let body = world.publish_body(&stranger, 77);
    assert_eq!(world.say(&stranger, body), Ok(vec![Event::MeetingPublished { mid }]));
}

#[test]
fn while_the_lease_runs_all_but_a_second_publish_goes() {
    assert_eq!(
        row(&live()),
        Row {
            publish: Err(Refusal::MeetingTaken),
            request: Ok(()),
            leave: Ok(()),
            epoch: Ok(()),
            reassign: Err(Refusal::NotYourTurn),
            vote: Ok(()),
            heartbeat: Ok(()),
            refresh: Ok(()),
            policy: Ok(()),
            dismiss: Ok(()),
            prune: Err(Refusal::NotYet),
        }
    );
}

#[test]
fn after_the_lease_a_leader_must_be_heard_before_it_acts() {
    let mut scene = live();
    scene.world.wait(61);
    assert_eq!(
        row(&scene),
        Row {
            publish: Err(Refusal::MeetingTaken),
            request: Ok(()),
            leave: Ok(()),
            epoch: Err(Refusal::LeaseOver),
            reassign: Ok(()),
            vote: Ok(()),
            heartbeat: Ok(()),
            refresh: Ok(()),
            policy: Err(Refusal::LeaseOver),
            dismiss: Err(Refusal::LeaseOver),
            prune: Err(Refusal::NotYet),
        }
    );
    scene.world.heartbeat(&scene.leader, scene.mid).unwrap();
    assert_eq!(row(&scene), row(&live()));
}

#[test]
fn a_leader_that_left_leads_no_more() {
    let mut scene = live();
    scene.world.leave(&scene.leader, scene.mid, MemberIdx(0)).unwrap();
    assert_eq!(
        row(&scene),
        Row {
            publish: Err(Refusal::MeetingTaken),
            request: Ok(()),
            leave: Ok(()),
            epoch: Err(Refusal::LeaderGone),
            reassign: Ok(()),
            vote: Ok(()),
            heartbeat: Err(Refusal::LeaderGone),
            refresh: Ok(()),
            policy: Err(Refusal::LeaderGone),
            dismiss: Err(Refusal::LeaderGone),
            prune: Err(Refusal::NotYet),
        }
    );
}

fn over() -> Row {
    let over = Err(Refusal::MeetingOver);
    Row {
        publish: Err(Refusal::MeetingTaken),
        request: over,
        leave: over,
        epoch: over,
        reassign: over,
        vote: over,
        heartbeat: over,
        refresh: over,
        policy: over,
        dismiss: over,
        prune: Err(Refusal::NotYet),
    }
}

#[test]
fn an_idle_meeting_is_over_and_its_id_burnt() {
    let mut scene = live();
    scene.world.wait(3_601);
    assert_eq!(row(&scene), over());
}

#[test]
fn a_dismissed_meeting_is_over_and_its_id_burnt() {
    let mut scene = live();
    scene.world.dismiss(&scene.leader, scene.mid).unwrap();
    assert_eq!(row(&scene), over());
    // Time changes nothing about it.
    scene.world.wait(10_000);
    assert_eq!(row(&scene), over());
}

#[test]
fn a_meeting_that_is_long_over_is_pruned_and_its_id_stays_burnt() {
    let mut scene = live();
    scene.world.dismiss(&scene.leader, scene.mid).unwrap();
    let retention = scene.world.rules.params.retention;
    scene.world.wait(u64::from(retention));
    assert_eq!(row(&scene), over());
    scene.world.wait(1);
    assert_eq!(row(&scene), Row { prune: Ok(()), ..over() });
    let mid = scene.mid;
    scene.world.say(&scene.stranger, PruneMeeting { mid, next: MemberIdx(2) }).unwrap();
    assert_eq!(row(&scene), Row { prune: Ok(()), ..over() });
    scene.world.say(&scene.member, PruneMeeting { mid, next: MemberIdx(0) }).unwrap();
    assert_eq!(row(&scene), Row { prune: Err(Refusal::NothingToPrune), ..over() });
}

#[test]
fn the_last_second_of_the_idle_time_still_counts() {
    let mut scene = live();
    let now = scene.world.meeting(scene.mid).last_activity.plus(3_600);
    scene.world.at.time = now;
    assert_eq!(scene.world.heartbeat(&scene.leader, scene.mid), Ok(()));
}
