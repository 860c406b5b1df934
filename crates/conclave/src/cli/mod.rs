//! The command line: what a person or a script can ask for.
//!
//! Exit status 0 is done, 1 is failed, 2 is wrong usage. With `--json`, every line of output is one
//! object; errors go to standard error in words.

mod advice;
mod anchor;
mod bench;
mod client;
mod doctor;
mod identity;
mod ledger;
mod manual;
mod media;
mod meeting;
mod network;
mod output;
mod up;
mod validator;
mod watch;
mod watched;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};

use self::{advice::Advised, output::Output};
use crate::config::Home;

/// Video meetings that nobody has to be trusted for.
#[derive(Debug, Parser)]
#[command(name = "conclave", version, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    common: Common,
}

/// What every command takes.
#[derive(Clone, Debug, Args)]
struct Common {
    /// One JSON object per line instead of text
    #[arg(long, global = true)]
    json: bool,
    /// Directory of the identity and of the running daemon
    #[arg(long, global = true, value_name = "DIR", env = "CONCLAVE_HOME")]
    home: Option<PathBuf>,
    /// How logs are written to standard error
    #[arg(long, global = true, value_enum, default_value_t = output::LogFormat::Text, env = "CONCLAVE_LOG_FORMAT")]
    log_format: output::LogFormat,
}

impl Common {
    fn home(&self) -> Home {
        Home::new(self.home.clone())
    }

    const fn output(&self) -> Output {
        Output::new(self.json)
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the daemon of this person and open its page
    Up(up::Up),
    /// Play the whole paper on this machine: validators, guests, real media
    Demo(Demo),
    /// The identity of this device
    #[command(subcommand)]
    Identity(identity::Command),
    /// Meetings, through the running daemon
    #[command(subcommand)]
    Meeting(meeting::Command),
    /// What is on the ledger, and whether it is proven; all of it, copied and checked
    #[command(subcommand)]
    Ledger(ledger::Command),
    /// Consortia
    #[command(subcommand)]
    Network(network::Command),
    /// Validators
    #[command(subcommand)]
    Validator(validator::Command),
    /// What is wrong with a validator, its machine or its network, and what to do
    Doctor(doctor::Doctor),
    /// Hashes of the ledger's headers in Ethereum
    #[command(subcommand)]
    Anchor(anchor::Command),
    /// What things cost on this machine
    #[command(subcommand)]
    Bench(bench::Command),
    /// Print what a shell needs to complete commands
    Completions(manual::Completions),
    /// Write the man pages
    Man(manual::Man),
    /// Print the command reference of the handbook
    #[command(hide = true)]
    Reference,
}

/// Play the whole paper on this machine: validators, guests, real media.
#[derive(Clone, Debug, Args)]
pub struct Demo {
    /// Run a script instead of waiting for a person; the exit status says whether every check held
    #[arg(long)]
    pub once: bool,
    /// Guests, each with a clip instead of a camera
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=6))]
    pub guests: u8,
    /// Validators
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=16))]
    pub validators: u8,
    /// Do not open the page in a browser
    #[arg(long)]
    pub no_browser: bool,
    /// Loopback port of the page, 0 for any
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub port: u16,
    /// Keep everything that was written, and say where
    #[arg(long)]
    pub keep: bool,
    /// Write down everything, secrets of the actors too, so that strangers can recompute the meeting
    #[arg(long, value_name = "DIR", requires = "once")]
    pub record: Option<PathBuf>,
}

/// The whole program.
#[must_use]
pub fn main() -> ExitCode {
    // clap answers wrong usage with exit status 2, and --help with 0.
    let Cli { command, common } = Cli::parse();
    let output = common.output();
    match run(command, &common) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) if output::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output.error(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command, common: &Common) -> anyhow::Result<bool> {
    output::start_logging(common.log_format);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match command {
            Command::Up(up) => Box::pin(up::run(up, common)).await.map(|()| true),
            Command::Demo(demo) => Box::pin(play(demo, common)).await,
            Command::Identity(command) => identity::run(command, common).await.map(|()| true),
            Command::Meeting(command) => meeting::run(command, common).await.map(|()| true),
            Command::Network(command) => network::run(command, common).map(|()| true),
            Command::Validator(command) => {
                Box::pin(validator::run(command, common)).await.map(|()| true)
            }
            Command::Doctor(doctor) => Box::pin(doctor::run(doctor, common)).await,
            Command::Ledger(command) => Box::pin(ledger::run(command, common)).await,
            Command::Anchor(command) => Box::pin(anchor::run(command, common)).await,
            Command::Bench(command) => bench::run(command, common).await.map(|()| true),
            Command::Completions(shell) => shell.print().map(|()| true),
            Command::Man(man) => man.write(common.output()).map(|()| true),
            Command::Reference => manual::print_reference().map(|()| true),
        }
    })
}

async fn play(demo: Demo, common: &Common) -> anyhow::Result<bool> {
    if let Some(dir) = &demo.record {
        let other = "conclave demo --once --record ANOTHER-DIRECTORY";
        crate::demo::may_record_in(dir).suggest(other)?;
    }
    let options = crate::demo::Options {
        once: demo.once,
        json: common.json,
        guests: demo.guests.into(),
        validators: demo.validators.into(),
        browser: !demo.no_browser,
        port: demo.port,
        keep: demo.keep,
        record: demo.record,
    };
    crate::demo::run(options)
        .await
        .advise("start it with --keep, and look at the logs that it names")
}

#[cfg(test)]
mod tests;
