//! Frozen values of one exchange, step by step. The ML-KEM ciphertext and its secret were made
//! once; everything after them is computed anew.

use conclave_protocol::{
    ChainId, DeviceId, Ivk, MeetingId, MemberIdx, Term, UserId, decode, encode,
};
use rand_core::{TryCryptoRng, TryRng};
use serde_json::{Value, json};

use super::*;
use crate::{
    exchange::Party,
    key::{Commitment, expand},
    vectors::{frozen, read},
};

/// A source that gives one byte for ever.
struct Same(u8);

impl TryRng for Same {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(u32::from_ne_bytes([self.0; 4]))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(u64::from_ne_bytes([self.0; 8]))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        bytes.fill(self.0);
        Ok(())
    }
}

impl TryCryptoRng for Same {}

fn bytes(value: &Value, name: &str) -> Vec<u8> {
    hex::decode(value[name].as_str().unwrap()).unwrap()
}

fn hex32(seed: u8) -> String {
    hex::encode([seed; 32])
}

#[test]
fn an_exchange_keeps_every_value() {
    let known = read("exchange");
    let ek: Ek = decode(&bytes(&known, "ek")).unwrap();
    let (kem_ct, ss) = match known.get("kem_ct") {
        Some(_) => (decode(&bytes(&known, "kem_ct")).unwrap(), bytes(&known, "ss")),
        None => {
            let (kem_ct, secret) = ek.encapsulate().unwrap();
            (kem_ct, secret.as_ref().to_vec())
        }
    };
    let (leader, member) = (
        MemberKeys::generate(&mut Same(0x11)).unwrap(),
        MemberKeys::generate(&mut Same(0x22)).unwrap(),
    );
    let party = |n: u8, keys: &MemberKeys| Party {
        user: UserId([n; 32]),
        dev: DeviceId([n | 0x10; 32]),
        ivk: Ivk::Ed25519([n | 0x20; 32]),
        epk: keys.epk(),
    };
    let pair = Pair {
        chain: ChainId([1; 32]),
        mid: MeetingId([2; 32]),
        suite: 2,
        term: Term(1),
        leader: party(3, &leader),
        member: party(6, &member),
        idx: MemberIdx(1),
        ek_hash: ek.hash(),
    };
    let dh = leader.agree(&pair.member.epk).unwrap();
    assert_eq!(dh.as_ref(), member.agree(&pair.leader.epk).unwrap().as_ref());
    let mut chain = PairChain::mix(&pair, dh.as_ref(), &ss, &kem_ct).unwrap();
    let first = hex::encode(chain.key);
    let epochs: Vec<Value> = (1..4).map(|epoch| step(&mut chain, &pair, epoch)).collect();
    frozen(
        "exchange",
        &json!({
            "dk_seed": known["dk_seed"],
            "ek": known["ek"],
            "ek_hash": ek.hash().to_hex(),
            "kem_ct": hex::encode(kem_ct.as_bytes()),
            "ss": hex::encode(&ss),
            "esk_leader": hex32(0x11),
            "esk_member": hex32(0x22),
            "epk_leader": hex::encode(pair.leader.epk.0),
            "epk_member": hex::encode(pair.member.epk.0),
            "dh": hex::encode(dh.as_ref()),
            "chain_id": pair.chain.to_hex(),
            "mid": pair.mid.to_hex(),
            "suite": pair.suite,
            "term": pair.term.0,
            "leader": hex::encode(encode(&pair.leader)),
            "member": hex::encode(encode(&pair.member)),
            "idx": pair.idx.0,
            "base": pair.base(&kem_ct).to_hex(),
            "chain": first,
            "epochs": epochs,
        }),
    );
}

/// One epoch: wrap, commitment, and the chain stepped past it.
fn step(chain: &mut PairChain, pair: &Pair, epoch: u8) -> Value {
    let (number, record) = (Epoch(epoch.into()), Digest([0x40 | epoch; 32]));
    let mk = MeetingKey::danger_from_bytes([0x50 | epoch; 32]);
    let ctx = chain.context(number, &record);
    let (mut key, mut nonce) = ([0; 32], [0; 12]);
    expand(&chain.key, &[b"key", &ctx.0], &mut key);
    expand(&chain.key, &[b"nonce", &ctx.0], &mut nonce);
    let wrap = chain.wrap(number, &record, &mk).unwrap();
    assert_eq!(chain.unwrap(number, &record, &wrap).unwrap().as_bytes(), mk.as_bytes());
    let place = Commitment {
        mid: pair.mid,
        term: pair.term,
        epoch: number,
        roster_hash: Digest([0x60 | epoch; 32]),
        prev: Digest([0x70 | epoch; 32]),
    };
    chain.advance(number, &record);
    json!({
        "epoch": epoch,
        "record": record.to_hex(),
        "mk": hex::encode(mk.as_bytes()),
        "ctx": ctx.to_hex(),
        "enc_key": hex::encode(key),
        "nonce": hex::encode(nonce),
        "enc_mk": hex::encode(wrap),
        "commitment": hex::encode(encode(&place)),
        "mk_commit": mk.commit(&place).to_hex(),
        "next": hex::encode(chain.key),
    })
}
