//! Who makes the blocks, and how that changes: votes, epochs, keys; and anchors.

use conclave_protocol::{
    codec::Text,
    key::WeakKey,
    params::{BadGenesis, MAX_VALIDATORS},
    signed::BadSignature,
    state::footprint,
    tx::{CheckError, Role, signature_items},
    validators::is_quorum,
    *,
};

use crate::world::{World, refusal};

pub(crate) const EPOCH: u64 = 10;

/// The key of the validator of that number.
pub(crate) fn key(number: u8) -> Ed25519Signer {
    Ed25519Signer::from_seed(&[number; 32])
}

pub(crate) fn contact(name: &str) -> Contact {
    Contact {
        name: Text::new(name).unwrap(),
        p2p: Text::new("validator.example:2100").unwrap(),
        rpc: Text::new("https://validator.example").unwrap(),
    }
}

pub(crate) fn add(number: u8) -> ValidatorChange {
    ValidatorChange::Add(key(number).validator(), contact("new"))
}

pub(crate) fn remove(number: u8) -> ValidatorChange {
    ValidatorChange::Remove(key(number).validator())
}

pub(crate) fn replace(old: u8, number: u8) -> ValidatorChange {
    ValidatorChange::Replace(key(old).validator(), key(number).validator(), contact("moved"))
}

/// A network of the validators 1 to `members`, whose epochs have ten blocks.
pub(crate) fn network(members: u8) -> World {
    let validators: Vec<_> = (1..=members).map(|number| key(number).validator()).collect();
    let params = Params { epoch_blocks: u32::try_from(EPOCH).unwrap(), ..Params::default() };
    let mut world = World::new();
    world.rules = Rules::from(&Genesis::new("test", 1, validators, params).unwrap());
    world
}

/// The validator of that number votes, in a block of its own.
pub(crate) fn vote(
    world: &mut World,
    number: u8,
    change: &ValidatorChange,
) -> Result<Vec<Event>, Refusal> {
    let ballot = world.ballot(change.clone());
    let tx = world.validator_tx(&key(number), ballot);
    world.run(&tx).map_err(refusal)
}

/// The same vote of several; whether the last of them decided.
fn agree(
    world: &mut World,
    numbers: impl IntoIterator<Item = u8>,
    change: &ValidatorChange,
) -> bool {
    let events = numbers.into_iter().map(|number| vote(world, number, change).unwrap()).last();
    events.unwrap().iter().any(|event| matches!(event, Event::ValidatorChangeAgreed { .. }))
}

/// The first block of the next epoch.
pub(crate) fn next_epoch(world: &mut World) {
    let epoch = epoch_of(&world.rules.params, world.at.height);
    world.at.height = last_height_of(&world.rules.params, epoch);
    world.wait(20);
}

/// The numbers of a set.
fn numbers(keys: &[ValidatorKey]) -> Vec<u8> {
    assert!(keys.is_sorted());
    let mut numbers: Vec<_> =
        (0..=255).filter(|number| keys.contains(&key(*number).validator())).collect();
    assert_eq!(numbers.len(), keys.len());
    numbers.sort();
    numbers
}

/// Who seals the present block.
fn sealing(world: &World) -> Vec<u8> {
    numbers(&validators_at(&world.rules, &world.state, world.at.height).unwrap())
}

/// Who seals the blocks of the next epoch.
fn next(world: &World) -> Vec<u8> {
    numbers(&validators_after(&world.rules, &world.state, world.at.height).unwrap())
}

#[test]
fn epochs_are_counted_from_the_first_block_and_have_two_blocks_at_least() {
    let params = network(1).rules.params;
    let epochs = [0, 9, 10, 19, 20].map(|height| epoch_of(&params, Height(height)));
    assert_eq!(epochs, [0, 0, 1, 1, 2]);
    assert_eq!([0, 1].map(|epoch| last_height_of(&params, epoch)), [Height(9), Height(19)]);
    assert_eq!(Params::default().epoch_blocks, 3_600);
    for (epoch_blocks, good) in [(0, false), (1, false), (2, true)] {
        let params = Params { epoch_blocks, ..Params::default() };
        let genesis = Genesis::new("test", 1, [key(1).validator()], params);
        assert_eq!(genesis.err(), (!good).then_some(BadGenesis::EpochTooShort));
    }
}

#[test]
fn strictly_more_than_two_thirds_agree() {
    // Of six, four are exactly two thirds.
    for (members, needed) in [(1, 1), (2, 2), (3, 3), (4, 3), (6, 5), (7, 5)] {
        let mut world = network(members);
        for number in 1..needed {
            assert!(!agree(&mut world, [number], &add(50)), "{number} of {members}");
            assert_eq!(next(&world), Vec::from_iter(1..=members));
        }
        assert!(agree(&mut world, [needed], &add(50)), "{needed} of {members}");
        assert_eq!(next(&world), Vec::from_iter((1..=members).chain([50])));
        assert!(!is_quorum(usize::from(needed) - 1, members.into()));
    }
}

#[test]
fn a_change_is_in_force_from_the_next_epoch_on() {
    let mut world = network(4);
    assert!(agree(&mut world, 1..=3, &add(5)));
    let agreed = world.at;
    // To the last block of the epoch the set is the old one.
    for height in 0..EPOCH {
        world.at.height = Height(height);
        assert_eq!(sealing(&world), [1, 2, 3, 4]);
        assert_eq!(next(&world), [1, 2, 3, 4, 5]);
    }
    let stranger = world.validator_tx(&key(5), world.ballot(remove(1)));
    assert_eq!(world.run(&stranger).map_err(refusal), Err(Refusal::NotAValidator));
    world.at.height = Height(EPOCH);
    assert_eq!(sealing(&world), [1, 2, 3, 4, 5]);
    let record = validators::ValidatorChangeRecord {
        change: add(5),
        agreed: Position { index: agreed.index - 1, ..agreed },
    };
    assert_eq!(world.state[&Key::ValidatorChange(0)], Record::ValidatorChange(record));
    // Four of five, and the new one is among them.
    assert!(!agree(&mut world, [1, 2, 5], &remove(4)));
    assert!(agree(&mut world, [4], &remove(4)));
    assert_eq!(sealing(&world), [1, 2, 3, 4, 5]);
    next_epoch(&mut world);
    assert_eq!(sealing(&world), [1, 2, 3, 5]);
    // What sealed the blocks of the past can still be said.
    let at = |height| numbers(&validators_at(&world.rules, &world.state, Height(height)).unwrap());
    assert_eq!([at(0), at(9)], [vec![1, 2, 3, 4], vec![1, 2, 3, 4]]);
    assert_eq!([at(10), at(19)], [vec![1, 2, 3, 4, 5], vec![1, 2, 3, 4, 5]]);
}

#[test]
fn an_epoch_agrees_on_one_change_at_most() {
    let mut world = network(4);
    assert!(agree(&mut world, 1..=3, &add(5)));
    assert_eq!(vote(&mut world, 4, &add(5)), Err(Refusal::ChangePending));
    assert_eq!(vote(&mut world, 1, &remove(2)), Err(Refusal::ChangePending));
    world.at.height = Height(EPOCH - 1);
    assert_eq!(vote(&mut world, 1, &remove(2)), Err(Refusal::ChangePending));
    next_epoch(&mut world);
    let stale = ValidatorVote { seq: 0, change: remove(2) };
    for ballot in [stale.clone(), ValidatorVote { seq: 2, ..stale }] {
        let tx = world.validator_tx(&key(1), ballot);
        assert_eq!(world.run(&tx).map_err(refusal), Err(Refusal::StaleSeq));
    }
    vote(&mut world, 1, &remove(2)).unwrap();
}

#[test]
fn a_removed_validator_says_nothing_more_and_its_votes_count_no_more() {
    let mut world = network(4);
    vote(&mut world, 4, &remove(1)).unwrap();
    assert!(agree(&mut world, 1..=3, &remove(4)));
    // It is still there to the end of the epoch, and goes on with what is not about the set.
    let anchor = |height| AnchorRecord {
        height: Height(height),
        header: Digest([7; 32]),
        anchor: AnchorPlace::Bitcoin([8; 32], [9; 32]),
    };
    let tx = world.validator_tx(&key(4), anchor(0));
    world.run(&tx).unwrap();
    next_epoch(&mut world);
    assert_eq!(vote(&mut world, 4, &remove(1)), Err(Refusal::NotAValidator));
    let tx = world.validator_tx(&key(4), anchor(0));
    assert_eq!(world.run(&tx).map_err(refusal), Err(Refusal::NotAValidator));
    // All three are needed now, whatever the fourth had voted.
    assert!(!agree(&mut world, [2, 3], &remove(1)));
    assert!(agree(&mut world, [1], &remove(1)));
    next_epoch(&mut world);
    assert_eq!(sealing(&world), [2, 3]);
}

#[test]
fn another_vote_takes_the_place_of_the_first_and_none_counts_twice() {
    let mut world = network(4);
    vote(&mut world, 1, &add(5)).unwrap();
    vote(&mut world, 2, &add(5)).unwrap();
    assert_eq!(vote(&mut world, 2, &add(5)), Err(Refusal::VotedAlready));
    // The same key elsewhere is another change.
    let elsewhere = ValidatorChange::Add(key(5).validator(), contact("elsewhere"));
    vote(&mut world, 2, &elsewhere).unwrap();
    assert!(!agree(&mut world, [3], &add(5)));
    // Back again, and the vote that was replaced is not there twice.
    assert!(agree(&mut world, [2], &add(5)));
}

#[test]
fn a_vote_goes_on_counting_until_a_change_is_agreed() {
    let mut world = network(4);
    vote(&mut world, 1, &add(5)).unwrap();
    for _ in 0..3 {
        next_epoch(&mut world);
    }
    vote(&mut world, 4, &remove(1)).unwrap();
    assert!(agree(&mut world, [2, 3], &add(5)));
    next_epoch(&mut world);
    // Of the change after it those votes say nothing, though the fourth had voted for this very one.
    assert!(!agree(&mut world, [5, 2, 3], &remove(1)));
    assert!(agree(&mut world, [4], &remove(1)));
}

#[test]
fn a_key_that_was_ever_in_the_set_never_comes_back() {
    let mut world = network(4);
    assert_eq!(vote(&mut world, 1, &add(2)), Err(Refusal::ValidatorKeyUsed));
    assert_eq!(vote(&mut world, 1, &replace(2, 3)), Err(Refusal::ValidatorKeyUsed));
    assert_eq!(vote(&mut world, 1, &replace(2, 2)), Err(Refusal::ValidatorKeyUsed));
    for change in [remove(4), replace(3, 13), add(5)] {
        assert!(
            agree(&mut world, 1..=2, &change) || {
                let third = sealing(&world)[2];
                agree(&mut world, [third], &change)
            }
        );
        next_epoch(&mut world);
    }
    assert_eq!(sealing(&world), [1, 2, 5, 13]);
    // Of the genesis, replaced, and of a set though it never said anything.
    for number in [3, 4, 5, 13] {
        assert_eq!(vote(&mut world, 1, &add(number)), Err(Refusal::ValidatorKeyUsed), "{number}");
        assert_eq!(vote(&mut world, 1, &replace(1, number)), Err(Refusal::ValidatorKeyUsed));
    }
    assert!(!agree(&mut world, [1, 2], &remove(5)));
    let silent = sealing(&world)[3];
    assert!(agree(&mut world, [silent], &remove(5)));
    next_epoch(&mut world);
    assert_eq!(vote(&mut world, 1, &add(5)), Err(Refusal::ValidatorKeyUsed));
}

#[test]
fn a_replaced_validator_goes_on_under_its_new_key() {
    let mut world = network(1);
    assert!(agree(&mut world, [1], &replace(1, 9)));
    assert_eq!((sealing(&world), next(&world)), (vec![1], vec![9]));
    next_epoch(&mut world);
    assert_eq!(vote(&mut world, 1, &add(5)), Err(Refusal::NotAValidator));
    // It begins with nonce 0 and all its tokens.
    assert_eq!(world.validator_tx(&key(9), world.ballot(add(5))).nonce, 0);
    assert!(agree(&mut world, [9], &add(5)));
    let change = replace(1, 9);
    assert_eq!(change.incoming(), Some(key(9).validator()));
    assert_eq!(change.outgoing(), Some(key(1).validator()));
    assert_eq!(change.contact(), Some(&contact("moved")));
}

#[test]
fn what_cannot_be_is_not_voted_for() {
    let mut world = network(1);
    assert_eq!(vote(&mut world, 1, &remove(1)), Err(Refusal::LastValidator));
    assert_eq!(vote(&mut world, 1, &remove(2)), Err(Refusal::UnknownValidator));
    assert_eq!(vote(&mut world, 1, &replace(2, 3)), Err(Refusal::UnknownValidator));
    let mut identity = [0; 32];
    identity[0] = 1;
    let weak = Err(Refusal::Weak(WeakKey::SmallOrder));
    let one = key(1).validator();
    for change in [
        ValidatorChange::Add(ValidatorKey(identity), contact("weak")),
        ValidatorChange::Replace(one, ValidatorKey(identity), contact("weak")),
    ] {
        assert_eq!(vote(&mut world, 1, &change), weak);
    }
    // As many as there may be: no more, but another in the place of one.
    let full = u8::try_from(MAX_VALIDATORS).unwrap();
    let mut world = network(full);
    world.rules.params.burst = 500;
    assert_eq!(vote(&mut world, 1, &add(200)), Err(Refusal::TooManyValidators));
    assert!(agree(&mut world, 1..=86, &replace(128, 200)));
    next_epoch(&mut world);
    assert_eq!(sealing(&world).len(), MAX_VALIDATORS);
    assert_eq!(vote(&mut world, 1, &add(201)), Err(Refusal::TooManyValidators));
    assert!(agree(&mut world, 1..=86, &remove(200)));
    next_epoch(&mut world);
    assert!(agree(&mut world, 1..=85, &add(201)));
    assert_eq!(next(&world).len(), MAX_VALIDATORS);
}

#[test]
fn a_shrinking_set_leaves_no_part_behind() {
    let mut world = network(8);
    let stored = |world: &World| {
        (0..=255).filter(|part| world.state.contains_key(&Key::ValidatorKeys(*part))).count()
    };
    assert!(agree(&mut world, 1..=6, &replace(8, 9)));
    assert_eq!(stored(&world), 2);
    next_epoch(&mut world);
    assert!(agree(&mut world, 1..=6, &remove(9)));
    assert_eq!((stored(&world), next(&world).len()), (1, 7));
    next_epoch(&mut world);
    assert!(agree(&mut world, 1..=5, &add(10)));
    assert_eq!((stored(&world), next(&world).len()), (2, 8));
}

#[test]
fn a_validator_signs_with_its_own_key_its_own_nonce_and_within_its_measure() {
    let mut world = network(4);
    let ballot = world.ballot(add(5));
    let tx = world.validator_tx(&key(1), ballot.clone());
    let bad = Err(CheckError::Signature(BadSignature));
    assert_eq!(world.run(&tx.clone().sign(&key(2))), bad);
    let missing = Tx { sigs: codec::Set::default(), ..tx.clone() };
    let missing = world.run(&missing).map_err(refusal);
    assert_eq!(missing, Err(Refusal::MissingSignature(Role::Signer)));
    let extra = tx.clone().with(Role::Sponsor, Signature::Ed25519([4; 64]));
    assert_eq!(world.run(&extra).map_err(refusal), Err(Refusal::ExtraSignature));
    world.run(&tx).unwrap();
    assert_eq!(world.run(&tx).map_err(refusal), Err(Refusal::WrongNonce));
    assert_eq!(next_nonce(&world.state, &tx), Ok(Some(1)));
    // A validator that said nothing, and a device that is not there.
    assert_eq!(next_nonce(&world.state, &world.validator_tx(&key(2), ballot)), Ok(Some(0)));
    let (_, stranger) = world.registration(1);
    assert_eq!(next_nonce(&world.state, &stranger), Ok(None));
    // Under a key of small order anyone's signature would hold.
    let mut weak = [0; 32];
    weak[0] = 1;
    let forged = Tx { signer: DeviceId(weak), ..tx };
    let forged = forged.with(
        Role::Signer,
        Signature::Ed25519({
            let mut signature = [0; 64];
            signature[0] = 1;
            signature
        }),
    );
    let refused = world.run(&forged).map_err(refusal);
    assert_eq!(refused, Err(Refusal::Weak(WeakKey::SmallOrder)));
    // As many tokens as a user has.
    let mut said = 1;
    let changes = [add(5), add(6)];
    while vote(&mut world, 1, &changes[usize::from(said % 2)]).is_ok() {
        said += 1;
    }
    assert_eq!(said, world.rules.params.burst);
    assert_eq!(vote(&mut world, 1, &add(7)), Err(Refusal::TooManyTransactions));
    world.wait(world.rules.params.refill.into());
    vote(&mut world, 1, &add(7)).unwrap();
}

#[test]
fn a_device_is_no_validator_and_a_validator_no_device() {
    let mut world = network(4);
    let chain = world.rules.chain_id;
    // A stranger's key, however well it signs.
    let ballot = world.ballot(add(5));
    let tx = world.validator_tx(&key(99), ballot);
    assert_eq!(world.run(&tx).map_err(refusal), Err(Refusal::NotAValidator));
    // A validator in the place of a device.
    let body = Heartbeat { mid: MeetingId([1; 32]), term: Term(1), epoch: Epoch(0) };
    let tx = Tx::by_validator(chain, key(1).validator(), 0, world.at.time, body).sign(&key(1));
    assert_eq!(tx.validator(), None);
    assert_eq!(world.run(&tx).map_err(refusal), Err(Refusal::UnknownDevice));
}

#[test]
fn only_validators_in_force_let_users_in() {
    let mut world = network(4);
    let sponsor = |world: &mut World, number: u8, seed: u8| {
        let (person, tx) = world.registration(seed);
        let Body::RegisterUser(body) = tx.body else { panic!() };
        let gate = identity::Gate::Sponsor(key(number).validator());
        let body = RegisterUser { gate, ..body };
        let chain = world.rules.chain_id;
        let word = key(number).sign(Context::Sponsor, &chain, &body.sponsor_message());
        let tx = Tx::new(chain, body.dev, 0, world.at.time.plus(60), body)
            .with(Role::Sponsor, word)
            .sign(&person.signer);
        world.run(&tx).map(drop).map_err(refusal)
    };
    assert_eq!(sponsor(&mut world, 4, 101), Ok(()));
    assert!(agree(&mut world, 1..=3, &replace(4, 5)));
    assert_eq!(sponsor(&mut world, 4, 102), Ok(()));
    assert_eq!(sponsor(&mut world, 5, 103), Err(Refusal::UnknownSponsor));
    next_epoch(&mut world);
    assert_eq!(sponsor(&mut world, 4, 103), Err(Refusal::UnknownSponsor));
    assert_eq!(sponsor(&mut world, 5, 103), Ok(()));
}

#[test]
fn anchors_are_counted_and_name_blocks_that_are_there() {
    let mut world = network(4);
    world.at.height = Height(700);
    let place = AnchorPlace::Ethereum(1, [2; 32], [3; 32]);
    let anchor = |height| AnchorRecord {
        height: Height(height),
        header: Digest([u8::try_from(height % 251).unwrap(); 32]),
        anchor: place,
    };
    let said = [(1, 600, None), (2, 699, None), (3, 600, None), (4, 700, Some(())), (1, 0, None)];
    for (number, height, refused) in said {
        let tx = world.validator_tx(&key(number), anchor(height));
        let refused = refused.map(|()| Refusal::AnchorAhead);
        assert_eq!(world.run(&tx).map_err(refusal).err(), refused);
    }
    let newest = validators::AnchorsRecord { count: 4, newest: Height(699) };
    assert_eq!(world.state[&Key::Anchors], Record::Anchors(newest));
    let second = validators::AnchorEntry {
        height: Height(699),
        header: anchor(699).header,
        place,
        by: key(2).validator(),
        at: Position { index: 1, ..world.at },
    };
    assert_eq!(world.state[&Key::Anchor(1)], Record::Anchor(second));
    // Nothing of it is about the set.
    assert!(!world.state.contains_key(&Key::ValidatorSet));
    let stranger = world.validator_tx(&key(9), anchor(1));
    assert_eq!(world.run(&stranger).map_err(refusal), Err(Refusal::NotAValidator));
}

/// A state of which nothing is at hand until it was asked for.
struct Lazy<'a> {
    world: &'a World,
    at_hand: Vec<Key>,
}

impl View for Lazy<'_> {
    fn get(&self, key: &Key) -> Result<Option<Record>, NotLoaded> {
        if self.at_hand.contains(key) {
            return Ok(self.world.state.get(key).cloned());
        }
        Err(NotLoaded)
    }
}

#[test]
fn what_a_vote_reads_is_asked_for_in_few_steps() {
    let mut world = network(8);
    assert!(agree(&mut world, 1..=6, &add(9)));
    next_epoch(&mut world);
    for number in 1..=6 {
        vote(&mut world, number, &add(10)).unwrap();
    }
    let tx = world.validator_tx(&key(7), world.ballot(add(10)));
    let mut lazy = Lazy { world: &world, at_hand: footprint(&tx) };
    assert!(signature_items(&world.rules, &lazy, &tx).is_ok(), "nothing is read for it");
    let mut loads = 0;
    let changes = loop {
        match apply(&world.rules, world.at, &lazy, &tx) {
            Ok(changes) => break changes,
            Err(ApplyError::NotLoaded(missing)) => lazy.at_hand.extend(missing),
            Err(other) => panic!("{other}"),
        }
        loads += 1;
    };
    assert!(changes.writes.contains_key(&Key::ValidatorChange(1)));
    // The set, then the votes of its members.
    assert_eq!(loads, 2);
    let mut lazy = Lazy { world: &world, at_hand: Vec::new() };
    let set = loop {
        match validators_at(&world.rules, &lazy, world.at.height) {
            Ok(set) => break set,
            Err(ApplyError::NotLoaded(missing)) => lazy.at_hand.extend(missing),
            Err(other) => panic!("{other}"),
        }
    };
    assert_eq!(numbers(&set), Vec::from_iter(1..=9));
}

#[test]
fn a_state_that_lacks_a_part_of_the_set_is_corrupt() {
    let mut world = network(8);
    assert!(agree(&mut world, 1..=6, &add(9)));
    next_epoch(&mut world);
    let tx = world.validator_tx(&key(1), world.ballot(remove(2)));
    for key in [Key::ValidatorKeys(1), Key::ValidatorChange(0)] {
        let mut broken = world.clone();
        broken.state.remove(&key);
        assert_eq!(
            apply(&broken.rules, broken.at, &broken.state, &tx),
            Err(ApplyError::Corrupt(key))
        );
    }
}
