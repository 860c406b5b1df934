//! One meeting as the daemon shows it, until it has come as far as somebody waits for.

use std::{pin::pin, time::Duration};

use anyhow::{Context as _, anyhow};
use tokio::time::timeout;

use super::{
    client::{Events, Local},
    output::Output,
};
use crate::http::wire::{Event, Meeting, Phase};

/// The changes of one meeting.
pub(super) struct Watched {
    events: Events<Event>,
    mid: String,
    /// As it was shown last.
    pub(super) shown: Option<Meeting>,
}

impl Watched {
    pub(super) async fn start(local: &Local, mid: String) -> anyhow::Result<Self> {
        Ok(Self { events: local.events().await?, mid, shown: None })
    }

    /// What is shown next; at first what is shown now.
    pub(super) async fn change(&mut self) -> anyhow::Result<&Meeting> {
        loop {
            let event = self.events.next().await?;
            let Event::State { state } = event.context("the daemon has ended")? else { continue };
            // For a moment it may show the one before.
            if let Some(meeting) = state.meeting.filter(|meeting| meeting.mid == self.mid) {
                return Ok(self.shown.insert(meeting));
            }
        }
    }

    /// Waits until it is in a phase that is wanted.
    ///
    /// # Errors
    /// Why it was over before.
    pub(super) async fn reaches(&mut self, wanted: fn(Phase) -> bool) -> anyhow::Result<Meeting> {
        loop {
            let meeting = self.change().await?;
            if wanted(meeting.phase) {
                return Ok(meeting.clone());
            }
            if meeting.phase.is_over() {
                let why = meeting.ended_reason.as_deref().unwrap_or(&meeting.phase_text);
                return Err(anyhow!(why.to_owned()));
            }
        }
    }

    /// Waits until the ledger has it, or the request to come in. While the ledger stands still
    /// nothing is decided: then there is no meeting to show, and the daemon goes on asking.
    ///
    /// # Errors
    /// Why the ledger refused it.
    pub(super) async fn decided(&mut self, output: Output) -> anyhow::Result<Option<Meeting>> {
        let mut decided = pin!(self.reaches(|phase| {
            !matches!(phase, Phase::Publishing | Phase::Requesting) && !phase.is_over()
        }));
        if let Ok(meeting) = timeout(SLOW, &mut decided).await {
            return meeting.map(Some);
        }
        output.progress("the ledger has not answered yet; conclave doctor looks why");
        timeout(PATIENCE, decided).await.map_or(Ok(None), |meeting| meeting.map(Some))
    }

    /// Waits until it is over for this person, who may then start or join another one. The daemon
    /// gets there by itself, whether or not it is waited for.
    ///
    /// # Errors
    /// The daemon has ended.
    pub(super) async fn left(&mut self, output: Output) -> anyhow::Result<()> {
        match timeout(SLOW, self.reaches(Phase::is_over)).await {
            Ok(over) => over.map(drop),
            Err(_) => {
                output.progress("the ledger does not know yet; the daemon goes on telling it");
                Ok(())
            }
        }
    }
}

/// A ledger that runs answers within a second.
const SLOW: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(50);
