//! `conclave validator`

mod backup;
mod init;
mod progress;
mod run;
mod votes;

use std::path::PathBuf;

use clap::Subcommand;

use super::{Common, advice, network, output};
use crate::network::KeepBlocks;

pub(super) use run::Stop;

/// Validators.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a key that stays here, and the public file that goes to the other founders
    Init(init::Init),
    /// Put the network file that everyone agreed on into a validator's directory
    Install(init::Install),
    /// Vote for one more validator
    Add(votes::Add),
    /// Vote to put a validator out
    Remove(votes::Remove),
    /// Vote to put one key in the place of another
    Replace(votes::Replace),
    /// Who decides, who will, what is voted about, and who is there
    List(votes::List),
    /// Write the key and the settings of a validator into one file
    Backup(backup::Save),
    /// Make a validator's directory of a backup, in the place of a machine that is lost
    Restore(backup::Restore),
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
        /// Drop blocks that are older than so many days, but never what the network has everybody
        /// keep; otherwise what validator.toml says, or else none is dropped
        #[arg(long, value_name = "DAYS|all")]
        keep_blocks: Option<KeepBlocks>,
    },
}

pub(super) async fn run(command: Command, common: &Common) -> anyhow::Result<()> {
    match command {
        Command::Init(init) => init::init(init, common),
        Command::Install(install) => init::install(&install, common),
        Command::Add(add) => votes::add(&add, common).await,
        Command::Remove(remove) => votes::remove(&remove, common).await,
        Command::Replace(replace) => votes::replace(&replace, common).await,
        Command::List(list) => votes::list(&list, common).await,
        Command::Backup(save) => backup::save(&save, common),
        Command::Restore(restore) => backup::restore(&restore, common),
        Command::Run { dir, network, sync, keep_blocks } => {
            run::run(&dir, network.as_deref(), sync, keep_blocks, common).await
        }
    }
}
