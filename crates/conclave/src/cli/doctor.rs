//! `conclave doctor`

use std::path::PathBuf;

use clap::Args;

use super::Common;
use crate::doctor::{Finding, Verdict, of_network, of_validator};

/// What is wrong with a validator, its machine or its network, and what to do.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Doctor {
    /// The directory of a validator on this machine
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// A network file: looks at its validators from here
    #[arg(long, value_name = "FILE")]
    network: Option<PathBuf>,
}

/// Whether nothing is wrong that stops the validator or its network.
pub(super) async fn run(doctor: Doctor, common: &Common) -> anyhow::Result<bool> {
    let found = match (&doctor.dir, &doctor.network) {
        (Some(dir), _) => of_validator(dir).await,
        (None, Some(file)) => of_network(file).await,
        (None, None) => Vec::new(),
    };
    for finding in &found {
        common.output().say(finding, || line(finding))?;
    }
    Ok(found.iter().all(|finding| finding.verdict != Verdict::Error))
}

fn line(finding: &Finding) -> String {
    let Finding { check, verdict, saw, todo } = finding;
    let mut line = format!("{verdict:<8}{check}: {saw}");
    if let Some(todo) = todo {
        line.push_str("\n          do: ");
        line.push_str(todo);
    }
    line
}
