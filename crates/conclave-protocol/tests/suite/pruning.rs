//! What leaves the state of a meeting that is long over, and what never does.

use std::collections::BTreeSet;

use conclave_protocol::{
    codec::Text,
    meeting::{PRUNED_AT_ONCE, Reason, VoteLeader},
    *,
};
use proptest::{collection::vec, prelude::*};

use crate::{
    invariants::{MID, attempt, tries},
    world::{Person, World, removal},
};

/// A meeting with a leader, a member who voted and one who is banned, ended now.
fn ended() -> (World, MeetingId, [Person; 3]) {
    let mut world = World::new();
    let people = [world.person(1), world.person(2), world.person(3)];
    let [leader, member, banned] = &people;
    let info = UserInfo::Clear(Text::new(&"a long title ".repeat(40)).unwrap());
    let body = PublishMeeting { info, ..world.publish_body(leader, 90) };
    let mid = body.mid;
    world.say(leader, body).unwrap();
    let one = world.ask(member, mid).unwrap();
    let two = world.ask(banned, mid).unwrap();
    world.advance(leader, mid, &[one, two], &[]).unwrap();
    world.advance(leader, mid, &[], &[removal(two, Reason::Banned)]).unwrap();
    world.say(member, VoteLeader { mid, term: Term(1), idx: one, candidate: one }).unwrap();
    world.dismiss(leader, mid).unwrap();
    (world, mid, people)
}

/// The same a second after the retention time.
fn long_over() -> (World, MeetingId, [Person; 3]) {
    let (mut world, mid, people) = ended();
    let retention = world.rules.params.retention;
    world.wait(u64::from(retention) + 1);
    (world, mid, people)
}

fn prune(world: &mut World, who: &Person, mid: MeetingId) -> Result<Vec<Event>, Refusal> {
    let next = world.meeting(mid).next_idx;
    world.say(who, PruneMeeting { mid, next })
}

/// The names of all records of one meeting, without its index of transport keys.
fn names(world: &World, mid: MeetingId) -> Vec<Key> {
    let of = |key: &&Key| match key {
        Key::Meeting(id)
        | Key::MeetingInfo(id, _)
        | Key::Member(id, _)
        | Key::Roster(id)
        | Key::Ban(id, _)
        | Key::RequestTimes(id, _)
        | Key::Vote(id, _) => *id == mid,
        _ => false,
    };
    world.state.keys().filter(of).cloned().collect()
}

fn seats(world: &World) -> Vec<(&Key, &Record)> {
    world.state.iter().filter(|(key, _)| matches!(key, Key::NpkIndex(_))).collect()
}

#[test]
fn a_meeting_is_kept_for_exactly_the_retention_time() {
    let (mut world, mid, [leader, ..]) = ended();
    assert_eq!(Params::default().retention, 30 * 86_400);
    world.at.time = world.meeting(mid).last_activity.plus(30 * 86_400);
    assert_eq!(prune(&mut world, &leader, mid), Err(Refusal::NotYet));
    world.wait(1);
    let left = MemberIdx(0);
    assert_eq!(prune(&mut world, &leader, mid), Ok(vec![Event::MeetingPruned { mid, left }]));
}

#[test]
fn a_meeting_that_died_of_silence_is_kept_from_its_last_sign_of_life() {
    let mut world = World::new();
    world.rules.params.retention = 5_000;
    let leader = world.person(1);
    let mid = world.publish(&leader);
    world.wait(5_000);
    assert_eq!(prune(&mut world, &leader, mid), Err(Refusal::NotYet));
    world.wait(1);
    prune(&mut world, &leader, mid).unwrap();
}

#[test]
fn a_meeting_that_goes_on_is_never_pruned() {
    let mut world = World::new();
    // Shorter than the silence after which a meeting is over.
    world.rules.params.retention = 10;
    let (leader, stranger) = (world.person(1), world.person(2));
    let mid = world.publish(&leader);
    world.wait(3_600);
    assert_eq!(prune(&mut world, &stranger, mid), Err(Refusal::NotYet));
    world.heartbeat(&leader, mid).unwrap();
    world.wait(3_600);
    assert_eq!(prune(&mut world, &stranger, mid), Err(Refusal::NotYet));
    world.wait(1);
    prune(&mut world, &stranger, mid).unwrap();
}

#[test]
fn any_active_device_prunes_with_a_nonce_and_a_token_of_its_own() {
    let (mut world, mid, [_, member, banned]) = long_over();
    let stranger = world.person(9);
    let tokens = world.user(stranger.user).tokens;
    prune(&mut world, &stranger, mid).unwrap();
    assert_eq!(world.user(stranger.user).tokens, tokens - 1);
    assert_eq!(world.device(stranger.dev).next_nonce, 2);
    prune(&mut world, &banned, mid).unwrap();

    let (mut world, mid, _) = long_over();
    let body = world.revoke_body(&member, member.dev, 0);
    world.say(&member, body).unwrap();
    assert_eq!(prune(&mut world, &member, mid), Err(Refusal::DeviceInactive));
    let unknown = PruneMeeting { mid: MeetingId([7; 32]), next: MemberIdx(3) };
    assert_eq!(world.say(&banned, unknown), Err(Refusal::UnknownMeeting));
}

#[test]
fn of_two_devices_that_prune_one_meeting_the_second_changes_nothing() {
    let (mut world, mid, [leader, member, _]) = long_over();
    let next = world.meeting(mid).next_idx;
    let both = [&leader, &member].map(|who| world.tx(who, PruneMeeting { mid, next }));
    world.run(&both[0]).unwrap();
    let before = world.state.clone();
    assert_eq!(world.run(&both[1]).map_err(crate::world::refusal), Err(Refusal::StaleSeq));
    for wrong in [1, 2, 3, 1_023, u16::MAX] {
        let body = PruneMeeting { mid, next: MemberIdx(wrong) };
        assert_eq!(world.say(&member, body), Err(Refusal::StaleSeq));
    }
    assert_eq!(world.state, before);
    prune(&mut world, &leader, mid).unwrap();
    assert_eq!(prune(&mut world, &member, mid), Err(Refusal::NothingToPrune));
}

#[test]
fn what_a_meeting_remembered_goes_and_what_is_burnt_stays() {
    let (mut world, mid, [leader, ..]) = long_over();
    let before = world.clone();
    assert!(names(&world, mid).len() > 10, "{:?}", names(&world, mid));
    prune(&mut world, &leader, mid).unwrap();
    let left = names(&world, mid);
    let info = |key: &Key| matches!(key, Key::Meeting(_) | Key::MeetingInfo(..) | Key::Roster(_));
    assert!(left.iter().all(info) && left.len() > 3, "{left:?}");
    prune(&mut world, &leader, mid).unwrap();
    assert_eq!(names(&world, mid), [Key::Meeting(mid)]);
    let old = before.meeting(mid);
    let expected = MeetingRecord { next_idx: MemberIdx(0), info_chunks: 0, ..old };
    assert_eq!(world.meeting(mid), expected);
    assert_eq!(seats(&world), seats(&before));
    let identity = |world: &World| -> Vec<_> {
        let mine = [Key::User(leader.user), Key::Device(leader.dev)];
        let of = |key: &Key| key.ledger() == Ledger::Identity && !mine.contains(key);
        let records = world.state.iter().filter(|(key, _)| of(key));
        records.map(|(key, record)| (key.clone(), record.clone())).collect()
    };
    assert_eq!(identity(&world), identity(&before));
}

/// The meeting with every index that there may be, each of them a user's of its own but the last
/// ones; a fifth of them banned.
fn full() -> (World, MeetingId, Person) {
    let mut world = World::new();
    let params = &mut world.rules.params;
    (params.request_window, params.request_burst) = (0, 1);
    (params.burst, params.refill) = (u16::MAX, 1);
    let leader = world.person(1);
    let mid = world.publish(&leader);
    let guests: Vec<_> = (2..200).map(|seed| world.person(seed)).collect();
    for number in 1..1_024_u16 {
        let guest = &guests[usize::from(number) % guests.len()];
        let mut seed = [0x55; 32];
        seed[..2].copy_from_slice(&number.to_be_bytes());
        let npk = Ed25519Signer::from_seed(&seed).npk();
        let body = MeetingRequest {
            mid,
            user: guest.user,
            dev: guest.dev,
            ivk: guest.signer.ivk(),
            epk: Epk(seed),
            ek_hash: seed,
            npk,
            term: Term(1),
        };
        world.say(guest, body).unwrap();
    }
    assert_eq!(world.ask(&guests[0], mid), Err(Refusal::MeetingFull));
    for first in [0, 500] {
        let banned: Vec<_> =
            (1..100).map(|n| removal(MemberIdx(first + n), Reason::Banned)).collect();
        world.advance(&leader, mid, &[], &banned).unwrap();
    }
    world.dismiss(&leader, mid).unwrap();
    (world, mid, leader)
}

#[test]
fn a_meeting_of_1024_indexes_leaves_in_17_transactions_of_at_most_257_keys() {
    let (mut world, mid, leader) = full();
    let retention = world.rules.params.retention;
    world.wait(u64::from(retention) + 1);
    let seats_before = seats(&world).len();
    for part in 1..=17_u16 {
        let next = world.meeting(mid).next_idx;
        assert_eq!(next.0, 1_024_u16.saturating_sub((part - 1) * PRUNED_AT_ONCE));
        let tx = world.tx(&leader, PruneMeeting { mid, next });
        let changes = apply(&world.rules, world.at, &world.state, &tx).unwrap();
        let written = changes.writes.keys().filter(|key| key.ledger() == Ledger::Meeting);
        // Meeting, and four keys each; at last roster, one piece of info and meeting.
        assert_eq!(written.count(), if part < 17 { 257 } else { 3 });
        world.run(&tx).unwrap();
    }
    assert_eq!(names(&world, mid), [Key::Meeting(mid)]);
    assert_eq!(seats(&world).len(), seats_before);
    assert_eq!(prune(&mut world, &leader, mid), Err(Refusal::NothingToPrune));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Any meeting, ended or silent, then any mixture of good and bad prunings and of everything else
    /// that people try.
    #[test]
    fn whatever_became_of_a_meeting_nothing_but_its_name_is_left(
        before in vec(tries(), 0..40),
        after in vec((0..4_usize, 0..5_u16, any::<bool>()), 0..20),
        dismissed in any::<bool>(),
    ) {
        let mut world = World::new();
        world.rules.params.max_members = 3;
        world.rules.params.burst = 1_000;
        let people: Vec<_> = (1..5).map(|seed| world.person(seed)).collect();
        let [other, body] = [101, 100].map(|mid| world.publish_body(&people[0], mid));
        let beside = other.mid;
        world.say(&people[0], other).unwrap();
        world.say(&people[0], PublishMeeting { mid: MID, ..body }).unwrap();
        for step in before {
            let _ = attempt(&mut world, &people, step);
        }
        if dismissed {
            let leader = world.member(MID, world.meeting(MID).leader).dev;
            if let Some(leader) = people.iter().find(|person| person.dev == leader) {
                let _ = world.dismiss(leader, MID);
            }
        }
        let retention = world.rules.params.retention;
        world.wait(u64::from(retention) + 3_601);
        // Nobody who is left could prune otherwise.
        let pruner = world.person(60);
        let (asked, kept) = (world.meeting(MID), seats(&world).len());
        let neighbour: Vec<_> = names(&world, beside);
        let mut taken = 0;
        for (who, next, honest) in after {
            let next = if honest { world.meeting(MID).next_idx } else { MemberIdx(next) };
            let is_next = next == world.meeting(MID).next_idx;
            let was = world.clone();
            let answer = world.say(&people[who], PruneMeeting { mid: MID, next });
            prop_assert!(is_next || answer.is_err());
            if answer.is_ok() { taken += 1 } else { prop_assert_eq!(&was.state, &world.state) }
            // Nothing of it is a way back in.
            let request = world.request_body(&people[who], MID);
            prop_assert!(world.say(&people[who], request).is_err());
        }
        while prune(&mut world, &pruner, MID).is_ok() {
            taken += 1;
        }
        prop_assert_eq!(taken, asked.next_idx.0.div_ceil(PRUNED_AT_ONCE) + 1);
        prop_assert_eq!(names(&world, MID), [Key::Meeting(MID)]);
        let expected = MeetingRecord { next_idx: MemberIdx(0), info_chunks: 0, ..asked };
        prop_assert_eq!(world.meeting(MID), expected);
        prop_assert_eq!(seats(&world).len(), kept);
        prop_assert_eq!(names(&world, beside), neighbour);
        let kinds: BTreeSet<Ledger> = world.state.keys().map(Key::ledger).collect();
        prop_assert_eq!(kinds.len(), 2);
    }
}
