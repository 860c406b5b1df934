//! `conclave validator`

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::{Common, advice::Advised as _};
use crate::{network::ValidatorHome, rpc};

/// Validators.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run one validator until it is told to stop
    Run {
        /// Its directory, made by `conclave network new`
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// Fetch the newest state from the others first, if this one has none yet
        #[arg(long)]
        sync: bool,
    },
}

pub(super) async fn run(command: Command, common: &Common) -> anyhow::Result<()> {
    let Command::Run { dir, sync } = command;
    let home = ValidatorHome::load(&dir).advise("conclave network new --dir DIR")?;
    let mut stop = Stop::new()?;
    let running = rpc::run(&home, sync).await.advise("look whether this validator runs already")?;
    let key = home.key().to_string();
    let ready = json!({
        "event": "ready",
        "key": hex::encode(home.key().0),
        "rpc": format!("http://{}", running.rpc),
        "p2p": home.p2p,
        "relay": running.relay(),
    });
    common.output().say(&ready, || format!("validator {key} answers on http://{}", running.rpc))?;
    let died = tokio::select! {
        () = stop.asked() => false,
        () = running.validator.stopped() => true,
    };
    running.stop().await;
    if died {
        return Err(anyhow::anyhow!("the validator stopped by itself")).advise("look at its log");
    }
    Ok(())
}

/// SIGTERM and Ctrl-C.
#[derive(Debug)]
pub(super) struct Stop {
    term: tokio::signal::unix::Signal,
    int: tokio::signal::unix::Signal,
}

impl Stop {
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self { term: signal(SignalKind::terminate())?, int: signal(SignalKind::interrupt())? })
    }

    pub(super) async fn asked(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
        }
    }
}
