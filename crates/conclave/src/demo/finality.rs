//! Work for the ledger, so that there is something to measure.

use std::time::Duration;

use anyhow::Result;

use crate::http::wire::{Empty, NewMeeting, Opened, Phase};
use crate::stage::Daemon;

/// Bound of one publication; reaching it is a failure, not a measurement.
const STEP: Duration = Duration::from_secs(30);

/// Publishes and ends `count` meetings of which nobody hears, one after the other. The daemon
/// records how long each publication took to be final and proven.
///
/// # Errors
/// A meeting was not published or not ended in time.
pub(crate) async fn load(daemon: &Daemon, count: usize) -> Result<()> {
    for _ in 0..count {
        let ask = NewMeeting { title: "Nobody comes".to_owned(), ..NewMeeting::default() };
        let opened: Opened = daemon.post("/api/meetings", &ask).await?;
        daemon
            .until_meeting("the published meeting", STEP, |m| {
                (m.mid == opened.mid && m.phase == Phase::Live).then_some(())
            })
            .await?;
        let _: Empty = daemon.post("/api/end", &Empty {}).await?;
        daemon.until_meeting("its end", STEP, |m| (m.phase == Phase::Ended).then_some(())).await?;
    }
    Ok(())
}
