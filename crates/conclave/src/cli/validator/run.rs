//! `conclave validator run`

use std::{path::Path, time::Duration};

use conclave_protocol::{Genesis, Height};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::{
    Common,
    advice::{Advised as _, Next},
    init::installed,
    progress,
};
use crate::{
    chain::Chain,
    limits,
    network::{KeepBlocks, Network, NetworkError, Twin, ValidatorHome, repair},
    rpc::{self, RunError, Running},
};

pub(super) async fn run(
    dir: &Path,
    network: Option<&Path>,
    sync: bool,
    keep_blocks: Option<KeepBlocks>,
    common: &Common,
) -> anyhow::Result<()> {
    if let Some(file) = network {
        installed(dir, file)?;
    }
    let home = ValidatorHome::load(dir);
    let next = match &home {
        Err(NetworkError::NoNetwork(_)) => "conclave validator install NETWORK --dir DIR",
        _ => "conclave doctor --dir DIR",
    };
    let mut home = home.suggest(next)?;
    home.keep_blocks = keep_blocks.unwrap_or(home.keep_blocks);
    check_limits()?;
    let mut stop = Stop::new()?;
    // Ledgers that cannot be opened are replaced once with what the key has signed, once without.
    let mut begun = 0;
    loop {
        let died = once(&home, sync || begun > 0 || repair::began_anew(&home), &mut stop, common);
        match died.await? {
            None => break,
            Some(Died::Opening) if begun < 2 && others_answer(&home).await => {
                begin_anew(&home, begun).advise("look at the disk of DIR")?;
                begun += 1;
            }
            Some(Died::Opening | Died::Stopped) => {
                let stopped = Err(anyhow::anyhow!("the validator stopped by itself"));
                return stopped.advise("look at its log");
            }
            Some(Died::Guard(error)) => return Err(error).advise("make room on the disk of DIR"),
            Some(Died::Twin(twin)) => {
                return Err(twin).advise(
                    "stop the other machine, wait for the next epoch, and start this one again; if \
                     you do not know it, the key is stolen: conclave validator replace",
                );
            }
        }
    }
    tracing::info!("stopped");
    Ok(())
}

/// Runs the validator until it is asked to stop, or ends by itself.
async fn once(
    home: &ValidatorHome,
    sync: bool,
    stop: &mut Stop,
    common: &Common,
) -> anyhow::Result<Option<Died>> {
    let running = rpc::run(home, sync).await;
    let next = match &running {
        Err(RunError::Home(NetworkError::InUse { .. })) => {
            "look whether this validator runs already".into()
        }
        _ => Next::run("conclave doctor --dir DIR"),
    };
    let running = running.advise(next)?;
    let key = home.key().to_string();
    let ready = json!({
        "event": "ready",
        "key": hex::encode(home.key().0),
        "rpc": format!("http://{}", running.rpc),
        "p2p": home.p2p,
        "relay": running.relay(),
    });
    common.output().say(&ready, || format!("validator {key} answers on http://{}", running.rpc))?;
    let telling = progress::watch(running.validator.clone(), home.network.clone());
    let died = tokio::select! {
        () = stop.asked() => None,
        () = running.validator.stopped() => Some(Died::Stopped),
        () = telling => Some(Died::Stopped),
        died = vouch(&running, home) => Some(died),
    };
    let died = match died {
        Some(Died::Stopped) if !running.validator.has_moved() => Some(Died::Opening),
        died => died,
    };
    if died.is_none() {
        tracing::info!("stopping: answers in progress end, the ledgers are closed");
    }
    running.stop().await;
    Ok(died)
}

/// Replaces ledgers that cannot be opened.
fn begin_anew(home: &ValidatorHome, begun: u32) -> Result<(), NetworkError> {
    if begun > 0 {
        tracing::warn!(
            "what this key has signed cannot be opened either: it is silent for a while"
        );
        return repair::give_up_votes(home, rpc::now_ms());
    }
    let aside = repair::keep_votes(home)?;
    tracing::warn!(
        aside = %aside.display(),
        "the ledgers cannot be opened, and were set aside: the others give the state anew"
    );
    Ok(())
}

/// Whether another validator shows a block that is final: without one there is nobody to begin anew
/// from, and where all fail at once it is not their disks.
async fn others_answer(home: &ValidatorHome) -> bool {
    let Ok(chain) = Chain::start(&others(home)) else { return false };
    let mut headers = chain.headers();
    let seen = headers.wait_for(Option::is_some);
    tokio::time::timeout(OTHERS, seen).await.is_ok_and(|seen| seen.is_ok())
}

/// The network without this validator.
fn others(home: &ValidatorHome) -> Network {
    let me = home.key();
    let mut others = home.network.clone();
    others.validators.retain(|peer| peer.key != me);
    others
}

/// How long another validator is looked for.
const OTHERS: Duration = Duration::from_secs(20);

/// Why a validator ended that nobody stopped.
enum Died {
    Guard(NetworkError),
    /// Before it had executed a block: it cannot use what is on the disk.
    Opening,
    Stopped,
    Twin(Twin),
}

/// Lets a validator speak whose journal is lost, as soon as it cannot contradict itself; ends only
/// if that goes wrong. What the others show is verified, and has blocks of a twin in it even where
/// that one keeps this one from connecting.
async fn vouch(running: &Running, home: &ValidatorHome) -> Died {
    let (validator, guard) = (&running.validator, running.guard);
    if guard.waits().is_none() {
        return std::future::pending().await;
    }
    tracing::warn!(
        "the journal of this key is lost: it follows without signing, and watches for another \
         machine that signs with it"
    );
    let me = home.key();
    let chain = match Chain::start(&others(home)) {
        Ok(chain) => chain,
        Err(error) => {
            tracing::error!(%error, "the others cannot be asked: this validator stays silent");
            return std::future::pending().await;
        }
    };
    let mut headers = chain.headers();
    let mut proposed = None;
    loop {
        if headers.changed().await.is_err() {
            return std::future::pending().await;
        }
        let Some(newest) = headers.borrow_and_update().clone() else { continue };
        if newest.proposer == me {
            proposed = proposed.max(Some(newest.time_ms));
        }
        let epoch = epoch_of(chain.genesis(), newest.height).max(validator.status().epoch);
        match guard.judge(newest.time_ms, epoch, proposed) {
            Err(twin) => return Died::Twin(twin),
            Ok(None) => {}
            Ok(Some(known)) => {
                if let Err(error) = known.write(&home.dir) {
                    return Died::Guard(error);
                }
                let epoch = known.signs_from();
                validator.sign_from(epoch);
                tracing::warn!(epoch, "this validator signs from this epoch on");
                return std::future::pending().await;
            }
        }
    }
}

fn epoch_of(genesis: &Genesis, height: Height) -> u64 {
    conclave_protocol::validators::epoch_of(&genesis.params, height)
}

/// Says before the start what would stop the validator later.
fn check_limits() -> anyhow::Result<()> {
    let files = limits::raise_files();
    if files < limits::FEWEST_FILES {
        let text =
            format!("this process may open {files} files, and needs {}", limits::FEWEST_FILES);
        return Err(anyhow::anyhow!(text))
            .advise("raise it: ulimit -n 65536, or LimitNOFILE= in its unit");
    }
    if files < limits::ENOUGH_FILES {
        tracing::warn!(
            files,
            enough = limits::ENOUGH_FILES,
            "clients are turned away when all are in use: raise LimitNOFILE"
        );
    }
    if let Some(memory) = limits::memory()
        && memory < limits::LEAST_MEMORY
    {
        tracing::warn!(
            megabytes = memory >> 20,
            "little memory is left: the system may kill this validator"
        );
    }
    Ok(())
}

/// SIGTERM and Ctrl-C.
#[derive(Debug)]
pub(crate) struct Stop {
    term: tokio::signal::unix::Signal,
    int: tokio::signal::unix::Signal,
}

impl Stop {
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self { term: signal(SignalKind::terminate())?, int: signal(SignalKind::interrupt())? })
    }

    pub(crate) async fn asked(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
        }
    }
}
