//! Frozen bytes in `vectors` at the root of the project: a second implementation reads them, and a change of format
//! cannot go unseen. `CONCLAVE_WRITE_VECTORS=1` writes them anew; that is a decision for the
//! changelog.

use std::path::PathBuf;

use conclave_protocol::{
    code::SecurityCode,
    codec::{EncodeSize, Read, Set, Write},
    invite::InviteSecret,
    meeting::{
        Absence, AutoAdmit, MeetingPolicy, Reason, RefreshKeys, Succession, VoteLeader,
        absence_message,
    },
    signed::message,
    tx::Role,
    *,
};
use serde_json::{Value, json};

use crate::{
    validators::{add, next_epoch, remove, replace},
    world::{Person, World, genesis, removal, validator},
};

/// One transaction of every kind, as a small meeting brings them forth.
pub(crate) fn transactions() -> Vec<Tx> {
    let mut world = World::new();
    let mut said = Vec::new();
    let (leader, tx) = world.registration(1);
    world.run(&tx).unwrap();
    said.push(tx);
    let (guest, tx) = world.registration(2);
    world.run(&tx).unwrap();
    let mut say = |world: &mut World, who, body: Body| {
        let tx = world.tx(who, body);
        world.run(&tx).unwrap();
        said.push(tx);
    };
    let publish = world.publish_body(&leader, 42);
    let mid = publish.mid;
    say(&mut world, &leader, publish.into());
    let request = world.request_body(&guest, mid);
    say(&mut world, &guest, request.into());
    world.wait(1);
    let record = world.record(mid, &[MemberIdx(1)], &[]);
    say(&mut world, &leader, record.into());
    let (term, epoch) = (Term(1), Epoch(1));
    say(&mut world, &leader, Heartbeat { mid, term, epoch }.into());
    say(&mut world, &guest, MeetingLeave { mid, idx: MemberIdx(1) }.into());
    world.wait(1);
    let record = world.record(mid, &[], &[removal(MemberIdx(1), Reason::Left)]);
    say(&mut world, &leader, record.into());
    say(&mut world, &leader, MeetingDismiss { mid, term, epoch: Epoch(2) }.into());
    succession(&mut world, &leader, &guest, &mut said);
    changes(&mut world, &leader, &mut said);
    recoveries(&mut world, &mut said);
    of_validators(&mut world, &mut said);
    world.wait(u64::from(world.rules.params.retention) + 1);
    for next in [world.meeting(mid).next_idx, MemberIdx(0)] {
        let tx = world.tx(&leader, PruneMeeting { mid, next });
        world.run(&tx).unwrap();
        said.push(tx);
    }
    said
}

/// A meeting whose chair changes hands by each of the three rules.
fn succession(world: &mut World, leader: &Person, guest: &Person, said: &mut Vec<Tx>) {
    let mut say = |world: &mut World, tx: Tx| {
        world.run(&tx).unwrap();
        said.push(tx);
    };
    let mid = world.publish(leader);
    let first = world.ask(guest, mid).unwrap();
    world.advance(leader, mid, &[first], &[]).unwrap();
    let auto_admit = AutoAdmit::Invited;
    let lock = MeetingPolicy { mid, term: Term(1), auto_admit, locked: true };
    say(world, world.tx(leader, lock));
    let refresh = RefreshKeys { mid, idx: first, epk: Epk([6; 32]), ek_hash: [7; 32] };
    say(world, world.tx(guest, refresh));
    let claim = |world: &World, who: &Person, idx, rule| LeaderReassign {
        mid,
        term: world.meeting(mid).term,
        rule,
        prev_ivk: world.member(mid, world.meeting(mid).leader).ivk,
        idx,
        ivk: who.signer.ivk(),
        epk: Epk([0x77; 32]),
        absent: Set::default(),
    };
    let body = claim(world, guest, first, Succession::Appoint);
    let word =
        leader.signer.sign(Context::Handover, &world.rules.chain_id, &body.handover_message());
    say(world, world.tx(guest, body).with(Role::Handover, word));
    for (who, idx) in [(leader, MemberIdx(0)), (guest, first)] {
        let vote = VoteLeader { mid, term: Term(2), idx, candidate: MemberIdx(0) };
        say(world, world.tx(who, vote));
    }
    let body = claim(world, leader, MemberIdx(0), Succession::Vote);
    say(world, world.tx(leader, body));
    world.advance(leader, mid, &[], &[]).unwrap();
    world.wait(1);
    let meeting = world.meeting(mid);
    let absent = [MemberIdx(0), first].map(|idx| {
        let npk = world.member(mid, idx).npk;
        let mut seeds = (0..=255).map(|seed| Ed25519Signer::from_seed(&[seed; 32]));
        let signer = seeds.find(|signer| signer.npk() == npk).unwrap();
        let message = absence_message(&mid, &meeting, idx, world.at.time);
        let sig = signer.sign(Context::Absent, &world.rules.chain_id, &message);
        Absence { idx, at: world.at.time, sig }
    });
    let body = LeaderReassign {
        absent: Set::new(absent).unwrap(),
        ..claim(world, guest, first, Succession::Time)
    };
    say(world, world.tx(guest, body));
}

/// The changes of a user that exists.
fn changes(world: &mut World, first: &Person, said: &mut Vec<Tx>) {
    let (body, mut second) = world.device_body(first, 3);
    let proof = body.prove(&world.rules.chain_id, &second.signer);
    let tx = world.tx(first, body).with(Role::Possession, proof);
    world.run(&tx).unwrap();
    said.push(tx);
    let (body, signer) = world.rotate_body(&second, 4);
    let proof = body.prove(&world.rules.chain_id, &signer);
    let tx = world.tx(&second, body).with(Role::Possession, proof);
    world.run(&tx).unwrap();
    said.push(tx);
    second.signer = signer;
    let (seq, prev) = world.next_change(first);
    let info = UserInfo::commitment(&[5; 32], &first.user, seq, "Ada");
    let tx = world.tx(first, UpdateInfo { user: first.user, info, seq, prev });
    world.run(&tx).unwrap();
    said.push(tx);
    let tx = world.tx(first, world.revoke_body(first, second.dev, 1));
    world.run(&tx).unwrap();
    said.push(tx);
}

/// Names, what waits, recovery.
fn recoveries(world: &mut World, said: &mut Vec<Tx>) {
    let mut say = |world: &mut World, tx: Tx| {
        world.run(&tx).unwrap();
        said.push(tx);
    };
    let first = world.person(21);
    let second = world.add_device(&first, 22);
    say(world, world.tx(&first, world.handle_body(&first, "ada.l")));
    let sheet = Ed448Signer::from_seed(&[23; 32]);
    say(world, world.tx(&first, world.recovery_key_body(&first, Some(sheet.ivk()))));
    say(world, world.tx(&second, world.revoke_body(&second, first.dev, 2)));
    say(world, world.tx(&first, world.cancel_body(&first, second.dev)));
    let (body, device) = world.recover_body(&first, 24);
    say(world, world.recovery(&body, &device, &sheet));
    // Keys of the other algorithms.
    for (algorithm, seed) in [(Algorithm::Secp256k1, 25), (Algorithm::Ed448, 26)] {
        let (person, tx) = world.registration_of(algorithm, seed);
        say(world, tx);
        say(world, world.tx(&person, world.handle_body(&person, algorithm.name())));
    }
}

/// Validators about themselves and about what they wrote elsewhere.
pub(crate) fn of_validators(world: &mut World, said: &mut Vec<Tx>) {
    let first = validator();
    let mut say = |world: &mut World, body: Body| {
        let tx = world.validator_tx(&first, body);
        world.run(&tx).unwrap();
        said.push(tx);
    };
    // One of one agrees; of two, one does not.
    say(world, world.ballot(add(61)).into());
    next_epoch(world);
    say(world, world.ballot(remove(61)).into());
    say(world, world.ballot(replace(250, 62)).into());
    let (height, header) = (Height(600), Digest([0x60; 32]));
    for anchor in [
        AnchorPlace::Ethereum(11_155_111, [0x61; 32], [0x62; 32]),
        AnchorPlace::Bitcoin([0x63; 32], [0x64; 32]),
    ] {
        say(world, AnchorRecord { height, header, anchor }.into());
    }
}

#[test]
fn transactions_keep_their_bytes() {
    let chain = genesis().chain_id();
    let vectors: Vec<Value> = transactions()
        .iter()
        .map(|tx| {
            let signed = message(Context::Tx(tx.kind()), &chain, &tx.unsigned_bytes());
            json!({
                "kind": tx.kind().name(),
                "bytes": hex::encode(encode(tx)),
                "txid": tx.id().to_hex(),
                "signer": tx.signer.to_hex(),
                "nonce": tx.nonce,
                "expiry": tx.expiry.0,
                "signed_bytes": hex::encode(signed),
                "signature": tx.signature(Role::Signer).map(|sig| hex::encode(encode(&sig))),
            })
        })
        .collect();
    frozen("transactions", &json!({ "chain_id": chain.to_hex(), "valid": vectors }));
}

#[test]
fn malformed_transactions_stay_refused() {
    let mut vectors = Vec::new();
    for tx in transactions() {
        for (what, bytes) in spoil(&tx) {
            let error = Tx::decode(&bytes).expect_err(what);
            vectors.push(json!({
                "kind": tx.kind().name(),
                "what": what,
                "bytes": hex::encode(bytes),
                "error": error.to_string(),
            }));
        }
    }
    frozen("malformed", &json!({ "refused": vectors }));
}

/// Changes after which no transaction is left.
fn spoil(tx: &Tx) -> Vec<(&'static str, Vec<u8>)> {
    let bytes: &[u8] = &encode(tx);
    const KIND: usize = 33;
    let end = bytes.len();
    // At the end stands the signature of the highest role: role, algorithm, bytes.
    let last = end - tx.sigs.iter().last().unwrap().encode_size();
    let changed = |place: usize, byte: u8| {
        let mut bytes = bytes.to_vec();
        bytes[place] = byte;
        bytes
    };
    vec![
        ("empty", Vec::new()),
        ("version 0", changed(0, 0)),
        ("version 2", changed(0, 2)),
        ("kind 0", changed(KIND, 0)),
        ("kind 0x0a", changed(KIND, 0x0a)),
        ("kind 255", changed(KIND, 0xff)),
        ("unknown role", changed(last, 9)),
        ("unknown algorithm", changed(last + 1, 9)),
        ("last byte missing", bytes[..end - 1].to_vec()),
        ("signature missing", bytes[..last].to_vec()),
        ("half", bytes[..end / 2].to_vec()),
        ("one byte more", [bytes, &[0]].concat()),
        ("twice", [bytes, bytes].concat()),
        ("signature twice", [bytes, &bytes[last..]].concat()),
    ]
}

#[test]
fn ids_and_state_keys_keep_their_bytes() {
    let mut world = World::new();
    let person = world.person(1);
    let mid = world.publish(&person);
    let records: Vec<Value> = world
        .state
        .iter()
        .map(|(key, record)| {
            json!({
                "key": hex::encode(encode(key)),
                "digest": key.digest().to_hex(),
                "record": hex::encode(encode(record)),
            })
        })
        .collect();
    frozen(
        "state",
        &json!({
            "genesis": hex::encode(encode(&genesis())),
            "chain_id": genesis().chain_id().to_hex(),
            "ivk": hex::encode(encode(&person.signer.ivk())),
            "salt": hex::encode([1; 16]),
            "user": person.user.to_hex(),
            "dev": person.dev.to_hex(),
            "mid": mid.to_hex(),
            "records": records,
        }),
    );
}

#[test]
fn codes_keep_their_digits() {
    let (ivk, mid, leader) = (Ivk::Ed25519([5; 32]), MeetingId([3; 32]), UserId([4; 32]));
    let (dev, epk, npk) = (DeviceId([11; 32]), Epk([12; 32]), Npk([13; 32]));
    let code = SecurityCode {
        chain_id: ChainId([1; 32]),
        validators: Digest([2; 32]),
        mid,
        term: Term(1),
        leader,
        ivk,
        epk: Epk([8; 32]),
        block: Digest([10; 32]),
    };
    let commit = UserInfo::commitment(&[1; 32], &leader, 0, "Alice");
    let place = Position { height: Height(77), index: 1, time: Seconds(1_700_000_000) };
    let (record, idx) = (Digest([14; 32]), MemberIdx(3));
    let nonce = code::nonce_commitment(&mid, Epoch(2), &record, idx, &[15; 32]);
    let nonces = [(MemberIdx(0), [16; 32]), (idx, [15; 32])].into();
    let pictures: Vec<&str> =
        code::short_code(&record, &nonces).into_iter().map(|emoji| emoji.name).collect();
    frozen(
        "codes",
        &json!({
            "invite_tag": hex::encode(InviteSecret::new([7; 16]).tag(&mid, &dev, &epk, &npk)),
            "security_code_input": hex::encode(encode(&code)),
            "security_code": code.digits(),
            "epoch_code": code::epoch_digits(&Digest([1; 32]), &Digest([2; 32]), &[3; 32]),
            "place": code::place(&place).to_hex(),
            "nonce_commitment": nonce.to_hex(),
            "short_code": pictures,
            "fingerprint": code::fingerprint(&ivk),
            "user_info_commitment": hex::encode(encode(&commit)),
        }),
    );
}

#[test]
fn every_frozen_transaction_is_read_and_written_alike() {
    let vectors = read("transactions");
    let kinds: std::collections::BTreeSet<_> = vectors["valid"]
        .as_array()
        .unwrap()
        .iter()
        .map(|vector| {
            let bytes = hex::decode(vector["bytes"].as_str().unwrap()).unwrap();
            reads_back::<Tx>(&bytes);
            Tx::decode(&bytes).unwrap().kind()
        })
        .collect();
    assert_eq!(kinds.len(), Kind::ALL.len());
}

fn reads_back<T: Write + EncodeSize + Read<Cfg = ()>>(bytes: &[u8]) {
    assert_eq!(encode(&decode::<T>(bytes).unwrap()), bytes);
}

/// Compares with the file, or writes it.
#[expect(clippy::disallowed_methods, reason = "a switch of the test, not of the rules")]
pub(crate) fn frozen(name: &str, value: &Value) {
    if std::env::var("CONCLAVE_WRITE_VECTORS").is_ok() {
        let text = serde_json::to_string_pretty(value).unwrap() + "\n";
        std::fs::write(path(name), text).unwrap();
    }
    assert!(read(name) == *value, "the bytes of {name}.json changed");
}

fn read(name: &str) -> Value {
    let text = std::fs::read_to_string(path(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../vectors").join(format!("{name}.json"))
}
