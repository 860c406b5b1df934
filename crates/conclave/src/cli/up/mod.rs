//! `conclave up`: the daemon of one person; `running` is what happens when it runs already.

mod running;

use std::{path::PathBuf, sync::Arc};

use anyhow::{Context as _, anyhow};
use clap::Args;
use conclave_ledger::validator::start_dev;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use self::running::Place;
use super::{Common, advice::Advised as _, validator::Stop};
use crate::{
    chain::Chain,
    clip::Guest,
    config::Home,
    files,
    http::Server,
    keystore::{ENVIRONMENT, Keystore, Passphrase, Protection},
    network::{Network, Peer},
    node::{Node, Setup},
    rpc::Running,
};

/// Start the daemon and open its page.
#[derive(Debug, Args)]
pub(super) struct Up {
    /// The consortium; without one, network.toml in the home directory, else --dev
    #[arg(long, value_name = "FILE", conflicts_with = "dev")]
    network: Option<PathBuf>,
    /// A network of this device alone, its validator inside this program
    #[arg(long)]
    dev: bool,
    /// Loopback port of the page, 0 for any
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,
    /// Do not open the page in a browser
    #[arg(long)]
    no_browser: bool,
    /// An endpoint of Ethereum to check the ledger's anchors with; more than one must agree
    #[arg(long, value_name = "URL")]
    ethereum: Vec<String>,
    /// Send a built-in clip instead of a camera
    #[arg(long, value_name = "N", hide = true)]
    clip: Option<u8>,
    /// Write down which packets were opened
    #[arg(long, value_name = "DIR", hide = true)]
    record: Option<PathBuf>,
    /// Write down the keys, too: only to show afterwards that they are gone, or to recompute all
    #[arg(long, hide = true, requires = "record")]
    record_keys: bool,
}

pub(super) async fn run(up: Up, common: &Common) -> anyhow::Result<()> {
    // A demonstration looks into the memory of its own processes.
    if up.clip.is_none() && up.record.is_none() {
        close_memory();
    }
    let mut stop = Stop::new()?;
    let home = common.home();
    let claim = match running::look(&home).await? {
        Place::Free(claim) => claim,
        Place::Taken(daemon) => return daemon.show(&up, common),
    };
    let port = (up.port != 0).then_some(up.port);
    let server = Server::bind(port).await.suggest("conclave up --port ANOTHER-PORT")?;
    let Ground { network, embedded } = ground(&up, &home).await?;
    let keystore = Keystore::new(home.path());
    let passphrase = unlock(&keystore, &network)?;
    if up.network.is_some() {
        remember(&network, &home);
    }
    let dev = embedded.is_some();
    let chain = Chain::start(&network).context("the ledger cannot be followed")?;
    chain.keep_evidence(home.evidence_dir());
    if let Some(dir) = &up.record {
        chain.record_answers(dir).with_context(|| format!("writing in {}", dir.display()))?;
    }
    let clip = up.clip.and_then(|n| Guest::ALL.get(usize::from(n) % Guest::ALL.len())).copied();
    let record = up.record.map(|dir| (dir, up.record_keys));
    let relays = network.relays();
    let ethereum = super::anchor::chosen(&up.ethereum, &network)?;
    let setup = Setup { chain, network, keystore, passphrase, relays, ethereum, dev, clip, record };
    let node = Node::start(setup).await?;
    let closing = CancellationToken::new();
    let announced = claim.announce(&server, &up.ethereum).context("the home cannot be written")?;
    greet(&server, up.no_browser, common)?;
    let serving = tokio::spawn(server.serve(Arc::clone(&node), closing.clone()));
    stop.asked().await;
    let claim = announced.withdraw();
    closing.cancel();
    let _ = serving.await;
    drop(node);
    if let Some(embedded) = embedded {
        embedded.stop().await;
    }
    drop(claim);
    Ok(())
}

/// No core dump shows the memory of this process, nor does it show itself to others of this user
/// (docs/protocol.md, section 13).
fn close_memory() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = setrlimit(Resource::Core, none) {
        tracing::warn!(%error, "core dumps cannot be switched off");
    }
    #[cfg(target_os = "linux")]
    if let Err(error) =
        rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
    {
        tracing::warn!(%error, "other processes of this user can read this one's memory");
    }
}

/// The ledger under the daemon.
struct Ground {
    network: Network,
    /// The validator inside this process, when there is one. It is reached over HTTP as any other.
    embedded: Option<Running>,
}

async fn ground(up: &Up, home: &Home) -> anyhow::Result<Ground> {
    let own = home.network_file();
    let file = up.network.clone().or_else(|| (!up.dev && own.exists()).then_some(own));
    if let Some(file) = file {
        let network = Network::load(&file)
            .advise("start it with --network FILE, or with --dev for a ledger of its own")?;
        return Ok(Ground { network, embedded: None });
    }
    let (validator, genesis) = start_dev(&home.dev_dir())
        .context("the embedded validator does not start")
        .advise("look whether another daemon uses this home")?;
    let key = validator.status().key;
    let running = Running::embedded(validator, genesis.clone()).await?;
    let rpc = format!("http://{}", running.rpc);
    let validators = vec![Peer { key, rpc, name: None, p2p: None, relay: None }];
    Ok(Ground {
        network: Network { genesis, validators, anchors: Vec::new() },
        embedded: Some(running),
    })
}

/// The next start, and every question to the ledger from here, is about the same network.
fn remember(network: &Network, home: &Home) {
    let path = home.network_file();
    let written = network.to_toml().map_err(anyhow::Error::from).and_then(|text| {
        files::replace(&path, text.as_bytes()).with_context(|| path.display().to_string())
    });
    if let Err(error) = written {
        tracing::warn!("the network file was not kept: {error:#}");
    }
}

/// What opens the identity, if there is one and it needs something.
fn unlock(keystore: &Keystore, network: &Network) -> anyhow::Result<Option<Passphrase>> {
    let path = keystore.path();
    let move_away = format!("start it with --home ANOTHER-DIRECTORY, or move {}", path.display());
    let Some((chain_id, _)) = keystore.owner().advise(move_away.clone())? else { return Ok(None) };
    if chain_id != network.genesis.chain_id() {
        let text = format!("the identity here belongs to another network ({chain_id})");
        return Err(anyhow!(text)).advise(move_away);
    }
    match keystore.protection()? {
        Some(Protection::KeyFile) => {
            tracing::warn!("{}", Protection::KeyFile.say());
            return Ok(None);
        }
        Some(Protection::System) => {
            keystore.open(None).advise(
                "log in to the desktop on which the identity was made, or unlock its key store; \
                 if the key is gone, come back with the recovery sheet in another home",
            )?;
            return Ok(None);
        }
        Some(Protection::Passphrase) | None => {}
    }
    let passphrase = match Passphrase::from_environment() {
        Some(passphrase) => Some(passphrase),
        None => Passphrase::prompt("Passphrase of the identity: ")
            .advise(format!("set {ENVIRONMENT}, or start it on a terminal"))?,
    };
    keystore.open(passphrase.as_ref()).advise("start it again, with the right passphrase")?;
    Ok(passphrase)
}

fn greet(server: &Server, no_browser: bool, common: &Common) -> anyhow::Result<()> {
    let (url, token) = (server.danger_url(), server.token().danger_hex());
    let ready = json!({ "event": "ready", "url": *url, "token": *token, "port": server.port() });
    common.output().say(&ready, || format!("Conclave is at {}", *url))?;
    if !no_browser {
        open_page(&url);
    }
    Ok(())
}

fn open_page(url: &str) {
    if let Err(error) = open::that_detached(url) {
        tracing::warn!(%error, "no browser was opened; open the address above");
    }
}
