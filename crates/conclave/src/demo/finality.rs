//! How long the ledger takes: from a command to a proof that the light client has verified.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::daemon::Daemon;
use crate::http::wire::{Empty, NewMeeting, Opened, Phase};

/// Bound of one publication; reaching it is a failure, not a measurement.
const STEP: Duration = Duration::from_secs(30);

/// Publishes and ends `count` meetings of which nobody hears, one after the other, and says how
/// long each publication took to be final and proven.
///
/// # Errors
/// A meeting was not published or not ended in time.
pub(crate) async fn sample(daemon: &Daemon, count: usize) -> Result<Vec<Duration>> {
    let mut took = Vec::with_capacity(count);
    for _ in 0..count {
        let start = Instant::now();
        let ask = NewMeeting { title: "Nobody comes".to_owned() };
        let opened: Opened = daemon.post("/api/meetings", &ask).await?;
        daemon
            .until_meeting("the published meeting", STEP, |m| {
                (m.mid == opened.mid && m.phase == Phase::Live).then_some(())
            })
            .await?;
        took.push(start.elapsed());
        let _: Empty = daemon.post("/api/end", &Empty {}).await?;
        daemon.until_meeting("its end", STEP, |m| (m.phase == Phase::Ended).then_some(())).await?;
    }
    Ok(took)
}
