//! `conclave identity`

use anyhow::anyhow;
use clap::Subcommand;

use super::{Common, advice::Advised as _, client::Local};
use crate::{
    http::wire::{Identity, InfoForm, NewIdentity},
    keystore::{ENVIRONMENT, Passphrase},
};

/// The identity of this device.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make an identity and register it on the ledger
    Create {
        /// What others are to see
        name: String,
        /// What the ledger is to hold of it: clear, encrypted or commit
        #[arg(long, default_value = "clear")]
        form: InfoForm,
        /// Do not ask for a passphrase; a random key file protects the identity, against much less
        #[arg(long)]
        no_passphrase: bool,
    },
    /// Show it
    Show,
}

pub(super) async fn run(command: Command, common: &Common) -> anyhow::Result<()> {
    let local = Local::find(&common.home())?;
    let identity: Identity = match command {
        Command::Create { name, form, no_passphrase } => {
            let passphrase = if no_passphrase { None } else { choose()? };
            local.post("/api/identity", &NewIdentity { name, form, passphrase }).await?
        }
        Command::Show => {
            let none = || anyhow!("no identity on this device");
            let found = local.state().await?.identity;
            found.ok_or_else(none).advise("conclave identity create NAME")?
        }
    };
    common.output().say(&identity, || {
        let registered = if identity.registered { "registered" } else { "not registered" };
        format!(
            "{} ({registered})\n  fingerprint {}\n  user        {}\n  device      {}",
            identity.info.text, identity.fingerprint, identity.user, identity.device
        )
    })
}

/// The passphrase of a new identity: from the environment, or asked for twice.
fn choose() -> anyhow::Result<Option<Passphrase>> {
    if let Some(passphrase) = Passphrase::from_environment() {
        return Ok(Some(passphrase));
    }
    let help = format!("set {ENVIRONMENT}, or add --no-passphrase");
    let first = Passphrase::prompt("Passphrase for the new identity (empty for none): ");
    let Some(first) = first.advise(help.clone())? else { return Ok(None) };
    let second = Passphrase::prompt("Once more: ").advise(help)?;
    if second.is_none_or(|second| !first.is(&second)) {
        return Err(anyhow!("the two passphrases differ")).advise("the same command again");
    }
    Ok(Some(first))
}
