//! Members that see different ledgers or records, and the evidence they end up with.

use conclave_meeting::{
    evidence::{Equivocation, Fork, NotEvidence, SignedRecord},
    session::{Alarm, Command, Event, HeaderVerdict, Input, KeyProblem},
    wire::{Ack, Gossip, HeaderProof, PeerMessage},
};
use conclave_protocol::{
    Context, Digest, Ed25519Signer, Epoch, Height, MemberIdx, Signer, codec::Blob, encode, meeting,
};

use crate::{
    meetings::assert_one_key,
    world::{MID, Net, World},
};

const OTHER: Digest = Digest([9; 32]);

fn tell(world: &mut World, from: usize, to: usize, message: &PeerMessage) {
    let npk = world.npk(from);
    world.give(to, Input::Message { npk, bytes: message.to_bytes() });
}

fn alarmed(world: &World, device: usize, alarm: Alarm) -> bool {
    world.saw(device, |event| *event == Event::Alarm(alarm)).is_some()
}

/// Device 1 told device 2 of another header at a height both know.
fn forked() -> (World, Height) {
    let mut world = World::meeting(80, 3, 3, Net::GOOD);
    let height = world.ledger.view(MID, world.now).height;
    world.run(200);
    tell(&mut world, 1, 2, &PeerMessage::Gossip(Gossip { height, header: OTHER }));
    (world, height)
}

fn show(world: &mut World, height: Height) {
    let answer = Blob::new(vec![1, 2, 3]).unwrap();
    tell(world, 1, 2, &PeerMessage::HeaderProof(HeaderProof { height, answer }));
}

fn judge(world: &mut World, height: Height, verdict: HeaderVerdict) {
    world.give(2, Input::HeaderJudged { idx: MemberIdx(1), height, verdict });
}

#[test]
fn the_header_both_know_is_no_alarm_and_another_one_is() {
    let (mut world, height) = forked();
    let name = world.idx(1);
    assert!(alarmed(&world, 2, Alarm::HeadersDiffer(name, height)));
    let header = Digest::of(&[&height.0.to_be_bytes()]);
    tell(&mut world, 0, 2, &PeerMessage::Gossip(Gossip { height, header }));
    assert!(!alarmed(&world, 2, Alarm::HeadersDiffer(world.idx(0), height)));
}

#[test]
fn the_member_with_another_header_is_asked_once_for_what_proves_it() {
    let (mut world, height) = forked();
    tell(&mut world, 1, 2, &PeerMessage::Gossip(Gossip { height, header: OTHER }));
    let asked = PeerMessage::HeaderRequest(height).to_bytes();
    let count = world.messages.iter().filter(|(a, b, what)| (*a, *b, what) == (2, 1, &asked));
    assert_eq!(count.count(), 1);
    world.run(100);
    let wanted = Event::HeaderWanted { idx: world.idx(2), height };
    assert!(world.saw(1, |event| *event == wanted).is_some());
    world.give(1, Input::HeaderAnswer { idx: world.idx(2), height, answer: vec![4, 5] });
    world.run(100);
    let shown = Event::HeaderShown { idx: world.idx(1), height, answer: vec![4, 5] };
    assert!(world.saw(2, |event| *event == shown).is_some());
}

#[test]
fn a_proof_nobody_asked_for_is_not_looked_at() {
    let mut world = World::meeting(80, 3, 3, Net::GOOD);
    show(&mut world, Height(3));
    assert!(world.saw(2, |event| matches!(event, Event::HeaderShown { .. })).is_none());
}

#[test]
fn a_proven_fork_is_alarmed_and_both_certificates_are_kept() {
    let (mut world, height) = forked();
    show(&mut world, height);
    let fork = Fork { first: vec![1], second: vec![2] };
    judge(&mut world, height, HeaderVerdict::Forked(fork.clone()));
    assert!(alarmed(&world, 2, Alarm::LedgerForked(height)));
    assert_eq!(world.session(2).fork(), Some(&fork));
    world.command(2, Command::Leave);
    assert_eq!(world.session(2).fork(), Some(&fork));
}

#[test]
fn who_claims_another_ledger_and_proves_nothing_is_named() {
    let (mut world, height) = forked();
    show(&mut world, height);
    judge(&mut world, height, HeaderVerdict::Unproven);
    assert!(alarmed(&world, 2, Alarm::FalseHeader(world.idx(1), height)));
    assert_eq!(world.session(2).fork(), None);
}

/// The record of the newest epoch as device 2 got it.
fn newest(world: &World) -> SignedRecord {
    let bundles = world.messages.iter().filter(|(_, to, _)| *to == 2);
    let mut bundles = bundles.filter_map(|(_, _, bytes)| match PeerMessage::from_bytes(bytes) {
        Ok(PeerMessage::Bundle(bundle)) => Some(bundle),
        _ => None,
    });
    let bundle = bundles.next_back().unwrap();
    SignedRecord { record: bundle.record, sig: bundle.sig }
}

/// Another record of the same epoch, signed by `signer`.
fn rival(world: &World, signer: &Ed25519Signer) -> SignedRecord {
    let mut record = newest(world).record;
    record.mk_commit = OTHER;
    let chain = world.ledger.rules().chain_id;
    let sig = signer.sign(Context::Epoch, &chain, &encode(&record));
    SignedRecord { record, sig }
}

#[test]
fn two_records_for_one_epoch_become_evidence_that_anyone_can_check() {
    let mut world = World::meeting(81, 3, 3, Net::GOOD);
    let second = rival(&world, &world.devices[0].signer);
    let epoch = second.record.epoch;
    tell(&mut world, 1, 2, &PeerMessage::Record(second.clone()));
    assert!(alarmed(&world, 2, Alarm::LeaderEquivocated(epoch)));
    let evidence = world.session(2).equivocation().unwrap();
    assert_eq!((&evidence.first, &evidence.second), (&newest(&world), &second));
    let bytes = evidence.to_bytes();
    assert_eq!(Equivocation::from_bytes(&bytes).as_ref(), Ok(evidence));

    let other = world.devices[1].signer.ivk();
    let blamed = Equivocation { leader: other, ..evidence.clone() };
    assert_eq!(blamed.verify(), Err(NotEvidence::NotSigned));
    let same = Equivocation { second: evidence.first.clone(), ..evidence.clone() };
    assert_eq!(same.verify(), Err(NotEvidence::SameRecord));
    let mut later = evidence.clone();
    later.second.record.epoch = Epoch(99);
    assert_eq!(later.verify(), Err(NotEvidence::OtherPlace));
}

/// Whoever holds the proof keeps its voice from a leader that gives different keys, and goes on
/// under the next one.
#[test]
fn nothing_is_sent_under_a_leader_that_is_proven_to_have_signed_twice() {
    let mut world = World::meeting(86, 3, 3, Net::GOOD);
    world.open_stream(2);
    assert!(world.send_unit(2, 100));
    let second = rival(&world, &world.devices[0].signer);
    tell(&mut world, 1, 2, &PeerMessage::Record(second));
    let problem = KeyProblem::LeaderEquivocated;
    let told = Event::KeyProblem { idx: world.idx(2), problem };
    assert!(world.saw(2, |event| *event == told).is_some());
    assert!(!world.send_unit(2, 100));
    world.kick(1);
    world.run(4_000);
    assert!(!world.send_unit(2, 100), "another key of that leader makes nothing good");
    world.command(2, Command::Vote { candidate: world.idx(2) });
    world.command(0, Command::Vote { candidate: world.idx(2) });
    world.run(4_000);
    assert_one_key(&world, &[0, 2]);
    assert!(world.send_unit(2, 100));
    assert!(world.session(2).equivocation().is_some(), "the proof is kept");
}

#[test]
fn a_record_the_leader_did_not_sign_accuses_nobody() {
    let mut world = World::meeting(81, 3, 3, Net::GOOD);
    let forged = rival(&world, &world.devices[1].signer);
    tell(&mut world, 1, 2, &PeerMessage::Record(forged));
    let same = newest(&world);
    tell(&mut world, 1, 2, &PeerMessage::Record(same));
    assert!(world.saw(2, |event| matches!(event, Event::Alarm(_))).is_none());
    assert_eq!(world.session(2).equivocation(), None);
}

#[test]
fn a_record_that_somebody_left_is_no_evidence() {
    let mut world = World::meeting(82, 4, 4, Net::GOOD);
    let second = rival(&world, &world.devices[0].signer);
    world.command(3, Command::Leave);
    world.run(3_000);
    tell(&mut world, 1, 2, &PeerMessage::Record(second));
    assert_eq!(world.session(2).equivocation(), None);
}

/// The ledger has one record of the epoch before, and could take what follows that one only.
#[test]
fn two_records_that_follow_different_ones_are_no_evidence() {
    let mut world = World::meeting(87, 3, 3, Net::GOOD);
    let mut second = rival(&world, &world.devices[0].signer).record;
    second.prev = OTHER;
    let chain = world.ledger.rules().chain_id;
    let sig = world.devices[0].signer.sign(Context::Epoch, &chain, &encode(&second));
    tell(&mut world, 1, 2, &PeerMessage::Record(SignedRecord { record: second, sig }));
    assert_eq!(world.session(2).equivocation(), None);
    assert_eq!(world.alarms(), []);
}

#[test]
fn a_member_that_stays_with_another_record_is_shown_the_own_one() {
    let mut world = World::meeting(83, 3, 3, Net::GOOD);
    let held = newest(&world);
    let seed = world.session(1).transport_seed().unwrap();
    let nsk = Ed25519Signer::from_seed(&seed);
    let (chain, epoch) = (world.ledger.rules().chain_id, held.record.epoch);
    tell(&mut world, 1, 2, &PeerMessage::Ack(Ack::new(&chain, &MID, epoch, OTHER, &nsk)));
    world.run(6_000);
    assert!(alarmed(&world, 2, Alarm::RecordsDiffer(world.idx(1), epoch)));
    let bytes = PeerMessage::Record(held).to_bytes();
    assert!(world.messages.iter().any(|(a, b, what)| (*a, *b, what) == (2, 1, &bytes)));
}

/// A meeting of four whose leader throws device 1 out while device 3 leaves: the record that device 2
/// was sent, in the attacker's hands. The ledger refuses it, and its successor is not made yet.
fn overtaken() -> (World, PeerMessage, Epoch) {
    let mut world = World::meeting(84, 4, 4, Net::GOOD);
    world.messages.clear();
    world.hold = true;
    world.command(3, Command::Leave);
    world.kick(1);
    world.run(60);
    let mut sent = world.messages.iter().filter(|(from, to, _)| (*from, *to) == (0, 2));
    let bundle = sent.find_map(|(_, _, bytes)| match PeerMessage::from_bytes(bytes) {
        Ok(PeerMessage::Bundle(bundle)) => Some(bundle),
        _ => None,
    });
    let bundle = bundle.unwrap();
    assert!(bundle.record.roster.contains(MemberIdx(3)));
    while world.view().members[&MemberIdx(3)].member.status == meeting::MemberStatus::Admitted {
        world.run(10);
    }
    world.run(70);
    let epoch = bundle.record.epoch;
    assert!(world.view().meeting.unwrap().epoch < epoch);
    (world, PeerMessage::Bundle(bundle), epoch)
}

#[test]
fn nothing_is_sent_under_a_record_whose_member_left() {
    let (mut world, bundle, epoch) = overtaken();
    tell(&mut world, 0, 2, &bundle);
    world.run(20);
    assert!(world.keys(2).contains_key(&epoch), "it is heard under");
    assert!(world.lets_in(2, 0) && !world.lets_in(2, 3), "whoever left is no member");
    assert!(world.session(2).sending_epoch() < Some(epoch));
}

#[test]
fn a_record_that_the_ledger_refused_accuses_nobody_when_it_comes_late() {
    let (mut world, bundle, epoch) = overtaken();
    world.hold = false;
    world.run(4_000);
    let meeting = world.view().meeting.unwrap();
    assert_eq!((meeting.epoch, world.session(2).sending_epoch()), (epoch, Some(epoch)));
    let keys = world.keys(2);
    tell(&mut world, 0, 2, &bundle);
    world.run(1_000);
    assert!(world.saw(2, |event| matches!(event, Event::Alarm(_))).is_none());
    assert_eq!(world.session(2).equivocation(), None);
    assert_eq!(world.keys(2), keys);

    let (taken, second) = (newest(&world), rival(&world, &world.devices[0].signer));
    tell(&mut world, 1, 2, &PeerMessage::Record(second.clone()));
    tell(&mut world, 0, 2, &PeerMessage::Record(second.clone()));
    assert!(alarmed(&world, 2, Alarm::LeaderEquivocated(epoch)), "a lie is still found");
    let evidence = world.session(2).equivocation().unwrap();
    assert_eq!((&evidence.first, &evidence.second), (&taken, &second));
}

fn is_told(event: &Event) -> bool {
    matches!(event, Event::SubmitFailed { .. })
}

#[test]
fn a_leader_is_told_when_the_ledger_refuses_its_third_record_in_a_row_and_no_earlier() {
    let mut world = World::meeting(86, 4, 4, Net::GOOD);
    let told = |world: &World| world.devices[0].events.iter().filter(|(_, e)| is_told(e)).count();
    for (gone, refuses, times) in [(1, 2, 0), (2, 2, 0), (3, 4, 2)] {
        world.refuses = refuses;
        world.kick(gone);
        world.run(6_000);
        assert_eq!((world.refuses, told(&world)), (0, times), "{refuses} refused for {gone}");
        assert_one_key(&world, &(0..4).filter(|n| *n == 0 || *n > gone).collect::<Vec<_>>());
    }
    assert_eq!(world.alarms(), []);
}

#[test]
fn a_denial_that_the_ledger_refused_accuses_nobody_and_leaves_one_key() {
    let mut world = World::meeting(85, 4, 3, Net::GOOD);
    world.join(3);
    world.run(2_000);
    let idx = world.idx(3);
    world.command(3, Command::Leave);
    world.command(0, Command::Deny { idx, ban: true });
    world.run(8_000);
    assert!(world.ledger.refused.iter().any(|reason| reason.contains("EpochRecord")));
    assert_eq!(world.saw(0, is_told), None);
    assert_one_key(&world, &[0, 1, 2]);
    world.kick(1);
    world.run(4_000);
    assert_one_key(&world, &[0, 2]);
    assert!(world.saw(2, |event| matches!(event, Event::Alarm(_))).is_none());
    assert_eq!(world.session(2).equivocation(), None);
}
