//! What a proof of one entry costs in akd, as JSON lines.
//!
//! `conclave bench ledger --peers` builds and runs this: `akd 10000,100000`. The directory is in
//! memory without a cache in front of it, the configuration is the one in production use, labels
//! are user numbers and values have the length of a device's record. Entries are published a
//! thousand at a time, as blocks register users. One line of standard output is one figure;
//! standard error says what was left out.

#[path = "../../../crates/conclave/src/bench/line.rs"]
mod line;

use std::{
    io::Write as _,
    time::{Duration, Instant},
};

use akd::{
    AkdLabel, AkdValue, AzksParallelismConfig, Directory, EpochHash, WhatsAppV1Configuration,
    client::lookup_verify,
    ecvrf::HardCodedAkdVRF,
    proto::specs::types::LookupProof,
    storage::{StorageManager, memory::AsyncInMemoryDatabase},
};
use anyhow::Context as _;
use protobuf::Message as _;

use self::line::Line;

/// Largest directory: each entry takes about 2 kB of memory and two evaluations of a VRF.
const MOST: u64 = 200_000;

/// Entries of one epoch.
const EPOCH: usize = 1_000;

/// Proofs of each measurement.
const SAMPLES: u64 = 500;

/// Bytes of a value: those of the record of a device.
const VALUE: usize = 120;

type Akd = Directory<WhatsAppV1Configuration, AsyncInMemoryDatabase, HardCodedAkdVRF>;

fn main() -> anyhow::Result<()> {
    let sizes = std::env::args().nth(1).context("usage: akd 10000,100000")?;
    let sizes: Vec<u64> = sizes
        .split(',')
        .map(|size| size.parse().with_context(|| format!("{size:?} is no number of users")))
        .collect::<Result<_, _>>()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(&sizes))
}

async fn run(sizes: &[u64]) -> anyhow::Result<()> {
    let storage = StorageManager::new_no_cache(AsyncInMemoryDatabase::new());
    let directory = Akd::new(storage, HardCodedAkdVRF, AzksParallelismConfig::default()).await?;
    let mut published = 0;
    for size in sizes {
        if *size > MOST {
            writeln!(std::io::stderr(), "left out: akd/{size}, filling it takes too long")?;
            continue;
        }
        let numbers: Vec<u64> = (published..*size).collect();
        for numbers in numbers.chunks(EPOCH) {
            let entries = numbers.iter().map(|number| (label(*number), value(*number))).collect();
            directory.publish(entries).await?;
        }
        published = published.max(*size);
        for line in measure(&directory, published).await? {
            writeln!(std::io::stdout(), "{}", serde_json::to_string(&line)?)?;
        }
    }
    Ok(())
}

async fn measure(directory: &Akd, users: u64) -> anyhow::Result<Vec<Line>> {
    let key = directory.get_public_key().await?;
    let (mut made, mut verified, mut bytes) = (Vec::new(), Vec::new(), 0);
    for sample in 0..SAMPLES {
        // A step that shares no factor with the sizes leads through all of them.
        let number = sample.wrapping_mul(7_919) % users.max(1);
        let began = Instant::now();
        let (proof, EpochHash(epoch, root)) = directory.lookup(label(number)).await?;
        let encoded = LookupProof::from(&proof).write_to_bytes()?;
        made.push(began.elapsed());
        bytes = bytes.max(encoded.len());
        let began = Instant::now();
        let read = akd::LookupProof::try_from(&LookupProof::parse_from_bytes(&encoded)?)
            .map_err(|error| anyhow::anyhow!("a proof does not read back: {error:?}"))?;
        let found = lookup_verify::<WhatsAppV1Configuration>(
            key.as_bytes(),
            root,
            epoch,
            label(number),
            read,
        )
        .map_err(|error| anyhow::anyhow!("a proof does not hold: {error:?}"))?;
        verified.push(began.elapsed());
        anyhow::ensure!(found.value == value(number), "a proof shows another value");
    }
    let name = |part: &str| format!("ledger/akd_{part}/{users}");
    let bytes = u32::try_from(bytes)?.saturating_sub(u32::try_from(VALUE)?);
    Ok(vec![
        Line::new(name("proof_make_us"), median(made), "us"),
        Line::new(name("proof_verify_us"), median(verified), "us"),
        Line::new(name("proof_bytes"), bytes.into(), "B"),
    ])
}

fn label(number: u64) -> AkdLabel {
    AkdLabel(number.to_be_bytes().to_vec())
}

fn value(number: u64) -> AkdValue {
    let mut value = vec![0; VALUE];
    value[..8].copy_from_slice(&number.to_be_bytes());
    AkdValue(value)
}

/// The sample in the middle, in microseconds, to two digits.
fn median(mut samples: Vec<Duration>) -> f64 {
    samples.sort_unstable();
    let middle = samples.get(samples.len() / 2).copied().unwrap_or_default();
    (middle.as_secs_f64() * 1e8).round() / 100.0
}
