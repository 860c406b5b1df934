//! One meeting of this daemon: where session, links, ledger and browser meet.
//!
//! [`Room`] is the handle; `actor` is the one loop that owns the session, its clock and its
//! randomness; `board` is what the page sees of it; `streams` ties own streams to the browser's
//! connections, to ports or to a clip; `door` makes and checks invites; `codes` puts codes and alarms into
//! words; `personas` shows the people of a sealed meeting; `quality` says how the links do;
//! `files` is what people send each other.

mod acquaintance;
mod actor;
mod board;
pub(super) mod codes;
pub(crate) mod door;
pub(super) mod files;
mod personas;
mod quality;
mod streams;

use std::{path::PathBuf, sync::Arc};

use conclave_meeting::{
    session::Command,
    wire::{FileId, FileOffer},
};
use conclave_protocol::UserId;
use tokio::sync::{mpsc, oneshot, watch};

use self::files::Sealed;
use crate::{
    chain::Chain,
    clip::Guest,
    http::{Refused, wire},
    node::{book::Book, evidence::Shelf, outbox::Outbox},
    ports::Ports,
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
    /// Where other programs of this machine send and receive.
    pub(crate) ports: Ports,
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
    /// The home of the person, where files lie while the meeting runs.
    pub(crate) home: PathBuf,
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

/// Where the answer of the loop goes.
type Reply<T> = oneshot::Sender<Result<T, Refused>>;

#[derive(Debug)]
enum Ask {
    Command(Command, Reply<()>),
    DismissNotice(String),
    /// A question of somebody else was answered.
    Answered(String),
    /// Whom to let in while this device leads.
    Admission(wire::Admission, Reply<()>),
    /// Everyone at the door who was met before.
    AdmitKnown(Reply<()>),
    /// A place for a file of this name and length.
    DraftFile(String, u64, Reply<(FileOffer, Sealed)>),
    /// It lies there: offer it.
    OfferFile(FileOffer, Reply<()>),
    /// Fetch it.
    TakeFile(String, Reply<()>),
    /// Where it lies.
    File(String, Reply<Sealed>),
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

    /// Offers a file to everyone who is in, once it lies sealed on the disk.
    ///
    /// # Errors
    /// Why it cannot be offered.
    pub(crate) async fn offer_file(&self, name: String, bytes: Vec<u8>) -> Result<FileId, Refused> {
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let (offer, place) = self.answer(|reply| Ask::DraftFile(name, size, reply)).await?;
        aside(move || place.fill(&bytes)).await?;
        let id = offer.id;
        self.answer(|reply| Ask::OfferFile(offer, reply)).await?;
        Ok(id)
    }

    /// Begins to fetch a file.
    ///
    /// # Errors
    /// Why it cannot be fetched.
    pub(crate) async fn take_file(&self, id: String) -> Result<(), Refused> {
        self.answer(|reply| Ask::TakeFile(id, reply)).await
    }

    /// A file that is here, opened.
    ///
    /// # Errors
    /// It is not here, or the disk refuses it.
    pub(crate) async fn file(&self, id: String) -> Result<wire::FileBytes, Refused> {
        let sealed = self.answer(|reply| Ask::File(id, reply)).await?;
        aside(move || sealed.open()).await
    }

    async fn answer<T>(&self, ask: impl FnOnce(Reply<T>) -> Ask) -> Result<T, Refused> {
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

/// Does what takes a while where it holds nobody up.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refused> + Send + 'static,
) -> Result<T, Refused> {
    let stopped = |_| {
        let next = "start conclave again";
        Refused::new(crate::http::Fault::Internal, "the program is being stopped", next)
    };
    tokio::task::spawn_blocking(work).await.map_err(stopped)?
}

pub(crate) use actor::{Inviter, Opening, open};
