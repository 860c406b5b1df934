//! One meeting of this daemon: where session, links, ledger and browser meet.
//!
//! [`Room`] is the handle; `actor` is the one loop that owns the session, its clock and its
//! randomness; `board` is what the page sees of it; `streams` ties own streams to the browser's
//! connections or to a clip; `door` makes and checks invites; `codes` puts codes and alarms into
//! words; `personas` shows the people of a sealed meeting; `quality` says how the links do.

mod acquaintance;
mod actor;
mod board;
pub(super) mod codes;
pub(crate) mod door;
mod personas;
mod quality;
mod streams;

use std::{path::PathBuf, sync::Arc};

use conclave_meeting::session::Command;
use conclave_protocol::UserId;
use tokio::sync::{mpsc, oneshot, watch};

use crate::{
    chain::Chain,
    clip::Guest,
    http::{Refused, wire},
    node::{book::Book, evidence::Shelf, outbox::Outbox},
    rtc::{Rtc, RtcEvent, SessionId},
};

/// Commands that may wait for the loop.
const COMMANDS: usize = 64;

/// The handle of one meeting. The meeting is left when the last one is dropped.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    asks: mpsc::Sender<Ask>,
    /// What the page shows, after every change.
    pub(crate) view: watch::Receiver<Arc<wire::Meeting>>,
    /// What is counted.
    pub(crate) counts: watch::Receiver<Counts>,
}

/// Counters of one meeting.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    /// Packets of others that were opened.
    pub(crate) opened: u64,
    /// Packets that were refused, for whatever reason.
    pub(crate) refused: u64,
    /// Packets that came by repair.
    pub(crate) repaired: u64,
    /// Own packets that were sealed.
    pub(crate) sealed: u64,
}

/// What a meeting of this daemon stands on.
#[derive(Debug)]
pub(crate) struct Ground {
    /// The ledger.
    pub(crate) chain: Chain,
    /// Whom this device met before.
    pub(crate) book: Book,
    /// Where proofs of a lie are kept.
    pub(crate) shelf: Shelf,
    /// The own user.
    pub(crate) me: UserId,
    /// Where own transactions go.
    pub(crate) outbox: Outbox,
    /// The browser.
    pub(crate) rtc: Rtc,
    /// What the browser says; handed from meeting to meeting.
    pub(crate) browser: Arc<tokio::sync::Mutex<mpsc::Receiver<RtcEvent>>>,
    /// Relays of the consortium.
    pub(crate) relays: Vec<String>,
    /// A clip to send instead of a camera.
    pub(crate) clip: Option<Guest>,
    /// Where the demo wants packets written down, and whether keys too.
    pub(crate) record: Option<(PathBuf, bool)>,
}

#[derive(Debug)]
enum Ask {
    Command(Command, oneshot::Sender<Result<(), Refused>>),
    DismissNotice(String),
    /// A question of somebody else was answered.
    Answered(String),
    /// Whom to let in while this device leads.
    Admission(wire::Admission, oneshot::Sender<Result<(), Refused>>),
    /// Everyone at the door who was met before.
    AdmitKnown(oneshot::Sender<Result<(), Refused>>),
    /// A publication of the browser is over.
    Unpublish(SessionId),
}

impl Room {
    /// Carries out what the person asked for.
    ///
    /// # Errors
    /// Why it cannot be done; nothing changed.
    pub(crate) async fn command(&self, command: Command) -> Result<(), Refused> {
        self.answer(|reply| Ask::Command(command, reply)).await
    }

    /// Lets in whom the person wants let in, from now on.
    ///
    /// # Errors
    /// Why it cannot be done.
    pub(crate) async fn admission(&self, admission: wire::Admission) -> Result<(), Refused> {
        self.answer(|reply| Ask::Admission(admission, reply)).await
    }

    /// Lets in everyone at the door who was met before.
    ///
    /// # Errors
    /// Why nobody came in.
    pub(crate) async fn admit_known(&self) -> Result<(), Refused> {
        self.answer(Ask::AdmitKnown).await
    }

    async fn answer(
        &self,
        ask: impl FnOnce(oneshot::Sender<Result<(), Refused>>) -> Ask,
    ) -> Result<(), Refused> {
        let (reply, answer) = oneshot::channel();
        let over = || {
            Refused::new(
                crate::http::Fault::Conflict,
                "the meeting is over",
                "start or join another one",
            )
        };
        self.asks.send(ask(reply)).await.map_err(|_| over())?;
        answer.await.map_err(|_| over())?
    }

    /// The person has answered a question.
    pub(crate) async fn answered(&self, id: String) {
        let _over = self.asks.send(Ask::Answered(id)).await;
    }

    /// The person has read a notice.
    pub(crate) async fn dismiss_notice(&self, id: String) {
        let _over = self.asks.send(Ask::DismissNotice(id)).await;
    }

    /// The browser publishes no more on this connection.
    pub(crate) async fn unpublish(&self, session: SessionId) {
        let _over = self.asks.send(Ask::Unpublish(session)).await;
    }
}

pub(crate) use actor::{Inviter, Opening, open};
