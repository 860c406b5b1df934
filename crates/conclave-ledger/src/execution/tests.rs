//! What was checked before is checked again exactly when it has to be.

use std::collections::BTreeMap;

use conclave_protocol::{
    Context, Ed25519Signer, Genesis, Key, Params, Record, RegisterUser, RotateKey, Signature,
    Signer as _, UpdateInfo, UserId, UserInfo, encode,
    identity::Gate,
    tx::{Body, Role},
};
use futures::executor::block_on;

use super::*;

const AT: At = At { height: 1, time_ms: 1_000 };

/// A state in memory.
struct Memory(BTreeMap<Key, Record>);

impl Source for Memory {
    async fn load(&self, keys: &[Key]) -> Vec<Option<Record>> {
        keys.iter().map(|key| self.0.get(key).cloned()).collect()
    }
}

struct World {
    rules: Rules,
    state: Memory,
    old: Ed25519Signer,
    new: Ed25519Signer,
    user: UserId,
    dev: conclave_protocol::DeviceId,
    last: conclave_protocol::Digest,
}

/// One user with one device, registered in the block before.
fn world() -> World {
    let sponsor = Ed25519Signer::from_seed(&[1; 32]);
    let genesis = Genesis::new("test", 0, vec![sponsor.validator()], Params::default()).unwrap();
    let rules = Rules::from(&genesis);
    let (old, new) = (Ed25519Signer::from_seed(&[2; 32]), Ed25519Signer::from_seed(&[3; 32]));
    let gate = Gate::Sponsor(sponsor.validator());
    let info = UserInfo::Commit([0; 32]);
    let body = RegisterUser::new(&rules.chain_id, old.ivk(), [0; 16], info, gate);
    let (user, dev) = (body.user, body.dev);
    let word = sponsor.sign(Context::Sponsor, &rules.chain_id, &body.sponsor_message());
    let tx =
        Tx::new(rules.chain_id, dev, 0, Seconds(300), body).sign(&old).with(Role::Sponsor, word);
    let last = conclave_protocol::Digest(tx.id().0);
    let none = Memory(BTreeMap::new());
    let mut overlay = Overlay::new(&none);
    let at = At { height: 0, time_ms: 0 };
    let changes =
        block_on(attempt(&rules, at.position(0), &mut overlay, &candidate(&tx), true)).unwrap();
    let state = changes.writes.into_iter().filter_map(|(key, record)| Some((key, record?)));
    World { state: Memory(state.collect()), rules, old, new, user, dev, last }
}

fn candidate(tx: &Tx) -> Candidate {
    Candidate::decode(RawTx::new(encode(tx).into()).unwrap()).unwrap()
}

impl World {
    fn tx(&self, nonce: u64, body: impl Into<Body>) -> Tx {
        Tx::new(self.rules.chain_id, self.dev, nonce, Seconds(300), body)
    }

    /// The device takes the new key.
    fn rotation(&self) -> Tx {
        let body = RotateKey { dev: self.dev, ivk: self.new.ivk(), seq: 1, prev: self.last };
        let proof = body.prove(&self.rules.chain_id, &self.new);
        self.tx(1, body).sign(&self.old).with(Role::Possession, proof)
    }

    /// The user says something else, as the change after `prev`.
    fn update(&self, nonce: u64, seq: u32, prev: conclave_protocol::Digest) -> Tx {
        let info = UserInfo::Commit([9; 32]);
        self.tx(nonce, UpdateInfo { user: self.user, info, seq, prev })
    }

    /// The same transaction as one whose signatures were seen to hold in this state.
    fn checked(&self, tx: &Tx) -> Candidate {
        let mut overlay = Overlay::new(&self.state);
        let items = block_on(signatures(&self.rules, &mut overlay, tx)).unwrap();
        Candidate { checked: Checked::Seen(items_hash(&items)), ..candidate(tx) }
    }

    fn is_valid(&self, txs: Vec<Candidate>) -> bool {
        let mut overlay = Overlay::new(&self.state);
        block_on(replay(&self.rules, AT, &mut overlay, (txs, Vec::new()))).is_some()
    }
}

#[test]
fn what_was_checked_is_not_checked_again() {
    let world = world();
    let forged = world.update(1, 1, world.last).with(Role::Signer, Signature::Ed25519([7; 64]));
    assert!(!world.is_valid(vec![candidate(&forged)]));
    assert!(world.is_valid(vec![world.checked(&forged)]), "it is taken at its word");
}

#[test]
fn a_key_replaced_in_the_same_block_signs_nothing_more() {
    let world = world();
    let rotation = world.rotation();
    let next = world.update(2, 2, conclave_protocol::Digest(rotation.id().0));
    let (by_old, by_new) = (next.clone().sign(&world.old), next.sign(&world.new));
    // Both were seen while the old key counted: a late validator has seen neither, and must say the
    // same about the block.
    let stale = world.checked(&by_old);
    for second in [stale.clone(), candidate(&by_old)] {
        assert!(!world.is_valid(vec![candidate(&rotation), second.clone()]));
        assert!(!world.is_valid(vec![world.checked(&rotation), second]));
    }
    assert!(world.is_valid(vec![world.checked(&rotation), candidate(&by_new)]));

    let mut overlay = Overlay::new(&world.state);
    let offered = vec![world.checked(&rotation), stale];
    let chosen = block_on(choose(&world.rules, AT, &mut overlay, offered));
    assert_eq!(chosen.identity.len(), 1);
    assert_eq!(chosen.refused.len(), 1);
}
