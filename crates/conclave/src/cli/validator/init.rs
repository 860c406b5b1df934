//! `conclave validator init|install`: one organisation's part in the founding.

use std::{net::SocketAddr, path::PathBuf};

use anyhow::Context as _;
use clap::Args;
use conclave_ledger::validator::PeerAddress;
use serde_json::json;

use super::{
    Common,
    advice::{Advised as _, Next},
    network::{described, groups},
};
use crate::network::{self, LEDGERS, NetworkError, ValidatorHome};

/// Make a key that stays here, and the public file that goes to the other founders.
#[derive(Debug, Args)]
pub(in crate::cli) struct Init {
    /// What people call the organisation: letters, digits, . _ -
    #[arg(long, value_name = "NAME")]
    name: String,
    /// Where the other validators reach it
    #[arg(long, value_name = "HOST:PORT")]
    p2p: PeerAddress,
    /// Where clients reach it, an http or https URL
    #[arg(long, value_name = "URL")]
    rpc: String,
    /// Where its relay is, for people who cannot reach each other; none if not said
    #[arg(long, value_name = "URL")]
    relay: Option<String>,
    /// Where to listen for the other validators; if not said, the port of --p2p on all addresses
    #[arg(long, value_name = "ADDR")]
    listen_p2p: Option<SocketAddr>,
    /// Where the RPC listens; if not said, the port of --rpc on all addresses
    #[arg(long, value_name = "ADDR")]
    listen_rpc: Option<SocketAddr>,
    /// Where the relay listens; if not said, the port of --relay on all addresses
    #[arg(long, value_name = "ADDR", requires = "relay")]
    listen_relay: Option<SocketAddr>,
    /// The directory to make
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
}

/// Put the network file that everyone agreed on into a validator's directory.
#[derive(Debug, Args)]
pub(in crate::cli) struct Install {
    /// The network file
    #[arg(value_name = "NETWORK")]
    file: PathBuf,
    /// The validator's directory
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
}

pub(super) fn init(init: Init, common: &Common) -> anyhow::Result<()> {
    let Init { name, p2p, rpc, relay, listen_p2p, listen_rpc, listen_relay, dir } = init;
    let wanted = network::Init { name, p2p, rpc, relay, listen_p2p, listen_rpc, listen_relay };
    let made = network::init(&dir, wanted);
    let next = match &made {
        Err(NetworkError::Exists(_)) => {
            Next::run("conclave validator init --dir ANOTHER-DIRECTORY")
        }
        Err(NetworkError::WhereToListen(_)) => Next::from(
            "say with --listen-rpc 127.0.0.1:PORT where the program with the certificate \
                        finds it (--listen-relay for a relay)",
        ),
        _ => Next::run("conclave validator init --help"),
    };
    let (card, file) = made.context("the validator was not made").advise(next)?;
    let key = hex::encode(card.card().key.0);
    let answer = json!({ "key": key, "name": card.peer().name, "card": file, "dir": dir });
    common.output().say(&answer, || {
        format!(
            "validator {}, key\n\n{}\n  the key stays in {}; nobody else may have it\n  \
             send to all founders:  {}\n  when you have theirs:  conclave network assemble \
             --name NETWORK-NAME *.validator.toml --out network.toml",
            card.peer().name.as_deref().unwrap_or_default(),
            groups(&key),
            dir.display(),
            file.display(),
        )
    })
}

pub(super) fn install(install: &Install, common: &Common) -> anyhow::Result<()> {
    let Install { file, dir } = install;
    let network = installed(dir, file)?;
    let named = ValidatorHome::load(dir)?.peer().is_some();
    let answer = json!({ "network": file, "dir": dir, "named": named });
    common.output().say(&described(&network, answer), || {
        let note = if named {
            ""
        } else {
            "  this validator is not in the file: it follows, and decides once the others add it\n"
        };
        format!(
            "network {}, genesis hash\n\n{}\n{note}  run: conclave validator run --dir {}",
            network.genesis.name.as_str(),
            groups(&network.genesis.chain_id().to_hex()),
            dir.display(),
        )
    })
}

/// Installs a network file, or says what to do.
pub(super) fn installed(
    dir: &std::path::Path,
    file: &std::path::Path,
) -> anyhow::Result<network::Network> {
    let installed = network::install(dir, file);
    let next = match &installed {
        Err(NetworkError::OtherNetwork(_)) if dir.join(LEDGERS).exists() => {
            Next::run("conclave validator init --dir ANOTHER-DIRECTORY")
        }
        Err(NetworkError::OtherNetwork(_)) => format!(
            "nothing was done there yet: if that file was the wrong one, remove it from {} and \
             install this one",
            dir.display()
        )
        .into(),
        Err(NetworkError::Moved { .. }) => {
            "assemble the network with your own NAME.validator.toml as it is in DIR".into()
        }
        _ => "make the directory with conclave validator init, then the network with conclave \
              network assemble"
            .into(),
    };
    installed.context("the network was not installed").advise(next)
}
