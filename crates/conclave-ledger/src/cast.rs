//! Who acts in the ledgers that tests write: validators 1 to 4 that found a network in epochs of four
//! blocks, a fifth that follows them, and people whom validator 1 lets in.
//!
//! Frozen vectors hold what these say, so that no byte of it may change.

use commonware_codec::{Copying, DecodeExt as _};
use commonware_cryptography::ed25519::PrivateKey;
use conclave_protocol::{
    Contact, Context, Ed25519Signer, Genesis, Params, RegisterUser, Seconds, Signer as _, Tx,
    UserInfo, ValidatorChange, ValidatorVote, codec::Text, encode, identity::Gate, tx::Role,
};

use crate::block::RawTx;

/// When the networks begin, Unix time in milliseconds.
pub(crate) const BEGIN: u64 = 1_700_000_000_000;

/// Blocks of an epoch.
pub(crate) const EPOCH: u32 = 4;

/// The founders.
pub(crate) const FOUNDERS: [u8; 4] = [1, 2, 3, 4];

pub(crate) fn signer(seed: u8) -> Ed25519Signer {
    Ed25519Signer::from_seed(&[seed; 32])
}

/// The same key as the engine has it.
pub(crate) fn private(seed: u8) -> PrivateKey {
    PrivateKey::decode(Copying(&[seed; 32])).unwrap()
}

pub(crate) fn genesis(name: &str) -> Genesis {
    let keys = FOUNDERS.map(|seed| signer(seed).validator());
    let params = Params { epoch_blocks: EPOCH, ..Params::default() };
    Genesis::new(name, BEGIN, keys.to_vec(), params).unwrap()
}

/// The registration of this person, at this chain time in seconds.
pub(crate) fn registration(genesis: &Genesis, number: u8, now: u64) -> (RegisterUser, Tx) {
    enrol(genesis, &signer(100 + number), now)
}

/// The registration of whoever holds this key.
pub(crate) fn enrol(genesis: &Genesis, device: &Ed25519Signer, now: u64) -> (RegisterUser, Tx) {
    let sponsor = signer(1);
    let chain = genesis.chain_id();
    let info = UserInfo::Clear(Text::new("somebody").unwrap());
    let gate = Gate::Sponsor(sponsor.validator());
    let body = RegisterUser::new(&chain, device.ivk(), [3; 16], info, gate);
    let word = sponsor.sign(Context::Sponsor, &chain, &body.sponsor_message());
    let tx = Tx::new(chain, body.dev, 0, Seconds(now + 300), body.clone());
    (body, tx.sign(device).with(Role::Sponsor, word))
}

/// A founder votes for the fifth.
pub(crate) fn vote(genesis: &Genesis, by: u8, now: u64) -> Tx {
    let contact = Contact {
        name: Text::new("fifth").unwrap(),
        p2p: Text::new("five:1").unwrap(),
        rpc: Text::new("http://five:2").unwrap(),
    };
    let change = ValidatorChange::Add(signer(5).validator(), contact);
    let (chain, key) = (genesis.chain_id(), signer(by));
    let body = ValidatorVote { seq: 0, change };
    Tx::by_validator(chain, key.validator(), 0, Seconds(now + 300), body).sign(&key)
}

pub(crate) fn raw(tx: &Tx) -> RawTx {
    RawTx::new(encode(tx).into()).unwrap()
}
