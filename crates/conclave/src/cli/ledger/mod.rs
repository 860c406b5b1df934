//! `conclave ledger`: what is on the ledger, from any validator, and whether it is proven; all of it,
//! copied and checked.

mod look;
mod people;
mod prune;
mod whole;

use std::path::PathBuf;

use anyhow::anyhow;
use clap::{Args, Subcommand};

use super::{Common, advice::Advised as _, output::plain};
use crate::{
    chain::{Chain, ChainError},
    explorer::wire::Part,
    network::Network,
};

/// What is on the ledger. Each line says whether it is proven by the certificates of the validators,
/// or only said by one of them.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// How far the ledger is, and what happened last
    Show(Where),
    /// One block and its transactions
    Block {
        /// Its height
        height: u64,
        #[command(flatten)]
        network: Where,
    },
    /// One transaction
    Tx {
        /// Its id, 64 hexadecimal digits
        id: String,
        #[command(flatten)]
        network: Where,
    },
    /// One user, with devices and history
    User {
        /// Its id, or a handle
        who: String,
        #[command(flatten)]
        network: Where,
    },
    /// One meeting, with everyone in it
    Meeting {
        /// Its id, 64 hexadecimal digits
        id: String,
        #[command(flatten)]
        network: Where,
    },
    /// The validators, and how they do
    Validators(Where),
    /// Clear away what meetings that are long over left in the state of the ledger
    Prune {
        /// One meeting, by all 64 digits of its id; otherwise those that this device was in
        id: Option<String>,
    },
    /// Copy all blocks and certificates into a file that anybody can verify
    Export(whole::Export),
    /// Execute a whole ledger again from its genesis and check everything in it
    Verify(whole::Verify),
    /// Verify a proof that validators broke their word
    Evidence(whole::Proof),
}

/// Which ledger.
#[derive(Clone, Debug, Args)]
pub(super) struct Where {
    /// The consortium's file; the one in the home directory if not given
    #[arg(long, value_name = "FILE")]
    network: Option<PathBuf>,
}

pub(super) async fn run(command: Command, common: &Common) -> anyhow::Result<bool> {
    let output = common.output();
    match command {
        Command::Export(command) => return whole::copy(command, common).await,
        Command::Verify(command) => return whole::check(command, common).await,
        Command::Evidence(command) => return whole::accuse(&command, common),
        Command::Prune { id } => prune::prune(id, common).await,
        Command::Show(network) => look::show(&network.open(common).await?, output).await,
        Command::Block { height, network } => {
            look::block(&network.open(common).await?, height, output).await
        }
        Command::Tx { id, network } => look::tx(&network.open(common).await?, &id, output).await,
        Command::User { who, network } => {
            people::user(&network.open(common).await?, &who, output).await
        }
        Command::Meeting { id, network } => {
            people::meeting(&network.open(common).await?, &id, output).await
        }
        Command::Validators(network) => {
            look::validators(&network.open(common).await?, output).await
        }
    }
    .map(|()| true)
}

impl Where {
    /// The ledger, once a validator has proven a header of it.
    async fn open(&self, common: &Common) -> anyhow::Result<Chain> {
        let file = self.network.clone().unwrap_or_else(|| common.home().network_file());
        let network = Network::load(&file).advise("name the network: --network FILE")?;
        let chain = Chain::start(&network)?;
        chain.tip().await.map_err(silent).advise(ASK_THEM)?;
        Ok(chain)
    }
}

fn silent(error: ChainError) -> anyhow::Error {
    match error {
        ChainError::Silent => anyhow!("no validator of the network proves anything"),
        other => other.into(),
    }
}

/// A sentence for a terminal, with what others wrote made harmless.
fn read(words: &[Part]) -> String {
    let part = |part: &Part| {
        let text = plain(&part.text);
        if part.quoted { format!("\u{201c}{text}\u{201d}") } else { text }
    };
    words.iter().map(part).collect()
}

/// What others wrote, for a terminal, within a line.
fn quoted(text: &str) -> String {
    let text = plain(text);
    let short: String = text.chars().take(LINE).collect();
    let more = if short.len() < text.len() { "\u{2026}" } else { "" };
    format!("\u{201c}{short}{more}\u{201d}")
}

const LINE: usize = 200;
const ASK_THEM: &str = "look which of the validators answer: conclave doctor --network FILE";
