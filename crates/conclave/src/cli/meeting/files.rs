//! `conclave meeting file`: what people send each other.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, anyhow};
use clap::Subcommand;
use serde_json::json;

use crate::{
    cli::{advice::Advised as _, client::Local, output::Output, output::plain},
    http::wire::{Empty, File, FileRef, FileState},
};

/// How often the daemon is asked how far a file is.
const LOOK: Duration = Duration::from_millis(200);

/// Files of the meeting of the moment.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Command {
    /// Offer a file of at most 64 MiB to everyone who is in now
    Send {
        /// Which
        file: PathBuf,
    },
    /// What was offered, and how far it is
    List,
    /// Fetch a file and write it down here
    Take {
        /// As `list` shows it
        id: String,
        /// Directory to write it in
        #[arg(long, value_name = "DIR", default_value = ".")]
        dir: PathBuf,
    },
}

pub(super) async fn run(command: Command, local: &Local, output: Output) -> anyhow::Result<()> {
    match command {
        Command::Send { file } => {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            let bytes = fs::read(&file).with_context(|| format!("reading {}", file.display()));
            let bytes = bytes.advise("conclave meeting file send FILE")?;
            let sent: FileRef = local.upload(&name, bytes).await?;
            output.say(&sent, || format!("offered as {}", sent.id))
        }
        Command::List => {
            for file in local.meeting().await?.files {
                output.say(&file, || line(&file))?;
            }
            Ok(())
        }
        Command::Take { id, dir } => {
            let ask = FileRef { id };
            let _begun: Empty = local.post("/api/file/take", &ask).await?;
            let file = wait(&ask.id, local, output).await?;
            let path = write(&dir, &file.file, &local.download(&ask.id).await?)
                .with_context(|| format!("writing in {}", dir.display()))
                .advise("conclave meeting file take ID --dir DIR")?;
            let done = json!({ "id": file.id, "file": path, "size": file.size });
            output.say(&done, || format!("{} bytes in {}", file.size, path.display()))
        }
    }
}

/// Waits until a file is here, or will not come.
async fn wait(id: &str, local: &Local, output: Output) -> anyhow::Result<File> {
    let mut told = 0;
    loop {
        let files = local.meeting().await?.files;
        let file = files.into_iter().find(|file| file.id == id);
        let file = file.ok_or_else(|| anyhow!("the file is gone with its meeting"));
        let file = file.advise("conclave meeting file list")?;
        match file.state {
            FileState::Here => return Ok(file),
            FileState::Failed | FileState::Gone => {
                return Err(anyhow!("{}", file.text)).advise("conclave meeting file list");
            }
            FileState::Offered | FileState::Receiving | FileState::Sending => {}
        }
        let tenth = file.done.saturating_mul(10) / file.size.max(1);
        if tenth > told {
            told = tenth;
            output.progress(&format!("{} of {} bytes", file.done, file.size));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Writes a file under its name, or a similar one if that is taken: nothing is ever replaced.
fn write(dir: &Path, name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
    let (stem, ending) = match name.rfind('.').filter(|at| *at > 0) {
        Some(at) => name.split_at(at),
        None => (name, ""),
    };
    for number in 0..1_000_u32 {
        let name = match number {
            0 => name.to_owned(),
            _ => format!("{stem} ({number}){ending}"),
        };
        let path = dir.join(name);
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(mut file) => return file.write_all(bytes).map(|()| path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, "too many files of this name"))
}

fn line(file: &File) -> String {
    let state = match file.state {
        FileState::Offered => "offered",
        FileState::Receiving => "receiving",
        FileState::Sending => "sending",
        FileState::Here => "here",
        FileState::Failed => "failed",
        FileState::Gone => "gone",
    };
    let (name, what) = (plain(&file.name), plain(&file.file));
    format!(
        "{}  {state:<9}  {} of {} bytes  {what}  from {name}; {}",
        file.id, file.done, file.size, file.text
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_ever_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let write = |bytes| write(dir.path(), "a.tar.gz", bytes).unwrap();
        let (first, second) = (write(b"1"), write(b"2"));
        assert_eq!(second.file_name().unwrap(), "a.tar (1).gz");
        assert_eq!((fs::read(first).unwrap(), fs::read(second).unwrap()), (vec![b'1'], vec![b'2']));
    }
}
