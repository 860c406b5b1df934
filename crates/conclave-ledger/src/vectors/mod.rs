//! Frozen answers of validators, in `vectors/answers.json` at the root of the project: their bytes,
//! and what a client makes of them (docs/protocol.md, sections 22 to 24).
//! `CONCLAVE_WRITE_VECTORS=1` writes them anew; that is a decision for the changelog.

mod cases;
mod proofs;
mod story;

use std::path::PathBuf;

use commonware_codec::{Copying, DecodeExt as _};
use conclave_protocol::{Digest, Genesis, Key, Ledger, TxId, encode};
use serde_json::{Value, json};

use self::story::Story;
use crate::{
    audit::Outline,
    block::{Block, Header},
    evidence::Evidence,
    light::LightClient,
};

/// One answer, and what is asked of it.
#[derive(Clone)]
struct Case {
    /// Which form of the document the bytes should have.
    of: &'static str,
    what: &'static str,
    bytes: Vec<u8>,
    /// The keys that were asked for.
    keys: Vec<Key>,
    /// The transaction that should be in it.
    tx: Option<TxId>,
    /// Handovers that the client has followed before.
    knows: Vec<u8>,
    now_ms: u64,
    /// Whether each byte with one bit turned is refused.
    turned: bool,
}

impl Case {
    /// Bytes for a client that knows the genesis, soon after the newest block.
    fn new(of: &'static str, what: &'static str, bytes: impl Into<Vec<u8>>) -> Self {
        let (bytes, now_ms) = (bytes.into(), story::BEGIN + 10_000);
        let (keys, knows) = (Vec::new(), Vec::new());
        Self { of, what, bytes, keys, tx: None, knows, now_ms, turned: false }
    }

    /// Every flipped byte of it is refused as well.
    fn turned(self) -> Self {
        Self { turned: true, ..self }
    }

    /// The same question about other bytes.
    fn but(&self, what: &'static str, change: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut other = Self { what, turned: false, ..self.clone() };
        change(&mut other.bytes);
        other
    }

    /// What the bytes say, or the name of the refusal.
    fn judge(&self, genesis: &Genesis, bytes: &[u8]) -> Result<Value, String> {
        let mut client = LightClient::new(genesis).unwrap();
        if !self.knows.is_empty() {
            client.on_handovers(&self.knows, self.now_ms).unwrap();
        }
        let malformed = || "Malformed".to_owned();
        match self.of {
            "Header" => {
                let header = Header::decode(Copying(bytes)).map_err(|_| malformed())?;
                Ok(json!({
                    "height": header.height,
                    "digest": hex::encode(header.digest()),
                    "links": [hex::encode(header.identity_link()), hex::encode(header.meeting_link())],
                }))
            }
            "Block" => {
                let block = Block::decode(Copying(bytes)).map_err(|_| malformed())?;
                let ids: Vec<_> = block.txs().map(|tx| hex::encode(tx.id())).collect();
                Ok(json!({ "digest": hex::encode(block.header.digest()), "txs": ids }))
            }
            "Record" => {
                let record = Outline::of(bytes).ok_or_else(malformed)?;
                Ok(json!({ "height": record.height.0, "is_certified": record.is_certified }))
            }
            "HeaderAnswer" => client
                .on_header(bytes, self.now_ms)
                .map(|facts| json!({ "height": facts.height.0, "digest": facts.digest.to_hex() }))
                .map_err(name),
            "StateAnswer" => client
                .verify_state(bytes, &self.keys, self.now_ms)
                .map(|seen| {
                    let record = |key| {
                        let record = &seen.records[key];
                        record.as_ref().map_or(Value::Null, |record| json!(hex::encode(encode(record))))
                    };
                    json!(self.keys.iter().map(record).collect::<Vec<_>>())
                })
                .map_err(name),
            "InclusionAnswer" => client
                .verify_inclusion(bytes, &self.tx.unwrap(), self.now_ms)
                .map(|place| {
                    let in_meeting = place.ledger == Ledger::Meeting;
                    json!({ "height": place.height.0, "in_meeting": in_meeting, "index": place.index })
                })
                .map_err(name),
            "Handovers" => client
                .on_handovers(bytes, self.now_ms)
                .map(|new| {
                    let height = client.newest().map_or(0, |newest| newest.height.0 + 1);
                    let keys = client.validators(conclave_protocol::Height(height));
                    let keys: Vec<_> = keys.iter().map(|key| Digest(key.0).to_hex()).collect();
                    json!({ "new": new, "validators": keys })
                })
                .map_err(name),
            "Evidence" => Evidence::verify(bytes, genesis).map(proofs::said).map_err(name),
            other => panic!("{other}"),
        }
    }

    /// What is frozen of it.
    fn frozen(&self, genesis: &Genesis) -> Value {
        let verdict = self.judge(genesis, &self.bytes);
        if self.turned {
            assert!(verdict.is_ok(), "{}: {verdict:?}", self.what);
            let mut lie = self.bytes.clone();
            for at in 0..lie.len() {
                lie[at] ^= 1 << (at % 8);
                // As many handovers as before, or none: fewer of them say less, and no lie.
                assert!(self.judge(genesis, &lie).is_err(), "{}: byte {at}", self.what);
                lie[at] ^= 1 << (at % 8);
            }
        }
        let mut value = json!({
            "of": self.of,
            "what": self.what,
            "bytes": hex::encode(&self.bytes),
            "now_ms": self.now_ms,
            "turned": self.turned,
            "verdict": verdict.as_ref().map_or_else(Clone::clone, |_| "accepted".to_owned()),
        });
        if let Ok(said) = verdict {
            value["says"] = said;
        }
        if !self.keys.is_empty() {
            let keys: Vec<_> = self.keys.iter().map(|key| hex::encode(encode(key))).collect();
            value["keys"] = json!(keys);
        }
        if let Some(tx) = &self.tx {
            value["tx"] = json!(hex::encode(tx.0));
        }
        if !self.knows.is_empty() {
            value["knows"] = json!(hex::encode(&self.knows));
        }
        value
    }
}

/// The name of a refusal, without what it says beyond.
fn name(refusal: impl std::fmt::Debug) -> String {
    format!("{refusal:?}").chars().take_while(|letter| letter.is_alphanumeric()).collect()
}

#[test]
fn answers_keep_their_bytes_and_their_verdicts() {
    let story = Story::new();
    let genesis = &story.genesis;
    let cases = [cases::all(&story), proofs::all(&story)].concat();
    let cases: Vec<_> = cases.iter().map(|case| case.frozen(genesis)).collect();
    let value = json!({ "genesis": hex::encode(encode(genesis)), "cases": cases });
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../vectors/answers.json");
    if std::env::var("CONCLAVE_WRITE_VECTORS").is_ok() {
        let text = serde_json::to_string_pretty(&value).unwrap() + "\n";
        std::fs::write(&path, text).unwrap();
    }
    let kept: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(kept == value, "the bytes or verdicts of answers.json changed");
}
