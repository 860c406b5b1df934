//! Waiting until what was asked of the daemon is so: the ledger has taken a meeting or a request, or
//! has refused it; one has left.

use std::time::Duration;

use anyhow::anyhow;
use tokio::time::{Instant, sleep};

use crate::{
    cli::{advice::Advised as _, client::Local, output::Output},
    http::wire::{Meeting, Phase},
};

/// The meeting, once the ledger has it or the request. While the ledger stands still nothing is
/// decided: then the command ends without it, and the daemon goes on asking.
///
/// # Errors
/// The ledger refused it, or it was over before it began.
pub(super) async fn decided(
    local: &Local,
    output: Output,
    mid: &str,
) -> anyhow::Result<Option<Meeting>> {
    let asked = Instant::now();
    let mut warned = false;
    while asked.elapsed() < PATIENCE {
        let meeting = local.state().await?.meeting.filter(|meeting| meeting.mid == mid);
        match meeting {
            None => return Ok(None),
            Some(meeting) => match meeting.phase {
                Phase::Publishing | Phase::Requesting => {}
                phase if phase.is_over() => {
                    let why = meeting.ended_reason.unwrap_or(meeting.phase_text);
                    return Err(anyhow!(why)).advise(AGAIN);
                }
                _ => return Ok(Some(meeting)),
            },
        }
        if !warned && asked.elapsed() > SLOW {
            output.progress("the ledger has not answered yet; conclave doctor looks why");
            warned = true;
        }
        sleep(LOOK).await;
    }
    Ok(None)
}

/// Waits until one is out, and may start or join another meeting.
///
/// # Errors
/// The daemon is gone.
pub(super) async fn out(local: &Local) -> anyhow::Result<()> {
    let asked = Instant::now();
    while asked.elapsed() < SLOW {
        let phase = local.state().await?.meeting.map(|meeting| meeting.phase);
        if phase.is_none_or(Phase::is_over) {
            break;
        }
        sleep(LOOK).await;
    }
    Ok(())
}

const AGAIN: &str = "ask who leads the meeting, then try again";
const LOOK: Duration = Duration::from_millis(50);
/// A ledger that runs answers within a second.
const SLOW: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(60);
