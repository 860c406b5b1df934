//! Waiting until the ledger has taken a meeting or a request, or has refused it: until then the
//! daemon has only promised to ask.

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
                Phase::Denied | Phase::Ended | Phase::Failed | Phase::Left | Phase::Removed => {
                    let why = meeting.ended_reason.unwrap_or(meeting.phase_text);
                    return Err(anyhow!(why)).advise(AGAIN);
                }
                Phase::Joining | Phase::Knocking | Phase::Live | Phase::Waiting => {
                    return Ok(Some(meeting));
                }
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

const AGAIN: &str = "ask who leads the meeting, then try again";
const LOOK: Duration = Duration::from_millis(50);
/// A ledger that runs answers within a second.
const SLOW: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(60);
