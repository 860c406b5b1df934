//! The last word of a meeting on the ledger, seen through after the meeting is over for its people.
//!
//! "End for all" may be said while a record of the next epoch is on its way. Then it names an epoch
//! that is over when its turn comes, the ledger refuses it, and the session says it again once it
//! has seen why. Nothing but that session, which holds no key any more, is left of the meeting here:
//! the browser is free for the next one, and files are gone from the disk.

use std::time::{Duration, Instant};

use conclave_meeting::session::{Input, Output, Session};
use conclave_protocol::MeetingId;
use tokio::{sync::mpsc, time::timeout};

use super::{Actor, Late, Mouth, millis};
use crate::{chain::Chain, links::Links, random::SystemRng};

/// How long a last word is seen through.
const PATIENCE: Duration = Duration::from_secs(30);

/// A session that is over, and what it still has on the way to the ledger.
pub(super) struct Farewell {
    mid: MeetingId,
    chain: Chain,
    session: Session,
    start: Instant,
    rng: SystemRng,
    mouth: Mouth,
}

impl Actor {
    /// Gives up everything but the last word, and the links over which others hear goodbye.
    pub(super) fn farewell(self) -> (Farewell, Links) {
        let Self { mid, ground, session, start, rng, mouth, links, .. } = self;
        (Farewell { mid, chain: ground.chain, session, start, rng, mouth }, links)
    }
}

impl Farewell {
    /// Waits until nothing that was said is undecided, but not for ever: the ledger may stand still.
    pub(super) async fn see_through(mut self, mut late: mpsc::Receiver<Late>) {
        if timeout(PATIENCE, self.listen(&mut late)).await.is_err() {
            tracing::warn!(mid = %self.mid.to_hex(), "the last word is not on the ledger yet");
        }
    }

    async fn listen(&mut self, late: &mut mpsc::Receiver<Late>) {
        while self.mouth.is_open() {
            match late.recv().await {
                Some(Late::Final(_)) => self.mouth.said(),
                Some(Late::Failed(id, reason)) => {
                    self.mouth.said();
                    // What is said again is said of the state that made it fail.
                    match self.chain.meeting_view(self.mid, &Default::default()).await {
                        Ok(view) => self.feed(Input::Ledger(Box::new(view))),
                        Err(error) => tracing::debug!(%error, "the ledger was not heard"),
                    }
                    self.feed(Input::SubmitFailed { id, reason });
                }
                Some(_) => {}
                None => return,
            }
        }
    }

    fn feed(&mut self, input: Input) {
        self.session.handle(input, millis(self.start), &mut self.rng);
        loop {
            match self.session.poll_output() {
                Output::Submit { id, body, others } => self.mouth.say(id, body, others),
                Output::Wait(_) => return,
                // There is nobody left to tell, and the state was just looked at.
                _ => {}
            }
        }
    }
}
