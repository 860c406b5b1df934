//! Killed at any point, and what it wrote last is lost: the validator comes back to the same state.
//!
//! What it lost may be a vote, and then it contradicts itself once: the others keep that as evidence,
//! turn it away for a minute, and go on.
//!
//! `TORN_RUNS` says how often, `TORN_SEED` where the dice begin; `./campaign torn` plays many.

use std::{
    fs::{self, OpenOptions},
    path::{Path, PathBuf},
    time::SystemTime,
};

use conclave_protocol::Key;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::{consortium::Consortium, load::Load};

/// Most bytes that are lost.
const TORN: u64 = 4_096;

#[tokio::test(flavor = "multi_thread")]
async fn a_validator_that_lost_the_end_of_a_journal_comes_back_to_the_same_state() {
    let of = |name: &str, usual: u64| -> u64 {
        std::env::var(name).ok().map_or(usual, |text| text.parse().unwrap())
    };
    let (runs, seed) = (of("TORN_RUNS", 4), of("TORN_SEED", 1));
    let mut dice = StdRng::seed_from_u64(seed);
    let mut consortium = Consortium::start().await;
    let load = Load::start(&consortium);
    for run in 0..runs {
        load.goes_on(dice.random_range(1..60)).await;
        let victim = dice.random_range(0..4);
        consortium.kill(victim).await;
        let home = consortium.dir.path().join(format!("net/validator-{victim}/ledgers"));
        let (torn, bytes) = tear(&home, dice.random_range(1..=TORN));
        println!("run {run}: validator {victim} lost {bytes} bytes of {}", torn.display());
        consortium.run(victim).await;
        // A proof leads from what is on its disk to the state root that the others signed.
        let newest = load.newest();
        consortium.records(&consortium.rpc(victim), &[Key::User(newest)]).await;
    }
    let facts = load.stop().await;
    consortium.holds_everywhere(&facts).await;
    consortium.agrees().await;
}

/// Cuts up to `bytes` off the end of the file that was written last.
fn tear(dir: &Path, bytes: u64) -> (PathBuf, u64) {
    let mut files = Vec::new();
    collect(dir, &mut files);
    let (_, path, length) = files.into_iter().max().unwrap();
    let lost = bytes.min(length);
    OpenOptions::new().write(true).open(&path).unwrap().set_len(length - lost).unwrap();
    (path.strip_prefix(dir).unwrap().to_owned(), lost)
}

/// Every file that holds something below `dir`, with the time of its last change and its length.
fn collect(dir: &Path, files: &mut Vec<(SystemTime, PathBuf, u64)>) {
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let meta = entry.metadata().unwrap();
        if meta.is_dir() {
            collect(&entry.path(), files);
        } else if meta.len() > 0 {
            files.push((meta.modified().unwrap(), entry.path(), meta.len()));
        }
    }
}
