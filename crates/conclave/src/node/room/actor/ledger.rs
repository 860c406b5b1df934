//! What the ledger says of the meeting, and what this device says on it.

use std::time::Instant;

use conclave_meeting::session::{Input, MeetingView, SubmitId};
use conclave_protocol::{Body, Signature, tx::Role};
use tokio::sync::mpsc;

use super::{super::personas, Actor, Late};
use crate::{
    http::wire,
    node::{outbox::Outbox, record::What},
};

/// What says things on the ledger, and how many of them are undecided.
pub(super) struct Mouth {
    outbox: Outbox,
    inputs: mpsc::Sender<Late>,
    open: usize,
}

impl Actor {
    /// Asks the ledger, unless that is under way already.
    pub(super) fn fetch(&mut self) {
        if std::mem::replace(&mut self.fetching, true) {
            self.again = true;
            return;
        }
        let (chain, mid, inputs) = (self.ground.chain.clone(), self.mid, self.inputs.clone());
        let watched = self.watched.clone();
        tokio::spawn(async move {
            let view = chain.meeting_view(mid, &watched).await;
            if let Err(error) = &view {
                tracing::debug!(%error, "the ledger was not heard");
            }
            // The meeting may be over by now.
            let _over = inputs.send(Late::Ledger(view.ok().map(Box::new))).await;
        });
    }

    pub(super) fn late(&mut self, late: Late) {
        self.dirty = true;
        match late {
            Late::Ledger(view) => {
                self.fetching = false;
                if let Some(view) = view {
                    // The session first: it judges who is behind a persona.
                    self.feed(Input::Ledger(view.clone()));
                    let view = personas::unveiled(&self.session, *view);
                    self.acquaint(&view);
                    self.board.ledger(view);
                    self.admit_by_policy();
                }
                if std::mem::take(&mut self.again) {
                    self.fetch();
                }
            }
            Late::Final(took) => {
                self.mouth.said();
                if let Some(recorder) = &mut self.recorder {
                    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
                    recorder.packet(What::Final, 0, &micros.to_be_bytes());
                }
            }
            Late::Explained(idx, last, fact) => {
                self.people.explained(idx, last, fact.clone());
                if !fact.ok {
                    let text = format!("{}: {}", self.board.name(idx), fact.text);
                    let next = "ask them on another channel before you trust them";
                    self.board.notice(wire::Level::Warn, text, next.to_owned());
                }
                self.board.met(idx, Some(fact));
                self.admit_by_policy();
            }
            Late::Failed(id, reason) => {
                self.mouth.said();
                self.feed(Input::SubmitFailed { id, reason });
            }
            // Somebody else may lead by the time it is made.
            Late::Invite(invite) => self.board.invite(invite),
        }
    }

    fn acquaint(&mut self, view: &MeetingView) {
        let Self { people, board, ground, inputs, .. } = self;
        people.look(view, board.is_live(), |idx| board.name(idx), &ground.chain, inputs);
        for idx in view.members.keys() {
            board.met(*idx, people.fact(*idx));
        }
    }
}

impl Mouth {
    pub(super) const fn new(outbox: Outbox, inputs: mpsc::Sender<Late>) -> Self {
        Self { outbox, inputs, open: 0 }
    }

    /// Whether something was said of which it is not known what became of it.
    pub(super) const fn is_open(&self) -> bool {
        self.open > 0
    }

    /// What became of one thing is known: it came back as [`Late`].
    pub(super) const fn said(&mut self) {
        self.open = self.open.saturating_sub(1);
    }

    /// Says it, and brings back what became of it.
    pub(super) fn say(&mut self, id: SubmitId, body: Body, others: Vec<(Role, Signature)>) {
        self.open = self.open.saturating_add(1);
        let (outbox, inputs) = (self.outbox.clone(), self.inputs.clone());
        tokio::spawn(async move {
            let start = Instant::now();
            // Nobody is in yet who would act on it: better to say that no validator answers.
            // A sign of life that comes late is none.
            let insists = !matches!(
                body,
                Body::PublishMeeting(_) | Body::MeetingRequest(_) | Body::Heartbeat(_)
            );
            let result = match insists {
                true => outbox.insist(body, others).await,
                false => outbox.submit_with(body, others).await,
            };
            let late = match result {
                Ok(_) => Late::Final(start.elapsed()),
                Err(error) => Late::Failed(id, error.to_string()),
            };
            let _over = inputs.send(late).await;
        });
    }
}
