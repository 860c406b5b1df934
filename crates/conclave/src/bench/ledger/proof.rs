//! What the proof of one device costs, and what so many users take of memory.
//!
//! The databases of a validator are filled through the rules, without consensus, and asked as its
//! service asks them. Nothing is sent anywhere.

use std::{num::NonZeroUsize, time::Duration};

use anyhow::Context as _;
use conclave_ledger::bench::{Proofs, proofs};
use tokio::sync::mpsc::unbounded_channel;

use super::{
    Progress,
    idle::round,
    procfs::{resident, size},
};
use crate::bench::Line;

/// Registered users, one measurement for each size.
pub const USERS: [u64; 3] = [10_000, 100_000, 1_000_000];

/// Proofs of each measurement.
const SAMPLES: NonZeroUsize = NonZeroUsize::new(1_000).unwrap();

/// Measures at each of these sizes; the largest also has the plain names.
///
/// # Errors
/// A proof does not hold, or the disk is full.
pub(super) async fn measure(
    sizes: &[u64],
    progress: &mut Progress<'_>,
) -> anyhow::Result<Vec<Line>> {
    let dir = tempfile::tempdir().context("making a directory for the users")?;
    let mut sizes = sizes.to_vec();
    sizes.sort_unstable();
    sizes.dedup();
    let last = sizes.last().copied();
    let (sender, mut figures) = unbounded_channel();
    let place = dir.path().to_owned();
    let filled = tokio::task::spawn_blocking(move || {
        proofs(&place, &sizes, SAMPLES, |of| {
            // Nobody listens any more only when the measurement is given up.
            let _ = sender.send((of, resident(std::process::id()), size(&place)));
        })
    });
    let mut lines = Vec::new();
    while let Some((of, memory, files)) = figures.recv().await {
        let users = of.users;
        progress(&format!("{users} users are registered, {:.1} s", of.filled.as_secs_f64()));
        let more = [
            ("memory_mb", memory? as f64 / 1e6, "MB"),
            ("users_disk_mb", files?.bytes as f64 / 1e6, "MB"),
        ];
        for (name, value, unit) in values(&of).into_iter().chain(more) {
            let line = |name: String| Line::new(name, round(value), unit);
            lines.push(line(format!("ledger/{name}/{users}")));
            if Some(users) == last {
                lines.push(line(format!("ledger/{name}")));
            }
        }
    }
    filled.await??;
    Ok(lines)
}

fn values(of: &Proofs) -> Vec<(&'static str, f64, &'static str)> {
    let bytes = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    vec![
        ("proof_make_us", at(&of.made, 50), "us"),
        ("proof_make_us_p99", at(&of.made, 99), "us"),
        ("proof_make_cold_us", at(&of.made_cold, 50), "us"),
        ("proof_verify_us", at(&of.verified, 50), "us"),
        ("answer_verify_cached_us", at(&of.verified_cached, 50), "us"),
        ("answer_verify_first_us", at(&of.verified_first, 50), "us"),
        ("proof_bytes", bytes(of.proof_bytes), "B"),
        ("proof_and_record_bytes", bytes(of.entry_bytes), "B"),
        ("answer_bytes", bytes(of.answer_bytes), "B"),
    ]
}

/// The time that `percent` did not exceed, in microseconds.
fn at(samples: &[Duration], percent: usize) -> f64 {
    let mut us: Vec<_> = samples.iter().map(|sample| sample.as_secs_f64() * 1e6).collect();
    crate::stage::figure::percentile(&mut us, percent).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_units_are_those_that_others_read() {
        let of = Proofs {
            users: 10,
            made: vec![Duration::from_micros(9), Duration::from_micros(7)],
            proof_bytes: 500,
            ..Proofs::default()
        };
        let found = values(&of);
        assert_eq!(found[0], ("proof_make_us", 7.0, "us"));
        assert!(found.contains(&("proof_bytes", 500.0, "B")));
        assert!(found.iter().any(|(name, ..)| *name == "proof_verify_us"));
    }
}
