//! A second `conclave up` in one home: it shows the page of the daemon that runs there.

use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use serde_json::json;
use tokio::time::sleep;

use super::{
    super::{Common, advice::Advised as _, client::Local},
    Up, open_page,
};
use crate::{
    config::{Claim, Daemon, Home},
    http::{danger_url, wire},
    network::Network,
};

/// Who has a home.
#[derive(Debug)]
pub(super) enum Place {
    /// This process, from now on.
    Free(Claim),
    /// A daemon that answers.
    Taken(Box<Running>),
}

/// A daemon that answers.
#[derive(Debug)]
pub(super) struct Running {
    daemon: Daemon,
    network: wire::Network,
}

/// Takes the home, or finds the daemon that has it: one that is just starting or ending is waited for.
pub(super) async fn look(home: &Home) -> anyhow::Result<Place> {
    let begun = Instant::now();
    loop {
        let claimed = home.claim();
        let dir = home.path().display();
        let claimed = claimed.with_context(|| format!("{dir} cannot be used"));
        if let Some(claim) = claimed.suggest("conclave up --home ANOTHER-DIRECTORY")? {
            return Ok(Place::Free(claim));
        }
        if let Ok(local) = Local::find(home)
            && let Ok(state) = local.state().await
        {
            let (daemon, network) = (local.daemon().clone(), state.network);
            return Ok(Place::Taken(Box::new(Running { daemon, network })));
        }
        if begun.elapsed() > STARTING {
            return Err(anyhow!("another daemon has {dir} and does not answer"))
                .advise("look at the terminal it was started on: it may wait for a passphrase");
        }
        sleep(AGAIN).await;
    }
}

impl Running {
    /// Says where the page is and opens it, unless this daemon is another one than was asked for.
    pub(super) fn show(&self, up: &Up, common: &Common) -> anyhow::Result<()> {
        if let Some(other) = self.differs(up)? {
            let Daemon { pid, .. } = self.daemon;
            return Err(anyhow!("a daemon runs in this home already, {other}")).advise(format!(
                "stop it first (kill {pid}), or start this one with --home ANOTHER-DIRECTORY"
            ));
        }
        let Daemon { port, ref token, .. } = self.daemon;
        let url = danger_url(port, token);
        let found = json!({ "event": "running", "url": *url, "token": *token, "port": port });
        common.output().say(&found, || format!("Conclave runs already, at {}", *url))?;
        if !up.no_browser {
            open_page(&url);
        }
        Ok(())
    }

    /// How it differs from what these options ask for; what they leave open is not compared.
    fn differs(&self, up: &Up) -> anyhow::Result<Option<String>> {
        let Self { daemon, network } = self;
        if up.port != 0 && up.port != daemon.port {
            return Ok(Some(format!("at port {}", daemon.port)));
        }
        if up.dev && !network.dev {
            return Ok(Some(format!("in the network {}", network.name)));
        }
        if let Some(file) = &up.network {
            let asked = Network::load(file).advise("start it with --network FILE")?;
            if asked.genesis.chain_id().to_hex() != network.chain_id {
                return Ok(Some(format!("in the network {}", network.name)));
            }
        }
        if !up.ethereum.is_empty() && up.ethereum != daemon.ethereum {
            return Ok(Some("with other endpoints of Ethereum".to_owned()));
        }
        let plays = up.clip.is_some() || up.record.is_some();
        Ok(plays.then(|| "without clip or record".to_owned()))
    }
}

/// How soon it is looked again.
const AGAIN: Duration = Duration::from_millis(100);
/// So long a daemon may take to start, or to end.
const STARTING: Duration = Duration::from_secs(20);
