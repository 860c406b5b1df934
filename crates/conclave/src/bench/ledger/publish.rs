//! The workload as a file, so that others can put it through another engine.
//!
//! JSON lines: first what the network is, then one transaction a line in the order in which they are
//! given. Everything in it follows from the numbers of the people and the time it says, so two files
//! of one time are the same.

use std::{
    io::{self, Write},
    iter,
};

use conclave_protocol::{Ed25519Signer, Genesis, Params, Seconds, encode};
use serde_json::json;

use super::{crowd::VALIDATORS, workload::Workload};

/// Writes `people` registrations and then `updates` updates, one person after the other, for a
/// network that starts at `time_ms` (Unix time).
///
/// # Errors
/// The file cannot be written.
pub fn publish(
    out: &mut impl Write,
    time_ms: u64,
    people: u64,
    updates: u64,
) -> anyhow::Result<()> {
    let seeds: Vec<[u8; 32]> =
        (1..=VALIDATORS).map(|n| [u8::try_from(n).unwrap_or(0); 32]).collect();
    let validators: Vec<_> =
        seeds.iter().map(|seed| Ed25519Signer::from_seed(seed).validator()).collect();
    let genesis = Genesis::new("conclave-bench", time_ms, validators, Params::default())?;
    let workload = Workload::new(genesis.chain_id(), &[1; 32]);
    let now = Seconds(time_ms / 1_000);
    let seeds: Vec<_> = seeds.iter().map(hex::encode).collect();
    let head = json!({
        "genesis": hex::encode(encode(&genesis)),
        "chain_id": genesis.chain_id().to_hex(),
        "validator_seeds": seeds,
        "time_ms": time_ms,
        "registrations": people,
        "updates": updates,
    });
    line(out, &head)?;
    let mut crowd = Vec::new();
    for number in 0..people {
        let (person, tx) = workload.register(number, now)?;
        line(out, &json!({ "kind": "register", "tx": hex::encode(&tx.bytes) }))?;
        crowd.push(person);
    }
    let all = crowd.len();
    let turns = iter::repeat(0..all).flatten().take(usize::try_from(updates)?);
    for number in turns {
        let person = &mut crowd[number];
        let update = person.update(&workload, now)?;
        person.took(&update);
        line(out, &json!({ "kind": "update", "tx": hex::encode(&update.bytes) }))?;
    }
    Ok(())
}

fn line(out: &mut impl Write, value: &serde_json::Value) -> io::Result<()> {
    writeln!(out, "{value}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_published_workload_is_the_same_for_everybody() {
        let mut files = [Vec::new(), Vec::new()];
        for file in &mut files {
            publish(file, 1_000, 3, 7).unwrap();
        }
        assert_eq!(files[0], files[1]);
        let lines: Vec<serde_json::Value> = std::str::from_utf8(&files[0])
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), 1 + 3 + 7);
        let update = hex::decode(lines[4]["tx"].as_str().unwrap()).unwrap();
        assert_eq!(update.len(), super::super::workload::SIZE);
    }
}
