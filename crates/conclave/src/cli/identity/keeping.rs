//! How the identity file of this machine is to be protected.

use anyhow::anyhow;

use crate::{
    cli::advice::Advised as _,
    http::wire::KeyStore,
    keystore::{ENVIRONMENT, Passphrase},
};

/// What opens a new identity file.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Keeping {
    /// Do not ask for a passphrase; a random key file protects the identity, against much less
    #[arg(long)]
    no_passphrase: bool,
    /// Where the key that opens the identity file is kept; with os nobody asks for a passphrase
    #[arg(long, value_enum, default_value = "file")]
    key_store: KeyStore,
}

impl Keeping {
    /// The passphrase, from the environment or asked for twice, and where a random key goes if
    /// there is none.
    pub(super) fn choose(&self) -> anyhow::Result<(Option<Passphrase>, KeyStore)> {
        let random = self.no_passphrase || self.key_store == KeyStore::Os;
        let passphrase = if random { None } else { passphrase()? };
        Ok((passphrase, self.key_store))
    }
}

fn passphrase() -> anyhow::Result<Option<Passphrase>> {
    if let Some(passphrase) = Passphrase::from_environment() {
        return Ok(Some(passphrase));
    }
    let help = format!("set {ENVIRONMENT}, or add --no-passphrase");
    let first = Passphrase::prompt("Passphrase for the new identity (empty for none): ");
    let Some(first) = first.advise(help.clone())? else { return Ok(None) };
    let second = Passphrase::prompt("Once more: ").advise(help)?;
    if second.is_none_or(|second| !first.is(&second)) {
        return Err(anyhow!("the two passphrases differ"))
            .advise("ask for it again, and type the same twice");
    }
    Ok(Some(first))
}
