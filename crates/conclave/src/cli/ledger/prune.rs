//! `conclave ledger prune`: old meetings leave the state, through the running daemon.

use serde_json::json;

use crate::{
    cli::{Common, client::Local, output::utc},
    http::wire::{Left, Prune, Pruned, PrunedMeeting},
};

/// Asks the daemon, whose device signs; the state of the ledger is not changed by looking.
pub(super) async fn prune(mid: Option<String>, common: &Common) -> anyhow::Result<()> {
    let local = Local::find(&common.home())?;
    let Pruned { meetings } = local.post("/api/ledger/prune", &Prune { mid }).await?;
    let output = common.output();
    for PrunedMeeting { mid, left, steps, due_ms } in &meetings {
        let line = json!({ "meeting": mid, "left": left, "steps": steps, "due_ms": due_ms });
        output.say(&line, || {
            let text = match left {
                Left::All => {
                    let due = utc(*due_ms);
                    return format!("meeting {mid} is kept: nothing of it may go before {due}");
                }
                Left::Name if *steps > 0 => "is cleared away; its name stays",
                Left::Name => "was cleared away before; its name stays",
                Left::Nothing => return format!("the ledger has no meeting {mid}"),
                Left::Some => "is cleared away in part; the rest goes later",
            };
            format!("meeting {mid} {text} ({steps} transactions)")
        })?;
    }
    if meetings.is_empty() {
        output.say(&json!({ "meeting": null, "steps": 0 }), || {
            "no meeting that this device was in is over for long enough".to_owned()
        })?;
    }
    Ok(())
}
