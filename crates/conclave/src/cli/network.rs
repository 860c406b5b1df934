//! `conclave network`

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Subcommand;
use conclave_protocol::Params;
use serde_json::json;

use super::{Common, advice::Advised as _};
use crate::network::create_with;

/// Consortia.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Found a consortium on this machine: genesis, keys, network.toml
    New {
        /// How many validators; four survive one that fails or lies
        #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=128))]
        validators: u8,
        /// Where to write
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// Bits of work that let a newcomer in without a validator's word, e.g. 22; 0 for none
        #[arg(long, value_name = "BITS", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=32))]
        work: u8,
    },
}

pub(super) fn run(command: Command, common: &Common) -> anyhow::Result<()> {
    let Command::New { validators, dir, work } = command;
    let params = Params { pow_bits: work, ..Params::default() };
    let network = create_with(&dir, validators.into(), params)
        .context("the consortium was not founded")
        .advise("conclave network new --dir ANOTHER-DIRECTORY")?;
    let chain_id = network.genesis.chain_id().to_hex();
    let file = dir.join("network.toml");
    let answer = json!({ "chain_id": chain_id, "network": file, "validators": validators });
    common.output().say(&answer, || {
        let first = dir.join("validator-0");
        format!(
            "consortium {chain_id}\n  run each validator:  conclave validator run --dir {}\n  \
             take part:           conclave up --network {}",
            first.display(),
            file.display()
        )
    })
}
