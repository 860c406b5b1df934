//! `conclave validator`

mod init;
mod progress;
mod run;

use std::path::PathBuf;

use clap::Subcommand;

use super::{Common, advice, network};

pub(super) use run::Stop;

/// Validators.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a key that stays here, and the public file that goes to the other founders
    Init(init::Init),
    /// Put the network file that everyone agreed on into a validator's directory
    Install(init::Install),
    /// Run one validator until it is told to stop
    Run {
        /// Its directory, made by `conclave validator init` or `conclave network new`
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// The network file; needed the first time only
        #[arg(long, value_name = "FILE")]
        network: Option<PathBuf>,
        /// Fetch the newest state from the others first, if this one has none yet
        #[arg(long)]
        sync: bool,
    },
}

pub(super) async fn run(command: Command, common: &Common) -> anyhow::Result<()> {
    match command {
        Command::Init(init) => init::init(init, common),
        Command::Install(install) => init::install(&install, common),
        Command::Run { dir, network, sync } => {
            run::run(&dir, network.as_deref(), sync, common).await
        }
    }
}
