//! `conclave validator backup|restore`: the key and the settings of a validator, never its journal.

use std::{
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::Context as _;
use clap::Args;
use serde_json::json;

use super::{
    Common,
    advice::{Advised as _, Next},
};
use crate::network::{Backup, NetworkError};

/// Write the key and the settings of a validator into one file.
#[derive(Debug, Args)]
pub(in crate::cli) struct Save {
    /// The validator's directory
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Where to write; only you can read it, and whoever can is this validator
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Make a validator's directory of a backup, on a machine that takes the place of a lost one.
#[derive(Debug, Args)]
pub(in crate::cli) struct Restore {
    /// The backup
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The directory to make
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// The machine that this key ran on is gone and never runs again
    #[arg(long, required = true)]
    the_old_machine_is_gone: bool,
}

pub(super) fn save(save: &Save, common: &Common) -> anyhow::Result<()> {
    let backup = Backup::of(&save.dir)
        .context("there is nothing to back up")
        .suggest("conclave doctor --dir DIR")?;
    let written = backup.write(&save.out);
    let next = match &written {
        Err(NetworkError::Exists(_)) => Next::run("conclave validator backup --out ANOTHER-FILE"),
        _ => "name a file on a disk that can be written".into(),
    };
    written.context("the backup was not written").advise(next)?;
    let key = backup.key();
    let answer = json!({ "backup": save.out, "key": hex::encode(key.0) });
    common.output().say(&answer, || {
        format!(
            "backup of validator {key}: {}\n  it holds the key: keep it offline, as you keep the \
             key\n  it holds no ledger and no journal: a restored validator catches up, and signs \
             from the next epoch on",
            save.out.display()
        )
    })
}

pub(super) fn restore(restore: &Restore, common: &Common) -> anyhow::Result<()> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
    let backup = Backup::read(&restore.file)
        .with_context(|| format!("{} is no backup", restore.file.display()))
        .advise("name a file that conclave validator backup wrote")?;
    let restored = backup.restore(&restore.dir, now_ms);
    let next = match &restored {
        Err(NetworkError::Exists(_)) => {
            Next::run("conclave validator restore --dir ANOTHER-DIRECTORY")
        }
        _ => "name a directory on a disk that can be written".into(),
    };
    restored.context("the validator was not restored").advise(next)?;
    let key = backup.key();
    let answer = json!({ "dir": restore.dir, "key": hex::encode(key.0) });
    common.output().say(&answer, || {
        format!(
            "validator {key} is restored in {0}\n  it follows without signing until the epoch ends \
             in which its old machine may have signed\n  run: conclave validator run --sync --dir {0}",
            restore.dir.display()
        )
    })
}
