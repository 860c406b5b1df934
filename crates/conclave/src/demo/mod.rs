//! `conclave demo`: the whole paper on one machine, with real validators, sockets, disks and media.
//!
//! Without options a person leads the meeting in their own browser and three guests ask to come in.
//! With `--once` nobody is needed: a script runs every step, checks it, measures, and decides the
//! exit status. Read in this order: `script` (what happens), `stage` (who plays), `timeline` (what is printed), `measure` and `memory` (what is checked afterwards), `archive` (what
//! strangers get to check).

mod archive;
mod finality;
mod measure;
mod memory;
mod script;
mod show;
mod timeline;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use self::{archive::Archive, timeline::Timeline};
use crate::stage::World;

/// What the demo is asked to be.
#[derive(Clone, Debug)]
pub struct Options {
    /// Run the script instead of waiting for a person.
    pub once: bool,
    /// One JSON object per line instead of text.
    pub json: bool,
    /// How many guests, 1 to 6; the script needs 3.
    pub guests: usize,
    /// How many validators, 1 to 16.
    pub validators: usize,
    /// Open the page in a browser.
    pub browser: bool,
    /// Loopback port of the leader's page; 0 for any.
    pub port: u16,
    /// Keep everything that was written, and say where.
    pub keep: bool,
    /// Where a recording of the script goes, for strangers to check; see [`may_record_in`].
    pub record: Option<PathBuf>,
}

/// Whether a recording can be made in this directory: it does not exist or is empty.
///
/// # Errors
/// It holds something, or is no directory.
pub fn may_record_in(dir: &Path) -> Result<()> {
    Archive::reserve(dir).map(drop)
}

/// Runs the demo; true if every check held.
///
/// # Errors
/// Something did not start, or a step did not happen in time.
pub async fn run(options: Options) -> Result<bool> {
    let dir = tempfile::Builder::new().prefix("conclave-demo-").tempdir();
    let mut dir = dir.context("making a directory for the demo")?;
    dir.disable_cleanup(options.keep);
    let mut timeline = Timeline::new(options.json);
    timeline.chapter("A consortium (section V)");
    let mut world = World::found(dir.path(), options.validators).await?;
    timeline.step("", &format!("{} validators run, each a process of its own", options.validators));
    if options.keep {
        timeline.step("", &format!("everything is kept in {}", dir.path().display()));
    }
    if options.once {
        script::run(&options, &mut world, &mut timeline).await
    } else {
        show::run(&options, &world, &timeline).await
    }
}
