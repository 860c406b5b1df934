//! `conclave identity device`: the machines that are one person.

use clap::Subcommand;

use super::keeping::Keeping;
use crate::{
    cli::{
        client::Local,
        output::{Output, mark, utc},
    },
    http::wire::{AcceptDevice, Empty, Handed, Identity, Link, RevokeDevice, RotateKey},
    keystore::Passphrase,
};

/// The machines that are this person.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Command {
    /// All of them
    List,
    /// Offer another machine to become one; prints a link for it
    Offer,
    /// On the new machine: take the offer; prints a link to take back
    Accept {
        /// conclave:d/1#...
        link: String,
        #[command(flatten)]
        keeping: Keeping,
    },
    /// Back on the first machine: add the new one
    Add {
        /// conclave:a/1#...
        link: String,
    },
    /// Take a machine out for ever, e.g. because it was lost
    Revoke {
        /// Its DeviceID, as `list` shows it
        device: String,
    },
    /// Replace the identity key of this machine by a new one
    Rotate,
}

pub(super) async fn run(command: Command, local: &Local, output: Output) -> anyhow::Result<()> {
    match command {
        Command::List => {
            for device in super::own(local).await?.devices {
                output.say(&device, || {
                    let me = if device.me { "  this device" } else { "" };
                    let active = if device.active { "active" } else { "revoked" };
                    format!("{}  {}  {active}{me}", device.device, device.fingerprint)
                })?;
            }
            Ok(())
        }
        Command::Offer => {
            let handed: Handed = local.post("/api/devices/offer", &Empty {}).await?;
            output.say(&handed, || {
                format!("on the new machine: conclave identity device accept '{}'", handed.link)
            })
        }
        Command::Accept { link, keeping } => {
            let (passphrase, key_store) = keeping.choose()?;
            let ask = AcceptDevice { link, passphrase, key_store };
            let handed: Handed = local.post("/api/devices/accept", &ask).await?;
            output.say(&handed, || {
                format!("on the first machine: conclave identity device add '{}'", handed.link)
            })
        }
        Command::Add { link } => {
            let done: Empty = local.post("/api/devices/add", &Link { link }).await?;
            output.say(&done, || "added".to_owned())
        }
        Command::Revoke { device } => {
            let done: Empty = local.post("/api/devices/revoke", &RevokeDevice { device }).await?;
            let waits = super::own(local).await?.waits;
            let mine = waits.iter().find(|waiting| waiting.mine);
            output.say(&done, || {
                mine.map_or_else(
                    || "revoked".to_owned(),
                    |waiting| {
                        format!(
                            "asked: the other device is senior to this one and may object until {}",
                            utc(waiting.due_ms)
                        )
                    },
                )
            })
        }
        Command::Rotate => {
            let ask = RotateKey { passphrase: Passphrase::from_environment() };
            let identity: Identity = local.post("/api/devices/rotate", &ask).await?;
            output.say(&identity, || format!("{} new key {}", mark(true), identity.fingerprint))
        }
    }
}
