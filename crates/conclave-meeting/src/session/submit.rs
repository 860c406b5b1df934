//! What this device puts on the ledger, and what follows when the ledger does not take it.

use conclave_protocol::{Body, Epoch};

use super::{Ending, Event, Output, Session, SubmitId};

/// Records of a leader that are refused in a row before it is told.
const TOLD: u8 = 3;

/// What a submitted body is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Purpose {
    Dismiss,
    Door,
    Epoch(Epoch),
    Heartbeat,
    Leave,
    Publish,
    Reassign,
    Refresh,
    Request,
    Vote,
}

impl Session {
    pub(super) fn submit(&mut self, purpose: Purpose, body: impl Into<Body>) -> SubmitId {
        self.last_submit = self.last_submit.saturating_add(1);
        let id = SubmitId(self.last_submit);
        self.submits.insert(id, purpose);
        self.push(Output::Submit { id, body: body.into(), others: Vec::new() });
        id
    }

    pub(super) fn submit_failed(&mut self, id: SubmitId, reason: String) {
        match self.submits.remove(&id) {
            Some(Purpose::Publish | Purpose::Request) => self.end(Ending::Failed(reason)),
            // Two may act at once; then the record of one is made anew, and nobody has to know.
            Some(Purpose::Epoch(epoch)) => {
                if self.epoch_refused(epoch) >= TOLD {
                    self.event(Event::SubmitFailed { reason });
                }
            }
            // Another claim was first, or the leader came back.
            Some(Purpose::Reassign) => self.vacancy.refused(self.now),
            Some(Purpose::Refresh) => self.refresh_failed(),
            Some(Purpose::Door | Purpose::Vote) => self.event(Event::SubmitFailed { reason }),
            Some(Purpose::Dismiss | Purpose::Heartbeat | Purpose::Leave) | None => {}
        }
    }
}
