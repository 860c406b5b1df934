//! A leader that lies: it has the right identity key and breaks only the rule under test.

use std::sync::Arc;

use conclave_meeting::{
    exchange::{Ek, MemberKeys, Pair, PairChain, Party},
    key::{Commitment, MeetingKey},
    session::{Alarm, Config, Event, Input, Invited, MemberView, Output, Session},
    time::Millis,
    wire::{Address, Bundle, Name, PeerMessage, Wrap},
};
use conclave_protocol::{
    Body, Context, Digest, Ed25519Signer, Epoch, EpochRecord, MeetingId, MeetingRecord, MemberIdx,
    Npk, PublishMeeting, Signer, Term, UserInfo,
    codec::{List, Set},
    encode,
    invite::InviteSecret,
    meeting::{Policy, Roster, Suite, roster_hash},
};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use crate::{
    ledger::Ledger,
    world::{MID, address},
};

/// A guest that knocked, and everything its leader knows.
struct Scene {
    ledger: Ledger,
    signer: Ed25519Signer,
    keys: MemberKeys,
    npk: Npk,
    guest: Session,
    ek: Ek,
    rng: ChaCha20Rng,
    events: Vec<Event>,
    now: Millis,
}

fn scene() -> Scene {
    scene_by(&[address(0)])
}

/// The same; the invite says where the leader is, or does not.
fn scene_by(known: &[Address]) -> Scene {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut ledger = Ledger::new();
    let signer = Ed25519Signer::from_seed(&[1; 32]);
    let (user, dev) = ledger.register(&signer, "liar");
    let keys = MemberKeys::generate(&mut rng).unwrap();
    let npk = Ed25519Signer::from_seed(&[2; 32]).npk();
    let publish = PublishMeeting {
        mid: MID,
        suite: Suite::Hybrid,
        policy: Policy::default(),
        info: UserInfo::Commit([0; 32]),
        user,
        dev,
        ivk: signer.ivk(),
        epk: keys.epk(),
        ek_hash: keys.ek().hash().0,
        npk,
    };
    assert_eq!(ledger.block(0, vec![(&signer, dev, publish.into(), Vec::new())]), [Ok(())]);

    let own = Arc::new(Ed25519Signer::from_seed(&[3; 32]));
    let (guest_user, guest_dev) = ledger.register(&own, "guest");
    let config = Config {
        chain_id: ledger.rules().chain_id,
        params: ledger.rules().params,
        user: guest_user,
        dev: guest_dev,
        signer: Arc::<Ed25519Signer>::clone(&own),
        name: Name::new("guest").unwrap(),
        opening: None,
        behind: None,
    };
    let invite_secret = InviteSecret::new([7; 16]);
    let nodes = known.iter().map(|address| (npk, address.clone())).collect();
    let invited = Invited { mid: MID, invite_secret, nodes };
    let guest = Session::join(config, invited, address(1), Millis(0), &mut rng).unwrap();
    let ek = keys.ek().clone();
    let mut scene =
        Scene { ledger, signer, keys, npk, guest, ek, rng, events: Vec::new(), now: Millis(10) };
    let request = scene.look().into_iter().find_map(|output| match output {
        Output::Submit { body, .. } => Some(body),
        _ => None,
    });
    let request: Body = request.unwrap();
    assert_eq!(scene.ledger.block(1, vec![(&own, guest_dev, request, Vec::new())]), [Ok(())]);
    scene.look();
    let outputs = scene.give(Input::Connected { npk, lobby: true });
    let knock = outputs.into_iter().find_map(|output| match output {
        Output::Message { bytes, .. } => PeerMessage::from_bytes(&bytes).ok(),
        _ => None,
    });
    let Some(PeerMessage::Knock(knock)) = knock else { panic!("no knock") };
    scene.ek = knock.ek;
    scene
}

impl Scene {
    fn give(&mut self, input: Input) -> Vec<Output> {
        self.guest.handle(input, self.now, &mut self.rng);
        let mut outputs = Vec::new();
        loop {
            match self.guest.poll_output() {
                Output::Wait(_) => return outputs,
                Output::Event(event) => self.events.push(event),
                output => outputs.push(output),
            }
        }
    }

    /// The guest sees the newest state of the ledger.
    fn look(&mut self) -> Vec<Output> {
        let view = self.ledger.view(MID, 1);
        self.give(Input::Ledger(Box::new(view)))
    }

    fn meeting(&self) -> MeetingRecord {
        self.ledger.view(MID, 1).meeting.unwrap()
    }

    /// The next record with a commitment to `committed`.
    fn record(&self, committed: &MeetingKey) -> EpochRecord {
        let view = self.ledger.view(MID, 1);
        let members = view.members.iter().map(|(idx, member)| (*idx, &member.member));
        let place = Commitment {
            mid: MID,
            term: Term(1),
            epoch: Epoch(1),
            roster_hash: roster_hash(members),
            prev: self.meeting().last_rec,
        };
        EpochRecord {
            mid: MID,
            term: place.term,
            epoch: place.epoch,
            prev: place.prev,
            roster: Roster::new([MemberIdx(0), MemberIdx(1)]).unwrap(),
            added: Set::new([MemberIdx(1)]).unwrap(),
            removed: Set::default(),
            unbanned: Set::default(),
            mk_commit: committed.commit(&place),
            roster_hash: place.roster_hash,
        }
    }

    /// The record with the hash and the commitment that it should have.
    fn committed(&self, record: EpochRecord, mk: &MeetingKey) -> EpochRecord {
        let view = self.ledger.view(MID, 1);
        let members = record.roster.iter().map(|idx| (idx, &view.members[&idx].member));
        let place = Commitment {
            mid: record.mid,
            term: record.term,
            epoch: record.epoch,
            roster_hash: roster_hash(members),
            prev: record.prev,
        };
        let (mk_commit, roster_hash) = (mk.commit(&place), place.roster_hash);
        EpochRecord { mk_commit, roster_hash, ..record }
    }

    /// A well-made bundle that wraps `given` for the guest under that record.
    fn bundle(&self, record: EpochRecord, given: &MeetingKey) -> Bundle {
        let view = self.ledger.view(MID, 1);
        let party = |idx| {
            let member = &view.members[&MemberIdx(idx)].member;
            Party { user: member.user, dev: member.dev, ivk: member.ivk, epk: member.epk }
        };
        let pair = Pair {
            chain: self.ledger.rules().chain_id,
            mid: MID,
            suite: 2,
            term: Term(1),
            leader: party(0),
            member: party(1),
            idx: MemberIdx(1),
            ek_hash: Digest(view.members[&MemberIdx(1)].member.ek_hash),
        };
        let (mut chain, kem_ct) = PairChain::offer(&pair, &self.keys, &self.ek).unwrap();
        let enc_mk = chain.wrap(record.epoch, &record.digest(), given).unwrap();
        let kem_ct = Some(kem_ct);
        let wrap = Wrap { mid: MID, epoch: record.epoch, idx: MemberIdx(1), kem_ct, enc_mk };
        let sig = self.signer.sign(Context::Epoch, &pair.chain, &encode(&record));
        Bundle { record, sig, wrap, book: List::default() }
    }

    fn offer(&mut self, bundle: Bundle) -> bool {
        let bytes = PeerMessage::Bundle(bundle).to_bytes();
        self.give(Input::Message { npk: self.npk, bytes });
        !self.guest.danger_export_keys().is_empty()
    }
}

#[test]
fn what_an_honest_leader_makes_is_taken() {
    let mut scene = scene();
    let mk = MeetingKey::generate(&mut scene.rng);
    let bundle = scene.bundle(scene.record(&mk), &mk);
    assert!(scene.offer(bundle));
}

/// It is due to be called and nobody said where it is: that is no reason to look all the time.
#[test]
fn a_member_without_an_address_that_went_lets_nobody_spin() {
    let mut scene = scene_by(&[]);
    let mk = MeetingKey::generate(&mut scene.rng);
    let bundle = scene.bundle(scene.record(&mk), &mk);
    assert!(scene.offer(bundle));
    let npk = scene.npk;
    scene.give(Input::Connected { npk, lobby: false });
    scene.give(Input::Disconnected { npk });
    for _ in 0..20 {
        let Output::Wait(Some(at)) = scene.guest.poll_output() else { panic!("it waits for ever") };
        assert!(at > scene.now, "{} and again {}", scene.now.0, at.0);
        scene.now = at;
        scene.give(Input::Tick);
    }
}

#[test]
fn a_key_other_than_the_committed_one_is_refused_with_an_alarm() {
    let mut scene = scene();
    let (one, two) = (MeetingKey::generate(&mut scene.rng), MeetingKey::generate(&mut scene.rng));
    let bundle = scene.bundle(scene.record(&one), &two);
    assert!(!scene.offer(bundle));
    assert!(scene.events.contains(&Event::Alarm(Alarm::LeaderEquivocated(Epoch(1)))));
}

#[test]
fn a_roster_other_than_the_ledgers_is_refused_with_an_alarm() {
    let mut scene = scene();
    let mk = MeetingKey::generate(&mut scene.rng);
    let mut record = scene.record(&mk);
    let (roster_hash, prev) = (Digest([1; 32]), record.prev);
    let (mid, term, epoch) = (record.mid, record.term, record.epoch);
    record.roster_hash = roster_hash;
    record.mk_commit = mk.commit(&Commitment { mid, term, epoch, roster_hash, prev });
    let bundle = scene.bundle(record, &mk);
    assert!(!scene.offer(bundle));
    assert!(scene.events.iter().all(|event| !matches!(event, Event::Alarm(_))), "keys may change");
    let mut view = scene.ledger.view(MID, 1);
    view.height.0 += 1;
    scene.give(Input::Ledger(Box::new(view)));
    assert!(scene.guest.danger_export_keys().is_empty());
    assert!(scene.events.contains(&Event::Alarm(Alarm::LeaderEquivocated(Epoch(1)))));
}

#[test]
fn a_roster_with_somebody_unverified_is_refused_with_an_alarm() {
    let flaws: [fn(&mut MemberView); 3] =
        [|member| member.banned = true, |member| member.device = None, |member| member.user = None];
    for flaw in flaws {
        let mut scene = scene();
        let mut view = scene.ledger.view(MID, 1);
        view.height.0 += 1;
        flaw(view.members.get_mut(&MemberIdx(0)).unwrap());
        scene.give(Input::Ledger(Box::new(view)));
        let mk = MeetingKey::generate(&mut scene.rng);
        let bundle = scene.bundle(scene.record(&mk), &mk);
        assert!(!scene.offer(bundle));
        assert!(scene.events.contains(&Event::Alarm(Alarm::UnverifiedMember(MemberIdx(0)))));
    }
}

/// What is wrong with a record when nothing else is.
type Lie = fn(&mut EpochRecord);

/// Offers the guest one record per lie, each well signed, hashed and committed to.
fn offers_none(mut scene: Scene, lies: &[Lie]) {
    for (n, lie) in lies.iter().enumerate() {
        let mk = MeetingKey::generate(&mut scene.rng);
        let mut record = scene.record(&mk);
        lie(&mut record);
        let record = scene.committed(record, &mk);
        let bundle = scene.bundle(record, &mk);
        assert!(!scene.offer(bundle), "lie {n}");
    }
}

#[test]
fn a_record_that_does_not_follow_the_ledger_is_not_taken() {
    offers_none(scene(), &[|record| record.prev = Digest([1; 32])]);
}

#[test]
fn a_record_of_another_meeting_or_term_is_not_taken() {
    offers_none(
        scene(),
        &[|record| record.mid = MeetingId([1; 32]), |record| record.term = Term(0)],
    );
}

#[test]
fn a_roster_without_the_guest_or_its_leader_is_not_taken() {
    offers_none(
        scene(),
        &[
            |record| record.roster = Roster::new([MemberIdx(0)]).unwrap(),
            |record| record.roster = Roster::new([MemberIdx(1)]).unwrap(),
        ],
    );
}

#[test]
fn a_record_older_than_the_ledgers_is_not_taken() {
    let mut scene = scene();
    let mk = MeetingKey::generate(&mut scene.rng);
    let first = scene.record(&mk);
    let dev = scene.ledger.view(MID, 1).members[&MemberIdx(0)].member.dev;
    assert_eq!(
        scene.ledger.block(2, vec![(&scene.signer, dev, first.into(), Vec::new())]),
        [Ok(())]
    );
    scene.look();
    offers_none(scene, &[|record| record.epoch = Epoch(0)]);
}

#[test]
fn a_wrap_with_another_address_is_not_taken() {
    let lies: [fn(&mut Wrap); 3] = [
        |wrap| wrap.mid = MeetingId([1; 32]),
        |wrap| wrap.epoch = Epoch(2),
        |wrap| wrap.idx = MemberIdx(0),
    ];
    for lie in lies {
        let mut scene = scene();
        let mk = MeetingKey::generate(&mut scene.rng);
        let mut bundle = scene.bundle(scene.record(&mk), &mk);
        lie(&mut bundle.wrap);
        assert!(!scene.offer(bundle));
    }
}
