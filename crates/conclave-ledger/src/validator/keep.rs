//! How long a validator keeps blocks and certificates, and the task that drops older ones
//! (docs/protocol.md, section 25).
//!
//! In: the newest final header, and the times of blocks. Out: the lowest height that is kept, below
//! which marshal drops its files and questions are answered with that height. Never dropped: the
//! states of both ledgers, the handovers between validator sets (`steps.rs`), the last whole epoch,
//! which a restart may begin with, and what the network has everybody keep.

use std::time::Duration;

use commonware_consensus::types::Height;

use super::{request::AskError, service::Service, wiring::Runtime};

/// How long blocks and certificates are kept.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Keep {
    /// For ever.
    #[default]
    All,
    /// For so many seconds of chain time, and never less than the network's retention time.
    Seconds(u64),
}

impl<E: Runtime> Service<E> {
    /// Finds out which blocks are there, and from time to time drops those that need not be kept
    /// any more, until the validator stops.
    pub(crate) async fn retire(self, keep: Keep) {
        self.find_lowest().await;
        let Keep::Seconds(seconds) = keep else { return };
        let seconds = seconds.max(self.app.network().rules().params.retention.into());
        let pause = Duration::from_secs(seconds / PARTS).clamp(SHORTEST, LONGEST);
        loop {
            self.runtime.sleep(pause).await;
            let cut = self.cut(seconds.saturating_mul(1_000)).await;
            if let Some(cut) = cut.filter(|cut| *cut > self.app.finality().lowest()) {
                // Marshal drops whole files, so the disk may have a few more for a while.
                self.app.finality().note_lowest(cut);
                self.marshal.prune(Height::new(cut));
            }
        }
    }

    /// What to say of a block that is not here.
    pub(super) fn unknown(&self, height: u64) -> AskError {
        let lowest = self.app.finality().lowest();
        if height > 0 && height < lowest { AskError::Dropped(lowest) } else { AskError::Unknown }
    }

    /// Notes the lowest block that is here at the start, once there is one. Blocks lie without gaps
    /// from there to the newest one.
    async fn find_lowest(&self) {
        let mut heights = self.app.finality().watch();
        let tip = loop {
            if let Some(tip) = self.app.finality().tip() {
                break tip;
            }
            if heights.changed().await.is_err() {
                return;
            }
        };
        let (mut low, mut high) = (1, tip.height.max(1));
        while low < high {
            let middle = low.midpoint(high);
            if self.block(middle).await.is_some() {
                high = middle;
            } else {
                low = middle.saturating_add(1);
            }
        }
        self.app.finality().note_lowest(low);
    }

    /// The height below which nothing has to be kept: all blocks there are older than that, and of
    /// an epoch before the last whole one.
    async fn cut(&self, keep_ms: u64) -> Option<u64> {
        let tip = self.app.finality().tip()?;
        let until = tip.time_ms.checked_sub(keep_ms)?;
        let schemes = self.app.schemes();
        let last_whole = schemes.epoch_of(tip.height).checked_sub(1)?;
        let (mut low, mut high) = (self.app.finality().lowest(), schemes.first_of(last_whole));
        while low < high {
            let middle = low.midpoint(high);
            if self.block(middle).await?.header.time_ms > until {
                high = middle;
            } else {
                low = middle.saturating_add(1);
            }
        }
        Some(low)
    }
}

/// Parts of the time blocks are kept after which it is looked again.
const PARTS: u64 = 64;
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(600);
