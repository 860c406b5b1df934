//! `conclave identity`

mod device;
mod keeping;
mod recovery;

use anyhow::anyhow;
use clap::Subcommand;

use self::keeping::Keeping;
use super::{
    Common,
    advice::Advised as _,
    client::Local,
    output::{Output, mark, plain, short, utc},
};
use crate::{
    http::wire::{
        CancelChange, ClaimHandle, Disclosed, Empty, ForgetContact, Handed, Identity, InfoForm,
        KeyAlgorithm, Link, NewIdentity, NewName,
    },
    keystore::Passphrase,
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
        #[command(flatten)]
        keeping: Keeping,
        /// Algorithm of the identity key
        #[arg(long, default_value = "ed25519")]
        key: KeyAlgorithm,
        /// Come in by work of this machine, where the network takes it; no validator is asked
        #[arg(long)]
        work: bool,
    },
    /// Show it
    Show,
    /// Claim a name that nobody else can have
    Handle {
        /// 3 to 32 of a-z, 0-9, ".", "_", "-"
        name: String,
    },
    /// Put another name on the ledger
    Rename {
        /// What others are to see
        name: String,
        /// What the ledger is to hold of it: clear, encrypted or commit; as now unless you say so
        #[arg(long)]
        form: Option<InfoForm>,
    },
    /// The sheet of paper that brings you back when every device is lost
    #[command(subcommand)]
    Recovery(recovery::Command),
    /// What was asked for this person and happens unless it is called off
    Waits,
    /// Call off what a device asked
    Cancel {
        /// Its DeviceID, as `waits` shows it
        device: String,
    },
    /// The machines that are this person
    #[command(subcommand)]
    Device(device::Command),
    /// Everything that ever changed about this person on the ledger
    History {
        /// The changes that were not made from this device are known
        #[arg(long)]
        acknowledge: bool,
    },
    /// A link that shows somebody the name which the ledger hides
    Disclose,
    /// Check such a link against the ledger
    Check {
        /// conclave:i/1#...
        link: String,
    },
    /// The people met so far
    Contacts {
        /// Forget this user
        #[arg(long, value_name = "USER")]
        forget: Option<String>,
    },
}

pub(super) async fn run(command: Command, common: &Common) -> anyhow::Result<()> {
    let local = Local::find(&common.home())?;
    let output = common.output();
    let identity: Identity = match command {
        Command::Device(command) => return device::run(command, &local, output).await,
        Command::History { acknowledge } => return history(acknowledge, &local, output).await,
        Command::Disclose => {
            let handed: Handed = local.post("/api/info/disclose", &Empty {}).await?;
            return output.say(&handed, || {
                format!("whoever has this link can read your name:\n{}", handed.link)
            });
        }
        Command::Check { link } => {
            let found: Disclosed = local.post("/api/info/check", &Link { link }).await?;
            let shown = plain(&found.shown);
            return output.say(&found, || {
                format!("{} \"{shown}\"\n  user {}\n  {}", mark(found.ok), found.user, found.text)
            });
        }
        Command::Contacts { forget } => return contacts(forget, &local, output).await,
        Command::Handle { name } => {
            let done: Empty = local.post("/api/handle", &ClaimHandle { name }).await?;
            return output.say(&done, || "claimed".to_owned());
        }
        Command::Rename { name, form } => {
            let passphrase = Passphrase::from_environment();
            local.post("/api/info", &NewName { name, form, passphrase }).await?
        }
        Command::Recovery(command) => return recovery::run(command, &local, output).await,
        Command::Waits => return waits(&local, output).await,
        Command::Cancel { device } => {
            let done: Empty = local.post("/api/changes/cancel", &CancelChange { device }).await?;
            return output.say(&done, || "called off".to_owned());
        }
        Command::Create { name, form, keeping, key, work } => {
            let (passphrase, key_store) = keeping.choose()?;
            let ask = NewIdentity { name, form, passphrase, key_store, key, work };
            local.post("/api/identity", &ask).await?
        }
        Command::Show => own(&local).await?,
    };
    output.say(&identity, || show(&identity))
}

fn show(identity: &Identity) -> String {
    let registered = if identity.registered { "registered" } else { "not registered" };
    let mut lines = vec![
        format!("{} ({registered})", plain(&identity.info.text)),
        format!("  fingerprint {}", identity.fingerprint),
        format!("  user        {}", identity.user),
        format!("  device      {}", identity.device),
    ];
    lines.extend(identity.handle.iter().map(|handle| format!("  handle      @{handle}")));
    if identity.rewritten {
        lines.push("  WARNING     the ledger shows another past: conclave identity history".into());
    }
    if !identity.unexplained.is_empty() {
        let count = identity.unexplained.len();
        let text = "change(s) not made from here: conclave identity history";
        lines.push(format!("  WARNING     {count} {text}"));
    }
    if identity.waits.iter().any(|waiting| !waiting.mine) {
        lines.push("  WARNING     somebody asked for a change: conclave identity waits".into());
    }
    lines.join("\n")
}

/// The identity of the running daemon.
async fn own(local: &Local) -> anyhow::Result<Identity> {
    let none = || anyhow!("no identity on this device");
    local.state().await?.identity.ok_or_else(none).suggest("conclave identity create NAME")
}

async fn history(acknowledge: bool, local: &Local, output: Output) -> anyhow::Result<()> {
    if acknowledge {
        let _done: Empty = local.post("/api/changes/known", &Empty {}).await?;
    }
    let identity = own(local).await?;
    for change in &identity.changes {
        let foreign = identity.unexplained.iter().any(|other| other.id == change.id);
        output.say(change, || {
            let by = if change.mine { "this device" } else { short(&change.by) };
            let mark = if foreign { "  NOT FROM HERE" } else { "" };
            format!("{:>8}  {}  by {by}{mark}", change.height, change.text)
        })?;
    }
    if identity.rewritten {
        return Err(anyhow!("the ledger shows another past of this user than it showed before"))
            .advise("do not trust this network; show this to its validators");
    }
    Ok(())
}

async fn waits(local: &Local, output: Output) -> anyhow::Result<()> {
    let waits = own(local).await?.waits;
    if waits.is_empty() {
        output.none("nothing waits");
    }
    for waiting in waits {
        output.say(&waiting, || {
            let next = if waiting.may_cancel {
                format!("\n  to call it off: conclave identity cancel {}", waiting.by)
            } else {
                String::new()
            };
            format!("{}\n  from {} on{next}", waiting.text, utc(waiting.due_ms))
        })?;
    }
    Ok(())
}

async fn contacts(forget: Option<String>, local: &Local, output: Output) -> anyhow::Result<()> {
    if let Some(user) = forget {
        let done: Empty = local.post("/api/contacts/forget", &ForgetContact { user }).await?;
        return output.say(&done, || "forgotten".to_owned());
    }
    let contacts = local.state().await?.contacts;
    if contacts.is_empty() {
        output.none("you have met nobody yet");
    }
    for contact in contacts {
        output.say(&contact, || format!("{}  {}", contact.user, plain(&contact.name)))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::wire::InfoView;

    #[test]
    fn the_own_name_turns_nothing_around() {
        let info = InfoView { text: "Ada \u{202e}evil\u{7}".to_owned(), ..InfoView::default() };
        let shown = show(&Identity { info, ..Identity::default() });
        assert!(shown.starts_with("Ada  evil  (not registered)\n"), "{shown:?}");
    }
}
