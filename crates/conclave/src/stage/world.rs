//! A consortium and its participants, each a process with its own sockets and disk.
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use conclave_protocol::Params;
use serde::Deserialize;

use super::{
    daemon::{Daemon, Plan},
    process::Process,
};
use crate::network;

/// Names of the built-in guests, in the order of their clips.
pub(crate) const GUESTS: [&str; 6] = ["Bob", "Carol", "Dave", "Erin", "Frank", "Grace"];

/// A running consortium.
#[derive(Debug)]
pub(crate) struct World {
    /// Everything that is written lies below.
    pub(crate) dir: PathBuf,
    count: usize,
    validators: Vec<Process>,
}

#[derive(Deserialize)]
struct Ready {}

impl World {
    /// Founds a consortium of `count` validators below `dir` and starts them.
    pub(crate) async fn found(dir: &Path, count: usize) -> Result<Self> {
        Self::found_with(dir, count, Params::default()).await
    }

    /// The same with other constants.
    pub(crate) async fn found_with(dir: &Path, count: usize, params: Params) -> Result<Self> {
        let net = dir.join("network");
        network::create_with(&net, count, params).context("founding the consortium")?;
        let mut world = Self { dir: dir.to_owned(), count, validators: Vec::new() };
        world.run_all().await?;
        Ok(world)
    }

    /// Starts all validators, for the first time or where they were killed, and waits until each
    /// says that it is ready.
    pub(crate) async fn run_all(&mut self) -> Result<()> {
        self.validators.clear();
        for i in 0..self.count {
            self.validators.push(self.start(i, false)?);
        }
        for validator in &mut self.validators {
            let Ready {} = validator.ready().await?;
        }
        Ok(())
    }

    fn start(&self, number: usize, sync: bool) -> Result<Process> {
        let home = self.home(number);
        let mut args: Vec<std::ffi::OsString> =
            vec!["validator".into(), "run".into(), "--json".into(), "--dir".into(), home.into()];
        args.extend(sync.then(|| "--sync".into()));
        let log = self.dir.join(format!("validator-{number}.log"));
        Process::start(&format!("validator {number}"), args, &log)
    }

    /// The directory of one validator.
    pub(crate) fn home(&self, number: usize) -> PathBuf {
        self.dir.join("network").join(format!("validator-{number}"))
    }

    /// Where one validator keeps the ledgers.
    pub(crate) fn ledgers(&self, number: usize) -> PathBuf {
        self.home(number).join("ledgers")
    }

    /// The operating system's number of one validator, while it runs.
    pub(crate) fn pid(&self, number: usize) -> Option<u32> {
        self.validators.get(number)?.pid()
    }

    /// Kills one validator as `kill -9` does.
    pub(crate) async fn kill(&mut self, number: usize) -> Result<()> {
        self.validators.get_mut(number).context("no such validator")?.kill().await
    }

    /// Starts one validator that was killed and waits until it says that it is ready; with `sync` it
    /// fetches the newest state if it has none.
    pub(crate) async fn run(&mut self, number: usize, sync: bool) -> Result<()> {
        let mut started = self.start(number, sync)?;
        let Ready {} = started.ready().await?;
        *self.validators.get_mut(number).context("no such validator")? = started;
        Ok(())
    }

    /// Kills all validators as `kill -9` does.
    pub(crate) async fn kill_all(&mut self) -> Result<()> {
        for validator in &mut self.validators {
            validator.kill().await?;
        }
        Ok(())
    }

    /// The file that is all a newcomer needs.
    pub(crate) fn network_file(&self) -> PathBuf {
        self.dir.join("network").join("network.toml")
    }

    /// Starts one participant, for the first time or again; what it recorded before is deleted.
    pub(crate) async fn participant(
        &self,
        name: &'static str,
        clip: Option<u8>,
        record_keys: bool,
        port: u16,
    ) -> Result<Daemon> {
        let dir = self.dir.join(name.to_lowercase());
        let _none = std::fs::remove_dir_all(dir.join("record"));
        std::fs::create_dir_all(&dir)?;
        let network = self.network_file();
        Daemon::start(Plan { name, dir: &dir, network: &network, clip, record_keys, port }).await
    }

    /// Kills the last validator as `kill -9` does.
    pub(crate) async fn kill_one_validator(&mut self) -> Result<()> {
        match self.validators.last_mut() {
            Some(validator) => validator.kill().await,
            None => Ok(()),
        }
    }
}
