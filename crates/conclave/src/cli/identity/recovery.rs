//! `conclave identity recovery`: with nothing but a sheet of paper.

use clap::Subcommand;
use zeroize::Zeroizing;

use super::keeping::Keeping;
use crate::{
    cli::{
        advice::Advised as _,
        client::Local,
        output::{Output, utc},
    },
    http::wire::{Empty, Identity, InfoForm, KeepSheet, Recover, Sheet, Words},
    keystore::ask,
};

/// The words, where no terminal asks for them.
const WORDS: &str = "CONCLAVE_RECOVERY_WORDS";

/// The sheet of paper that brings you back when every device is lost.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Command {
    /// Draw a recovery key and show it as 24 words; nothing counts until `keep`
    Sheet,
    /// The words are written down: put their key on the ledger
    Keep,
    /// On a new machine: come back with the words
    Use {
        /// What others are to see; without it the name on the ledger stays, if it can be read
        #[arg(long, default_value = "")]
        name: String,
        /// What the ledger is to hold of it: clear, encrypted or commit; as now unless you say so
        #[arg(long)]
        form: Option<InfoForm>,
        #[command(flatten)]
        keeping: Keeping,
    },
}

pub(super) async fn run(command: Command, local: &Local, output: Output) -> anyhow::Result<()> {
    match command {
        Command::Sheet => {
            let sheet: Sheet = local.post("/api/recovery/sheet", &Empty {}).await?;
            output.say(&sheet, || {
                let words: Vec<String> = sheet
                    .words
                    .danger_str()
                    .split(' ')
                    .enumerate()
                    .map(|(n, word)| format!("{:>2} {word:<10}", n.saturating_add(1)))
                    .collect();
                let lines: Vec<String> = words.chunks(4).map(|line| line.concat()).collect();
                format!(
                    "{}\n\n  user        {}\n  recovery key {}\n\nWrite the words down, keep them away \
                     from your devices, then: conclave identity recovery keep",
                    lines.join("\n"),
                    sheet.user,
                    sheet.fingerprint
                )
            })
        }
        Command::Keep => {
            let words = Words::new(words()?);
            let done: Empty = local.post("/api/recovery/keep", &KeepSheet { words }).await?;
            let waits = super::own(local).await?.waits;
            output.say(&done, || match waits.iter().find(|waiting| waiting.mine) {
                None => "the sheet counts from now on".to_owned(),
                Some(waiting) => {
                    format!(
                        "the sheet counts from {} on; until then the old one does",
                        utc(waiting.due_ms)
                    )
                }
            })
        }
        Command::Use { name, form, keeping } => {
            let words = Words::new(words()?);
            let (passphrase, key_store) = keeping.choose()?;
            let ask = Recover { words, name, form, passphrase, key_store };
            let identity: Identity = local.post("/api/recovery/recover", &ask).await?;
            output.say(&identity, || {
                if identity.registered {
                    format!(
                        "welcome back; all other devices are out\n  device      {}",
                        identity.device
                    )
                } else {
                    "asked; it happens in a day unless one of your devices objects: conclave \
                     identity waits"
                        .to_owned()
                }
            })
        }
    }
}

/// The words of a sheet: from the environment, or asked for.
fn words() -> anyhow::Result<Zeroizing<String>> {
    if let Ok(words) = std::env::var(WORDS) {
        return Ok(Zeroizing::new(words));
    }
    ask("The 24 words: ").advise(format!("set {WORDS}"))
}
